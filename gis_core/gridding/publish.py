"""Publishing a draft: old unit grids are withdrawn, new ones get codes, in one transaction.

A cell that is what it was keeps its code; only what changed gets a new one, and a withdrawn code never
comes back. Responsibility grids and components follow.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import shapely
from anyio import to_thread
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.area_codes import area_prefix
from gis_core.errors import BadInput
from gis_core.gridding import store
from gis_core.gridding.coverage import Geometries, Indices
from gis_core.gridding.errors import DraftUnsound
from gis_core.gridding.jobs import report_on
from gis_core.gridding.numbering import issue_codes, reading_order
from gis_core.gridding.seam import sew
from gis_core.gridding.store import SQL, Cells, LockedDraft
from gis_core.gridding.topology import Report
from gis_core.identity.audit import Actor

SAME_SHARE = 0.97
"""A cell that shares this much of the union with the old one is the old one, redrawn a little."""
_LAYERS = [
    "unit_grid", "responsibility_grid", "responsibility_grid_label", "component", *store.DRAFT_LAYERS,
]  # fmt: skip


class Publication(NamedTuple):
    """How many unit grids were kept (of these, ``reshaped`` got a new outline), issued and withdrawn."""

    kept: int
    reshaped: int
    issued: int
    withdrawn: int


class Matches(NamedTuple):
    """``old``: index of the unit grid each cell continues, -1 for none; ``equal``: with the same shape."""

    old: Indices
    equal: NDArray[np.bool_]


def match(
    cells: Geometries, communities: Sequence[str], old: Geometries, old_communities: Sequence[str]
) -> Matches:
    """Which cells are unit grids that exist already: same community, and at least 97 % in common."""
    found = np.full(len(cells), -1, dtype=np.int64)
    equal = np.zeros(len(cells), dtype=bool)
    if len(old) == 0 or len(cells) == 0:
        return Matches(found, equal)
    cell, grid = shapely.STRtree(old).query(shapely.point_on_surface(cells), predicate="within")
    same = np.asarray(communities)[cell] == np.asarray(old_communities)[grid]
    cell, grid = cell[same], grid[same]
    common = shapely.area(shapely.intersection(cells[cell], old[grid]))
    union = shapely.area(cells[cell]) + shapely.area(old[grid]) - common
    alike = common / union >= SAME_SHARE
    found[cell[alike]] = grid[alike]
    known = np.flatnonzero(found >= 0)
    equal[known] = shapely.equals_exact(
        shapely.normalize(cells[known]), shapely.normalize(old[found[known]]), tolerance=1e-4
    )
    return Matches(found, equal)


async def publish(conn: AsyncConnection, draft: LockedDraft, actor: Actor, reason: str) -> Publication:
    """Make the draft's cells the unit grids of its area. Raises DraftUnsound, CodesExhausted.

    The caller writes the audit entry afterwards, in the same transaction.
    """
    cells = await store.read_cells(conn, draft.id, projection=draft.projection)
    if cells is None:
        raise BadInput(field="draft", reason_zh="草案中没有网格", reason="the draft has no cells")
    await _require_sound(conn, draft, cells)
    await conn.execute(SQL["lock_publication"], {"district": draft.area_code[:6]})
    pattern = area_prefix(draft.area_code) + "%"
    rows = (await conn.execute(SQL["valid_unit_grids"], {"pattern": pattern})).mappings().all()
    old = store.cells_of(rows, draft.projection) if rows else None
    said = {"person_id": actor.person_id, "actor": actor.name, "origin": "page", "reason": reason}
    await conn.execute(SQL["edit_by"], said)
    cells = await _sewn(conn, draft, cells, pattern)
    matches = Matches(np.full(len(cells.ids), -1), np.zeros(len(cells.ids), dtype=bool))
    if old is not None:
        matches = await to_thread.run_sync(
            match, cells.shapes, cells.communities, old.shapes, old.communities
        )
    result = await _write(conn, draft, cells, old, matches)
    await conn.execute(SQL["bump"], {"keys": _LAYERS})
    await conn.execute(SQL["close_draft"], {"id": draft.id, "state": "published"})
    return result


async def _require_sound(conn: AsyncConnection, draft: LockedDraft, cells: Cells) -> None:
    report = await refresh_report(conn, draft, cells)
    faults = {key: report.numbers[key] for key in ("gaps", "overlaps", "crossings")}
    if any(faults.values()):
        raise DraftUnsound(**faults)


async def refresh_report(conn: AsyncConnection, draft: LockedDraft, cells: Cells) -> Report:
    """Examine the draft's cells as they are and keep the result."""
    ground = await store.read_ground(conn, draft.area_code)
    report = await to_thread.run_sync(report_on, ground, cells.shapes, list(cells.communities), draft.options)
    await store.save_report(conn, draft.id, draft.version, report, ground.projection)
    return report


async def _sewn(conn: AsyncConnection, draft: LockedDraft, cells: Cells, pattern: str) -> Cells:
    """The cells with the vertices of published neighbours; those get ours, and keep their codes."""
    wanted = {"pattern": pattern, "draft_id": draft.id}
    rows = (await conn.execute(SQL["unit_grids_beside"], wanted)).mappings().all()
    if not rows:
        return cells
    beside = store.cells_of(rows, draft.projection)
    sewn = await to_thread.run_sync(sew, cells.shapes, beside.shapes)
    same = shapely.equals_exact(
        shapely.normalize(sewn.outside), shapely.normalize(beside.shapes), tolerance=1e-4
    )
    changed = np.flatnonzero(~same).tolist()
    if changed:
        wkb = shapely.to_wkb(draft.projection.to_lonlat(sewn.outside))
        area = np.round(shapely.area(sewn.outside), 2).tolist()
        outlines = [{"id": beside.ids[i], "area_m2": area[i], "shape": wkb[i]} for i in changed]
        await conn.execute(SQL["reshape"], outlines)
    return replace(cells, shapes=sewn.cells)


async def _write(
    conn: AsyncConnection, draft: LockedDraft, cells: Cells, old: Cells | None, matches: Matches
) -> Publication:
    wkb = shapely.to_wkb(draft.projection.to_lonlat(cells.shapes))
    area = np.round(shapely.area(cells.shapes), 2).tolist()
    kept = matches.old >= 0
    withdrawn: list[int] = []
    redrawn: dict[int, int] = {}
    if old is not None:
        continued = set(matches.old[kept].tolist())
        withdrawn = [grid for number, grid in enumerate(old.ids) if number not in continued]
        redrawn = {i: old.ids[matches.old[i]] for i in np.flatnonzero(kept & ~matches.equal).tolist()}
    if withdrawn:
        await conn.execute(SQL["withdraw"], {"ids": withdrawn})
    if redrawn:
        rows = [{"id": grid, "area_m2": area[i], "shape": wkb[i]} for i, grid in redrawn.items()]
        await conn.execute(SQL["reshape"], rows)
    fresh = np.flatnonzero(~kept)
    order = fresh[reading_order(cells.shapes[fresh], [cells.communities[i] for i in fresh.tolist()])].tolist()
    codes = await _codes(conn, [cells.communities[i] for i in order], draft.options.edition)
    if codes:
        rows = [_row(code, cells, i, area[i], wkb[i]) for code, i in zip(codes, order, strict=True)]
        await conn.execute(SQL["add_unit_grid"], rows)
    await _follow(conn, withdrawn, list(redrawn.values()))
    await conn.execute(SQL["restamp_components"], {"codes": codes, "ids": list(redrawn.values())})
    return Publication(int(kept.sum()), len(redrawn), len(codes), len(withdrawn))


def _row(code: str, cells: Cells, index: int, area_m2: float, shape: bytes) -> dict[str, Any]:
    note = "水域" if cells.wet[index] else None
    return {
        "code": code, "community_code": cells.communities[index], "area_m2": area_m2, "note": note,
        "shape": shape,
    }  # fmt: skip


async def _codes(conn: AsyncConnection, communities: Sequence[str], digits: int) -> list[str]:
    """A code for each cell; ``communities`` in order. Communities are served in order: no deadlock."""
    codes: list[str] = []
    for community, count in sorted(Counter(communities).items()):
        codes += await issue_codes(conn, community, digits, count)
    return codes


async def _follow(conn: AsyncConnection, withdrawn: Sequence[int], redrawn: Sequence[int]) -> None:
    """Responsibility grids answer for the cells that took the place of withdrawn ones, and are the union
    of their cells again."""
    ids = {"withdrawn": list(withdrawn), "redrawn": list(redrawn)}
    await conn.execute(SQL["follow_members"], ids)
    touched = set((await conn.execute(SQL["holders"], ids)).scalars())
    await conn.execute(SQL["drop_members"], ids)
    if touched:
        await conn.execute(SQL["reshape_responsibility"], {"ids": sorted(touched)})
