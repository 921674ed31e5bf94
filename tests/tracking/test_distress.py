"""The SOS button: an alert at once, once, until a person ends it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from benchmarks import scene
from ingest.jt808.location import Location
from ingest.writer import BatchWriter
from tracking.arrival import Arrival, Outcome
from tracking.clock import datetime_of, now_us
from tracking.fix import Distress, Fix
from tracking.settings import TrackingSettings
from tracking.signals import SOS

SECOND = 1_000_000


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 3)
        yield made


@pytest.fixture
def writer(database_url: str, connection: psycopg.Connection[Any]) -> Iterator[BatchWriter]:
    made = BatchWriter(
        database_url, tracking=TrackingSettings(), rules=(), directory_every_s=3_600, grids_every_s=3_600
    )
    yield made
    made.close()


def arrive(*outcomes: Outcome, key: str = "d0") -> Arrival:
    return Arrival("topic", b"raw", now_us(), key, list(outcomes))


def alerts(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT device_id, severity, closed_at IS NULL FROM alert WHERE rule = 'sos' ORDER BY id"
    ).fetchall()


def handle(connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE alert SET closed_at = now(), close_reason = 'handled' WHERE closed_at IS NULL")


def test_one_alert_until_a_person_ends_it_and_a_new_press_opens_a_new_one(
    writer: BatchWriter, connection: psycopg.Connection[Any]
) -> None:
    now = now_us()

    def fix(ago_s: float, signals: int = SOS) -> Fix:
        return Fix(now - round(ago_s * SECOND), scene.WEST, scene.SOUTH, signals=signals)

    calls = [arrive(fix(100, 0)), arrive(fix(90), fix(80)), arrive(fix(70))]
    for call in calls:
        writer.write([call])
    assert alerts(connection) == [(1, "critical", True)]
    writer.write([arrive(fix(60, 0), fix(50, 0))])
    assert alerts(connection) == [(1, "critical", True)], "it does not end by itself"
    events = connection.execute("SELECT event FROM outbox ORDER BY seq").fetchall()
    assert [event for (event,) in events] == ["opened", "updated"]
    handle(connection)
    writer.write(calls)
    assert len(alerts(connection)) == 1, "sent again by the broker"
    writer.write([arrive(fix(40)), arrive(fix(30))])
    assert alerts(connection) == [(1, "critical", False), (1, "critical", True)]
    handle(connection)
    writer.write([arrive(fix(20)), arrive(fix(10))])
    assert len(alerts(connection)) == 2, "the button is still held"


def test_a_call_in_a_backlog_counts(writer: BatchWriter, connection: psycopg.Connection[Any]) -> None:
    now = now_us()
    writer.write([arrive(Fix(now, scene.WEST, scene.SOUTH))])
    writer.write([arrive(Fix(now - 3_600 * SECOND, scene.WEST, scene.SOUTH, signals=SOS))])
    (opened,) = connection.execute("SELECT opened_at, lon FROM alert").fetchall()
    assert opened == (datetime_of(now - 3_600 * SECOND), scene.WEST)


def test_a_call_without_a_fix_is_shown_where_the_unit_was_last(
    writer: BatchWriter, connection: psycopg.Connection[Any]
) -> None:
    writer.write([arrive(Fix(now_us(), 120.25, 30.25))])
    location = Location(1, 0, 0.0, 0.0, 0, 0.0, 0, datetime_of(now_us()))
    outcome = location.outcome()
    assert isinstance(outcome, Distress)
    writer.write([arrive(outcome), arrive(Distress(now_us(), SOS), key="d1")])
    rows = connection.execute("SELECT device_id, lon, lat FROM alert ORDER BY device_id").fetchall()
    assert rows == [(1, 120.25, 30.25), (2, 0.0, 0.0)]
