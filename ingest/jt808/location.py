"""The location body, which stands in 0x0200, 0x0201, 0x0500, 0x0704, 0x0801 (JT/T 808-2019, 8.18)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingest import values
from ingest.jt808 import extras
from ingest.jt808.cursor import Cursor, bcd_of, time_of
from tracking.arrival import Outcome
from tracking.clock import micros_of
from tracking.fix import Distress, Fix
from tracking.reasons import Reason, Reject
from tracking.signals import SOS, alarm_names, of_jt808

SIZE = 28
"""Bytes before the extra items."""
KMH = 1 / 3.6
"""One km/h in m/s."""
UNKNOWN_KMH = 6_553.5
ACC, POSITIONED, SOUTH, WEST = (1 << bit for bit in range(4))
SATELLITE_SYSTEMS = {18: "gps", 19: "beidou", 20: "glonass", 21: "galileo"}
DEEPEST_M, HIGHEST_M = -500, 9_000
"""Heights a vehicle can be at."""


@dataclass(frozen=True, slots=True)
class Location:
    """``lon`` and ``lat`` are what the terminal says, in degrees, also without a fix; no range is checked."""

    alarm: int
    status: int
    lon: float
    lat: float
    altitude_raw: int
    speed_kmh: float
    course_raw: int
    time: datetime | None
    """Beijing time; None when the terminal sends no time."""
    items: list[dict[str, Any]] = field(default_factory=list)
    flags: frozenset[str] = frozenset()

    @property
    def positioned(self) -> bool:
        return bool(self.status & POSITIONED)

    @property
    def altitude_m(self) -> float | None:
        """The standard knows no height below zero; some terminals send one, signed in one of two ways."""
        raw = self.altitude_raw
        readings = (raw,) if raw < 0x8000 else (raw - 0x10000, 0x8000 - raw)
        return next((float(reading) for reading in readings if DEEPEST_M <= reading <= HIGHEST_M), None)

    @property
    def speed_mps(self) -> float | None:
        """None for 0xFFFF, which stands for unknown."""
        return None if self.speed_kmh >= UNKNOWN_KMH else self.speed_kmh * KMH

    @property
    def alarms(self) -> list[str]:
        return alarm_names(self.alarm)

    @property
    def signals(self) -> int:
        """Bits of ``tracking.signals``."""
        return of_jt808(self.alarm, self.status)

    @property
    def systems(self) -> list[str]:
        return [name for bit, name in SATELLITE_SYSTEMS.items() if self.status >> bit & 1]

    def outcome(self) -> Outcome:
        """The fix; without one a reject, or the call for help that came without."""
        if not self.positioned:
            if self.signals & SOS and self.time is not None:
                return Distress(micros_of(self.time), self.signals)
            return Reject(Reason.NO_FIX, "status bit 1 is clear")
        if self.time is None:
            return Reject(Reason.BAD_TIME, "the time is no BCD time")
        return Fix(
            micros_of(self.time),
            self.lon,
            self.lat,
            self.altitude_m,
            self.speed_mps,
            values.course(self.course_raw),
            None,
            values.count(extras.named(self.items, "gnss_satellites")),
            signals=self.signals,
        )


def read(body: bytes) -> Location:
    """Raises ShortBody when even the fixed part is cut."""
    cursor = Cursor(body)
    alarm, status = cursor.double_word(), cursor.double_word()
    lat, lon = cursor.double_word() / 1e6, cursor.double_word() / 1e6
    altitude, speed, course = cursor.word(), cursor.word(), cursor.word()
    time = time_of(cursor.take(6))
    items, flags = extras.read(cursor.rest())
    if altitude >= 0x8000:
        flags.add("altitude_high_bit")
    return Location(
        alarm,
        status,
        -lon if status & WEST else lon,
        -lat if status & SOUTH else lat,
        altitude,
        speed / 10,
        course,
        time,
        items,
        frozenset(flags),
    )


def write(fix: Fix, moment: datetime, *, alarm: int = 0, acc: bool = True, items: bytes = b"") -> bytes:
    """The body a terminal sends; for simulators and tests."""
    status = POSITIONED | (ACC if acc else 0) | (SOUTH if fix.lat < 0 else 0) | (WEST if fix.lon < 0 else 0)
    return b"".join(
        (
            alarm.to_bytes(4),
            status.to_bytes(4),
            round(abs(fix.lat) * 1e6).to_bytes(4),
            round(abs(fix.lon) * 1e6).to_bytes(4),
            (round(fix.altitude_m or 0) & 0xFFFF).to_bytes(2),
            round((fix.speed_mps or 0) / KMH * 10).to_bytes(2),
            round(fix.course_deg or 0).to_bytes(2),
            bcd_of(moment),
            items,
        )
    )
