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
from tracking.quality import Track
from tracking.quality.track import make_track
from tracking.rules.definitions import RuleDefinition, Schedule
from tracking.rules.engine import START, Memory, Watch
from tracking.rules.hysteresis import Hysteresis, Step
from tracking.rules.places import Places

GRID = Places(np.array([shapely.box(119.99, 30.49, 120.01, 30.51)], dtype=object), [{"limit_kmh": 30}])
NOWHERE = Places(np.zeros(0, dtype=object), [])


def watch(kind: str, **more: object) -> Watch:
    rule = RuleDefinition(kind, kind, **more)  # type: ignore[arg-type]
    return Watch(rule, GRID, "d", 10.0)


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


@pytest.mark.parametrize("watched", WATCHES, ids=lambda watched: watched.rule.kind)
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.lists(st.integers(0, 210), max_size=12))
def test_pieces_give_what_the_whole_gives(watched: Watch, seed: int, cuts: list[int]) -> None:
    track = wander(seed)
    _, whole = watched.judge(track)
    memory, pieces = START, list[Step]()
    edges = sorted({0, len(track), *(cut for cut in cuts if cut < len(track))})
    for start, end in pairwise(edges):
        memory, steps = watched.judge(track.take(np.arange(start, end)), memory)
        memory = msgspec.convert(msgspec.json.decode(msgspec.json.encode(memory)), Memory)
        pieces += steps
    assert pieces == whole


@pytest.mark.parametrize("watched", WATCHES, ids=lambda watched: watched.rule.kind)
def test_every_rule_opens_somewhere_and_episodes_take_turns(watched: Watch) -> None:
    opened = 0
    for seed in range(31):
        is_open = False
        for step in watched.judge(wander(seed))[1]:
            assert is_open == (step.kind != "open")
            is_open = step.kind != "close"
            opened += step.kind == "open"
    assert opened


def test_one_fast_sample_is_no_speeding_and_a_filler_is_none() -> None:
    fast = Watch(RuleDefinition("speeding", "speeding", pace=Hysteresis(3, 20, 2)), NOWHERE, "d", 10)
    track = drive(speed_mps=10)
    speed = np.full(200, 10.0)
    speed[50] = 40.0
    assert fast.judge(track.with_columns(speed_mps=speed))[1] == []
    parked = make_track(np.arange(200), track.time_us, np.full(200, 120.0), np.full(200, 30.5))
    assert fast.judge(parked.with_columns(speed_mps=np.full(200, 28.0)))[1] == []
    assert [step.kind for step in fast.judge(drive(speed_mps=30))[1]][:1] == ["open"]


def test_a_night_ban_holds_over_midnight() -> None:
    ban = Schedule((5,), time(22), time(6))  # Friday night
    friday = np.datetime64("2026-11-20T22:00:00", "us") - np.timedelta64(8, "h")
    hours = friday.astype(np.int64) + np.arange(-2, 10) * 3_600_000_000
    assert ban.holds(hours).tolist() == [False] * 2 + [True] * 8 + [False] * 2


def test_a_parked_terminal_that_sleeps_has_not_lost_its_signal() -> None:
    lost = watch("signal_lost")
    time_us = START_US + np.array([0, 10, 20, 30, 5_000, 5_010]) * 1_000_000
    place = np.full(6, 120.0), np.full(6, 30.5)
    assert lost.judge(make_track(np.arange(6), time_us, *place))[1] == []
    away = np.array([120.0, 120.001, 120.002, 120.003, 120.05, 120.051])
    steps = lost.judge(make_track(np.arange(6), time_us, away, place[1]))[1]
    assert [(step.kind, (step.opened_us - START_US) / 1e6) for step in steps] == [
        ("open", 330),
        ("close", 330),
    ]
