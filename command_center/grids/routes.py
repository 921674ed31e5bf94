"""Drafts of unit grids over HTTP: divide an area, look, adjust, publish.

Every change names the version of the draft it was made on; a draft that has changed since answers 409.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Query, Request
from pydantic import BaseModel, Field, StringConstraints, computed_field
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.people.shapes import AreaCode, Strict
from command_center.requests import Audit, Conn, requires
from gis_core.errors import BadInput, title_of
from gis_core.gridding import drafts, store
from gis_core.gridding.division import GridOptions
from gis_core.gridding.jobs import divide_in_process
from gis_core.gridding.publish import publish, refresh_report
from gis_core.gridding.store import SQL, LockedDraft
from gis_core.identity.audit import Actor
from gis_core.identity.principal import Principal

EDIT = "city.edit"
router = APIRouter(prefix="/grid-drafts", tags=["单元网格 Unit grids"])
Editor = Annotated[Principal, requires(EDIT)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
State = Literal["dividing", "open", "published", "discarded", "failed"]
Lon = Annotated[float, Field(ge=-180, le=180)]
Lat = Annotated[float, Field(ge=-90, le=90)]
Line = Annotated[list[tuple[Lon, Lat]], Field(min_length=2, max_length=500)]
"""[lon, lat] pairs."""


class DraftIn(Strict):
    area_code: AreaCode
    options: GridOptions = GridOptions()
    reason: Reason


class DraftOut(BaseModel):
    """``step`` and ``progress`` (0 to 1) tell how far a division is; ``report`` may be an older one."""

    id: int
    area_code: str
    area: str | None
    area_en: str | None
    state: State
    version: int
    options: GridOptions
    reason: str
    created_by: int | None
    author: str | None
    created_at: datetime
    step: str
    progress: float
    failure: str | None
    """Slug of what ended the division; in words by the two below."""
    cells: int
    report: dict[str, Any] | None
    closed_at: datetime | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def failure_title(self) -> str | None:
        return None if self.failure is None else title_of(self.failure).zh

    @computed_field  # type: ignore[prop-decorator]
    @property
    def failure_title_en(self) -> str | None:
        return None if self.failure is None else title_of(self.failure).en


class OperationOut(BaseModel):
    number: int
    kind: str
    person_id: int | None
    person: str | None
    at: datetime
    reason: str
    detail: dict[str, Any]
    undone_at: datetime | None
    undone_by: str | None
    undone_reason: str | None


class DraftDetail(DraftOut):
    operations: list[OperationOut]


class DraftList(BaseModel):
    drafts: list[DraftOut]


class IssueOut(BaseModel):
    id: int
    kind: str
    measure: float
    community_code: str
    lon: float
    lat: float


class ReportOut(BaseModel):
    version: int
    numbers: dict[str, Any]
    issues: list[IssueOut]


class OperationIn(Strict):
    """``split``: one cell and a line; ``merge``: cells; ``move_border``: two cells and a line; ``undo``."""

    version: int
    kind: Literal["split", "merge", "move_border", "undo"]
    cells: list[int] = Field(default=[], max_length=200)
    line: Line | None = None
    reason: Reason


class PublishIn(Strict):
    version: int
    reason: Reason


class PublicationOut(BaseModel):
    draft: DraftOut
    kept: int
    reshaped: int
    issued: int
    withdrawn: int


async def read_one(conn: AsyncConnection, editor: Principal, draft_id: int) -> DraftOut:
    """Raises NotFound, also for drafts outside the editor's areas."""
    return DraftOut(**await store.read_draft(conn, draft_id, editor.area_patterns(EDIT)))


async def locked(conn: AsyncConnection, editor: Principal, draft_id: int, version: int | None) -> LockedDraft:
    """Raises NotFound, DraftNotOpen, StaleDraft."""
    await read_one(conn, editor, draft_id)
    return await store.lock_draft(conn, draft_id, version)


@router.get("", summary="网格草案列表 / Drafts")
async def list_drafts(conn: Conn, editor: Editor, state: State | None = None) -> DraftList:
    """The newest hundred of the editor's areas."""
    wanted = {"id": None, "state": state, "areas": editor.area_patterns(EDIT), "max_rows": 100}
    rows = (await conn.execute(SQL["drafts"], wanted | {"stale_s": store.STALE_S})).mappings()
    return DraftList(drafts=[DraftOut(**row) for row in rows])


@router.post("", summary="划分单元网格 / Divide an area", status_code=202)
async def start_draft(
    body: DraftIn, request: Request, conn: Conn, editor: Editor, audit: Audit, later: BackgroundTasks
) -> DraftOut:
    """Starts the division in a process of its own; ask the draft how far it is."""
    editor.require_in(EDIT, body.area_code)
    draft_id = await store.add_draft(conn, body.area_code, body.options, body.reason, editor.person_id)
    await audit("grid_draft.create", "grid_draft", draft_id, body.model_dump(mode="json"))
    later.add_task(divide_in_process, request.app.state.settings.database, draft_id)
    return await read_one(conn, editor, draft_id)


@router.get("/{draft_id}", summary="网格草案 / One draft")
async def get_draft(draft_id: int, conn: Conn, editor: Editor) -> DraftDetail:
    """State, progress, report and the operations so far."""
    draft = await read_one(conn, editor, draft_id)
    rows = (await conn.execute(SQL["operations"], {"draft_id": draft_id})).mappings()
    return DraftDetail(**draft.model_dump(), operations=[OperationOut(**row) for row in rows])


@router.get("/{draft_id}/report", summary="拓扑报告 / Topology report")
async def get_report(
    draft_id: int, conn: Conn, editor: Editor, kind: str | None = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000,
) -> ReportOut:  # fmt: skip
    """Numbers and places, made anew when the draft has changed since the last one."""
    draft = await read_one(conn, editor, draft_id)
    numbers = draft.report or {}
    if draft.state == "open" and numbers.get("version") != draft.version:
        lock = await store.lock_draft(conn, draft_id)
        cells = await store.read_cells(conn, draft_id, projection=lock.projection)
        if cells is not None:
            await refresh_report(conn, lock, cells)
            numbers = (await read_one(conn, editor, draft_id)).report or {}
    wanted = {"draft_id": draft_id, "kind": kind, "max_rows": limit}
    rows = (await conn.execute(SQL["issues"], wanted)).mappings()
    return ReportOut(
        version=numbers.get("version", 0), numbers=numbers, issues=[IssueOut(**row) for row in rows]
    )


@router.get("/{draft_id}/cells", summary="草案网格 / Cells of a draft")
async def get_cells(
    draft_id: int, conn: Conn, editor: Editor,
    bbox: Annotated[str, Query(description="west,south,east,north", max_length=100)],
    limit: Annotated[int, Query(ge=1, le=2_000)] = 500,
) -> dict[str, Any]:  # fmt: skip
    """GeoJSON with exact vertices (for drawing and snapping), in CRS84."""
    await read_one(conn, editor, draft_id)
    box = box_of(bbox) | {"draft_id": draft_id, "max_rows": limit}
    rows = (await conn.execute(SQL["cells_in_box"], box)).mappings()
    features = [
        {
            "type": "Feature",
            "id": row["id"],
            "geometry": row["geometry"],
            "properties": {key: row[key] for key in ("community_code", "wet", "area_m2")},
        }
        for row in rows
    ]
    return {"type": "FeatureCollection", "features": features}


@router.post("/{draft_id}/operations", summary="调整草案 / Change a draft", status_code=201)
async def add_operation(
    draft_id: int, body: OperationIn, conn: Conn, editor: Editor, audit: Audit
) -> DraftDetail:
    """Split a cell by a drawn line, merge cells, move a border (the neighbour follows), or undo the last."""
    draft = await locked(conn, editor, draft_id, body.version)
    await _operate(conn, draft, body, editor.person_id)
    await audit("grid_draft." + body.kind, "grid_draft", draft_id, body.model_dump(mode="json"))
    return await get_draft(draft_id, conn, editor)


@router.post("/{draft_id}/publish", summary="发布草案 / Publish a draft")
async def publish_draft(
    draft_id: int, body: PublishIn, conn: Conn, editor: Editor, audit: Audit
) -> PublicationOut:
    """Old unit grids that changed are withdrawn, new ones get codes; unchanged ones keep theirs."""
    draft = await locked(conn, editor, draft_id, body.version)
    done = await publish(conn, draft, Actor(editor.person_id, editor.login), body.reason)
    detail = {"area_code": draft.area_code, "reason": body.reason, **done._asdict()}
    await audit("grid_draft.publish", "grid_draft", draft_id, detail)
    return PublicationOut(draft=await read_one(conn, editor, draft_id), **done._asdict())


@router.delete("/{draft_id}", summary="放弃草案 / Discard a draft", status_code=204)
async def discard_draft(
    draft_id: int, conn: Conn, editor: Editor, audit: Audit, reason: Annotated[Reason, Query()]
) -> None:
    await locked(conn, editor, draft_id, None)
    await drafts.discard(conn, draft_id)
    await audit("grid_draft.discard", "grid_draft", draft_id, {"reason": reason})


async def _operate(conn: AsyncConnection, draft: LockedDraft, body: OperationIn, person_id: int) -> int:
    cells = list(dict.fromkeys(body.cells))
    wanted = {"split": (1, 1), "merge": (2, 200), "move_border": (2, 2), "undo": (0, 0)}[body.kind]
    if not wanted[0] <= len(cells) <= wanted[1]:
        raise BadInput(
            field="cells", reason_zh=f"应有 {wanted[0]} 个网格", reason=f"{wanted[0]} cell(s) expected"
        )
    if body.kind == "undo":
        return await drafts.undo(conn, draft, person_id, body.reason)
    if body.kind == "merge":
        return await drafts.merge_cells(conn, draft, cells, person_id, body.reason)
    if body.line is None:
        raise BadInput(field="line", reason_zh="缺少所画的线", reason="a drawn line is needed")
    if body.kind == "split":
        return await drafts.split_cell(conn, draft, cells[0], body.line, person_id, body.reason)
    return await drafts.move_border(conn, draft, (cells[0], cells[1]), body.line, person_id, body.reason)


def box_of(bbox: str) -> dict[str, float]:
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError:
        raise BadInput(field="bbox", reason_zh="应为 西,南,东,北", reason="west,south,east,north") from None
    return {"west": west, "south": south, "east": east, "north": north}
