"""Alerts as a list with pages, and the two things an operator does with one."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, requires
from gis_core.identity.principal import Principal
from tracking.episodes import (
    Alert,
    AlertLogEntry,
    acknowledge,
    close,
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


class Acknowledgement(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str | None = Field(None, max_length=1000)


class Closing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field(min_length=1, max_length=1000)


@router.get("", summary="报警列表 / Alerts")
async def list_alerts(
    conn: Conn,
    principal: Annotated[Principal, requires("alerts.view")],
    state: Literal["open", "closed", "all"] = "open",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: str | None = None,
) -> AlertList:
    """Newest first, within the reader's areas and departments."""
    page = await read_alerts(
        conn, principal.scope_parameters("alerts.view"), state=state, limit=limit, cursor=cursor
    )
    return AlertList(page.alerts, page.next)


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
