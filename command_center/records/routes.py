"""Reading the audit trail and the dead letters over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from command_center.paging import Cursor, Limit, cursor_of, row_id_of
from command_center.requests import Audit, Conn, requires
from gis_core.database import load_queries
from gis_core.errors import BadInput, NotFound
from gis_core.identity.principal import Principal
from tracking.letters import Wanted

router = APIRouter(tags=["记录 Records"])
SQL = load_queries("command_center.records")
LETTERS = load_queries("tracking", "letters.sql")
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
    rerun_requested_at: datetime | None
    """Waits for ingest to decode it again."""
    rerun_at: datetime | None
    rerun_fixes: int | None
    """Fixes that came of it then, those known already included."""
    rerun_reason: str | None
    """Why it, or a part of it, still cannot be taken; null after a re-run: nothing is left."""


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
    left: Annotated[bool, Query(description="without those that a re-run took in whole")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DeadLetterPage:
    """Newest first, with the message as it came."""
    parameters = {
        "before": row_id_of(cursor, start=_NEWEST),
        "reason": reason,
        "device_key": device_key,
        "left": left,
        "shown": SHOWN_BYTES,
        "max_rows": limit + 1,
    }
    rows = (await conn.execute(SQL["dead_letters"], parameters)).mappings().all()
    reasons = (await conn.execute(SQL["dead_letter_reasons"])).all()
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    shown = [DeadLetterOut(**dict(row) | readable(bytes(row["payload"]))) for row in rows[:limit]]
    return DeadLetterPage(dead_letters=shown, reasons={row[0]: row[1] for row in reasons}, next=following)


class RerunIn(BaseModel):
    """Which letters: by number, or all that fit the rest; at least one must be given."""

    model_config = ConfigDict(extra="forbid")

    ids: list[int] | None = Field(default=None, min_length=1, max_length=10_000)
    reason: str | None = Field(default=None, max_length=64)
    device_key: str | None = Field(default=None, max_length=64)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class RerunOut(BaseModel):
    """``requested``: letters that ingest will decode again; those taken in whole before, and those whose
    message was not kept whole, are left out."""

    requested: int


@router.get("/dead-letters/{letter_id}/raw", summary="原始消息 / The message as it came")
async def dead_letter_raw(
    letter_id: int, conn: Conn, principal: Annotated[Principal, requires("dead_letters.view")]
) -> Response:
    """At most 65,536 bytes of it are kept."""
    payload = await conn.scalar(LETTERS["raw"], {"id": letter_id})
    if payload is None:
        raise NotFound(key=letter_id, kind="dead letter", kind_zh="消息")
    headers = {"Content-Disposition": f'attachment; filename="letter-{letter_id}.bin"'}
    return Response(bytes(payload), media_type="application/octet-stream", headers=headers)


@router.post("/dead-letters/rerun", summary="重新处理消息 / Decode dead letters again", status_code=202)
async def rerun_dead_letters(
    body: RerunIn,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("devices.manage")],
) -> RerunOut:
    """Ingest does it within seconds, as of the time of their arrival; fixes known already are not stored
    twice. At most 100,000 at once."""
    wanted = Wanted(body.ids, body.reason, body.device_key, body.since, body.until)
    if wanted == Wanted():
        raise BadInput(field="ids", reason_zh="须指明编号或条件", reason="name letters, or a condition")
    ids = list((await conn.execute(LETTERS["request_rerun"], wanted.parameters())).scalars())
    told = body.model_dump(mode="json", exclude_none=True)
    await audit("dead_letter.rerun", "dead_letter", None, {**told, "letters": len(ids)})
    return RerunOut(requested=len(ids))


def readable(payload: bytes) -> dict[str, str | None]:
    """The payload as text where it is text; a character cut in two at the end does not matter."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        text = payload[: error.start].decode() if error.reason == "unexpected end of data" else "\0"
    if all(character.isprintable() or character in "\r\n\t" for character in text):
        return {"text": text, "hex": None}
    return {"text": None, "hex": payload.hex(" ")}
