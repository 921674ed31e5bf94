"""Many fixes in few bytes, on ``wanmi/v1/{device}/fixes``; the format is in docs/protocols/batch.md.

A header of 20 bytes, then 19 bytes a fix, little-endian throughout.
"""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ingest import values
from tracking.arrival import Outcome
from tracking.batch import FixColumns
from tracking.fix import Fix
from tracking.reasons import Reason, Reject

MAGIC = b"WB"
VERSION = 1
HEADER = np.dtype(
    [
        ("magic", "S2"),
        ("version", "u1"),
        ("reserved", "u1"),
        ("count", "<u4"),
        ("base_ms", "<i8"),
        ("crc", "<u4"),
    ]
)
RECORD = np.dtype(
    [
        ("time_low", "<u2"),
        ("time_high", "u1"),
        ("lon", "<i4"),
        ("lat", "<i4"),
        ("speed", "<u2"),
        ("course_battery", "<u2"),
        ("altitude", "<i2"),
        ("accuracy", "u1"),
        ("satellites", "u1"),
    ]
)
TICK_MS = 10
SPAN_MS = TICK_MS * (2**24 - 1)
"""From the oldest to the newest fix of a message: 46 hours."""
MOST = 20_000
"""Fixes a message."""
LONGEST = HEADER.itemsize + MOST * RECORD.itemsize
UNKNOWN_WORD, UNKNOWN_BYTE, UNKNOWN_ALTITUDE = 0xFFFF, 0xFF, -32_768
UNKNOWN_COURSE, UNKNOWN_BATTERY = 511, 127

Columns = dict[str, NDArray[Any]]


def encode(fixes: Sequence[Fix]) -> bytes:
    """A message of fixes. Raises ValueError when they are too many or too far apart in time.

    Kept: time to 10 ms, position to 1e-7 degree, speed to 0.01 m/s, course to 1 degree, altitude,
    accuracy and battery to 1. Flags are not kept: they are ours.
    """
    if len(fixes) > MOST:
        raise ValueError(f"{len(fixes)} fixes; at most {MOST} a message")
    base_ms = min((fix.fix_time_us // 1000 for fix in fixes), default=0)
    records = np.zeros(len(fixes), dtype=RECORD)
    since_base_us = np.array([fix.fix_time_us - base_ms * 1000 for fix in fixes], dtype=np.int64)
    ticks = (since_base_us + TICK_MS * 500) // (TICK_MS * 1000)
    if len(fixes) and int(ticks.max()) > SPAN_MS // TICK_MS:
        raise ValueError("more than 46 hours between the oldest and the newest fix")
    records["time_low"], records["time_high"] = ticks & 0xFFFF, ticks >> 16
    for name in ("lon", "lat"):
        records[name] = np.rint(np.array([getattr(fix, name) for fix in fixes], dtype=np.float64) * 1e7)
    records["speed"] = _scaled([fix.speed_mps for fix in fixes], 100, UNKNOWN_WORD - 1, UNKNOWN_WORD)
    course = _scaled([fix.course_deg for fix in fixes], 1, 360, UNKNOWN_COURSE)
    battery = _scaled([fix.battery_pct for fix in fixes], 1, 100, UNKNOWN_BATTERY)
    records["course_battery"] = np.where(course == 360, 0, course) | battery << 9
    altitudes = [fix.altitude_m for fix in fixes]
    records["altitude"] = _scaled(altitudes, 1, 32_767, UNKNOWN_ALTITUDE, lowest=-32_767)
    records["accuracy"] = _scaled([fix.accuracy_m for fix in fixes], 1, UNKNOWN_BYTE - 1, UNKNOWN_BYTE)
    records["satellites"] = _scaled([fix.satellites for fix in fixes], 1, UNKNOWN_BYTE - 1, UNKNOWN_BYTE)
    body = records.tobytes()
    return np.array([(MAGIC, VERSION, 0, len(fixes), base_ms, crc32(body))], dtype=HEADER).tobytes() + body


def _scaled(
    told: Sequence[float | None], factor: float, highest: int, unknown: int, *, lowest: int = 0
) -> NDArray[np.int64]:
    column = np.array([np.nan if value is None else value for value in told], dtype=np.float64) * factor
    known = np.isfinite(column)
    whole = np.clip(np.rint(np.where(known, column, 0)), lowest, highest)
    return np.where(known, whole, unknown).astype(np.int64)


def size_of(head: bytes) -> int | None:
    """Bytes of the message that begins with these 20; None when they begin none."""
    if len(head) < HEADER.itemsize or head[:3] != MAGIC + bytes([VERSION]):
        return None
    count = int(np.frombuffer(head, dtype=HEADER, count=1)[0]["count"])
    return HEADER.itemsize + count * RECORD.itemsize if count <= MOST else None


def columns(message: bytes) -> Columns | Reject:
    """Arrays by the names of ``Fix``, NaN for unknown; or why the message is none."""
    size = size_of(message)
    if size is None:
        return Reject(Reason.BAD_BODY, "no batch: magic, version or count")
    if len(message) != size:
        return Reject(Reason.BAD_BODY, f"{len(message)} bytes, the header says {size}")
    header = np.frombuffer(message, dtype=HEADER, count=1)[0]
    body = message[HEADER.itemsize :]
    if crc32(body) != int(header["crc"]):
        return Reject(Reason.BAD_CHECKSUM, "CRC-32 of the records")
    base_ms = int(header["base_ms"])
    if not values.FIRST_EPOCH_S * 1000 <= base_ms <= values.LAST_EPOCH_S * 1000 - SPAN_MS:
        return Reject(Reason.BAD_TIME, f"base {base_ms} ms")
    records = np.frombuffer(body, dtype=RECORD)
    ticks = records["time_low"].astype(np.int64) | records["time_high"].astype(np.int64) << 16
    course = records["course_battery"] & 0x1FF
    battery = records["course_battery"] >> 9
    altitude = records["altitude"].astype(np.float64)
    return {
        "fix_time_us": (base_ms + ticks * TICK_MS) * 1000,
        "lon": records["lon"] / 1e7,
        "lat": records["lat"] / 1e7,
        "altitude_m": np.where((altitude >= -1_000) & (altitude <= 20_000), altitude, np.nan),
        "speed_mps": np.where(records["speed"] == UNKNOWN_WORD, np.nan, records["speed"] / 100),
        "course_deg": np.where(course >= 360, np.nan, course),
        "accuracy_m": np.where(records["accuracy"] == UNKNOWN_BYTE, np.nan, records["accuracy"]),
        "satellites": np.where(records["satellites"] > 200, np.nan, records["satellites"]),
        "battery_pct": np.where(battery > 100, np.nan, battery),
    }


def decode_columns(message: bytes) -> list[Outcome]:
    """The fixes of a message as columns, or one reject: what ingest does with it."""
    found = columns(message)
    if isinstance(found, Reject):
        return [found]

    def small(name: str) -> NDArray[np.int16]:
        return np.nan_to_num(found[name], nan=-1.0).astype(np.int16)

    return [
        FixColumns(
            fix_time_us=found["fix_time_us"],
            lon=found["lon"],
            lat=found["lat"],
            altitude_m=found["altitude_m"].astype(np.float32),
            speed_mps=found["speed_mps"].astype(np.float32),
            course_deg=found["course_deg"].astype(np.float32),
            accuracy_m=found["accuracy_m"].astype(np.float32),
            satellites=small("satellites"),
            battery_pct=small("battery_pct"),
        )
    ]


def decode(message: bytes) -> list[Outcome]:
    """The fixes of a message in their order, or one reject: a batch is taken or refused as a whole."""
    found = columns(message)
    if isinstance(found, Reject):
        return [found]
    names = ("fix_time_us", "lon", "lat", "altitude_m", "speed_mps", "course_deg", "accuracy_m")
    return [
        Fix(
            time_us,
            lon,
            lat,
            _known(altitude),
            _known(speed),
            _known(course),
            _known(accuracy),
            _whole(satellites),
            _whole(battery),
        )
        for time_us, lon, lat, altitude, speed, course, accuracy, satellites, battery in zip(
            *(found[name].tolist() for name in (*names, "satellites", "battery_pct")), strict=True
        )
    ]


def _known(value: float) -> float | None:
    return None if value != value else value


def _whole(value: float) -> int | None:
    return None if value != value else int(value)
