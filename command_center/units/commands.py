"""Reaching a unit: commands to its device, which the gateway sends, and its person's number to ring."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, model_validator

from command_center.people.shapes import Strict
from command_center.requests import Audit, Conn, requires
from gis_core.database import load_queries
from gis_core.errors import BadInput, DomainError, NotFound, Text
from gis_core.identity.principal import Principal
from gis_core.identity.secrets import Keyring
from tracking.units import read_unit

router = APIRouter()
SQL = load_queries("command_center.units", "commands.sql")
COMMAND = "units.command"
MOST_OPEN = 20


class TooManyOpen(DomainError):
    status, slug = 409, "too-many-commands"
    title = Text("待答复指令过多", "Too many open commands")
    detail = Text(
        "该设备尚有 {count} 条指令未答复，请稍后再发。",
        "{count} commands to this device are not answered yet; try again later.",
    )


class CommandIn(Strict):
    """``text``: for kind text only; at most 1,021 bytes of GBK reach a JT/T 808 terminal."""

    kind: Literal["text", "locate"]
    text: str | None = Field(default=None, min_length=1, max_length=500)
    within_s: int = Field(default=60, ge=5, le=86_400)
    """Without an answer within this time the command has failed."""

    @model_validator(mode="after")
    def _text_fits(self) -> "CommandIn":
        if (self.kind == "text") != (self.text is not None):
            raise ValueError("text is for kind text, and needed there")
        return self


class CommandOut(BaseModel):
    """``state``: waiting, sent, done, failed or expired; ``result``: what the device answered."""

    id: UUID
    device_id: int
    kind: str
    body: dict[str, Any]
    requested_at: datetime
    expires_at: datetime
    state: str
    sent_at: datetime | None
    finished_at: datetime | None
    result: str | None


class Call(BaseModel):
    """``mobile``: null where none is kept of the unit's person."""

    mobile: str | None


class CommandList(BaseModel):
    commands: list[CommandOut]


async def _require_unit(conn: Conn, principal: Principal, unit_id: int) -> None:
    if await read_unit(conn, unit_id, principal.scope_parameters(COMMAND)) is None:
        raise NotFound(key=unit_id, kind="unit", kind_zh="人员或车辆")


@router.post("/{unit_id}/commands", summary="下发指令 / Send a command", status_code=201)
async def add_command(
    unit_id: int,
    body: CommandIn,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires(COMMAND)],
) -> CommandOut:
    """The answer says ``waiting``; ask again, or read the list, for what became of it."""
    await _require_unit(conn, principal, unit_id)
    if not await conn.scalar(SQL["device_enabled"], {"device_id": unit_id}):
        raise BadInput(field="unit_id", reason_zh="设备已停用", reason="the device is disabled")
    waiting = await conn.scalar(SQL["open_commands"], {"device_id": unit_id}) or 0
    if waiting >= MOST_OPEN:
        raise TooManyOpen(count=waiting)
    told = {"text": body.text} if body.text is not None else {}
    values = {
        "device_id": unit_id,
        "kind": body.kind,
        "body": json.dumps(told, ensure_ascii=False),
        "requested_by": principal.person_id,
        "within_s": body.within_s,
    }
    made = (await conn.execute(SQL["add_command"], values)).mappings().one()
    await audit("unit.command", "unit", unit_id, {"kind": body.kind, "command": str(made["id"]), **told})
    return CommandOut(**made)


@router.get("/{unit_id}/commands", summary="指令记录 / Commands of a unit")
async def list_commands(
    unit_id: int,
    conn: Conn,
    principal: Annotated[Principal, requires(COMMAND)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CommandList:
    """The newest first."""
    await _require_unit(conn, principal, unit_id)
    rows = await conn.execute(SQL["recent_commands"], {"device_id": unit_id, "max_rows": limit})
    return CommandList(commands=[CommandOut(**row) for row in rows.mappings()])


@router.post("/{unit_id}/calls", summary="拨打电话 / Ring a unit")
async def ring(
    unit_id: int,
    request: Request,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires(COMMAND)],
) -> Call:
    """The whole number of the person who carries the device; that it was told is recorded."""
    await _require_unit(conn, principal, unit_id)
    sealed = await conn.scalar(SQL["mobile"], {"device_id": unit_id})
    keyring: Keyring = request.app.state.keyring
    await audit("unit.call", "unit", unit_id)
    return Call(mobile=None if sealed is None else keyring.decrypt(sealed, "person.mobile"))
