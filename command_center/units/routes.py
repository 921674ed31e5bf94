"""The directory of units, one unit in full, and where it has been."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Query, Request

from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, requires
from command_center.units import commands
from gis_core.errors import BadInput, NotFound
from gis_core.identity.principal import Principal
from gis_core.identity.secrets import Keyring, Unreadable, mask_mobile
from tracking.episodes import Alert, read_open_alerts
from tracking.tracks import read_track, start_of_today
from tracking.units import Grid, Turn, Unit, UnitState, Whereabouts, read_status, read_unit, read_units

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/units", tags=["人员车辆 Units"], responses=RESPONSES)

router.include_router(commands.router)

LONGEST_TRACK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class UnitList:
    units: list[Unit]


@dataclass(frozen=True, slots=True)
class UnitDetail(Unit):
    """A unit, its last fix, where that lies, its turn of duty and its open alerts.

    ``mobile`` is masked. ``alerts`` is empty for readers without ``alerts.view``.
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
    mobile: str | None
    roster: Turn | None
    off_duty: bool
    signals: list[str]
    faults: list[str]
    alerts: list[Alert]


@dataclass(frozen=True, slots=True)
class LineString:
    coordinates: list[tuple[float, float]]
    type: Literal["LineString"] = "LineString"


@dataclass(frozen=True, slots=True)
class TrackProperties:
    """``times``: seconds since 1970, one a vertex; ``speeds``: m/s. ``truncated``: later ones miss."""

    unit_id: int
    times: list[float]
    speeds: list[float | None]
    truncated: bool


@dataclass(frozen=True, slots=True)
class TrackFeature:
    """GeoJSON in CRS84. ``geometry`` is null with fewer than two fixes."""

    id: int
    geometry: LineString | None
    properties: TrackProperties
    type: Literal["Feature"] = "Feature"


def unit_not_found(unit_id: int) -> NotFound:
    """Also for units out of scope: that they exist is not told."""
    return NotFound(key=unit_id, kind="unit", kind_zh="人员或车辆")


@router.get("", summary="人员车辆名录 / Directory of units")
async def list_units(conn: Conn, principal: Annotated[Principal, requires("units.view")]) -> UnitList:
    """Every unit in the reader's areas and departments; positions come over the websocket."""
    return UnitList(await read_units(conn, principal.scope_parameters("units.view")))


@router.get("/{unit_id}", summary="人员车辆详情 / One unit")
async def get_unit(
    unit_id: int, request: Request, conn: Conn, principal: Annotated[Principal, requires("units.view")]
) -> UnitDetail:
    unit = await read_unit(conn, unit_id, principal.scope_parameters("units.view"))
    if unit is None:
        raise unit_not_found(unit_id)
    status = await read_status(conn, unit_id)
    alerts = await read_open_alerts(conn, principal.scope_parameters("alerts.view"), device_id=unit_id)
    facts: dict[str, Any] = {
        name: getattr(status, name) for name in status.__dataclass_fields__ if name != "mobile"
    }
    return UnitDetail(
        **{name: getattr(unit, name) for name in unit.__dataclass_fields__},
        **facts,
        mobile=_masked_mobile(request.app.state.keyring, unit_id, status.mobile),
        alerts=[placed.alert for placed in alerts],
    )


@router.get("/{unit_id}/track", summary="历史轨迹 / Track")
async def get_track(
    unit_id: int,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("units.track")],
    reason: Annotated[
        str, Query(min_length=2, max_length=200, description="查看原因，记入审计 / why, for the audit trail")
    ],
    from_time: Annotated[
        datetime | None, Query(alias="from", description="default: midnight in China")
    ] = None,
    to_time: Annotated[datetime | None, Query(alias="to", description="exclusive; default: now")] = None,
) -> TrackFeature:
    """Where a unit has been, at most seven days at once. Who looked, at whom, when and why is recorded."""
    if await read_unit(conn, unit_id, principal.scope_parameters("units.track")) is None:
        raise unit_not_found(unit_id)
    now = datetime.now(UTC)
    since, until = _aware(from_time) or start_of_today(now), _aware(to_time) or now + timedelta(minutes=1)
    if not timedelta(0) < until - since <= LONGEST_TRACK:
        raise BadInput(
            field="from, to",
            reason_zh="结束须晚于开始，且跨度不超过 7 天",
            reason="must be in order and at most 7 days apart",
        )
    track = await read_track(conn, unit_id, since, until)
    span = {"from": since.isoformat(), "to": until.isoformat(), "reason": reason, "fixes": len(track.times)}
    await audit("unit.track", "unit", unit_id, span)
    line = LineString(track.coordinates) if len(track.coordinates) > 1 else None
    return TrackFeature(unit_id, line, TrackProperties(unit_id, track.times, track.speeds, track.truncated))


def _masked_mobile(keyring: Keyring, unit_id: int, sealed: bytes | None) -> str | None:
    """None also for a number sealed with another key: the rest of the unit is still to be seen."""
    if sealed is None:
        return None
    try:
        return mask_mobile(keyring.decrypt(sealed, "person.mobile"))
    except Unreadable as error:
        log.error("mobile_unreadable", unit_id=unit_id, error=str(error))
        return None


def _aware(moment: datetime | None) -> datetime | None:
    """A time without zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
