"""A batch through the steps into the tables."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import psycopg
import pytest

from benchmarks import scene
from tracking import partitions, pipeline, store
from tracking.arrival import Arrival, Outcome
from tracking.batch import from_fixes
from tracking.clock import datetime_of, now_us
from tracking.directory import load_directory
from tracking.fix import ConnectionStatus, Fix, Flag
from tracking.locator import load_locator
from tracking.memory import load_memory
from tracking.pipeline import Work, World
from tracking.reasons import Reason, Reject
from tracking.rules import make_rules
from tracking.settings import TrackingSettings

LON, LAT = scene.WEST + 0.0005, scene.SOUTH + 0.0004


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 3)
        store.prepare(made)
        partitions.ensure(made, partitions.days_ahead(datetime_of(now_us()).date(), 1))
        yield made


def world(connection: psycopg.Connection) -> World:
    return World(
        load_directory(connection),
        load_locator(connection),
        load_memory(connection),
        make_rules(),
        TrackingSettings(),
    )


def arrival(key: str | None, *outcomes: Outcome, at: int | None = None) -> Arrival:
    return Arrival(f"wanmi/v1/{key}/fix", b"raw", at or now_us(), key, list(outcomes))


def write(connection: psycopg.Connection, around: World, *arrivals: Arrival) -> tuple[Work, int]:
    work = pipeline.process(arrivals, around)
    inserted = store.commit(connection, work)
    pipeline.remember(work)
    return work, inserted


def test_what_is_written_is_what_was_said(connection: psycopg.Connection) -> None:
    now = now_us()
    full = Fix(now - 36_000_000_000, LON, LAT, 12.5, 3.25, 90.0, 5.0, 9, 77)
    bare = Fix(now - 1_000_000, LON, LAT + 1)
    _, inserted = write(connection, world(connection), arrival("d0", full, bare, at=now))
    assert inserted == 2
    rows = connection.execute(
        """SELECT fix_time, received_at, lon, lat, altitude_m, speed_mps, course_deg, accuracy_m, satellites,
                  battery_pct, unit_grid_id IS NULL, responsibility_grid_id IS NULL, flags
             FROM fix ORDER BY fix_time"""
    ).fetchall()
    assert rows == [
        (
            datetime_of(full.fix_time_us),
            datetime_of(now),
            LON,
            LAT,
            12.5,
            3.25,
            90,
            5,
            9,
            77,
            False,
            False,
            0,
        ),
        (datetime_of(bare.fix_time_us), datetime_of(now), LON, LAT + 1, *[None] * 6, True, True, 0),
    ]
    state = connection.execute(
        "SELECT fix_time, lat, battery_pct, changed_xid > 0 FROM device_state"
    ).fetchall()
    assert state == [(datetime_of(bare.fix_time_us), LAT + 1, None, True)]


def test_repeats_in_a_batch_and_between_batches_are_stored_once(connection: psycopg.Connection) -> None:
    around = world(connection)
    fix = Fix(now_us() - 5_000_000, LON, LAT, speed_mps=1.0)
    other = Fix(fix.fix_time_us, LON, LAT, speed_mps=2.0)
    work, inserted = write(connection, around, arrival("d0", fix), arrival("d0", fix), arrival("d1", fix))
    assert (work.repeats, inserted) == (1, 2)
    assert write(connection, around, arrival("d0", fix))[1] == 0
    assert write(connection, world(connection), arrival("d0", fix, other))[1] == 1


def test_the_newest_fix_wins_and_late_ones_are_marked(connection: psycopg.Connection) -> None:
    around, now = world(connection), now_us()
    write(connection, around, arrival("d0", Fix(now - 1_000_000, LON, LAT)))
    write(connection, around, arrival("d0", Fix(now - 9_000_000, LON, LAT + 0.001)))
    rows = connection.execute("SELECT lat, flags FROM fix ORDER BY fix_time").fetchall()
    assert rows == [(LAT + 0.001, Flag.LATE), (LAT, 0)]
    assert connection.execute("SELECT lat FROM device_state").fetchall() == [(LAT,)]
    assert load_memory(connection).newest_us(np.array([1], dtype=np.int32)).tolist() == [now - 1_000_000]


def test_a_unit_that_tells_no_speed_is_shown_with_that_of_its_way(connection: psycopg.Connection) -> None:
    around, now = world(connection), now_us()

    def shown(*fixes: Fix) -> float | None:
        write(connection, around, arrival("d0", *fixes))
        row = connection.execute("SELECT speed_mps FROM device_state").fetchone()
        return None if row is None else row[0]

    assert shown(Fix(now - 100_000_000, LON, LAT)) is None
    assert shown(Fix(now - 80_000_000, LON, LAT + 0.002)) == pytest.approx(11.1, abs=0.1)
    around = world(connection)
    assert shown(Fix(now - 60_000_000, LON, LAT + 0.002)) == 0
    more = Fix(now - 50_000_000, LON, LAT + 0.003), Fix(now - 40_000_000, LON, LAT + 0.004)
    assert shown(*more) == pytest.approx(11.1, abs=0.1)
    assert shown(Fix(now - 30_000_000, LON, LAT + 0.01, speed_mps=2.5)) == 2.5
    assert connection.execute("SELECT count(*) FROM fix WHERE speed_mps IS NULL").fetchone() == (5,)


def test_rejects_are_kept_once_a_message_and_reason(connection: psycopg.Connection) -> None:
    now = now_us()
    bad = [Fix(now, LON, 95.0), Fix(now, LON, 96.0), Fix(now, 200.0, LAT), Fix(now + 10**9, LON, LAT)]
    work, inserted = write(
        connection,
        world(connection),
        arrival("d0", *bad, Fix(now, LON, LAT)),
        arrival("nobody\0", Fix(now, LON, LAT)),
        arrival("d1", Reject(Reason.NO_FIX, "status V")),
    )
    assert inserted == 1
    assert work.rejected()[Reason.BAD_LATITUDE] == 2
    rows = connection.execute("SELECT reason, device_key, detail FROM dead_letter ORDER BY id").fetchall()
    assert sorted(row[0] for row in rows) == ["bad_latitude", "bad_longitude", "in_future", "unknown_device"]
    assert ("bad_latitude", "d0", "lat 95.0 (and 1 more)") in rows


def test_a_disabled_device_is_refused(connection: psycopg.Connection) -> None:
    connection.execute("UPDATE device SET enabled = false WHERE key = 'd0'")
    work, inserted = write(connection, world(connection), arrival("d0", Fix(now_us(), LON, LAT)))
    assert (inserted, work.rejected()) == (0, {Reason.DISABLED_DEVICE: 1})


def test_connection_status_changes_a_known_state(connection: psycopg.Connection) -> None:
    around = world(connection)
    write(connection, around, arrival("d0", Fix(now_us(), LON, LAT)))
    write(connection, around, arrival("d0", ConnectionStatus(online=False)))
    assert connection.execute("SELECT connected FROM device_state").fetchall() == [(False,)]


def test_a_failed_commit_leaves_nothing_behind(connection: psycopg.Connection) -> None:
    around = world(connection)
    connection.execute("DELETE FROM roster; DELETE FROM device WHERE key = 'd1'")
    arrivals = (arrival("d0", Fix(now_us(), LON, LAT)), arrival("d1", Fix(now_us(), LON, LAT)))
    work = pipeline.process(arrivals, around)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        store.commit(connection, work)
    assert connection.execute("SELECT count(*) FROM fix").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM fix_incoming").fetchone() == (0,)
    store.commit(connection, pipeline.process(arrivals, world(connection)))
    assert connection.execute("SELECT count(*) FROM fix").fetchone() == (1,)


def test_what_is_there_without_our_knowing_is_not_stored_twice(connection: psycopg.Connection) -> None:
    around = world(connection)
    moment = now_us()
    both = [Fix(moment, LON, LAT), Fix(moment + 1_000_000, LON, LAT)]
    write(connection, world(connection), arrival("d0", both[0]))
    work = pipeline.process([arrival("d0", *both)], around)
    assert not (work.fixes.flags & Flag.LATE).any()
    assert store.commit(connection, work) == 1
    assert connection.execute("SELECT count(*) FROM fix").fetchone() == (2,)


def test_partitions_are_made_once_and_take_their_day(connection: psycopg.Connection) -> None:
    day = date(2026, 2, 28)
    days = [day + timedelta(days=shift) for shift in range(3)]
    partitions.ensure(connection, days)
    partitions.ensure(connection, days)
    assert {"fix_20260228", "fix_20260301", "fix_20260302"} <= partitions.known_partitions(connection)
    bounds = connection.execute(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'fix_20260228'"
    ).fetchone()
    assert bounds == ("FOR VALUES FROM ('2026-02-28 00:00:00+00') TO ('2026-03-01 00:00:00+00')",)
    indexes = connection.execute(
        "SELECT count(*) FROM pg_indexes WHERE tablename = 'fix_20260228'"
    ).fetchone()
    assert indexes == (2,)


def test_the_content_hash_tells_fixes_apart_and_not_their_sign_of_zero() -> None:
    fixes = [
        *(Fix(0, 1.0, 2.0), Fix(9, 1.0, 2.0), Fix(0, 2.0, 1.0), Fix(0, 0.0, 2.0), Fix(0, -0.0, 2.0)),
        *(Fix(0, 1.0, 2.0, speed_mps=0.0), Fix(0, 1.0, 2.0, course_deg=0.0), Fix(0, 1.0, 2.0, satellites=0)),
    ]
    zeros = [0] * len(fixes)
    content = from_fixes(fixes, zeros, zeros, zeros).content.tolist()
    assert content[0] == content[1]
    assert content[3] == content[4]
    assert len(set(content)) == len(fixes) - 2
    assert content[0] == 7_520_216_427_611_483_321  # stored in keys: it must stay
