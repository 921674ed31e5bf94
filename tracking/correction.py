"""Late fixes correct history: a device's alerts become those that its fixes give in their right order.

A batch that stores late fixes marks their devices in the same transaction (``rule_dirty``); so does a change
of turns of duty. When the marks have come to rest, the rules go once more over all fixes since the last
checkpoint before them, and what they say is compared with the alerts that are stored. All of it is one
transaction a device: after a crash the mark is still there and the work is done again, or nothing is left
to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psycopg

from tracking import reconciliation
from tracking.batch import FixBatch
from tracking.clock import datetime_of, micros_of
from tracking.columns import micros, read_columns
from tracking.directory import Directory, Duty
from tracking.fix import Flag
from tracking.memory import CLOCK
from tracking.pipeline import World, ends_told
from tracking.reconciliation import Outcome, Span
from tracking.rules import Change, Last, Remembered, Rule, Scene
from tracking.rules.states import NOTHING
from tracking.rules.way import NEVER, Before, Way, way_of
from tracking.settings import CorrectionSettings
from tracking.sql import psycopg_queries
from tracking.store import CHECKPOINT_US, encode_states, write_checkpoints

QUERIES = psycopg_queries("tracking", "correction.sql")
READ_ROWS = 20_000
_LOWEST = int(np.iinfo(np.int64).min)
_HIGHEST = int(np.iinfo(np.int64).max)
_COLUMNS = (
    *(("fix_time", ">i8"), ("content", ">i8"), ("lon", ">f8"), ("lat", ">f8"), ("altitude_m", ">f4")),
    *(("speed_mps", ">f4"), ("course_deg", ">f4"), ("accuracy_m", ">f4"), ("satellites", ">i2")),
    *(("battery_pct", ">i2"), ("unit_grid_id", ">i4"), ("grid_id", ">i4"), ("flags", ">i4")),
    ("signals", ">i8"),
)


class CorrectionFailed(Exception):
    """A device could not be judged again; it stays marked, and is not tried again for a while."""


class Correction(NamedTuple):
    """What became of a device: fixes judged again, and what was changed of its alerts."""

    device_id: int
    fixes: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Mark:
    """The memory of the rules after the fixes of a device up to a time."""

    through_us: int
    lon: float
    lat: float
    speed_mps: float
    states: Mapping[str, Remembered]

    def before(self, count: int) -> Before:
        return Before(
            np.full(count, self.through_us, dtype=np.int64),
            np.full(count, self.lon),
            np.full(count, self.lat),
            np.full(count, self.speed_mps, dtype=np.float32),
        )

    def same_as(self, other: "_Mark") -> bool:
        here = (self.through_us, self.lon, self.lat, np.float32(self.speed_mps))
        there = (other.through_us, other.lon, other.lat, np.float32(other.speed_mps))
        both_unknown = np.isnan(self.speed_mps) and np.isnan(other.speed_mps)
        return (here == there or (both_unknown and here[:3] == there[:3])) and self.states == other.states


NOWHERE = _Mark(NEVER, float("nan"), float("nan"), float("nan"), {})


def correct_next(
    connection: psycopg.Connection[Any],
    world: World,
    settings: CorrectionSettings,
    now_us: int,
    *,
    late_only: bool = False,
) -> Correction | None:
    """Judge one device again whose late fixes have come to rest; None when there is none. ``late_only``: not
    for a change of rosters or rules, which is still being read.

    To be called by the writer of the device's fixes between two batches: it replaces what the writer
    remembers. Raises psycopg.OperationalError and CorrectionFailed; then nothing
    has changed.
    """
    device_id = 0
    try:
        with connection.transaction():
            rest = {"quiet_s": settings.quiet_s, "longest_s": settings.longest_s, "late_only": late_only}
            found = connection.execute(QUERIES["next_dirty"], rest).fetchone()
            if found is None:
                return None
            device_id, since, until, cause = found
            connection.execute(QUERIES["clean"], {"device_id": device_id})
            replay = _Replay(connection, world, device_id, micros_of(since), micros_of(until))
            outcome, states = _correct(connection, world, replay, now_us, cause)
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except Exception as error:
        connection.execute(QUERIES["put_off"], {"device_id": device_id})
        raise CorrectionFailed(f"device {device_id}: {type(error).__name__}: {error}") from error
    if replay.stop is None:
        world.memory.replace_states_of(device_id, states)
        if replay.at is not NOWHERE:
            world.memory.judged.put(np.array([device_id], dtype=np.int32), replay.at.before(1))
    return Correction(device_id, replay.count, outcome)


def _correct(
    connection: psycopg.Connection[Any], world: World, replay: "_Replay", now_us: int, cause: str
) -> tuple[Outcome, dict[str, Remembered]]:
    """What was changed of the alerts, and the memory of the rules afterwards."""
    replay.run()
    if replay.stop is None:
        replay.wake(now_us)
    device_id = replay.device_id
    outcome = reconciliation.reconcile(connection, device_id, replay.span(), replay.changes, cause)
    replay.write_checkpoints()
    states = world.memory.rule_states_of(device_id)
    if replay.stop is None:
        kept = {key: state for key, state in states.items() if key not in replay.keys and key != CLOCK}
        states = kept | replay.states | ({CLOCK: replay.told} if replay.told else {})
        connection.execute(QUERIES["put_states"], {"device_id": device_id, "states": encode_states(states)})
    if sum(outcome[1:]):
        connection.execute(QUERIES["announce"])
    return outcome, states


def mark_since(connection: psycopg.Connection[Any], since_us: int) -> None:
    """Have devices judged again that have fixes of after a change of the rules: it was not known in time."""
    connection.execute(QUERIES["mark_since"], {"since": datetime_of(since_us)})


def forget_checkpoints(connection: psycopg.Connection[Any], days: int) -> None:
    """Keep one a day of those older than two days, none older than ``days``."""
    with connection.transaction():
        connection.execute(QUERIES["thin_checkpoints"])
        connection.execute(QUERIES["forget_old_checkpoints"], {"days": days})


class _Replay:
    """The rules over the fixes of one device since the last checkpoint before its late ones; it ends where
    nothing is different any more, or with the last fix."""

    def __init__(
        self, connection: psycopg.Connection[Any], world: World, device_id: int, since_us: int, until_us: int
    ) -> None:
        self._connection, self._world = connection, world
        self.device_id, self._since_us, self._until_us = device_id, since_us, until_us
        parameters = {"device_id": device_id, "since": datetime_of(since_us)}
        rows = connection.execute(QUERIES["checkpoint_before"], parameters).fetchall()
        self._rules: tuple[Rule, ...] = tuple(rule for rule in world.rules if rule.corrected)
        self.keys = frozenset(rule.key for rule in self._rules)
        self._start = self._mark(rows[0]) if rows else NOWHERE
        later = connection.execute(QUERIES["checkpoints_from"], parameters).fetchall()
        self._later = {mark.through_us: mark for mark in map(self._mark, later)}
        self._directory = self._duties()
        self._fresh: list[_Mark] = []
        self.at = self._start
        self.states: dict[str, Remembered] = dict(self._start.states)
        self.changes: list[Change] = []
        self.stop: _Mark | None = None
        self.count = 0
        self.told: Remembered | None = None
        """Until when the clock has told ends of episodes since the last fix."""

    def _mark(self, row: tuple[Any, ...]) -> _Mark:
        through, lon, lat, speed, states = row
        read = msgspec.json.decode(states, type=dict[str, Remembered])
        known = {key: state for key, state in read.items() if key in self.keys}
        return _Mark(micros_of(through), lon, lat, float("nan") if speed is None else speed, known)

    def _duties(self) -> Directory:
        """Turns of duty from the start on: those that are known otherwise reach two days back only."""
        whole = self._world.directory
        device = whole.by_id.get(self.device_id)
        start = datetime_of(max(self._start.through_us, 0))
        if (
            self._start.through_us < whole.duty_times.since_us
            and self.device_id not in whole.duty_times.older
        ):
            whole.duty_times.learn_older(self._connection, [self.device_id])
        parameters = {"device_id": self.device_id, "from_time": start}
        turns = [
            Duty(roster, who, micros_of(starts), micros_of(ends), *grid)
            for roster, who, starts, ends, *grid in self._connection.execute(QUERIES["duties_of"], parameters)
        ]
        return Directory(
            duties={self.device_id: turns} if turns else {},
            by_id={self.device_id: device} if device else {},
            duty_times=whole.duty_times,
            passing=True,
        )

    def run(self) -> None:
        after = (max(self._start.through_us, 0), _HIGHEST if self._start is not NOWHERE else _LOWEST)
        while self.stop is None:
            fixes = self._read(after)
            if not len(fixes):
                return
            after = (int(fixes.fix_time_us[-1]), int(fixes.content[-1]))
            self._judge(fixes, last=len(fixes) < READ_ROWS)
            if len(fixes) < READ_ROWS:
                return

    def _read(self, after: tuple[int, int]) -> FixBatch:
        rows = read_columns(
            self._connection,
            psycopg.sql.SQL(QUERIES["fixes_after"]),
            {
                "device_id": self.device_id,
                "after_time": datetime_of(after[0]),
                "after_content": after[1],
                "max_rows": READ_ROWS,
            },
            _COLUMNS,
        )
        count = len(rows)
        own = {name: rows[name].astype(kind.replace(">", "")) for name, kind in _COLUMNS}
        zeros = np.zeros(count, dtype=np.int32)
        time_us = micros(rows["fix_time"])
        fixes = FixBatch(
            source=zeros,
            device_id=np.full(count, self.device_id, dtype=np.int32),
            fix_time_us=time_us,
            received_us=time_us,
            responsibility_grid_id=own.pop("grid_id"),
            **{name: column for name, column in own.items() if name != "fix_time"},
        )
        return fixes.take((fixes.flags & Flag.OFF_DUTY) == 0)

    def _judge(self, fixes: FixBatch, *, last: bool) -> None:
        settings = self._world.settings
        way = way_of(
            fixes,
            self.at.before(len(fixes)),
            within_s=settings.derived_speed_within_s,
            noise_m=settings.position_noise_m,
        )
        # A piece ends with an hour, and wherever the memory was kept the first time.
        times = fixes.fix_time_us
        known = np.array(sorted(self._later), dtype=np.int64)
        ends = (times[:-1] // CHECKPOINT_US != times[1:] // CHECKPOINT_US) | (
            np.isin(times[:-1], known) & (times[:-1] != times[1:])
        )
        start = 0
        for end in [*(np.flatnonzero(ends) + 1).tolist(), len(fixes)]:
            self._piece(fixes, way, start, end)
            whole = end < len(fixes)
            start = end
            if not whole and not last:
                return  # the same moment may go on in what is read next
            if not whole and self.at.through_us not in self._later:
                return
            self._fresh.append(replace(self.at, states=dict(self.states)))
            before = self._later.get(self.at.through_us)
            if before and self.at.through_us >= self._until_us and self._fresh[-1].same_as(before):
                self.stop = self._fresh[-1]
                return

    def _piece(self, fixes: FixBatch, way: Way, start: int, end: int) -> None:
        rows = np.arange(start, end)
        piece = fixes.take(rows)
        scene = Scene(self._directory, self._world.locator, way.take(rows), self._world.outages)
        for rule in self._rules:
            self._keep(rule, rule.judge(piece, scene, self._states_of(rule)))
        self.count += end - start
        self.at = _Mark(
            int(fixes.fix_time_us[end - 1]),
            float(fixes.lon[end - 1]),
            float(fixes.lat[end - 1]),
            float(way.speed_mps[end - 1]),
            {},
        )

    def _states_of(self, rule: Rule) -> dict[int, Remembered]:
        state = self.states.get(rule.key)
        return {self.device_id: state} if state is not None else {}

    def _keep(self, rule: Rule, judgement: Any) -> None:
        self.changes += judgement.changes
        state = judgement.all_states().get(self.device_id)
        if state == NOTHING:
            self.states.pop(rule.key, None)
        elif state is not None:
            self.states[rule.key] = state

    def wake(self, now_us: int) -> None:
        """What follows from the silence since the last fix."""
        if self.at is NOWHERE or not self._directory.crew.may_speak(np.array([self.device_id])).all():
            return
        before = self.at.before(1)
        last = Last(
            np.array([self.device_id], dtype=np.int32),
            before.time_us,
            before.lon,
            before.lat,
            before.speed_mps,
        )
        scene = Scene(self._directory, self._world.locator, _no_way(), self._world.outages)
        judged = len(self.changes)
        for rule in self._rules:
            self._keep(rule, rule.wake(now_us, scene, self._states_of(rule), last))
        self.told = ends_told(self.changes[judged:], {}).get(self.device_id)

    def span(self) -> Span:
        """Between which moments the alerts are compared, and what was under way at either."""
        return Span(
            self._start.through_us,
            self.stop.through_us if self.stop else None,
            dict(self._start.states),
            dict(self.stop.states) if self.stop else {},
            self.keys,
        )

    def write_checkpoints(self) -> None:
        """In place of those that the late fixes made untrue."""
        until = datetime_of(self.stop.through_us) if self.stop else None
        self._connection.execute(
            QUERIES["forget_checkpoints"],
            {"device_id": self.device_id, "since": datetime_of(self._since_us), "until": until},
        )
        fresh = [mark for mark in self._fresh if mark.through_us >= self._since_us]
        if not fresh:
            return
        write_checkpoints(
            self._connection,
            [self.device_id] * len(fresh),
            Before(
                np.array([mark.through_us for mark in fresh], dtype=np.int64),
                np.array([mark.lon for mark in fresh]),
                np.array([mark.lat for mark in fresh]),
                np.array([mark.speed_mps for mark in fresh], dtype=np.float32),
            ),
            [mark.states for mark in fresh],
        )


def _no_way() -> Way:
    nan = np.zeros(0)
    time_us, speed = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    return Way(time_us, nan, nan, speed, nan, nan, speed)
