"""Alert episodes as people read and handle them: list, acknowledge, close, and their news in order."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.errors import BadInput, DomainError, NotFound, Text
from tracking.units import QUERIES, WHOLE_CITY, ScopeParameters, UnitKind

AlertEventKind = Literal["opened", "updated", "acknowledged", "closed", "corrected", "withdrawn"]


AlertFate = Literal["acknowledged", "unacknowledged", "handled", "corrected", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode. ``lon``, ``lat``: where it began; ``last_lon``, ``last_lat``: where it was last so.

    ``acknowledged_by`` and ``handled_by`` are names of persons; ``close_reason`` is ``returned`` when
    the episode ended by itself, ``handled`` when a person ended it. ``withdrawn_at``: when later fixes
    showed that it never was; ``corrected_at``: when they last changed its bounds.
    """

    id: int
    rule: str
    severity: Literal["info", "warning", "critical"]
    device_id: int
    unit_name: str
    unit_name_en: str | None
    unit_kind: UnitKind
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    lon: float
    lat: float
    last_lon: float
    last_lat: float
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    handled_by: str | None
    note: str | None
    area_code: str
    evidence: dict[str, Any]
    withdrawn_at: datetime | None = None
    corrected_at: datetime | None = None
    rule_version: int = 1


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What a list of alerts is about; None: anything. ``area_code``: it, or what lies in it; opened in
    [``from_time``, ``to_time``)."""

    state: Literal["open", "closed", "all"] = "open"
    rules: list[str] | None = None
    severities: list[str] | None = None
    fate: AlertFate | None = None
    device_id: int | None = None
    area_code: str | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertLogEntry:
    """What late fixes did to an alert: ``corrected``, ``withdrawn`` or ``reinstated``. ``detail``: the
    reason, and the bounds before and after."""

    at: datetime
    event: Literal["corrected", "withdrawn", "reinstated"]
    detail: dict[str, Any]


class PlacedAlert(NamedTuple):
    """An alert with the department of its unit, by which its readers are chosen."""

    alert: Alert
    org_unit_id: int


class AlertEvent(NamedTuple):
    """``seq`` rises in the order of commits."""

    seq: int
    event: AlertEventKind
    alert_id: int


class AlertPage(NamedTuple):
    alerts: list[Alert]
    next: str | None
    """Cursor of the following page; None at the end."""


class AlertAlreadyClosed(DomainError):
    status, slug = 409, "alert-already-closed"
    title = Text("报警已关闭", "Alert already closed")
    detail = Text(
        "报警 {alert_id} 已于 {closed_at} 关闭，请刷新列表。",
        "Alert {alert_id} was closed at {closed_at}; reload the list.",
    )


class AlertAlreadyAcknowledged(DomainError):
    status, slug = 409, "alert-already-acknowledged"
    title = Text("报警已被确认", "Alert already acknowledged")
    detail = Text(
        "报警 {alert_id} 已于 {acknowledged_at} 由他人确认，请刷新列表。",
        "Alert {alert_id} was acknowledged at {acknowledged_at}; reload the list.",
    )


def alert_not_found(alert_id: int) -> NotFound:
    return NotFound(key=alert_id, kind="alert", kind_zh="报警")


async def _select(conn: AsyncConnection, scope: ScopeParameters, **wanted: Any) -> list[PlacedAlert]:
    parameters = {
        "is_open": None, "alert_ids": None, "device_id": None, "before_time": None, "before_id": None,
        "max_rows": None, "rules": None, "severities": None, "fate": None, "area_code": None,
        "from_time": None, "to_time": None, **scope, **wanted,
    }  # fmt: skip
    rows = [dict(row) for row in (await conn.execute(QUERIES["alerts"], parameters)).mappings()]
    return [PlacedAlert(org_unit_id=row.pop("org_unit_id"), alert=Alert(**row)) for row in rows]


async def read_alerts(
    conn: AsyncConnection,
    scope: ScopeParameters,
    wanted: AlertFilter,
    *,
    limit: int,
    cursor: str | None = None,
) -> AlertPage:
    """A page of alerts in scope, newest first. Raises BadInput for a cursor of somebody's making."""
    before = _read_cursor(cursor) if cursor else (None, None)
    asked = asdict(wanted)
    state = asked.pop("state")
    is_open = None if state == "all" else state == "open"
    found = await _select(
        conn, scope, is_open=is_open, before_time=before[0], before_id=before[1], max_rows=limit + 1, **asked
    )
    alerts = [placed.alert for placed in found[:limit]]
    return AlertPage(alerts, _write_cursor(alerts[-1]) if len(found) > limit else None)


async def read_open_alerts(
    conn: AsyncConnection, scope: ScopeParameters = WHOLE_CITY, *, device_id: int | None = None
) -> list[PlacedAlert]:
    return await _select(conn, scope, is_open=True, device_id=device_id)


async def read_alerts_by_id(conn: AsyncConnection, alert_ids: Sequence[int]) -> dict[int, PlacedAlert]:
    found = await _select(conn, WHOLE_CITY, alert_ids=list(alert_ids))
    return {placed.alert.id: placed for placed in found}


async def read_alert(conn: AsyncConnection, alert_id: int, scope: ScopeParameters) -> Alert:
    """Raises NotFound when there is none in scope."""
    found = await _select(conn, scope, alert_ids=[alert_id])
    if not found:
        raise alert_not_found(alert_id)
    return found[0].alert


async def read_alert_log(conn: AsyncConnection, alert_id: int, scope: ScopeParameters) -> list[AlertLogEntry]:
    """Oldest first. Raises NotFound."""
    await read_alert(conn, alert_id, scope)
    rows = await conn.execute(QUERIES["alert_log"], {"alert_id": alert_id})
    return [AlertLogEntry(*row) for row in rows]


async def acknowledge(
    conn: AsyncConnection, alert_id: int, scope: ScopeParameters, *, person_id: int, note: str | None
) -> Alert:
    """Note that somebody has taken an open alert in hand; the news goes out with the commit.

    Raises NotFound, AlertAlreadyClosed, AlertAlreadyAcknowledged.
    """
    row = await _lock(conn, alert_id, scope)
    if row["acknowledged_at"] is not None:
        raise AlertAlreadyAcknowledged(alert_id=alert_id, acknowledged_at=_spoken(row["acknowledged_at"]))
    await conn.execute(
        QUERIES["acknowledge_alert"], {"alert_id": alert_id, "person_id": person_id, "note": note}
    )
    return await _announce(conn, alert_id, "acknowledged", scope)


async def close(
    conn: AsyncConnection, alert_id: int, scope: ScopeParameters, *, person_id: int, note: str
) -> Alert:
    """End an open alert by hand; the news goes out with the commit. Raises NotFound, AlertAlreadyClosed.

    While the rule stays broken nothing new opens: that would be the same matter again. Once it was kept,
    the next break is a new episode.
    """
    await _lock(conn, alert_id, scope)
    await conn.execute(QUERIES["close_alert"], {"alert_id": alert_id, "person_id": person_id, "note": note})
    return await _announce(conn, alert_id, "closed", scope)


async def close_of_device(conn: AsyncConnection, device_id: int, *, person_id: int, note: str) -> int:
    """End what is open of a device that will not be heard any more, calls for help apart; how many that were.
    The news goes out with the commit."""
    parameters = {"device_id": device_id, "person_id": person_id, "note": note}
    closed = len((await conn.execute(QUERIES["close_alerts_of_device"], parameters)).all())
    if closed:
        await conn.execute(QUERIES["notify_live"])
    return closed


async def note(
    conn: AsyncConnection, alert_id: int, scope: ScopeParameters, *, person_id: int, note: str
) -> Alert:
    """Write down what was done about an alert, open or ended; the news goes out with the commit. Raises
    NotFound."""
    await read_alert(conn, alert_id, scope)
    await conn.execute(QUERIES["lock_alert"], {"alert_id": alert_id})
    await conn.execute(QUERIES["note_alert"], {"alert_id": alert_id, "person_id": person_id, "note": note})
    return await _announce(conn, alert_id, "updated", scope)


async def _lock(conn: AsyncConnection, alert_id: int, scope: ScopeParameters) -> dict[str, Any]:
    await read_alert(conn, alert_id, scope)
    row = (await conn.execute(QUERIES["lock_alert"], {"alert_id": alert_id})).mappings().one()
    if row["closed_at"] is not None:
        raise AlertAlreadyClosed(alert_id=alert_id, closed_at=_spoken(row["closed_at"]))
    return dict(row)


async def _announce(
    conn: AsyncConnection, alert_id: int, event: AlertEventKind, scope: ScopeParameters
) -> Alert:
    alert = await read_alert(conn, alert_id, scope)
    await conn.execute(QUERIES["append_alert_event"], {"event": event, "alert_id": alert_id})
    await conn.execute(QUERIES["notify_live"])
    return alert


async def read_alert_events(conn: AsyncConnection, after: int, *, limit: int) -> list[AlertEvent]:
    """Alert news with a number above ``after``, in order."""
    rows = await conn.execute(QUERIES["alert_events"], {"after": after, "max_rows": limit})
    return [AlertEvent(*row) for row in rows]


async def count_alerts(conn: AsyncConnection, scope: ScopeParameters, from_time: datetime) -> tuple[int, int]:
    """Alerts in scope that are open, and that were opened since ``from_time``."""
    row = (await conn.execute(QUERIES["alert_count"], {**scope, "from_time": from_time})).one()
    return row.open, row.today


def _spoken(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _write_cursor(alert: Alert) -> str:
    return base64.urlsafe_b64encode(f"{alert.opened_at.isoformat()}|{alert.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        moment, _, alert_id = base64.urlsafe_b64decode(cursor).decode().partition("|")
        return datetime.fromisoformat(moment), int(alert_id)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadInput(
            field="cursor", reason_zh="不是本接口给出的游标", reason="not a cursor this interface gave"
        ) from None
