"""Points in time as microseconds since 1970-01-01 UTC, which is how columns hold them."""

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY_US = 86_400_000_000
POSTGRES_EPOCH_US = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts its microseconds."""


def now_us() -> int:
    return time.time_ns() // 1_000


def micros_of(moment: datetime) -> int:
    """Of an aware datetime."""
    return (moment - EPOCH) // MICROSECOND


def datetime_of(micros: int) -> datetime:
    """Raises OverflowError outside years 1-9999."""
    return EPOCH + micros * MICROSECOND
