"""Areas as they are or were on a day, and what became of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.area_codes import area_prefix
from gis_core.database import load_queries
from gis_core.errors import NotFound

_SQL = load_queries("gis_core.areas")


@dataclass(frozen=True, slots=True)
class AreaRow:
    """``bbox``: west, south, east, north in degrees; ``valid_to`` is exclusive, None while valid."""

    id: int
    code: str
    level: str
    name: str
    name_en: str | None
    parent_code: str | None
    valid_from: date
    valid_to: date | None
    bbox: tuple[float, float, float, float] | None
    geometry: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Succession:
    """On its first day ``on_date`` the successor took over from the predecessor."""

    kind: str
    predecessor_code: str
    predecessor_name: str | None
    successor_code: str
    successor_name: str | None
    on_date: date
    document: str | None


def _area(row: RowMapping) -> AreaRow:
    bbox = None if row["west"] is None else (row["west"], row["south"], row["east"], row["north"])
    return AreaRow(
        id=row["id"],
        code=row["code"],
        level=row["level"],
        name=row["name"],
        name_en=row["name_en"],
        parent_code=row["parent_code"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        bbox=bbox,
        geometry=row.get("geometry"),
    )


async def areas_on(
    conn: AsyncConnection,
    on: date | None,
    *,
    parent_code: str | None = None,
    level: str | None = None,
    shapes: bool = False,
) -> list[AreaRow]:
    """All areas valid on a day (None: today), larger ones first."""
    values = {"on": on, "parent_code": parent_code, "level": level, "shapes": shapes}
    return [_area(row) for row in (await conn.execute(_SQL["areas_on"], values)).mappings()]


async def area_history(conn: AsyncConnection, code: str, *, shapes: bool = False) -> list[AreaRow]:
    """Every period of a code, the newest first. Raises NotFound for a code that never was."""
    values = {"code": code, "on": None, "shapes": shapes}
    rows = [_area(row) for row in (await conn.execute(_SQL["area_history"], values)).mappings()]
    if not rows:
        raise NotFound(key=code, kind="area", kind_zh="区域")
    return rows


async def area_on(conn: AsyncConnection, code: str, on: date) -> AreaRow:
    """The area with its shape as it was on a day. Raises NotFound."""
    values = {"code": code, "on": on, "shapes": True}
    row = (await conn.execute(_SQL["area_history"], values)).mappings().first()
    if row is None:
        raise NotFound(key=f"{code} ({on})", kind="area", kind_zh="区域")
    return _area(row)


async def successions_of(conn: AsyncConnection, code: str) -> list[Succession]:
    """Where the code comes from and what became of it, the newest first."""
    rows = (await conn.execute(_SQL["successions"], {"code": code})).mappings()
    return [Succession(**row) for row in rows]


async def areas_named(conn: AsyncConnection, text: str, *, max_rows: int = 50) -> list[AreaRow]:
    """Every period of an area whose name, English name or code matches, former ones too."""
    rows = (await conn.execute(_SQL["area_names"], {"text": text, "max_rows": max_rows})).mappings()
    return [_area(row) for row in rows]


@dataclass(frozen=True, slots=True)
class AreaPart:
    """``geometry``: GeoJSON in degrees."""

    geometry: dict[str, Any]
    area_m2: float


async def cut_area(conn: AsyncConnection, code: str, line: dict[str, Any]) -> list[AreaPart]:
    """The parts of an area on both sides of a line, west to east; one part: the line does not cut it."""
    rows = (await conn.execute(_SQL["cut"], {"code": code, "line": json.dumps(line)})).mappings()
    return [AreaPart(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Touched:
    """How much stands under the codes of areas."""

    unit_grids: int
    responsibility_grids: int
    components: int
    zones: int


async def touched_by(conn: AsyncConnection, codes: Sequence[str], on: date) -> Touched:
    """What stands under areas that change, and may want a new place afterwards."""
    values = {"patterns": [area_prefix(code) + "%" for code in codes], "on": on}
    return Touched(**(await conn.execute(_SQL["touched"], values)).mappings().one())
