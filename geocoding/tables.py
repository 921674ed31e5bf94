"""Address and place tables: which column is what; points of any datum."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from geocoding.index.entries import SourceRow
from geocoding.sheets import UnreadableTable, rows_of
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


class RepeatedColumn(BadInput):
    """A column name that stands over several columns."""

    @classmethod
    def named(cls, column: str, places: Sequence[int]) -> "RepeatedColumn":
        """``places`` from 1 on."""
        where, first = [str(place) for place in places], places[0]
        return cls(
            field=column,
            reason_zh=f"列名重复，在第 {'、'.join(where)} 列；请改名，或写 #{first} 指第 {first} 列",
            reason=f"stands over columns {', '.join(where)}; rename one, or write #{first} for the first",
        )


def column_at(header: Sequence[str], column: str) -> int:
    """Position of a column by its exact name, or by ``#3`` for the third. Raises UnknownColumn where there
    is none and RepeatedColumn where there are several."""
    names = [name.strip().lstrip("\ufeff") for name in header]
    places = [place for place, name in enumerate(names) if name == column]
    if len(places) > 1:
        raise RepeatedColumn.named(column, [place + 1 for place in places])
    if places:
        return places[0]
    number = column.removeprefix("#")
    if column.startswith("#") and number.isdecimal() and 1 <= int(number) <= len(names):
        return int(number) - 1
    raise UnknownColumn.named(column, names)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """How to read one table: which column is what, the datum of its points, how far it is trusted."""

    path: Path
    source: str
    columns: dict[str, str] = field(default_factory=dict)
    datum: Datum = "wgs84"
    quality: float | None = None
    """None: as it is set already, or ``usual_quality`` for a new source."""
    usual_quality: float = 0.7
    priority: int | None = None
    """The lower comes first among sources that are trusted alike."""
    dated: date | None = None
    """State of the data, as its publisher says."""
    sheet: str | None = None
    """Of a workbook; the first that holds anything."""


def find_columns(header: Sequence[str], wanted: dict[str, str]) -> dict[str, int]:
    """Position of each field: as mapped, else by usual names. Raises UnknownColumn."""
    names = [name.strip().lstrip("\ufeff") for name in header]
    lower = [name.lower() for name in names]
    found: dict[str, int] = {}
    for field_name, column in wanted.items():
        if field_name not in FIELDS:
            raise UnknownColumn.named(field_name, FIELDS)
        found[field_name] = column_at(names, column)
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
    lines = rows_of(spec.path, spec.sheet)
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
