"""Alerts as a list with pages and as a file, and what an operator does with one."""

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from command_center.people.shapes import AreaCode
from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, language_of, requires
from command_center.sheets import answer_csv
from gis_core.identity.principal import Principal
from tracking.episodes import (
    Alert,
    AlertFate,
    AlertFilter,
    AlertLogEntry,
    acknowledge,
    close,
    note,
    read_alert,
    read_alert_log,
    read_alerts,
)

router = APIRouter(prefix="/alerts", tags=["报警 Alerts"], responses=RESPONSES)


@dataclass(frozen=True, slots=True)
class AlertList:
    """``next`` is the ``cursor`` of the following page, null at the end."""

    alerts: list[Alert]
    next: str | None


MAX_EXPORTED = 20_000
COLUMNS = (
    ("id", "编号"),
    ("rule", "规则"),
    ("rule_version", "规则版本"),
    ("severity", "级别"),
    ("unit_name", "对象"),
    ("area_code", "区域代码"),
    ("opened_at", "开始"),
    ("last_seen_at", "最近一次"),
    ("closed_at", "结束"),
    ("close_reason", "结束原因"),
    ("acknowledged_by", "确认人"),
    ("acknowledged_at", "确认时间"),
    ("handled_by", "处理人"),
    ("note", "处理说明"),
    ("corrected_at", "更正时间"),
    ("withdrawn_at", "撤回时间"),
    ("lon", "经度"),
    ("lat", "纬度"),
)


class Acknowledgement(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str | None = Field(None, max_length=1000)


class Closing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field(min_length=1, max_length=1000)


def filter_of(
    state: Literal["open", "closed", "all"] = "open",
    rule: Annotated[list[str] | None, Query(max_length=100)] = None,
    severity: Annotated[list[Literal["info", "warning", "critical"]] | None, Query()] = None,
    fate: Annotated[AlertFate | None, Query(description="what became of it")] = None,
    unit: Annotated[int | None, Query(description="unit")] = None,
    area: Annotated[AreaCode | None, Query(description="it, or what lies in it")] = None,
    from_time: Annotated[AwareDatetime | None, Query(alias="from", description="opened at or after")] = None,
    to_time: Annotated[AwareDatetime | None, Query(alias="to", description="opened before")] = None,
) -> AlertFilter:
    return AlertFilter(state, rule, [*severity] if severity else None, fate, unit, area, from_time, to_time)


Wanted = Annotated[AlertFilter, Depends(filter_of)]


@router.get("", summary="报警列表 / Alerts")
async def list_alerts(
    conn: Conn,
    principal: Annotated[Principal, requires("alerts.view")],
    wanted: Wanted,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: str | None = None,
) -> AlertList:
    """Newest first, within the reader's areas and departments."""
    scope = principal.scope_parameters("alerts.view")
    page = await read_alerts(conn, scope, wanted, limit=limit, cursor=cursor)
    return AlertList(page.alerts, page.next)


@router.get("/export", summary="导出报警 / Alerts as a file", response_class=Response)
async def export_alerts(
    request: Request,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("alerts.view")],
    wanted: Wanted,
) -> Response:
    """CSV, newest first, at most 20,000; times by the clock in China. The export is recorded."""
    scope = principal.scope_parameters("alerts.view")
    page = await read_alerts(conn, scope, wanted, limit=MAX_EXPORTED)
    told = {key: value for key, value in asdict(wanted).items() if value is not None}
    await audit("alert.export", "alert", None, jsonable_encoder({**told, "alerts": len(page.alerts)}))
    chinese = language_of(request) == "zh"
    rows = (
        [
            alert.unit_name_en or alert.unit_name
            if name == "unit_name" and not chinese
            else getattr(alert, name)
            for name, _ in COLUMNS
        ]
        for alert in page.alerts
    )
    heads = [title if chinese else name for name, title in COLUMNS]
    return answer_csv("报警记录" if chinese else "alerts", heads, rows)


@router.get("/{alert_id}", summary="报警详情 / One alert")
async def get_alert(
    alert_id: int, conn: Conn, principal: Annotated[Principal, requires("alerts.view")]
) -> Alert:
    return await read_alert(conn, alert_id, principal.scope_parameters("alerts.view"))


@router.get("/{alert_id}/log", summary="报警更正记录 / What late fixes changed of an alert")
async def get_alert_log(
    alert_id: int, conn: Conn, principal: Annotated[Principal, requires("alerts.view")]
) -> list[AlertLogEntry]:
    """Oldest first; empty for an alert that stood as it was opened."""
    return await read_alert_log(conn, alert_id, principal.scope_parameters("alerts.view"))


@router.post("/{alert_id}/acknowledge", summary="确认报警 / Take an alert in hand")
async def acknowledge_alert(
    alert_id: int,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("alerts.handle")],
    body: Acknowledgement | None = None,
) -> Alert:
    """409 when somebody else was first or the alert is closed."""
    note = body.note if body else None
    scope = principal.scope_parameters("alerts.handle")
    alert = await acknowledge(conn, alert_id, scope, person_id=principal.person_id, note=note)
    await audit("alert.acknowledge", "alert", alert_id, {"note": note} if note else None)
    return alert


@router.post("/{alert_id}/close", summary="关闭报警 / Close an alert")
async def close_alert(
    alert_id: int,
    body: Closing,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("alerts.handle")],
) -> Alert:
    """409 when it is closed already. What was done about it goes into ``note``."""
    scope = principal.scope_parameters("alerts.handle")
    alert = await close(conn, alert_id, scope, person_id=principal.person_id, note=body.note)
    await audit("alert.close", "alert", alert_id, {"note": body.note})
    return alert


@router.post("/{alert_id}/notes", summary="填写处理说明 / Note what was done about an alert")
async def note_alert(
    alert_id: int,
    body: Closing,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("alerts.handle")],
) -> Alert:
    """Also of one that has ended. It takes the place of the note before; both are in the audit trail."""
    scope = principal.scope_parameters("alerts.handle")
    alert = await note(conn, alert_id, scope, person_id=principal.person_id, note=body.note)
    await audit("alert.note", "alert", alert_id, {"note": body.note})
    return alert
