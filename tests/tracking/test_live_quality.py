"""Faults that are seen as fixes come: jumps, frozen and copied places, clocks; counted by device."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import scene
from ingest.writer import BatchWriter
from tracking.arrival import Arrival
from tracking.batch import FixBatch, from_fixes
from tracking.clock import now_us
from tracking.fix import Fix, Flag
from tracking.quality.live import LiveQuality, News
from tracking.settings import TrackingSettings

SECOND = 1_000_000
METRE = 1 / 111_195.0


def batch(places: list[tuple[int, float]], device: int = 1, speed: float | None = None) -> FixBatch:
    """Fixes at seconds and metres to the north."""
    fixes = [Fix(at * SECOND, 120.0, 30.0 + metres * METRE, speed_mps=speed) for at, metres in places]
    count = len(fixes)
    return from_fixes(fixes, [0] * count, [device] * count, [0] * count)


def flags_of(batches: list[FixBatch]) -> list[list[int]]:
    """Flags by batch, with what later batches said of earlier fixes."""
    quality = LiveQuality()
    found: list[list[int]] = []
    place: dict[int, tuple[int, int]] = {}
    for number, fixes in enumerate(batches):
        news = News()
        found.append(quality.judge(fixes, news).tolist())
        for row, moment in enumerate(fixes.fix_time_us.tolist()):
            place[moment] = (number, row)
        for one in news.reflags:
            earlier, row = place[one.fix_time_us]
            found[earlier][row] = found[earlier][row] & ~Flag.LEAP | Flag.JUMP
        quality.remember(news)
    return found


def test_out_and_back_is_a_jump_and_a_leap_stays_a_leap() -> None:
    walk = [(10 * n, 10.0 * n) for n in range(8)]
    spiked = [*walk[:4], (35, 5_000.0), *walk[4:]]
    assert [Flag(f) for f in flags_of([batch(spiked)])[0]] == [0, 0, 0, 0, Flag.JUMP, 0, 0, 0, 0]
    moved = [*walk, *((80 + 10 * n, 9_000.0 + 10 * n) for n in range(4))]
    assert flags_of([batch(moved)])[0] == [0] * 8 + [int(Flag.LEAP)] + [0] * 3
    train = [(10 * n, 800.0 * n) for n in range(8)]
    assert Flag.JUMP not in flags_of([batch(train)])[0]


@given(
    cuts=st.sets(st.integers(1, 11)),
    spikes=st.sets(st.integers(1, 10), max_size=3),
    pace=st.sampled_from([0.0, 20.0, 180.0]),
)
def test_pieces_give_what_the_whole_gives(cuts: set[int], spikes: set[int], pace: float) -> None:
    spikes = {n for n in spikes if n - 1 not in spikes and n + 1 not in spikes}
    places = [(10 * n, 4_000.0 if n in spikes else pace * n / 10) for n in range(12)]
    whole = flags_of([batch(places)])[0]
    edges = [0, *sorted(cuts), 12]
    pieces = [batch(places[a:b]) for a, b in pairwise(edges)]
    assert [flag for piece in flags_of(pieces) for flag in piece] == whole
    assert {n for n, flag in enumerate(whole) if flag & Flag.JUMP} == spikes


def test_a_place_repeated_while_it_drives_is_frozen() -> None:
    driving = [batch([(n, 50.0)], speed=12.0) for n in range(6)]
    assert flags_of(driving) == [[0], [0], [0]] + [[int(Flag.FROZEN)]] * 3
    assert flags_of([batch([(n, 50.0) for n in range(6)], speed=0.2)]) == [[0] * 6]


def test_the_same_way_from_another_device_is_copied() -> None:
    rng = np.random.default_rng(1)
    way = [(10 * n, float(m)) for n, m in enumerate(np.cumsum(rng.uniform(40, 90, 40)))]
    mine, copy, other = batch(way), batch([(at + 500, m) for at, m in way], 2), batch(way[::-1], 3)
    flags = flags_of([mine, copy, other.take(np.arange(40)[::-1])])
    assert not any(flags[0])
    assert flags[1][1:] == [int(Flag.COPIED)] * 39
    quality = LiveQuality()
    news = News()
    quality.judge(mine, news)
    quality.remember(news)
    news = News()
    assert not quality.judge(batch([(9_000 + at, m) for at, m in way]), news).any(), "its own way again"


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        ([28_800.0] * 6, 28_800.0),
        ([-28_795.0, -28_801.0, -28_804.0, -28_799.0, -28_800.0], -28_800.0),
        ([-14_400.0 + 30 * 9 * n for n in range(40)], 0.0),
        ([-14_400.0, 0.0] * 10, 0.0),
        ([28_800.0] * 6 + [1.0], 0.0),
    ],
    ids=["eight hours ahead", "a zone behind", "a backlog that drains", "old ones now and then", "set right"],
)
def test_clocks(leads: list[float], expected: float) -> None:
    quality, told = LiveQuality(), 0.0
    for number, lead in enumerate(leads):
        at = (1_700_000_000 + 10 * number) * SECOND
        fixes = from_fixes([Fix(at + round(lead * SECOND), 120.0, 30.0)], [0], [5], [at])
        news = News()
        quality.watch_clocks(fixes, news)
        quality.remember(news)
        told = news.clocks.get(5, told)
    assert told == expected


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as made:
        scene.make_city(made, side=10)
        scene.make_devices(made, 3)
        yield made


def test_faults_are_stored_and_counted_by_device(
    database_url: str, connection: psycopg.Connection[Any]
) -> None:
    writer = BatchWriter(
        database_url, tracking=TrackingSettings(), rules=(), directory_every_s=3_600, grids_every_s=3_600
    )
    now = now_us()

    def arrive(key: str, at_s: float, north_m: float, received_us: int = now) -> Arrival:
        place = Fix(now + round(at_s * SECOND), scene.WEST, scene.SOUTH + north_m * METRE)
        return Arrival("topic", b"raw", received_us, key, [place])

    for n in range(5):
        writer.write([arrive("d0", -100 + 10 * n, 10 * n if n != 3 else 9_000)])
        writer.write([arrive("d1", 28_800 + 15 * n, 0, now + 15 * n * SECOND)])
    writer.close()
    flags = connection.execute("SELECT flags FROM fix WHERE device_id = 1 ORDER BY fix_time").fetchall()
    assert [row[0] for row in flags] == [0, 0, 0, int(Flag.JUMP), 0]
    tallies = connection.execute("SELECT device_id, reason, count FROM device_tally ORDER BY 1, 2").fetchall()
    assert tallies == [(1, "jump", 1), (1, "leap", 1), (2, "in_future", 5)]
    assert connection.execute("SELECT device_id, offset_s FROM device_clock").fetchall() == [(2, 28_800.0)]
