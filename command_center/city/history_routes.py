"""Who changed what in the city, and taking it back."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from command_center.city.catalogue import CityLayer, no_feature, read_layer
from command_center.city.shapes import Editor, ReasonIn
from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.requests import Audit, Conn
from gis_core.errors import OutOfScope
from gis_core.history import (
    ChangeSet,
    EditFilter,
    FeatureChange,
    Record,
    UndoneEdit,
    feature_changes,
    read_edit,
    read_edits,
    read_record,
    read_record_as_of,
    undo_edit,
)
from gis_core.history.edits import EDIT
from gis_core.identity.principal import Principal

router = APIRouter(tags=["编辑历史 Edit history"])


class EditPage(BaseModel):
    edits: list[ChangeSet]
    next: str | None


class FeatureHistory(BaseModel):
    """``now``: None where the feature is no more. ``changes``: the newest first."""

    layer: str
    id: int
    now: Record | None
    changes: list[FeatureChange]


class FeatureThen(BaseModel):
    layer: str
    id: int
    at: datetime
    record: Record


@router.get("/edits", summary="编辑记录 / Change sets")
async def list_edits(
    conn: Conn,
    editor: Editor,
    layer: Annotated[str | None, Query(max_length=64)] = None,
    by: Annotated[int | None, Query(description="人员编号 / id of the person")] = None,
    from_: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    to: AwareDatetime | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> EditPage:
    """Newest first: those that touched something inside the editor's areas."""
    relation = (await read_layer(conn, layer, editor)).table if layer is not None else None
    before = row_id_of(cursor, start=0) or None
    wanted = EditFilter(relation=relation, person_id=by, since=from_, until=to, before=before)
    found = await read_edits(conn, editor.area_patterns(EDIT), wanted, max_rows=limit + 1)
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    return EditPage(edits=found[:limit], next=following)


@router.get("/edits/{edit_id}", summary="一次编辑 / One change set")
async def get_edit(edit_id: int, conn: Conn, editor: Editor) -> ChangeSet:
    return await read_edit(conn, editor.area_patterns(EDIT), edit_id)


@router.post("/edits/{edit_id}/undo", summary="撤销一次编辑 / Undo a change set", status_code=201)
async def add_undo(edit_id: int, body: ReasonIn, conn: Conn, editor: Editor, audit: Audit) -> UndoneEdit:
    """All or nothing; refused when a feature was changed again since. An undo can itself be undone."""
    undone = await undo_edit(conn, editor, edit_id, body.reason)
    await audit("edit.undo", "edit", edit_id, {"undo": undone.id, "reason": body.reason})
    return undone


@router.get("/layers/{key}/features/{feature_id}/history", summary="要素历史 / History of a feature")
async def get_feature_history(key: str, feature_id: int, conn: Conn, editor: Editor) -> FeatureHistory:
    layer = await read_layer(conn, key, editor)
    changes = await feature_changes(conn, layer.table, feature_id)
    now = await read_record(conn, layer.table, feature_id)
    if now is not None:
        _require_area(editor, now.area_code)
    elif changes:
        gone = await read_record_as_of(conn, layer.table, feature_id, _just_before(changes[0]))
        _require_area(editor, gone.area_code if gone else None)
    else:
        raise no_feature(layer, feature_id)
    return FeatureHistory(layer=key, id=feature_id, now=now, changes=changes)


@router.get("/layers/{key}/features/{feature_id}/at", summary="要素在某时的样子 / A feature as it was")
async def get_feature_then(
    key: str, feature_id: int, time: AwareDatetime, conn: Conn, editor: Editor
) -> FeatureThen:
    layer: CityLayer = await read_layer(conn, key, editor)
    record = await read_record_as_of(conn, layer.table, feature_id, time)
    if record is None:
        raise no_feature(layer, feature_id)
    _require_area(editor, record.area_code)
    return FeatureThen(layer=key, id=feature_id, at=time, record=record)


def _just_before(change: FeatureChange) -> datetime:
    return change.at - timedelta(microseconds=1)


def _require_area(editor: Principal, area_code: str | None) -> None:
    if area_code is not None:
        editor.require_in(EDIT, area_code)
    elif editor.area_patterns(EDIT) is not None:
        raise OutOfScope(area_code="-")
