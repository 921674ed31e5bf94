"""Responsibility grids over HTTP: members, people, patrol points and routes, coverage, history."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, Literal

import numpy as np
import shapely
from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.grids.routes import EDIT, Editor, Lat, Lon, Reason, box_of
from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.people.shapes import AreaCode, Key, Plain, Strict
from command_center.requests import Audit, Conn, requires
from gis_core.area_codes import area_prefix
from gis_core.errors import BadInput, NotFound
from gis_core.identity.principal import Principal
from gis_core.responsibility import store
from gis_core.responsibility.store import SQL, Duty

VIEW = "map.view"
KIND = "responsibility_grid"
router = APIRouter(prefix="/responsibility-grids", tags=["责任网格 Responsibility grids"])
Viewer = Annotated[Principal, requires(VIEW)]
CHINA = timezone(timedelta(hours=8))


class DutyIn(Strict):
    person_id: int
    valid_from: date
    valid_to: date | None = None


class GridIn(Strict):
    code: Key | None = None
    name: Plain
    name_en: Plain | None = None
    unit_grids: list[str] = Field(min_length=1, max_length=2_000)
    """Codes of unit grids."""
    allow_apart: bool = False
    people: list[DutyIn] = Field(default=[], max_length=200)
    valid_from: date | None = None
    valid_to: date | None = None
    reason: Reason


class GridPatch(Strict):
    """Only what is named is changed; ``unit_grids`` and ``people`` replace the whole list."""

    name: Plain | None = None
    name_en: Plain | None = None
    unit_grids: list[str] | None = Field(default=None, min_length=1, max_length=2_000)
    allow_apart: bool = False
    people: list[DutyIn] | None = Field(default=None, max_length=200)
    valid_from: date | None = None
    valid_to: date | None = None
    reason: Reason


class GridOut(BaseModel):
    """``people_now``: how many people answer for it today."""

    id: int
    code: str
    name: str
    name_en: str | None
    area_code: str
    valid_from: date
    valid_to: date | None
    unit_grids: int
    area_m2: float
    people_now: int
    patrol_points: int
    patrol_routes: int


class DutyOut(BaseModel):
    person_id: int
    name: str
    name_en: str | None
    valid_from: date
    valid_to: date | None


class PointOut(BaseModel):
    id: int
    name: str
    name_en: str | None
    note: str | None
    lon: float
    lat: float


class RouteOut(BaseModel):
    id: int
    name: str
    name_en: str | None
    origin: Literal["drawn", "proposed"]
    point_ids: list[int]
    length_m: float
    geometry: dict[str, Any]


class GridDetail(GridOut):
    members: list[str]
    people: list[DutyOut]
    points: list[PointOut]
    routes: list[RouteOut]


class GridPage(BaseModel):
    responsibility_grids: list[GridOut]
    next: str | None


class UnitGridDuty(BaseModel):
    code: str
    community_code: str
    lon: float
    lat: float
    grids: int
    people: int


class CoverageOut(BaseModel):
    area_code: str
    unit_grids: int
    covered: int
    uncovered: list[UnitGridDuty]
    doubled: list[UnitGridDuty]
    without_people: list[UnitGridDuty]


class PointIn(Strict):
    name: Plain
    name_en: Plain | None = None
    note: Annotated[str, Field(max_length=300)] | None = None
    lon: Lon
    lat: Lat
    reason: Reason


class ProposalIn(Strict):
    """``point_ids``: all points of the grid when left out; the route begins with the first."""

    point_ids: list[int] | None = Field(default=None, max_length=100)
    round_trip: bool = False


class ProposalOut(BaseModel):
    point_ids: list[int]
    length_m: float
    line: list[tuple[float, float]]


class RouteIn(Strict):
    """A drawn line, or as it was proposed; ``point_ids`` in the order they are passed."""

    name: Plain
    name_en: Plain | None = None
    origin: Literal["drawn", "proposed"] = "drawn"
    point_ids: list[int] = Field(default=[], max_length=100)
    line: Annotated[list[tuple[Lon, Lat]], Field(min_length=2, max_length=20_000)]
    reason: Reason


class HistoryStep(BaseModel):
    """``names``: codes of unit grids, names of people, points or routes; the first fifty of ``count``."""

    relation: str
    operation: Literal["insert", "update", "delete"]
    names: list[str] | None
    count: int


class HistoryEntry(BaseModel):
    """A change set; ``edit_id`` is what ``POST /edits/{id}/undo`` takes."""

    edit_id: int
    at: datetime
    actor: str
    origin: str
    reason: str | None
    undoes_id: int | None
    undone_by: int | None
    changes: list[HistoryStep]


class Membership(BaseModel):
    """``members``: codes of unit grids."""

    at: datetime
    members: list[str]
    people: list[DutyOut]


class ChoiceIn(Strict):
    """``grid_id``: the grid that is being changed."""

    unit_grids: list[str] = Field(max_length=2_000)
    grid_id: int | None = None


class Holder(BaseModel):
    id: int
    code: str
    name: str
    name_en: str | None
    unit_grids: list[str]


class ChoiceOut(BaseModel):
    """``parts``: codes by how they hang together, the largest part first; one part: connected.
    ``held``: other grids in force that hold some of them."""

    parts: list[list[str]]
    held: list[Holder]


async def read_grids(
    conn: AsyncConnection, reader: Principal, permission: str, **filters: Any
) -> list[GridOut]:
    blank: dict[str, Any] = {"id": None, "after": 0, "pattern": None, "with_ended": False, "max_rows": 1}
    blank |= dict.fromkeys(("west", "south", "east", "north"))
    areas = {"areas": reader.area_patterns(permission)}
    return [GridOut(**row) for row in (await conn.execute(SQL["grids"], blank | filters | areas)).mappings()]


async def read_grid(conn: AsyncConnection, reader: Principal, permission: str, grid_id: int) -> GridOut:
    """Raises NotFound, also outside the reader's areas."""
    found = await read_grids(conn, reader, permission, id=grid_id, with_ended=True)
    if not found:
        raise NotFound(key=grid_id, kind="responsibility grid", kind_zh="责任网格")
    return found[0]


async def begin_edit(conn: AsyncConnection, editor: Principal, grid_id: int, reason: str) -> GridOut:
    """The grid, locked; what is changed from here on is on record with the reason."""
    await conn.execute(SQL["lock"], {"id": grid_id})
    found = await read_grid(conn, editor, EDIT, grid_id)
    await _note(conn, editor, reason)
    return found


async def _note(conn: AsyncConnection, editor: Principal, reason: str) -> None:
    said = {"person_id": editor.person_id, "actor": editor.login, "reason": reason}
    await conn.execute(SQL["edit_by"], said)


def _duties(people: list[DutyIn]) -> list[Duty]:
    return [Duty(duty.person_id, duty.valid_from, duty.valid_to) for duty in people]


def _require_dates(valid_from: date, valid_to: date | None) -> None:
    if valid_to is not None and valid_to <= valid_from:
        raise BadInput(field="valid_to", reason_zh="必须晚于起始日期", reason="must be later than valid_from")


@router.get("", summary="责任网格列表 / Responsibility grids")
async def list_grids(
    conn: Conn, viewer: Viewer, area_code: AreaCode | None = None, with_ended: bool = False,
    limit: Limit = 100, cursor: Cursor = None,
    bbox: Annotated[str | None, Query(description="西,南,东,北 / w,s,e,n", max_length=100)] = None,
) -> GridPage:  # fmt: skip
    found = await read_grids(
        conn, viewer, VIEW, with_ended=with_ended, after=row_id_of(cursor, start=0), max_rows=limit + 1,
        pattern=None if area_code is None else area_prefix(area_code) + "%",
        **(box_of(bbox) if bbox else {}),
    )  # fmt: skip
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    return GridPage(responsibility_grids=found[:limit], next=following)


@router.get("/coverage", summary="责任覆盖检查 / Who answers for which unit grid")
async def get_coverage(area_code: Annotated[AreaCode, Query()], conn: Conn, viewer: Viewer) -> CoverageOut:
    """Unit grids nobody answers for, several responsibility grids hold, or whose grid has no people."""
    return CoverageOut(**await store.coverage(conn, area_code, viewer.area_patterns(VIEW)))


@router.post("/choices", summary="所选单元网格是否相连 / Whether chosen unit grids hang together")
async def check_choice(body: ChoiceIn, conn: Conn, viewer: Viewer) -> ChoiceOut:
    """To be asked while somebody chooses on the map; nothing is stored."""
    held = await conn.execute(SQL["holders"], {"codes": body.unit_grids, "but": body.grid_id})
    return ChoiceOut(
        parts=await store.parts_of(conn, body.unit_grids), held=[Holder(**row) for row in held.mappings()]
    )


@router.get("/{grid_id}", summary="责任网格详情 / One responsibility grid")
async def get_grid(grid_id: int, conn: Conn, viewer: Viewer) -> GridDetail:
    return await _detail(conn, await read_grid(conn, viewer, VIEW, grid_id))


async def _detail(conn: AsyncConnection, grid: GridOut) -> GridDetail:
    wanted = {"id": grid.id}
    return GridDetail(
        **grid.model_dump(),
        members=list((await conn.execute(SQL["members"], wanted)).scalars()),
        people=[DutyOut(**row) for row in (await conn.execute(SQL["people"], wanted)).mappings()],
        points=[PointOut(**row) for row in (await conn.execute(SQL["points"], wanted)).mappings()],
        routes=[RouteOut(**row) for row in (await conn.execute(SQL["routes"], wanted)).mappings()],
    )


@router.get("/{grid_id}/history", summary="变更记录 / Who changed what, and why")
async def get_history(grid_id: int, conn: Conn, editor: Editor) -> list[HistoryEntry]:
    """The newest two hundred change sets of the grid, its unit grids, people, points and routes."""
    await read_grid(conn, editor, EDIT, grid_id)
    rows = (await conn.execute(SQL["history"], {"id": grid_id})).mappings()
    return [HistoryEntry(**row) for row in rows]


@router.get("/{grid_id}/members", summary="某时的单元网格与人员 / Unit grids and people at a time")
async def get_members(
    grid_id: int, conn: Conn, viewer: Viewer,
    at: Annotated[AwareDatetime | None, Query(description="默认现在 / now by default")] = None,
) -> Membership:  # fmt: skip
    await read_grid(conn, viewer, VIEW, grid_id)
    moment = at or datetime.now(UTC)
    wanted = {"id": grid_id, "moment": moment}
    return Membership(
        at=moment,
        members=list((await conn.execute(SQL["members_as_of"], wanted)).scalars()),
        people=[DutyOut(**row) for row in (await conn.execute(SQL["people_as_of"], wanted)).mappings()],
    )


@router.post("", summary="新建责任网格 / Make a responsibility grid", status_code=201)
async def add_grid(body: GridIn, conn: Conn, editor: Editor, audit: Audit) -> GridDetail:
    """Of unit grids that hang together; without ``code`` the next number of its area is taken."""
    begins = body.valid_from or datetime.now(UTC).astimezone(CHINA).date()
    _require_dates(begins, body.valid_to)
    cells = await store.choose(conn, body.unit_grids, allow_apart=body.allow_apart)
    editor.require_in(EDIT, store.area_of(cells.communities))
    await _note(conn, editor, body.reason)
    grid_id = await store.add(
        conn, cells, code=body.code, name=body.name, name_en=body.name_en, valid_from=begins,
        valid_to=body.valid_to,
    )  # fmt: skip
    await store.replace_people(conn, grid_id, _duties(body.people))
    await conn.execute(SQL["bump"])
    await audit(f"{KIND}.create", KIND, grid_id, body.model_dump(mode="json"))
    return await _detail(conn, await read_grid(conn, editor, EDIT, grid_id))


@router.patch("/{grid_id}", summary="修改责任网格 / Change a responsibility grid")
async def change_grid(grid_id: int, body: GridPatch, conn: Conn, editor: Editor, audit: Audit) -> GridDetail:
    grid = await begin_edit(conn, editor, grid_id, body.reason)
    named = body.model_dump(exclude_unset=True, include={"name", "name_en", "valid_from", "valid_to"})
    fields = {key: getattr(grid, key) for key in ("name", "name_en", "valid_from", "valid_to")} | named
    if fields["name"] is None or fields["valid_from"] is None:
        raise BadInput(field="name, valid_from", reason_zh="不能为空", reason="must not be empty")
    _require_dates(fields["valid_from"], fields["valid_to"])
    if body.unit_grids is not None:
        cells = await store.choose(conn, body.unit_grids, allow_apart=body.allow_apart)
        editor.require_in(EDIT, store.area_of(cells.communities))
        await store.replace_members(conn, grid_id, cells)
    if named:
        await conn.execute(SQL["rename"], {"id": grid_id, **fields})
    if body.people is not None:
        await store.replace_people(conn, grid_id, _duties(body.people))
    await conn.execute(SQL["bump"])
    detail = body.model_dump(mode="json", exclude_unset=True)
    await audit(f"{KIND}.change", KIND, grid_id, detail)
    return await _detail(conn, await read_grid(conn, editor, EDIT, grid_id))


@router.delete("/{grid_id}", summary="停用责任网格 / End a responsibility grid", status_code=204)
async def end_grid(
    grid_id: int, conn: Conn, editor: Editor, audit: Audit, reason: Annotated[Reason, Query()]
) -> None:
    """From today on it is no longer valid; it stays on record."""
    await begin_edit(conn, editor, grid_id, reason)
    await conn.execute(SQL["end"], {"id": grid_id})
    await conn.execute(SQL["bump"])
    await audit(f"{KIND}.end", KIND, grid_id, {"reason": reason})


@router.post("/{grid_id}/patrol-points", summary="新增巡查点 / Add a patrol point", status_code=201)
async def add_point(grid_id: int, body: PointIn, conn: Conn, editor: Editor, audit: Audit) -> PointOut:
    await begin_edit(conn, editor, grid_id, body.reason)
    values = body.model_dump(exclude={"reason"})
    point_id = await conn.scalar(SQL["add_point"], {"id": grid_id, **values})
    await conn.execute(SQL["bump"])
    await audit(f"{KIND}.add_point", KIND, grid_id, {"point": point_id, **body.model_dump()})
    return PointOut(id=int(point_id), **values)


@router.delete(
    "/{grid_id}/patrol-points/{point_id}", summary="删除巡查点 / Remove a patrol point", status_code=204
)
async def drop_point(
    grid_id: int, point_id: int, conn: Conn, editor: Editor, audit: Audit, reason: Annotated[Reason, Query()]
) -> None:
    await begin_edit(conn, editor, grid_id, reason)
    if await conn.scalar(SQL["drop_point"], {"id": grid_id, "point_id": point_id}) is None:
        raise NotFound(key=point_id, kind="patrol point", kind_zh="巡查点")
    await conn.execute(SQL["bump"])
    await audit(f"{KIND}.drop_point", KIND, grid_id, {"point": point_id, "reason": reason})


@router.post("/{grid_id}/patrol-routes/proposal", summary="规划巡查路线 / Propose a patrol route")
async def propose_route(grid_id: int, body: ProposalIn, conn: Conn, viewer: Viewer) -> ProposalOut:
    """A short way along the roads through the patrol points; nothing is stored."""
    await read_grid(conn, viewer, VIEW, grid_id)
    found = await store.propose_route(conn, grid_id, body.point_ids, round_trip=body.round_trip)
    line = [(lon, lat) for lon, lat in np.round(shapely.get_coordinates(found.line), 7).tolist()]
    return ProposalOut(point_ids=found.point_ids, length_m=found.length_m, line=line)


@router.post("/{grid_id}/patrol-routes", summary="保存巡查路线 / Keep a patrol route", status_code=201)
async def add_route(grid_id: int, body: RouteIn, conn: Conn, editor: Editor, audit: Audit) -> GridDetail:
    grid = await begin_edit(conn, editor, grid_id, body.reason)
    values = body.model_dump(include={"name", "name_en", "origin", "point_ids"})
    shape = shapely.to_wkb(shapely.linestrings(np.asarray(body.line)))
    route_id = await conn.scalar(SQL["add_route"], {"id": grid_id, "shape": shape, **values})
    await conn.execute(SQL["bump"])
    await audit(f"{KIND}.add_route", KIND, grid_id, {"route": route_id, "reason": body.reason, **values})
    return await _detail(conn, grid)


@router.delete(
    "/{grid_id}/patrol-routes/{route_id}", summary="删除巡查路线 / Remove a patrol route", status_code=204
)
async def drop_route(
    grid_id: int, route_id: int, conn: Conn, editor: Editor, audit: Audit, reason: Annotated[Reason, Query()]
) -> None:
    await begin_edit(conn, editor, grid_id, reason)
    if await conn.scalar(SQL["drop_route"], {"id": grid_id, "route_id": route_id}) is None:
        raise NotFound(key=route_id, kind="patrol route", kind_zh="巡查路线")
    await conn.execute(SQL["bump"])
    await audit(f"{KIND}.drop_route", KIND, grid_id, {"route": route_id, "reason": reason})
