"""Likely duplicate components over HTTP: finding them, and deciding what they are."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, model_validator

from command_center.city.components_routes import ClassCode, today
from command_center.city.shapes import AreaCode, Editor, Reason, Strict
from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.requests import Audit, Conn
from gis_core.components import DuplicateDecision, DuplicatePair, find_duplicates
from gis_core.components.duplicates import decide, lock_pair, read_decisions
from gis_core.history import current_edit, record_as
from gis_core.history.edits import EDIT

router = APIRouter(tags=["城市部件 Components"])


class DuplicatePage(BaseModel):
    pairs: list[DuplicatePair]
    next: str | None


class DecisionIn(Strict):
    """``both``: two things stand there; ``merged``: one, and ``keep_id`` (one of the two) goes on."""

    component_id: int
    other_id: int
    decision: Literal["both", "merged"]
    keep_id: int | None = None
    reason: Reason

    @model_validator(mode="after")
    def check_kept(self) -> "DecisionIn":
        if (self.decision == "merged") != (self.keep_id is not None):
            raise ValueError("keep_id goes with merged, and only with it")
        if self.keep_id not in (None, self.component_id, self.other_id):
            raise ValueError("keep_id must be one of the two")
        return self


class DecisionMade(BaseModel):
    """Undo ``edit_id`` to take it back."""

    id: int
    edit_id: int | None


class DecisionPage(BaseModel):
    decisions: list[DuplicateDecision]
    next: str | None


@router.get("/components/duplicates", summary="疑似重复的部件 / Likely duplicates")
async def list_duplicates(
    conn: Conn,
    editor: Editor,
    tolerance_m: Annotated[float, Query(gt=0, le=50)] = 1.0,
    area: AreaCode | None = None,
    class_code: Annotated[ClassCode | None, Query(alias="class")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DuplicatePage:
    """Undecided pairs of one class closer than the tolerance. A page may be short or empty and yet have a
    ``next``: each looks at 10,000 components."""
    pairs, following = await find_duplicates(
        conn,
        tolerance_m=tolerance_m,
        limit=limit,
        areas=editor.area_patterns(EDIT),
        area_code=area,
        class_code=class_code,
        after=row_id_of(cursor, start=0),
    )
    return DuplicatePage(pairs=pairs, next=None if following is None else cursor_of(following))


@router.get("/components/duplicates/decisions", summary="重复部件的处理记录 / Decisions on duplicates")
async def list_decisions(
    conn: Conn, editor: Editor, limit: Limit = 50, cursor: Cursor = None
) -> DecisionPage:
    """Newest first."""
    before = row_id_of(cursor, start=0) or None
    areas = editor.area_patterns(EDIT)
    found = await read_decisions(conn, areas=areas, before=before, max_rows=limit + 1)
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    return DecisionPage(decisions=found[:limit], next=following)


@router.post("/components/duplicates/decisions", summary="处理疑似重复 / Decide on a pair", status_code=201)
async def add_decision(body: DecisionIn, conn: Conn, editor: Editor, audit: Audit) -> DecisionMade:
    """The pair is not reported again. Merged: the kept one takes over what it lacks, the other is retired;
    one undo takes back both."""
    pair = await lock_pair(conn, body.component_id, body.other_id)
    for one in (pair["a"], pair["b"]):
        editor.require_in(EDIT, one["area_code"])
    await record_as(conn, editor, body.reason)
    decision_id = await decide(conn, editor, pair, keep_id=body.keep_id, reason=body.reason, on=today())
    edit_id = await current_edit(conn)
    detail = {
        "codes": [pair["a"]["code"], pair["b"]["code"]],
        "decision": body.decision,
        "reason": body.reason,
    }
    await audit("component.duplicate", "component", body.component_id, detail | {"edit": edit_id})
    return DecisionMade(id=decision_id, edit_id=edit_id)
