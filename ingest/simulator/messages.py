"""Messages as the devices write them: OwnTracks JSON, our own JSON, NMEA sentences. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from typing import Any, NamedTuple

import msgspec

_encode = msgspec.json.encode
KNOT_MPS = 1852 / 3600


class Sample(NamedTuple):
    """What a receiver knows at one moment. ``course_deg`` is None while standing."""

    time: float
    """Epoch seconds."""
    lon: float
    lat: float
    speed_mps: float
    course_deg: float | None
    accuracy_m: float
    satellites: int
    battery_pct: int


class Message(NamedTuple):
    topic: str
    payload: bytes


def status(key: str, *, online: bool) -> Message:
    return Message(f"wanmi/v1/{key}/status", _encode({"online": online}))


def owntracks(carrier: str, key: str, sample: Sample) -> Message:
    """A location of the OwnTracks app: whole seconds, metres and km/h."""
    body: dict[str, Any] = {
        "_type": "location",
        "tst": int(sample.time),
        "lat": round(sample.lat, 6),
        "lon": round(sample.lon, 6),
        "acc": round(sample.accuracy_m),
        "vel": round(sample.speed_mps * 3.6),
        "batt": sample.battery_pct,
        "tid": key[-2:],
        "t": "t",
        "conn": "m",
    }
    if sample.course_deg is not None:
        body["cog"] = round(sample.course_deg)
    return Message(f"owntracks/{carrier}/{key}", _encode(body))


def own_json(key: str, samples: Sequence[Sample]) -> Message:
    """One fix, or an array of them after a loss of signal."""
    bodies = [_fix(sample) for sample in samples]
    return Message(f"wanmi/v1/{key}/fix", _encode(bodies if len(bodies) > 1 else bodies[0]))


def _fix(sample: Sample) -> dict[str, Any]:
    body: dict[str, Any] = {
        "time": round(sample.time, 3),
        "lon": round(sample.lon, 7),
        "lat": round(sample.lat, 7),
        "speed_mps": round(sample.speed_mps, 2),
        "accuracy_m": round(sample.accuracy_m, 1),
        "satellites": sample.satellites,
    }
    if sample.course_deg is not None:
        body["course_deg"] = round(sample.course_deg, 1)
    return body


def nmea(key: str, samples: Sequence[Sample]) -> Message:
    """RMC and GGA of each moment, as a multi-constellation receiver writes them."""
    return Message(f"wanmi/v1/{key}/nmea", "".join(_sentences(sample) for sample in samples).encode("ascii"))


def _sentences(sample: Sample) -> str:
    moment = datetime.fromtimestamp(sample.time, UTC)
    clock = f"{moment:%H%M%S}.{moment.microsecond // 10_000:02d}"
    lat = _degrees(sample.lat, 2, "NS")
    lon = _degrees(sample.lon, 3, "EW")
    course = "" if sample.course_deg is None else f"{sample.course_deg % 360:.1f}"
    knots = f"{sample.speed_mps / KNOT_MPS:.2f}"
    hdop = max(0.6, sample.accuracy_m / 5.0)
    rmc = f"GNRMC,{clock},A,{lat},{lon},{knots},{course},{moment:%d%m%y},,,A"
    gga = f"GNGGA,{clock},{lat},{lon},1,{sample.satellites:02d},{hdop:.1f},12.0,M,9.6,M,,"
    return _framed(rmc) + _framed(gga)


def _degrees(value: float, digits: int, hemispheres: str) -> str:
    """``ddmm.mmmmm,N``: degrees and minutes."""
    whole, minutes = divmod(round(abs(value) * 60 * 100_000), 60 * 100_000)
    return f"{whole:0{digits}d}{minutes / 100_000:08.5f},{hemispheres[value < 0]}"


def _framed(body: str) -> str:
    return f"${body}*{reduce(xor, body.encode('ascii')):02X}\r\n"
