"""Days that are over are settled; who was there stays exact, whenever a fix comes."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
import pytest_asyncio
import shapely
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import scene
from tracking import partitions, pipeline, settling, store
from tracking.arrival import Arrival
from tracking.clock import datetime_of, micros_of, now_us
from tracking.directory import load_directory
from tracking.fix import Fix
from tracking.locator import load_locator
from tracking.memory import load_memory
from tracking.pipeline import World
from tracking.presence import Visitors, read_visitors
from tracking.rules import make_rules
from tracking.settings import TrackingSettings
from tracking.units import WHOLE_CITY

TODAY = datetime.now(UTC).date()
DAYS = [TODAY - timedelta(days=n) for n in (4, 3, 2)]


def midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def write(connection: psycopg.Connection[Any], fixes: list[tuple[str, Fix]]) -> None:
    """As ingest does."""
    store.commit(connection, worked(connection, fixes))


def worked(connection: psycopg.Connection[Any], fixes: list[tuple[str, Fix]]) -> pipeline.Work:
    """A batch ready to be written, its partitions made."""
    around = World(
        load_directory(connection),
        load_locator(connection),
        load_memory(connection),
        make_rules(),
        TrackingSettings(),
    )
    by_key: dict[str, list[Fix]] = {}
    for key, fix in fixes:
        by_key.setdefault(key, []).append(fix)
    partitions.ensure(connection, {datetime_of(fix.fix_time_us).date() for _, fix in fixes})
    arrivals = [Arrival("t", b"", now_us(), key, list(told)) for key, told in by_key.items()]
    return pipeline.process(arrivals, around)


def wanderings(rng: np.random.Generator, keys: list[str]) -> list[tuple[str, Fix]]:
    """A walk of some kilometres for each device and day, a fix every ten minutes."""
    made = []
    for key in keys:
        for day in DAYS:
            way = np.cumsum(rng.normal(0, 0.004, (144, 2)), axis=0) + np.array([120.0, 30.5])
            for step, (lon, lat) in enumerate(way.tolist()):
                made.append((key, Fix(micros_of(midnight(day)) + step * 600_000_000, lon, lat)))
    return made


@pytest_asyncio.fixture
async def filled(database_url: str) -> AsyncIterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        keys = scene.make_devices(connection, 4, on_duty=False)
        store.prepare(connection)
        write(connection, wanderings(np.random.default_rng(5), keys))
        yield connection


async def visitors(engine: AsyncEngine, shape: Any, since: datetime, until: datetime) -> Visitors:
    async with engine.begin() as conn:
        polygon = shapely.geometry.mapping(shape)
        return await read_visitors(conn, WHOLE_CITY, polygon, since, until, limit=100)


def plainly(connection: psycopg.Connection[Any], shape: Any, since: datetime, until: datetime) -> Any:
    return connection.execute(
        """SELECT device_id, min(fix_time), max(fix_time), count(*) FROM fix
            WHERE fix_time >= %s AND fix_time < %s
              AND ST_Intersects(ST_GeomFromText(%s, 4326), ST_Point(lon, lat, 4326)) GROUP BY 1""",
        (since, until, shape.wkt),
    ).fetchall()


SHAPES = (
    shapely.box(119.98, 30.48, 120.02, 30.52),
    shapely.Point(120, 30.5).buffer(0.11).difference(shapely.Point(120.01, 30.5).buffer(0.02)),
    shapely.box(120 + 1 / 1024, 30.5, 120 + 2 / 1024, 30.5 + 1 / 1024),
)


async def assert_exact(engine: AsyncEngine, connection: psycopg.Connection[Any]) -> None:
    start = midnight(DAYS[0])
    spans = [(0, 72), (5.5, 60), (24, 48), (30, 31)]
    for shape in SHAPES:
        for begin, end in spans:
            since, until = start + timedelta(hours=begin), start + timedelta(hours=end)
            found = await visitors(engine, shape, since, until)
            told = {(u.unit_id, u.first_seen, u.last_seen, u.fixes) for u in found.units}
            assert told == set(plainly(connection, shape, since, until))


async def test_who_was_there_is_exact_before_and_after_settling_and_with_late_fixes(
    engine: AsyncEngine, filled: psycopg.Connection[Any]
) -> None:
    await assert_exact(engine, filled)
    before = filled.execute("SELECT * FROM fix ORDER BY device_id, fix_time, content").fetchall()
    fresh, _ = settling.settle_due(filled)
    assert fresh == DAYS
    assert filled.execute("SELECT * FROM fix ORDER BY device_id, fix_time, content").fetchall() == before
    assert filled.execute("SELECT count(*) FROM late_fix").fetchone() == (0,)
    await assert_exact(engine, filled)

    late = [
        ("d1", Fix(micros_of(midnight(DAYS[1])) + 77_000_000, 120.0001 + n / 500, 30.5)) for n in range(40)
    ]
    write(filled, late)
    await assert_exact(engine, filled)
    assert settling.settle_due(filled) == ([], [DAYS[1]])
    assert filled.execute("SELECT count(*) FROM late_fix").fetchone() == (0,)
    await assert_exact(engine, filled)
    cells = filled.execute("SELECT sum(fixes) FROM track_cell").fetchone()
    assert cells == (len(before) + len(late),)


async def test_a_fix_that_comes_while_a_day_is_settled_is_not_lost(
    filled: psycopg.Connection[Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = settling._swap

    def late_then_swap(connection: psycopg.Connection[Any], day: date, *tables: Any) -> None:
        with psycopg.connect(database_url, autocommit=True) as other:
            store.prepare(other)
            write(other, [("d2", Fix(micros_of(midnight(day)) + 1, 120.0, 30.5))])
        swap(connection, day, *tables)

    monkeypatch.setattr(settling, "_swap", late_then_swap)
    count = filled.execute("SELECT count(*) FROM fix").fetchone()
    settling.settle_due(filled)
    assert count is not None
    assert filled.execute("SELECT count(*) FROM fix").fetchone() == (count[0] + len(DAYS),)
    assert filled.execute("SELECT sum(fixes) FROM track_cell").fetchone() == (count[0] + len(DAYS),)
    valid = filled.execute(
        """SELECT count(*) FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indexrelid
            WHERE i.indrelid::regclass::text LIKE 'fix\\_2%' AND i.indisvalid"""
    ).fetchone()
    assert valid is not None
    assert valid[0] >= 2 * len(DAYS)
