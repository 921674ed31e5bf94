"""Provinces, cities and counties of the country, known without a gazetteer, whole or without last word."""

import re
from importlib.resources import files
from typing import NamedTuple

from geocoding.grammar import vocabulary as words
from geocoding.grammar.vocabulary import canonical


class Division(NamedTuple):
    """A division named at a place of a text. ``label``: province, city or district; ``whole``: with its
    last word (宁波市); ``common``: also without it hardly ever anything else (宁波, 乐清; not 和平)."""

    label: str
    end: int
    whole: bool
    common: bool


_CITY_TAIL = re.compile("市|地区|盟|(?:[\u4e00-\u9fff]{1,3}族){0,3}自治州|州(?!区)")
_PEOPLES = re.compile("(?:(?:[\u4e00-\u9fff]{1,4}族)+|各族)自治[县旗]$")
_OLDER = "|"


def _counties() -> dict[str, tuple[str, ...]]:
    """Names of county level, those of earlier states among them, with the provinces that have one so called,
    in short form."""
    text = (files("geocoding.grammar") / "counties.txt").read_text(encoding="utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        whole, *names = map(canonical, line.split())
        province = next(short for short in words.PROVINCES if whole.startswith(short))
        for name in names:
            known = found.get(name, ())
            if name != _OLDER and province not in known:
                found[name] = (*known, province)
    return found


PROVINCES_OF_COUNTIES = _counties()


def _table() -> dict[str, list[tuple[str, bool, bool]]]:
    found: dict[str, list[tuple[str, bool, bool]]] = {}

    def add(name: str, label: str, *, whole: bool, common: bool) -> None:
        entries = found.setdefault(name, [])
        if all(entry[0] != label for entry in entries):
            entries.append((label, whole, common))

    for name in words.PROVINCES:
        add(name, "province", whole=False, common=True)
        for tail in words.PROVINCE_TAILS:
            add(name + tail, "province", whole=True, common=True)
    for name in words.CITIES:
        whole = len(name) > 2 and name[-1] in "市州盟"
        add(name, "city", whole=whole, common=True)
        if not whole:
            add(name + "市", "city", whole=True, common=True)
    for name in words.PREFECTURES:
        add(name, "city", whole=True, common=True)
    for name in words.COUNTIES:
        whole = len(name) > 2 and name[-1] in "市县区"
        add(name, "district", whole=whole, common=True)
        for tail in "" if whole else "市县区":
            add(name + tail, "district", whole=True, common=True)
    for name in PROVINCES_OF_COUNTIES:
        add(name, "district", whole=True, common=True)
        bare = _PEOPLES.sub("", name)
        bare = bare if bare != name else name[:-1]
        if len(bare) >= 2 and bare not in found and bare[0] not in "市城":
            add(bare, "district", whole=False, common=False)
    return found


_TABLE = _table()
_LENGTHS: dict[str, tuple[int, ...]] = {}
for _name in _TABLE:
    _LENGTHS[_name[:2]] = tuple(sorted({*_LENGTHS.get(_name[:2], ()), len(_name)}, reverse=True))
DIVISIONS_BEGIN = frozenset(_LENGTHS)
"""The first two characters of all divisions."""


def divisions_at(text: str, start: int) -> list[Division]:
    """All divisions named from ``start`` on, the longest first."""
    found: list[Division] = []
    for length in _LENGTHS.get(text[start : start + 2], ()):
        for label, whole, common in _TABLE.get(text[start : start + length], ()):
            end = start + length
            if label == "city" and not whole:
                tail = _CITY_TAIL.match(text, end)
                if tail is not None:
                    found.append(Division(label, tail.end(), True, True))
            if end <= len(text):
                found.append(Division(label, end, whole, common))
    return found
