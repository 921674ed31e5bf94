"""Who was in which cell and when, by pieces: the fixes of a unit within one cell and ten minutes.

A piece has its first and last time, a count, which parts of the cell it touched, and the fixes themselves,
so that a question of place is answered from pieces alone. Pieces of the running day are made slice by
slice while ingest goes on; what came late for a time that has its pieces (see ``tracking.late``) is made
again. Ingest itself writes none: its cost a fix stays what it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import structlog

from tracking import late
from tracking.partitions import known_partitions, partition_name
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("tracking", "pieces.sql")
LAG = timedelta(minutes=2)
"""Fixes that come later than this are late."""
SLICE = timedelta(minutes=10)
SHORT_SLICE = timedelta(minutes=1)
MANY_BYTES = 20_000_000
"""About 200,000 fixes: when so much has come, the slice is a short one."""
OPEN_FOR = timedelta(minutes=30)
"""So long after its end a day gets its pieces from here; then ``tracking.settling`` has it to itself."""

_log = structlog.get_logger(__name__)


@contextmanager
def slicing(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Hold others off: one process makes pieces of running days. Needs autocommit."""
    connection.execute(QUERIES["lock_slicing"])
    try:
        yield
    finally:
        connection.execute(QUERIES["unlock_slicing"])


def advance_due(connection: psycopg.Connection[Any]) -> bool:
    """Make the pieces that are due by the clock of the database; whether there were any."""
    row = connection.execute(QUERIES["clock"]).fetchone()
    assert row is not None
    through = _floor(row[0] - LAG, SLICE)
    known = _through(connection, through.date())
    if known is not None and known >= through:
        grown = connection.execute(
            QUERIES["grown"], {"day": through.date(), "partition": partition_name(through.date())}
        ).fetchone()
        if grown is None or grown[0] < MANY_BYTES:
            return False
        through = _floor(row[0] - LAG, SHORT_SLICE)
    if known is not None and known >= through:
        return False
    advance(connection, through)
    return True


def advance(connection: psycopg.Connection[Any], through: datetime) -> None:
    """Make the pieces of all fixes before ``through`` of the running day, and of the one before it for
    ``OPEN_FOR``; make again what fixes came late for. Needs autocommit. Raises StillWritten."""
    with slicing(connection):
        late.announce(connection, through)
        partitions = known_partitions(connection)
        for day in sorted({(through - OPEN_FOR).date(), through.date()}):
            if partition_name(day) in partitions:
                _advance_day(connection, day, min(through, start_of(day + timedelta(days=1))))


def close(connection: psycopg.Connection[Any], day: date) -> None:
    """The day is over: from here on all its new fixes are marked, and nobody but the caller takes the
    marks out. Needs autocommit. Raises StillWritten."""
    with slicing(connection):
        late.announce(connection, start_of(day + timedelta(days=1)))


def make_day(connection: psycopg.Connection[Any], day: date, devices: list[int] | None = None) -> None:
    """Make the pieces of a whole day anew, of some devices or of all. In a transaction of one snapshot."""
    start, end = start_of(day), start_of(day + timedelta(days=1))
    connection.execute(QUERIES["drop_pieces"], {"day": day, "device_ids": devices})
    span = {"day": day, "from_time": start, "to_time": end}
    connection.execute(QUERIES["add_pieces"], {**span, "device_ids": devices})
    connection.execute(QUERIES["note_through"], {"day": day, "through": end, "partition": None})


def start_of(day: date) -> datetime:
    """Midnight (UTC) at the beginning of a day."""
    return datetime.combine(day, time(), UTC)


def _advance_day(connection: psycopg.Connection[Any], day: date, until: datetime) -> None:
    partition = partition_name(day)
    connection.execute(QUERIES["summarize"], {"partition": partition})
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL work_mem = '128MB'")
        if _settled(connection, day):
            return
        known = _through(connection, day) or start_of(day)
        marks = connection.execute(QUERIES["take_marks"], {"day": day}).fetchall()
        if marks:
            devices, sinces, untils = (list(column) for column in zip(*marks, strict=True))
            spans = {"day": day, "device_ids": devices, "sinces": sinces, "untils": untils}
            connection.execute(QUERIES["drop_pieces_within"], spans)
            connection.execute(
                QUERIES["add_pieces_within"], {**spans, "from_time": start_of(day), "to_time": known}
            )
        if until > known:
            span = {"day": day, "from_time": known, "to_time": until, "device_ids": None}
            connection.execute(QUERIES["add_pieces"], span)
        told = {"day": day, "through": max(known, until), "partition": partition}
        connection.execute(QUERIES["note_through"], told)
    _log.info("pieces_made", day=day.isoformat(), through=until.isoformat(), late=len(marks))


def _through(connection: psycopg.Connection[Any], day: date) -> datetime | None:
    row = connection.execute(QUERIES["through"], {"day": day}).fetchone()
    return row[0] if row else None


def _settled(connection: psycopg.Connection[Any], day: date) -> bool:
    row = connection.execute(QUERIES["settled"], {"day": day}).fetchone()
    return bool(row and row[0])


def _floor(moment: datetime, step: timedelta) -> datetime:
    start = start_of(moment.astimezone(UTC).date())
    return start + (moment - start) // step * step
