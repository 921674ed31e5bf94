"""The building, estate or organisation that an address names after its number: 东川路500号华景大厦3座."""

import re
from typing import NamedTuple

from geocoding.grammar import vocabulary as words
from geocoding.grammar.elements import Element, Number, Reading
from geocoding.grammar.structure import numbers_at


class House(NamedTuple):
    """``number`` counts the buildings of it, where one is told."""

    name: str
    number: Number | None


_NUMBERS = frozenset(("lane", "branch", "door", "building", "unit", "floor", "room", "group", "phase"))
_PLACES = frozenset(("point", "place", "estate", "village", "locality"))
_NO_HOUSE = re.compile(r"^.{1,4}店$|\d+(?:层|楼|号|室)")
"""A branch told in brackets (巴黎春天(天山店)), and what still holds a number of the house."""
_HAN = re.compile("[\u3400-\u9fff]{3,}")
_HAN_ONE = re.compile("[\u3400-\u9fff]")
_NO_NAME = re.compile(
    "(?:"
    + "|".join({re.escape(word) for word in (*words.ORGANISATION_SUFFIXES, *words.ESTATE_SUFFIXES, "停车场")})
    + ")+"
)
"""停车场, 幼儿园, 工地生活区: words for kinds of places are no names."""


def house_told(reading: Reading) -> House | None:
    """What stands whole between the number and the end, a bracket or the numbers of the house itself. None
    for what is only near (25号(菜场对面)), for parts of longer names, and for words for kinds of places."""
    elements = reading.elements
    numbered = False
    for i, element in enumerate(elements):
        if element.kind in _NUMBERS:
            numbered = True
            continue
        if not numbered:
            continue
        after = elements[i + 1] if i + 1 < len(elements) else None
        if element.kind == "joiner" and _HAN_ONE.search(element.text):
            return None  # (近12号桂林公园站)
        if not (_ends(elements[i - 1]) and (after is None or _ends(after))):
            continue
        if element.kind not in _PLACES and not (element.kind == "rest" and _has_buildings(after)):
            continue
        if (
            _NO_NAME.fullmatch(element.text)
            or _NO_HOUSE.search(element.text)
            or not _HAN.search(element.text)
        ):
            continue
        numbers, _ = numbers_at(reading.canonical, element.end)
        building = numbers[0][0] if numbers and numbers[0][0].unit == "building" else None
        return House(element.text, building)
    return None


def _ends(element: Element) -> bool:
    """Whether a name cannot go on past this element."""
    return element.kind in _NUMBERS or element.kind in ("mark", "chatter", "repeated")


def _has_buildings(after: Element | None) -> bool:
    return after is not None and after.kind == "building"
