"""Words by which the parts of an address are known, in the form ``canonical`` gives text."""

import os
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from geocoding.grammar.characters import fold
from geocoding.grammar.numerals import arabic

_LETTER_ONE = re.compile("(?<=[路街道巷])[LI](?=[0-9]{1,3}[弄号])")
"""l32弄, as reading machines write 132弄."""


def canonical(text: str) -> str:
    """The form all matching is done in: folded characters, Arabic numerals."""
    form = arabic(fold(text))
    return _LETTER_ONE.sub("1", form) if "L" in form or "I" in form else form


def _load() -> dict[str, Any]:
    """The words of the package, and those a city adds by the file ``WANMI_GEOCODE_WORDS`` names."""
    found = tomllib.loads((files("geocoding.grammar") / "words.toml").read_text(encoding="utf-8"))
    own = os.environ.get("WANMI_GEOCODE_WORDS")
    if own:
        for key, words in tomllib.loads(Path(own).read_text(encoding="utf-8")).items():
            if isinstance(words, dict):
                for relation, listed in words.items():
                    found[key][relation] = f"{found[key].get(relation, '')} {listed}"
            else:
                found[key] = f"{found.get(key, '')} {words}"
    return found


_WORDS = _load()


def _listed(key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(canonical(word) or word for word in _WORDS[key].split()))


ROAD_SUFFIXES = _listed("road_suffixes")
VILLAGE_SUFFIXES = _listed("village_suffixes")
ESTATE_SUFFIXES = _listed("estate_suffixes")
ORGANISATION_SUFFIXES = _listed("organisation_suffixes")
TOWN_SUFFIXES = _listed("town_suffixes")
COMMUNITY_SUFFIXES = _listed("community_suffixes")
DISTRICT_SUFFIXES = _listed("district_suffixes")
PROVINCES = frozenset(_listed("provinces"))
PROVINCE_TAILS = ("省", "壮族自治区", "回族自治区", "维吾尔自治区", "特别行政区", "自治区", "市")
CITIES = frozenset(_listed("cities"))
PREFECTURES = frozenset(_listed("prefectures"))
COUNTIES = frozenset(_listed("counties"))
CROSSING_WORDS = _listed("crossing_words")
JOINERS = tuple(_WORDS["joiners"].split())
BEFORE_WORDS = _listed("before_words")
AFTER_WORDS = _listed("after_words")
_KINDS = [
    tuple(dict.fromkeys(map(canonical, line.split()))) for line in _WORDS["same_kind"].strip().splitlines()
]
SAME_KIND: dict[str, tuple[str, ...]] = {word: group for group in _KINDS for word in group}
"""Words for one kind of place, which people take one for another: each with its group."""
_ENDS_IN_KIND = re.compile("(?:" + "|".join(sorted(map(re.escape, SAME_KIND), key=len, reverse=True)) + ")$")


def same_kind_names(name: str) -> list[str]:
    """``name`` with other words for the same kind of place at its end: 丹塘药房 for 丹塘药店."""
    hit = _ENDS_IN_KIND.search(name)
    if hit is None or hit.start() < 2:
        return []
    return [name[: hit.start()] + word for word in SAME_KIND[hit[0]] if word != hit[0]]


RELATIONS: dict[str, str] = {
    canonical(word): relation for relation, words in _WORDS["relations"].items() for word in words.split()
}
"""Words that put a thing in relation to the place before them: word to relation."""

BEARINGS = {"北": 0.0, "东北": 45.0, "东": 90.0, "东南": 135.0, "南": 180.0, "西南": 225.0, "西": 270.0}
BEARINGS["西北"] = 315.0
"""Clockwise from north, degrees."""
