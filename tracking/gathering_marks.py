"""Which spans of ticks are to be gone through again: of fixes that came when these had been looked at."""

import numpy as np
import psycopg
from numpy.typing import NDArray

from tracking.clock import datetime_of
from tracking.fix import Flag
from tracking.pipeline import Work
from tracking.rules.gathering import TICK_US, patience_us
from tracking.rules.way import NEVER
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("tracking", "gatherings.sql")
BUCKET_US = 10 * TICK_US
"""Ticks that are gone through together; the memory of the rules is kept at the end of each span."""


def mark_late(connection: psycopg.Connection[object], work: Work) -> None:
    """Within the transaction that stores the fixes: those of ticks that were looked at already, or that the
    memory of last places does not know yet."""
    fixes, reached_us = work.fixes, work.world.memory.ticked_us
    if reached_us == NEVER:
        return
    late = (fixes.fix_time_us <= reached_us) | (fixes.flags & Flag.LATE != 0)
    late &= fixes.flags & Flag.OFF_DUTY == 0
    if not late.any():
        return
    by_id = work.world.directory.by_id
    devices, rows = np.unique(fixes.device_id[late], return_inverse=True)
    periods = np.array([by_id[one].period_s if one in by_id else 30.0 for one in devices.tolist()])
    since = fixes.fix_time_us[late]
    until = since + patience_us(periods)[rows]
    # Of what the memory does know only the past is to be gone through.
    until = np.where(since <= reached_us, np.minimum(until, reached_us), until)
    first = bucket_of(since)
    counts = np.maximum((bucket_of(until) - first) // BUCKET_US + 1, 1)
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    mark(connection, np.repeat(first, counts) + BUCKET_US * nth, np.repeat(until, counts))


def mark(
    connection: psycopg.Connection[object], buckets: NDArray[np.int64], until: NDArray[np.int64]
) -> None:
    """``until``: which tick must have been reached before a span is gone through."""
    known, rows = np.unique(buckets, return_inverse=True)
    latest = np.full(len(known), NEVER, dtype=np.int64)
    np.maximum.at(latest, rows, until)
    parameters = {
        "buckets": [datetime_of(one) for one in known.tolist()],
        "untils": [datetime_of(one) for one in latest.tolist()],
    }
    connection.execute(QUERIES["mark"], parameters)


def bucket_of(moment_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """The span (its beginning, exclusive) of the first tick at or after a moment."""
    tick = -(-moment_us // TICK_US) * TICK_US
    return (tick - 1) // BUCKET_US * BUCKET_US
