"""Single fields of sentences. None stands for what is empty or cannot be read."""

import re
from datetime import date

_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d*))?")
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)")
_ANGLE = re.compile(r"(\d{0,6}?)(\d\d(?:\.\d*)?)")
"""Some receivers leave out the degrees when there are none, some write more digits than three."""
KNOT = 1852 / 3600
"""One knot in m/s."""
KMH = 1 / 3.6
"""One km/h in m/s."""
FOOT = 0.3048
"""Metres."""
PIVOT = 80
"""Two-digit years from here on are of the 20th century; GPS time begins in 1980."""


def time_of_day_us(text: str) -> int | None:
    """Microseconds since midnight UTC of ``hhmmss.sss``."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    if hour > 23 or minute > 59 or second > 60:
        return None
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int((found[4] or "")[:6].ljust(6, "0"))


def date_of(text: str) -> date | None:
    """``ddmmyy``."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year = int(found[3])
    return _date((2000 if year < PIVOT else 1900) + year, int(found[2]), int(found[1]))


def date_of_parts(day: str, month: str, year: str) -> date | None:
    """The date of ZDA, whose year has four digits."""
    if not (day.isascii() and month.isascii() and year.isascii()):
        return None
    if not (day.isdigit() and month.isdigit() and year.isdigit() and len(year) == 4):
        return None
    if len(day) > 2 or len(month) > 2:
        return None
    return _date(int(year), int(month), int(day))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def angle(text: str, side: str, positive: str, negative: str) -> float | None:
    """Degrees of ``dddmm.mmmm`` and its side (N and S, or E and W)."""
    found = _ANGLE.fullmatch(text)
    if found is None or side not in (positive, negative):
        return None
    minutes = float(found[2])
    if minutes >= 60:
        return None
    degrees = int(found[1] or 0) + minutes / 60
    return -degrees if side == negative else degrees


def number(fields: tuple[str, ...], index: int) -> float | None:
    """A decimal number; what Python alone would take for one (``nan``, ``1_0``, ``1e5``) is none."""
    if index >= len(fields) or not _NUMBER.fullmatch(fields[index]):
        return None
    return float(fields[index])


_NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})")
