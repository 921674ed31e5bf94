"""Which known names an address may mean: those it says, those like them, and the larger ones it names."""

from typing import NamedTuple

from geocoding.grammar.elements import Number, Reading
from geocoding.grammar.houses import house_told
from geocoding.grammar.lexicon import PLACE, POINT, ROAD
from geocoding.grammar.vocabulary import same_kind_names
from geocoding.index.entries import base_of, tail_of
from geocoding.index.gazetteer import Gazetteer

MAX_CLUSTERS = 12
MAX_SIMILAR = 6
WEAK_REASONS = frozenset(
    (
        "one_character",
        "missing_character",
        "extra_character",
        "inside",
        "larger_place",
        "series",
        "named_after",
        "alike",
    )
)
UNSURE_REASONS = WEAK_REASONS | {"part", "same_kind"}
"""Ways to a name that is not the one given."""
NEVER_ACCEPTED = UNSURE_REASONS | {"house"}
"""Ways to a place that somebody must look at first."""
OTHER_HAMLET = 0.15
"""What remains of a hamlet's name with one other character: 庆星村顾家宅 is not 庆星村张家宅."""
ALIKE = 0.8
"""Belief in a name that has all that is uncommon in the name said, in other words."""
_NUMBER_ELEMENTS = frozenset(
    ("lane", "branch", "door", "building", "unit", "floor", "room", "group", "phase", "bare")
)
_AREA_ELEMENTS = frozenset(("province", "city", "district", "town", "community", "repeated"))


class Target(NamedTuple):
    base: str
    base_id: int
    belief: float
    reason: str
    number: Number | None
    tail: str


def called(gazetteer: Gazetteer, reading: Reading) -> list[Target]:
    base, _, last = base_of(reading, gazetteer.names.lexicon)
    number, tail = reading.number, tail_of(reading)
    ids = gazetteer.bases.ids
    found: list[Target] = []

    def add(name: str, belief: float, reason: str) -> None:
        base_id = ids.get(name)
        if base_id and all(target.base_id != base_id for target in found):
            found.append(Target(name, base_id, belief, reason, number, tail))

    whole = _without_areas(reading)
    if whole != base and ids.get(whole):
        # A name that is made of other names: a stop called after a crossing, a shop after a road.
        return [Target(whole, ids[whole], 1.0, "same", None, "")]
    add(base, 1.0, "same")
    if base in gazetteer.aliases:
        alias = gazetteer.aliases[base]
        add(alias.base, 0.99, alias.status)
    for full in gazetteer.names.aliases.get(last, ()) if not found else ():
        parents = [name for name in reading.bases[:-1] if name in full]
        if full != base and (parents or base == last):
            if full.startswith(last + "(") or full.replace("(", "", 1) == last + ")":
                add(full, 0.85, "short_name")
            elif full.startswith(last) or full.endswith((last + ")", last + "店)")):
                add(full, 0.6, "named_after")
            else:
                add(full, 0.95 if parents else 0.6, "last_part")
    if not found and last != base and not any(name.endswith("村") for name in reading.bases[:-1]):
        add(last, 0.9, "same")
    for name in same_kind_names(last) if not found else ():
        add(name, 0.7, "same_kind")
    if reading.number is None and reading.point:
        add(reading.point, 1.0, "same")
        for full in gazetteer.names.aliases.get(reading.point, ()):
            add(full, 0.95 if base in full else 0.6, "short_name")
    return found


def _without_areas(reading: Reading) -> str:
    """The canonical text after the areas it begins with."""
    start = 0
    for element in reading.elements:
        if element.kind not in _AREA_ELEMENTS or element.start != start:
            break
        start = element.end
    return reading.canonical[start:]


def similar(
    gazetteer: Gazetteer, reading: Reading, seen: set[int], districts: frozenset[int], *, edits: bool
) -> list[Target]:
    """Names that sound or look like the one given; with ``edits`` also those one character away and
    known names inside it; of these, where there are many, rather those with a place in ``districts``."""
    base, _, last = base_of(reading, gazetteer.names.lexicon)
    number, tail = reading.number, tail_of(reading)
    ids = gazetteer.bases.ids
    found: list[Target] = []
    joined = "".join(reading.bases[-2:])
    names = (base, last, joined) if joined in reading.canonical else (base, last)
    for name in dict.fromkeys(names):
        similar = gazetteer.similar.find(name, edits=edits)
        if districts and len(similar) > MAX_SIMILAR:
            similar.sort(
                key=lambda one: one[2] in UNSURE_REASONS and _elsewhere(gazetteer, one[0], districts)
            )
        for other, belief, reason in similar[:MAX_SIMILAR]:
            base_id = ids.get(other)
            if base_id and base_id not in seen:
                seen.add(base_id)
                if base != last and reason in WEAK_REASONS:
                    belief *= OTHER_HAMLET
                found.append(Target(other, base_id, belief, reason, number, tail))
    for start in range(1, len(last) - 1 if edits else 0):
        inner = last[start:]
        base_id = ids.get(inner)
        if base_id and base_id not in seen and len(inner) >= 3:
            seen.add(base_id)
            found.append(Target(inner, base_id, 0.5, "inside", number, tail))
            break
    return found


def alike(gazetteer: Gazetteer, reading: Reading) -> list[Target]:
    """Places whose names share most of what is uncommon in the names that the address tells: in the last of
    them, in the house after the number, and in all that stands before it."""
    house = house_told(reading)
    asked = {
        reading.bases[-1]: (reading.number, tail_of(reading)),
        reading.point: (house.number if house is not None else None, ""),
        house.name if house is not None else "": (house.number if house is not None else None, ""),
        _named_part(reading): (reading.number, tail_of(reading)),
    }
    best: dict[str, Target] = {}
    for name, (number, tail) in asked.items():
        for other, likeness in gazetteer.alike.find(name) if name else ():
            base_id = gazetteer.bases.ids.get(other)
            if base_id and likeness > (best[other].belief if other in best else 0.0):
                best[other] = Target(other, base_id, likeness, "alike", number, tail)
    return [target._replace(belief=ALIKE * target.belief) for target in best.values()]


def _named_part(reading: Reading) -> str:
    """The canonical text between the areas and the first number."""
    text = _without_areas(reading)
    first = next((element for element in reading.elements if element.kind in _NUMBER_ELEMENTS), None)
    return text if first is None else text[: max(0, len(text) - len(reading.canonical) + first.start)]


def _elsewhere(gazetteer: Gazetteer, name: str, districts: frozenset[int]) -> bool:
    """Whether no place of that name lies in ``districts``."""
    base_id = gazetteer.bases.ids.get(name, 0)
    clusters = gazetteer.columns_of(base_id).clusters
    return not any(clusters[member].districts & districts for member in gazetteer.clusters_of(base_id))


def larger(gazetteer: Gazetteer, reading: Reading) -> list[Target]:
    """What else the address names when the place itself is not known: the village, the crossing road."""
    found: list[Target] = []
    ids = gazetteer.bases.ids
    near = (reading.crossing[1],) if reading.crossing else ()
    for name in (*reversed(reading.bases), *near, *reversed(reading.communities)):
        base_id = ids.get(name) if name != reading.bases[-1] else None
        if base_id:
            found.append(Target(name, base_id, 0.5, "larger_place", None, ""))
        for child in gazetteer.children.get(name, ())[:MAX_CLUSTERS]:
            found.append(Target(gazetteer.bases.texts[child], child, 0.3, "larger_place", None, ""))
        if found:
            break
    last = reading.bases[-1]
    for head, _ in gazetteer.names.lexicon.names_at(last, 0, ROAD | PLACE | POINT) if not found else ():
        # 鼓楼东街菜场: the market is not known, the street is.
        if len(head) < 3 or len(last) - len(head) < 2:
            continue
        known = (head, *gazetteer.names.aliases.get(head, ()))
        found = [Target(name, ids[name], 0.5, "larger_place", None, "") for name in known if ids.get(name)]
        if found:
            return found[:MAX_SIMILAR]
    return found
