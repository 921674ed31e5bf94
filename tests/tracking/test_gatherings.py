"""Gatherings follow from the set of fixes: followed live, corrected late, and found in a file alike."""

from collections.abc import Iterator
from datetime import time
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks import scene
from ingest.writer import BatchWriter
from tracking.arrival import Arrival
from tracking.clock import micros_of, now_us
from tracking.directory import Device, Directory
from tracking.fix import Fix
from tracking.quality.track import distance_m
from tracking.rules import make_rules
from tracking.rules.base import Change
from tracking.rules.definitions import RuleDefinition, Schedule
from tracking.rules.gathering import (
    TICK_US,
    Gathering,
    Group,
    Units,
    advance,
    changes_over,
    clusters,
    places_by_tick,
)
from tracking.settings import CorrectionSettings, TrackingSettings

METRE = 1 / 111_195.0
SECOND, MINUTE = 1_000_000, 60_000_000
START = 1_760_000_010 // 30 * 30 * SECOND
LON, LAT = scene.WEST, scene.SOUTH


def units(east_m: list[float], north_m: list[float] | None = None) -> Units:
    lat = LAT + np.array(north_m or [0.0] * len(east_m)) * METRE
    lon = LON + np.array(east_m) * METRE / np.cos(np.radians(LAT))
    return Units(np.arange(1, len(east_m) + 1, dtype=np.int32), lon, lat)


def directory(count: int) -> Directory:
    found = Directory()
    found.learn(Device(n, f"d{n}", True, "990102001") for n in range(1, count + 1))
    return found


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 160), st.sampled_from([40.0, 200.0, 900.0]), st.integers(2, 5))
def test_who_is_chained_is_one_cluster(seed: int, number: int, spread_m: float, count: int) -> None:
    rng = np.random.default_rng(seed)
    crowd = units(rng.normal(0, spread_m, number).tolist(), rng.normal(0, spread_m, number).tolist())
    near = distance_m(crowd.lon[:, None], crowd.lat[:, None], crowd.lon[None], crowd.lat[None]) <= 50
    chained = near
    while True:
        further = (chained.astype(int) @ near.astype(int)) > 0
        if (further == chained).all():
            break
        chained = further
    expected = {tuple(np.flatnonzero(row)) for row in chained if row.sum() >= count}
    assert {tuple(rows) for rows in clusters(crowd, 50.0, count)} == expected


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 900)), min_size=1, max_size=30, unique=True),
    st.integers(0, 20),
    st.integers(1, 20),
)
def test_a_place_counts_until_the_next_or_until_it_is_stale(
    fixes: list[tuple[int, int]], begin: int, length: int
) -> None:
    rows = np.array(sorted(fixes))
    device, second = rows[:, 0].astype(np.int32), START + rows[:, 1] * SECOND
    fresh_us = np.full(len(rows), 120 * SECOND)
    after, until = START + begin * TICK_US, START + (begin + length) * TICK_US
    number = np.arange(len(rows), dtype=np.float64)
    found = {
        tick: dict(zip(here.device_id.tolist(), here.lon.tolist(), strict=True))
        for tick, here in places_by_tick(
            device, second, number, number, fresh_us, after_us=after, until_us=until
        )
    }
    expected: dict[int, dict[int, float]] = {}
    for tick in range(after + TICK_US, until + 1, TICK_US):
        for one in np.unique(device).tolist():
            of_one = np.flatnonzero((device == one) & (second <= tick))
            if len(of_one) and tick - second[of_one[-1]] <= 120 * SECOND:
                expected.setdefault(tick, {})[one] = float(of_one[-1])
    assert found == expected


def walk(rule: Gathering, steps: list[tuple[int, Units]]) -> list[Change]:
    groups: tuple[Group, ...] = ()
    changes: list[Change] = []
    for tick, here in steps:
        groups, told = advance(rule, START + tick * TICK_US, here, groups, directory(9))
        groups = msgspec.json.decode(msgspec.json.encode(groups), type=tuple[Group, ...])
        changes += told
    return changes


def kinds(changes: list[Change]) -> list[tuple[str, int]]:
    return [(change.kind, change.device_id) for change in changes if change.kind != "update"]


RULE = RuleDefinition("crowd", "gathering", count=4, radius_m=60, after_s=120)


def test_one_alert_a_gathering_that_ends_when_they_part() -> None:
    together, apart = units([0, 50, 100, 150, 200, 900, 950]), units([0, 90, 180, 270, 360, 900, 950])
    changes = walk(Gathering(RULE), [*((n, together) for n in range(8)), (8, apart), (9, apart)])
    assert kinds(changes) == [("open", 1), ("close", 1)]
    opened, closed = changes[0], changes[-1]
    assert (opened.opened_us, opened.evidence["count"]) == (START, 5)
    assert [one["key"] for one in opened.evidence["fixes"]] == ["d1", "d2", "d3", "d4", "d5"]
    assert (closed.closed_us, closed.seen_us) == (START + 8 * TICK_US, START + 7 * TICK_US)
    assert walk(Gathering(RULE), [(0, together), (1, apart), (2, together), (3, together)]) == []


def test_it_goes_on_with_most_of_its_units_and_keeps_its_name() -> None:
    """The first walks over to others, who then are a gathering of their own."""
    steps = [(n, units([0, 10, 20, 30, 40, 900, 910, 920])) for n in range(6)]
    steps += [(n, units([905, 10, 20, 30, 40, 900, 910, 920])) for n in range(6, 12)]
    changes = walk(Gathering(RULE), steps)
    assert kinds(changes) == [("open", 1), ("open", 6)]
    second = next(change for change in changes if change.device_id == 6)
    assert {one["key"] for one in second.evidence["units"]} == {"d1", "d6", "d7", "d8"}


def test_it_ends_with_the_schedule_and_with_the_rule() -> None:
    together = units([0, 10, 20, 30, 40])
    minute = (START // SECOND + 8 * 3600) % 86_400 // 60 + 4
    until = Schedule(to=time(minute // 60, minute % 60))
    scheduled = msgspec.structs.replace(RULE, schedule=until)
    changes = walk(Gathering(scheduled), [(n, together) for n in range(12)])
    assert kinds(changes) == [("open", 1), ("close", 1)]
    assert changes[-1].close_reason == "schedule_ended"
    assert (changes[-1].closed_us or 0) // MINUTE == (START // MINUTE) + 4
    groups, _ = advance(
        Gathering(msgspec.structs.replace(RULE, after_s=0)), START, together, (), directory(9)
    )
    ended = Gathering(msgspec.structs.replace(RULE, enabled=False), since_us=START + 5 * SECOND)
    assert advance(ended, START + TICK_US, together, groups, directory(9))[0] == ()
    (change,) = advance(ended, START + TICK_US, together, groups, directory(9))[1]
    assert (change.closed_us, change.close_reason) == (START + 5 * SECOND, "rule_ended")


class Clock:
    """Time as the writer sees it."""

    def __init__(self, start_us: int) -> None:
        self.us = start_us

    def __call__(self) -> int:
        return self.us

    def seconds(self) -> float:
        return self.us / 1e6


DEVICES, STEPS = 8, 140


def tracks(seed: int, start_us: int) -> list[list[Fix]]:
    """Units that meet, stand together, part, and are silent for a while; one fix in ten seconds."""
    rng = np.random.default_rng(seed)
    home = rng.uniform(-400, 400, (DEVICES, 2))
    meet: NDArray[Any] = np.repeat(rng.random((STEPS // 20, DEVICES)) < 0.6, 20, axis=0)
    found: list[list[Fix]] = []
    for device in range(DEVICES):
        silent = rng.integers(0, STEPS)
        of_device = []
        for step in range(STEPS):
            if silent <= step < silent + 18:
                continue
            where = rng.normal(0, 25, 2) if meet[step, device] else home[device] + rng.normal(0, 5, 2)
            lon = LON + where[0] * METRE / np.cos(np.radians(LAT))
            of_device.append(
                Fix(start_us + step * 10 * SECOND + device * 700_000, lon, LAT + where[1] * METRE)
            )
        found.append(of_device)
    return found


def expected(of_devices: list[list[Fix]], by_id: Directory) -> set[tuple[Any, ...]]:
    rows = [(n + 1, f.fix_time_us, f.lon, f.lat) for n, fixes in enumerate(of_devices) for f in fixes]
    device, moment, lon, lat = (np.array(column) for column in zip(*rows, strict=True))
    fresh_us = np.full(len(rows), 120 * SECOND)
    ticks = places_by_tick(
        device.astype(np.int32),
        moment,
        lon,
        lat,
        fresh_us,
        after_us=0,
        until_us=int(moment.max()) + MINUTE * 5,
    )
    told: dict[tuple[int, int], tuple[Any, ...]] = {}
    for change in changes_over(Gathering(RULE), ticks, by_id):
        key = (change.device_id, change.opened_us)
        if change.kind == "close":
            told[key] = (
                *key,
                change.seen_us,
                change.closed_us,
                change.close_reason,
                change.evidence["worst"],
            )
    return set(told.values())


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, DEVICES, on_duty=False)
        made.execute("UPDATE device SET period_s = 10")
        made.execute(
            "INSERT INTO alert_rule (key, version, definition, changed_at)"
            " VALUES ('crowd', 1, %s, '2020-01-01')",
            [msgspec.json.encode(RULE).decode()],
        )
        yield made


def stored(connection: psycopg.Connection) -> set[tuple[Any, ...]]:
    rows = connection.execute(
        "SELECT a.device_id - (SELECT min(id) FROM device) + 1, opened_at, last_seen_at, closed_at,"
        " close_reason, (evidence ->> 'worst')::float FROM alert a WHERE withdrawn_at IS NULL"
    ).fetchall()
    return {
        (device, micros_of(opened), micros_of(seen), closed and micros_of(closed), reason, worst)
        for device, opened, seen, closed, reason, worst in rows
    }


@pytest.mark.parametrize(("seed", "late"), [(1, 0.0), (2, 0.15), (3, 0.15)])
def test_live_late_and_offline_tell_the_same(
    database_url: str,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    late: float,
) -> None:
    start = now_us() // TICK_US * TICK_US - 2_000 * SECOND
    clock = Clock(start)
    monkeypatch.setattr("ingest.writer.now_us", clock)
    writer = BatchWriter(
        database_url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=3_600,
        grids_every_s=3_600,
        clock=clock.seconds,
        correction=CorrectionSettings(quiet_s=0, timers_after_s=0, share=1),
    )
    of_devices = tracks(seed, start)
    rng = np.random.default_rng(seed)
    waiting: list[tuple[int, str, Fix]] = []
    for device, fixes in enumerate(of_devices):
        for fix in fixes:
            delay = int(rng.integers(40, 900)) * SECOND if rng.random() < late else SECOND
            waiting.append((fix.fix_time_us + delay, f"d{device}", fix))
    waiting.sort(key=lambda row: row[:2])
    live: list[int] = []
    for step in range(STEPS * 2):
        clock.us = start + (step + 1) * 10 * SECOND
        due = [row for row in waiting if row[0] <= clock.us]
        waiting = waiting[len(due) :]
        if due:
            writer.write([Arrival("t", b"", clock.us, key, [fix]) for _, key, fix in due])
        writer.tend()
        if step == STEPS // 2:
            writer.close()
        live.append(len(stored(connection)))
    for _ in range(200):
        clock.us += SECOND
        if not writer.tend() and not connection.execute("SELECT 1 FROM gathering_dirty").fetchone():
            break
    assert not waiting
    wanted = expected(of_devices, directory(DEVICES))
    assert len(wanted) >= 2
    assert stored(connection) == wanted
    assert max(live[: STEPS // 2]) > 0  # some were told while they were going on
    if late == 0:
        assert connection.execute("SELECT count(*) FROM alert_log").fetchone() == (0,)
    writer.close()


def test_fixes_of_an_hour_ago_make_a_gathering_of_then(
    database_url: str, connection: psycopg.Connection
) -> None:
    writer = BatchWriter(
        database_url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=3_600,
        grids_every_s=3_600,
        correction=CorrectionSettings(quiet_s=0, timers_after_s=0, share=1),
    )
    writer.tend()
    of_devices = tracks(5, now_us() // TICK_US * TICK_US - 5_000 * SECOND)
    for device in np.random.default_rng(5).permutation(DEVICES).tolist():
        fixes = of_devices[device]
        shuffled = [fixes[n] for n in np.random.default_rng(device).permutation(len(fixes)).tolist()]
        writer.write([Arrival("t", b"", now_us(), f"d{device}", list(shuffled))])
        writer.tend()
    for _ in range(500):
        if not writer.tend() and not connection.execute("SELECT 1 FROM gathering_dirty").fetchone():
            break
    wanted = expected(of_devices, directory(DEVICES))
    assert len(wanted) >= 2
    assert stored(connection) == wanted
    writer.close()
