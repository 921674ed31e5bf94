"""Alert "gathering": at least ``count`` units of the rule's groups in one place for ``after_s``, each within
``radius_m`` of the next. One episode a gathering, told of one unit in it; the others stand in its evidence.

It is looked at every ``TICK_US`` of time, over the last place of each unit until then, if that is fresh. So
what it says follows from the set of fixes, live, late and over a file alike. A gathering goes on from tick to
tick in the group that shares most units with it, and is told of the unit that had the lowest number when it
began, even when that one leaves.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from tracking.batch import FixBatch
from tracking.directory import FOREVER_US, Directory
from tracking.rules.base import Change, Judgement, Last, Remembered, Scene
from tracking.rules.definitions import as_evidence
from tracking.rules.hysteresis import Episode, Point
from tracking.rules.live import LiveRule

TICK_US = 30_000_000
FRESH_PERIODS = 3.0
"""A place counts while the unit is online: so many of its own periods …"""
FRESH_S = 120.0
"""… but at least this."""
MOST_TOLD = 50
DENSE = 32
"""From so many units in one cell on they are compared cell by cell, not two by two."""
EARTH_M = 6_371_008.8


class Gathering(LiveRule):
    """Whom a version of the rule is about. Nothing follows from the fixes of one device."""

    corrected = False

    def judge(self, fixes: FixBatch, scene: Scene, states: Any) -> Judgement:
        """Nothing."""
        return Judgement()

    def wake(self, now_us: int, scene: Scene, states: Any, last: Last) -> Judgement:
        """Nothing: it is followed tick by tick."""
        return Judgement()

    def fresh_us(self, device_ids: NDArray[np.int32], directory: Directory) -> NDArray[np.int64]:
        """How long a place of each device counts."""
        _, period_s = self._roll_of(directory)
        return patience_us(period_s[np.minimum(device_ids, len(period_s) - 1)])

    def of(self, units: "Units", directory: Directory) -> "Units":
        """Those that the rule is about."""
        concerned, _ = self._roll_of(directory)
        known = units.device_id < len(concerned)
        return units.take(known & concerned[np.where(known, units.device_id, 0)])


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Where units are at a moment, by device, degrees."""

    device_id: NDArray[np.int32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Units":
        return Units(self.device_id[rows], self.lon[rows], self.lat[rows])

    def __len__(self) -> int:
        return len(self.device_id)


NOBODY = Units(np.zeros(0, dtype=np.int32), np.zeros(0), np.zeros(0))


class Group(msgspec.Struct, frozen=True, omit_defaults=True):
    """A gathering, or the suspicion of one, after a tick; ready for JSON. Points: tick, centre, units."""

    leader: int
    first: Point
    last: Point
    worst: float
    members: tuple[int, ...]
    written: Point | None = None
    """``last`` as the alert shows it."""

    @property
    def remembered(self) -> Remembered:
        """As the memory of a rule about the leader would say it."""
        opened = self.written is not None
        return Remembered(Episode(first=self.first, last=self.last, opened=opened, written=self.written))


def patience_us(period_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """How long a place counts."""
    return (np.maximum(FRESH_S, FRESH_PERIODS * period_s) * 1e6).astype(np.int64)


def places_by_tick(
    device_id: NDArray[np.int32],
    time_us: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    fresh_us: NDArray[np.int64],
    *,
    after_us: int,
    until_us: int,
) -> Iterator[tuple[int, Units]]:
    """The ticks in (after_us, until_us] at which somebody's place is fresh. Fixes are ordered by device and
    time; ``fresh_us``: how long the place of each counts if no other follows."""
    if not len(device_id):
        return
    following = np.where(device_id[1:] == device_id[:-1], time_us[1:], FOREVER_US)
    until = np.minimum(np.append(following, FOREVER_US), time_us + fresh_us + 1)
    first = np.maximum(-(-time_us // TICK_US), after_us // TICK_US + 1)
    last = np.minimum((until - 1) // TICK_US, until_us // TICK_US)
    counts = np.maximum(last - first + 1, 0)
    if not counts.any():
        return
    rows = np.repeat(np.arange(len(device_id)), counts)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    ticks = first[rows] + nth
    order = np.argsort(ticks, kind="stable")
    rows, ticks = rows[order], ticks[order]
    moments, starts = np.unique(ticks, return_index=True)
    for moment, start, end in zip(
        moments.tolist(), starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True
    ):
        here = rows[start:end]
        yield moment * TICK_US, Units(device_id[here], lon[here], lat[here])


def advance(
    rule: LiveRule, tick_us: int, units: Units, groups: Sequence[Group], directory: Directory
) -> tuple[tuple[Group, ...], list[Change]]:
    """The gatherings after one more tick. ``units``: those that the rule is about, by device."""
    definition = rule.definition
    if not definition.enabled:
        return (), [_close(rule, group, rule.since_us, rule.ended_by) for group in groups if group.written]
    if not definition.schedule.always and not definition.schedule.holds(np.array([tick_us]))[0]:
        return (), [_over(rule, group) for group in groups if group.written]
    found = clusters(units, definition.radius_m, definition.count)
    going_on = _match(found, units, groups)
    taken = {group.leader for group in groups if group in going_on.values()}
    changes = [
        _close(rule, group, tick_us, "returned")
        for group in groups
        if group.written and group.leader not in taken
    ]
    after: list[Group] = []
    for number, rows in enumerate(found):
        members = tuple(units.device_id[rows].tolist())
        before = going_on.get(number)
        leader = before.leader if before else next((one for one in members if one not in taken), members[0])
        taken.add(leader)
        after.append(_meet(rule, tick_us, leader, units.take(rows), before, changes, directory))
    return tuple(sorted(after, key=lambda group: group.leader)), changes


def clusters(units: Units, radius_m: float, count: int) -> list[NDArray[np.intp]]:
    """Units that are chained by steps of at most the radius; large enough ones, by their first unit."""
    if len(units) < count:
        return []
    lon, lat = np.radians(units.lon), np.radians(units.lat)
    flat = np.cos(lat)
    points = EARTH_M * np.column_stack((flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)))
    # Units in one cell are near each other whatever their places in it.
    cells = np.floor(points / (radius_m / np.sqrt(3))).astype(np.int64)
    _, firsts, cell, sizes = np.unique(
        cells, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    cell = cell.reshape(-1)
    sparse = np.flatnonzero(sizes[cell] <= DENSE)
    links = [np.column_stack((np.arange(len(units)), firsts[cell]))]
    if len(sparse) > 1:
        links.append(sparse[cKDTree(points[sparse]).query_pairs(radius_m, output_type="ndarray")])
    for dense in np.flatnonzero(sizes > DENSE).tolist():
        inside = np.flatnonzero(cell == dense)
        low, high = points[inside].min(axis=0) - radius_m, points[inside].max(axis=0) + radius_m
        around = np.flatnonzero(np.all((points >= low) & (points <= high), axis=1) & (cell != dense))
        away, _ = cKDTree(points[inside]).query(points[around], distance_upper_bound=radius_m)
        near = around[np.isfinite(away)]
        links.append(np.column_stack((near, np.full(len(near), firsts[dense]))))
    pairs = np.concatenate(links)
    graph = coo_array(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(units), len(units))
    )
    number, group = connected_components(graph, directed=False)
    large = np.flatnonzero(np.bincount(group, minlength=number) >= count)
    return sorted((np.flatnonzero(group == one) for one in large.tolist()), key=lambda rows: int(rows[0]))


def _match(found: Sequence[NDArray[np.intp]], units: Units, groups: Sequence[Group]) -> dict[int, Group]:
    """Which group goes on in which cluster: those that share most units first, then the oldest."""
    shares = []
    for number, rows in enumerate(found):
        members = set(units.device_id[rows].tolist())
        for group in groups:
            shared = len(members.intersection(group.members))
            if shared:
                shares.append((-shared, group.first[0], group.leader, number, group))
    going_on: dict[int, Group] = {}
    used: set[int] = set()
    for _, _, leader, number, group in sorted(shares, key=lambda share: share[:4]):
        if number not in going_on and leader not in used:
            going_on[number] = group
            used.add(leader)
    return going_on


def _meet(
    rule: LiveRule,
    tick_us: int,
    leader: int,
    units: Units,
    before: Group | None,
    changes: list[Change],
    directory: Directory,
) -> Group:
    definition = rule.definition
    centre = (round(float(units.lon.mean()), 7), round(float(units.lat.mean()), 7))
    point: Point = (tick_us, *centre, float(len(units)))
    first = before.first if before else point
    worst = max(before.worst if before else 0.0, point[3])
    written = before.written if before else None
    every = max(round(definition.pace.update_every_s * 1e6), TICK_US)
    opens = written is None and tick_us - first[0] >= definition.after_s * 1e6
    updates = written is not None and (
        tick_us // every != (tick_us - TICK_US) // every or (before and before.last[3] != point[3])
    )
    group = Group(
        leader,
        first,
        point,
        worst,
        tuple(units.device_id.tolist()),
        point if opens or updates else written,
    )
    if opens:
        told = {"rule": as_evidence(definition), "fixes": _places(units, tick_us, directory)}
        changes.append(_tell("open", rule, group, {**told, **_who(units, directory)}))
    elif updates:
        changes.append(_tell("update", rule, group, _who(units, directory)))
    return group


def _places(units: Units, tick_us: int, directory: Directory) -> list[dict[str, Any]]:
    columns = zip(units.device_id.tolist(), units.lon.tolist(), units.lat.tolist(), strict=True)
    return [
        {"time": tick_us / 1e6, "lon": lon, "lat": lat, "device_id": device, "key": _key(device, directory)}
        for device, lon, lat in list(columns)[:MOST_TOLD]
    ]


def _who(units: Units, directory: Directory) -> dict[str, Any]:
    told = [
        {"device_id": device, "key": _key(device, directory)}
        for device in units.device_id[:MOST_TOLD].tolist()
    ]
    return {"units": told, "count": len(units)}


def _key(device: int, directory: Directory) -> str:
    known = directory.by_id.get(device)
    return known.key if known else str(device)


def _over(rule: LiveRule, group: Group) -> Change:
    end = rule.definition.schedule.until_us(group.last[0])
    return _close(rule, group, group.last[0] if end is None else end, "schedule_ended")


def _close(rule: LiveRule, group: Group, closed_us: int, reason: str) -> Change:
    change = _tell("close", rule, group, {})
    return msgspec.structs.replace(change, closed_us=closed_us, close_reason=reason)


def _tell(kind: Any, rule: LiveRule, group: Group, evidence: dict[str, Any]) -> Change:
    return Change(
        kind=kind,
        rule=rule.key,
        rule_version=rule.definition.version,
        severity=rule.definition.severity,
        device_id=group.leader,
        opened_us=group.first[0],
        seen_us=group.last[0],
        lon=group.first[1],
        lat=group.first[2],
        last_lon=group.last[1],
        last_lat=group.last[2],
        evidence={"worst": group.worst, **evidence},
    )


def changes_over(
    rule: LiveRule, ticks: Iterable[tuple[int, Units]], directory: Directory
) -> Iterator[Change]:
    """All that one version of a rule says of a span of time from its beginning to its end."""
    groups: tuple[Group, ...] = ()
    reached: int | None = None
    for tick_us, units in ticks:
        if reached is not None and groups and tick_us > reached + TICK_US:
            yield from advance(rule, reached + TICK_US, NOBODY, groups, directory)[1]
            groups = ()
        groups, changes = advance(rule, tick_us, units, groups, directory)
        yield from changes
        reached = tick_us
    if reached is not None and groups:
        yield from advance(rule, reached + TICK_US, NOBODY, groups, directory)[1]
