"""The numbered combinations of address elements, read from data; which one an address has."""

import os
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from geocoding.grammar.elements import Reading
from geocoding.grammar.lexicon import POINT, ROAD


@dataclass(frozen=True, slots=True)
class Combination:
    """One combination: its number, names, the kinds of element in order, model and resolution."""

    number: int
    name: str
    name_en: str
    pattern: tuple[frozenset[str], ...]
    model: str
    resolution: str


@lru_cache(maxsize=1)
def combinations() -> tuple[Combination, ...]:
    """The combinations of the package and those of the file ``WANMI_GEOCODE_COMBINATIONS`` names.

    A city's combination with a number of the package replaces it.
    """
    found = _parse((files("geocoding") / "combinations.toml").read_text(encoding="utf-8"))
    own = os.environ.get("WANMI_GEOCODE_COMBINATIONS")
    if own:
        found |= _parse(Path(own).read_text(encoding="utf-8"))
    return tuple(found[number] for number in sorted(found))


def _parse(text: str) -> dict[int, Combination]:
    return {
        item["number"]: Combination(
            item["number"],
            item["name"],
            item["name_en"],
            tuple(frozenset(kinds.split("|")) for kinds in item["pattern"]),
            item["model"],
            item["resolution"],
        )
        for item in tomllib.loads(text)["combination"]
    }  # fmt: skip


def signature(reading: Reading, kind: int) -> tuple[str, ...]:
    """The kinds of element that count for a combination, in order. ``kind``: of the base matched."""
    if reading.code:
        return ("component" if len(reading.code) == 16 else "grid",)
    parts: list[str] = []
    if reading.towns:
        parts.append("town")
    if reading.communities and reading.communities[-1] not in reading.bases:
        parts.append("community")
    if not reading.bases:
        return tuple(parts) or (("district",) if reading.districts else ())
    base = "road" if kind & ROAD else "organisation" if kind & POINT else "place"
    if base == "road" and len(reading.bases) > 1 and not reading.crossing and reading.number:
        parts.append("place")
    parts.append(base)
    if reading.number is None:
        if reading.crossing:
            parts.append("crossing")
        elif reading.point:
            parts.append("shop")
        return tuple(parts)
    parts.append(reading.number.unit)
    parts.extend(n.unit for n in reading.tail if n.unit in ("door", "building", "branch", "lane"))
    return tuple(parts)


def combination_of(parts: Sequence[str], known: Iterable[Combination] | None = None) -> Combination | None:
    """The combination that explains most of ``parts``: the longest whose elements occur in this order;
    among equals the one that reaches nearest to the end, then nearest to the front, then the lowest
    number."""
    best: Combination | None = None
    best_score = (0, 0)
    for combination in known if known is not None else combinations():
        at, first, last = 0, -1, -1
        for position, part in enumerate(parts):
            if at < len(combination.pattern) and part in combination.pattern[at]:
                first = position if first < 0 else first
                last = position
                at += 1
        if at == len(combination.pattern):
            score = (at, -first - 2 * (len(parts) - 1 - last))
            if score > best_score or best is None:
                best, best_score = combination, score
    return best
