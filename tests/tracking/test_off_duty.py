"""Positions outside duty: dropped, or the last state only, or kept, as the rule of the group says."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import scene
from ingest.writer import BatchWriter
from tracking.arrival import Arrival
from tracking.clock import micros_of, now_us
from tracking.duty_times import KNOWN_BACK_US, NEVER, DutyTimes, Keeping, OlderTurnsNeeded
from tracking.fix import Fix
from tracking.reasons import Reason, Reject
from tracking.settings import TrackingSettings
from tracking.signals import SOS

HOUR = 3_600_000_000
LON, LAT = scene.WEST + 0.0005, scene.SOUTH + 0.0004


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 3, on_duty=False)
        yield made


@pytest.fixture
def writer(database_url: str, connection: psycopg.Connection[Any]) -> Iterator[BatchWriter]:
    made = BatchWriter(
        database_url, tracking=TrackingSettings(), rules=(), directory_every_s=3_600, grids_every_s=3_600
    )
    yield made
    made.close()


def duty(connection: psycopg.Connection[Any], key: str, start_h: float, end_h: float) -> None:
    """A turn of duty, in hours from now."""
    connection.execute(
        "INSERT INTO roster (device_id, starts_at, ends_at) SELECT id, now() + make_interval(mins => %s),"
        " now() + make_interval(mins => %s) FROM device WHERE key = %s",
        [round(start_h * 60), round(end_h * 60), key],
    )


def fix(ago_h: float, **more: Any) -> Fix:
    return Fix(now_us() - round(ago_h * HOUR), LON, LAT, **more)


def arrive(key: str, *outcomes: Fix | Reject) -> Arrival:
    return Arrival("topic", b"raw with a place", now_us(), key, list(outcomes))


def stored(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM fix").fetchone()
    return int(row[0]) if row else 0


def test_outside_duty_nothing_is_stored_and_the_drop_is_counted(
    writer: BatchWriter, connection: psycopg.Connection[Any]
) -> None:
    duty(connection, "d0", -5, -2)
    inside, grace, after, now = fix(3), fix(1.9), fix(1), fix(0)
    ((work, inserted),) = writer.write([arrive("d0", inside, grace, after, now)])
    assert inserted == 2
    assert work.rejected() == {Reason.OFF_DUTY: 2}
    newest = connection.execute("SELECT max(fix_time) FROM device_state").fetchone()
    assert newest is not None
    assert micros_of(newest[0]) == grace.fix_time_us
    assert connection.execute("SELECT count(*) FROM dead_letter").fetchone() == (0,)


def test_a_bad_message_outside_duty_leaves_no_raw_text(
    writer: BatchWriter, connection: psycopg.Connection[Any]
) -> None:
    duty(connection, "d0", -5, -2)
    duty(connection, "d1", -1, 1)
    bad = Reject(Reason.BAD_FIELD, "lat 30.12345 of somebody's home")
    writer.write([arrive("d0", bad), arrive("d1", bad), arrive("d1", bad, fix(4), fix(0))])
    rows = connection.execute("SELECT device_key, payload, detail FROM dead_letter ORDER BY id").fetchall()
    assert rows[1] == ("d1", b"raw with a place", "lat 30.12345 of somebody's home")
    # d1 had no duty before its first turn: that message holds nothing private.
    assert [row[:2] for row in rows] == [
        ("d0", b""),
        ("d1", b"raw with a place"),
        ("d1", b"raw with a place"),
    ]
    assert "home" not in rows[0][2]


def test_a_call_for_help_is_kept_at_any_time(
    writer: BatchWriter, connection: psycopg.Connection[Any]
) -> None:
    duty(connection, "d0", -5, -2)
    writer.write([arrive("d0", fix(1, signals=SOS))])
    assert connection.execute("SELECT signals FROM fix").fetchall() == [(SOS,)]


def test_state_only_keeps_the_last_place_and_no_history(
    writer: BatchWriter, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("UPDATE off_duty_rule SET outside = 'state' WHERE unit_kind IS NULL")
    duty(connection, "d0", -5, -2)
    writer.write([arrive("d0", fix(3), fix(1), fix(0.5))])
    assert stored(connection) == 1
    age = connection.execute("SELECT now() - fix_time FROM device_state").fetchone()
    assert age is not None
    assert age[0] < timedelta(minutes=31)


def test_a_changed_rule_or_roster_holds_within_a_second_and_brings_nothing_back(
    writer: BatchWriter, connection: psycopg.Connection[Any]
) -> None:
    duty(connection, "d0", -5, -2)
    writer.write([arrive("d0", fix(1))])
    assert stored(connection) == 0
    duty(connection, "d0", -1.5, 1)
    began = time.monotonic()
    while not stored(connection):
        writer.write([arrive("d0", fix(0))])
        assert time.monotonic() - began < 1
    many = stored(connection)
    connection.execute("INSERT INTO off_duty_rule (unit_kind, outside) VALUES ('inspector', 'keep')")
    while stored(connection) == many:
        writer.write([arrive("d0", fix(1.6 + stored(connection) / 1e6))])
        assert time.monotonic() - began < 2


def test_a_backlog_of_weeks_is_judged_by_the_turns_of_its_time(
    writer: BatchWriter, connection: psycopg.Connection[Any]
) -> None:
    for day in (20, 10):
        duty(connection, "d0", -24 * day, -24 * day + 8)
    times = [24 * 20 - 4, 24 * 20 - 12, 24 * 10 - 4, 24 * 10 - 12]
    ((work, inserted),) = writer.write(
        [arrive("d0", *(fix(ago) for ago in times)), arrive("d1", fix(9999 / 60))]
    )
    assert inserted == 3, "two on duty, and one of a device that has no roster"
    assert work.rejected() == {Reason.OFF_DUTY: 2}


def test_the_nearest_group_decides(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        """INSERT INTO off_duty_rule (unit_kind, org_unit_id, area_code, outside, before_s)
           SELECT 'inspector', NULL::int, NULL, 'drop', 1 FROM org_unit
           UNION ALL SELECT NULL, NULL, '990102', 'drop', 2 FROM org_unit
           UNION ALL SELECT NULL, NULL, '990100', 'drop', 3 FROM org_unit"""
    )

    def decides() -> int:
        row = connection.execute("SELECT DISTINCT before_s FROM device_off_duty").fetchall()
        assert len(row) == 1
        return int(row[0][0])

    assert decides() == 2
    connection.execute("UPDATE device SET area_code = '990103001'")
    assert decides() == 3
    connection.execute(
        "INSERT INTO off_duty_rule (org_unit_id, outside, before_s) SELECT id, 'keep', 4 FROM org_unit"
    )
    assert decides() == 4


@given(
    spans=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=8),
    moments=st.lists(st.tuples(st.integers(0, 2), st.integers(-90, 120)), min_size=1, max_size=20),
)
def test_columns_agree_with_one_by_one(spans: list[tuple[int, int]], moments: list[tuple[int, int]]) -> None:
    """Spans (hours) of device 1 without overlaps; device 0 keeps all, device 2 is not known."""
    base = micros_of(datetime(2026, 3, 1, tzinfo=UTC))
    since = base - KNOWN_BACK_US
    merged: list[list[int]] = []
    for start, length in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], start + length)
        else:
            merged.append([start, start + length])
    keys = np.array([1 << 32 | (KNOWN_BACK_US + s * HOUR) // 1_000_000 for s, _ in merged], dtype=np.int64)
    ends = np.array([1 << 32 | (KNOWN_BACK_US + e * HOUR) // 1_000_000 for _, e in merged], dtype=np.int64)
    first = base + merged[0][0] * HOUR if merged else NEVER
    times = DutyTimes(
        np.array([0, 1], dtype=np.int8),
        np.array([0, 2], dtype=np.int8),
        np.array([NEVER, first]),
        since,
        keys,
        ends,
    )
    ids = np.array([device for device, _ in moments], dtype=np.int32)
    at = np.array([base + hours * HOUR for _, hours in moments])
    expected = []
    for (device, hours), moment in zip(moments, at.tolist(), strict=True):
        if device != 1:
            expected.append(Keeping.KEEP)
        elif moment < first:
            expected.append(Keeping.STATE)
        else:
            expected.append(Keeping.KEEP if any(s <= hours < e for s, e in merged) else Keeping.DROP)
    try:
        assert times.judge(ids, at).tolist() == expected
    except OlderTurnsNeeded:
        assert (at < since).any()
