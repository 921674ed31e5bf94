"""Our own JSON on ``wanmi/v1/{device}/fix`` and ``/status``."""

from typing import Any

import msgspec

from ingest import documents, values
from tracking.arrival import Outcome
from tracking.fix import ConnectionStatus, Fix
from tracking.reasons import Reason, Reject
from tracking.signals import ACC_OFF, ACC_ON, SOS, named


class FixBody(msgspec.Struct):
    """``time``: ISO 8601 with offset, epoch seconds or milliseconds. The rest is optional; more may come."""

    time: str | float
    lon: float
    lat: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    accuracy_m: float | None = None
    satellites: float | None = None
    battery_pct: float | None = None
    sos: Any = None
    """The button for help was pressed. Any type: no position is refused for what stands here."""
    alarms: Any = None
    """Names of ``tracking.signals``, such as ``power_lost``; unknown ones are passed over."""
    ignition: Any = None


class StatusBody(msgspec.Struct):
    online: bool


_FIX = documents.Reader(FixBody, needed=frozenset({"time", "lon", "lat"}))
_STATUS = documents.Reader(StatusBody, needed=frozenset({"online"}))


def decode_fix(payload: bytes) -> list[Outcome]:
    """One fix or an array of them."""
    return documents.read(payload, _FIX, _interpret)


def decode_status(payload: bytes) -> list[Outcome]:
    """``{"online": true}``, sent after connecting, or as last will with false."""
    return documents.read(payload, _STATUS, lambda body: [ConnectionStatus(body.online)])


def _interpret(body: FixBody) -> list[Outcome]:
    try:
        micros = values.micros_of_told(body.time)
    except values.BadTimeValue as error:
        return [Reject(Reason.BAD_TIME, str(error))]
    return [
        Fix(
            micros,
            body.lon,
            body.lat,
            values.altitude(body.altitude_m),
            values.speed(body.speed_mps),
            values.course(body.course_deg),
            values.not_negative(body.accuracy_m),
            values.count(body.satellites),
            values.percent(body.battery_pct),
            signals=_signals(body),
        )
    ]


def _signals(body: FixBody) -> int:
    found = SOS if body.sos is not None and values.truth(body.sos) else 0
    if isinstance(body.alarms, list):
        found |= named(name for name in body.alarms if isinstance(name, str))
    if body.ignition is not None and (ignition := values.truth(body.ignition)) is not None:
        found |= ACC_ON if ignition else ACC_OFF
    return found
