"""The writer keeps up with the city and gets past what the database refuses."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from benchmarks import scene
from ingest.writer import BatchWriter, DatabaseAway, pause_before
from tracking.arrival import Arrival
from tracking.clock import now_us
from tracking.fix import Fix
from tracking.reasons import Reason
from tracking.rules import make_rules
from tracking.settings import TrackingSettings

LON, LAT = scene.WEST + 0.0005, scene.SOUTH + 0.0004


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 5)
        yield made


@pytest.fixture
def writer(database_url: str, connection: psycopg.Connection) -> Iterator[BatchWriter]:
    made = BatchWriter(
        database_url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=3_600,
        grids_every_s=3_600,
    )
    yield made
    made.close()


def arrival(key: str, *, lon: float = LON, ago_us: int = 1_000_000, **more: float) -> Arrival:
    now = now_us()
    return Arrival("topic", b"raw", now, key, [Fix(now - ago_us, lon, LAT, **more)])


def grids_of_newest(connection: psycopg.Connection) -> list[tuple[int | None]]:
    return connection.execute("SELECT unit_grid_id FROM fix ORDER BY fix_time DESC LIMIT 1").fetchall()


def test_changed_grids_take_effect_within_a_second(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    writer.write([arrival("d0", lon=LON - 0.01, ago_us=9_000_000)])
    assert grids_of_newest(connection) == [(None,)]
    connection.execute(
        """UPDATE unit_grid SET geom = ST_Translate(geom, -0.01, 0) WHERE code = '990102001000001';
           SELECT bump_layers(ARRAY['unit_grid'])"""
    )
    began = time.monotonic()
    while grids_of_newest(connection) == [(None,)]:
        writer.write([arrival("d0", lon=LON - 0.01)])
        assert time.monotonic() - began < 1
    assert grids_of_newest(connection) == [(1,)]


def test_a_device_registered_now_is_known_at_its_first_message(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    ((_, inserted),) = writer.write([arrival("new")])
    assert inserted == 0
    connection.execute("UPDATE device SET key = 'new' WHERE key = 'd4'")
    time.sleep(0.1)
    ((_, inserted),) = writer.write([arrival("new")])
    assert inserted == 1


def test_a_disabled_device_is_refused_at_once(writer: BatchWriter, connection: psycopg.Connection) -> None:
    writer.write([arrival("d0")])
    connection.execute("UPDATE device SET enabled = false WHERE key = 'd0'")
    time.sleep(0.1)
    ((work, _),) = writer.write([arrival("d0")])
    assert work.rejected() == {Reason.DISABLED_DEVICE: 1}


def test_a_message_the_database_refuses_becomes_a_dead_letter_alone(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    connection.execute("ALTER TABLE fix ADD CONSTRAINT poison CHECK (speed_mps IS DISTINCT FROM 66)")
    good = [arrival(f"d{number % 5}", ago_us=number * 1_000_000) for number in range(1, 21)]
    done = writer.write([*good[:7], arrival("d1", speed_mps=66.0), *good[7:]])
    assert sum(inserted for _, inserted in done) == 20
    assert connection.execute("SELECT count(*) FROM fix").fetchone() == (20,)
    assert connection.execute("SELECT reason, payload FROM dead_letter").fetchall() == [
        ("not_storable", b"raw")
    ]


def test_a_lost_connection_is_told_and_the_next_try_works(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    batch = [arrival("d0")]
    writer.write(batch)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wanmi-ingest'"
    )
    with pytest.raises(DatabaseAway):
        writer.write(batch)
    ((_, inserted),) = writer.write(batch)
    assert inserted == 0
    assert connection.execute("SELECT count(*) FROM fix").fetchone() == (1,)


def test_a_late_fix_gets_the_partition_of_its_day(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    day_us = 86_400_000_000
    ((work, inserted),) = writer.write(
        [arrival("d0", ago_us=300 * day_us), arrival("d0", ago_us=500 * day_us), arrival("d0")]
    )
    assert inserted == 2
    assert work.rejected() == {Reason.TOO_OLD: 1}


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause_before(tries, 5.0) for tries in (1, 2, 3, 7, 100)] == [0.1, 0.2, 0.4, 5.0, 5.0]
