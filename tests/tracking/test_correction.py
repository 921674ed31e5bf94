"""Late fixes correct the alerts: in any order of arrival the same alerts come out."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from benchmarks import disorder, every_rule, scene
from ingest.writer import BatchWriter
from tracking import reconciliation
from tracking.arrival import Arrival
from tracking.clock import now_us
from tracking.correction import Correction
from tracking.fix import Fix
from tracking.rules import make_rules
from tracking.settings import CorrectionSettings, TrackingSettings

INSIDE, OUTSIDE = scene.SOUTH + 0.0004, scene.SOUTH + 0.05
AT_ONCE = CorrectionSettings(quiet_s=0, timers_after_s=0, share=1)


def new_writer(url: str) -> BatchWriter:
    return BatchWriter(
        url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=3_600,
        grids_every_s=3_600,
        correction=AT_ONCE,
    )


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 8)
        yield made


@pytest.fixture
def writer(database_url: str, connection: psycopg.Connection) -> Iterator[BatchWriter]:
    made = new_writer(database_url)
    yield made
    made.close()


def settle(writer: BatchWriter) -> list[Correction]:
    done: list[Correction] = []
    while True:
        more = writer.tend()
        done += more
        if not more:
            return done


def message(*fixes: Fix, key: str = "d0") -> Arrival:
    return Arrival("topic", b"", now_us(), key, list(fixes))


def alerts(connection: psycopg.Connection, device: int) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT rule, opened_at, last_seen_at, closed_at, close_reason, lon, lat, last_lon, last_lat,"
        " evidence ->> 'worst', evidence -> 'fixes' FROM alert"
        " WHERE device_id = %s AND withdrawn_at IS NULL ORDER BY rule, opened_at",
        [device],
    ).fetchall()


@pytest.mark.parametrize(("seed", "outside_duty"), [(1, "keep"), (2, "drop")])
def test_disorder_gives_what_order_gives(
    writer: BatchWriter, connection: psycopg.Connection, seed: int, outside_duty: str
) -> None:
    every_rule.define_rules(connection, now_us())
    connection.execute("UPDATE off_duty_rule SET outside = %s", [outside_duty])
    connection.execute("UPDATE roster SET responsibility_grid_id = 1")
    connection.execute(
        "UPDATE roster SET starts_at = now() - interval '20 hours', ends_at = now() - interval '30 minutes'"
    )
    connection.execute(
        "INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id)"
        " SELECT id, now() - interval '90 minutes', now() - interval '55 minutes', 2 FROM device"
    )
    now = now_us()
    tracks = [disorder.track(seed * 100 + number, 700, now - 5_000_000) for number in range(4)]
    for batch in disorder.in_order({f"d{n}": track for n, track in enumerate(tracks)}, now, fixes=300):
        writer.write(batch)
    assert settle(writer) == []
    late = {f"d{n + 4}": track for n, track in enumerate(tracks)}
    for number, batch in enumerate(disorder.in_disorder(late, now, seed, fixes=300)):
        writer.write(batch)
        if number % 5 == 4:
            writer.tend()
        if number == 7:
            writer.close()  # what is remembered is read again
    assert settle(writer)
    pairs = connection.execute(
        "SELECT a.id, b.id FROM device a JOIN device b"
        " ON b.key = 'd' || substr(a.key, 2)::int + 4 WHERE a.key < 'd4'"
    ).fetchall()
    rules = set()
    for ordered, disordered in pairs:
        expected = alerts(connection, ordered)
        rules |= {row[0] for row in expected}
        assert alerts(connection, disordered) == expected
    assert rules >= {"outside_grid", "ban", "city", "speeding", "dwell", "lost"}
    states = connection.execute(
        "SELECT count(DISTINCT rule_state) FROM device_state s JOIN device d ON d.id = s.device_id"
        " GROUP BY substr(d.key, 2)::int % 4"
    ).fetchall()
    assert states == [(1,)] * 4


def absence(writer: BatchWriter, start_us: int, *, hole: range = range(0)) -> list[Fix]:
    """A unit that leaves its grid for ten fixes and comes back; the fixes of ``hole`` are kept back."""
    lats = [INSIDE] * 5 + [OUTSIDE] * 10 + [INSIDE] * 5
    fixes = [Fix(start_us + n * 30_000_000, scene.WEST + 0.0005, lat) for n, lat in enumerate(lats)]
    for number, fix in enumerate(fixes):
        if number not in hole:
            writer.write([message(fix)])
    return [fixes[number] for number in hole]


def test_what_a_person_noted_stays_and_the_correction_is_recorded(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    start = now_us() - 3 * 3_600_000_000
    kept = absence(writer, start, hole=range(5, 8))
    connection.execute("UPDATE alert SET acknowledged_at = now(), note = '已电话联系'")
    writer.write([message(*kept, *kept)])
    (done,) = settle(writer)
    assert done.outcome._asdict() == {"unchanged": 0, "corrected": 1, "added": 0, "withdrawn": 0}
    rows = connection.execute(
        "SELECT round(extract(epoch FROM opened_at) * 1000000)::bigint, note, acknowledged_at IS NULL"
        " FROM alert"
    ).fetchall()
    assert rows == [(start + 5 * 30_000_000, "已电话联系", False)]
    log = connection.execute("SELECT event, detail ->> 'reason' FROM alert_log").fetchall()
    assert log == [("corrected", "late_fixes")]
    events = connection.execute("SELECT event FROM outbox WHERE topic = 'alert' ORDER BY seq").fetchall()
    assert events[0] == ("opened",)
    assert events[-1] == ("corrected",)
    writer.write([message(*kept)])
    assert settle(writer) == []


@pytest.mark.parametrize(("closed_by_hand", "moved"), [(False, True), (True, False)])
def test_only_what_a_person_closed_keeps_its_end(
    writer: BatchWriter, connection: psycopg.Connection, closed_by_hand: bool, moved: bool
) -> None:
    start = now_us() - 3 * 3_600_000_000
    kept = absence(writer, start, hole=range(12, 17))
    connection.execute(
        "INSERT INTO person (name, org_unit_id, area_code) SELECT '值', min(id), '990102' FROM org_unit"
    )
    connection.execute("UPDATE alert SET note = '已说明', handled_by = (SELECT max(id) FROM person)")
    if closed_by_hand:
        connection.execute("UPDATE alert SET close_reason = 'handled'")
    before = connection.execute("SELECT closed_at FROM alert").fetchone()
    writer.write([message(*kept)])
    (done,) = settle(writer)
    assert done.outcome.corrected == moved
    after = connection.execute("SELECT closed_at FROM alert").fetchone()
    assert (after != before) is moved


def test_an_alert_that_never_was_is_withdrawn_and_stays_to_be_read(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    start = now_us() - 3_600_000_000
    places = [INSIDE, INSIDE, OUTSIDE, OUTSIDE, INSIDE, INSIDE]
    for number, lat in enumerate(places):
        writer.write([message(Fix(start + number * 30_000_000, scene.WEST + 0.0005, lat))])
    assert connection.execute("SELECT close_reason FROM alert").fetchall() == [("returned",)]
    between = [Fix(start + 75_000_000, scene.WEST + 0.0005, INSIDE)]
    writer.write([message(*between)])
    settle(writer)
    rows = connection.execute("SELECT close_reason, withdrawn_at IS NULL FROM alert").fetchall()
    assert rows == [("withdrawn", False)]
    assert connection.execute("SELECT event FROM alert_log").fetchall() == [("withdrawn",)]
    assert connection.execute("SELECT rule_state FROM device_state").fetchall() == [({},)]


@pytest.mark.parametrize("after", [True, False])
def test_a_correction_that_breaks_off_is_done_again(
    writer: BatchWriter,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    after: bool,
) -> None:
    start = now_us() - 3_600_000_000
    kept = absence(writer, start, hole=range(5, 15))
    writer.write([message(*kept)])
    real = reconciliation.reconcile

    def dying(*arguments: Any) -> Any:
        if after:
            real(*arguments)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wanmi-ingest'"
        )
        return real(*arguments)

    monkeypatch.setattr(reconciliation, "reconcile", dying)
    with pytest.raises(Exception, match=r"terminat|clos"):
        settle(writer)
    assert connection.execute("SELECT count(*) FROM alert").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM rule_dirty").fetchone() == (1,)
    monkeypatch.undo()
    settle(writer)
    rows = connection.execute("SELECT rule, close_reason FROM alert").fetchall()
    assert rows == [("outside_grid", "returned")]
    assert connection.execute("SELECT count(*) FROM rule_dirty").fetchone() == (0,)


LOST = """
INSERT INTO alert_rule (key, version, definition, changed_at)
VALUES ('lost', 1, '{"key": "lost", "kind": "signal_lost"}', '2020-01-01')
"""


def silent_since(last: int) -> list[Fix]:
    return [Fix(last - n * 30_000_000, scene.WEST, INSIDE, speed_mps=9.0) for n in (2, 1, 0)]


def test_the_silence_of_a_disabled_device_says_nothing(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    connection.execute(LOST)
    writer.write([message(*silent_since(now_us() - 400_000_000))])
    connection.execute("UPDATE device SET enabled = false")
    writer.close()  # reads the devices again
    writer.tend()
    assert connection.execute("SELECT count(*) FROM alert").fetchone() == (0,)
    connection.execute("UPDATE device SET enabled = true")
    writer.close()
    writer.tend()
    assert connection.execute("SELECT count(*) FROM alert").fetchone() == (1,)


def test_a_rule_for_single_devices_is_judged_again_for_these(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    connection.execute(
        "INSERT INTO alert_rule (key, version, definition, changed_at) VALUES ('flat', 1,"
        ' \'{"key": "flat", "kind": "low_battery", "devices": ["d0"]}\', \'2020-01-01\')'
    )
    start = now_us() - 600_000_000
    fixes = [
        Fix(start + n * 20_000_000, scene.WEST, INSIDE, battery_pct=90 if n in (0, 12, 13, 14) else 10)
        for n in range(15)
    ]
    for key in ("d0", "d1"):
        writer.write([message(*fixes[:5], *fixes[6:], key=key)])
        writer.write([message(fixes[5], key=key)])
    assert {one.device_id for one in settle(writer)} == {1, 2}
    told = "SELECT device_id, close_reason FROM alert WHERE rule = 'flat'"
    assert connection.execute(told).fetchall() == [(1, "returned")]


def test_a_silence_is_told_by_the_clock_and_survives_a_restart(
    writer: BatchWriter, connection: psycopg.Connection, database_url: str
) -> None:
    connection.execute(LOST)
    last = now_us() - 400_000_000
    writer.write([message(*silent_since(last))])
    writer.tend()
    told = "SELECT round(extract(epoch FROM opened_at) * 1000000)::bigint, close_reason FROM alert"
    assert connection.execute(told).fetchall() == [(last + 300_000_000, None)]
    writer.close()
    writer.tend()
    assert len(connection.execute(told).fetchall()) == 1
    writer.write([message(Fix(last + 20_000_000, scene.WEST, INSIDE, speed_mps=0.0))])
    assert connection.execute(told).fetchall() == [(last + 300_000_000, "withdrawn")]
    assert connection.execute("SELECT detail ->> 'reason' FROM alert_log").fetchall() == [("next_fix",)]
