"""Tracks of a month: who was there, a unit's day, its year; beside SELECT 1 and one plain count."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.servers import new_servers, scratch_folder
from command_center.assembly import PACKAGES
from gis_core.database import create_engine
from gis_core.migrate import migrate
from gis_core.settings import DatabaseSettings
from tracking import partitions, settling
from tracking.clock import POSTGRES_EPOCH_US, micros_of
from tracking.journeys import read_day
from tracking.overview import read_overview
from tracking.presence import read_visitors
from tracking.tracks import read_track
from tracking.units import WHOLE_CITY

WEST, SOUTH, EAST, NORTH = 120.9, 31.0, 121.15, 31.2
"""About 24 × 22 km."""
DAYS = 30
PERIOD_S = 10
DUTY_HOURS = 10
A_DAY = DUTY_HOURS * 3600 // PERIOD_S
"""Fixes of a unit on a day."""
YEAR_UNITS = 20
"""Units whose whole year of daily lines is there."""

_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *[
            part
            for name, kind in (
                *(("device_id", ">i4"), ("fix_time", ">i8"), ("received_at", ">i8"), ("lon", ">f8")),
                *(("lat", ">f8"), ("content", ">i8"), ("speed_mps", ">f4"), ("flags", ">i4")),
            )
            for part in ((f"{name}_length", ">i4"), (name, kind))
        ],
    ]
)


def measure(
    *, fixes: int, questions: int, folder: Path | None, say: Callable[[str], None], keep: bool = False
) -> dict[str, Any]:
    """Fill a scratch database and ask. Seconds unless named otherwise."""
    units = max(50, math.ceil(fixes / DAYS / A_DAY))
    scratch: AbstractContextManager[Path] = scratch_folder(folder)
    with scratch as place:
        servers = new_servers(place)
        with servers.cluster.running():
            servers.cluster.ensure_database()
            migrate(servers.database_url, PACKAGES)
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                figures = _fill(connection, units, say)
            engine = create_engine(
                DatabaseSettings(database_url=servers.database_url), application_name="wanmi bench"
            )
            say("ask …")
            figures |= asyncio.run(_ask_all(engine, units, questions, say))
    return figures


def _fill(connection: psycopg.Connection[Any], units: int, say: Callable[[str], None]) -> dict[str, Any]:
    """A month up to today; the last full day and today as ingest leaves them, the first then settled."""
    rng = np.random.default_rng(17)
    connection.execute(
        """WITH org AS (INSERT INTO org_unit (code, name, kind, area_code)
                        VALUES ('BENCH', '测量', 'centre', '990102') RETURNING id)
           INSERT INTO device (key, unit_kind, area_code, org_unit_id)
           SELECT 'd' || n, CASE WHEN n %% 2 = 0 THEN 'inspector' ELSE 'sanitation' END, '990102001', org.id
             FROM org, generate_series(1, %s) AS n ORDER BY n""",
        [units],
    )
    homes = rng.uniform((WEST + 0.02, SOUTH + 0.02), (EAST - 0.02, NORTH - 0.02), (units, 2))
    homes[: units // 2] = homes[0] + rng.normal(0, 0.03, (units // 2, 2))  # half of them downtown
    today = datetime.now(UTC).date()
    began = time.perf_counter()
    count = 0
    for ago in range(DAYS, 1, -1):
        day = today - timedelta(days=ago)
        _settled_day(connection, day, _day(day, homes, rng))
        count += units * A_DAY
        say(f"  {day}: {count:,} fixes, {time.perf_counter() - began:.0f} s")
    for ago in (1, 0):
        day = today - timedelta(days=ago)
        partitions.ensure(connection, [day])
        rows = _day(day, homes, rng)
        _copy(connection, sql.Identifier("fix"), rows[np.argsort(rows["fix_time"], kind="stable")])
        count += units * A_DAY
    filled_s = time.perf_counter() - began
    say("settle yesterday …")
    began = time.perf_counter()
    with settling.settling(connection):
        settling.settle(connection, today - timedelta(days=1))
    settled_s = time.perf_counter() - began
    _year(connection, today, homes, rng)
    connection.execute("VACUUM ANALYZE track_cell, track_day, device")
    sizes = connection.execute(
        """SELECT sum(pg_relation_size(c.oid)), sum(pg_indexes_size(c.oid)),
                  pg_total_relation_size('track_cell'), pg_total_relation_size('track_day')
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'fix'::regclass"""
    ).fetchone()
    assert sizes is not None
    return {
        "fixes": count,
        "units": units,
        "days": DAYS,
        "filled_s": round(filled_s),
        "settle_a_day_s": round(settled_s, 1),
        "fixes_of_that_day": units * A_DAY,
        "bytes_a_fix": round(float(sizes[0]) / count),
        "index_bytes_a_fix": round(float(sizes[1]) / count),
        "track_cell_mb": round(sizes[2] / 1e6),
        "track_day_mb": round(sizes[3] / 1e6),
    }


def _day(day: date, homes: NDArray[np.float64], rng: np.random.Generator) -> NDArray[Any]:
    """Ten hours of every unit: stretches of driving between stands, near home; by unit and time."""
    units = len(homes)
    steps = A_DAY // 60
    driving = rng.random((units, steps)) < 0.45
    heading = np.cumsum(rng.normal(0, 0.5, (units, steps)), axis=1)
    speed = np.where(driving, rng.uniform(2, 12, (units, steps)), 0.0)
    shift = np.stack((np.cos(heading), np.sin(heading)), axis=-1) * (speed * PERIOD_S / 1e5)[..., None]
    moved = np.cumsum(np.repeat(shift, 60, axis=1), axis=1)
    place = homes[:, None, :] + 0.03 * np.sin(moved / 0.03) + rng.normal(0, 3e-5, moved.shape)
    rows = np.zeros(units * A_DAY, dtype=_ROW)
    rows["fields"] = 8
    for name in _ROW.names or ():
        if name.endswith("_length"):
            rows[name] = rows.dtype[name.removesuffix("_length")].itemsize
    start = micros_of(datetime(day.year, day.month, day.day, tzinfo=UTC)) - POSTGRES_EPOCH_US
    late = rng.integers(0, PERIOD_S * 1_000_000, (units, 1))
    times = start + late + np.arange(A_DAY) * PERIOD_S * 1_000_000
    rows["device_id"] = np.repeat(np.arange(1, units + 1), A_DAY)
    rows["fix_time"] = times.ravel()
    rows["received_at"] = rows["fix_time"] + 700_000
    rows["lon"], rows["lat"] = place[..., 0].ravel(), place[..., 1].ravel()
    rows["content"] = rng.integers(-(2**62), 2**62, len(rows))
    rows["speed_mps"] = np.repeat(speed, 60, axis=1).ravel()
    return rows


def _copy(connection: psycopg.Connection[Any], table: sql.Identifier, rows: NDArray[Any]) -> None:
    statement = sql.SQL(
        "COPY {} (device_id, fix_time, received_at, lon, lat, content, speed_mps, flags)"
        " FROM STDIN (FORMAT binary)"
    ).format(table)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for begin in range(0, len(rows), 100_000):
            copy.write(rows[begin : begin + 100_000].tobytes())
        copy.write(b"\xff\xff")


def _settled_day(connection: psycopg.Connection[Any], day: date, rows: NDArray[Any]) -> None:
    """What ``settle`` would leave, without the way there: the rows are in order already."""
    table = sql.Identifier(f"settling_{day:%Y%m%d}")
    with connection.transaction():
        connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE fix INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(table)
        )
        _copy(connection, table, rows)
        settling.index(connection, table, day)
    connection.execute(sql.SQL("VACUUM (FREEZE, ANALYZE) {}").format(table))
    with connection.transaction():
        settling.attach(connection, table, day)
    settling.roll_up(connection, day)


def _year(
    connection: psycopg.Connection[Any], today: date, homes: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """Daily lines of a year back for some units, made by the code that makes them every night."""
    for ago in range(DAYS + 1, 366):
        day = today - timedelta(days=ago)
        settling._put_ways(connection, day, _day(day, homes[:YEAR_UNITS], rng))


async def _ask_all(
    engine: AsyncEngine, units: int, questions: int, say: Callable[[str], None]
) -> dict[str, Any]:
    rng = np.random.default_rng(23)
    now = datetime.now(UTC)
    figures: dict[str, Any] = {}
    try:
        async with engine.connect() as conn:
            await conn.execution_options(isolation_level="AUTOCOMMIT")

            async def one() -> None:
                (await conn.execute(text("SELECT 1"))).scalar_one()

            async def count() -> None:
                day = now.date() - timedelta(days=int(rng.integers(2, DAYS)))
                name = partitions.partition_name(day)
                (await conn.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()

            async def day() -> None:
                await read_day(
                    conn, int(rng.integers(1, units)), now.date() - timedelta(days=int(rng.integers(2, DAYS)))
                )

            async def day_fixes() -> None:
                start = datetime(now.year, now.month, now.day, tzinfo=UTC)
                start -= timedelta(days=int(rng.integers(1, DAYS)))
                await read_track(conn, int(rng.integers(1, units)), start, start + timedelta(days=1))

            async def year() -> None:
                unit = int(rng.integers(1, YEAR_UNITS + 1))
                await read_overview(conn, unit, now.date() - timedelta(days=365), now.date())

            figures["select_1_s"] = await _times(one, questions)
            figures["count_a_partition_s"] = await _times(count, min(questions, 10))
            figures["day_fixes_s"] = await _times(day_fixes, questions)
            figures["day_s"] = await _times(day, questions)
            figures["year_s"] = await _times(year, questions)
        sizes = {"300 m": 0.0015, "1 km": 0.005, "3 km": 0.015, "10 km": 0.05}
        spans = {"10 min": 1 / 144, "4 h": 1 / 6, "1 d": 1.0, "7 d": 7.0, "29 d": 29.0}
        every: list[float] = []
        for size, radius in sizes.items():
            for span, length in spans.items():
                took = []
                for _ in range(max(3, questions // 10)):
                    shape = _ragged(rng, radius)
                    since = now - timedelta(days=float(rng.uniform(length, max(DAYS - 1, length))))
                    async with engine.begin() as conn:
                        began = time.perf_counter()
                        found = await read_visitors(
                            conn, WHOLE_CITY, shape, since, since + timedelta(days=length), limit=1_000
                        )
                        took.append(time.perf_counter() - began)
                every += took
                figures[f"there {size} {span}"] = _spread(took)
                say(f"  {size}, {span}: {_spread(took)}, {len(found.units)} units in the last")
        figures["there_s"] = _spread(every)
    finally:
        await engine.dispose()
    return figures


def _ragged(rng: np.random.Generator, radius: float) -> dict[str, Any]:
    centre = rng.uniform((WEST + 0.03, SOUTH + 0.03), (EAST - 0.03, NORTH - 0.03))
    angle = np.sort(rng.uniform(0, 2 * np.pi, 24))
    ring = (
        centre
        + np.column_stack((np.cos(angle), np.sin(angle))) * (radius * rng.uniform(0.7, 1.2, 24))[:, None]
    )
    return dict(shapely.geometry.mapping(shapely.Polygon(ring).buffer(0)))


async def _times(ask: Callable[[], Awaitable[None]], rounds: int) -> dict[str, float]:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    return _spread(took)


def _spread(took: list[float]) -> dict[str, float]:
    return {
        "p50": round(float(np.percentile(took, 50)), 4),
        "p95": round(float(np.percentile(took, 95)), 4),
        "max": round(max(took), 4),
    }


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows for people."""

    def told(key: str) -> str:
        f = figures[key]
        return f"p50 {f['p50'] * 1e3:,.1f} ms, p95 {f['p95'] * 1e3:,.1f} ms, max {f['max'] * 1e3:,.0f} ms"

    f = figures
    return [
        (
            "定位点 fixes",
            f"{f['fixes']:,}, {f['units']:,} units, {f['days']} days, filled in {f['filled_s']} s",
        ),
        ("占用 bytes a fix", f"{f['bytes_a_fix']} + {f['index_bytes_a_fix']} of indexes"),
        (
            "整理一天 to settle a day",
            f"{f['settle_a_day_s']} s for {f['fixes_of_that_day']:,} fixes",
        ),
        ("SELECT 1", told("select_1_s")),
        ("数一个分区 count(*) of a partition", told("count_a_partition_s")),
        ("单日定位点 fixes of a unit's day", told("day_fixes_s")),
        ("单日行程 a unit's day, checked, stops, trips", told("day_s")),
        ("一年概览 its year", told("year_s")),
        *((f"谁在此处 {key}", told(key)) for key in f if key.startswith("there ")),
        ("谁在此处（全部） who was there, all", told("there_s")),
    ]
