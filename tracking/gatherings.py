"""Gatherings followed tick by tick: by the clock from what is remembered, and over again from the stored
fixes where some came after their tick had been looked at.

Fixes that come too late for a tick mark its span (``gathering_dirty``) in the transaction that stores them.
When the marks have come to rest, the spans are gone through again from the memory before the first (kept
every ``BUCKET_US`` in ``gathering_state``), one span a step, until nothing is different any more. What was
found is then compared with the alerts in one transaction, which also takes the marks away: killed before, it
is done again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray

from tracking import reconciliation, store
from tracking.clock import datetime_of, micros_of
from tracking.columns import micros, read_columns
from tracking.directory import Directory
from tracking.gathering_marks import BUCKET_US, QUERIES, bucket_of, mark
from tracking.pipeline import World
from tracking.reconciliation import Span
from tracking.rules import Change
from tracking.rules.gathering import (
    NOBODY,
    TICK_US,
    Gathering,
    Group,
    Units,
    advance,
    places_by_tick,
)
from tracking.rules.live import RuleLine
from tracking.rules.way import NEVER
from tracking.settings import CorrectionSettings

DELAY_US = 10_000_000
"""A tick is looked at so long after it: its last fixes are on their way."""
LONGEST_GAP_US = 2 * 86_400_000_000
"""What was missed before is gone through only where fixes ask for it."""
THINNED_US = 3_600_000_000
FEW = 2_000
"""So many devices are read one by one, more by reading all fixes of the time."""
_COLUMNS = (
    ("device_id", ">i4"),
    *(("fix_time", ">i8"), ("content", ">i8"), ("lon", ">f8"), ("lat", ">f8")),
)
Groups = Mapping[str, tuple[Group, ...]]


class GatheringCorrection(NamedTuple):
    """Spans gone through again, and what was changed of the alerts."""

    spans: int
    corrected: int


@dataclass(slots=True)
class _Pass:
    """A walk over spans of ticks again, step by step."""

    since_us: int
    at_us: int
    start: dict[str, tuple[Group, ...]]
    groups: dict[str, tuple[Group, ...]]
    changes: dict[str, list[Change]] = field(default_factory=dict)
    fresh: list[tuple[str, int, tuple[Group, ...]]] = field(default_factory=list)
    taken: list[tuple[int, Any]] = field(default_factory=list)
    """Spans with marks, each with the time of its last one when it was read."""


@dataclass(slots=True)
class Following:
    """Up to which tick gatherings are followed, and those under way. One writer's own."""

    reached_us: int = NEVER
    groups: dict[str, tuple[Group, ...]] = field(default_factory=dict)
    again: _Pass | None = None


def lines_of(world: World) -> dict[str, RuleLine]:
    """The rules about gatherings."""
    return {
        rule.key: rule
        for rule in world.rules
        if isinstance(rule, RuleLine) and isinstance(rule.versions[0], Gathering)
    }


def load_following(connection: psycopg.Connection[Any]) -> Following:
    """As it was committed last."""
    following = Following()
    for rule, tick, groups in connection.execute(QUERIES["newest_states"]):
        following.reached_us = max(following.reached_us, micros_of(tick))
        following.groups[rule] = _read(groups)
    return following


def _read(groups: str) -> tuple[Group, ...]:
    return msgspec.json.decode(groups, type=tuple[Group, ...])


def follow(connection: psycopg.Connection[Any], world: World, following: Following, now_us: int) -> bool:
    """Look at the ticks that are over by now; whether there was one."""
    lines = lines_of(world)
    world.memory.ticked_us = following.reached_us if lines else NEVER
    if not lines:
        world.memory.at_tick = None
    tick_us = (now_us - DELAY_US) // TICK_US * TICK_US
    if not lines or tick_us <= following.reached_us:
        return False
    if following.reached_us == NEVER:
        following.reached_us = tick_us - TICK_US
    if tick_us > following.reached_us + TICK_US:
        # What was missed is gone through by the stored fixes.
        since_us = max(following.reached_us + TICK_US, tick_us - LONGEST_GAP_US)
        missed = np.arange(since_us, tick_us + 1, TICK_US, dtype=np.int64)
        with connection.transaction():
            mark(connection, bucket_of(missed), missed)
            _put(connection, [(key, tick_us, following.groups.get(key, ())) for key in lines])
        following.reached_us = tick_us
        _look_ahead(world, tick_us)
        return True
    units = _places_now(connection, world, lines, tick_us)
    changes: list[Change] = []
    groups = dict(following.groups)
    for key, line in lines.items():
        groups[key], told = _advance(line, tick_us, units, groups.get(key, ()), world.directory)
        changes += told
    with connection.transaction():
        store.write_changes(connection, changes)
        if following.reached_us % BUCKET_US:
            moment = datetime_of(following.reached_us)
            connection.execute(QUERIES["forget_states"], {"since": moment, "until": moment})
        _put(connection, [(key, tick_us, groups[key]) for key in lines])
        if changes:
            connection.execute(QUERIES["announce"])
    following.reached_us, following.groups = tick_us, groups
    _look_ahead(world, tick_us)
    return True


def _look_ahead(world: World, tick_us: int) -> None:
    """From here on last places are kept as they will be at the next tick."""
    memory = world.memory
    memory.ticked_us, memory.tick_us = tick_us, tick_us + TICK_US
    memory.at_tick = memory.judged.copy()


def _version(line: RuleLine, tick_us: int) -> Gathering | None:
    """The version in force; none before the first."""
    rule = line.in_force(tick_us)
    return rule if isinstance(rule, Gathering) and tick_us >= line.versions[0].since_us else None


def _advance(
    line: RuleLine, tick_us: int, units: Units, groups: tuple[Group, ...], directory: Directory
) -> tuple[tuple[Group, ...], list[Change]]:
    rule = _version(line, tick_us)
    if rule is None:
        return (), []
    return advance(rule, tick_us, rule.of(units, directory), groups, directory)


def _put(connection: psycopg.Connection[Any], states: Iterable[tuple[str, int, tuple[Group, ...]]]) -> None:
    rows = list(states)
    parameters = {
        "rules": [rule for rule, _, _ in rows],
        "ticks": [datetime_of(tick) for _, tick, _ in rows],
        "groups": [msgspec.json.encode(groups).decode() for _, _, groups in rows],
    }
    connection.execute(QUERIES["put_states"], parameters)


def _places_now(
    connection: psycopg.Connection[Any], world: World, lines: Mapping[str, RuleLine], tick_us: int
) -> Units:
    """The last fresh place of each unit until a tick that is just over."""
    memory = world.memory
    prepared = memory.at_tick if memory.tick_us == tick_us else None
    last = (prepared or memory.judged).known()
    everybody = Units(last.device_id, last.lon, last.lat)
    asked = _asked(lines, everybody, world.directory)
    fresh_us = _fresh_us(lines, last.device_id, world.directory)
    fresh = asked[last.device_id] & (last.time_us <= tick_us) & (tick_us - last.time_us <= fresh_us)
    units = everybody.take(fresh)
    ahead = last.device_id[asked[last.device_id] & (last.time_us > tick_us)]
    if not len(ahead):
        return units
    rows = read_columns(
        connection,
        psycopg.sql.SQL(QUERIES["last_before"]),
        {
            "device_ids": ahead.tolist(),
            "tick": datetime_of(tick_us),
            "after": datetime_of(tick_us - int(fresh_us.max(initial=0)) - 1),
        },
        _COLUMNS,
    )
    ids = rows["device_id"].astype(np.int32)
    kept = tick_us - micros(rows["fix_time"]) <= _fresh_us(lines, ids, world.directory)
    whole = Units(
        np.r_[units.device_id, ids[kept]],
        np.r_[units.lon, rows["lon"][kept].astype(np.float64)],
        np.r_[units.lat, rows["lat"][kept].astype(np.float64)],
    )
    return whole.take(np.argsort(whole.device_id, kind="stable"))


def _asked(lines: Mapping[str, RuleLine], units: Units, directory: Directory) -> NDArray[np.bool_]:
    """By device id: whom any of the rules is about."""
    asked = np.zeros(int(units.device_id.max(initial=0)) + 1, dtype=np.bool_)
    for line in lines.values():
        for version in line.versions:
            if isinstance(version, Gathering):
                asked[version.of(units, directory).device_id] = True
    return asked


def _fresh_us(
    lines: Mapping[str, RuleLine], device_ids: NDArray[np.int32], directory: Directory
) -> NDArray[np.int64]:
    rule = next(iter(lines.values())).versions[0]
    assert isinstance(rule, Gathering)
    return rule.fresh_us(device_ids, directory)


def correct_step(
    connection: psycopg.Connection[Any],
    world: World,
    following: Following,
    settings: CorrectionSettings,
) -> GatheringCorrection | None:
    """Go through one span again, and bring the alerts into line when nothing more is different; None when
    there is nothing to do. To be called between two batches by the writer of the fixes."""
    lines = lines_of(world)
    if not lines or following.reached_us == NEVER:
        return None
    if following.again is None:
        following.again = _begin(connection, lines, following, settings)
        if following.again is None:
            return None
    again = following.again
    following.again = None  # if this fails, it is begun anew
    done = _step(connection, world, lines, again, following.reached_us)
    if not done:
        following.again = again
        return GatheringCorrection(1, 0)
    return GatheringCorrection(1, _finish(connection, world, following, again))


def _begin(
    connection: psycopg.Connection[Any],
    lines: Mapping[str, RuleLine],
    following: Following,
    settings: CorrectionSettings,
) -> _Pass | None:
    parameters = {
        "quiet_s": settings.quiet_s,
        "longest_s": settings.longest_s,
        "reached": datetime_of(following.reached_us),
    }
    found = connection.execute(QUERIES["first_dirty"], parameters).fetchone()
    if found is None:
        return None
    since_us = micros_of(found[0])
    before = connection.execute(QUERIES["tick_before"], {"tick": found[0]}).fetchone()
    groups: dict[str, tuple[Group, ...]] = dict.fromkeys(lines, ())
    # Of older days the memory is kept once an hour: then from there on. Without any there was nobody.
    if before is not None and before[0] is not None and since_us - micros_of(before[0]) <= THINNED_US:
        since_us = micros_of(before[0])
        for rule, told in connection.execute(QUERIES["states_of"], {"tick": before[0]}):
            if rule in groups:
                groups[rule] = _read(told)
    return _Pass(since_us, since_us, dict(groups), groups)


def _step(
    connection: psycopg.Connection[Any],
    world: World,
    lines: Mapping[str, RuleLine],
    again: _Pass,
    reached_us: int,
) -> bool:
    """Whether nothing is different any more after this span, or it is the last."""
    bucket_us = again.at_us // BUCKET_US * BUCKET_US
    until_us = min(bucket_us + BUCKET_US, reached_us)
    bucket = {"bucket": datetime_of(bucket_us)}
    dirty = connection.execute(QUERIES["dirty_at"], bucket).fetchone()
    if dirty is not None:
        again.taken.append((bucket_us, dirty[0]))
    ticks = _read_ticks(connection, world, lines, again.at_us, until_us)
    for key, line in lines.items():
        groups = again.groups.get(key, ())
        told = again.changes.setdefault(key, [])
        tick_us = again.at_us
        for moment, units in [*ticks, (until_us + TICK_US, None)]:
            following_us = tick_us + TICK_US
            if moment > following_us and groups and following_us <= until_us:
                groups, changes = _advance(line, following_us, NOBODY, groups, world.directory)
                told += changes
            if units is None:
                break
            groups, changes = _advance(line, moment, units, groups, world.directory)
            told += changes
            tick_us = moment
        again.groups[key] = groups
        again.fresh.append((key, until_us, groups))
    again.at_us = until_us
    if until_us >= reached_us:
        return True
    if connection.execute(QUERIES["dirty_at"], {"bucket": datetime_of(until_us)}).fetchone() is not None:
        return False
    known = {
        rule: _read(told)
        for rule, told in connection.execute(QUERIES["states_of"], {"tick": datetime_of(until_us)})
    }
    return all(known.get(key, ()) == again.groups[key] for key in lines)


def _read_ticks(
    connection: psycopg.Connection[Any],
    world: World,
    lines: Mapping[str, RuleLine],
    after_us: int,
    until_us: int,
) -> list[tuple[int, Units]]:
    directory = world.directory
    ids = np.fromiter(sorted(directory.by_id), dtype=np.int32)
    nowhere = np.zeros(len(ids))
    asked = _asked(lines, Units(ids, nowhere, nowhere), directory)
    concerned = np.flatnonzero(asked)
    if not len(concerned):
        return []
    longest_us = int(_fresh_us(lines, concerned.astype(np.int32), directory).max())
    parameters: dict[str, Any] = {
        "after": datetime_of(after_us - longest_us - 1),
        "until": datetime_of(until_us),
    }
    query = "fixes_between"
    if len(concerned) <= FEW:
        query, parameters["device_ids"] = "fixes_of_between", concerned.tolist()
    rows = read_columns(connection, psycopg.sql.SQL(QUERIES[query]), parameters, _COLUMNS)
    device_id, time_us = rows["device_id"].astype(np.int32), micros(rows["fix_time"])
    known = np.flatnonzero((device_id < len(asked)) & asked[np.minimum(device_id, len(asked) - 1)])
    order = known[np.lexsort((rows["content"][known], time_us[known], device_id[known]))]
    return list(
        places_by_tick(
            device_id[order],
            time_us[order],
            rows["lon"][order].astype(np.float64),
            rows["lat"][order].astype(np.float64),
            _fresh_us(lines, device_id[order], directory),
            after_us=after_us,
            until_us=until_us,
        )
    )


def _finish(connection: psycopg.Connection[Any], world: World, following: Following, again: _Pass) -> int:
    """Alerts, memory and marks in one transaction; how many alerts were changed."""
    at_end = again.at_us >= following.reached_us
    changed = 0
    with connection.transaction():
        for key, changes in again.changes.items():
            changed += _reconcile(connection, key, again, changes, at_end=at_end)
        since = {"since": datetime_of(again.since_us + TICK_US), "until": datetime_of(again.at_us)}
        connection.execute(QUERIES["forget_states"], since)
        _put(connection, again.fresh)
        for bucket_us, last_at in again.taken:
            parameters = {
                "bucket": datetime_of(bucket_us),
                "last_at": last_at,
                "reached": datetime_of(following.reached_us),
            }
            connection.execute(QUERIES["clean"], parameters)
        if changed:
            connection.execute(QUERIES["announce"])
    if at_end:
        following.groups = dict(again.groups)
    return changed


def _reconcile(
    connection: psycopg.Connection[Any], key: str, again: _Pass, changes: Sequence[Change], *, at_end: bool
) -> int:
    start = {group.leader: group.remembered for group in again.start.get(key, ())}
    end = {} if at_end else {group.leader: group.remembered for group in again.groups.get(key, ())}
    by_leader: dict[int, list[Change]] = {leader: [] for leader in start}
    for change in changes:
        by_leader.setdefault(change.device_id, []).append(change)
    span = {"rule": key, "after": datetime_of(again.since_us), "until": datetime_of(again.at_us)}
    for (leader,) in connection.execute(QUERIES["leaders"], span):
        by_leader.setdefault(leader, [])
    changed = 0
    for leader, of_leader in by_leader.items():
        outcome = reconciliation.reconcile(
            connection,
            leader,
            Span(
                again.since_us,
                None if at_end else again.at_us,
                {key: start[leader]} if leader in start else {},
                {key: end[leader]} if leader in end else {},
                frozenset((key,)),
            ),
            of_leader,
            "late_fixes",
        )
        changed += sum(outcome[1:])
    return changed


def forget_states(connection: psycopg.Connection[Any], days: int) -> None:
    """Keep one an hour of those older than two days, none older than ``days``."""
    connection.execute(QUERIES["thin_states"], {"days": days})
