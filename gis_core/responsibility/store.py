"""Responsibility grids in the database: made of unit grids, given to people, patrolled."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import shapely
from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.area_codes import area_prefix
from gis_core.database import load_queries
from gis_core.errors import BadInput, NotFound
from gis_core.gridding.ground import Projection
from gis_core.gridding.store import Cells, cells_of
from gis_core.responsibility.connection import part_of_each, parts
from gis_core.responsibility.errors import NoRoute, NotConnected, TooFewPoints, UnknownUnitGrids
from gis_core.responsibility.routing import Route, propose

SQL = load_queries("gis_core.responsibility")
LonLat = tuple[float, float]


class Duty(NamedTuple):
    """A person answers for a grid from one day to another (exclusive)."""

    person_id: int
    valid_from: date
    valid_to: date | None


class Proposal(NamedTuple):
    """``point_ids`` in the order they are passed; ``line`` in lon/lat."""

    point_ids: list[int]
    line: shapely.LineString
    length_m: float


def area_of(communities: Sequence[str]) -> str:
    """The community all lie in, else the street, else the district, else the city."""
    for digits in (12, 9, 6, 4):
        met = {code[:digits] for code in communities}
        if len(met) == 1:
            return met.pop().ljust(6, "0")
    raise BadInput(field="unit_grids", reason_zh="分属不同城市", reason="lie in different cities")


async def choose(conn: AsyncConnection, codes: Sequence[str], *, allow_apart: bool) -> Cells:
    """The valid unit grids of these codes. Raises UnknownUnitGrids, NotConnected."""
    wanted = list(dict.fromkeys(codes))
    rows = (await conn.execute(SQL["chosen"], {"codes": wanted})).mappings().all()
    missing = sorted(set(wanted) - {row["code"] for row in rows})
    if missing:
        raise UnknownUnitGrids(codes=", ".join(missing[:20]))
    cells = cells_of(rows)
    found = 1 if allow_apart else await to_thread.run_sync(parts, cells.shapes)
    if found > 1:
        raise NotConnected(parts=found)
    return cells


async def parts_of(conn: AsyncConnection, codes: Sequence[str]) -> list[list[str]]:
    """The valid unit grids of these codes by how they hang together, the largest part first."""
    rows = (await conn.execute(SQL["looked_at"], {"codes": list(codes)})).mappings().all()
    if not rows:
        return []
    numbers = (await to_thread.run_sync(part_of_each, cells_of(rows).shapes)).tolist()
    found: dict[int, list[str]] = {}
    for row, number in zip(rows, numbers, strict=True):
        found.setdefault(number, []).append(row["code"])
    return sorted(found.values(), key=len, reverse=True)


async def add(
    conn: AsyncConnection, cells: Cells, *, code: str | None, name: str, name_en: str | None,
    valid_from: date, valid_to: date | None,
) -> int:  # fmt: skip
    """A responsibility grid of these unit grids; without ``code`` it gets the next number of its area."""
    area_code = area_of(cells.communities)
    if code is None:
        await conn.execute(SQL["lock_codes"], {"area_code": area_code})
        number = await conn.scalar(SQL["next_code"], {"area_code": area_code})
        code = f"{area_code}-{number:02d}"
    values = {
        "code": code, "name": name, "name_en": name_en, "area_code": area_code, "valid_from": valid_from,
        "valid_to": valid_to, "ids": list(cells.ids),
    }  # fmt: skip
    grid_id = int(await conn.scalar(SQL["add"], values) or 0)
    await conn.execute(SQL["add_members"], {"id": grid_id, "ids": list(cells.ids)})
    return grid_id


async def replace_members(conn: AsyncConnection, grid_id: int, cells: Cells) -> None:
    await conn.execute(SQL["drop_other_members"], {"id": grid_id, "ids": list(cells.ids)})
    await conn.execute(SQL["add_members"], {"id": grid_id, "ids": list(cells.ids)})
    place = {"id": grid_id, "ids": list(cells.ids), "area_code": area_of(cells.communities)}
    await conn.execute(SQL["reshape"], place)


async def replace_people(conn: AsyncConnection, grid_id: int, duties: Sequence[Duty]) -> None:
    """Raises BadInput for a person that does not exist, or dates that end before they begin."""
    unknown = (
        await conn.execute(SQL["unknown_people"], {"ids": [duty.person_id for duty in duties]})
    ).scalars()
    lost = ", ".join(str(person) for person in unknown)
    if lost:
        raise BadInput(field="people", reason_zh=f"没有人员 {lost}", reason=f"there is no person {lost}")
    for duty in duties:
        if duty.valid_to is not None and duty.valid_to <= duty.valid_from:
            raise BadInput(
                field="people.valid_to", reason_zh="必须晚于起始日期", reason="must be later than valid_from"
            )
    given = {"id": grid_id, "duties": json.dumps([duty._asdict() for duty in duties], default=str)}
    await conn.execute(SQL["drop_other_people"], given)
    await conn.execute(SQL["add_people"], given)


async def propose_route(
    conn: AsyncConnection, grid_id: int, chosen: Sequence[int] | None, *, round_trip: bool
) -> Proposal:
    """A short route through the grid's patrol points (or the ``chosen``, the first one first).

    Raises TooFewPoints, NoRoute, NotFound.
    """
    rows = {row["id"]: row for row in (await conn.execute(SQL["points"], {"id": grid_id})).mappings()}
    ids = list(rows) if chosen is None else list(dict.fromkeys(chosen))
    for point in ids:
        if point not in rows:
            raise NotFound(key=point, kind="patrol point", kind_zh="巡查点")
    if len(ids) < 2:
        raise TooFewPoints(count=len(ids))
    shapes = (await conn.execute(SQL["walkable"], {"id": grid_id})).scalars().all()
    places = shapely.points([(rows[point]["lon"], rows[point]["lat"]) for point in ids])
    projection = Projection.at(float(shapely.get_x(places[0])))
    route = await to_thread.run_sync(_propose, projection, places, [bytes(s) for s in shapes], round_trip)
    if route.line is None:
        names = ", ".join(rows[ids[index]]["name"] for index in route.unreached.tolist())
        raise NoRoute(points=names)
    line = projection.to_lonlat(np.array([route.line]))[0]
    return Proposal([ids[index] for index in route.order.tolist()], line, round(route.length_m, 1))


def _propose(
    projection: Projection, places: np.ndarray[Any, Any], shapes: Sequence[bytes], round_trip: bool
) -> Route:
    roads = shapely.get_parts(shapely.from_wkb(list(shapes))) if shapes else np.empty(0, dtype=object)
    return propose(projection.to_metres(places), projection.to_metres(roads), round_trip=round_trip)


async def coverage(conn: AsyncConnection, area_code: str, areas: Sequence[str] | None) -> dict[str, Any]:
    """Unit grids of an area that no responsibility grid, several, or one without people answer for."""
    wanted = {"pattern": area_prefix(area_code) + "%", "areas": areas}
    rows = [dict(row) for row in (await conn.execute(SQL["coverage"], wanted)).mappings()]
    return {
        "area_code": area_code,
        "unit_grids": len(rows),
        "covered": sum(row["grids"] > 0 for row in rows),
        "uncovered": [row for row in rows if row["grids"] == 0],
        "doubled": [row for row in rows if row["grids"] > 1],
        "without_people": [row for row in rows if row["grids"] > 0 and row["people"] == 0],
    }
