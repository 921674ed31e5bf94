"""Administrative areas over time."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncTransaction

from command_center.city.shapes import AreaCode, Editor, Geometry, Plain, Reader, Reason, Strict
from command_center.requests import Audit, Conn
from gis_core import areas
from gis_core.areas import AreaPart, AreaRow, Succession, Touched
from gis_core.areas.changes import parent_of
from gis_core.errors import BadInput
from gis_core.history import current_edit, record_as
from gis_core.history.edits import EDIT
from gis_core.identity.principal import Principal

router = APIRouter(tags=["行政区划 Areas"])

Level = Literal["city", "district", "street", "community"]
Preview = Annotated[bool, Query(description="只预览，不保存 / try only, store nothing")]
On = Annotated[date | None, Query(description="哪一天的情况，默认今天 / as it was on this day")]


class AreaIn(Strict):
    code: AreaCode
    level: Level
    name: Plain
    name_en: Plain | None = None
    parent_code: AreaCode | None = None
    on: date
    """First day."""
    geometry: Geometry | None = None
    reason: Reason


class AreaChangeIn(Strict):
    on: date
    name: Plain | None = None
    name_en: Plain | None = None
    parent_code: AreaCode | None = None
    geometry: Geometry | None = None
    document: Plain | None = None
    reason: Reason


class AreaCloseIn(Strict):
    on: date
    reason: Reason


class PartIn(Strict):
    code: AreaCode
    name: Plain
    name_en: Plain | None = None
    geometry: Geometry


class SplitIn(Strict):
    parts: Annotated[list[PartIn], Field(min_length=2, max_length=50)]
    on: date
    document: Plain | None = None
    reason: Reason


class MergeIn(Strict):
    codes: Annotated[list[AreaCode], Field(min_length=2, max_length=50)]
    into: AreaCode
    name: Plain
    name_en: Plain | None = None
    on: date
    document: Plain | None = None
    reason: Reason


class AreaHistory(BaseModel):
    """``periods``: the newest first."""

    code: str
    periods: list[AreaRow]
    successions: list[Succession]


class AreaEdit(BaseModel):
    """``orphans``: areas that still name an ended one as their parent, and want a new one. ``touched``:
    what stands under the areas that changed. ``edit_id`` None: it was a preview, nothing is stored."""

    edit_id: int | None
    areas: list[AreaRow]
    orphans: list[str]
    touched: Touched


class CutIn(Strict):
    """A line right across the area."""

    line: Geometry


@router.get("/areas", summary="行政区划 / Administrative areas")
async def list_areas(
    conn: Conn, reader: Reader, on: On = None, parent_code: AreaCode | None = None,
    level: Level | None = None, shapes: bool = False,
) -> list[AreaRow]:  # fmt: skip
    """City, districts, streets and communities as they were on a day."""
    return await areas.areas_on(conn, on, parent_code=parent_code, level=level, shapes=shapes)


@router.get("/areas/names", summary="按现名或曾用名查找 / Areas by present or former name")
async def list_names(
    conn: Conn, reader: Reader, q: Annotated[str, Query(min_length=1, max_length=100)]
) -> list[AreaRow]:
    """Each period of an area is a row of its own; those with ``valid_to`` are over."""
    return await areas.areas_named(conn, q.strip())


@router.get("/areas/{code}", summary="某日的区域及边界 / One area with its shape on a day")
async def get_area(code: AreaCode, conn: Conn, reader: Reader, on: On = None) -> AreaRow:
    if on is None:
        return (await areas.area_history(conn, code, shapes=True))[0]
    return await areas.area_on(conn, code, on)


@router.get("/areas/{code}/history", summary="区域沿革 / What an area was and became")
async def get_area_history(code: AreaCode, conn: Conn, reader: Reader, shapes: bool = False) -> AreaHistory:
    return AreaHistory(
        code=code,
        periods=await areas.area_history(conn, code, shapes=shapes),
        successions=await areas.successions_of(conn, code),
    )


@router.post("/areas/{code}/cut", summary="画线切开（不保存） / Parts on both sides of a line")
async def cut_area(code: AreaCode, body: CutIn, conn: Conn, reader: Reader) -> list[AreaPart]:
    """West to east; what a split may be made of. Nothing is stored."""
    if body.line.type != "LineString":
        raise BadInput(field="line", reason_zh="应为线", reason="must be a line")
    return await areas.cut_area(conn, code, body.line.model_dump())


@router.post("/areas", summary="新建区域 / Add an area", status_code=201)
async def add_area(
    body: AreaIn, conn: Conn, editor: Editor, audit: Audit, preview: Preview = False
) -> AreaEdit:
    """The editor's grant must cover the parent, since the new area takes a part of it."""
    _require(editor, [body.parent_code or parent_of(body.code, body.level) or body.code])
    trial = await conn.begin_nested() if preview else None
    await record_as(conn, editor, body.reason)
    new = areas.NewArea(
        code=body.code,
        level=body.level,
        name=body.name,
        on=body.on,
        geometry=body.geometry.model_dump() if body.geometry else None,
        name_en=body.name_en,
        parent_code=body.parent_code,
    )
    await areas.create_area(conn, new)
    return await _done(conn, audit, "area.create", [body.code], [], body.on, body.reason, trial=trial)


@router.post("/areas/merges", summary="合并区域 / Merge areas", status_code=201)
async def add_merge(
    body: MergeIn, conn: Conn, editor: Editor, audit: Audit, preview: Preview = False
) -> AreaEdit:
    _require(editor, [*body.codes, body.into])
    trial = await conn.begin_nested() if preview else None
    await record_as(conn, editor, body.reason)
    await areas.merge_areas(
        conn, body.codes, body.into, body.name, body.on, name_en=body.name_en, document=body.document
    )
    ended = [code for code in body.codes if code != body.into]
    return await _done(conn, audit, "area.merge", [body.into], ended, body.on, body.reason, trial=trial)


@router.post("/areas/{code}/changes", summary="更名或调整边界 / Rename or redraw an area", status_code=201)
async def add_change(
    code: AreaCode, body: AreaChangeIn, conn: Conn, editor: Editor, audit: Audit, preview: Preview = False
) -> AreaEdit:
    _require(editor, [code, *([body.parent_code] if body.parent_code else [])])
    trial = await conn.begin_nested() if preview else None
    await record_as(conn, editor, body.reason)
    change = areas.AreaChange(
        on=body.on,
        name=body.name,
        name_en=body.name_en,
        parent_code=body.parent_code,
        geometry=body.geometry.model_dump() if body.geometry else None,
        document=body.document,
    )
    await areas.change_area(conn, code, change)
    return await _done(conn, audit, "area.change", [code], [], body.on, body.reason, trial=trial)


@router.post("/areas/{code}/split", summary="拆分区域 / Split an area", status_code=201)
async def add_split(
    code: AreaCode, body: SplitIn, conn: Conn, editor: Editor, audit: Audit, preview: Preview = False
) -> AreaEdit:
    """The parts together must be the whole; one may keep its code."""
    _require(editor, [code, *(part.code for part in body.parts)])
    trial = await conn.begin_nested() if preview else None
    await record_as(conn, editor, body.reason)
    parts = [
        areas.AreaShape(part.code, part.name, part.geometry.model_dump(), part.name_en) for part in body.parts
    ]
    await areas.split_area(conn, code, parts, body.on, body.document)
    made = [part.code for part in body.parts]
    ended = [] if code in made else [code]
    return await _done(conn, audit, "area.split", made, ended, body.on, body.reason, code, trial=trial)


@router.post("/areas/{code}/close", summary="撤销区域 / End an area")
async def close_area(
    code: AreaCode, body: AreaCloseIn, conn: Conn, editor: Editor, audit: Audit, preview: Preview = False
) -> AreaEdit:
    _require(editor, [code])
    trial = await conn.begin_nested() if preview else None
    await record_as(conn, editor, body.reason)
    await areas.close_area(conn, code, body.on)
    return await _done(conn, audit, "area.close", [code], [code], body.on, body.reason, trial=trial)


def _require(editor: Principal, codes: Sequence[str]) -> None:
    for code in codes:
        editor.require_in(EDIT, code)


async def _done(
    conn: Conn,
    audit: Audit,
    action: str,
    codes: Sequence[str],
    ended: Sequence[str],
    on: date,
    reason: str,
    named: str | None = None,
    *,
    trial: AsyncTransaction | None = None,
) -> AreaEdit:
    """What came of it; a ``trial`` is taken back once it has been looked at."""
    rows = [(await areas.area_history(conn, code, shapes=trial is not None))[0] for code in codes]
    orphans = await areas.codes_inside(conn, ended, on) if ended else []
    touched = await areas.touched_by(conn, ended or codes, on)
    if trial is not None:
        await trial.rollback()
        return AreaEdit(edit_id=None, areas=rows, orphans=orphans, touched=touched)
    edit_id = await current_edit(conn)
    detail = {"codes": list(codes), "ended": list(ended), "on": on.isoformat(), "reason": reason}
    await audit(action, "area", named or codes[0], detail | {"edit": edit_id})
    return AreaEdit(edit_id=edit_id, areas=rows, orphans=orphans, touched=touched)
