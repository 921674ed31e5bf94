"""A position as a device told it, and what is remarkable about it."""

from enum import IntFlag

import msgspec


class Flag(IntFlag):
    """Bits of column ``fix.flags``; never renumber, they are stored."""

    LATE = 1
    """Older than the newest fix the device had when this one came, or than an end of an alert that the clock
    had told by then; the rules judge it afterwards."""
    TIME_OF_ARRIVAL = 2
    """The device gave no time; ``fix_time`` is when the message reached us."""
    DATE_OF_ARRIVAL = 4
    """The device gave the time of day only; the date is the one nearest to the arrival."""
    WEEK_ROLLOVER = 8
    """The receiver's date was a multiple of 1,024 weeks behind and was mended."""
    OFF_DUTY = 16
    """Outside duty, and its group keeps the last state only: such a fix is never stored, nor judged."""
    JUMP = 32
    """Out of the way and back at once: the fixes before and after it tell."""
    LEAP = 64
    """Too far from the fix before for the time between, and not (or not yet) taken back."""
    FROZEN = 128
    """Repeats a place while the device says that it drives."""
    COPIED = 256
    """Another device told the same way, place for place."""
    CLOCK = 512
    """The device's clock is off by what ``device_clock`` says."""


class Fix(msgspec.Struct, frozen=True, gc=False):
    """One position. Units stand in the names; None means the device did not say.

    ``lon`` and ``lat`` are degrees in WGS84, not yet checked for range: the pipeline does that for
    all protocols alike. ``course_deg`` is clockwise from true north.
    """

    fix_time_us: int
    """Microseconds since 1970-01-01 UTC, by the receiver's clock; orders a track."""
    lon: float
    lat: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    accuracy_m: float | None = None
    satellites: int | None = None
    battery_pct: int | None = None
    flags: int = 0
    signals: int = 0
    """Bits of ``tracking.signals``: alarms such as SOS, ignition on or off."""


class Distress(msgspec.Struct, frozen=True):
    """A call for help without a position."""

    time_us: int
    signals: int


class ConnectionStatus(msgspec.Struct, frozen=True):
    """The device said, or its last will says, that it is connected or not."""

    online: bool
