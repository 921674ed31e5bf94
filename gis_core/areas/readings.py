"""Areas as they are or were on a day, and what became of them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

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
    conn: AsyncConnection, on: date | None, *, parent_code: str | None = None, level: str | None = None
) -> list[AreaRow]:
    """All areas valid on a day (None: today), larger ones first."""
    values = {"on": on, "parent_code": parent_code, "level": level}
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
