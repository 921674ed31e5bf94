"""The head of a track file: how its text is encoded and parted, and which column is what."""

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from gis_core.errors import DomainError, Text

HEAD_BYTES = 2**20
SEARCHED_LINES = 10
"""Among so many lines from the top the names of the columns are looked for: a title may stand before."""
_DELIMITERS = ",;\t|"
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NAMES: dict[str, tuple[str, ...]] = {
    "device": (
        *("device", "vehicle", "device_id", "vehicle_id", "deviceid", "imei", "plate", "id"),
        *("设备", "设备号", "设备编号", "终端", "终端号", "车牌", "车牌号", "车辆"),
    ),
    "time": (
        *("time", "fix_time", "timestamp", "datetime", "gps_time", "gpstime", "date_time"),
        *("时间", "定位时间", "日期时间", "上报时间"),
    ),
    "lon": ("lon", "lng", "longitude", "long", "经度"),
    "lat": ("lat", "latitude", "纬度"),
    "speed": ("speed_kmh", "speed_mps", "speed_kn", "speed", "速度", "车速"),
    "course": ("course", "course_deg", "direction_deg", "heading", "direction", "bearing", "方向", "航向"),
    "unit": ("speed_unit",),
}
"""Names a column may have; the first that is there is taken."""
NEEDED = ("device", "time", "lon", "lat")
SPEED_MPS = {"speed_mps": 1.0, "speed_kn": 1852 / 3600}
"""Metres per second of one unit of a speed column; others are km/h."""


class TrackFileError(DomainError):
    status, slug = 422, "track-file"
    title = Text("轨迹文件无法读取", "The track file cannot be read")
    detail = Text("{file}：{reason_zh}", "{file}: {reason}")


@dataclass(frozen=True, slots=True)
class Header:
    """``places``: column number of each of ``NAMES`` that is there; ``lines``: up to and with the names."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    places: dict[str, int]
    lines: int

    @property
    def speed_factor(self) -> float:
        """Metres per second of one unit of the speed column."""
        return SPEED_MPS.get(self.columns[self.places["speed"]], 1 / 3.6) if "speed" in self.places else 1.0


def read_header(file: str, source: BinaryIO) -> Header:
    """Read from the front of a file. Raises TrackFileError for what is no table of a track."""
    head = source.read(HEAD_BYTES)
    if not head.strip():
        raise TrackFileError(file=file, reason_zh="文件是空的", reason="the file is empty")
    encoding = _encoding_of(file, head)
    text = codecs.getincrementaldecoder(encoding)("strict").decode(head)
    lines = text.splitlines()[:SEARCHED_LINES]
    first: tuple[list[str], list[str]] | None = None
    for number, line in enumerate(lines, start=1):
        delimiter = max(_DELIMITERS, key=line.count)
        columns = _cells(line, delimiter)
        if not any(columns):
            continue
        places = _places(columns)
        missing = [name for name in NEEDED if name not in places]
        if not missing:
            return Header(encoding, delimiter, tuple(columns), places, number)
        if first is None or len(missing) < len(first[0]):
            first = missing, columns
    missing, columns = first or (list(NEEDED), [])
    named, shown = ", ".join(missing), ", ".join(columns)[:200]
    raise TrackFileError(
        file=file,
        reason_zh=f"缺少列 {named}；首行是：{shown}",
        reason=f"no column {named}; the first line is: {shown}",
    )


def _encoding_of(file: str, head: bytes) -> str:
    for mark, encoding in _BOMS.items():
        if head.startswith(mark):
            return encoding
    if head[:4096].count(0) > len(head[:4096]) // 100 + 1:
        raise TrackFileError(
            file=file,
            reason_zh="不是文本文件（含大量零字节）",
            reason="no text file: it is full of zero bytes",
        )
    for encoding in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(encoding)("strict").decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    raise TrackFileError(
        file=file,
        reason_zh="不是 UTF-8、UTF-16 或 GB 18030 编码的文本",
        reason="no text in UTF-8, UTF-16 or GB 18030",
    )


def _cells(line: str, delimiter: str) -> list[str]:
    cells = next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
    return [cell.strip().lower() for cell in cells]


def _places(columns: Sequence[str]) -> dict[str, int]:
    found = {}
    for meaning, names in NAMES.items():
        name = next((name for name in names if name in columns), None)
        if name is not None:
            found[meaning] = columns.index(name)
    return found
