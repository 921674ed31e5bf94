"""What an import changes, row by row, before it is written; and what the file no longer has."""

from typing import Any, NamedTuple

import shapely
from psycopg import Connection, sql

from gis_core.errors import Text
from gis_core.importing.report import Difference, Issue, issue
from gis_core.importing.targets import Target
from gis_core.named_sql import read_queries

_SQL = read_queries("gis_core.importing")
MAX_LISTED = 1_000
"""Rows of each kind that a report lists; the counts are of all."""

_ENDED = {
    "area": ("停用", "ended today", "valid_to = civil_today()"),
    "component": ("标为移除", "marked as moved away", "state = 'moved', change_date = civil_today()"),
}
"""Codes that must not come back: their rows stay and are ended."""


class Within(NamedTuple):
    """The part of the city that an import speaks for: rows elsewhere are none of its business."""

    shape: Any
    touching: bool = False


def _names(columns: tuple[str, ...], prefix: str) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(prefix) + sql.Identifier(name) for name in columns)


def list_changes(
    connection: Connection[Any], target: Target, staged: sql.Identifier, stored: tuple[str, ...]
) -> list[Difference]:
    """Rows that would be new and rows that would change, with old and new values."""
    changing = tuple(name for name in stored if name not in target.conflict)
    join = sql.SQL(" AND ").join(
        sql.SQL("known.{0} = s.{0}").format(sql.Identifier(name)) for name in target.conflict
    )
    key = "source_key" if target.sourced else target.conflict[0]
    statement = sql.SQL(_SQL["changes"]).format(
        key=sql.Identifier(key),
        known=sql.Identifier(target.key),
        staged=staged,
        join=join,
        first=sql.Identifier(target.conflict[0]),
        old=_names(changing, "known."),
        new=_names(changing, "s."),
        old_values=_as_json(changing, "known"),
        new_values=_as_json(changing, "s"),
        max_rows=sql.Literal(MAX_LISTED),
    )
    found: list[Difference] = []
    for key_value, kind, old, new, moved_m in connection.execute(statement):
        columns = {} if old is None else {
            name: (old[name], new[name]) for name in new if old.get(name) != new[name]
        }  # fmt: skip
        if moved_m is not None:
            columns["geom"] = (None, f"{moved_m:.2f} m")
        found.append(Difference(target.key, str(key_value), kind, columns))
    return found


def _as_json(columns: tuple[str, ...], table: str) -> sql.Composed:
    """The columns but the shape as one jsonb value; attributes are told as a whole."""
    pairs = [
        sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier(table, name))
        for name in columns
        if name != "geom"
    ]
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def missing_rows(
    connection: Connection[Any], target: Target, staged: sql.Identifier, source: str, within: Within | None
) -> list[tuple[int, str]]:
    """Ids and keys of this source's rows that the file no longer has."""
    if not target.sourced:
        return []
    alive = {
        "area": "AND known.valid_to IS NULL AND known.level IN (SELECT level FROM staged_area)",
        "component": "AND known.state <> 'moved'",
    }.get(target.key, "")
    statement = sql.SQL(_SQL["missing"]).format(
        known=sql.Identifier(target.key), staged=staged, alive=sql.SQL(alive)
    )
    rows = connection.execute(statement, {"source": source}).fetchall()
    if within is None or not rows:
        return [(row_id, key) for row_id, key, _ in rows]
    shapes = shapely.from_wkb([wkb for _, _, wkb in rows])
    here = (
        shapely.intersects(within.shape, shapes)
        if within.touching
        else shapely.covers(within.shape, shapely.point_on_surface(shapes))
    )
    return [(row_id, key) for (row_id, key, _), inside in zip(rows, here, strict=True) if inside]


def remove_rows(connection: Connection[Any], target: Target, rows: list[tuple[int, str]]) -> list[Issue]:
    """Take out what is missing, or end it where its code must not be given again."""
    zh, en, change = _ENDED.get(target.key, ("删除", "deleted", ""))
    how = Text(zh, en)
    name = "end_rows" if change else "delete_rows"
    statement = sql.SQL(_SQL[name]).format(table=sql.Identifier(target.key), change=sql.SQL(change))
    connection.execute(statement, {"ids": [row_id for row_id, _ in rows]})
    return [issue(key, "removed", key=key, how=how) for _, key in rows]
