"""A fix is judged by the rule and the zone that were in force at its own time."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from benchmarks import scene
from ingest.writer import BatchWriter
from tests.tracking.test_correction import message, new_writer, settle
from tests.tracking.test_ends import BOUNDS, MINUTE
from tracking.clock import micros_of, now_us
from tracking.fix import Fix
from tracking.rules.loading import load_rules

HERE, THERE = (scene.WEST + 0.001, scene.SOUTH + 0.001), (scene.WEST + 0.02, scene.SOUTH + 0.001)
AROUND = "ST_Multi(ST_MakeEnvelope({0} - 0.003, {1} - 0.003, {0} + 0.003, {1} + 0.003, 4326))"
PACE = '"pace": {"open_after_fixes": 1, "open_after_s": 0, "close_after_fixes": 1, "update_every_s": 1}'


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 2, on_duty=False)
        made.execute(
            "INSERT INTO zone (code, kind, name, area_code, valid_from, geom) VALUES"
            f" ('Z', 'fence', '禁行区', '990102001', '2020-01-01', {AROUND.format(*HERE)})"
        )
        made.execute(
            "INSERT INTO alert_rule (key, version, zone_codes, changed_at, definition)"
            " VALUES ('ban', 1, '{Z}',"
            ' \'2020-01-01\', \'{"key": "ban", "kind": "forbidden_zone", ' + PACE + "}')"
        )
        yield made


@pytest.fixture
def writer(database_url: str, connection: psycopg.Connection) -> Iterator[BatchWriter]:
    made = new_writer(database_url)
    made.refresh()
    yield made
    made.close()


def move(connection: psycopg.Connection, place: tuple[float, float]) -> int:
    """Move the zone; when that was (µs)."""
    connection.execute(f"UPDATE zone SET geom = {AROUND.format(*place)}; SELECT bump_layers('{{zone}}')")
    return recorded(connection)


def end(connection: psycopg.Connection) -> int:
    connection.execute("UPDATE zone SET valid_to = now(); SELECT bump_layers('{zone}')")
    return recorded(connection)


def recorded(connection: psycopg.Connection) -> int:
    time.sleep(0.2)  # the news is on its way
    row = connection.execute("SELECT max(at) FROM edit_row WHERE relation = 'zone'").fetchone()
    assert row is not None
    return micros_of(row[0])


def told(connection: psycopg.Connection, key: str = "d0") -> list[tuple[Any, ...]]:
    rows = connection.execute(BOUNDS, [key]).fetchall()
    return [(row[0], row[2], row[3]) for row in rows]


def test_a_moved_zone_holds_at_once_and_yesterday_stays(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    start = now_us() - 10 * MINUTE
    writer.write([message(Fix(start, *HERE)), message(Fix(start, *THERE), key="d1")])
    moved = move(connection, THERE)
    writer.write([message(Fix(moved + 1_000, *HERE)), message(Fix(moved + 1_000, *THERE), key="d1")])
    assert told(connection) == [(start, moved + 1_000, "returned")]
    assert told(connection, "d1") == [(moved + 1_000, None, None)]
    # What comes late from before the move is judged by the zone of then.
    late = start - MINUTE
    writer.write([message(Fix(late, *HERE)), message(Fix(late, *THERE), key="d1")])
    settle(writer)
    assert told(connection) == [(late, moved + 1_000, "returned")]
    assert told(connection, "d1") == [(moved + 1_000, None, None)]


def test_an_ended_zone_ends_its_alerts_without_a_fix(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    start = now_us() - 10 * MINUTE
    writer.write([message(Fix(start, *HERE))])
    ended = end(connection)
    settle(writer)
    assert told(connection) == [(start, ended, "zone_ended")]
    between = ended - 1_000_000
    writer.write([message(Fix(between, *THERE))])  # older than what the clock has told
    settle(writer)
    assert told(connection) == [(start, between, "returned")]
    writer.write([message(Fix(ended + 1_000, *HERE))])
    settle(writer)
    assert told(connection) == [(start, between, "returned")]


def test_what_was_judged_before_a_change_was_heard_of_is_judged_again(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    # The fix is of after the move, but came before the writer heard of it.
    writer.write([message(Fix(now_us() + 20_000_000, *HERE))])
    assert told(connection) != []
    move(connection, THERE)
    settle(writer)
    assert told(connection) == []
    assert connection.execute("SELECT detail ->> 'reason' FROM alert_log").fetchall() == [("rules",)]


def test_a_zone_counts_from_its_first_day_and_a_change_of_name_is_none(
    connection: psycopg.Connection,
) -> None:
    connection.execute("UPDATE zone SET valid_from = '2020-03-01'")
    connection.execute("UPDATE zone SET name = '渣土车禁行区'")
    (line,) = load_rules(connection)
    assert [version.definition.enabled for version in line.versions] == [False, True]
    connection.execute("UPDATE zone SET valid_from = '2100-01-01'")
    (line,) = load_rules(connection)
    assert [version.definition.enabled for version in line.versions] == [False, True, False, True]
