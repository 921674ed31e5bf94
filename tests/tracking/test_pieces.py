"""Who was there is exact on a running day too: before a slice, after it, and with late fixes at any time."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from gis_core.errors import BadInput
from tests.tracking.test_settling import DAYS, SHAPES, filled, midnight, plainly, visitors, worked, write
from tracking import late, pieces, settling, store
from tracking.cell_cover import CELL, PART, cover
from tracking.clock import micros_of
from tracking.fix import Fix

__all__ = ["filled"]
RUNNING = DAYS[1]
PLACES = (
    *SHAPES,
    shapely.box(119.97, 30.46, 120.06, 30.55).difference(shapely.box(120.0, 30.5, 120.002, 30.53)),
)


async def assert_exact(
    engine: AsyncEngine, connection: psycopg.Connection[Any], spans: list[tuple[float, float]]
) -> None:
    start = midnight(RUNNING)
    for shape in PLACES:
        for begin, end in spans:
            since, until = start + timedelta(hours=begin), start + timedelta(hours=end)
            found = await visitors(engine, shape, since, until)
            told = {(u.unit_id, u.first_seen, u.last_seen, u.fixes) for u in found.units}
            assert told == set(plainly(connection, shape, since, until)), (shape.wkt, since, until)


async def test_a_running_day_is_exact_slice_by_slice_whatever_comes_late(
    engine: AsyncEngine, filled: psycopg.Connection[Any]
) -> None:
    rng = np.random.default_rng(3)
    start = midnight(RUNNING)
    pieces.advance(filled, start + timedelta(minutes=1))
    made = []
    for hour in (0.5, 2.0, 7.25, 7.3, 24.2):
        through = start + timedelta(hours=hour)
        spans = [(-20, 30), (max(hour - 1, 0.1), hour + 1), (float(rng.uniform(0, 3)), 5.0)]
        write(filled, late_ones(rng, hour))
        await assert_exact(engine, filled, spans)
        pieces.advance(filled, through)
        await assert_exact(engine, filled, spans)
        write(filled, late_ones(rng, hour + 0.5))
        again = late_ones(rng, hour)
        write(filled, again)
        write(filled, again)
        await assert_exact(engine, filled, spans)
        made.append(filled.execute("SELECT through FROM piece_day WHERE day = %s", [RUNNING]).fetchone())
    assert made[-1] == (start + timedelta(days=1),)
    assert made[:2] == [(start + timedelta(hours=0.5),), (start + timedelta(hours=2),)]

    counted = "SELECT sum(fixes), sum(length(points)) / 24 FROM track_piece WHERE day = %s"
    pieces.advance(filled, start + timedelta(hours=24.3))
    count = filled.execute(
        "SELECT count(*) FROM fix WHERE fix_time >= %s AND fix_time < %s", [start, start + timedelta(days=1)]
    ).fetchone()
    assert count is not None
    assert filled.execute(counted, [RUNNING]).fetchone() == (count[0], count[0])
    settling.settle_due(filled)
    await assert_exact(engine, filled, [(-20, 30), (0, 24), (3.3, 20)])
    assert filled.execute(counted, [RUNNING]).fetchone() == (count[0], count[0])


def late_ones(rng: np.random.Generator, before_hour: float) -> list[tuple[str, Fix]]:
    """Some fixes of before an hour of the running day, two of them of the day before."""
    start = micros_of(midnight(RUNNING))
    hours = np.r_[rng.uniform(0, before_hour, 6), -1.0, -2.5]
    places = np.array([120.0, 30.5]) + rng.normal(0, 0.01, (len(hours), 2))
    devices = rng.choice(["d0", "d1", "d3"], len(hours))
    return [
        (str(device), Fix(start + int(hour * 3.6e9), float(lon), float(lat)))
        for device, hour, (lon, lat) in zip(devices, hours, places, strict=True)
    ]


async def test_a_slice_waits_for_those_who_write_and_sees_what_they_wrote(
    engine: AsyncEngine, filled: psycopg.Connection[Any], database_url: str
) -> None:
    start = midnight(RUNNING)
    through = start + timedelta(hours=6)
    done = threading.Event()

    def make_slice() -> None:
        with psycopg.connect(database_url, autocommit=True) as own:
            pieces.advance(own, through)
        done.set()

    one = worked(filled, [("d2", Fix(micros_of(start) + 7_000_000, 120.0, 30.5))])
    two = worked(filled, [("d1", Fix(micros_of(start) + 9_000_000, 120.0, 30.5))])
    with psycopg.connect(database_url, autocommit=True) as other:
        store.prepare(other)
        with other.transaction():
            store.commit(other, one)
            slicer = threading.Thread(target=make_slice)
            slicer.start()
            deadline = time.monotonic() + 20
            while filled.execute("SELECT moment >= %s FROM late_before", [through]).fetchone() != (True,):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert not done.wait(0.2)
            store.commit(filled, two)
            assert filled.execute("SELECT device_id, since, until FROM late_fix").fetchall() != []
        slicer.join(20)
    assert done.is_set()
    await assert_exact(engine, filled, [(0, 24), (0, 0.1)])


def test_a_slice_gives_up_on_a_writer_that_does_not_end(
    filled: psycopg.Connection[Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "LONGEST_WAIT_S", 0.1)
    one = worked(filled, [("d2", Fix(micros_of(midnight(RUNNING)), 120.0, 30.5))])
    with psycopg.connect(database_url, autocommit=True) as other:
        store.prepare(other)
        with other.transaction():
            store.commit(other, one)
            with pytest.raises(late.StillWritten):
                pieces.advance(filled, midnight(RUNNING) + timedelta(hours=1))
    pieces.advance(filled, midnight(RUNNING) + timedelta(hours=1))
    assert filled.execute("SELECT count(*) > 0 FROM track_piece").fetchone() == (True,)


def test_the_clock_makes_a_slice_every_ten_minutes_or_when_much_came(
    filled: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    write(filled, [("d1", Fix(micros_of(now) - n * 60_000_000, 120.0, 30.5)) for n in range(40)])
    assert pieces.advance_due(filled)
    row = filled.execute("SELECT max(through) FROM piece_day").fetchone()
    assert row is not None
    assert timedelta(minutes=2) <= datetime.now(UTC) - row[0] <= timedelta(minutes=13)
    assert row[0].minute % 10 == 0
    monkeypatch.setattr(pieces, "MANY_BYTES", 0)
    pieces.advance_due(filled)
    again = filled.execute("SELECT max(through) FROM piece_day").fetchone()
    assert again is not None
    assert datetime.now(UTC) - again[0] <= timedelta(minutes=4)


corners = st.lists(st.tuples(st.floats(-0.03, 0.03), st.floats(-0.03, 0.03)), min_size=3, max_size=12)


@settings(deadline=None, max_examples=60)
@example([(0.0, 0.0), (0.0, 0.00390625), (0.00390625, 0.0)], 0)
@given(corners, st.integers(0, 2**32 - 1))
def test_the_parts_of_a_cell_say_what_is_inside(ring: list[tuple[float, float]], seed: int) -> None:
    shape = shapely.convex_hull(shapely.MultiPoint(ring))
    if shape.geom_type != "Polygon":
        return
    shape = shapely.affinity.translate(shape, 120.0, 30.5)
    shape = shape.difference(shapely.Point(shape.centroid).buffer(0.003))
    if shape.is_empty:
        with pytest.raises(BadInput):
            cover(shape)
        return
    covered = cover(shape)
    rng = np.random.default_rng(seed)
    lon, lat = 120 + rng.uniform(-0.04, 0.04, 500), 30.5 + rng.uniform(-0.04, 0.04, 500)
    within = shapely.intersects_xy(shape, lon, lat)
    for runs, ground in ((covered.whole, within), (covered.rim, within & ~coarse_filled(covered, lon, lat))):
        inside, near = bits_of(runs, lon, lat)
        assert not (ground & ~near).any()
        assert not (inside & ~within).any()


def coarse_filled(covered: Any, lon: Any, lat: Any) -> Any:
    number = np.floor((lat + 90) * 64).astype(int) * 23_041 + np.floor((lon + 180) * 64).astype(int)
    return np.isin(number, covered.filled)


def bits_of(runs: Any, lon: Any, lat: Any) -> tuple[Any, Any]:
    """Whether each point's part is inside and near by the runs."""
    row, column = np.floor((lat + 90) * CELL).astype(np.int64), np.floor((lon + 180) * CELL).astype(np.int64)
    cell = row * 92_161 + column - 2**31
    up, across = (np.floor(degrees * PART).astype(np.int64) & 7 for degrees in (lat + 90, lon + 180))
    bit = (np.uint64(1) << (up * 8 + across).astype(np.uint64)).view(np.int64)
    hit = (np.array(runs.low)[:, None] <= cell) & (cell <= np.array(runs.high)[:, None])
    assert (hit.sum(axis=0) <= 1).all()
    inside = (hit & (np.array(runs.inside, dtype=np.int64)[:, None] & bit != 0)).any(axis=0)
    near = (hit & (np.array(runs.near, dtype=np.int64)[:, None] & bit != 0)).any(axis=0)
    return inside, near


def test_the_database_counts_as_the_cover_does(filled: psycopg.Connection[Any]) -> None:
    places = [(-180.0, -90.0), (180.0, 90.0), (120.0, 30.5), (120.1234567, 30.7654321), (-0.001, 0.001)]
    for lon, lat in places:
        told = filled.execute(
            "SELECT piece_cell(x, y), piece_part(x, y) FROM (SELECT %s::float8, %s::float8) AS p (x, y)",
            (lon, lat),
        ).fetchone()
        row, column = int(np.floor((lat + 90) * CELL)), int(np.floor((lon + 180) * CELL))
        up, across = int(np.floor((lat + 90) * PART)) & 7, int(np.floor((lon + 180) * PART)) & 7
        bit = int(np.uint64(1 << (up * 8 + across)).view(np.int64))
        assert told == (row * 92_161 + column - 2**31, bit)


def test_too_much_ground_is_refused() -> None:
    with pytest.raises(BadInput):
        cover(shapely.box(100, 20, 110, 30))
