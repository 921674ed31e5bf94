"""Adding, changing and taking away rows of roads, buildings, land cover and facilities by hand."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.city.catalogue import CityLayer
from command_center.city.shapes import Geometry
from gis_core.components.errors import PlaceOutside, ShapeWrong
from gis_core.database import Base, load_queries
from gis_core.errors import BadInput

_SQL = load_queries("command_center.city")
_TYPES = {
    "point": ("POINT",),
    "line": ("LINESTRING", "MULTILINESTRING"),
    "polygon": ("POLYGON", "MULTIPOLYGON"),
}
_KEPT = {"id", "geom", "source", "source_key", "area_code"}


def table_of(layer: CityLayer) -> sa.Table:
    return Base.metadata.tables[layer.table]


async def area_of(conn: AsyncConnection, layer: CityLayer, geometry: Geometry) -> str:
    """The finest area the shape's inner point lies in. Raises ShapeWrong, PlaceOutside."""
    try:
        async with conn.begin_nested():
            row = (await conn.execute(_SQL["judge_geometry"], {"geometry": geometry.text()})).mappings().one()
    except DBAPIError as error:
        raise ShapeWrong(reason_zh="不是有效的 GeoJSON 几何", reason="not a GeoJSON geometry") from error
    if row["empty"] or row["type"] not in _TYPES[layer.geometry]:
        allowed = ", ".join(_TYPES[layer.geometry])
        raise ShapeWrong(reason_zh=f"本图层须为 {allowed}", reason=f"this layer takes {allowed}")
    if row["reason"] != "Valid Geometry":
        raise ShapeWrong(reason_zh=row["reason"], reason=row["reason"])
    found = await conn.scalar(_SQL["area_of"], {"geometry": geometry.text()})
    if found is None:
        raise PlaceOutside
    return str(found)


def _shape(layer: CityLayer, geometry: Geometry) -> Any:
    made = sa.func.ST_Force2D(sa.func.ST_SetSRID(sa.func.ST_GeomFromGeoJSON(geometry.text()), 4326))
    return made if layer.geometry == "point" else sa.func.ST_Multi(made)


def _values(layer: CityLayer, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Raises BadInput for a property the table lacks, keeps itself, or a value of another type."""
    table = table_of(layer)
    allowed = [column.name for column in table.columns if column.name not in _KEPT]
    values = {}
    for name, value in properties.items():
        if name not in allowed:
            said = ", ".join(allowed)
            raise BadInput(field=name, reason_zh=f"可改的属性为 {said}", reason=f"properties are {said}")
        values[name] = _value(name, table.columns[name], value)
    return values


def _value(name: str, column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        return sa.null() if column.nullable else _refuse(name, "不能为空", "must not be empty")
    wanted = column.type.python_type
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted is date and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return _refuse(name, "应为日期", "must be a date")
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        return _refuse(name, f"类型应为 {wanted.__name__}", f"must be of type {wanted.__name__}")
    if isinstance(value, str) and ("\x00" in value or len(value) > 2_000):
        return _refuse(name, "太长或含有非法字符", "too long, or with characters not allowed")
    return value


def _refuse(name: str, reason_zh: str, reason: str) -> Any:
    raise BadInput(field=name, reason_zh=reason_zh, reason=reason)


async def add_row(
    conn: AsyncConnection, layer: CityLayer, geometry: Geometry, properties: Mapping[str, Any], area: str
) -> int:
    table = table_of(layer)
    values = _values(layer, properties) | {"source": "edit", "source_key": uuid4().hex}
    if "area_code" in table.columns:
        values["area_code"] = area
    values["geom"] = _shape(layer, geometry)
    return int(await _write(conn, layer, table.insert().values(values).returning(table.c.id)) or 0)


async def change_row(
    conn: AsyncConnection,
    layer: CityLayer,
    row_id: int,
    properties: Mapping[str, Any],
    geometry: Geometry | None,
    area: str | None,
) -> None:
    table = table_of(layer)
    values = _values(layer, properties)
    if geometry is not None:
        values["geom"] = _shape(layer, geometry)
        if "area_code" in table.columns:
            values["area_code"] = area
    if values:
        await _write(conn, layer, table.update().where(table.c.id == row_id).values(values))


async def delete_row(conn: AsyncConnection, layer: CityLayer, row_id: int) -> None:
    table = table_of(layer)
    await _write(conn, layer, table.delete().where(table.c.id == row_id))


async def _write(conn: AsyncConnection, layer: CityLayer, statement: Any) -> Any:
    try:
        async with conn.begin_nested():
            result = await conn.execute(statement)
            found = result.scalar() if result.returns_rows else None
    except IntegrityError as error:
        diagnosis = getattr(error.orig, "diag", None)
        named = getattr(diagnosis, "column_name", None) or getattr(diagnosis, "constraint_name", None) or "-"
        raise BadInput(
            field=named, reason_zh="值不合规或缺少必填值", reason="a value is missing or not allowed"
        ) from error
    await conn.execute(_SQL["bump_layer"], {"relation": layer.table})
    return found
