"""A month of tracks for measurements: settled days, and a running one as ingest and the worker leave it."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from tracking import partitions, pieces, settling
from tracking.clock import POSTGRES_EPOCH_US, micros_of

WEST, SOUTH, EAST, NORTH = 120.9, 31.0, 121.15, 31.2
"""About 24 × 22 km."""
DAYS = 30
PERIOD_S = 10
DUTY_HOURS = 10
A_DAY = DUTY_HOURS * 3600 // PERIOD_S
"""Fixes of a unit on a day."""
YEAR_UNITS = 20
"""Units whose whole year of daily lines is there."""
NOW, THROUGH = timedelta(hours=9, minutes=52), timedelta(hours=9, minutes=40)
"""On the running day: the time of the questions, and up to when there are pieces."""
LATE_UNITS = 50
"""One unit in so many has fixes that came late and are not rolled up."""

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


def fill(connection: psycopg.Connection[Any], units: int, say: Callable[[str], None]) -> dict[str, Any]:
    """A month up to today; yesterday is settled as the worker does it, the days before by the same steps
    without the way there."""
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
    partitions.ensure(connection, [today - timedelta(days=1), today])
    rows = _day(today - timedelta(days=1), homes, rng)
    copy_in(connection, sql.Identifier("fix"), rows[np.argsort(rows["fix_time"], kind="stable")])
    filled_s = time.perf_counter() - began
    say("settle yesterday …")
    began = time.perf_counter()
    with settling.settling(connection):
        settling.settle(connection, today - timedelta(days=1))
    settled_s = time.perf_counter() - began
    rows = _day(today, homes, rng)
    rows = rows[np.argsort(rows["fix_time"], kind="stable")]
    start = datetime(today.year, today.month, today.day, tzinfo=UTC)
    now_us = micros_of(start + NOW) - POSTGRES_EPOCH_US
    copy_in(connection, sql.Identifier("fix"), rows[rows["fix_time"] < now_us])
    count += units * A_DAY + int((rows["fix_time"] < now_us).sum())
    began = time.perf_counter()
    pieces.advance(connection, start + THROUGH)
    sliced_s = time.perf_counter() - began
    connection.execute(
        """INSERT INTO late_fix (day, device_id, since, until)
           SELECT %(day)s, id, %(now)s - interval '3 hours', %(now)s - interval '2 hours'
             FROM device WHERE id %% %(late)s = 0""",
        {"day": today, "now": start + NOW, "late": LATE_UNITS},
    )
    _year(connection, today, homes, rng)
    connection.execute("VACUUM ANALYZE track_cell, track_piece, track_day, device")
    sizes = connection.execute(
        """SELECT sum(pg_relation_size(c.oid)), sum(pg_indexes_size(c.oid)),
                  pg_total_relation_size('track_cell'), pg_total_relation_size('track_day'),
                  pg_total_relation_size('track_piece')
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
        "slice_a_day_s": round(sliced_s, 1),
        "piece_bytes_a_fix": round(float(sizes[4]) / count),
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
    rows = blank_rows(units * A_DAY)
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


def blank_rows(count: int) -> NDArray[Any]:
    rows = np.zeros(count, dtype=_ROW)
    rows["fields"] = 8
    for name in _ROW.names or ():
        if name.endswith("_length"):
            rows[name] = rows.dtype[name.removesuffix("_length")].itemsize
    return rows


def copy_in(connection: psycopg.Connection[Any], table: sql.Identifier, rows: NDArray[Any]) -> None:
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
        copy_in(connection, table, rows)
        settling.index(connection, table, day)
    connection.execute(sql.SQL("VACUUM (FREEZE, ANALYZE) {}").format(table))
    with connection.transaction():
        settling.attach(connection, table, day)
    with connection.transaction():
        connection.execute("SET LOCAL work_mem = '256MB'")
        start, end = settling.day_bounds(day)
        span = {"day": day, "from_time": start, "to_time": end, "device_ids": None}
        connection.execute(settling.QUERIES["add_cells"], span)
        pieces.make_day(connection, day)
        settling.roll_up_ways(connection, day, list(range(1, YEAR_UNITS + 1)))
        connection.execute(settling.QUERIES["note_settled"], {"day": day})


def _year(
    connection: psycopg.Connection[Any], today: date, homes: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """Daily lines of a year back for some units, made by the code that makes them every night."""
    for ago in range(DAYS + 1, 366):
        day = today - timedelta(days=ago)
        settling._put_ways(connection, day, _day(day, homes[:YEAR_UNITS], rng))
