"""Address and place tables: CSV (UTF-8, GBK), Excel; columns by mapping; points of any datum."""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np

from geocoding.index.entries import SourceRow
from gis_core.coordinates import Datum, wgs84_from_bd09, wgs84_from_gcj02
from gis_core.errors import BadInput

FIELDS = ("key", "address", "name", "district", "town", "community", "kind", "lon", "lat")
"""What a column may be mapped to."""
_GUESSES: dict[str, tuple[str, ...]] = {
    "key": ("id", "key", "编号", "标识码", "objectid"),
    "address": ("address", "addr", "地址", "详细地址", "地址描述", "标准地址", "location"),
    "name": ("name", "名称", "地名", "单位名称"),
    "district": ("district", "区", "区县", "行政区", "adname", "county"),
    "town": ("town", "street", "街道", "街镇", "乡镇", "street_level"),
    "community": ("community", "社区", "居委会", "居委"),
    "kind": ("type", "kind", "类型", "类别"),
    "lon": ("lon", "lng", "longitude", "x", "经度", "wgs84_lng"),
    "lat": ("lat", "latitude", "y", "纬度", "wgs84_lat"),
}
MAX_FIELD = 1 << 20


class UnknownColumn(BadInput):
    """A column that the table does not have."""

    @classmethod
    def named(cls, column: str, columns: Sequence[str]) -> "UnknownColumn":
        known = "、".join(columns[:30])
        return cls(
            field=column,
            reason_zh=f"表里没有这一列，现有列：{known}",
            reason=f"the table has no such column; it has: {', '.join(columns[:30])}",
        )


class UnreadableTable(BadInput):
    """A file that is no table."""

    @classmethod
    def of(cls, path: Path, reason_zh: str, reason: str) -> "UnreadableTable":
        return cls(field=path.name, reason_zh=reason_zh, reason=reason)


def text_encoding(head: bytes) -> str:
    """UTF-8 (with or without BOM), UTF-16 by its mark, else GB 18030, which holds GBK and GB 2312."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for cut in range(4):
        try:
            head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return "utf-8-sig"
    return "gb18030"


def open_text(path: Path) -> io.TextIOWrapper:
    """The text of a CSV file, also gzipped, in whatever encoding it is."""
    with _binary(path) as probe:
        encoding = text_encoding(probe.read(1 << 16))
    return io.TextIOWrapper(cast("Any", _binary(path)), encoding=encoding, errors="replace", newline="")


def _binary(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def rows_of(path: Path) -> Iterator[list[str]]:
    """Rows as texts, header first, one at a time; from CSV, TSV or the first sheet of an Excel file."""
    if not path.is_file():
        raise UnreadableTable.of(path, "文件不存在", "there is no such file")
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        yield from _excel_rows(path)
        return
    csv.field_size_limit(MAX_FIELD)
    with open_text(path) as stream:
        head = stream.read(1 << 14)
        stream.seek(0)
        first = head.partition("\n")[0]
        delimiter = max(",\t;|", key=first.count)
        yield from csv.reader((line.replace("\0", "") for line in stream), delimiter=delimiter)


def _excel_rows(path: Path) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # Loading it takes 0.2 s, which the CSV path need not pay.

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError, OSError, SyntaxError) as error:
        raise UnreadableTable.of(path, "不是 Excel 工作簿", "is no Excel workbook") from error
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield ["" if value is None else str(value) for value in row]
    finally:
        book.close()


@dataclass(frozen=True, slots=True)
class TableSpec:
    """How to read one table: which column is what, the datum of its points, how far it is trusted."""

    path: Path
    source: str
    columns: dict[str, str] = field(default_factory=dict)
    datum: Datum = "wgs84"
    quality: float = 0.7


def find_columns(header: Sequence[str], wanted: dict[str, str]) -> dict[str, int]:
    """Position of each field: as mapped, else by usual names. Raises UnknownColumn."""
    names = [name.strip().lstrip("\ufeff") for name in header]
    lower = [name.lower() for name in names]
    found: dict[str, int] = {}
    for field_name, column in wanted.items():
        if field_name not in FIELDS:
            raise UnknownColumn.named(field_name, FIELDS)
        if column not in names:
            raise UnknownColumn.named(column, names)
        found[field_name] = names.index(column)
    for field_name, guesses in _GUESSES.items():
        if field_name not in found:
            for guess in guesses:
                if guess in lower and lower.index(guess) not in found.values():
                    found[field_name] = lower.index(guess)
                    break
    return found


@dataclass(slots=True)
class TableRead:
    """Rows that can be used, and how many cannot, by reason."""

    rows: list[SourceRow]
    refused: dict[str, int]


def read_table(spec: TableSpec) -> TableRead:
    """All rows with an address or name and a point, converted to WGS 84."""
    lines = rows_of(spec.path)
    header = next(lines, None)
    if not header:
        raise UnreadableTable.of(spec.path, "文件是空的", "the file is empty")
    at = find_columns(header, spec.columns)
    for needed in ("lon", "lat"):
        if needed not in at:
            raise UnknownColumn.named(needed, header)
    if "address" not in at and "name" not in at:
        raise UnknownColumn.named("address", header)
    kept: list[list[str]] = []
    lons: list[float] = []
    lats: list[float] = []
    refused: dict[str, int] = {}
    for line in lines:
        try:
            lon, lat = float(line[at["lon"]]), float(line[at["lat"]])
        except (ValueError, IndexError):
            refused["no_point"] = refused.get("no_point", 0) + 1
            continue
        if not (-180 <= lon <= 180 and -90 <= lat <= 90) or (lon == 0 and lat == 0):
            refused["point_off_earth"] = refused.get("point_off_earth", 0) + 1
            continue
        kept.append(line)
        lons.append(lon)
        lats.append(lat)
    lon_array, lat_array = np.asarray(lons), np.asarray(lats)
    if spec.datum == "gcj02":
        lon_array, lat_array = wgs84_from_gcj02(lon_array, lat_array)
    elif spec.datum == "bd09":
        lon_array, lat_array = wgs84_from_bd09(lon_array, lat_array)

    def cell(line: list[str], name: str) -> str:
        position = at.get(name)
        return line[position].strip() if position is not None and position < len(line) else ""

    rows = [
        SourceRow(
            key=cell(line, "key") or str(number),
            text=cell(line, "address"),
            lon=lon,
            lat=lat,
            district=cell(line, "district"),
            town=cell(line, "town"),
            community=cell(line, "community"),
            name=cell(line, "name"),
            kind=cell(line, "kind"),
        )
        for number, (line, lon, lat) in enumerate(
            zip(kept, lon_array.tolist(), lat_array.tolist(), strict=True)
        )
    ]
    return TableRead(rows, refused)
