"""One message as a line of JSON; docs/protocols/decode.md says what stands where."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tracking.clock import datetime_of
from tracking.fix import Fix, Flag
from tracking.reasons import Reason, Reject
from tracking.signals import alarm_names

RAW_SHOWN = 4_096
"""Characters of a refused message that are shown."""


class Record(msgspec.Struct, kw_only=True):
    """The members of a line, in their order; ``error`` and below only stand where something is."""

    ok: bool = True
    kind: str
    device: str | None = None
    fix_time: str | None = None
    lon: float | None = None
    lat: float | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    accuracy_m: float | None = None
    satellites: int | None = None
    battery: int | None = None
    flags: list[str] = []
    extras: dict[str, Any] = {}
    items: list["Record"] | None = None
    error: str | None = None
    detail: str | None = None
    raw: str | None = None

    def refuse(self, reject: Reject, raw: str) -> "Record":
        """This record as one that is not taken; what could be read stays."""
        self.ok = False
        self.error, self.detail, self.raw = str(reject.reason), reject.detail, shown(raw)
        return self


def refused(kind: str, reject: Reject, raw: str, *, device: str | None = None) -> Record:
    """A message of which nothing could be read."""
    return Record(kind=kind, device=device).refuse(reject, raw)


def shown(raw: str) -> str:
    return raw if len(raw) <= RAW_SHOWN else f"{raw[:RAW_SHOWN]}… ({len(raw)})"


def time_text(micros: int | None) -> str | None:
    """ISO 8601 in UTC; None for None and for years that have no ISO 8601 form."""
    if micros is None:
        return None
    try:
        return datetime_of(micros).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None


def of_fix(fix: Fix, *, kind: str, device: str | None, flags: Iterable[str] = ()) -> Record:
    """A fix and its own flags by name. The time of a fix that has that of its arrival is left out."""
    own = [flag.name.lower() for flag in Flag if fix.flags & flag and flag.name]
    own += [f"alarm_{name}" for name in alarm_names(fix.signals)]
    timed = not fix.flags & Flag.TIME_OF_ARRIVAL or fix.fix_time_us
    return Record(
        kind=kind,
        device=device,
        fix_time=time_text(fix.fix_time_us) if timed else None,
        lon=fix.lon,
        lat=fix.lat,
        altitude_m=fix.altitude_m,
        speed_mps=_rounded(fix.speed_mps),
        course_deg=fix.course_deg,
        accuracy_m=fix.accuracy_m,
        satellites=fix.satellites,
        battery=fix.battery_pct,
        flags=sorted({*own, *flags}),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def judge_position(record: Record, raw: str) -> Record:
    """Refuse a position that is none: beyond ±90 or ±180 degrees, or 0,0 with a fix claimed; mark times
    that cannot be."""
    _judge_time(record)
    lon, lat = record.lon, record.lat
    if lon is None or lat is None:
        return record
    if not abs(lat) <= 90:
        return record.refuse(Reject(Reason.BAD_LATITUDE, f"lat {lat}"), raw)
    if not abs(lon) <= 180:
        return record.refuse(Reject(Reason.BAD_LONGITUDE, f"lon {lon}"), raw)
    if max(abs(lon), abs(lat)) < ZERO_ISLAND_DEG:
        if "no_fix" in record.flags:
            record.flags.append("zero_island")
        else:
            record.refuse(Reject(Reason.ZERO_ISLAND, f"{lon}, {lat}"), raw)
    return record


def _judge_time(record: Record) -> None:
    if record.fix_time is None:
        return
    ahead = datetime.fromisoformat(record.fix_time) - datetime.now(UTC)
    if ahead < -GPS_WEEKS:
        record.flags = sorted({*record.flags, "old_date"})
    elif ahead > timedelta(days=1):
        record.flags = sorted({*record.flags, "future_date"})


GPS_WEEKS = timedelta(weeks=1024)
"""A date so long ago is mostly that of a receiver whose count of weeks began anew."""
ZERO_ISLAND_DEG = 0.001
"""About 100 m around 0,0, where receivers without a fix say they are."""

_ENCODER = msgspec.json.Encoder()
_ALWAYS = 14
"""Members up to ``extras`` stand in every line."""
_NAMES = tuple(Record.__struct_fields__)


def line_of(record: Record) -> bytes:
    """The record as one line of JSON, with its line end."""
    return _ENCODER.encode(_members(record)) + b"\n"


def _members(record: Record) -> dict[str, Any]:
    members = {name: getattr(record, name) for name in _NAMES}
    found = {
        name: value
        for place, (name, value) in enumerate(members.items())
        if place < _ALWAYS or value is not None
    }
    if record.items is not None:
        found["items"] = [_members(item) for item in record.items]
    return found
