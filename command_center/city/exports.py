"""A layer's rows as a file: GeoJSON, CSV for Excel, or GeoPackage."""

import asyncio
import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import pyogrio.raw
import shapely
from fastapi import Response

from command_center.city.catalogue import CityLayer
from gis_core.components import ComponentCount
from gis_core.errors import DomainError, Text

Format = Literal["geojson", "csv", "gpkg"]
MEDIA_TYPES: Mapping[str, str] = {
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "gpkg": "application/geopackage+sqlite3",
}
MAX_ROWS = 200_000
_ONE = {"point": "Point", "line": "LineString", "polygon": "Polygon"}
Rows = Sequence[Mapping[str, Any]]


class ExportTooLarge(DomainError):
    status, slug = 413, "export-too-large"
    title = Text("导出过大", "Export too large")
    detail = Text(
        "符合条件的要素多于 {max_rows} 个，请缩小范围或增加筛选条件。",
        "More than {max_rows} features match; narrow the area or add a filter.",
    )


async def answer_file(layer: CityLayer, rows: Rows, wanted: Format) -> Response:
    """The rows as a download named after the layer."""
    content = await asyncio.to_thread(make_file, layer, rows, wanted)
    headers = {"Content-Disposition": f'attachment; filename="{layer.key}.{wanted}"'}
    return Response(content, media_type=MEDIA_TYPES[wanted], headers=headers)


def make_file(layer: CityLayer, rows: Rows, wanted: Format) -> bytes:
    """All of the rows, in degrees (CRS84)."""
    if wanted == "csv":
        return _csv(layer, rows)
    if wanted == "geojson":
        return _geojson(layer, rows)
    return _geopackage(layer, rows)


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, date) else value


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is shown as text."""
    value = _plain(value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def _csv(layer: CityLayer, rows: Rows) -> bytes:
    """With byte order mark, so that Excel reads the Chinese. Points as lon and lat, others as WKT."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = [column.name for column in layer.columns]
    places = ["lon", "lat"] if layer.geometry == "point" else ["wkt"]
    writer.writerow(["id", *names, *places])
    shapes = shapely.from_wkb([row["wkb"] for row in rows])
    for row, shape in zip(rows, shapes, strict=True):
        if layer.geometry == "point":
            centre = shape if shape.geom_type == "Point" else shape.representative_point()
            place = [round(centre.x, 8), round(centre.y, 8)]
        else:
            place = [shapely.to_wkt(shape, rounding_precision=8)]
        writer.writerow([row["row_id"], *(_cell(row[name]) for name in names), *place])
    return ("\ufeff" + out.getvalue()).encode("utf-8")


_COUNTS = {
    "area_code": "区域代码 area",
    "area_name": "区域 area name",
    "edition": "版本 edition",
    "class_code": "小类代码 class",
    "class_name": "小类 class name",
    "total": "总数 total",
    "intact": "完好 intact",
    "broken": "破损 broken",
    "lost": "丢失 lost",
    "abandoned": "废弃 abandoned",
}


def counts_csv(counts: Sequence[ComponentCount]) -> bytes:
    """Components by area and class; the byte order mark lets Excel read the Chinese."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COUNTS.values())
    writer.writerows([_cell(getattr(one, name)) for name in _COUNTS] for one in counts)
    return ("\ufeff" + out.getvalue()).encode("utf-8")


def _geojson(layer: CityLayer, rows: Rows) -> bytes:
    shapes = shapely.to_geojson(shapely.from_wkb([row["wkb"] for row in rows]))
    names = [column.name for column in layer.columns]
    features = []
    for row, shape in zip(rows, shapes, strict=True):
        properties = json.dumps({name: _jsonable(row[name]) for name in names}, ensure_ascii=False)
        features.append(
            f'{{"type":"Feature","id":{row["row_id"]},"geometry":{shape},"properties":{properties}}}'
        )
    text = ",\n".join(features)
    return f'{{"type":"FeatureCollection","name":"{layer.key}","features":[\n{text}\n]}}'.encode()


def _jsonable(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _geopackage(layer: CityLayer, rows: Rows) -> bytes:
    shapes = shapely.from_wkb([row["wkb"] for row in rows])
    kinds = {shape.geom_type for shape in shapes}
    kind = kinds.pop() if len(kinds) == 1 else ("Unknown" if kinds else _ONE[layer.geometry])
    fields, data = ["feature_id"], [np.array([row["row_id"] for row in rows], dtype="int64")]
    for column in layer.columns:
        values = [_plain(row[column.name]) for row in rows]
        fields.append(column.name)
        if column.kind == "number":
            data.append(np.array([np.nan if value is None else value for value in values], dtype="float64"))
        else:
            data.append(np.array([None if value is None else str(value) for value in values], dtype=object))
    with TemporaryDirectory(prefix="wanmi-export-") as folder:
        path = Path(folder) / f"{layer.key}.gpkg"
        pyogrio.raw.write(
            str(path),
            geometry=shapely.to_wkb(shapes),
            field_data=data,
            fields=fields,
            geometry_type=kind,
            crs="EPSG:4326",
            driver="GPKG",
            layer=layer.key,
        )
        return path.read_bytes()
