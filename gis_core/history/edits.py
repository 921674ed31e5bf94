"""Change sets: recording who and why, listing them, and taking one back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import DomainError, NotFound, OutOfScope, Text
from gis_core.history.records import read_record
from gis_core.identity.principal import Principal

_SQL = load_queries("gis_core.history")
EDIT = "city.edit"


class AlreadyUndone(DomainError):
    status, slug = 409, "already-undone"
    title = Text("已撤销过", "Already undone")
    detail = Text(
        "编辑 {edit} 已由编辑 {undone_by} 撤销；要恢复，请撤销编辑 {undone_by}。",
        "Edit {edit} was undone by edit {undone_by}; to have it back, undo edit {undone_by}.",
    )


class UndoConflict(DomainError):
    status, slug = 409, "undo-conflict"
    title = Text("之后又有修改", "Changed again since")
    detail = Text(
        "不能撤销编辑 {edit}：{count} 个要素（如 {relation} {row_id}）之后又被编辑 {later} 修改，"
        "请先撤销后者。",
        "Edit {edit} cannot be undone: {count} feature(s), such as {relation} {row_id}, were changed again "
        "by edit {later}; undo that one first.",
    )


class UndoBreaksRule(DomainError):
    status, slug = 409, "undo-breaks-rule"
    title = Text("撤销会违反数据规则", "Undoing would break a rule of the data")
    detail = Text(
        "不能撤销编辑 {edit}：恢复后违反约束 {constraint}（例如已有其他数据引用新要素，或代码已被占用）。",
        "Edit {edit} cannot be undone: it would break the constraint {constraint} (other data refers to the "
        "new features, or a code is in use again).",
    )


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """``changes``: by table, how many rows were inserted, updated and deleted."""

    id: int
    at: datetime
    person_id: int | None
    actor: str
    origin: str
    reason: str | None
    undoes_id: int | None
    undone_by: int | None
    import_run_id: int | None
    changes: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class FeatureChange:
    """One change of one feature. ``fields``: what differs, old and new value; a new geometry is told by
    ``geometry_changed``, and ``geometry_before`` is the old one (GeoJSON)."""

    edit_id: int
    at: datetime
    person_id: int | None
    actor: str
    origin: str
    reason: str | None
    operation: str
    undoes_id: int | None
    undone_by: int | None
    fields: dict[str, list[Any]]
    geometry_changed: bool
    geometry_before: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class UndoneEdit:
    """``id``: of the change set that took ``undoes_id`` back."""

    id: int
    undoes_id: int
    relations: list[str]


@dataclass(frozen=True, slots=True)
class EditFilter:
    """Which change sets are wanted; None: all."""

    relation: str | None = None
    person_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    """Only ids below this one: the page after."""


async def record_as(
    conn: AsyncConnection,
    principal: Principal,
    reason: str | None,
    *,
    origin: str = "page",
    undoes_id: int | None = None,
) -> None:
    """Say who changes rows in this transaction, and why. To be called before the first change."""
    await conn.execute(
        _SQL["edit_by"],
        {
            "person_id": principal.person_id,
            "actor": principal.login or principal.name,
            "origin": origin,
            "reason": reason,
            "undoes_id": undoes_id,
        },
    )


async def current_edit(conn: AsyncConnection) -> int | None:
    """The change set this transaction has begun; None while nothing was changed."""
    found = await conn.scalar(_SQL["current_edit"])
    return None if found is None else int(found)


async def read_edits(
    conn: AsyncConnection, areas: Sequence[str] | None, wanted: EditFilter, *, max_rows: int
) -> list[ChangeSet]:
    """Newest first; only those with a row inside ``areas`` (LIKE patterns, None: everywhere)."""
    values = {
        "id": None,
        "areas": areas,
        "relation": wanted.relation,
        "person_id": wanted.person_id,
        "since": wanted.since,
        "until": wanted.until,
        "before": wanted.before,
        "max_rows": max_rows,
    }
    rows = (await conn.execute(_SQL["edits"], values)).mappings()
    return [ChangeSet(**row) for row in rows]


async def read_edit(conn: AsyncConnection, areas: Sequence[str] | None, edit_id: int) -> ChangeSet:
    """Raises NotFound for one that is not there or wholly outside ``areas``."""
    values = {
        "id": edit_id, "areas": areas, "relation": None, "person_id": None, "since": None, "until": None,
        "before": None, "max_rows": 1,
    }  # fmt: skip
    row = (await conn.execute(_SQL["edits"], values)).mappings().one_or_none()
    if row is None:
        raise NotFound(key=edit_id, kind="edit", kind_zh="编辑")
    return ChangeSet(**row)


async def feature_changes(
    conn: AsyncConnection, relation: str, row_id: int, *, max_rows: int = 200
) -> list[FeatureChange]:
    """What happened to a feature, newest first; empty where it is older than the history."""
    now = await read_record(conn, relation, row_id)
    after: dict[str, Any] | None = now.properties if now else None
    shape_after = now.geometry if now else None
    values = {"relation": relation, "id": row_id, "max_rows": max_rows}
    changes = []
    for row in (await conn.execute(_SQL["feature_events"], values)).mappings():
        before = row["content"]
        fields = {
            name: [(before or {}).get(name), (after or {}).get(name)]
            for name in {**(after or {}), **(before or {})}
            if (before or {}).get(name) != (after or {}).get(name)
        }
        changes.append(
            FeatureChange(
                edit_id=row["edit_id"],
                at=row["at"],
                person_id=row["person_id"],
                actor=row["actor"],
                origin=row["origin"],
                reason=row["reason"],
                operation=row["operation"],
                undoes_id=row["undoes_id"],
                undone_by=row["undone_by"],
                fields=fields,
                geometry_changed=row["geometry"] != shape_after,
                geometry_before=row["geometry"] if row["geometry"] != shape_after else None,
            )
        )
        after, shape_after = before, row["geometry"]
    return changes


async def undo_edit(
    conn: AsyncConnection, principal: Principal, edit_id: int, reason: str | None
) -> UndoneEdit:
    """Put every row back as it was before the change set, as a change set of its own.

    Raises NotFound, AlreadyUndone, UndoConflict when a row was changed again since, OutOfScope when one
    lies outside the principal's areas, UndoBreaksRule when the old rows no longer fit.
    """
    locked = (await conn.execute(_SQL["lock_edit"], {"id": edit_id})).mappings().one_or_none()
    if locked is None:
        raise NotFound(key=edit_id, kind="edit", kind_zh="编辑")
    if locked["undone_by"] is not None:
        raise AlreadyUndone(edit=edit_id, undone_by=locked["undone_by"])
    await _require_last(conn, edit_id)
    await record_as(conn, principal, reason, origin="undo", undoes_id=edit_id)
    try:
        relations = list(await conn.scalar(_SQL["restore"], {"id": edit_id}) or [])
    except (IntegrityError, DataError) as error:
        diagnosis = getattr(error.orig, "diag", None)
        named = getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "column_name", None)
        raise UndoBreaksRule(edit=edit_id, constraint=named or "-") from error
    # Again, now that the rows are locked: somebody may have been between the look and the change.
    await _require_last(conn, edit_id)
    undo_id = await current_edit(conn)
    if undo_id is None:
        raise UndoConflict(edit=edit_id, count=0, relation="-", row_id="-", later="-")
    areas = principal.area_patterns(EDIT)
    if areas is not None:
        outside = await conn.scalar(_SQL["area_out_of_scope"], {"ids": [edit_id, undo_id], "areas": areas})
        if outside is not None:
            raise OutOfScope(area_code=outside)
    await conn.execute(_SQL["bump_layers_of"], {"relations": relations})
    return UndoneEdit(undo_id, edit_id, relations)


async def _require_last(conn: AsyncConnection, edit_id: int) -> None:
    later = (await conn.execute(_SQL["later_changes"], {"id": edit_id})).mappings().first()
    if later is not None:
        raise UndoConflict(
            edit=edit_id,
            count=later["n"],
            relation=later["relation"],
            row_id=later["row_id"],
            later=later["edit_id"],
        )
