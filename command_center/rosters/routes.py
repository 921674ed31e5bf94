"""The week of a group, shifts that come again, single turns, and CSV in and out."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, File, Query, Response, UploadFile
from pydantic import AwareDatetime, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.paging import Cursor, Limit, contains, cursor_of, row_id_of
from command_center.people.shapes import Plain, Strict
from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, requires
from gis_core.errors import BadInput, DomainError
from gis_core.history import record_as
from gis_core.identity.principal import Principal
from tracking.rosters import sheets
from tracking.rosters.shifts import (
    QUERIES,
    ShiftRecord,
    UnitWeek,
    add_shift,
    change_shift,
    fill,
    lock_shift,
    lock_turn,
    place_of,
    read_shift,
    read_shifts,
    read_week,
    remove_shift,
    remove_turn,
)
from tracking.rules.definitions import CIVIL_TIME
from tracking.units import UnitKind

router = APIRouter(prefix="/rosters", tags=["排班 Rosters"], responses=RESPONSES)
VIEW, MANAGE = "units.view", "rosters.manage"
Reader = Annotated[Principal, requires(VIEW)]
Manager = Annotated[Principal, requires(MANAGE)]
LONGEST_TURN = timedelta(days=7)
LARGEST_SHEET = 2_000_000


class ShiftIn(Strict):
    """A window of duty that comes again. For a device, for a person (whatever device he carries), or for all
    who answer for the grid. ``until`` not after ``since``: on the next day."""

    name: Plain
    device_id: int | None = None
    person_id: int | None = None
    responsibility_grid_id: int | None = None
    route_id: int | None = None
    cycle_days: int = Field(default=7, ge=1, le=60)
    """7: ``days`` are Monday 1 to Sunday 7; else they count from ``first_day``."""
    days: list[int] = Field(min_length=1, max_length=60)
    since: time
    until: time
    first_day: date
    last_day: date | None = None
    skipped: list[date] = Field(default_factory=list, max_length=400)
    enabled: bool = True


class ShiftPatch(Strict):
    """Only what is named is changed."""

    name: Plain | None = None
    device_id: int | None = None
    person_id: int | None = None
    responsibility_grid_id: int | None = None
    route_id: int | None = None
    cycle_days: Annotated[int, Field(ge=1, le=60)] | None = None
    days: Annotated[list[int], Field(min_length=1, max_length=60)] | None = None
    since: time | None = None
    until: time | None = None
    first_day: date | None = None
    last_day: date | None = None
    skipped: Annotated[list[date], Field(max_length=400)] | None = None
    enabled: bool | None = None


class TurnIn(Strict):
    device_id: int
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    responsibility_grid_id: int | None = None
    route_id: int | None = None


@dataclass(frozen=True, slots=True)
class Week:
    """``from_day``: its Monday, or the day asked for; seven days by the clock in China."""

    from_day: date
    units: list[UnitWeek]
    next: str | None


@dataclass(frozen=True, slots=True)
class ShiftPage:
    shifts: list[ShiftRecord]
    next: str | None


@dataclass(frozen=True, slots=True)
class GridName:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class GridList:
    grids: list[GridName]


@dataclass(frozen=True, slots=True)
class SheetReport:
    """``stored`` false: nothing was, as something is wrong or only a trial was asked for."""

    stored: bool
    rows: int
    bad: list[sheets.BadCell]


@router.get("/week", summary="一周排班 / The roster of a week")
async def get_week(
    conn: Conn,
    reader: Reader,
    from_day: Annotated[date | None, Query(alias="from", description="默认本周一 / this Monday")] = None,
    kind: UnitKind | None = None,
    org_unit_id: int | None = None,
    q: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Week:
    """Units in scope with their turns, in the order of ids."""
    today = datetime.now(CIVIL_TIME).date()
    first = from_day or today - timedelta(days=today.weekday())
    begin = datetime.combine(first, time(), CIVIL_TIME)
    units = await read_week(
        conn,
        reader.scope_parameters(VIEW),
        begin,
        begin + timedelta(days=7),
        kind=kind,
        org_unit_id=org_unit_id,
        q=contains(q),
        after=row_id_of(cursor, start=0),
        limit=limit + 1,
    )
    following = cursor_of(units[limit - 1].id) if len(units) > limit else None
    return Week(first, units[:limit], following)


@router.get("/shifts", summary="班次安排 / Shifts")
async def list_shifts(
    conn: Conn,
    reader: Reader,
    q: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ShiftPage:
    after = row_id_of(cursor, start=0)
    found = await read_shifts(
        conn, reader.scope_parameters(VIEW), after=after, limit=limit + 1, q=contains(q)
    )
    return ShiftPage(found[:limit], cursor_of(found[limit - 1].id) if len(found) > limit else None)


@router.get("/grids", summary="可排班的责任网格 / Grids a turn may be for")
async def list_grids(conn: Conn, reader: Reader) -> GridList:
    """Valid today, in scope, by name."""
    rows = await conn.execute(QUERIES["grids"], {"areas": reader.area_patterns(VIEW)})
    return GridList([GridName(*row) for row in rows])


@router.post("/shifts", summary="新建班次安排 / Add a shift", status_code=201)
async def post_shift(body: ShiftIn, conn: Conn, manager: Manager, audit: Audit) -> ShiftRecord:
    """Its turns are drawn up at once, five weeks ahead, and from then on day by day."""
    values = body.model_dump()
    place = await place_of(conn, values)
    manager.require_in(MANAGE, place.area_code, place.org_unit_id)
    await record_as(conn, manager, None)
    shift_id = await add_shift(conn, values, place)
    await fill(conn, [shift_id])
    made = await read_shift(conn, shift_id, manager.scope_parameters(MANAGE))
    await audit("shift.create", "shift", shift_id, body.model_dump(mode="json"))
    return made


@router.patch("/shifts/{shift_id}", summary="修改班次安排 / Change a shift")
async def patch_shift(
    shift_id: int, body: ShiftPatch, conn: Conn, manager: Manager, audit: Audit
) -> ShiftRecord:
    """Coming turns follow; what is past stays as it was."""
    before = await lock_shift(conn, shift_id)
    manager.require_in(MANAGE, before["area_code"], before["org_unit_id"])
    given = body.model_dump(exclude_unset=True)
    may_be_empty = ("device_id", "person_id", "responsibility_grid_id", "route_id", "last_day")
    for field, value in given.items():
        if value is None and field not in may_be_empty:
            raise BadInput(field=field, reason_zh="不能为空", reason="must not be null")
    values = before | given
    place = await place_of(conn, values)
    manager.require_in(MANAGE, place.area_code, place.org_unit_id)
    await record_as(conn, manager, None)
    await change_shift(conn, shift_id, values, place)
    await fill(conn, [shift_id])
    changed = await read_shift(conn, shift_id, manager.scope_parameters(MANAGE))
    await audit("shift.change", "shift", shift_id, body.model_dump(mode="json", exclude_unset=True))
    return changed


@router.delete("/shifts/{shift_id}", summary="删除班次安排 / Remove a shift", status_code=204)
async def delete_shift(shift_id: int, conn: Conn, manager: Manager, audit: Audit) -> None:
    """Its coming turns go with it; past ones stay."""
    before = await lock_shift(conn, shift_id)
    manager.require_in(MANAGE, before["area_code"], before["org_unit_id"])
    await record_as(conn, manager, None)
    await remove_shift(conn, shift_id)
    await audit("shift.remove", "shift", shift_id, {"name": before["name"]})


@router.post("/turns", summary="新建单个班次 / Add a single turn", status_code=201)
async def post_turn(body: TurnIn, conn: Conn, manager: Manager, audit: Audit) -> dict[str, int]:
    """Beside the shifts: a stand-in, overtime. At most seven days, and not over yet."""
    if not timedelta() < body.ends_at - body.starts_at <= LONGEST_TURN:
        raise BadInput(
            field="ends_at", reason_zh="须晚于开始，且不超过 7 天", reason="after it begins, 7 days at most"
        )
    if body.ends_at <= datetime.now(UTC):
        raise BadInput(field="ends_at", reason_zh="已过去", reason="is past")
    none: dict[str, Any] = {"person_id": None, "cycle_days": 1, "days": [1], "last_day": None}
    place = await place_of(conn, {**body.model_dump(), **none})
    manager.require_in(MANAGE, place.area_code, place.org_unit_id)
    turn_id = int(await conn.scalar(QUERIES["add_turn"], body.model_dump()) or 0)
    await audit("turn.create", "turn", turn_id, body.model_dump(mode="json"))
    return {"id": turn_id}


@router.delete("/turns/{turn_id}", summary="取消班次 / Cancel a turn", status_code=204)
async def delete_turn(turn_id: int, conn: Conn, manager: Manager, audit: Audit) -> None:
    """A turn that is going on ends now. The shift it comes from leaves that day out."""
    turn = await lock_turn(conn, turn_id)
    manager.require_in(MANAGE, turn["area_code"], turn["org_unit_id"])
    await record_as(conn, manager, None)
    await remove_turn(conn, turn, datetime.now(UTC))
    await audit(
        "turn.cancel", "turn", turn_id, {"device_id": turn["device_id"], "at": str(turn["starts_at"])}
    )


@router.get("/shifts.csv", summary="导出班次安排 / Shifts as CSV", response_class=Response)
async def export_shifts(
    conn: Conn, reader: Reader, lang: Annotated[Literal["zh", "en"], Query()] = "zh"
) -> Response:
    """All shifts in scope (at most 5,000), as ``POST /rosters/shifts.csv`` takes them."""
    found = await read_shifts(conn, reader.scope_parameters(VIEW), after=0, limit=sheets.MOST_ROWS)
    name = quote("班次安排.csv" if lang == "zh" else "shifts.csv")
    return Response(
        sheets.write(found, chinese=lang == "zh"),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


@router.post("/shifts.csv", summary="导入班次安排 / Import shifts from CSV")
async def import_shifts(
    conn: Conn,
    manager: Manager,
    audit: Audit,
    file: Annotated[UploadFile, File(description="CSV，UTF-8 或 GBK / UTF-8 or GBK")],
    trial: Annotated[bool, Query(description="只检查，不保存 / check only")] = False,
) -> SheetReport:
    """All rows or none. A row with ``id`` changes that shift, one without makes a new one."""
    content = await file.read(LARGEST_SHEET + 1)
    if len(content) > LARGEST_SHEET:
        raise BadInput(field="file", reason_zh="文件超过 2 MB", reason="more than 2 MB")
    rows, bad = sheets.read(sheets.decode(content))
    bad += await sheets.resolve(conn, rows)
    if not bad:
        bad = await _store(conn, manager, rows, trial=trial)
    stored = bool(rows) and not bad and not trial
    if stored:
        await audit("shift.import", "shift", None, {"file": file.filename, "rows": len(rows)})
    return SheetReport(stored, len(rows), bad)


async def _store(
    conn: AsyncConnection, manager: Principal, rows: list[dict[str, Any]], *, trial: bool
) -> list[sheets.BadCell]:
    """Check all rows first; nothing is written before every one of them is right."""
    bad: list[sheets.BadCell] = []
    ready = []
    for row in rows:
        number, shift_id = row.pop("row"), row.pop("id")
        try:
            if shift_id is not None:
                before = await lock_shift(conn, shift_id)
                manager.require_in(MANAGE, before["area_code"], before["org_unit_id"])
            place = await place_of(conn, row)
            manager.require_in(MANAGE, place.area_code, place.org_unit_id)
        except DomainError as error:
            bad.append(
                sheets.BadCell(number, str(error.members.get("field", "")), error.text.zh, error.text.en)
            )
            continue
        ready.append((shift_id, row, place))
    if bad or trial:
        return bad
    await record_as(conn, manager, None, origin="import")
    written = []
    for shift_id, row, place in ready:
        if shift_id is None:
            written.append(await add_shift(conn, row, place))
        else:
            await change_shift(conn, shift_id, row, place)
            written.append(shift_id)
    await fill(conn, written)
    return []
