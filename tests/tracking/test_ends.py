"""Episodes end with the turn of duty, with the schedule, with the rule: by the clock, by a fix, or late."""

from collections.abc import Iterator
from datetime import time
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import scene
from ingest.writer import BatchWriter
from tests.tracking.test_correction import INSIDE, OUTSIDE, message, new_writer, settle
from tests.tracking.test_more_rules import HOUR, MINUTE, START, fix, kinds, located
from tests.tracking.test_more_rules import scene as made_scene
from tracking.batch import FixBatch
from tracking.clock import now_us
from tracking.directory import Device, Directory, Duty
from tracking.fix import Fix
from tracking.rules.base import NOTHING, Change, Last, Remembered
from tracking.rules.definitions import RuleDefinition, Schedule
from tracking.rules.hysteresis import Hysteresis
from tracking.rules.live import LiveRule

SECOND = 1_000_000
DEVICE = Device(1, "d1", True, "990102001")
PACE = Hysteresis(2, 60, 2)
EVENING = Schedule(since=time(18), to=time(2))
RULES = {
    "off_post": RuleDefinition("off_post", "off_post", pace=PACE),
    "by_schedule": RuleDefinition("low", "low_battery", pace=PACE, schedule=EVENING),
    "both": RuleDefinition("both", "off_post", pace=PACE, schedule=EVENING),
}


def turn(number: int, starts_h: float, ends_h: float, grid: int = 7) -> Duty:
    return Duty(
        number, 1, START + round(starts_h * HOUR), START + round(ends_h * HOUR), grid, f"网格{grid}", None
    )


# Two for one grid without a break, one for another at once, one after a break.
TURNS = [turn(1, 0, 2), turn(2, 2, 4), turn(3, 4, 5, grid=8), turn(4, 6, 8)]


def directory(turns: list[Duty]) -> Directory:
    return Directory({"d1": DEVICE}, {1: turns}, {1: DEVICE})


days_of = st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True).map(tuple)
moments = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))


@given(days_of, moments, moments, st.integers(0, 14 * 24 * 60))
def test_a_window_ends_where_it_holds_no_longer(
    days: tuple[int, ...], since: time, to: time, minute: int
) -> None:
    schedule = Schedule(days, since, to)
    at = START // MINUTE * MINUTE + minute * MINUTE
    minutes = at + np.arange(9 * 24 * 60) * MINUTE
    held = schedule.holds(minutes)
    if not held[0]:
        return
    ends = np.flatnonzero(~held)
    assert schedule.until_us(at) == (int(minutes[ends[0]]) if len(ends) else None)


def test_turns_for_one_grid_without_a_break_are_one() -> None:
    known = directory(TURNS)
    assert known.subject_until(1, START) == (START + 4 * HOUR, 8)
    assert known.subject_until(1, START + 3 * HOUR) == (START + 4 * HOUR, 8)
    assert known.subject_until(1, START + 4 * HOUR) == (START + 5 * HOUR, None)
    assert known.subject_until(1, START + 5 * HOUR) is None


def episodes(changes: list[Change]) -> list[tuple[Any, ...]]:
    """Beginning, end, and why; each opened before it ends."""
    found: list[tuple[Any, ...]] = []
    is_open = False
    for change in changes:
        assert is_open == (change.kind != "open")
        is_open = change.kind != "close"
        if change.kind == "open":
            found.append((change.opened_us, None, None))
        found[-1] = (change.opened_us, change.closed_us, change.close_reason)
    return found


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(
        st.tuples(st.integers(0, 9 * 60), st.booleans()), min_size=1, max_size=40, unique_by=lambda p: p[0]
    ),
    ticks=st.lists(st.integers(0, 10 * 60), max_size=8),
)
def test_the_clock_tells_ends_that_the_fixes_would_tell(
    name: str, places: list[tuple[int, bool]], ticks: list[int]
) -> None:
    rule, known = LiveRule(RULES[name]), directory(TURNS)
    fixes = [
        fix(60 * at, 5_000 if breaks else 0, battery_pct=10 if breaks else 90)
        for at, breaks in sorted(places)
    ]
    batch = located(fixes)
    whole = rule.judge(batch, made_scene(batch, known), {}).changes
    live: list[Change] = []
    state: dict[int, Remembered] = {}
    nobody = Last(*(np.zeros(0, kind) for kind in (np.int32, np.int64, np.float64, np.float64, np.float32)))
    steps = [(START + minute * MINUTE, 1, None) for minute in ticks]
    steps += [(one.fix_time_us, 0, one) for one in fixes]  # type: ignore[misc]
    for moment, _, one in sorted(steps, key=lambda step: step[:2]):
        if one is None:
            judgement = rule.wake(moment, made_scene(located([]), known), state, nobody)
        else:
            piece: FixBatch = located([one])
            judgement = rule.judge(piece, made_scene(piece, known), state)
        live += judgement.changes
        read = msgspec.json.decode(msgspec.json.encode(judgement.states), type=dict[int, Remembered])
        state = {device: kept for device, kept in (state | read).items() if kept != NOTHING}
    told = rule.wake(START + 40 * HOUR, made_scene(located([]), known), state, nobody)
    whole_state = {1: rule.judge(batch, made_scene(batch, known), {}).states.get(1, NOTHING)}
    whole_told = rule.wake(START + 40 * HOUR, made_scene(located([]), known), whole_state, nobody)
    assert episodes(live + told.changes) == episodes(whole + whole_told.changes)
    assert all(closed is not None for _, closed, _ in episodes(whole + whole_told.changes))


def test_why_an_episode_ended() -> None:
    rule, known = LiveRule(RULES["off_post"]), directory(TURNS)
    away = located([fix(60 * minute, 5_000) for minute in (200, 210, 250, 260, 290, 400, 410)])
    changes = rule.judge(away, made_scene(away, known), {}).changes
    ends = [((c.closed_us or 0) - START, c.close_reason) for c in changes if c.kind == "close"]
    assert kinds(changes)[0] == "open"
    assert ends == [(4 * HOUR, "reassigned")]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 4)
        made.execute("UPDATE roster SET responsibility_grid_id = 1")
        made.execute("UPDATE off_duty_rule SET outside = 'keep'")
        yield made


@pytest.fixture
def writer(database_url: str, connection: psycopg.Connection) -> Iterator[BatchWriter]:
    made = new_writer(database_url)
    yield made
    made.close()


def end_turns(connection: psycopg.Connection, minutes_ago: int) -> int:
    row = connection.execute(
        "UPDATE roster SET ends_at = date_trunc('second', now()) - make_interval(mins => %s)"
        " RETURNING round(extract(epoch FROM ends_at) * 1000000)::bigint",
        [minutes_ago],
    ).fetchone()
    assert row is not None
    return int(row[0])


BOUNDS = """
SELECT round(extract(epoch FROM opened_at) * 1000000)::bigint,
       round(extract(epoch FROM last_seen_at) * 1000000)::bigint,
       round(extract(epoch FROM closed_at) * 1000000)::bigint, close_reason, last_lat
  FROM alert JOIN device d ON d.id = device_id
 WHERE d.key = %s AND withdrawn_at IS NULL ORDER BY opened_at
"""


def test_a_turn_that_is_over_closes_its_alert_without_a_fix_and_late_ones_correct_it(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    ended = end_turns(connection, 10)
    moments = [ended - minutes * MINUTE for minutes in (30, 29, 28, 20, 5)]
    fixes = [Fix(moment, scene.WEST + 0.0005, OUTSIDE + n / 1e4) for n, moment in enumerate(moments)]
    back = [Fix(ended - minute * MINUTE, scene.WEST + 0.0005, INSIDE) for minute in (4, 3)]
    for fix_ in fixes[:3]:
        writer.write([message(fix_), message(fix_, key="d2")])
    settle(writer)
    expected = (moments[0], moments[2], ended, "off_duty", OUTSIDE + 2 / 1e4)
    assert connection.execute(BOUNDS, ["d0"]).fetchall() == [expected]
    writer.close()  # what the clock told is known after a restart
    writer.write([message(fixes[3])])
    writer.write([message(fixes[4]), message(*back, key="d2")])
    settle(writer)
    assert connection.execute(BOUNDS, ["d0"]).fetchall() == [
        (moments[0], moments[4], ended, "off_duty", OUTSIDE + 4 / 1e4)
    ]
    assert connection.execute(BOUNDS, ["d2"]).fetchall() == [
        (moments[0], moments[2], back[0].fix_time_us, "returned", OUTSIDE + 2 / 1e4)
    ]
    writer.write([message(Fix(ended + MINUTE, scene.WEST, INSIDE))])
    writer.write([message(Fix(ended - 12 * MINUTE, scene.WEST, INSIDE), key="d2")])
    settle(writer)
    assert len(connection.execute(BOUNDS, ["d0"]).fetchall()) == 1
    states = connection.execute("SELECT rule_state FROM device_state ORDER BY device_id").fetchall()
    assert states == [({},), ({},)]


def test_who_is_lost_at_the_end_of_duty_is_not_missed_all_night(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    connection.execute("UPDATE off_duty_rule SET outside = 'drop', before_s = 0, after_s = 60")
    connection.execute(
        "INSERT INTO alert_rule (key, version, definition, changed_at) VALUES"
        ' (\'lost\', 1, \'{"key": "lost", "kind": "signal_lost"}\', \'2020-01-01\')'
    )
    ended = end_turns(connection, 20)
    last = ended - 8 * MINUTE
    for n in (2, 1, 0):
        writer.write([message(Fix(last - n * 30 * SECOND, scene.WEST, INSIDE, speed_mps=9.0))])
    settle(writer)
    closed = (last + 300 * SECOND, ended + MINUTE, ended + MINUTE, "off_duty", INSIDE)
    assert connection.execute(BOUNDS, ["d0"]).fetchall() == [closed]
    writer.close()
    settle(writer)
    assert connection.execute("SELECT count(*) FROM alert").fetchone() == (1,)
    later = ended - MINUTE
    writer.write([message(Fix(later, scene.WEST, INSIDE, speed_mps=0.0))])
    settle(writer)
    assert connection.execute(BOUNDS, ["d0"]).fetchall() == [
        (last + 300 * SECOND, later, later, "returned", INSIDE)
    ]


def test_a_changed_roster_has_its_days_judged_again(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    now = now_us() // MINUTE * MINUTE
    away = [Fix(now - minutes * MINUTE, scene.WEST + 0.0005, OUTSIDE) for minutes in range(180, 0, -5)]
    for one in away:
        writer.write([message(one)])
    settle(writer)
    opened, last = away[0].fix_time_us, away[-1].fix_time_us
    told = connection.execute(BOUNDS, ["d0"]).fetchall()
    assert told == [(opened, last, None, None, OUTSIDE)]
    # The turn was over an hour ago.
    cut = connection.execute(
        "UPDATE roster SET ends_at = date_trunc('minute', now()) - interval '62 minutes'"
        " RETURNING round(extract(epoch FROM ends_at) * 1000000)::bigint"
    ).fetchone()
    assert cut is not None
    settle(writer)
    last = max(one.fix_time_us for one in away if one.fix_time_us < cut[0])
    assert connection.execute(BOUNDS, ["d0"]).fetchall() == [(opened, last, cut[0], "off_duty", OUTSIDE)]
    log = connection.execute("SELECT event, detail ->> 'reason' FROM alert_log").fetchall()
    assert log == [("corrected", "roster")]
    connection.execute("DELETE FROM roster WHERE device_id = (SELECT id FROM device WHERE key = 'd0')")
    settle(writer)
    assert connection.execute(BOUNDS, ["d0"]).fetchall() == []
    connection.execute(
        "INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id)"
        " SELECT id, now() - interval '102 minutes', now() + interval '1 hour', 1 FROM device"
        " WHERE key = 'd0'"
    )
    settle(writer)
    ((first, _, closed, *_),) = connection.execute(BOUNDS, ["d0"]).fetchall()
    assert first == min(one.fix_time_us for one in away if one.fix_time_us >= now - 102 * MINUTE)
    assert closed is None


def test_coming_turns_and_other_columns_of_a_turn_have_nothing_judged(
    writer: BatchWriter, connection: psycopg.Connection
) -> None:
    writer.write([message(Fix(now_us() - MINUTE, scene.WEST, INSIDE))])
    connection.execute(
        "INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id)"
        " SELECT id, now() + interval '10 hours', now() + interval '18 hours', 1 FROM device"
    )
    connection.execute("UPDATE roster SET ends_at = ends_at WHERE starts_at < now()")
    assert connection.execute("SELECT count(*) FROM rule_dirty").fetchone() == (0,)
    connection.execute("UPDATE roster SET responsibility_grid_id = 2 WHERE starts_at < now()")
    assert connection.execute("SELECT cause FROM rule_dirty").fetchall() == [("roster",)]


def test_an_episode_ends_with_the_window_of_its_schedule() -> None:
    rule, known = LiveRule(RULES["by_schedule"]), directory(TURNS)
    batch = located([fix(60 * minute, 0, battery_pct=10) for minute in range(9 * 60)])
    judgement = rule.judge(batch, made_scene(batch, known), {})
    nobody = Last(*(np.zeros(0, kind) for kind in (np.int32, np.int64, np.float64, np.float64, np.float32)))
    told = rule.wake(START + 40 * HOUR, made_scene(located([]), known), judgement.states, nobody)
    found = episodes(judgement.changes + told.changes)
    assert "schedule_ended" in {why for _, _, why in found}
    for _, closed, why in found:
        assert why != "schedule_ended" or not EVENING.holds(np.array([closed]))[0]
