"""A day of fixes that is over is settled: sorted by device and time, rolled up.

Sorted, a unit's day lies on a few pages in a row instead of one page a fix. Fixes that come for a
settled day later go into its indexes as any row does; what was rolled up of that device's day is marked
out of date in the transaction of the fix (``tracking.late``), is passed over by readers at once, and is
rolled up again by the worker. No reader and no writer waits but for the moment in which the sorted table
takes its place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import psycopg
import shapely
import structlog
from psycopg import sql

from tracking import pieces, stops
from tracking.clock import datetime_of
from tracking.columns import micros, read_columns
from tracking.partitions import partition_name
from tracking.quality.track import make_track
from tracking.sql import psycopg_queries
from tracking.tracks import CIVIL_TIME

QUERIES = psycopg_queries("tracking", "settling.sql")
CHUNK_FIXES = 2_000_000
OVERVIEW_M = 20.0
"""The line of a day stays so near to its fixes."""
WAIT_FOR_READERS_MS = 300
SWAP_TRIES = 200

_COLUMNS = (("device_id", ">i4"), ("fix_time", ">i8"), ("lon", ">f8"), ("lat", ">f8"))
_log = structlog.get_logger(__name__)


@contextmanager
def settling(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Hold others off: one process settles, archives or drops days at a time. Needs autocommit."""
    connection.execute(QUERIES["lock_settling"])
    try:
        yield
    finally:
        connection.execute(QUERIES["unlock_settling"])


def settle_due(connection: psycopg.Connection[Any]) -> tuple[list[date], list[date]]:
    """Settle the days that are over, roll up again what late fixes changed; which days each."""
    with settling(connection):
        for (day,) in connection.execute(pieces.QUERIES["days_without_pieces"]).fetchall():
            _make_pieces(connection, day)
        fresh = [day for (day,) in connection.execute(QUERIES["days_to_settle"]).fetchall()]
        for day in fresh:
            settle(connection, day)
        stale = [day for (day,) in connection.execute(QUERIES["days_out_of_date"]).fetchall()]
        for day in stale:
            roll_up(connection, day, only_late=True)
        if fresh:
            connection.execute("VACUUM (ANALYZE) track_piece, track_cell")
    return fresh, stale


def settle(connection: psycopg.Connection[Any], day: date) -> None:
    """Sort, index and roll up a day that is over. Within ``settling``, on a connection with autocommit.
    Raises StillWritten, and TimeoutError when readers never let go."""
    pieces.close(connection, day)
    staging = sql.Identifier(f"settling_{day:%Y%m%d}")
    partition = sql.Identifier(partition_name(day))
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(staging))
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL work_mem = '256MB'"))
        connection.execute(_like_fix(staging))
        connection.execute(
            sql.SQL("INSERT INTO {} SELECT * FROM {} ORDER BY device_id, fix_time, content").format(
                staging, partition
            )
        )
        index(connection, staging, day)
    connection.execute(sql.SQL("VACUUM (FREEZE, ANALYZE) {}").format(staging))
    _swap(connection, day, staging, partition)
    roll_up(connection, day)


def index(connection: psycopg.Connection[Any], table: sql.Identifier, day: date) -> None:
    """The indexes that a partition must have, and the bounds that spare a scan."""
    start, end = day_bounds(day)
    for statement in (
        "CREATE UNIQUE INDEX ON {table} (device_id, fix_time, content)",
        "CREATE INDEX ON {table} USING brin (fix_time)",
        "ALTER TABLE {table} ADD CONSTRAINT within_day CHECK (fix_time >= {start} AND fix_time < {end})",
    ):
        connection.execute(
            sql.SQL(statement).format(table=table, start=sql.Literal(start), end=sql.Literal(end))
        )


def attach(connection: psycopg.Connection[Any], table: sql.Identifier, day: date) -> None:
    """Make the table, complete and indexed, the partition of its day."""
    start, end = day_bounds(day)
    name = sql.Identifier(partition_name(day))
    connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(table, name))
    connection.execute(
        sql.SQL("ALTER TABLE fix ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            name, sql.Literal(start), sql.Literal(end)
        )
    )
    connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS within_day").format(name))


def _like_fix(table: sql.Identifier) -> sql.Composed:
    return sql.SQL("CREATE TABLE {} (LIKE fix INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(table)


def _swap(
    connection: psycopg.Connection[Any], day: date, staging: sql.Identifier, partition: sql.Identifier
) -> None:
    """Put the sorted table in the partition's place, with what came late in between."""
    for tries in range(SWAP_TRIES):
        try:
            with connection.transaction():
                connection.execute(
                    sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(WAIT_FOR_READERS_MS))
                )
                connection.execute("LOCK TABLE ONLY fix IN ACCESS EXCLUSIVE MODE")
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(partition))
                connection.execute(
                    sql.SQL(
                        "INSERT INTO {} SELECT o.* FROM {} o WHERE o.device_id IN"
                        " (SELECT device_id FROM late_fix WHERE day = {}) ON CONFLICT DO NOTHING"
                    ).format(staging, partition, sql.Literal(day))
                )
                connection.execute(sql.SQL("ALTER TABLE fix DETACH PARTITION {}").format(partition))
                connection.execute(sql.SQL("DROP TABLE {}").format(partition))
                attach(connection, staging, day)
            return
        except psycopg.errors.LockNotAvailable:
            _log.info("settling_waits", day=day.isoformat(), tries=tries + 1)
            connection.execute("SELECT pg_sleep(0.5)")
    raise TimeoutError(f"{day}: readers never let go of the fixes")


def roll_up(connection: psycopg.Connection[Any], day: date, *, only_late: bool = False) -> None:
    """Write anew who was in which cell on a day (UTC), and how each unit went on the civil days it
    touches. One snapshot: marks of late fixes that it does not see stay."""
    start, end = day_bounds(day)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        late = sorted({row[0] for row in connection.execute(QUERIES["take_late"], {"day": day})})
        devices = late if only_late else None
        span = {"day": day, "from_time": start, "to_time": end, "device_ids": devices}
        connection.execute("SET LOCAL work_mem = '256MB'")
        connection.execute(QUERIES["drop_cells"], {"day": day, "device_ids": devices})
        connection.execute(QUERIES["add_cells"], span)
        pieces.make_day(connection, day, devices)
        roll_up_ways(connection, day, devices)
        if late and _settled(connection, day + timedelta(days=1)):
            roll_up_ways(connection, day + timedelta(days=1), late)
        connection.execute(QUERIES["note_late" if only_late else "note_settled"], {"day": day})


def _make_pieces(connection: psycopg.Connection[Any], day: date) -> None:
    """Of a day that was settled before there were pieces."""
    pieces.close(connection, day)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SET LOCAL work_mem = '256MB'")
        pieces.make_day(connection, day)


def roll_up_ways(connection: psycopg.Connection[Any], civil_day: date, devices: list[int] | None) -> None:
    """The lines and lengths of a day by the calendar in China."""
    start = datetime.combine(civil_day, time(), CIVIL_TIME)
    span = {"from_time": start, "to_time": start + timedelta(days=1)}
    counted = connection.execute(QUERIES["devices_of_day"], {**span, "device_ids": devices}).fetchall()
    chunk: list[int] = []
    held = 0
    for device, count in [*counted, (None, 0)]:
        if chunk and (device is None or held + count > CHUNK_FIXES):
            rows = read_columns(
                connection, sql.SQL(QUERIES["day_columns"]), {**span, "device_ids": chunk}, _COLUMNS
            )
            _put_ways(connection, civil_day, rows)
            chunk, held = [], 0
        if device is not None:
            chunk.append(device)
            held += count


def _put_ways(connection: psycopg.Connection[Any], day: date, rows: np.ndarray[Any, Any]) -> None:
    device = rows["device_id"].astype(np.int64)
    time_us, lon, lat = micros(rows["fix_time"]), rows["lon"].astype(float), rows["lat"].astype(float)
    begins = np.flatnonzero(np.r_[True, device[1:] != device[:-1]])
    values: dict[str, list[Any]] = {
        name: []
        for name in ("device_ids", "first_times", "last_times", "counts", "mileages", "errors", "lines")
    }
    settings = stops.StopSettings()
    for begin, end in zip(begins, np.append(begins[1:], len(device)), strict=True):
        part = slice(int(begin), int(end))
        track = make_track(np.arange(end - begin), time_us[part], lon[part], lat[part])
        metres, error = stops.mileage(track, settings)
        values["device_ids"].append(int(device[begin]))
        values["first_times"].append(datetime_of(int(time_us[begin])))
        values["last_times"].append(datetime_of(int(time_us[end - 1])))
        values["counts"].append(int(end - begin))
        values["mileages"].append(round(metres, 1))
        values["errors"].append(round(error, 1))
        line = day_line(lon[part], lat[part])
        values["lines"].append(None if line is None else bytes(shapely.to_wkb(line)))
    connection.execute(QUERIES["put_track_days"], {"day": day, **values})


def day_line(lon: np.ndarray[Any, Any], lat: np.ndarray[Any, Any]) -> Any:
    """A line within ``OVERVIEW_M`` of the places (degrees); None with fewer than two places."""
    if len(lon) < 2:
        return None
    squeeze = max(float(np.cos(np.radians(lat[0]))), 0.1)
    tolerance = OVERVIEW_M / stops.METRES_PER_DEGREE
    plane = shapely.linestrings(np.column_stack((lon * squeeze, lat)))
    kept = shapely.get_coordinates(shapely.simplify(plane, tolerance, preserve_topology=False))
    kept[:, 0] /= squeeze
    return shapely.linestrings(np.round(kept, 6)) if len(kept) > 1 else None


def _settled(connection: psycopg.Connection[Any], day: date) -> bool:
    found = connection.execute(
        "SELECT settled_at IS NOT NULL FROM settled_day WHERE day = %s", [day]
    ).fetchone()
    return bool(found and found[0])


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """A day of UTC, its end exclusive."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)
