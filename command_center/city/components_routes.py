"""City components: adding, changing, moving, retiring; nearest, duplicates, figures; class lists."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from command_center.city.exports import counts_csv
from command_center.city.shapes import (
    VIEW,
    AreaCode,
    Editor,
    Geometry,
    Lat,
    Lon,
    Plain,
    Reader,
    Reason,
    Strict,
)
from command_center.requests import Audit, Conn
from gis_core import components
from gis_core.components import ComponentCount, NearComponent
from gis_core.components.records import place_of
from gis_core.database import load_queries
from gis_core.dictionaries import COMPONENT_EDITION
from gis_core.errors import NotFound
from gis_core.history import Record, current_edit, read_record, record_as
from gis_core.history.edits import EDIT
from gis_core.identity.principal import Principal

_SQL = load_queries("gis_core.dictionaries")
router = APIRouter(tags=["城市部件 Components"])

Edition = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
ClassCode = Annotated[str, StringConstraints(pattern=r"^\d{4,5}$")]
State = Literal["intact", "broken", "lost", "occupied", "moved"]
IfMatch = Annotated[str | None, Header()]
CHANGED: dict[int | str, dict[str, Any]] = {412: {"description": "数据已被他人更改 / Changed meanwhile"}}


class ComponentIn(Strict):
    """``code`` only for a component that already has one; else one is issued."""

    edition: Edition = COMPONENT_EDITION
    class_code: ClassCode
    geometry: Geometry
    code: Annotated[str, StringConstraints(max_length=32)] | None = None
    name: Plain | None = None
    state: State = "intact"
    authority: Plain | None = None
    owner: Plain | None = None
    maintainer: Plain | None = None
    address: Plain | None = None
    data_source: Plain = "surveyed"
    accuracy_class: Literal["A", "B", "C"] | None = None
    initial_date: date | None = None
    """None: today."""
    note: Plain | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=100)
    reason: Reason


class ComponentPatch(Strict):
    """Only what is named is changed."""

    name: Plain | None = None
    state: State | None = None
    authority: Plain | None = None
    owner: Plain | None = None
    maintainer: Plain | None = None
    address: Plain | None = None
    data_source: Plain | None = None
    accuracy_class: Literal["A", "B", "C"] | None = None
    note: Plain | None = None
    attributes: dict[str, Any] | None = None
    reason: Reason


class MoveIn(Strict):
    geometry: Geometry
    reason: Reason


class RetireIn(Strict):
    on: date | None = None
    reason: Reason


class ComponentEdit(BaseModel):
    """``edit_id``: None when nothing was different."""

    edit_id: int | None
    component: Record


class ClassOut(BaseModel):
    edition: str
    code: str
    class_name: str
    name: str
    name_en: str | None
    geometry: str | None
    accuracy_class: str | None = None
    department_kind: str | None
    conditions: list[dict[str, Any]]
    """Filing and closing conditions and limits by timing area, in their order."""


def today() -> date:
    """As staff count days."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


@router.get("/components/nearest", summary="最近的部件 / Nearest components")
async def list_nearest(
    conn: Conn,
    reader: Reader,
    lon: Lon,
    lat: Lat,
    class_code: Annotated[ClassCode | None, Query(alias="class")] = None,
    edition: Edition | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    within_m: Annotated[float, Query(gt=0, le=20_000)] = 2_000,
) -> list[NearComponent]:
    """By ground distance; only within the reader's areas."""
    return await components.nearest_components(
        conn,
        lon,
        lat,
        limit=limit,
        areas=reader.area_patterns(VIEW),
        class_code=class_code,
        edition=edition,
        within_m=within_m,
    )


@router.get("/components/statistics", summary="部件统计 / Components by area and class")
async def list_counts(
    conn: Conn,
    reader: Reader,
    level: Literal["district", "street", "community"] = "street",
    area: AreaCode | None = None,
) -> list[ComponentCount]:
    digits = {"district": 6, "street": 9, "community": 12}[level]
    return await components.count_components(
        conn, digits=digits, areas=reader.area_patterns(VIEW), area_code=area
    )


@router.get(
    "/components/statistics.csv",
    summary="部件统计表 / Components by area and class, for Excel",
    response_class=Response,
)
async def export_counts(
    conn: Conn,
    reader: Reader,
    audit: Audit,
    level: Literal["district", "street", "community"] = "street",
    area: AreaCode | None = None,
) -> Response:
    counts = await list_counts(conn, reader, level, area)
    await audit("component.statistics", "component", None, {"level": level, "area": area})
    headers = {"Content-Disposition": f'attachment; filename="components-{level}.csv"'}
    return Response(counts_csv(counts), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/component-classes", summary="部件字典 / Component classes by edition")
async def list_component_classes(
    conn: Conn, reader: Reader, edition: Edition | None = None
) -> list[ClassOut]:
    rows = (await conn.execute(_SQL["component_classes"], {"edition": edition})).mappings()
    return [ClassOut(**row) for row in rows]


@router.get("/event-classes", summary="事件字典 / Event classes by edition")
async def list_event_classes(conn: Conn, reader: Reader, edition: Edition | None = None) -> list[ClassOut]:
    rows = (await conn.execute(_SQL["event_classes"], {"edition": edition})).mappings()
    return [ClassOut(**row) for row in rows]


@router.post("/components", summary="新建部件 / Add a component", status_code=201)
async def add_component(
    body: ComponentIn, response: Response, conn: Conn, editor: Editor, audit: Audit
) -> ComponentEdit:
    """Stamped with area and unit grid; gets a new 16-digit code unless it brings its own."""
    geometry = body.geometry.model_dump()
    placed = await place_of(conn, geometry)
    editor.require_in(EDIT, placed.area_code)
    await record_as(conn, editor, body.reason)
    told = body.model_dump(exclude={"edition", "class_code", "geometry", "code", "initial_date", "reason"})
    new = components.NewComponent(
        edition=body.edition,
        class_code=body.class_code,
        geometry=geometry,
        initial_date=body.initial_date or today(),
        code=body.code,
        details=components.ComponentDetails(**told),
    )
    component_id, code = await components.create_component(conn, new)
    return await _done(
        conn, response, audit, "component.create", component_id, {"code": code, "reason": body.reason}
    )


@router.get("/components/{component_id}", summary="部件详情 / One component")
async def get_component(component_id: int, response: Response, conn: Conn, reader: Reader) -> Record:
    record = await _read(conn, reader, VIEW, component_id)
    response.headers["ETag"] = record.etag
    return record


@router.patch("/components/{component_id}", summary="修改部件 / Change a component", responses=CHANGED)
async def patch_component(
    component_id: int,
    body: ComponentPatch,
    response: Response,
    conn: Conn,
    editor: Editor,
    audit: Audit,
    if_match: IfMatch = None,
) -> ComponentEdit:
    await _begin(conn, editor, component_id, body.reason, if_match)
    told = body.model_dump(exclude_unset=True, exclude={"reason"})
    kept = {"name", "state", "data_source", "attributes"}
    values = {name: value for name, value in told.items() if value is not None or name not in kept}
    await components.change_component(conn, component_id, values, today())
    detail = {"fields": sorted(values), "reason": body.reason}
    return await _done(conn, response, audit, "component.change", component_id, detail)


@router.post("/components/{component_id}/move", summary="移动部件 / Move a component", responses=CHANGED)
async def move_component(
    component_id: int,
    body: MoveIn,
    response: Response,
    conn: Conn,
    editor: Editor,
    audit: Audit,
    if_match: IfMatch = None,
) -> ComponentEdit:
    """Area and unit grid follow. The new place must lie in the editor's areas, too."""
    await _begin(conn, editor, component_id, body.reason, if_match)
    placed = await components.move_component(conn, component_id, body.geometry.model_dump(), today())
    editor.require_in(EDIT, placed.area_code)
    return await _done(conn, response, audit, "component.move", component_id, {"reason": body.reason})


@router.post("/components/{component_id}/retire", summary="停用部件 / Retire a component", responses=CHANGED)
async def retire_component(
    component_id: int,
    body: RetireIn,
    response: Response,
    conn: Conn,
    editor: Editor,
    audit: Audit,
    if_match: IfMatch = None,
) -> ComponentEdit:
    """The row stays with state abandoned; its code is never given again."""
    await _begin(conn, editor, component_id, body.reason, if_match)
    await components.retire_component(conn, component_id, body.on or today())
    return await _done(conn, response, audit, "component.retire", component_id, {"reason": body.reason})


async def _read(conn: Conn, who: Principal, permission: str, component_id: int) -> Record:
    record = await read_record(conn, "component", component_id)
    if record is None:
        raise NotFound(key=component_id, kind="component", kind_zh="部件")
    who.require_in(permission, record.area_code or "-")
    return record


async def _begin(conn: Conn, editor: Principal, component_id: int, reason: str, if_match: str | None) -> None:
    (await _read(conn, editor, EDIT, component_id)).require_unchanged(if_match)
    await record_as(conn, editor, reason)


async def _done(
    conn: Conn, response: Response, audit: Audit, action: str, component_id: int, detail: dict[str, Any]
) -> ComponentEdit:
    record = await read_record(conn, "component", component_id)
    assert record is not None
    edit_id = await current_edit(conn)
    await audit(action, "component", component_id, detail | {"edit": edit_id})
    response.headers["ETag"] = record.etag
    return ComponentEdit(edit_id=edit_id, component=record)
