"""The rules of the table, each through its versions and through the shapes that its zones had.

A fix is judged by the version and by the zones that were in force at its own time, as they were on record
then: moving a zone changes nothing about yesterday, and what comes late from yesterday is judged by
yesterday's zone.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psycopg
import shapely

from tracking.clock import micros_of
from tracking.rules.definitions import RuleDefinition
from tracking.rules.live import TIMED, LiveRule, RuleLine
from tracking.rules.places import Places
from tracking.rules.roads import RoadLimits, load_road_limits
from tracking.rules.way import NEVER
from tracking.sql import QUERIES

FOREVER = int(np.iinfo(np.int64).max)
NEEDS_ZONES = frozenset({"left_city", "forbidden_zone", "off_route"})
"""Kinds that are about nothing while none of their zones is in force."""


class Shape(NamedTuple):
    """A zone, area or route as it was from ``since_us`` until ``until_us``."""

    since_us: int
    until_us: int
    wkb: bytes


_places: dict[tuple[Any, ...], Places] = {}
"""Of the rules as last read: their shapes are worked out once, not whenever a device or a turn changes."""


def _places_of(found: Sequence[bytes], roads: RoadLimits | None, limit: dict[str, float]) -> Places:
    key = (tuple(found), id(roads), tuple(limit.items()))
    made = _places.get(key)
    if made is None:
        array = shapely.from_wkb(np.array(found, dtype=object))
        made = _places[key] = Places(np.atleast_1d(array), [dict(limit) for _ in found], roads)
    return made


def load_rules(connection: psycopg.Connection[Any]) -> tuple[RuleLine, ...]:
    """The rules of the table with their versions; one that has been disabled stays, to end its episodes."""
    shapes = _load_shapes(connection)
    rows = connection.execute(QUERIES["alert_rules"]).fetchall()
    lines = (
        RuleLine(list(_versions(connection, list(group), shapes)))
        for _, group in groupby(rows, key=lambda row: row[0])
    )
    loaded = tuple(line for line in lines if any(one.definition.enabled for one in line.versions))
    used = {id(one.places) for line in loaded for one in line.versions}
    for key in [key for key, places in _places.items() if id(places) not in used]:
        del _places[key]
    return loaded


def _load_shapes(connection: psycopg.Connection[Any]) -> dict[str, list[Shape]]:
    """By code."""
    found: dict[str, list[Shape]] = defaultdict(list)
    for code, since, until, wkb in connection.execute(QUERIES["rule_shapes"]):
        shape = Shape(
            NEVER if since is None else micros_of(since),
            FOREVER if until is None else micros_of(until),
            bytes(wkb),
        )
        if shape.since_us < shape.until_us:
            found[code].append(shape)
    return found


def _versions(
    connection: psycopg.Connection[Any], rows: Sequence[Any], shapes: dict[str, list[Shape]]
) -> Iterator[LiveRule]:
    """A version of the table is one for each set of shapes that it was in force with."""
    sinces = [micros_of(row[2]) for row in rows]
    for number, (key, version, _, kinds, org_units, area, definition, codes) in enumerate(rows):
        rule = msgspec.structs.replace(
            msgspec.json.decode(definition, type=RuleDefinition), key=key, version=version
        )
        # The first holds for older fixes as well.
        begins = sinces[number] if number else NEVER
        ends = sinces[number + 1] if number + 1 < len(rows) else FOREVER
        roads = None
        if rule.kind == "speeding" and rule.enabled:
            roads = load_road_limits(connection, rule.road_limits)
        limit = {"limit_kmh": rule.zone_limit_kmh} if rule.kind == "speeding" else {}
        for since, until, found in _spans([one for code in codes for one in shapes.get(code, [])]):
            if since >= ends or until <= begins:
                continue
            told = rule
            if rule.kind in NEEDS_ZONES and not found:
                told = msgspec.structs.replace(rule, enabled=False)
            in_force = max(since, begins)
            if in_force == NEVER and told.enabled:
                in_force = sinces[0]  # nothing that lasts counts from before
            made = TIMED.get(rule.kind, LiveRule)(
                told,
                _places_of(found, roads, limit),
                frozenset(kinds),
                frozenset(org_units),
                area,
                since_us=in_force,
            )
            if told is not rule:
                made.ended_by = "zone_ended"
            yield made


def _spans(shapes: Sequence[Shape]) -> Iterator[tuple[int, int, list[bytes]]]:
    """Time from end to end, in pieces in which the same shapes are in force."""
    moments = sorted({NEVER, FOREVER, *(one.since_us for one in shapes), *(one.until_us for one in shapes)})
    pieces: list[tuple[int, int, list[bytes]]] = []
    for since, until in pairwise(moments):
        found = sorted(one.wkb for one in shapes if one.since_us <= since and until <= one.until_us)
        if pieces and pieces[-1][2] == found:
            pieces[-1] = (pieces[-1][0], until, found)
        else:
            pieces.append((since, until, found))
    yield from pieces


def changed_since_us(before: Sequence[Any], after: Sequence[Any], now_us: int) -> int | None:
    """The earliest moment from which on a version is in force now that was not known before; None: nothing
    is new."""
    known = {_version(one) for line in before if isinstance(line, RuleLine) for one in line.versions}
    new = [
        one.since_us
        for line in after
        if isinstance(line, RuleLine)
        for one in line.versions
        if one.since_us <= now_us and _version(one) not in known
    ]
    return min(new, default=None)


def _version(rule: LiveRule) -> tuple[Any, ...]:
    shapes = tuple(shapely.to_wkb(rule.places.shapes).tolist())
    return (rule.key, msgspec.json.encode(rule.definition), rule.since_us, shapes)
