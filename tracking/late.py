"""Late fixes: those of a time that is rolled up already. Whoever writes one marks it in the same transaction.

A roll-up first says up to when it will roll up (``announce``), then waits for those who were writing at
that moment. Whoever writes later reads the announcement after taking part in the table of fixes, and so
knows which of its fixes to mark; whoever wrote before has committed, and the roll-up sees his fixes.
"""

import time
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from tracking.batch import FixBatch
from tracking.clock import DAY_US, datetime_of, micros_of
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("tracking", "late.sql")
LONGEST_WAIT_S = 60.0


class StillWritten(TimeoutError):
    """A writer of fixes did not come to its end; the roll-up is for later."""


def mark(connection: psycopg.Connection[Any], fixes: FixBatch) -> None:
    """Mark the late ones of a batch, by device and day. In its transaction, after the insertion."""
    row = connection.execute(QUERIES["late_before"]).fetchone()
    assert row is not None
    late = fixes.fix_time_us < micros_of(row[0])
    if not late.any():
        return
    time_us, device = fixes.fix_time_us[late], fixes.device_id[late]
    order = np.lexsort((time_us, device))
    time_us, device = time_us[order], device[order]
    day = time_us // DAY_US
    starts = np.flatnonzero((np.diff(device, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0))
    ends = np.append(starts[1:], len(device)) - 1
    connection.execute(
        QUERIES["mark_late"],
        {
            "days": [datetime_of(moment).date() for moment in time_us[starts].tolist()],
            "device_ids": device[starts].tolist(),
            "sinces": [datetime_of(moment) for moment in time_us[starts].tolist()],
            "untils": [datetime_of(moment) for moment in time_us[ends].tolist()],
        },
    )


def announce(connection: psycopg.Connection[Any], moment: datetime) -> None:
    """From here on fixes before ``moment`` are marked, and those that were not are committed. On a
    connection with autocommit. Raises StillWritten."""
    connection.execute(QUERIES["raise_late_before"], {"moment": moment})
    deadline = time.monotonic() + LONGEST_WAIT_S
    writing = _writers(connection)
    while writing:
        if time.monotonic() > deadline:
            raise StillWritten(f"fixes have been written for {LONGEST_WAIT_S:.0f} s in one transaction")
        time.sleep(0.02)
        writing &= _writers(connection)


def _writers(connection: psycopg.Connection[Any]) -> set[str]:
    return {writer for (writer,) in connection.execute(QUERIES["writers"])}
