"""Forward geocoding: from a reading to ranked candidates, each with its reasons.

Three questions, answered in turn: which names can be meant (``targets``), which of the places so
named (clusters, by district, town and number), and where in it the number lies (``locating``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import expm1, hypot
from typing import NamedTuple

import numpy as np

from geocoding.grammar.elements import Number, Reading
from geocoding.grammar.houses import House, house_told
from geocoding.grammar.leftovers import rest_told
from geocoding.grammar.lexicon import ROAD
from geocoding.grammar.reading import read
from geocoding.index.columns import Cluster
from geocoding.index.gazetteer import Gazetteer
from geocoding.locating import Location, locate
from geocoding.targets import (
    ALIKE,
    MAX_CLUSTERS,
    WEAK_REASONS,
    Target,
    alike,
    called,
    larger,
    similar,
)  # fmt: skip

SAME_PLACE_M = 300.0
"""Candidates nearer than this to the best one say the same."""
OTHER_DISTRICT, OTHER_TOWN, SUSPECT, SUSPECT_KNOWN = 0.03, 0.25, 0.05, 0.9
"""What remains of a candidate in another district or town than said, or of a lone far point."""
_KNOWN_LEVELS = frozenset(("door", "building", "lane"))
LITTLE = 0.1
"""Weight below which other names than the one given are looked at."""
BESIDE_STRONGER = 0.3
"""What remains of a name with another character beside one that sounds or looks the same."""
BY_THE_ROAD_M = 300.0
"""A place so far from the nearest door of the road it is said to be on has half its weight."""
HOUSE = 0.9
"""Belief in a building or an estate named after a number that is not known."""
NEAR_BY_M = 900.0
"""A place whose name is but like what was said after another one must lie so near to that."""
ROAD_OF_PLACE = 0.1
"""What remains of a road when the place asked for on it is known."""
PAST_M = 1_000.0
"""A number that would run so far past the end of its road counts half."""
NEAR_KM = 5.0
"""At this distance from the map centre a candidate counts a third."""


@dataclass(slots=True, frozen=True)
class Hints:
    """What else is known of the caller: district name, map centre (lon, lat)."""

    district: str = ""
    centre: tuple[float, float] | None = None


class Match(NamedTuple):
    """A candidate before calibration. ``base`` is the canonical name matched, ``reason`` how it was
    found (same, alias, former, homophone, look_alike, one_character, inside…), ``share`` its part of
    the evidence among all candidates."""

    location: Location
    base: str
    base_id: int
    cluster: int
    reason: str
    belief: float
    weight: float
    share: float
    district_ok: bool | None
    numbered: bool
    kind: int = 0


WHOLE = -2


@dataclass(slots=True, frozen=True)
class Hidden:
    """What the gazetteer must not use while it examines itself: a number of a base, some sources, or
    (``number`` ``WHOLE``) the base altogether."""

    base: int
    number: int
    sources: frozenset[int] = frozenset()


def district_ids(gazetteer: Gazetteer, names: Iterable[str]) -> frozenset[int]:
    """Area ids of district names, also written without 区, 县 or 市, and 浦东区 for 浦东新区."""
    found: set[int] = set()
    ids = gazetteer.areas.ids
    for name in names:
        forms = (name, name + "区", name + "县", name + "市", name + "新区", name.removesuffix("区") + "新区")
        for form in forms:
            if form in ids and form:
                found.add(ids[form])
                break
    return frozenset(found - {0})


def districts_said(gazetteer: Gazetteer, reading: Reading) -> frozenset[int]:
    """Area ids of the districts an address tells; a place before its road that is called like one
    (徐汇桂林西街) is the district."""
    said = district_ids(gazetteer, reading.districts)
    if said or not reading.elements or reading.elements[0].kind != "locality":
        return said
    return district_ids(gazetteer, (reading.elements[0].text,))


def matches(
    gazetteer: Gazetteer, reading: Reading, hints: Hints, hidden: Hidden | None = None
) -> list[Match]:
    """Candidates of ``reading``, best first; empty when nothing known is named."""
    if not reading.bases:
        return []
    said = districts_said(gazetteer, reading)
    hinted = district_ids(gazetteer, (hints.district,)) if hints.district else frozenset()
    districts = said or hinted
    towns = frozenset(gazetteer.areas.ids[name] for name in reading.towns if name in gazetteer.areas.ids)
    found: list[Match] = []
    targets = called(gazetteer, reading)
    for target in targets:
        _place(gazetteer, target, districts, towns, hints, hidden, found)
    if reading.number is None and reading.point:
        found = _by_what_stands_before(gazetteer, reading, found)
    elif found and (rest := rest_told(reading)):
        found = _with_rest(gazetteer, rest, districts, hints, found)
    if reading.number is not None and (house := house_told(reading)) is not None:
        found = _by_house(gazetteer, house, districts, towns, hints, found)
    best = _best_weight(found)
    if best < LITTLE:
        seen = {target.base_id for target in targets}
        like = similar(gazetteer, reading, seen, districts, edits=best == 0.0)
        for target in like:
            if target.reason not in WEAK_REASONS:
                _place(gazetteer, target, districts, towns, hints, hidden, found)
        rivalled = BESIDE_STRONGER if _best_weight(found) >= LITTLE else 1.0
        for target in like:
            if target.reason in WEAK_REASONS:
                weaker = target._replace(belief=target.belief * rivalled)
                _place(gazetteer, weaker, districts, towns, hints, hidden, found)
        if _best_weight(found) < LITTLE:
            for target in alike(gazetteer, reading):
                _place(gazetteer, target, districts, towns, hints, hidden, found)
        for target in larger(gazetteer, reading):
            _place(gazetteer, target, districts, towns, hints, hidden, found)
    return _shared_out(found)


def _best_weight(found: list[Match]) -> float:
    """Weight of the best match that is not in another district than said."""
    return max((match.weight for match in found if match.district_ok is not False), default=0.0)


def _registered(match: Match) -> bool:
    return match.location.level in _KNOWN_LEVELS and match.district_ok is not False


def _by_house(
    gazetteer: Gazetteer, house: House, districts: frozenset[int], towns: frozenset[int], hints: Hints,
    by_number: list[Match],
) -> list[Match]:  # fmt: skip
    """What the building or estate named after a number adds. Where the number is registered, and twice, it
    tells which, if it is near either; where it is not, the house itself is a candidate, but one far from
    where the number would be is another of that name."""
    base_id = gazetteer.bases.ids.get(house.name)
    registered = [match for match in by_number if _registered(match)]
    if not base_id or len(registered) == 1:
        return by_number
    found: list[Match] = []
    target = Target(house.name, base_id, HOUSE, "house", house.number, "")
    _place(gazetteer, target, districts, towns, hints, None, found)
    if registered:
        nearest = min(_off(match, found) for match in registered) if found else 1.0
        if nearest >= 1.0:
            return by_number
        return [match._replace(weight=match.weight / (1.0 + _off(match, found))) for match in by_number]
    return [*by_number, *(m._replace(weight=m.weight / (1.0 + _off(m, by_number))) for m in found)]


def _off(match: Match, others: list[Match]) -> float:
    """How far a match is from the nearest of others, in ``BY_THE_ROAD_M``, squared; 0 without others."""
    here = match.location
    away = [hypot(here.x - other.location.x, here.y - other.location.y) for other in others]
    return (min(away) / BY_THE_ROAD_M) ** 2 if away else 0.0


def _place(
    gazetteer: Gazetteer, target: Target, districts: frozenset[int], towns: frozenset[int], hints: Hints,
    hidden: Hidden | None, found: list[Match],
) -> None:  # fmt: skip
    """Add a match for each place named ``target.base``."""
    if hidden is not None and hidden.base == target.base_id and hidden.number == WHOLE:
        return
    columns = gazetteer.columns_of(target.base_id)
    members = gazetteer.clusters_of(target.base_id)
    clusters = columns.clusters
    if len(members) > MAX_CLUSTERS:
        members = tuple(
            sorted(
                members,
                key=lambda m: (not clusters[m].districts & districts, clusters[m].start - clusters[m].end),
            )
        )[:MAX_CLUSTERS]
    hide = hidden.number if hidden is not None and hidden.base == target.base_id else -1
    without = hidden.sources if hidden is not None and hidden.base == target.base_id else frozenset()
    for member in members:
        cluster = clusters[member]
        weight = target.belief
        agrees: bool | None = None
        if districts:
            if cluster.districts:
                agrees = bool(cluster.districts & districts)
                weight *= 1.0 if agrees else OTHER_DISTRICT
            else:
                weight *= 0.6
        if towns and cluster.towns and not cluster.towns & towns:
            weight *= OTHER_TOWN
        if agrees is False and target.reason in WEAK_REASONS:
            continue
        if weight < 1e-4:
            continue
        if without and all(columns.source[row] in without for row in range(cluster.start, cluster.end)):
            continue
        location = locate(
            columns,
            cluster,
            target.number,
            target.tail,
            gazetteer.quality,
            hidden=hide,
            without_sources=without,
        )
        if hide >= 0 and not location.rows and cluster.end - cluster.start <= 2 and target.number is not None:
            continue
        if cluster.suspect:
            # The register says so, and nothing near bears it out: answer it, but not as sure.
            weight *= SUSPECT_KNOWN if location.level in _KNOWN_LEVELS else SUSPECT
        weight *= _fitness(location, target.number, cluster, gazetteer.base_kinds.get(target.base_id, 0))
        if hints.centre is not None:
            x, y = columns.plane.metres(*hints.centre)
            away = hypot(location.x - x, location.y - y) / 1000.0
            weight *= 0.3 + 0.7 / (1.0 + (away / NEAR_KM) ** 2)
        numbered = target.number is not None
        match = Match(
            location=location,
            base=target.base,
            base_id=target.base_id,
            cluster=member,
            reason=target.reason,
            belief=target.belief,
            weight=weight,
            share=0.0,
            district_ok=agrees,
            numbered=numbered,
            kind=gazetteer.base_kinds.get(target.base_id, 0),
        )
        found.append(match)
        rival = location.rival
        if rival is not None:
            found.append(match._replace(location=rival, weight=weight * min(rival.say / location.say, 1.0)))


def _by_what_stands_before(gazetteer: Gazetteer, reading: Reading, found: list[Match]) -> list[Match]:
    """What is asked for by a road or a place and a name: the places so named, those by it before others; the
    road or place itself then says no more than where to look."""
    called = {reading.point, *gazetteer.names.aliases.get(reading.point, ())}
    points = [match for match in found if match.base in called]
    before = [match for match in found if match.base not in called]
    if not before:
        # Of the road that is told nothing is known: another place of the name may be meant.
        return [match._replace(reason="house", belief=HOUSE * match.belief) for match in points]
    if not points:
        return before
    near = [
        match._replace(weight=match.weight / (1.0 + (away_m / BY_THE_ROAD_M) ** 2))
        for match, away_m in zip(points, _away_m(gazetteer, points, before), strict=True)
    ]
    return [*near, *_only_where_to_look(before)]


def _only_where_to_look(found: list[Match]) -> list[Match]:
    return [match._replace(weight=match.weight * ROAD_OF_PLACE, reason="larger_place") for match in found]


def _away_m(gazetteer: Gazetteer, found: list[Match], others: list[Match]) -> list[float]:
    """How far each place is from the nearest entry of other ones."""
    xs, ys = [], []
    for match in others:
        columns = gazetteer.columns_of(match.base_id)
        cluster = columns.clusters[match.cluster]
        xs.append(np.asarray(columns.x[cluster.start : cluster.end]))
        ys.append(np.asarray(columns.y[cluster.start : cluster.end]))
    x, y = np.concatenate(xs), np.concatenate(ys)
    return [float(np.hypot(x - match.location.x, y - match.location.y).min()) for match in found]


def _with_rest(
    gazetteer: Gazetteer, rest: str, districts: frozenset[int], hints: Hints, found: list[Match]
) -> list[Match]:
    """Places near what was found whose names are like the words said after it; what was found says no more
    than where to look, and is all there is where nothing near is so called."""
    ids = gazetteer.bases.ids
    beliefs: dict[str, tuple[float, str]] = {}
    for name, belief, reason in (
        (rest, 1.0, "same"),
        *((full, 0.95, "short_name") for full in gazetteer.names.aliases.get(rest, ())),
        *((name, ALIKE * likeness, "alike") for name, likeness in gazetteer.alike.called(rest)),
    ):
        if ids.get(name) and name not in beliefs:
            beliefs[name] = (belief, reason)
    near: list[Match] = []
    for name, (belief, reason) in beliefs.items():
        _place(
            gazetteer, Target(name, ids[name], belief, reason, None, ""), districts, frozenset(), hints, None,
            near,
        )  # fmt: skip
    if near:
        near = [
            match._replace(weight=match.weight / (1.0 + (away_m / BY_THE_ROAD_M) ** 2))
            for match, away_m in zip(near, _away_m(gazetteer, near, found), strict=True)
            if away_m <= NEAR_BY_M
        ]
    return (
        [*near, *_only_where_to_look(found)] if near else [m._replace(reason="larger_place") for m in found]
    )


def _fitness(location: Location, number: Number | None, cluster: Cluster, kind: int) -> float:
    """How well the place explains the number: a known door best, a number far beyond its doors least."""
    if number is None:
        return 1.0
    if location.level in ("door", "lane", "building"):
        return 1.0
    size = cluster.end - cluster.start
    if location.level == "interpolated":
        inside = 0.75 if location.why == "between" else 0.5 / (1.0 + location.features[3] / 6.0)
        if location.why == "traced":
            inside /= 1.0 + expm1(location.features[4]) / PAST_M
        return inside * (1.0 - 0.5 / size)
    return 0.15 if kind & ROAD else 0.45


def _shared_out(found: list[Match]) -> list[Match]:
    """Order by weight, join candidates of one place, and give each its share of the evidence."""
    found.sort(key=lambda match: (-match.weight, match.cluster))
    kept: list[Match] = []
    for match in found:
        for i, other in enumerate(kept):
            here, there = match.location, other.location
            if hypot(here.x - there.x, here.y - there.y) <= SAME_PLACE_M:
                if match.base_id != other.base_id:
                    kept[i] = other._replace(weight=other.weight + 0.5 * match.weight)
                break
        else:
            kept.append(match)
    total = sum(match.weight for match in kept) or 1.0
    return [match._replace(share=match.weight / total) for match in kept]


def read_address(gazetteer: Gazetteer, text: str) -> Reading:
    """The reading of ``text`` with the names of this gazetteer."""
    return read(text, gazetteer.names.lexicon)
