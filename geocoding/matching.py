"""Whether two spellings mean one place, told from their readings alone, without any gazetteer.

``exact``: the second has all that the first tells; ``partial``: they share a road, an estate or
an organisation, but one says more or another number; ``none``: nothing that names a place is shared.
"""

from collections import Counter
from typing import Literal, NamedTuple

from geocoding.grammar.cores import core_of
from geocoding.grammar.elements import Reading
from geocoding.grammar.lexicon import Lexicon
from geocoding.grammar.reading import read

Agreement = Literal["exact", "partial", "none"]
ALIKE = 0.6
"""Share of character pairs from which two names of places are taken for one."""
SAME = 0.85
"""Share from which they are surely one."""
_NONE = Lexicon()
_ROADS = frozenset(("road", "near_road"))
_PLACES = frozenset(("estate", "point", "place", "village", "community", "rest"))
_AREAS = frozenset(("province", "city", "district"))


class _Named(NamedTuple):
    roads: tuple[str, ...]
    places: tuple[str, ...]
    areas: frozenset[str]
    door: tuple[int, str] | None
    buildings: frozenset[tuple[int, str]]
    text: str


def agreement(one: str, other: str) -> Agreement:
    """How far ``other`` tells the place that ``one`` asks for: ``exact`` only where it has all of its names,
    its door and its building. Texts without any name never agree."""
    a, b = _named(read(one, _NONE)), _named(read(other, _NONE))
    if _contradict(a.areas, b.areas):
        return "none"
    road = max((likeness(x, y) for x in a.roads for y in b.roads), default=0.0)
    place = max((likeness(x, y) for x in a.places for y in b.places), default=0.0)
    held = [_held(name, b.text) for name in a.places] + [_held(name, a.text) for name in b.places]
    place = max(place, *held, 0.0)
    other_road = bool(a.roads and b.roads) and road < ALIKE
    same_door = road >= SAME and a.door is not None and a.door == b.door
    if not same_door and (place < ALIKE or (other_road and place < SAME)):
        return "partial" if road >= SAME and not (a.places and b.places) else "none"
    if other_road or (a.places and b.places and place < ALIKE):
        return "partial"
    told = all(max((likeness(x, y) for y in b.places), default=_held(x, b.text)) >= ALIKE for x in a.places)
    missing = (a.door is not None and a.door != b.door) or bool(a.buildings - b.buildings)
    return "exact" if told and not missing and max(place, float(same_door)) >= SAME else "partial"


def likeness(one: str, other: str) -> float:
    """Share of the shorter name's character pairs that the other has, 0 to 1; words that many places
    end with (有限公司, 小区) count only where the rest is alike."""
    if one == other:
        return 1.0
    return min(_share(core_of(one), core_of(other)), 0.3 + _share(one, other))


def _share(one: str, other: str) -> float:
    if one == other:
        return 0.95
    a, b = _pairs(one), _pairs(other)
    fewer = min(a.total(), b.total())
    return (a & b).total() / fewer * (0.9 if fewer > 1 else 0.7) if fewer else 0.0


def _held(name: str, text: str) -> float:
    return 0.9 if len(name) >= 4 and name in text else 0.0


def _pairs(name: str) -> Counter[str]:
    return Counter(name[i : i + 2] for i in range(len(name) - 1))


def _named(reading: Reading) -> _Named:
    roads, places, areas = [], [], set()
    for element in reading.elements:
        if element.kind in _ROADS:
            roads.append(element.text)
        elif element.kind in _PLACES and len(element.text) >= 2:
            places.append(element.text)
        elif element.kind in _AREAS:
            areas.add(element.text.rstrip("省市区县"))
    numbers = [reading.number, *reading.tail] if reading.number else []
    buildings = frozenset((n.value, n.mark) for n in numbers if n.unit == "building")
    door = next(((n.value, n.mark) for n in numbers if n.unit in ("door", "lane")), None)
    return _Named(tuple(roads), tuple(places), frozenset(areas), door, buildings, reading.canonical)


def _contradict(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one and other) and not one & other and len(one) >= 2 and len(other) >= 2
