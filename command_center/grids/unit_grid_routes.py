"""Published unit grids over HTTP, as they are and as they were on a day."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, StringConstraints

from command_center.city.features import bbox_of
from command_center.grids.responsibility_routes import CHINA, VIEW, Viewer
from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.people.shapes import AreaCode
from command_center.requests import Conn
from gis_core.area_codes import area_prefix
from gis_core.database import load_queries

_SQL = load_queries("command_center.grids", "unit_grids.sql")
_EDGES = ("west", "south", "east", "north")
router = APIRouter(prefix="/unit-grids", tags=["单元网格 Unit grids"])


class UnitGridPage(BaseModel):
    """A GeoJSON FeatureCollection in CRS84."""

    type: str = "FeatureCollection"
    on: date
    features: list[dict[str, Any]]
    next: str | None


@router.get("", summary="某日的单元网格 / Unit grids as they were on a day")
async def list_unit_grids(
    conn: Conn,
    viewer: Viewer,
    on: Annotated[date | None, Query(description="默认今天 / today by default")] = None,
    area_code: AreaCode | None = None,
    code: Annotated[
        str | None, StringConstraints(pattern=r"^\d{1,15}$"), Query(description="编码开头")
    ] = None,
    bbox: Annotated[str | None, Query(max_length=100, description="west,south,east,north")] = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> UnitGridPage:
    """Withdrawn ones too, on days before their ``change_date``. ``initial_date`` and ``change_date`` are the
    ORDate and CHDate of GB/T 30428."""
    day = on or datetime.now(UTC).astimezone(CHINA).date()
    box = bbox_of(bbox)
    wanted: dict[str, Any] = {
        "on": day,
        "areas": viewer.area_patterns(VIEW),
        "pattern": None if area_code is None else area_prefix(area_code) + "%",
        "code": None if code is None else code + "%",
        **dict(zip(_EDGES, box or (None,) * 4, strict=True)),
        "after": row_id_of(cursor, start=0),
        "max_rows": limit + 1,
    }
    rows = (await conn.execute(_SQL["unit_grids_on"], wanted)).mappings().all()
    features = [
        {
            "type": "Feature",
            "id": row["id"],
            "geometry": row["geometry"],
            "properties": {key: value for key, value in row.items() if key not in ("id", "geometry")},
        }
        for row in rows[:limit]
    ]
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return UnitGridPage(on=day, features=features, next=following)
