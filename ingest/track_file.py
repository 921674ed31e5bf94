"""Track files: CSV (also gzip) with the columns vehicle, time, lon, lat and what the source had besides."""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec

from gis_core.errors import DomainError, Text
from ingest import values
from tracking.clock import micros_of

BEIJING = timezone(timedelta(hours=8))
"""Taken for times that do not say their offset from UTC."""

MPH = 1609.344 / 3600
_SPEED_UNITS = {"km/h": 1 / 3.6, "kmh": 1 / 3.6, "m/s": 1.0, "mph": MPH}
VEHICLE_COLUMNS = ("vehicle", "device")
COURSE_COLUMNS = ("direction_deg", "course_deg", "course")


class TrackFileError(DomainError):
    status, slug = 422, "track-file"
    title = Text("轨迹文件无法读取", "The track file cannot be read")
    detail = Text("{file}：{reason_zh}", "{file}: {reason}")


class TrackPoint(msgspec.Struct, frozen=True):
    """One row. Positions are degrees in WGS84, as the file has them."""

    vehicle: str
    time_us: int
    lon: float
    lat: float
    speed_mps: float | None
    course_deg: float | None


def read_track_file(path: Path) -> tuple[list[TrackPoint], int]:
    """The points in the order of time, and how many rows were refused (no number, off the earth).

    Raises TrackFileError for a file without the four columns, without a good row, or not readable.
    """
    points: list[TrackPoint] = []
    refused = 0
    try:
        with _opened(path) as text:
            for row in _rows(path, text):
                point = _point(row)
                if point is None:
                    refused += 1
                else:
                    points.append(point)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise TrackFileError(file=path.name, reason_zh=f"读取出错：{error}", reason=str(error)) from error
    if not points:
        raise TrackFileError(file=path.name, reason_zh="没有一行可用", reason="no row is usable")
    points.sort(key=lambda point: point.time_us)
    return points, refused


def _opened(path: Path) -> io.TextIOBase:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(path: Path, text: io.TextIOBase) -> Iterator[Mapping[str, str]]:
    reader = csv.DictReader(text)
    found = [(name or "").strip() for name in reader.fieldnames or []]
    reader.fieldnames = found
    missing = [name for name in ("time", "lon", "lat") if name not in found]
    if not set(VEHICLE_COLUMNS) & set(found):
        missing.insert(0, "vehicle")
    if missing:
        names = ", ".join(missing)
        raise TrackFileError(file=path.name, reason_zh=f"缺少列 {names}", reason=f"no column {names}")
    yield from reader


def _point(row: Mapping[str, str]) -> TrackPoint | None:
    vehicle = next((row[name] for name in VEHICLE_COLUMNS if row.get(name)), "")
    try:
        lon, lat = float(row["lon"]), float(row["lat"])
        time_us = _time(row["time"])
    except (ValueError, TypeError):
        return None
    if not vehicle or not (-180 <= lon <= 180 and -90 <= lat <= 90):
        return None
    course = next((row[name] for name in COURSE_COLUMNS if row.get(name)), None)
    return TrackPoint(vehicle, time_us, lon, lat, _speed(row), values.course(_float(course)))


def _time(text: str) -> int:
    """ISO 8601, epoch seconds, or the bare time of a day (then of 1970-01-01)."""
    try:
        return values.micros_of_epoch(float(text))
    except values.BadTimeValue:
        raise
    except ValueError:
        moment = datetime.fromisoformat(text if len(text) > 8 else f"1970-01-01T{text}")
    return micros_of(moment if moment.tzinfo else moment.replace(tzinfo=BEIJING))


def _speed(row: Mapping[str, str]) -> float | None:
    if row.get("speed_kmh"):
        speed, factor = _float(row["speed_kmh"]), 1 / 3.6
    else:
        speed = _float(row.get("speed"))
        factor = _SPEED_UNITS.get(row.get("speed_unit") or "km/h", 1 / 3.6)
    speed = values.not_negative(speed)
    return None if speed is None else speed * factor


def _float(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
