"""Layers and areas of the map, and one search box for all that has a name or a code."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import RowMapping

from command_center.problems import RESPONSES
from command_center.requests import Conn, requires
from gis_core.database import load_queries
from gis_core.identity.principal import Principal
from tiles.store import TileStore

QUERIES = load_queries("command_center.search")

router = APIRouter(tags=["地图 Map"], responses=RESPONSES)

Bbox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A row of the catalogue; its tiles are under ``/tiles/{key}``. ``version`` changes with the data."""

    key: str
    title: str
    title_en: str
    geometry: Literal["point", "line", "polygon"]
    min_zoom: int
    max_zoom: int
    properties: list[str]
    scoped: bool
    style: dict[str, Any]
    version: str


@dataclass(frozen=True, slots=True)
class Place:
    """``id``: of the unit, area (its code), road, facility, unit grid or component. A unit that never
    reported has no ``lon`` and ``lat``."""

    kind: Literal["unit", "area", "road", "facility", "unit_grid", "component"]
    id: int | str
    name: str
    name_en: str | None
    detail: str | None
    lon: float | None
    lat: float | None
    bbox: Bbox | None


@router.get("/layers", summary="图层目录 / Layer catalogue")
async def list_layers(
    request: Request, principal: Annotated[Principal, requires("map.view")]
) -> list[LayerEntry]:
    """The layers the caller may see, in drawing order."""
    store: TileStore = request.app.state.tile_store
    return [
        LayerEntry(
            key=layer.key,
            title=layer.title,
            title_en=layer.title_en,
            geometry=layer.geometry,  # type: ignore[arg-type]
            min_zoom=layer.min_zoom,
            max_zoom=layer.max_zoom,
            properties=list(layer.properties),
            scoped=layer.scoped,
            style=dict(layer.style),
            version=layer.version,
        )
        for layer in await store.visible_layers(principal)
    ]


@router.get("/search", summary="搜索 / Search")
async def search(
    conn: Conn,
    principal: Annotated[Principal, requires("map.view")],
    q: Annotated[
        str, Query(min_length=1, max_length=60, description="名称、车牌、设备号或编码 / name or code")
    ],
    limit: Annotated[int, Query(ge=1, le=50)] = 12,
) -> list[Place]:
    """People, vehicles, areas, roads and facilities by a part of the name, grids and components by the
    first six or more digits of the code. Units only within the reader's rights."""
    wanted = q.strip()
    if not wanted:
        return []
    parameters = {
        "q": wanted,
        "max_rows": limit,
        "areas": principal.area_patterns("map.view"),
        **principal.scope_parameters("units.view"),
    }
    return [
        Place(
            row["kind"],
            row["id"] if row["kind"] == "area" else int(row["id"]),
            row["name"],
            row["name_en"],
            row["detail"],
            row["lon"],
            row["lat"],
            _bbox(row),
        )
        for row in (await conn.execute(QUERIES["search"], parameters)).mappings()
    ]


def _bbox(row: RowMapping) -> Bbox | None:
    return None if row["west"] is None else (row["west"], row["south"], row["east"], row["north"])
