"""The units on the map: people and vehicles with a device, and how each of them does now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from tracking.fix import Flag
from tracking.signals import names

QUERIES = load_queries("tracking", "read_queries.sql")

MOVING_MPS = 0.5
"""A unit at this speed or above counts as moving; below lies the noise of a receiver at rest."""
OFFLINE_PERIODS = 3
"""A unit is offline after this many reporting periods without a fix."""

ScopeParameters = Mapping[str, Sequence[Any]]
"""``scope_areas`` and ``scope_org_units`` of a principal: which areas and departments he may see."""

WHOLE_CITY: ScopeParameters = {"scope_areas": ["%"], "scope_org_units": [None]}

UnitKind = Literal["inspector", "sanitation", "slag_truck", "enforcement"]
UnitState = Literal["offline", "standing", "moving", "alert"]


@dataclass(frozen=True, slots=True)
class Unit:
    """``id`` is the device's. The responsibility grid is that of the present turn of duty."""

    id: int
    device_key: str
    kind: UnitKind
    name: str
    name_en: str | None
    org_unit: str
    org_unit_en: str | None
    area_code: str
    responsibility_grid_id: int | None
    responsibility_grid: str | None
    responsibility_grid_en: str | None


@dataclass(frozen=True, slots=True)
class Grid:
    id: int
    name: str
    name_en: str | None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Names of the areas a position lies in."""

    street: str | None
    community: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """The present or next turn of duty, and the names of the grid or route it is for."""

    starts_at: datetime
    ends_at: datetime
    grid: str | None
    grid_en: str | None
    route: str | None
    route_en: str | None


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """The last fix of a unit (degrees, m/s, degrees from north, m, %) and what follows from it.

    ``mobile`` is ciphertext of field ``person.mobile``. A unit with an open alert is in state
    ``alert`` even when it is offline: the alert waits for somebody all the same.
    """

    fix_time: datetime | None
    lon: float | None
    lat: float | None
    speed_mps: float | None
    course_deg: float | None
    accuracy_m: float | None
    battery_pct: int | None
    state: UnitState
    unit_grid_code: str | None
    in_grid: Grid | None
    area: Whereabouts | None
    roster: Turn | None
    mobile: bytes | None
    off_duty: bool
    """Outside its turns, in a group that does not keep positions then; hidden or last seen."""
    signals: list[str]
    """Alarms and state of the vehicle, as the newest fix told them (``tracking.signals``)."""
    faults: list[str]
    """What is remarkable about the newest fix (``tracking.fix.Flag``)."""


@dataclass(frozen=True, slots=True)
class GroupCount:
    """Units of a kind or group: all, on duty now, heard of lately, and moving of those."""

    total: int = 0
    on_duty: int = 0
    online: int = 0
    moving: int = 0

    def __add__(self, other: "GroupCount") -> "GroupCount":
        return GroupCount(
            self.total + other.total,
            self.on_duty + other.on_duty,
            self.online + other.online,
            self.moving + other.moving,
        )


async def read_units(conn: AsyncConnection, scope: ScopeParameters) -> list[Unit]:
    """Enabled units in scope, by id."""
    rows = await conn.execute(QUERIES["units"], {**scope, "unit_id": None})
    return [Unit(**row) for row in rows.mappings()]


async def read_unit(conn: AsyncConnection, unit_id: int, scope: ScopeParameters) -> Unit | None:
    """The unit if there is one in scope."""
    row = (await conn.execute(QUERIES["units"], {**scope, "unit_id": unit_id})).mappings().one_or_none()
    return Unit(**row) if row else None


async def read_status(conn: AsyncConnection, unit_id: int) -> UnitStatus:
    """State of an existing device; the caller has checked that it is in scope."""
    row = (await conn.execute(QUERIES["unit_state"], {"unit_id": unit_id})).mappings().one()
    return UnitStatus(
        fix_time=row["fix_time"],
        lon=row["lon"],
        lat=row["lat"],
        speed_mps=row["speed_mps"],
        course_deg=row["course_deg"],
        accuracy_m=row["accuracy_m"],
        battery_pct=row["battery_pct"],
        state=row["state"],
        unit_grid_code=row["unit_grid_code"],
        in_grid=Grid(row["grid_id"], row["grid_name"], row["grid_name_en"]) if row["grid_id"] else None,
        area=Whereabouts(row["street"], row["community"]) if row["street"] or row["community"] else None,
        roster=(
            Turn(
                row["starts_at"],
                row["ends_at"],
                row["turn_grid"],
                row["turn_grid_en"],
                row["turn_route"],
                row["turn_route_en"],
            )
            if row["starts_at"]
            else None
        ),
        mobile=row["mobile"],
        off_duty=row["off_duty"],
        signals=names(row["signals"]),
        faults=[flag.name.lower() for flag in Flag if row["flags"] & flag and flag.name],
    )


async def count_units(conn: AsyncConnection, scope: ScopeParameters) -> dict[str, GroupCount]:
    """Units in scope by kind."""
    rows = (await conn.execute(QUERIES["unit_counts"], dict(scope))).mappings()
    return {
        row["kind"]: GroupCount(row["total"], row["on_duty"], row["online"], row["moving"]) for row in rows
    }
