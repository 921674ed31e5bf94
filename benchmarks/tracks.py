"""Tracks of a month: who was there, a unit's day, its year; each beside its ceiling in the same run.

The month is one of settled days and a running one, at 9:52 of its last day: the pieces reach to twelve
minutes before, which is the worst that the worker lets happen; an hour of fixes has come late for one unit
in fifty; and fixes go on being written while the questions are asked. Questions about a place are of 20
kinds, four sizes by five spans, as many of each; half of them end now, the others anywhere in the month.
"""

import asyncio
import math
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchmarks.servers import new_servers, scratch_folder
from benchmarks.track_month import (
    A_DAY,
    DAYS,
    EAST,
    NORTH,
    NOW,
    SOUTH,
    WEST,
    YEAR_UNITS,
    blank_rows,
    copy_in,
    fill,
)
from command_center.assembly import PACKAGES
from gis_core.database import create_engine
from gis_core.migrate import migrate
from gis_core.settings import DatabaseSettings
from tracking import partitions
from tracking.clock import POSTGRES_EPOCH_US, micros_of
from tracking.journeys import read_day
from tracking.overview import read_overview
from tracking.presence import read_visitors
from tracking.tracks import read_track
from tracking.units import WHOLE_CITY

FED_A_SECOND = 500
SIZES_DEG = {"300 m": 0.0015, "1 km": 0.005, "3 km": 0.015, "10 km": 0.05}
SPANS_DAYS = {"10 min": 1 / 144, "4 h": 1 / 6, "1 d": 1.0, "7 d": 7.0, "29 d": 29.0}


def measure(*, fixes: int, questions: int, folder: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Fill a scratch database and ask. Seconds unless named otherwise."""
    units = max(50, math.ceil(fixes / DAYS / A_DAY))
    scratch: AbstractContextManager[Path] = scratch_folder(folder)
    with scratch as place:
        servers = new_servers(place)
        with servers.cluster.running():
            servers.cluster.ensure_database()
            migrate(servers.database_url, PACKAGES)
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                figures = fill(connection, units, say)
            say("ask …")
            figures |= ask_all(servers.database_url, questions, say)
    return figures


def ask_all(database_url: str, questions: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Ask a filled database, while fixes of the running day go on being written to it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT max(day) FILTER (WHERE NOT EXISTS (SELECT FROM settled_day s WHERE s.day = p.day)),"
            " (SELECT count(*) FROM device) FROM piece_day p"
        ).fetchone()
        assert row is not None
        today, units = row
        stop = threading.Event()
        feeder = threading.Thread(target=_feed, args=(connection, today, units, stop), daemon=True)
        feeder.start()
        try:
            now = datetime(today.year, today.month, today.day, tzinfo=UTC) + NOW
            return asyncio.run(_ask(database_url, now, units, questions, say))
        finally:
            stop.set()
            feeder.join()


def _feed(connection: psycopg.Connection[Any], today: date, units: int, stop: threading.Event) -> None:
    """Some fixes of every unit each fifth of a second, as they would come."""
    rng = np.random.default_rng()
    homes = rng.uniform((WEST, SOUTH), (EAST, NORTH), (units, 2))
    at = datetime(today.year, today.month, today.day, tzinfo=UTC) + NOW
    while not stop.wait(0.2):
        rows = blank_rows(FED_A_SECOND // 5)
        device = rng.integers(0, units, len(rows))
        at += timedelta(seconds=0.2)
        rows["device_id"] = device + 1
        rows["fix_time"] = micros_of(at) - POSTGRES_EPOCH_US + rng.integers(0, 200_000, len(rows))
        rows["received_at"] = rows["fix_time"] + 700_000
        rows["lon"], rows["lat"] = homes[device, 0], homes[device, 1]
        rows["content"] = rng.integers(-(2**62), 2**62, len(rows))
        copy_in(connection, sql.Identifier("fix"), rows)


async def _ask(
    database_url: str, now: datetime, units: int, questions: int, say: Callable[[str], None]
) -> dict[str, Any]:
    engine = create_engine(DatabaseSettings(database_url=database_url), application_name="wanmi bench")
    try:
        async with engine.connect() as conn:
            await conn.execution_options(isolation_level="AUTOCOMMIT")
            figures = await _ask_units(conn, now, units, questions)
        return figures | await _ask_places(engine, now, questions, say)
    finally:
        await engine.dispose()


async def _ask_units(conn: AsyncConnection, now: datetime, units: int, questions: int) -> dict[str, Any]:
    rng = np.random.default_rng(23)
    today = now.date()

    async def one() -> None:
        (await conn.execute(text("SELECT 1"))).scalar_one()

    async def count() -> None:
        name = partitions.partition_name(today - timedelta(days=int(rng.integers(2, DAYS))))
        (await conn.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()

    async def rows_of_a_day() -> None:
        start = datetime(today.year, today.month, today.day, tzinfo=UTC)
        start -= timedelta(days=int(rng.integers(1, DAYS)))
        await conn.execute(
            text(
                "SELECT lon, lat, fix_time FROM fix"
                " WHERE device_id = :unit AND fix_time >= :a AND fix_time < :b"
            ),
            {"unit": int(rng.integers(1, units)), "a": start, "b": start + timedelta(days=1)},
        )

    async def day_fixes() -> None:
        start = datetime(today.year, today.month, today.day, tzinfo=UTC)
        start -= timedelta(days=int(rng.integers(0, DAYS)))
        await read_track(conn, int(rng.integers(1, units)), start, start + timedelta(days=1))

    async def day() -> None:
        await read_day(conn, int(rng.integers(1, units)), today - timedelta(days=int(rng.integers(0, DAYS))))

    async def rows_of_a_year() -> None:
        unit = int(rng.integers(1, YEAR_UNITS + 1))
        await conn.execute(text("SELECT day, geom FROM track_day WHERE device_id = :unit"), {"unit": unit})

    async def year() -> None:
        unit = int(rng.integers(1, YEAR_UNITS + 1))
        await read_overview(conn, unit, today - timedelta(days=364), today + timedelta(days=1))

    return {
        "select_1_s": await _times(one, questions),
        "count_a_partition_s": await _times(count, min(questions, 10)),
        "rows_of_a_day_s": await _times(rows_of_a_day, questions),
        "day_fixes_s": await _times(day_fixes, questions),
        "day_s": await _times(day, questions),
        "rows_of_a_year_s": await _times(rows_of_a_year, questions),
        "year_s": await _times(year, questions),
    }


async def _ask_places(
    engine: AsyncEngine, now: datetime, questions: int, say: Callable[[str], None]
) -> dict[str, Any]:
    rng = np.random.default_rng(29)
    figures: dict[str, Any] = {}
    by_end: dict[str, list[float]] = {"running": [], "past": []}
    worked: list[float] = []
    for size, radius in SIZES_DEG.items():
        for span, days in SPANS_DAYS.items():
            length = timedelta(days=days)
            took = []
            for number in range(max(4, questions // 5)):
                ago = 0.0 if number % 2 == 0 else float(rng.uniform(0, max(DAYS - 0.6 - days, 0)))
                until = now - timedelta(days=ago)
                polygon = _ragged(rng, radius)
                async with engine.begin() as conn:
                    server = int((await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one())
                    began, work = time.perf_counter(), _processor_s(server)
                    found = await read_visitors(conn, WHOLE_CITY, polygon, until - length, until, limit=1_000)
                    took.append(time.perf_counter() - began)
                    worked.append(_processor_s(server) - work)
                by_end["past" if number % 2 else "running"].append(took[-1])
            figures[f"there {size} {span}"] = _spread(took)
            say(f"  {size}, {span}: {_spread(took)}, {len(found.units)} units in the last")
    figures["there_running_s"] = _spread(by_end["running"])
    figures["there_past_s"] = _spread(by_end["past"])
    figures["there_processor_s"] = _spread(worked)
    figures["there_s"] = _spread(by_end["running"] + by_end["past"])
    return figures


def _processor_s(server: int) -> float:
    """Processor time of this process and a server process so far, which other work on the machine hardly
    changes."""
    fields = Path(f"/proc/{server}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        (
            "占用 bytes a fix",
            f"{f['bytes_a_fix']} + {f['index_bytes_a_fix']} of indexes + {f['piece_bytes_a_fix']} of pieces",
        ),
        (
            "整理一天 to settle a day",
            f"{f['settle_a_day_s']} s for {f['fixes_of_that_day']:,} fixes, pieces {f['slice_a_day_s']} s",
        ),
        ("SELECT 1", told("select_1_s")),
        ("数一个分区 count(*) of a partition", told("count_a_partition_s")),
        ("一天的行 a day's rows alone, for the day", told("rows_of_a_day_s")),
        ("单日定位点 fixes of a unit's day (goal 50 ms)", told("day_fixes_s")),
        ("单日行程 a unit's day, checked, stops, trips (goal 50 ms)", told("day_s")),
        ("一年的行 a year's rows alone, for the year", told("rows_of_a_year_s")),
        ("一年概览 its year (goal 300 ms)", told("year_s")),
        *((f"谁在此处 {key}", told(key)) for key in f if key.startswith("there ")),
        ("谁在此处（至今） who was there, up to now", told("there_running_s")),
        ("谁在此处（过去） who was there, in the past", told("there_past_s")),
        ("谁在此处（处理器时间） who was there, all, processor time", told("there_processor_s")),
        ("谁在此处（全部） who was there, all (goal 1 s)", told("there_s")),
    ]
