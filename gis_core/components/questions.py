"""Nearest components, and counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.area_codes import area_prefix
from gis_core.database import load_queries

_SQL = load_queries("gis_core.components")
NEAR_M = 2_000.0
"""How far "nearest" reaches unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class NearComponent:
    """``metres``: over the ground, to the nearest part of the component."""

    id: int
    code: str
    class_code: str
    class_name: str
    class_name_en: str | None
    name: str
    state: str
    area_code: str
    unit_grid_code: str | None
    maintainer: str | None
    lon: float
    lat: float
    metres: float


@dataclass(frozen=True, slots=True)
class ComponentCount:
    """``total`` counts the abandoned ones too."""

    area_code: str
    area_name: str | None
    area_name_en: str | None
    edition: str
    class_code: str
    class_name: str
    class_name_en: str | None
    total: int
    intact: int
    broken: int
    lost: int
    abandoned: int


async def nearest_components(
    conn: AsyncConnection,
    lon: float,
    lat: float,
    *,
    limit: int,
    areas: Sequence[str] | None = None,
    class_code: str | None = None,
    edition: str | None = None,
    within_m: float = NEAR_M,
) -> list[NearComponent]:
    """Up to ``within_m`` away by ground distance, nearest first; retired ones left out."""
    values: dict[str, Any] = {
        "lon": lon,
        "lat": lat,
        "max_rows": limit,
        "areas": areas,
        "class_code": class_code,
        "edition": edition,
        "within_m": within_m,
    }
    await conn.execute(_SQL["plan_each_time"])
    values["reach_m"] = await conn.scalar(_SQL["nearest_reach"], values)
    return [NearComponent(**row) for row in (await conn.execute(_SQL["nearest"], values)).mappings()]


async def count_components(
    conn: AsyncConnection,
    *,
    digits: int,
    areas: Sequence[str] | None = None,
    area_code: str | None = None,
) -> list[ComponentCount]:
    """By area, of so many digits of its code (6 district, 9 street, 12 community), and class."""
    classes = {
        (row.edition, row.code): (row.name, row.name_en) for row in await conn.execute(_SQL["class_names"])
    }
    names = {row.code: (row.name, row.name_en) for row in await conn.execute(_SQL["area_names"])}
    values = {
        "digits": digits,
        "areas": areas,
        "area": None if area_code is None else area_prefix(area_code) + "%",
    }
    found = []
    for row in (await conn.execute(_SQL["counts"], values)).mappings():
        name, name_en = names.get(row["area_code"], (None, None))
        class_name, class_name_en = classes[row["edition"], row["class_code"]]
        found.append(
            ComponentCount(
                area_name=name,
                area_name_en=name_en,
                class_name=class_name,
                class_name_en=class_name_en,
                **row,
            )
        )
    return found
