"""The layer catalogue as these routes see it: the view, the table behind it, and who may do what."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import DomainError, NotFound, Text
from gis_core.identity.principal import Principal

_SQL = load_queries("command_center.city")


class LayerUnknown(DomainError):
    status, slug = 404, "layer-unknown"
    title = Text("没有这个图层", "No such layer")
    detail = Text(
        "图层目录中没有“{layer}”，可用图层见 /api/v1/layers。",
        "The catalogue has no layer '{layer}'; /api/v1/layers lists those there are.",
    )


class NotEditable(DomainError):
    status, slug = 409, "layer-not-editable"
    title = Text("图层不可直接编辑", "Layer not edited this way")
    detail = Text(
        "图层“{layer}”不可直接编辑：区划、网格等有各自的变更办法。",
        "The layer '{layer}' is not edited this way: areas and grids have their own procedures.",
    )


@dataclass(frozen=True, slots=True)
class Column:
    """``kind``: text, number, boolean, date, time or json. ``sortable``: a list in its order stays quick."""

    name: str
    kind: str
    title: str
    title_en: str
    sortable: bool


@dataclass(frozen=True, slots=True)
class CityLayer:
    """One row of the catalogue with the columns its view really has."""

    key: str
    view: str
    title: str
    title_en: str
    geometry: str
    permission: str
    scoped: bool
    properties: tuple[str, ...]
    relation: str | None
    editable: bool
    min_zoom: int
    max_zoom: int
    style: dict[str, Any]
    own_style: dict[str, Any] | None
    """How the reader wants it drawn, where he said so."""
    version: str
    columns: tuple[Column, ...]
    """All of the view but ``id``, ``geom`` and the drawing order."""

    @property
    def table(self) -> str:
        """The table behind the layer. Raises LayerUnknown where the view has no such one."""
        if self.relation is None:
            raise LayerUnknown(layer=self.key)
        return self.relation

    def require_editable(self) -> None:
        if not self.editable:
            raise NotEditable(layer=self.key)

    def areas_for(self, reader: Principal) -> list[str] | None:
        """LIKE patterns of the areas whose rows he sees, None for all. Raises NotAllowed."""
        reader.require(self.permission)
        return reader.area_patterns(self.permission) if self.scoped else None


_TITLES: Mapping[str, list[str]] = tomllib.loads(
    (files("command_center.city") / "columns.toml").read_text(encoding="utf-8")
)
"""Column to what staff call it, Chinese and English."""
_KINDS = {
    "bool": "boolean",
    "date": "date",
    "timestamptz": "time",
    "timestamp": "time",
    "jsonb": "json",
    "json": "json",
}
_NUMBERS = ("int2", "int4", "int8", "float4", "float8", "numeric")


async def read_layer(conn: AsyncConnection, key: str, reader: Principal) -> CityLayer:
    """Raises LayerUnknown, and NotAllowed for a layer the reader may not see."""
    values = {"key": key, "person_id": reader.person_id}
    row = (await conn.execute(_SQL["layers"], values)).mappings().one_or_none()
    if row is None or row["columns"] is None:
        raise LayerUnknown(layer=key)
    reader.require(row["permission"])
    return _layer(dict(row))


async def read_layers(conn: AsyncConnection, reader: Principal) -> list[CityLayer]:
    """Those the reader may see and whose views are there, in drawing order."""
    rows = (await conn.execute(_SQL["layers"], {"key": None, "person_id": reader.person_id})).mappings()
    there = [dict(row) for row in rows if row["columns"] is not None and reader.may(row["permission"])]
    return [_layer(row) for row in there if _needed(row) <= {name for name, *_ in row["columns"]}]


def _needed(row: Mapping[str, Any]) -> set[str]:
    """Columns without which a view is not served."""
    needed = {"id", "geom"} | ({"area_code"} if row["scoped"] else set())
    return needed | ({row["min_zoom_column"]} if row["min_zoom_column"] else set())


def _layer(row: Mapping[str, Any]) -> CityLayer:
    hidden = {"id", "geom", row["min_zoom_column"]}
    columns = tuple(
        _column(name, _kind(kind), sortable) for name, kind, sortable in row["columns"] if name not in hidden
    )
    values: dict[str, Any] = {
        name: row[name]
        for name in (
            "key", "view", "title", "title_en", "geometry", "permission", "scoped", "relation", "editable",
            "min_zoom", "max_zoom", "style", "own_style", "version",
        )
    }  # fmt: skip
    there = {name for name, *_ in row["columns"]}
    properties = tuple(name for name in row["properties"] if name in there)
    return CityLayer(**values, properties=properties, columns=columns)


def _column(name: str, kind: str, sortable: bool) -> Column:
    title, title_en = _TITLES.get(name, (name, name))
    return Column(name, kind, title, title_en, sortable and kind != "json")


def _kind(type_name: str) -> str:
    return "number" if type_name in _NUMBERS else _KINDS.get(type_name, "text")


def no_feature(layer: CityLayer, row_id: int) -> NotFound:
    return NotFound(key=row_id, kind=layer.title_en, kind_zh=layer.title)
