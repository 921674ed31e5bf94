"""Rules judged piece by piece give what they give over the whole, whatever the pieces."""

from datetime import time
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.test_quality import START_US, drive
from tracking.batch import FixBatch, from_fixes
from tracking.directory import Device, Directory
from tracking.fix import Fix
from tracking.locator import make_locator
from tracking.quality import Track
from tracking.quality.track import make_track
from tracking.rules.base import NOTHING, Change, Judgement, Last, Remembered, Scene
from tracking.rules.definitions import RuleDefinition, Schedule
from tracking.rules.hysteresis import Hysteresis
from tracking.rules.kinds import Outside
from tracking.rules.live import LiveRule, RuleLine
from tracking.rules.places import NO_PLACES, Places
from tracking.rules.way import Before, nothing_before, way_of

GRID = Places(np.array([shapely.box(119.99, 30.49, 120.01, 30.51)], dtype=object), [{"limit_kmh": 30}])
DEVICE = Device(1, "d", True, "990102001", "inspector", 7, 10)
DIRECTORY = Directory({"d": DEVICE}, {}, {1: DEVICE})
NO_GRIDS = make_locator([], [])


def watch(kind: str, places: Places = GRID, **more: object) -> LiveRule:
    rule = RuleDefinition(kind, kind, **more)  # type: ignore[arg-type]
    return LiveRule(rule, places, kind=Outside() if kind == "outside_grid" else None)


def batch_of(track: Track) -> FixBatch:
    fixes = [
        Fix(int(moment), lon, lat, speed_mps=None if np.isnan(speed) else speed)
        for moment, lon, lat, speed in zip(
            track.time_us, track.lon.tolist(), track.lat.tolist(), track.speed_mps.tolist(), strict=True
        )
    ]
    count = len(fixes)
    return from_fixes(fixes, [0] * count, [1] * count, [0] * count)


def judge(
    rule: LiveRule, fixes: FixBatch, states: dict[int, Remembered], last: Before
) -> tuple[Judgement, Before]:
    """One piece of a track, with the fix before it; the last fix afterwards."""
    way = way_of(fixes, last, within_s=600, noise_m=15)
    judged = rule.judge(fixes, Scene(DIRECTORY, NO_GRIDS, way), states)
    end = np.array([fixes.fix_time_us[-1]]), fixes.lon[-1:], fixes.lat[-1:], way.speed_mps[-1:]
    return judged, Before(*end)


def judge_whole(rule: LiveRule, track: Track) -> list[Change]:
    fixes = batch_of(track)
    return judge(rule, fixes, {}, nothing_before(len(fixes)))[0].changes


WATCHES = [
    watch("outside_grid"),
    watch("forbidden_zone"),
    watch("forbidden_zone", schedule=Schedule((1, 2, 3), time(18), time(7))),
    watch("speeding", limit_kmh=40, pace=Hysteresis(3, 20, 2)),
    watch("dwell", after_s=60, radius_m=80, pace=Hysteresis(1, 0, 1)),
    watch("signal_lost", min_s=40),
]


def wander(seed: int) -> Track:
    """In and out of the grid, fast and slow, with stays and silences."""
    rng = np.random.default_rng(seed)
    track = drive(150, seed=seed, speed_mps=14)
    stay = np.sort(rng.choice(150, 60))
    rows = np.sort(np.r_[np.arange(150), stay])
    seconds = np.cumsum(rng.choice([5, 10, 10, 10, 90, 400], len(rows)))
    return make_track(
        np.arange(len(rows)),
        START_US + seconds.astype(np.int64) * 1_000_000,
        track.lon[rows],
        track.lat[rows],
    )


@pytest.mark.parametrize("watched", WATCHES, ids=lambda watched: watched.definition.kind)
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 30), st.lists(st.integers(1, 209), max_size=12))
def test_pieces_give_what_the_whole_gives(watched: LiveRule, seed: int, cuts: list[int]) -> None:
    whole = batch_of(wander(seed))
    expected = judge(watched, whole, {}, nothing_before(len(whole)))[0].changes
    states: dict[int, Remembered] = {}
    changes = list[Change]()
    last = nothing_before(1)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    for start, end in pairwise(edges):
        piece = whole.take(np.arange(start, end))
        judged, last = judge(watched, piece, states, last)
        read = msgspec.json.decode(msgspec.json.encode(judged.all_states()), type=dict[int, Remembered])
        states = {device: state for device, state in (states | read).items() if state != NOTHING}
        changes += judged.changes
    assert changes == expected


@pytest.mark.parametrize("watched", WATCHES, ids=lambda watched: watched.definition.kind)
def test_every_rule_opens_somewhere_and_episodes_take_turns(watched: LiveRule) -> None:
    opened = 0
    for seed in range(31):
        is_open = False
        for change in judge_whole(watched, wander(seed)):
            assert is_open == (change.kind != "open")
            is_open = change.kind != "close"
            opened += change.kind == "open"
    assert opened


def test_one_fast_sample_is_no_speeding_and_a_filler_is_none() -> None:
    fast = watch("speeding", NO_PLACES, pace=Hysteresis(3, 20, 2))
    track = drive(speed_mps=10)
    speed = np.full(200, 10.0)
    speed[50] = 40.0
    assert judge_whole(fast, track.with_columns(speed_mps=speed)) == []
    parked = make_track(np.arange(200), track.time_us, np.full(200, 120.0), np.full(200, 30.5))
    assert judge_whole(fast, parked.with_columns(speed_mps=np.full(200, 28.0))) == []
    assert [change.kind for change in judge_whole(fast, drive(speed_mps=30))][:1] == ["open"]


def test_a_night_ban_holds_over_midnight() -> None:
    ban = Schedule((5,), time(22), time(6))  # Friday night
    friday = np.datetime64("2026-11-20T22:00:00", "us") - np.timedelta64(8, "h")
    hours = friday.astype(np.int64) + np.arange(-2, 10) * 3_600_000_000
    assert ban.holds(hours).tolist() == [False] * 2 + [True] * 8 + [False] * 2


def test_a_parked_terminal_that_sleeps_has_not_lost_its_signal() -> None:
    lost = watch("signal_lost")
    time_us = START_US + np.array([0, 10, 20, 30, 5_000, 5_010]) * 1_000_000
    place = np.full(6, 120.0), np.full(6, 30.5)
    assert judge_whole(lost, make_track(np.arange(6), time_us, *place)) == []
    away = np.array([120.0, 120.001, 120.002, 120.003, 120.05, 120.051])
    changes = judge_whole(lost, make_track(np.arange(6), time_us, away, place[1]))
    assert [(change.kind, (change.opened_us - START_US) / 1e6) for change in changes] == [
        ("open", 330),
        ("close", 330),
    ]


def test_a_silence_told_by_the_clock_is_the_one_the_next_fix_tells_or_is_withdrawn() -> None:
    lost = watch("signal_lost")
    track = drive(20)
    fixes = batch_of(track)
    end = int(fixes.fix_time_us[-1])
    _, last = judge(lost, fixes, {}, nothing_before(20))
    ids = np.array([1], dtype=np.int32)
    told = Last(ids, last.time_us, last.lon, last.lat, last.speed_mps)
    scene = Scene(
        DIRECTORY, NO_GRIDS, way_of(fixes.take(np.zeros(20, dtype=bool)), last, within_s=600, noise_m=15)
    )
    assert lost.wake(end + 300_000_000, scene, {}, told).changes == []
    woken = lost.wake(end + 300_000_001, scene, {}, told)
    assert [(change.kind, change.opened_us - end) for change in woken.changes] == [("open", 300_000_000)]
    assert lost.wake(end + 900_000_000, scene, woken.states, told).changes == []
    moment = track.take(np.array([19]))
    after = batch_of(moment.with_columns(time_us=moment.time_us + 400_000_000))
    closed, _ = judge(lost, after, woken.states, last)
    whole = judge(lost, after, {}, last)[0].changes
    assert [*woken.changes, *closed.changes][-1] == whole[-1]
    assert closed.states == {1: NOTHING}
    soon = batch_of(moment.with_columns(time_us=moment.time_us + 10_000_000))
    assert [change.kind for change in judge(lost, soon, woken.states, last)[0].changes] == ["withdraw"]


def test_a_fix_is_judged_by_the_version_of_its_time() -> None:
    track = drive(100, speed_mps=20)
    fixes = batch_of(track)
    middle = int(fixes.fix_time_us[50])
    pace = Hysteresis(3, 20, 2)
    versions = [
        LiveRule(RuleDefinition("fast", "speeding", pace=pace, limit_kmh=20)),
        LiveRule(RuleDefinition("fast", "speeding", 2, pace=pace, enabled=False), since_us=middle),
        LiveRule(RuleDefinition("fast", "speeding", 3, pace=pace, limit_kmh=90), since_us=middle + 1_000_000),
    ]
    way = way_of(fixes, nothing_before(100), within_s=600, noise_m=15)
    changes = RuleLine(versions).judge(fixes, Scene(DIRECTORY, NO_GRIDS, way), {}).changes
    assert (changes[0].kind, changes[0].rule_version) == ("open", 1)
    assert (changes[-1].kind, changes[-1].close_reason, changes[-1].closed_us) == (
        "close",
        "rule_ended",
        middle,
    )
