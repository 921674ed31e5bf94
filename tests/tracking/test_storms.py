"""No storm of alerts: neither by an outage of the platform nor at a border."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import psycopg
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import scene
from ingest.writer import BatchWriter
from tests.tracking.test_gatherings import Clock
from tests.tracking.test_more_rules import METRE, START, directory, located
from tests.tracking.test_more_rules import scene as made_scene
from tracking.arrival import Arrival
from tracking.clock import now_us
from tracking.fix import Fix
from tracking.outages import Outages
from tracking.rules import make_rules
from tracking.rules.definitions import RuleDefinition
from tracking.rules.kinds import Outside
from tracking.rules.live import LiveRule
from tracking.rules.places import Places
from tracking.settings import CorrectionSettings, TrackingSettings

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
FLEET = 300


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, FLEET, on_duty=False)
        made.execute("UPDATE off_duty_rule SET outside = 'keep'")
        made.execute(
            "INSERT INTO alert_rule (key, version, definition, changed_at) VALUES"
            ' (\'lost\', 1, \'{"key": "lost", "kind": "signal_lost"}\', \'2020-01-01\'),'
            ' (\'absent\', 1, \'{"key": "absent", "kind": "never_arrived", "after_s": 900}\', \'2020-01-01\')'
        )
        yield made


def by_rule(connection: psycopg.Connection) -> dict[str, int]:
    rows = connection.execute("SELECT rule, count(*) FROM alert WHERE withdrawn_at IS NULL GROUP BY 1")
    return dict(rows.fetchall())


def test_an_hour_without_the_broker_is_no_silence_of_the_devices(
    database_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = now_us() - 3 * HOUR
    clock = Clock(start)
    monkeypatch.setattr("ingest.writer.now_us", clock)
    connection.execute(
        "INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id)"
        " SELECT id, to_timestamp(%(at)s) + interval '20 minutes',"
        "        to_timestamp(%(at)s) + interval '3 hours', 1 FROM device",
        {"at": start / 1e6},
    )
    writer = BatchWriter(
        database_url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=3_600,
        grids_every_s=3_600,
        clock=clock.seconds,
        correction=CorrectionSettings(quiet_s=0, timers_after_s=0, share=1),
    )

    def report(devices: range, moment_us: int) -> None:
        writer.write(
            [
                Arrival(
                    "t", b"", clock.us, f"d{n}", [Fix(moment_us + n, scene.WEST, scene.SOUTH, speed_mps=8.0)]
                )
                for n in devices
            ]
        )

    def wait(minutes: float) -> None:
        for _ in range(round(minutes * 4)):
            clock.us += 15 * SECOND
            writer.tend()

    report(range(FLEET), clock.us)
    report(range(1, FLEET), clock.us + SECOND)
    wait(9)
    report(range(3, FLEET), clock.us)  # two have gone silent by themselves before
    wait(1)
    assert by_rule(connection) == {"lost": FLEET}
    assert connection.execute("SELECT count(*) FROM alert WHERE closed_at IS NULL").fetchone() == (3,)
    away = clock.us
    writer.broker_away(away)
    wait(60)
    assert by_rule(connection) == {"lost": FLEET}
    writer.broker_away(None)
    wait(2)
    report(range(4, FLEET), clock.us)  # the fourth does not come back
    wait(4)
    assert by_rule(connection) == {"lost": FLEET}
    wait(20)
    assert by_rule(connection)["lost"] == 2 * FLEET - 3
    told = connection.execute("SELECT count(*) FROM alert WHERE rule = 'absent'").fetchone()
    assert told == (0,)
    # Late fixes are judged by the outage as well.
    report(range(10, 20), away + 30 * MINUTE)
    wait(1)
    assert connection.execute("SELECT count(*) FROM alert_log WHERE event <> 'withdrawn'").fetchone() == (0,)
    writer.close()


def test_ingest_that_was_down_has_no_devices_that_were_silent(
    database_url: str, connection: psycopg.Connection
) -> None:
    connection.execute("INSERT INTO ingest_alive (at) VALUES (now() - interval '2 hours')")
    writer = BatchWriter(
        database_url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=3_600,
        grids_every_s=3_600,
    )
    writer.refresh()
    span = connection.execute(
        "SELECT starts_at < now() - interval '119 minutes', ends_at > now() FROM outage"
    ).fetchall()
    assert span == [(True, True)]
    writer.close()
    writer.refresh()
    assert connection.execute("SELECT count(*) FROM outage").fetchone() == (1,)
    writer.close()


@given(
    spans=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=6),
    since=st.integers(0, 200),
    wait=st.integers(0, 200),
)
def test_a_wait_goes_on_where_it_was(spans: list[tuple[int, int]], since: int, wait: int) -> None:
    starts, ends, reached = [], [], 0
    for begin, length in sorted(spans):
        starts.append(max(begin, reached))
        ends.append(max(starts[-1], begin + length))
        reached = ends[-1]
    outages = Outages(np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))
    later = int(outages.later(np.array([since]), np.array([since + wait]))[0])
    out = np.zeros(2_000, dtype=bool)
    for begin, end in zip(starts, ends, strict=True):
        out[begin:end] = True
    assert int((~out[since:later]).sum()) == wait
    assert later == since + wait or not out[later - 1] or wait == 0


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(["left_city", "forbidden_zone"]))
def test_who_stays_at_a_border_makes_no_storm(seed: int, kind: str) -> None:
    """Four hours of noise about a border, a fix every ten seconds: two alerts at most."""
    rng = np.random.default_rng(seed)
    box = Places(np.array([shapely.box(119.9, 29.9, 120.1, 30.0)], dtype=object), [{}])
    north = rng.normal(rng.uniform(-10, 10), 8, 1_440)
    fixes = [
        Fix(START + n * 10 * SECOND, 120.0 + one * METRE, 30.0 + other * METRE)
        for n, (one, other) in enumerate(zip(rng.normal(0, 8, 1_440).tolist(), north.tolist(), strict=True))
    ]
    batch = located(fixes)
    rule = LiveRule(RuleDefinition("r", kind), box, kind=Outside() if kind == "left_city" else None)  # type: ignore[arg-type]
    changes = rule.judge(batch, made_scene(batch, directory()), {}).changes
    assert sum(change.kind == "open" for change in changes) <= 2


def test_an_outage_belongs_to_what_is_judged() -> None:
    rule = LiveRule(RuleDefinition("lost", "signal_lost"))
    fixes = [Fix(START + n * MINUTE, 120.0, 30.0, speed_mps=8.0) for n in (0, 1, 62, 63)]
    batch = located(fixes)
    plain = made_scene(batch, directory())
    assert [change.kind for change in rule.judge(batch, plain, {}).changes] == ["open", "close"]
    span = np.array([START + MINUTE]), np.array([START + 60 * MINUTE])
    assert rule.judge(batch, replace(plain, outages=Outages(*span)), {}).changes == []
