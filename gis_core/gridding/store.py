"""Reading the ground of a division, and rows of drafts."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.area_codes import area_prefix
from gis_core.database import load_queries
from gis_core.errors import NotFound
from gis_core.gridding.coverage import Geometries, on_grid
from gis_core.gridding.division import GridOptions
from gis_core.gridding.errors import DraftNotOpen, NothingToDivide, StaleDraft
from gis_core.gridding.ground import Ground, Projection, ground_from_rows
from gis_core.gridding.topology import Report

SQL = load_queries("gis_core.gridding")
STALE_S = 120
DRAFT_LAYERS = ["grid_draft_cell", "grid_draft_issue"]


@dataclass(frozen=True)
class Cells:
    """Cells of a draft, or unit grids, as stored; ``shapes`` in metres of ``projection``."""

    ids: Sequence[int]
    communities: Sequence[str]
    wet: Sequence[bool]
    shapes: Geometries
    projection: Projection


@dataclass(frozen=True)
class LockedDraft:
    id: int
    area_code: str
    version: int
    options: GridOptions
    projection: Projection


async def read_ground(conn: AsyncConnection, area_code: str) -> Ground:
    """All a division of the area needs. Raises NothingToDivide."""
    pattern = {"pattern": area_prefix(area_code) + "%"}
    areas = (await conn.execute(SQL["homes"], pattern)).all()
    if not areas:
        raise NothingToDivide(area_code=area_code)
    box = dict((await conn.execute(SQL["extent"], pattern)).mappings().one())
    roads = (await conn.execute(SQL["roads"], box)).all()
    water = (await conn.execute(SQL["water"], box)).scalars().all()
    buildings = (await conn.execute(SQL["buildings"], box)).scalars().all()
    lon = await conn.scalar(SQL["zone_longitude"], {"area_code": area_code})
    return ground_from_rows(
        [(code, bytes(shape)) for code, shape in areas],
        [(name, bytes(shape)) for name, shape in roads],
        [bytes(shape) for shape in water],
        [bytes(shape) for shape in buildings],
        lon,
    )


async def lock_draft(conn: AsyncConnection, draft_id: int, version: int | None = None) -> LockedDraft:
    """The open draft, locked for this transaction. Raises NotFound, DraftNotOpen, StaleDraft."""
    row = (await conn.execute(SQL["lock_draft"], {"id": draft_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(key=draft_id, kind="grid draft", kind_zh="网格草案")
    if row["state"] != "open":
        raise DraftNotOpen(draft=draft_id, state=row["state"])
    if version is not None and version != row["version"]:
        raise StaleDraft(version=row["version"], known=version)
    options = GridOptions(**row["options"])
    return LockedDraft(row["id"], row["area_code"], row["version"], options, Projection.of(row["srid"]))


async def add_draft(
    conn: AsyncConnection, area_code: str, options: GridOptions, reason: str, person_id: int | None
) -> int:
    """A draft that waits for its division. Raises NothingToDivide."""
    pattern = {"pattern": area_prefix(area_code) + "%"}
    if (await conn.execute(SQL["homes"], pattern)).first() is None:
        raise NothingToDivide(area_code=area_code)
    values = {"area_code": area_code, "options": options.model_dump_json(), "reason": reason}
    return int(await conn.scalar(SQL["add_draft"], values | {"person_id": person_id}) or 0)


def cells_of(rows: Iterable[Any], projection: Projection | None = None) -> Cells:
    """From rows with id, community_code, shape (and wet); at least one."""
    rows = list(rows)
    shapes = shapely.from_wkb([bytes(row["shape"]) for row in rows])
    if projection is None:
        west, _, east, _ = shapely.total_bounds(shapes)
        projection = Projection.at((west + east) / 2)
    return Cells(
        [row["id"] for row in rows],
        [row["community_code"] for row in rows],
        [row.get("wet", False) for row in rows],
        on_grid(projection.to_metres(shapes)),
        projection,
    )


def community_part_of(ground: Ground, cells: Cells) -> str:
    """What stands for the community in the cells' codes, where an area has none of its own."""
    known = set(ground.home_codes)
    parts = [code[9:] for code in cells.communities if code not in known]
    return parts[0] if parts else GridOptions().community_part


async def read_draft(conn: AsyncConnection, draft_id: int, areas: Sequence[str] | None = None) -> Any:
    """Row of a draft (of the areas, as LIKE patterns). Raises NotFound."""
    wanted = {"id": draft_id, "state": None, "areas": areas, "max_rows": 1, "stale_s": STALE_S}
    row = (await conn.execute(SQL["drafts"], wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(key=draft_id, kind="grid draft", kind_zh="网格草案")
    return row


async def read_cells(
    conn: AsyncConnection, draft_id: int, *, around: Sequence[int] | None = None,
    projection: Projection | None = None,
) -> Cells | None:  # fmt: skip
    """All cells of a draft, or those ``around`` (and with) some; None when there are none."""
    if around is None:
        rows = (await conn.execute(SQL["cells"], {"draft_id": draft_id})).mappings().all()
    else:
        wanted = {"draft_id": draft_id, "ids": list(around)}
        rows = (await conn.execute(SQL["cells_around"], wanted)).mappings().all()
    return cells_of(rows, projection) if rows else None


async def add_cells(
    conn: AsyncConnection, draft_id: int, number: int, shapes: Geometries, communities: Sequence[str],
    wet: Sequence[bool], projection: Projection,
) -> None:  # fmt: skip
    """``shapes`` in metres; they are stored in lon/lat."""
    if len(shapes) == 0:
        return
    wkb = shapely.to_wkb(projection.to_lonlat(shapes))
    area = np.round(shapely.area(shapes), 2)
    rows = [
        {
            "draft_id": draft_id, "community_code": community, "wet": bool(on_water), "area_m2": size,
            "added_in": number, "shape": shape,
        }
        for community, on_water, size, shape in zip(communities, wet, area.tolist(), wkb, strict=True)
    ]  # fmt: skip
    await conn.execute(SQL["add_cell"], rows)


async def save_report(
    conn: AsyncConnection, draft_id: int, version: int, report: Report, projection: Projection
) -> None:
    """Replace the draft's report and issues by those of this ``version`` of its cells."""
    await conn.execute(SQL["clear_issues"], {"draft_id": draft_id})
    await conn.execute(
        SQL["set_report"], {"id": draft_id, "report": json.dumps({"version": version, **report.numbers})}
    )
    if report.issues:
        places = projection.to_lonlat(np.array([issue.place for issue in report.issues]))
        rows = [
            {
                "draft_id": draft_id, "kind": issue.kind, "measure": issue.measure,
                "community_code": issue.community_code, "shape": shape,
            }
            for issue, shape in zip(report.issues, shapely.to_wkb(places), strict=True)
        ]  # fmt: skip
        await conn.execute(SQL["add_issue"], rows)
    await conn.execute(SQL["bump"], {"keys": DRAFT_LAYERS})
