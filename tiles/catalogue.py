"""The layer catalogue as tiles see it: which views there are, who may see them, and their SQL."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from gis_core.errors import DomainError, NotAllowed, Text
from gis_core.named_sql import read_queries
from tiles.tile_matrix import Tile

log = structlog.get_logger(__name__)

QUERIES = read_queries("tiles")

JOIN_LINES_BELOW_ZOOM = 14
SIMPLIFY_BELOW_ZOOM = 14
SIMPLIFY_UNITS = 3
"""Simplification in tile units; 8 units are a pixel of a 512 pixel tile."""
TINY_UNITS = 6
"""A polygon narrower and lower than this is no longer seen, and left out below its last zoom."""


class TileReader(Protocol):
    """Who asks for a tile: what tiles need to know of a principal."""

    def may(self, permission: str) -> bool:
        """Whether any grant holds ``permission``."""

    def area_prefixes(self, permission: str) -> Collection[str] | None:
        """What area codes in reach of ``permission`` begin with; None: all of them."""


class LayerUnknown(DomainError):
    status, slug = 404, "layer-unknown"
    title = Text("没有这个图层", "No such layer")
    detail = Text(
        "图层目录中没有“{layer}”，可用图层见 /api/v1/layers。",
        "The catalogue has no layer '{layer}'; /api/v1/layers lists those there are.",
    )


class TileOutOfRange(DomainError):
    status, slug = 404, "tile-out-of-range"
    title = Text("瓦片不存在", "No such tile")
    detail = Text(
        "瓦片 {z}/{x}/{y} 不存在：级别最大 {max_zoom}，行列号须在 0 到 2^z-1 之间。",
        "There is no tile {z}/{x}/{y}: zoom goes to {max_zoom}, x and y from 0 to 2^z-1.",
    )


class TilesUnavailable(DomainError):
    status, slug = 503, "tiles-unavailable"
    title = Text("瓦片暂时不可用", "Tiles unavailable")
    detail = Text(
        "数据库暂时无法给出瓦片，请稍后再试。",
        "The database cannot give tiles at the moment; try again shortly.",
    )


@dataclass(frozen=True, slots=True)
class CatalogueLayer:
    """One row of table ``layer`` whose view was found to have the columns it names."""

    key: str
    view: str
    title: str
    title_en: str
    geometry: str
    min_zoom: int
    max_zoom: int
    properties: tuple[str, ...]
    min_zoom_column: str | None
    permission: str
    scoped: bool
    sort_order: int
    style: Mapping[str, Any] = field(hash=False)
    max_features: int
    version: str
    """Changes with every change of the layer's data."""

    def prefixes_for(self, reader: TileReader) -> tuple[str, ...] | None:
        """Area prefixes the rows are limited to, None for no limit. Raises NotAllowed."""
        if not reader.may(self.permission):
            raise NotAllowed(permission=self.permission)
        prefixes = reader.area_prefixes(self.permission) if self.scoped else None
        return None if prefixes is None else tuple(sorted(prefixes))

    def statement(
        self, tile: Tile, prefixes: tuple[str, ...] | None, place: int
    ) -> tuple[sql.Composed, dict[str, Any]]:
        """SQL that cuts this layer's part of ``tile``, and what it needs beside ``tile_parameters``.

        Gives one row of ``place`` and the bytes; statements of different places may be united.
        """
        parameters: dict[str, Any] = {}
        filters: list[sql.Composable] = []
        order: list[sql.Composable] = [sql.Identifier("id")]
        if self.min_zoom_column:
            filters.append(sql.SQL("AND {} <= %(z)s").format(sql.Identifier(self.min_zoom_column)))
            order.insert(0, sql.Identifier(self.min_zoom_column))
        if prefixes is not None:
            name = f"prefixes_{place}"
            filters.append(sql.SQL("AND area_code ^@ ANY({})").format(sql.Placeholder(name)))
            parameters[name] = list(prefixes)
        if self.geometry == "polygon" and tile.z < self.max_zoom:
            filters.append(
                sql.SQL(
                    "AND greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom)) >= %(tiny)s"
                )
            )
        simplified = sql.SQL("ST_Transform(geom, 3857)")
        if self.geometry != "point" and tile.z < min(SIMPLIFY_BELOW_ZOOM, self.max_zoom):
            simplified = sql.SQL("ST_Simplify(ST_Transform(geom, 3857), %(tolerance)s, true)")
        joined = self.geometry == "line" and tile.z < min(JOIN_LINES_BELOW_ZOOM, self.max_zoom)
        columns = [sql.Identifier(name) for name in self.properties]
        statement = sql.SQL(QUERIES["tile_of_joined_lines" if joined else "tile"]).format(
            place=sql.Literal(place),
            key=sql.Literal(self.key),
            max_features=sql.Literal(self.max_features),
            view=sql.Identifier("publish", self.view),
            attributes=sql.SQL(", ").join([sql.Identifier("id"), *columns]),
            group=sql.SQL(", ").join(columns),
            simplified=simplified,
            filters=sql.SQL(" ").join(filters),
            order=sql.SQL(", ").join(order),
        )
        return statement, parameters

    def bounds_statement(self) -> sql.Composed:
        return sql.SQL(QUERIES["bounds"]).format(view=sql.Identifier("publish", self.view))


def tile_parameters(tile: Tile) -> dict[str, Any]:
    """Parameters that the statements of all layers share."""
    west, south, east, north = tile.search_box()
    return {
        "z": tile.z, "x": tile.x, "y": tile.y,
        "west": west, "south": south, "east": east, "north": north,
        "tiny": tile.unit_degrees * TINY_UNITS, "tolerance": tile.unit_metres * SIMPLIFY_UNITS,
    }  # fmt: skip


Columns = Mapping[str, frozenset[str]]
"""Names of the columns of each published view."""


async def read_columns(conn: AsyncConnection[Any]) -> Columns:
    rows = await (await conn.execute(QUERIES["columns"])).fetchall()
    return {view: frozenset(columns) for view, columns in rows}


async def read_catalogue(conn: AsyncConnection[Any], columns: Columns) -> dict[str, CatalogueLayer]:
    """The servable layers by key, in drawing order.

    A row whose view is missing or lacks ``id``, ``geom``, or (where scoped) ``area_code`` is left
    out and logged: nothing is shown rather than rows out of scope. A property the view lacks is
    left out of the tile and logged.
    """
    cursor = conn.cursor(row_factory=dict_row)
    layers: dict[str, CatalogueLayer] = {}
    for row in await (await cursor.execute(QUERIES["layers"])).fetchall():
        there = columns.get(row["view"], frozenset())
        needed = {"id", "geom", *(["area_code"] if row["scoped"] else [])}
        needed |= {row["min_zoom_column"]} if row["min_zoom_column"] else set()
        if needed - there:
            log.error("layer_not_servable", layer=row["key"], missing=sorted(needed - there))
            continue
        if absent := [name for name in row["properties"] if name not in there]:
            log.warning("layer_properties_missing", layer=row["key"], missing=absent)
        row["properties"] = tuple(name for name in row["properties"] if name in there)
        layers[row["key"]] = CatalogueLayer(**row)
    return layers
