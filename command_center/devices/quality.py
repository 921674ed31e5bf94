"""How good a device's positions are: its clock, and what was refused or flagged, by day and reason."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from command_center.devices.routes import SQL, Manager, read_device
from command_center.requests import Conn
from gis_core.errors import Text
from tracking.fix import Flag
from tracking.reasons import REASON_TEXTS, Reason
from tracking.signals import names

router = APIRouter(tags=["设备 Devices"])
KEPT_RAW = frozenset(str(reason) for reason in Reason) - {"no_fix", "off_duty"}
FLAG_TEXTS: dict[str, Text] = {
    "late": Text("迟到（补传）", "Late, from a backlog"),
    "week_rollover": Text("GPS 周翻转，已修正", "GPS week rollover, mended"),
    "jump": Text("跳点：偏出又回", "Jump: out of the way and back"),
    "leap": Text("突跃：距上一点过远", "Leap: too far from the fix before"),
    "frozen": Text("位置冻结：行驶中位置不变", "Frozen: the place stays while it drives"),
    "copied": Text("疑似复制：与另一设备轨迹相同", "Copied: another device told the same way"),
    "clock": Text("设备时钟不准", "Fixes of a clock that is off"),
}


class Tally(BaseModel):
    """``raw``: whether the messages are kept among the dead letters (``GET /dead-letters``)."""

    day: date
    reason: str
    name: str
    name_en: str
    count: int
    last_at: datetime
    refused: bool
    raw: bool


class DeviceQuality(BaseModel):
    """``clock_offset_s``: the clock is ahead by this (negative: behind); null: right, or not known.
    ``flags`` and ``signals``: of the newest fix."""

    device_id: int
    key: str
    clock_offset_s: float | None
    clock_found_at: datetime | None
    flags: list[str]
    signals: list[str]
    tallies: list[Tally]


@router.get("/devices/{device_id}/quality", summary="设备数据质量 / Quality of a device's positions")
async def get_quality(
    device_id: int,
    conn: Conn,
    manager: Manager,
    days: Annotated[int, Query(ge=1, le=92, description="近几天（UTC） / of so many days")] = 7,
) -> DeviceQuality:
    """Newest day first. Days are UTC, as the partitions of the positions are."""
    device = await read_device(conn, manager, device_id)
    state = (await conn.execute(SQL["quality_state"], {"id": device_id})).mappings().one()
    rows = (await conn.execute(SQL["tallies"], {"id": device_id, "days": days})).mappings()
    flags = int(state["flags"] or 0)
    return DeviceQuality(
        device_id=device_id,
        key=device.key,
        clock_offset_s=state["offset_s"],
        clock_found_at=state["found_at"],
        flags=[flag.name.lower() for flag in Flag if flags & flag and flag.name],
        signals=names(int(state["signals"] or 0)),
        tallies=[_tally(dict(row)) for row in rows],
    )


def _tally(row: dict[str, Any]) -> Tally:
    reason = row["reason"]
    refused = reason in set(Reason)
    told = REASON_TEXTS[Reason(reason)] if refused else FLAG_TEXTS.get(reason, Text(reason, reason))
    return Tally(**row, name=told.zh, name_en=told.en, refused=refused, raw=reason in KEPT_RAW)
