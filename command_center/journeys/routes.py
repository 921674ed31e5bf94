"""A unit's day, tracks as files, who was in a place, and who is near."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import date as civil_date
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, language_of, requires
from command_center.sheets import answer_csv
from gis_core.errors import BadInput, NotFound
from gis_core.identity.principal import Principal
from tracking.archive import ArchiveSettings
from tracking.journeys import UnitDay, read_day
from tracking.nearest import NearUnit, Pace, read_nearest, read_nearest_by_road, read_paces
from tracking.overview import WayOfDay, read_overview
from tracking.presence import Visitor, Visitors, read_visitors
from tracking.sightings import Place, read_sightings
from tracking.track_files import FORMS, Form, as_bytes, read_fixes
from tracking.units import Unit, UnitKind, read_unit

router = APIRouter(tags=["轨迹 Tracks"], responses=RESPONSES)

LONGEST_EXPORT = timedelta(days=7)
LONGEST_SEARCH = timedelta(days=31)
MAX_VISITORS = 1_000
MAX_EXPORTED = 10_000
KIND_NAMES: dict[UnitKind, tuple[str, str]] = {
    "inspector": ("采集员", "inspector"),
    "sanitation": ("环卫车", "sanitation"),
    "slag_truck": ("渣土车", "slag truck"),
    "enforcement": ("执法车", "enforcement"),
}
_HEADS_ZH = (
    "编号",
    "名称",
    "类别",
    "首次",
    "末次",
    "定位点数",
    "首次经度",
    "首次纬度",
    "末次经度",
    "末次纬度",
)
_HEADS = ("id", "name", "kind", "first", "last", "fixes", "first_lon", "first_lat", "last_lon", "last_lat")
LONGEST_OVERVIEW = timedelta(days=400)
_MEDIA: dict[Form, str] = dict(
    zip(
        FORMS,
        (
            "application/gpx+xml",
            "application/geo+json",
            "text/csv; charset=utf-8",
            "application/vnd.apache.parquet",
        ),
        strict=True,
    )
)

Reason = Annotated[
    str, Query(min_length=2, max_length=200, description="查看原因，记入审计 / why, for the audit trail")
]


@dataclass(frozen=True, slots=True)
class NearUnits:
    """``paces``: what ``road_s`` is reckoned with; empty as the crow flies."""

    units: list[NearUnit]
    paces: list[Pace]


@dataclass(frozen=True, slots=True)
class Visit(Visitor):
    """``first_at``, ``last_at``: longitude and latitude of the first and the last fix in the polygon."""

    first_at: Place | None
    last_at: Place | None


@dataclass(frozen=True, slots=True)
class Presence:
    """By first fix. ``archived_days``: days (UTC) of the span whose fixes are in the archive only, and
    were not looked at."""

    units: list[Visit]
    truncated: bool
    archived_days: list[civil_date]


@dataclass(frozen=True, slots=True)
class Overview:
    """``mileage_m``: of all the days; its error is the root of the squares of theirs."""

    unit_id: int
    days: list[WayOfDay]
    mileage_m: float
    mileage_error_m: float


class Search(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    polygon: dict[str, Any]
    """GeoJSON Polygon or MultiPolygon, degrees."""
    from_time: AwareDatetime = Field(alias="from")
    to_time: AwareDatetime = Field(alias="to")
    reason: str = Field(min_length=2, max_length=200)


@router.get("/units/nearest", summary="附近可调度的人员车辆 / Nearest available units")
async def nearest_units(
    conn: Conn,
    principal: Annotated[Principal, requires("units.view")],
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
    n: Annotated[int, Query(ge=1, le=100)] = 5,
    kind: UnitKind | None = None,
    state: Annotated[
        Literal["idle", "busy", "any"], Query(description="busy: an alert is open about it")
    ] = "idle",
    by_road: Annotated[
        bool, Query(description="order by the way on the roads, not as the crow flies")
    ] = False,
) -> NearUnits:
    """Reporting, and on duty or never rostered. The way by road is told where it was asked for; units that
    no road leads from come last."""
    scope = principal.scope_parameters("units.view")
    busy = {"idle": False, "busy": True, "any": None}[state]
    if not by_road:
        return NearUnits(await read_nearest(conn, scope, lon, lat, kind=kind, busy=busy, limit=n), [])
    paces = await read_paces(conn)
    units = await read_nearest_by_road(conn, scope, lon, lat, kind=kind, busy=busy, limit=n, paces=paces)
    return NearUnits(units, paces)


@router.get("/units/{unit_id}/day", summary="单日行程 / A unit's day")
async def unit_day(
    unit_id: int,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("units.track")],
    reason: Reason,
    date: Annotated[civil_date, Query(description="by the calendar in China")],
) -> UnitDay:
    """Stops, trips, mileage with its error, silences, and each turn of duty: time inside and outside
    of the responsibility grid, patrol points reached and missed. The look is recorded."""
    await _unit(conn, unit_id, principal)
    day = await read_day(conn, unit_id, date)
    await audit(
        "unit.track", "unit", unit_id, {"date": date.isoformat(), "reason": reason, "fixes": day.fixes}
    )
    return day


@router.get("/units/{unit_id}/overview", summary="多日概览 / A unit's weeks or year")
async def unit_overview(
    unit_id: int,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("units.track")],
    reason: Reason,
    from_day: Annotated[civil_date, Query(alias="from", description="by the calendar in China")],
    to_day: Annotated[civil_date, Query(alias="to", description="exclusive")],
) -> Overview:
    """A line within 20 m and a length for each day, at most 400 days. The look is recorded."""
    if not timedelta(0) < to_day - from_day <= LONGEST_OVERVIEW:
        raise BadInput(
            field="from, to",
            reason_zh="结束须晚于开始，且跨度不超过 400 天",
            reason="must be in order and at most 400 days apart",
        )
    await _unit(conn, unit_id, principal)
    days = await read_overview(conn, unit_id, from_day, to_day)
    told = {"from": from_day.isoformat(), "to": to_day.isoformat(), "reason": reason, "days": len(days)}
    await audit("unit.track", "unit", unit_id, told)
    return Overview(
        unit_id,
        days,
        round(sum(day.mileage_m for day in days), 1),
        round(sum(day.mileage_error_m**2 for day in days) ** 0.5, 1),
    )


@router.get("/units/{unit_id}/track.{form}", summary="导出轨迹 / A track as a file")
async def export_track(
    unit_id: int,
    form: Form,
    request: Request,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("units.track")],
    reason: Reason,
    from_time: Annotated[AwareDatetime, Query(alias="from")],
    to_time: Annotated[AwareDatetime, Query(alias="to", description="exclusive")],
) -> Response:
    """At most seven days, days in the archive included; parquet is GeoParquet 1.1. The export is recorded."""
    _require_span(from_time, to_time, LONGEST_EXPORT)
    unit = await _unit(conn, unit_id, principal)
    folder = ArchiveSettings(WANMI_DATA_DIR=request.app.state.settings.storage.data_dir).folder
    fixes = await read_fixes(conn, unit_id, from_time, to_time, folder)
    body = await asyncio.to_thread(as_bytes, form, unit.name, fixes)
    span = {"from": from_time.isoformat(), "to": to_time.isoformat(), "reason": reason}
    await audit("unit.track_export", "unit", unit_id, {**span, "form": form, "fixes": len(fixes["lon"])})
    headers = {"Content-Disposition": f'attachment; filename="unit-{unit_id}-{from_time:%Y%m%d}.{form}"'}
    return Response(body, media_type=_MEDIA[form], headers=headers)


@router.post("/tracks/within", summary="某时段在某区域内的人员车辆 / Who was there")
async def tracks_within(
    body: Search, conn: Conn, audit: Audit, principal: Annotated[Principal, requires("units.track")]
) -> Presence:
    """Units in the reader's areas and departments with a fix in the polygon. The search is recorded."""
    found = await _search(body, conn, principal, MAX_VISITORS)
    await audit("tracks.within", "tracks", None, _told(body, found))
    return found


@router.post("/tracks/within/export", summary="导出某时段在某区域内的人员车辆 / Who was there, as a file")
async def export_within(
    body: Search,
    request: Request,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("units.track")],
) -> Response:
    """CSV, at most 10,000 units; times by the clock in China. The export is recorded."""
    found = await _search(body, conn, principal, MAX_EXPORTED)
    await audit("tracks.within_export", "tracks", None, _told(body, found))
    chinese = language_of(request) == "zh"
    rows = (
        (
            one.unit_id,
            one.name if chinese else one.name_en or one.name,
            KIND_NAMES[one.kind][not chinese],
            one.first_seen,
            one.last_seen,
            one.fixes,
            *(one.first_at or ("", "")),
            *(one.last_at or ("", "")),
        )
        for one in found.units
    )
    heads = _HEADS_ZH if chinese else _HEADS
    return answer_csv(
        f"{'区域内人员车辆' if chinese else 'who-was-there'}-{body.from_time:%Y%m%d}", heads, rows
    )


async def _search(body: Search, conn: Conn, principal: Principal, limit: int) -> Presence:
    _require_span(body.from_time, body.to_time, LONGEST_SEARCH)
    span = body.from_time, body.to_time
    scope = principal.scope_parameters("units.track")
    found: Visitors = await read_visitors(conn, scope, body.polygon, *span, limit=limit)
    seen = await read_sightings(conn, found.units, body.polygon, *span)
    units = [
        Visit(**{name: getattr(one, name) for name in Visitor.__dataclass_fields__}, **asdict(place))
        for one, place in zip(found.units, seen, strict=True)
    ]
    return Presence(units, found.truncated, found.archived_days)


def _told(body: Search, found: Presence) -> dict[str, Any]:
    span = {"from": body.from_time.isoformat(), "to": body.to_time.isoformat(), "reason": body.reason}
    return {**span, "polygon": body.polygon, "units": len(found.units)}


async def _unit(conn: Conn, unit_id: int, principal: Principal) -> Unit:
    unit = await read_unit(conn, unit_id, principal.scope_parameters("units.track"))
    if unit is None:
        raise NotFound(key=unit_id, kind="unit", kind_zh="人员或车辆")
    return unit


def _require_span(since: datetime, until: datetime, longest: timedelta) -> None:
    if not timedelta(0) < until - since <= longest:
        days = longest.days
        raise BadInput(
            field="from, to",
            reason_zh=f"结束须晚于开始，且跨度不超过 {days} 天",
            reason=f"must be in order and at most {days} days apart",
        )
