"""Reading a layer's rows, within the reader's areas, for tables, exports and figures."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.city.catalogue import CityLayer
from command_center.city.filters import conditions
from command_center.city.ordering import Order, Place
from gis_core.database import load_queries
from gis_core.errors import BadInput

_SQL = load_queries("command_center.city")
Bbox = tuple[float, float, float, float]
EDGES = ("ST_XMin", "ST_YMin", "ST_XMax", "ST_YMax")


def bbox_of(text: str | None) -> Bbox | None:
    """``west,south,east,north`` in degrees. Raises BadInput."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west, south, east, north = 1.0, 0.0, 0.0, 0.0
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadInput(
            field="bbox",
            reason_zh="应为 西,南,东,北（度）",
            reason="must be west,south,east,north in degrees",
        )
    return west, south, east, north


class FeatureQuery:
    """Rows of a layer's view that a reader may see and asked for."""

    def __init__(
        self, layer: CityLayer, areas: Sequence[str] | None, bbox: Bbox | None, filters: Sequence[str]
    ) -> None:
        self.layer = layer
        names = [column.name for column in layer.columns]
        self.view = sa.table(
            layer.view, *(sa.column(name) for name in ("id", "geom", *names)), schema="publish"
        )
        self.where: list[sa.ColumnElement[bool]] = conditions(layer, filters)
        if areas is not None:
            self.where.append(sa.column("area_code").like(sa.any_(sa.cast(list(areas), sa.ARRAY(sa.Text)))))
        if bbox is not None:
            self.where.append(self.view.c.geom.op("&&")(sa.func.ST_MakeEnvelope(*bbox, 4326)))

    def _columns(self) -> list[sa.ColumnElement[Any]]:
        return [self.view.c[column.name] for column in self.layer.columns]

    async def page(
        self, conn: AsyncConnection, order: Order, *, after: Place | None, limit: int
    ) -> list[dict[str, Any]]:
        """GeoJSON features, those behind ``after``."""
        shape = sa.func.ST_AsGeoJSON(self.view.c.geom, 7).label("shape")
        chosen = sa.select(self.view.c.id.label("row_id"), shape, *self._columns()).where(*self.where)
        await conn.execute(_SQL["plan_for_page"])
        found: list[dict[str, Any]] = []
        for statement in order.statements(chosen, self.view, after):
            wanted = statement.limit(limit - len(found))
            found += [_feature(dict(row)) for row in (await conn.execute(wanted)).mappings()]
            if len(found) == limit:
                break
        return found

    async def count(self, conn: AsyncConnection) -> int:
        statement = sa.select(sa.func.count()).select_from(self.view).where(*self.where)
        return int(await conn.scalar(statement) or 0)

    async def rows(self, conn: AsyncConnection, *, limit: int) -> list[Mapping[str, Any]]:
        """Rows with ``row_id``, ``wkb`` and all columns, for a file."""
        shape = sa.func.ST_AsBinary(self.view.c.geom).label("wkb")
        statement = (
            sa.select(self.view.c.id.label("row_id"), shape, *self._columns())
            .where(*self.where)
            .order_by(self.view.c.id)
            .limit(limit)
        )
        return [dict(row) for row in (await conn.execute(statement)).mappings()]

    async def figures(self, conn: AsyncConnection, by: str | None) -> dict[str, Any]:
        """Count and extent, length or area on the ground, range of numbers, and rows by a property."""
        geom = self.view.c.geom
        measure: dict[str, sa.ColumnElement[Any]] = {}
        geography = sa.func.geography(geom)
        if self.layer.geometry == "line":
            measure["length_m"] = sa.func.sum(sa.func.ST_Length(geography, False))
        if self.layer.geometry == "polygon":
            measure["area_m2"] = sa.func.sum(sa.func.ST_Area(geography, False))
        numbers = [column.name for column in self.layer.columns if column.kind == "number"]
        for name in numbers:
            for key in ("min", "max", "avg"):
                measure[f"{name}:{key}"] = getattr(sa.func, key)(self.view.c[name])
        statement = sa.select(
            sa.func.count().label("count"),
            *(getattr(sa.func, edge)(sa.func.ST_Extent(geom)).label(edge) for edge in EDGES),
            *(value.label(key) for key, value in measure.items()),
        ).where(*self.where)
        row = (await conn.execute(statement)).mappings().one()
        bounds = [row[edge] for edge in EDGES]
        found: dict[str, Any] = {
            "count": row["count"],
            "bbox": None if bounds[0] is None else bounds,
            "length_m": row.get("length_m"),
            "area_m2": row.get("area_m2"),
            "numbers": {
                name: {key: row[f"{name}:{key}"] for key in ("min", "max", "avg")} for name in numbers
            },
            "groups": [],
        }
        if by is not None:
            self._require_property(by)
            value = sa.cast(self.view.c[by], sa.Text).label("value")
            grouped = (
                sa.select(value, sa.func.count().label("count"))
                .where(*self.where)
                .group_by(value)
                .order_by(sa.desc("count"), value)
                .limit(200)
            )
            found["groups"] = [dict(one) for one in (await conn.execute(grouped)).mappings()]
        return found

    def _require_property(self, name: str) -> None:
        names = [column.name for column in self.layer.columns if column.kind != "json"]
        if name not in names:
            allowed = ", ".join(names)
            raise BadInput(field="by", reason_zh=f"应为 {allowed} 之一", reason=f"must be one of {allowed}")


def _feature(row: Mapping[str, Any]) -> dict[str, Any]:
    properties = {name: value for name, value in row.items() if name not in ("row_id", "shape")}
    shape = json.loads(row["shape"]) if row["shape"] else None
    return {"type": "Feature", "id": row["row_id"], "geometry": shape, "properties": properties}
