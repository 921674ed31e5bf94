"""Adjusting a draft by hand: split, merge, move a border, undo. Each is one numbered operation."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.gridding import adjust, store
from gis_core.gridding.adjust import Adjusted
from gis_core.gridding.errors import NothingToUndo, NotInDraft
from gis_core.gridding.store import SQL, Cells, LockedDraft

LonLat = tuple[float, float]


async def split_cell(
    conn: AsyncConnection, draft: LockedDraft, cell: int, line: Sequence[LonLat], person_id: int | None,
    reason: str,
) -> int:  # fmt: skip
    """Cut a cell along a drawn line; answers the draft's new version. Raises LineMisses, NotInDraft."""

    def change(cells: Cells, place: Sequence[int]) -> Adjusted:
        return adjust.split(cells.shapes, place[0], _in_metres(cells, line))

    detail = {"cells": [cell], "line": [list(point) for point in line]}
    return await _operate(conn, draft, "split", [cell], change, detail, person_id, reason)


async def merge_cells(
    conn: AsyncConnection, draft: LockedDraft, chosen: Sequence[int], person_id: int | None, reason: str
) -> int:
    """Join cells of one community. Raises NotAdjacent, DifferentCommunities, NotInDraft."""

    def change(cells: Cells, place: Sequence[int]) -> Adjusted:
        return adjust.merge(cells.shapes, place, cells.communities)

    return await _operate(conn, draft, "merge", chosen, change, {"cells": list(chosen)}, person_id, reason)


async def move_border(
    conn: AsyncConnection, draft: LockedDraft, pair: tuple[int, int], line: Sequence[LonLat],
    person_id: int | None, reason: str,
) -> int:  # fmt: skip
    """Replace the border between two cells by a drawn line; what one gives up the other gets.

    Raises LineMisses, NotAdjacent, DifferentCommunities, NotInDraft.
    """

    def change(cells: Cells, place: Sequence[int]) -> Adjusted:
        return adjust.move_border(
            cells.shapes, (place[0], place[1]), _in_metres(cells, line), cells.communities
        )

    detail = {"cells": list(pair), "line": [list(point) for point in line]}
    return await _operate(conn, draft, "move_border", pair, change, detail, person_id, reason)


async def undo(conn: AsyncConnection, draft: LockedDraft, person_id: int | None, reason: str) -> int:
    """Take the last operation back. Raises NothingToUndo."""
    number = await conn.scalar(SQL["last_operation"], {"draft_id": draft.id})
    if number is None:
        raise NothingToUndo(draft=draft.id)
    step = {"draft_id": draft.id, "number": number}
    await conn.execute(SQL["undo_added"], step)
    await conn.execute(SQL["undo_removed"], step)
    await conn.execute(SQL["mark_undone"], step | {"person_id": person_id, "reason": reason})
    return await _next_version(conn, draft)


async def discard(conn: AsyncConnection, draft_id: int) -> None:
    """Close a draft without publishing it; its cells and operations stay on record."""
    await conn.execute(SQL["close_draft"], {"id": draft_id, "state": "discarded"})
    await conn.execute(SQL["bump"], {"keys": store.DRAFT_LAYERS})


async def _operate(
    conn: AsyncConnection, draft: LockedDraft, kind: str, chosen: Sequence[int],
    change: Callable[[Cells, Sequence[int]], Adjusted], detail: dict[str, Any], person_id: int | None,
    reason: str,
) -> int:  # fmt: skip
    cells = await store.read_cells(conn, draft.id, around=chosen, projection=draft.projection)
    known = [] if cells is None else list(cells.ids)
    lost = [cell for cell in chosen if cell not in known]
    if cells is None or lost:
        raise NotInDraft(draft=draft.id, cells=", ".join(str(cell) for cell in lost or chosen))
    after = change(cells, [known.index(cell) for cell in chosen])
    # Cells that only stand by and gained no vertex stay the rows they are.
    same = shapely.equals_exact(
        shapely.normalize(after.cells), shapely.normalize(cells.shapes[after.of]), tolerance=1e-4
    )
    new = np.flatnonzero(~same)
    gone = sorted({*range(len(known))} - set(after.of[same].tolist()))
    number = int(await conn.scalar(SQL["next_operation"], {"draft_id": draft.id}) or 0)
    await conn.execute(SQL["remove_cells"], {"ids": [known[index] for index in gone], "number": number})
    of = after.of[new].tolist()
    await store.add_cells(
        conn, draft.id, number, after.cells[new], [cells.communities[index] for index in of],
        [cells.wet[index] for index in of], draft.projection,
    )  # fmt: skip
    operation = {"draft_id": draft.id, "number": number, "kind": kind, "person_id": person_id}
    await conn.execute(SQL["add_operation"], operation | {"reason": reason, "detail": json.dumps(detail)})
    return await _next_version(conn, draft)


async def _next_version(conn: AsyncConnection, draft: LockedDraft) -> int:
    await conn.execute(SQL["bump"], {"keys": store.DRAFT_LAYERS})
    return int(await conn.scalar(SQL["raise_version"], {"id": draft.id}) or 0)


def _in_metres(cells: Cells, line: Sequence[LonLat]) -> shapely.LineString:
    return cells.projection.to_metres(np.array([shapely.linestrings(np.asarray(line))]))[0]
