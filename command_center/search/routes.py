"""Areas of the map, and one search box for all that has a name or a code."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import RowMapping

from command_center.problems import RESPONSES
from command_center.requests import Conn, requires
from gis_core.database import load_queries
from gis_core.identity.principal import Principal

QUERIES = load_queries("command_center.search")

router = APIRouter(tags=["地图 Map"], responses=RESPONSES)

Bbox = tuple[float, float, float, float]


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
