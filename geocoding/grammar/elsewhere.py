"""Whether an address tells of another city: of 江苏省南京市秦淮区中山南路315号 a gazetteer of Shanghai has a
road and a number of that name, and must not say so.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from geocoding.grammar.divisions import PROVINCES_OF_COUNTIES
from geocoding.grammar.elements import Element, Reading
from geocoding.grammar.lexicon import DISTRICT, TOWN, Lexicon

MUNICIPALITIES = frozenset(("北京", "天津", "上海", "重庆"))
_ENDS = ("省", "市", "自治区", "特别行政区", "自治州", "地区", "盟")
_LARGE = frozenset(("province", "city"))
_AREAS = _LARGE | {"district", "town"}


class Home(NamedTuple):
    """Where the gazetteer's city lies: its province, by the districts it has, and its names where they are
    known. All empty for a city that is not in the country's list."""

    province: str = ""
    cities: frozenset[str] = frozenset()


class Outside(NamedTuple):
    """The areas of an address that are not the city's. ``sure``: it lies elsewhere; else a district is told
    that the city does not have, which may be one of its former ones, or misread."""

    text: str
    sure: bool


def home_of(districts: Iterable[str], cities: Iterable[str]) -> Home:
    """``districts``: canonical names of the city's districts, the province being that of most of them."""
    votes: defaultdict[str, float] = defaultdict(float)
    for district in districts:
        provinces = PROVINCES_OF_COUNTIES.get(district, ())
        for province in provinces:
            votes[province] += 1.0 / len(provinces)
    if not votes:
        return Home()
    province = max(votes, key=lambda name: (votes[name], name))
    names = frozenset(map(_stem, cities)) or (frozenset((province,)) & MUNICIPALITIES)
    return Home(province, names)


def told_outside(reading: Reading, home: Home, lexicon: Lexicon) -> Outside | None:
    """What an address says of where it lies, if that is not in the city; None for all others, and wherever
    the city is not known."""
    if not home.province:
        return None
    told = [
        element
        for element, following in pairwise((*reading.elements, None))
        if element is not None and element.kind in _LARGE and _is_told(element, following)
    ]
    away = [element for element in told if not _is_home(element, home)]
    areas = [element for element in reading.elements if element in told or element.kind == "district"]
    own = any(_stem(area.text) in home.cities for area in areas)
    if away and not own:
        # Of a city and a district of which one is ours either may be meant.
        sure = not any(_is_known(name, lexicon) for name in reading.districts)
        return Outside("".join(dict.fromkeys(element.text for element in areas)), sure)
    for name in () if own else reading.districts:
        provinces = {province for form in _forms(name) for province in PROVINCES_OF_COUNTIES.get(form, ())}
        if not _is_known(name, lexicon) and home.province not in provinces:
            return Outside(name, sure=False)
    return None


def _forms(name: str) -> tuple[str, ...]:
    """A district as it is told, and with the last word that may have been left out."""
    return name, name + "区", name + "县", name + "市", name + "新区"


def _is_known(district: str, lexicon: Lexicon) -> bool:
    return any(lexicon.kinds.get(form, 0) & DISTRICT for form in _forms(district))


def town_unknown(reading: Reading, lexicon: Lexicon) -> bool:
    """Whether the city has none of the towns and street offices that are told."""
    return bool(reading.towns) and not any(lexicon.kinds.get(name, 0) & TOWN for name in reading.towns)


def _is_told(element: Element, following: Element | None) -> bool:
    """Whether a province or a city is meant: whole, or before another area (上海松江区); 兰州拉面 is none."""
    return element.text.endswith(_ENDS) or (following is not None and following.kind in _AREAS)


def _is_home(element: Element, home: Home) -> bool:
    stem = _stem(element.text)
    if element.kind == "province":
        return stem == home.province or stem in home.cities
    return not home.cities or stem in home.cities


def _stem(name: str) -> str:
    for tail in ("特别行政区", "壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "省", "市"):
        if name.endswith(tail) and len(name) > len(tail) + 1:
            return name.removesuffix(tail)
    return name
