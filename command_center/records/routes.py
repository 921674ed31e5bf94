"""Reading the audit trail and the dead letters over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.requests import Audit, Conn, requires
from gis_core.database import load_queries
from gis_core.identity.principal import Principal

router = APIRouter(tags=["记录 Records"])
SQL = load_queries("command_center.records")
_NEWEST = 2**62


class AuditEntry(BaseModel):
    id: int
    at: datetime
    actor_id: int | None
    actor: str
    action: str
    object_kind: str | None
    object_id: str | None
    detail: dict[str, Any]
    request_id: str | None
    ip: str | None


class AuditPage(BaseModel):
    entries: list[AuditEntry]
    next: str | None


class DeadLetterOut(BaseModel):
    """``text`` when the payload is UTF-8 without control characters, else ``hex``; both are cut at
    ``SHOWN_BYTES``."""

    id: int
    received_at: datetime
    topic: str
    device_key: str | None
    reason: str
    detail: str
    size_bytes: int
    text: str | None
    hex: str | None


class DeadLetterPage(BaseModel):
    dead_letters: list[DeadLetterOut]
    reasons: dict[str, int]
    """Count by reason in the last 24 hours."""
    next: str | None


SHOWN_BYTES = 4096


@router.get("/audit", summary="审计记录 / Audit trail")
async def list_audit(
    conn: Conn,
    auditor: Annotated[Principal, requires("audit.view")],
    audit: Audit,
    actor_id: int | None = None,
    action: Annotated[
        str | None, Query(pattern=r"^[a-z_]+(\.[a-z_*]+)?$", description="session.refused, grant.*")
    ] = None,
    object_kind: Annotated[str | None, Query(max_length=64)] = None,
    object_id: Annotated[str | None, Query(max_length=64)] = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AuditPage:
    """Newest first. Reading the trail is itself recorded (first pages only)."""
    pattern = None if action is None else action.replace("_", r"\_").replace("*", "%")
    parameters = {
        "before": row_id_of(cursor, start=_NEWEST),
        "actor_id": actor_id,
        "action": pattern,
        "object_kind": object_kind,
        "object_id": object_id,
        "since": since,
        "until": until,
        "max_rows": limit + 1,
    }
    rows = (await conn.execute(SQL["audit_entries"], parameters)).mappings().all()
    if cursor is None:
        asked = {name: value for name, value in parameters.items() if value is not None}
        await audit("audit.read", "audit", None, {k: str(v) for k, v in asked.items() if k != "before"})
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return AuditPage(entries=[AuditEntry(**row) for row in rows[:limit]], next=following)


@router.get("/dead-letters", summary="无法处理的消息 / Messages that could not become fixes")
async def list_dead_letters(
    conn: Conn,
    principal: Annotated[Principal, requires("dead_letters.view")],
    reason: Annotated[str | None, Query(max_length=64)] = None,
    device_key: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DeadLetterPage:
    """Newest first, with the message as it came."""
    parameters = {
        "before": row_id_of(cursor, start=_NEWEST),
        "reason": reason,
        "device_key": device_key,
        "shown": SHOWN_BYTES,
        "max_rows": limit + 1,
    }
    rows = (await conn.execute(SQL["dead_letters"], parameters)).mappings().all()
    reasons = (await conn.execute(SQL["dead_letter_reasons"])).all()
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    shown = [DeadLetterOut(**dict(row) | readable(bytes(row["payload"]))) for row in rows[:limit]]
    return DeadLetterPage(dead_letters=shown, reasons={row[0]: row[1] for row in reasons}, next=following)


def readable(payload: bytes) -> dict[str, str | None]:
    """The payload as text where it is text; a character cut in two at the end does not matter."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        text = payload[: error.start].decode() if error.reason == "unexpected end of data" else "\0"
    if all(character.isprintable() or character in "\r\n\t" for character in text):
        return {"text": text, "hex": None}
    return {"text": None, "hex": payload.hex(" ")}
