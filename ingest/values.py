"""Reading single values that devices send: times, and numbers with a sentinel for unknown."""

import math
import re
from datetime import datetime

from tracking.clock import micros_of

FIRST_EPOCH_S = -62_135_596_800.0
"""0001-01-01T00:00:00Z."""
LAST_EPOCH_S = 253_402_300_799.0
"""9999-12-31T23:59:59Z, the last time that calendars and PostgreSQL clients agree on."""


MILLISECONDS_FROM = 100_000_000_000.0
"""Epoch times from here on are milliseconds: in seconds it is the year 5138."""
NUMBER = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,2})?")
"""A decimal number as text; what Python alone would take for one (``nan``, ``1_0``) is none."""


class BadTimeValue(ValueError):
    """The value is no point in time."""


def micros_of_epoch(value: float) -> int:
    """Microseconds of epoch seconds. Raises BadTimeValue outside years 1-9999."""
    if not FIRST_EPOCH_S <= value <= LAST_EPOCH_S:
        raise BadTimeValue(f"{value!r} is no time in epoch seconds")
    return round(value * 1e6)


def micros_of_iso(text: str) -> int:
    """Microseconds of an ISO 8601 time, which must say its offset from UTC. Raises BadTimeValue."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTimeValue(f"{text[:64]!r} is no ISO 8601 time") from error
    if moment.tzinfo is None:
        raise BadTimeValue(f"{text[:64]!r} does not say its offset from UTC")
    return micros_of(moment)


def micros_of_told(told: str | float) -> int:
    """Microseconds of epoch seconds or milliseconds, also as text, or of ISO 8601 with its offset.

    Raises BadTimeValue.
    """
    if isinstance(told, str):
        if not NUMBER.fullmatch(told.strip()):
            return micros_of_iso(told)
        told = float(told.strip())
    return micros_of_epoch(told / 1000 if told >= MILLISECONDS_FROM else told)


def not_negative(value: float | None) -> float | None:
    """None for None and for the negative numbers that devices send for "unknown"."""
    return None if value is None or value < 0 or not math.isfinite(value) else value


FASTEST_MPS = 1_000.0
"""Civil receivers stop at 515 m/s; what is told beyond this is a filler."""


def speed(value: float | None) -> float | None:
    """None for None, negative numbers and fillers."""
    told = not_negative(value)
    return None if told is None or told >= FASTEST_MPS else told


def course(value: float | None) -> float | None:
    """A course in [0, 360); None for what is beyond a circle or negative (unknown)."""
    if value is None or not 0 <= value <= 360:
        return None
    return value % 360.0


def percent(value: float | None) -> int | None:
    return round(value) if value is not None and 0 <= value <= 100 else None


def count(value: float | None) -> int | None:
    """A number of satellites; None when nobody could see so many."""
    return int(value) if value is not None and 0 <= value <= 200 else None


def altitude(value: float | None) -> float | None:
    """Metres; None for what no vehicle of a city reaches (sentinels such as -32768)."""
    return value if value is not None and -1_000 <= value <= 20_000 else None


def truth(value: object) -> bool | None:
    """Yes or no as clients write it; None for what is neither."""
    text = str(value).lower()
    if text in ("true", "1", "1.0", "on", "yes"):
        return True
    return False if text in ("false", "0", "0.0", "off", "no") else None
