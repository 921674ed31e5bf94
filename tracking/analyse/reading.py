"""Track files as columns: ``device`` or ``vehicle``, ``time``, ``lon``, ``lat``, and speed and course."""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gis_core.errors import DomainError, Text
from tracking.clock import micros_of

BEIJING = timezone(timedelta(hours=8))
"""Taken for times that do not say their offset from UTC."""
UNIT_MPS = {
    "km/h": 1 / 3.6,
    "kmh": 1 / 3.6,
    "m/s": 1.0,
    "mps": 1.0,
    "mph": 1609.344 / 3600,
    "kn": 1852 / 3600,
}
_SPEED = {"speed_kmh": 1 / 3.6, "speed_mps": 1.0, "speed_kn": 1852 / 3600, "speed": 1 / 3.6}
_COURSE = ("course", "course_deg", "direction_deg", "heading")


class TrackFileError(DomainError):
    status, slug = 422, "track-file"
    title = Text("轨迹文件无法读取", "The track file cannot be read")
    detail = Text("{file}：{reason_zh}", "{file}: {reason}")


@dataclass(frozen=True, slots=True, eq=False)
class TrackFile:
    """Columns in the order of the rows; ``device`` is an index into ``names``. NaN: not given."""

    names: list[str]
    device: NDArray[np.int32]
    time_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    course_deg: NDArray[np.float64]
    refused: list[tuple[int, str, str]]
    """Rows that cannot be read: line in the file, device, what is wrong."""


def read_columns(path: Path) -> TrackFile:
    """Read a file (also .gz). Raises TrackFileError for one without the four columns or unreadable."""
    try:
        with _opened(path) as text:
            return _columns(path, text)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise TrackFileError(file=path.name, reason_zh=f"读取出错：{error}", reason=str(error)) from error


def _opened(path: Path) -> io.TextIOBase:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _columns(path: Path, text: io.TextIOBase) -> TrackFile:
    rows = csv.reader(text)
    names = [name.strip().lower() for name in next(rows, [])]
    place = {name: index for index, name in reversed(list(enumerate(names)))}
    who = place.get("device", place.get("vehicle"))
    missing = [name for name in ("time", "lon", "lat") if name not in place]
    if who is None or missing:
        told = ", ".join(missing if who is not None else ["device", *missing])
        raise TrackFileError(file=path.name, reason_zh=f"缺少列 {told}", reason=f"no column {told}")
    speed_name = next((name for name in _SPEED if name in place), None)
    course_name = next((name for name in _COURSE if name in place), None)
    wanted = (who, place["time"], place["lon"], place["lat"])
    at_speed = -1 if speed_name is None else place[speed_name]
    at_unit = place.get("speed_unit", -1) if speed_name == "speed" else -1
    at_course = -1 if course_name is None else place[course_name]
    factor = _SPEED.get(speed_name or "", 1.0)
    return _gather(rows, wanted, at_speed, at_unit, factor, at_course)


def _gather(
    rows: Iterator[list[str]],
    wanted: tuple[int, int, int, int],
    at_speed: int,
    at_unit: int,
    factor: float,
    at_course: int,
) -> TrackFile:
    who, when, east, north = wanted
    ids: dict[str, int] = {}
    device: list[int] = []
    times: list[int] = []
    lons: list[float] = []
    lats: list[float] = []
    speeds: list[float] = []
    courses: list[float] = []
    refused: list[tuple[int, str, str]] = []
    nan = float("nan")
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        name = ""
        try:
            name = row[who]
            moment, lon, lat = _moment(row[when]), float(row[east]), float(row[north])
            if not name or lon != lon or lat != lat:
                raise ValueError("empty field")
            speed = float(row[at_speed]) if at_speed >= 0 and row[at_speed] else nan
            if at_unit >= 0:
                factor = UNIT_MPS.get(row[at_unit], 1 / 3.6)
            course = float(row[at_course]) if at_course >= 0 and row[at_course] else nan
        except (ValueError, IndexError, OverflowError) as error:
            refused.append((line, name, str(error)))
            continue
        device.append(ids.setdefault(name, len(ids)))
        times.append(moment)
        lons.append(lon)
        lats.append(lat)
        speeds.append(speed * factor)
        courses.append(course)
    return TrackFile(
        list(ids),
        np.array(device, dtype=np.int32),
        np.array(times, dtype=np.int64),
        np.array(lons),
        np.array(lats),
        np.array(speeds),
        np.array(courses),
        refused,
    )


def _moment(text: str) -> int:
    """ISO 8601, seconds or milliseconds since 1970, or the bare time of a day (then of 1970-01-01)."""
    if "-" not in text[1:] and ":" not in text and "T" not in text:
        seconds = float(text)
        return round(seconds * (1e3 if abs(seconds) > 1e11 else 1e6))
    moment = datetime.fromisoformat(text if len(text) > 8 else f"1970-01-01T{text}")
    return micros_of(moment if moment.tzinfo else moment.replace(tzinfo=BEIJING))
