"""Devices over HTTP: add, change, disable, and give a new broker token.

The broker's user file and the database cannot change in one step. The row is written first, so that a
refused row issues nothing; when COMMIT then fails, the broker knows a token that nobody was told.
"""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.devices.credentials import Credentials
from command_center.paging import Cursor, Limit, contains, cursor_of, row_id_of
from command_center.people.shapes import AreaCode, Key, Plain, Strict
from command_center.requests import Audit, Conn, language_of, requires
from gis_core.database import load_queries
from gis_core.errors import BadInput, NotFound, Text
from gis_core.identity.principal import Principal
from gis_core.identity.secrets import token_hash
from ingest.payload_secrets import FIELD, check_secret
from tracking.episodes import close_of_device
from tracking.models import Device

router = APIRouter(tags=["设备 Devices"])
SQL = load_queries("command_center.devices")
MANAGE = "devices.manage"
NULLABLE = frozenset({"person_id", "vehicle_id", "terminal_number", "payload_secret"})
DISABLED = Text("设备已停用", "The device was disabled")
"""What its alerts end with."""
Manager = Annotated[Principal, requires(MANAGE)]
UnitKind = Literal["inspector", "sanitation", "slag_truck", "enforcement"]


SpeedUnit = Literal["kn", "kmh", "mps"]
TerminalNumber = Annotated[
    str,
    AfterValidator(lambda sent: sent.lower().lstrip("0")),
    StringConstraints(pattern="^[1-9a-f][0-9a-f]{0,19}$"),
    Field(description="JT/T 808 终端手机号 / terminal number"),
]


PayloadSecret = Annotated[
    str,
    AfterValidator(check_secret),
    Field(description="OwnTracks 加密口令，至多 32 字节 / secret of encrypted OwnTracks payloads"),
]


class DeviceIn(Strict):
    key: Key
    """Name in MQTT topics and login at the broker."""
    unit_kind: UnitKind
    person_id: int | None = None
    vehicle_id: int | None = None
    area_code: AreaCode
    org_unit_id: int
    period_s: int = Field(default=30, ge=1, le=3600)
    """How often it is expected to report, seconds."""
    terminal_number: TerminalNumber | None = None
    """Of a JT/T 808 terminal: its number, with or without the zeros before it."""
    speed_unit: SpeedUnit = "kn"
    """Of an OsmAnd client's queries."""
    payload_secret: PayloadSecret | None = None
    """Kept sealed; it is never told again."""


class DevicePatch(Strict):
    """Only what is named is changed; to move it to another carrier, name both ids."""

    unit_kind: UnitKind | None = None
    person_id: int | None = None
    vehicle_id: int | None = None
    area_code: AreaCode | None = None
    org_unit_id: int | None = None
    period_s: Annotated[int, Field(ge=1, le=3600)] | None = None
    terminal_number: TerminalNumber | None = None
    speed_unit: SpeedUnit | None = None
    payload_secret: PayloadSecret | None = None
    enabled: bool | None = None


class DeviceOut(BaseModel):
    id: int
    key: str
    unit_kind: str
    person_id: int | None
    vehicle_id: int | None
    carrier: str | None
    carrier_en: str | None
    area_code: str
    org_unit_id: int
    org_unit: str
    org_unit_en: str | None
    enabled: bool
    period_s: int
    terminal_number: str | None
    speed_unit: str
    has_token: bool
    has_payload_secret: bool
    created_at: datetime
    last_received_at: datetime | None
    connected: bool | None
    clock_offset_s: float | None
    """Its clock is ahead by this (negative: behind); null: right, or not known."""
    faults_today: int
    """Fixes and messages refused or flagged since midnight UTC."""


class DevicePage(BaseModel):
    devices: list[DeviceOut]
    next: str | None


class NewToken(BaseModel):
    id: int
    key: str
    token: str
    """Shown this once."""


class VehicleIn(Strict):
    plate: Plain
    kind: Literal["sanitation", "slag_truck", "enforcement"]
    org_unit_id: int
    area_code: AreaCode


class VehicleOut(BaseModel):
    id: int
    plate: str
    kind: str
    org_unit_id: int
    area_code: str


class VehiclePage(BaseModel):
    vehicles: list[VehicleOut]
    next: str | None


async def read_devices(conn: AsyncConnection, manager: Principal, **filters: Any) -> list[DeviceOut]:
    blank = {"id": None, "unit_kind": None, "enabled": None, "q": None, "after": 0, "max_rows": 1}
    rows = (await conn.execute(SQL["devices"], blank | filters | manager.scope_parameters(MANAGE))).mappings()
    return [DeviceOut(**row) for row in rows]


async def read_device(conn: AsyncConnection, manager: Principal, device_id: int) -> DeviceOut:
    """Raises NotFound, also for devices outside the manager's scope."""
    found = await read_devices(conn, manager, id=device_id)
    if not found:
        raise NotFound(key=device_id, kind="device", kind_zh="设备")
    return found[0]


async def require_carrier(
    conn: AsyncConnection, manager: Principal, person_id: int | None, vehicle_id: int | None
) -> None:
    """Raise BadInput unless the carrier is at most one, exists, and is in the manager's reach."""
    if person_id is not None and vehicle_id is not None:
        raise BadInput(
            field="person_id, vehicle_id", reason_zh="只能填一个", reason="only one of them may be given"
        )
    if person_id is None and vehicle_id is None:
        return
    wanted = {"person_id": person_id, "vehicle_id": vehicle_id}
    place = (await conn.execute(SQL["carrier_place"], wanted)).mappings().one_or_none()
    if place is None:
        field = "person_id" if person_id is not None else "vehicle_id"
        raise BadInput(field=field, reason_zh="不存在", reason="does not exist")
    manager.require_in(MANAGE, place["area_code"], place["org_unit_id"])


async def require_org_unit(conn: AsyncConnection, org_unit_id: int) -> None:
    if await conn.scalar(SQL["org_unit_exists"], {"id": org_unit_id}) is None:
        raise BadInput(field="org_unit_id", reason_zh="没有这个机构", reason="there is no such organisation")


async def issue_token(request: Request, conn: AsyncConnection, device: DeviceOut) -> NewToken:
    """A token the broker knows; the table keeps its SM3."""
    credentials: Credentials = request.app.state.credentials
    token = await to_thread.run_sync(credentials.issue, device.key)
    await conn.execute(SQL["set_token"], {"id": device.id, "token_hash": token_hash(token)})
    return NewToken(id=device.id, key=device.key, token=token)


def _sealed(request: Request, secret: str | None) -> bytes | None:
    return None if secret is None else request.app.state.keyring.encrypt(secret, FIELD)


def _tellable(values: dict[str, Any]) -> dict[str, Any]:
    """What the audit trail may hold of a change: that a secret was set, never the secret."""
    if "payload_secret" not in values:
        return dict(values)
    return values | {"payload_secret": None if values["payload_secret"] is None else "set"}


@router.get("/devices", summary="设备列表 / Devices")
async def list_devices(
    conn: Conn,
    manager: Manager,
    q: Annotated[
        str | None, Query(max_length=64, description="设备号、姓名或车牌 / key, name or plate")
    ] = None,
    unit_kind: UnitKind | None = None,
    enabled: bool | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DevicePage:
    """Devices in the manager's areas and departments, in the order of ids."""
    found = await read_devices(
        conn,
        manager,
        q=contains(q),
        unit_kind=unit_kind,
        enabled=enabled,
        after=row_id_of(cursor, start=0),
        max_rows=limit + 1,
    )
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    return DevicePage(devices=found[:limit], next=following)


@router.get("/devices/{device_id}", summary="设备详情 / One device")
async def get_device(device_id: int, conn: Conn, manager: Manager) -> DeviceOut:
    return await read_device(conn, manager, device_id)


@router.post("/devices", summary="新建设备 / Add a device", status_code=201)
async def add_device(
    body: DeviceIn, request: Request, conn: Conn, manager: Manager, audit: Audit
) -> NewToken:
    """The answer holds the broker token: it is shown this once."""
    manager.require_in(MANAGE, body.area_code, body.org_unit_id)
    await require_org_unit(conn, body.org_unit_id)
    await require_carrier(conn, manager, body.person_id, body.vehicle_id)
    values = body.model_dump() | {"payload_secret": _sealed(request, body.payload_secret)}
    device_id = await conn.scalar(SQL["insert_device"], values)
    made = await issue_token(request, conn, await read_device(conn, manager, int(device_id or 0)))
    await audit("device.create", "device", device_id, _tellable(body.model_dump()))
    return made


@router.post("/devices/{device_id}/token", summary="更换设备口令 / Give a new token", status_code=201)
async def rotate_token(
    device_id: int, request: Request, conn: Conn, manager: Manager, audit: Audit
) -> NewToken:
    """The old token is void and its connection ended at once."""
    await conn.execute(SQL["lock_device"], {"id": device_id})
    device = await read_device(conn, manager, device_id)
    if not device.enabled:
        raise BadInput(field="enabled", reason_zh="设备已停用", reason="the device is disabled")
    made = await issue_token(request, conn, device)
    await audit("device.token", "device", device_id)
    return made


@router.patch("/devices/{device_id}", summary="修改或停用设备 / Change or disable a device")
async def patch_device(
    device_id: int, body: DevicePatch, request: Request, conn: Conn, manager: Manager, audit: Audit
) -> DeviceOut:
    """A disabled device loses its token, and its open alerts end; enabled again, it needs a new token."""
    await conn.execute(SQL["lock_device"], {"id": device_id})
    before = await read_device(conn, manager, device_id)
    values = body.model_dump(exclude_unset=True)
    for field, value in values.items():
        if value is None and field not in NULLABLE:
            raise BadInput(field=field, reason_zh="不能为空", reason="must not be null")
    after = before.model_dump() | values
    manager.require_in(MANAGE, after["area_code"], after["org_unit_id"])
    if "org_unit_id" in values:
        await require_org_unit(conn, after["org_unit_id"])
    if "person_id" in values or "vehicle_id" in values:
        await require_carrier(conn, manager, after["person_id"], after["vehicle_id"])
    told = _tellable(values)
    if "payload_secret" in values:
        values["payload_secret"] = _sealed(request, body.payload_secret)
    if body.enabled is False:
        values["token_hash"] = None
        credentials: Credentials = request.app.state.credentials
        await to_thread.run_sync(partial(credentials.revoke, before.key))
        if before.enabled:
            note = DISABLED.in_language(language_of(request))
            ended = await close_of_device(conn, device_id, person_id=manager.person_id, note=note)
            told |= {"alerts_ended": ended} if ended else {}
    if values:
        await conn.execute(update(Device).where(Device.id == device_id).values(**values))
    changed = await read_device(conn, manager, device_id)
    await audit("device.change", "device", device_id, told)
    return changed


@router.get("/vehicles", summary="车辆列表 / Vehicles")
async def list_vehicles(
    conn: Conn,
    manager: Manager,
    q: Annotated[str | None, Query(max_length=64, description="车牌 / plate")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> VehiclePage:
    parameters = {"q": contains(q), "after": row_id_of(cursor, start=0), "max_rows": limit + 1}
    rows = (
        (await conn.execute(SQL["vehicles"], parameters | manager.scope_parameters(MANAGE))).mappings().all()
    )
    following = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return VehiclePage(vehicles=[VehicleOut(**row) for row in rows[:limit]], next=following)


@router.post("/vehicles", summary="新建车辆 / Add a vehicle", status_code=201)
async def add_vehicle(body: VehicleIn, conn: Conn, manager: Manager, audit: Audit) -> VehicleOut:
    manager.require_in(MANAGE, body.area_code, body.org_unit_id)
    await require_org_unit(conn, body.org_unit_id)
    row = (await conn.execute(SQL["insert_vehicle"], body.model_dump())).mappings().one()
    await audit("vehicle.create", "vehicle", row["id"], body.model_dump())
    return VehicleOut(**row)
