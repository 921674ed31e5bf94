"""What OsmAnd and Traccar clients send over HTTP: a query string, the same as a form, or a JSON body.

Source: Traccar, "OsmAnd protocol". The query's speed is in knots unless the device says otherwise;
the JSON body's is in m/s.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from ingest import values
from ingest.nmea.fields import KMH, KNOT
from tracking.arrival import Outcome
from tracking.clock import micros_of
from tracking.fix import Fix, Flag
from tracking.reasons import Reason, Reject
from tracking.signals import ACC_OFF, ACC_ON, BITS, SOS, named

UNITS = {"kn": KNOT, "kmh": KMH, "mps": 1.0}
_NUMBER = values.NUMBER
_REQUEST = re.compile(r"(?:GET|POST) +(\S+)(?: +HTTP/[\d.]+)?", re.ASCII)
"""The first line of a request, as logs keep it."""
_LOCAL = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(\.\d{1,6})?")

_LOST_SIGN = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$")


@dataclass(slots=True)
class Report:
    """``time_us`` None: not told. ``lon`` and ``lat`` None: only cells or networks were told."""

    device: str
    kind: str = "location"
    time_us: int | None = None
    lon: float | None = None
    lat: float | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    accuracy_m: float | None = None
    satellites: int | None = None
    battery_pct: int | None = None
    valid: bool = True
    extras: dict[str, Any] = field(default_factory=dict)

    def outcome(self, received_us: int | None) -> Outcome:
        """The fix; a reject when there is no position. ``received_us`` stands in for a missing time."""
        if self.lon is None or self.lat is None:
            return Reject(Reason.NO_FIX, "no coordinates")
        if not self.valid:
            return Reject(Reason.NO_FIX, "valid=false")
        time_us, flags = self.time_us, 0
        if time_us is None:
            if received_us is None:
                return Reject(Reason.BAD_TIME, "no time")
            time_us, flags = received_us, int(Flag.TIME_OF_ARRIVAL)
        return Fix(
            time_us,
            self.lon,
            self.lat,
            self.altitude_m,
            self.speed_mps,
            self.course_deg,
            self.accuracy_m,
            self.satellites,
            self.battery_pct,
            flags,
            signals_of(self.extras),
        )


def signals_of(told: dict[str, Any]) -> int:
    """Bits of ``tracking.signals``: ``alarm=sos`` (several by comma), ``sos=true``, ``ignition``, ``acc``."""
    found = named(str(told["alarm"]).split(",")) if "alarm" in told else 0
    if values.truth(told.get("sos")):
        found |= SOS
    for name in ("ignition", "acc"):
        ignition = values.truth(told.get(name))
        if ignition is not None:
            found |= ACC_ON if ignition else ACC_OFF
    if values.truth(told.get("is_charging", told.get("charge"))):
        found |= BITS["charging"]
    return found


def fixes(payload: bytes, received_us: int | None, speed_unit: str) -> list[Outcome]:
    """What a request says, with rejects; the device is known from elsewhere."""
    found = decode(payload.decode("utf-8", "replace"), speed_unit=speed_unit)
    return [one if isinstance(one, Reject) else one.outcome(received_us) for one in found]


def decode(text: str, *, speed_unit: str = "kn") -> list[Report | Reject]:
    """Reports of a query string (with or without path) or of a JSON body."""
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        return decode_json(stripped)
    if found := _REQUEST.fullmatch(stripped):
        stripped = found[1]
    query = (stripped.split("?", 1)[1] if "?" in stripped else stripped).split("#", 1)[0]
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        return [Reject(Reason.BAD_FIELD, str(error))]
    return [_query(pairs, speed_unit)]


def _query(pairs: list[tuple[str, str]], speed_unit: str) -> Report | Reject:
    told: dict[str, str] = {}
    networks: dict[str, list[str]] = {}
    for name, value in pairs:
        if not value.strip():
            continue  # nothing is told
        if name in ("cell", "wifi"):
            networks.setdefault(name, []).append(value)
        else:
            told.setdefault(name, value)
    device = _first(told, "id", "deviceid", "device_id")
    if not device:
        return Reject(Reason.MISSING_FIELD, "no id or deviceid")
    report = Report(device, extras={**networks})
    if location := told.pop("location", None):
        told["lat"], _, told["lon"] = location.partition(",")
    try:
        for name in ("lat", "lon"):
            if name in told:
                setattr(report, name, _number(told.pop(name), name))
        if (moment := _first(told, "timestamp", "time")) is not None:
            report.time_us = time_of(moment)
    except ValueError as error:
        bad_time = isinstance(error, values.BadTimeValue)
        return Reject(Reason.BAD_TIME if bad_time else Reason.BAD_FIELD, str(error))
    if (report.lat is None) != (report.lon is None):
        return Reject(Reason.MISSING_FIELD, "lat without lon, or lon without lat")
    speed = values.not_negative(_loose(told.pop("speed", None)))
    report.speed_mps = None if speed is None else values.speed(speed * UNITS[speed_unit])
    report.course_deg = values.course(_loose(_first(told, "bearing", "heading")))
    report.altitude_m = values.altitude(_loose(told.pop("altitude", None)))
    report.accuracy_m = values.not_negative(_loose(_first(told, "accuracy", "hacc")))
    report.satellites = values.count(_loose(_first(told, "sat", "satellites")))
    report.battery_pct = values.percent(_loose(_first(told, "batt", "battery")))
    report.valid = told.pop("valid", "true").lower() not in ("false", "0", "f", "no")
    if report.lon is None:
        report.kind = "network" if networks else "status"
    for name, value in told.items():
        number = _loose(value)
        report.extras[name] = value if number is None else number
    return report


def decode_json(text: str) -> list[Report | Reject]:
    """The body of the newer Traccar client: ``{"device_id": …, "location": {…} or […]}``."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [Reject(Reason.NOT_JSON, str(error))]
    if isinstance(body, list) and body:
        return [report for part in body for report in _bodies(part)]
    return _bodies(body)


def _bodies(body: Any) -> list[Report | Reject]:
    if not isinstance(body, dict):
        return [Reject(Reason.BAD_FIELD, "no JSON object")]
    device = body.get("device_id") or body.get("deviceid") or body.get("id")
    if not isinstance(device, str | int) or isinstance(device, bool):
        return [Reject(Reason.MISSING_FIELD, "no device_id")]
    told = body.get("location")
    return [_location(str(device), one) for one in (told if isinstance(told, list) and told else [told])]


def _location(device: str, told: Any) -> Report | Reject:
    coords = told.get("coords") if isinstance(told, dict) else None
    if not isinstance(coords, dict):
        return Reject(Reason.MISSING_FIELD, "no location.coords")
    lat, lon = _real(coords.get("latitude")), _real(coords.get("longitude"))
    if lat is None or lon is None:
        return Reject(Reason.MISSING_FIELD, "no latitude or longitude")
    battery = told.get("battery") if isinstance(told.get("battery"), dict) else {}
    level = values.not_negative(_real(battery.get("level")))
    try:
        moment = told.get("timestamp")
        time_us = None if moment is None else time_of(str(moment))
    except ValueError as error:
        return Reject(Reason.BAD_TIME, str(error))
    kept = ("event", "is_moving", "odometer", "mock", "age", "uuid", "extras", "activity")
    return Report(
        device,
        "location",
        time_us,
        lon,
        lat,
        values.altitude(_real(coords.get("altitude"))),
        values.speed(_real(coords.get("speed"))),
        values.course(_real(coords.get("heading"))),
        values.not_negative(_real(coords.get("accuracy"))),
        None,
        None if level is None else values.percent(level * 100),
        True,
        {name: told[name] for name in kept if name in told and told[name] not in ({}, [], None)}
        | ({"is_charging": battery["is_charging"]} if "is_charging" in battery else {}),
    )


def time_of(text: str) -> int:
    """Microseconds of epoch seconds or milliseconds, ISO 8601, or ``yyyy-MM-dd HH:mm:ss`` in UTC.

    Raises BadTimeValue.
    """
    if _NUMBER.fullmatch(text.strip()):
        return values.micros_of_told(text)
    # A + for a blank is decoded to a blank, which is then an offset's sign that was lost.
    told = _LOST_SIGN.sub(r"\1+\2", text)
    if _LOCAL.fullmatch(told):
        try:
            return micros_of(datetime.fromisoformat(told).replace(tzinfo=UTC))
        except ValueError as error:
            raise values.BadTimeValue(f"{text[:64]!r} is no time") from error
    return values.micros_of_iso(told)


def _first(told: dict[str, str], *names: str) -> str | None:
    """The first of these that was told; all of them are taken out."""
    found = [told.pop(name) for name in names if name in told]
    return found[0] if found else None


def _number(text: str, name: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{name} {text[:64]!r} is no number")
    return float(text.strip())


def _loose(text: str | None) -> float | None:
    return float(text.strip()) if text is not None and _NUMBER.fullmatch(text.strip()) else None


def _real(value: Any) -> float | None:
    if isinstance(value, str):
        return _loose(value)
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None
