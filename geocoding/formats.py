"""Answers as JSON members, and as GeocodeJSON (geocoding/geocodejson-spec 0.1.0) for existing clients."""

from dataclasses import fields
from typing import Any

from geocoding.answers import REASON, WHY, Answer, Candidate, explain
from geocoding.reverse import Described

_TYPES = {
    "building": "house", "door": "house", "lane": "house", "interpolated": "house", "place": "locality",
    "road": "street", "crossing": "street", "grid": "locality", "component": "house", "area": "district",
}  # fmt: skip
_CANDIDATE_FIELDS = tuple(field.name for field in fields(Candidate))
_DESCRIBED_FIELDS = tuple(field.name for field in fields(Described))


def answer_members(answer: Answer, language: str) -> dict[str, Any]:
    """An answer with its explanation, texts in ``language``."""
    combination = answer.combination
    english = language.lower().startswith("en")
    return {
        "text": answer.text,
        "status": answer.status,
        "combination": {
            "number": combination.number,
            "name": combination.name_en if english else combination.name,
            "model": combination.model,
        }
        if combination
        else None,
        "reading": explain(answer),
        "candidates": [_candidate_members(candidate, language) for candidate in answer.candidates],
    }


def _candidate_members(candidate: Candidate, language: str) -> dict[str, Any]:
    # All fields are plain values: asdict would copy each of them deeply, at four times the cost.
    members = {name: getattr(candidate, name) for name in _CANDIDATE_FIELDS}
    members["reason_text"] = REASON[candidate.reason].in_language(language)
    members["why_text"] = WHY[candidate.why].in_language(language)
    return members


def geocodejson(answer: Answer, attribution: str = "") -> dict[str, Any]:
    """A FeatureCollection of the candidates; ``accuracy`` is the expected error in metres."""
    return {
        "type": "FeatureCollection",
        "geocoding": {"version": "0.1.0", "attribution": attribution, "query": answer.text},
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [c.lon, c.lat]},
                "properties": {
                    "geocoding": {
                        "type": _TYPES[c.level],
                        "accuracy": round(c.error_m),
                        "label": c.matched,
                        "name": c.matched,
                        "district": c.district,
                        "locality": c.community or c.street,
                        "confidence": c.confidence,
                        "level": c.level,
                    }
                },
            }
            for c in answer.candidates
        ],
    }


def described_members(described: Described) -> dict[str, Any]:
    """What is said of a point, member by member."""
    return {name: getattr(described, name) for name in _DESCRIBED_FIELDS}
