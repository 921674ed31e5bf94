"""Shifts as staff write them: checked, stored, and their turns drawn up in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import BadInput, DomainError, NotFound, Text
from tracking.units import ScopeParameters, UnitKind

QUERIES = load_queries("tracking.rosters")


@dataclass(frozen=True, slots=True)
class ShiftRecord:
    """``holder``: name of the person or vehicle; none for a shift of a grid. ``devices``: for how many."""

    id: int
    name: str
    device_id: int | None
    device_key: str | None
    person_id: int | None
    holder: str | None
    holder_en: str | None
    person_login: str | None
    responsibility_grid_id: int | None
    grid: str | None
    grid_code: str | None
    route_id: int | None
    route: str | None
    route_code: str | None
    area_code: str
    org_unit_id: int | None
    cycle_days: int
    days: list[int]
    since: time
    until: time
    first_day: date
    last_day: date | None
    skipped: list[date]
    enabled: bool
    devices: int


@dataclass(frozen=True, slots=True)
class Place:
    """By which rights on a shift are judged."""

    area_code: str
    org_unit_id: int | None


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    id: int
    starts_at: datetime
    ends_at: datetime
    shift_id: int | None
    shift: str | None
    grid: str | None
    route: str | None


@dataclass(frozen=True, slots=True)
class UnitWeek:
    """A unit and its turns in a span of time."""

    id: int
    device_key: str
    kind: UnitKind
    person_id: int | None
    name: str
    name_en: str | None
    org_unit: str
    org_unit_en: str | None
    area_code: str
    turns: list[PlannedTurn] = field(default_factory=list)


class TurnIsPast(DomainError):
    status, slug = 409, "turn-is-past"
    title = Text("班次已结束", "The turn is over")
    detail = Text("班次 {turn_id} 已结束，不能再改。", "Turn {turn_id} is over and stays as it was.")


async def read_shifts(
    conn: AsyncConnection, scope: ScopeParameters, *, after: int, limit: int, q: str | None = None
) -> list[ShiftRecord]:
    """Shifts in scope above an id."""
    asked = {**scope, "id": None, "q": q, "after": after, "max_rows": limit}
    return [ShiftRecord(**row) for row in (await conn.execute(QUERIES["shifts"], asked)).mappings()]


async def read_shift(conn: AsyncConnection, shift_id: int, scope: ScopeParameters) -> ShiftRecord:
    """Raises NotFound, also for one out of scope."""
    asked = {**scope, "id": shift_id, "q": None, "after": 0, "max_rows": 1}
    row = (await conn.execute(QUERIES["shifts"], asked)).mappings().one_or_none()
    if row is None:
        raise NotFound(key=shift_id, kind="shift", kind_zh="班次安排")
    return ShiftRecord(**row)


async def lock_shift(conn: AsyncConnection, shift_id: int) -> dict[str, Any]:
    """Its columns. Raises NotFound."""
    row = (await conn.execute(QUERIES["lock_shift"], {"id": shift_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(key=shift_id, kind="shift", kind_zh="班次安排")
    return dict(row)


async def place_of(conn: AsyncConnection, values: dict[str, Any]) -> Place:
    """Where those are whom a shift is for. Raises BadInput for what cannot be a shift."""
    if values["device_id"] is not None and values["person_id"] is not None:
        raise BadInput(field="device_id, person_id", reason_zh="只能填一个", reason="give only one of them")
    days = values["days"]
    if not days or min(days) < 1 or max(days) > values["cycle_days"]:
        raise BadInput(field="days", reason_zh="须在 1 与周期天数之间", reason="must be from 1 to cycle_days")
    if values["last_day"] is not None and values["last_day"] < values["first_day"]:
        raise BadInput(field="last_day", reason_zh="不能早于开始日期", reason="must not be before first_day")
    names = ("device_id", "person_id", "responsibility_grid_id")
    row = (await conn.execute(QUERIES["shift_place"], {name: values[name] for name in names})).one_or_none()
    if row is None:
        raise BadInput(
            field=", ".join(names),
            reason_zh="须指明设备、人员或责任网格",
            reason="no such device, person or grid",
        )
    targets = {name: values[name] for name in ("responsibility_grid_id", "route_id")}
    known = (await conn.execute(QUERIES["targets_exist"], targets)).one()
    if not known.grid:
        raise BadInput(field="responsibility_grid_id", reason_zh="不存在", reason="does not exist")
    if not known.route:
        raise BadInput(field="route_id", reason_zh="不存在", reason="does not exist")
    return Place(row[0], row[1])


async def add_shift(conn: AsyncConnection, values: dict[str, Any], place: Place) -> int:
    """The id; ``fill`` draws up its turns."""
    stored = values | {"area_code": place.area_code, "org_unit_id": place.org_unit_id}
    return int(await conn.scalar(QUERIES["add_shift"], stored) or 0)


async def change_shift(conn: AsyncConnection, shift_id: int, values: dict[str, Any], place: Place) -> None:
    """``fill`` then brings its turns into line: past ones stay, and one going on that is no longer wanted
    ends now."""
    stored = values | {"id": shift_id, "area_code": place.area_code, "org_unit_id": place.org_unit_id}
    await conn.execute(QUERIES["change_shift"], stored)


async def remove_shift(conn: AsyncConnection, shift_id: int) -> None:
    """Its coming turns go, past ones stay."""
    await conn.execute(QUERIES["disable_shift"], {"id": shift_id})
    await fill(conn, [shift_id])
    await conn.execute(QUERIES["remove_shift"], {"id": shift_id})


async def fill(conn: AsyncConnection, shift_ids: Sequence[int] | None) -> None:
    """Draw up the turns of shifts, some weeks ahead; None: of all."""
    await conn.execute(QUERIES["fill"], {"shift_ids": None if shift_ids is None else list(shift_ids)})


async def read_week(
    conn: AsyncConnection,
    scope: ScopeParameters,
    from_time: datetime,
    to_time: datetime,
    *,
    kind: UnitKind | None,
    org_unit_id: int | None,
    q: str | None,
    after: int,
    limit: int,
) -> list[UnitWeek]:
    """Units in scope above an id, each with its turns that touch the span."""
    asked = {**scope, "kind": kind, "org_unit_id": org_unit_id, "q": q, "after": after, "max_rows": limit}
    rows = (await conn.execute(QUERIES["week_units"], asked)).mappings()
    units = {row["id"]: UnitWeek(**row) for row in rows}
    span = {"device_ids": list(units), "from_time": from_time, "to_time": to_time}
    for row in (await conn.execute(QUERIES["week_turns"], span)).mappings():
        told = dict(row)
        units[told.pop("device_id")].turns.append(PlannedTurn(**told))
    return list(units.values())


async def lock_turn(conn: AsyncConnection, turn_id: int) -> dict[str, Any]:
    """Raises NotFound."""
    row = (await conn.execute(QUERIES["turn"], {"id": turn_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(key=turn_id, kind="turn", kind_zh="班次")
    return dict(row)


async def remove_turn(conn: AsyncConnection, turn: dict[str, Any], now: datetime) -> None:
    """A coming turn goes (its shift leaves that day out); one going on ends now. Raises TurnIsPast."""
    if turn["ends_at"] <= now:
        raise TurnIsPast(turn_id=turn["id"])
    if turn["shift_id"] is not None:
        await conn.execute(QUERIES["skip_day"], {"id": turn["id"]})
    begun = turn["starts_at"] <= now
    await conn.execute(QUERIES["end_turn" if begun else "remove_turn"], {"id": turn["id"]})
