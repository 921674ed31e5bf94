"""What becomes of positions outside duty: a rule by kind, department and area; in force within a second."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.people.shapes import AreaCode, Strict
from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, requires
from gis_core.database import load_queries
from gis_core.errors import BadInput, DomainError, NotFound, Text
from gis_core.history import record_as
from gis_core.identity.principal import Principal
from tracking.units import UnitKind

router = APIRouter(prefix="/off-duty-rules", tags=["非当班位置 Off-duty positions"], responses=RESPONSES)
SQL = load_queries("command_center.off_duty")
MANAGE = "privacy.manage"
Manager = Annotated[Principal, requires(MANAGE)]
Keeping = Literal["keep", "drop", "state"]
Grace = Annotated[int, Field(ge=0, le=14_400)]
WHOLE_CITY = "-"
"""An area code that only a grant for the whole city covers."""


class RuleTold(Strict):
    """``keep`` all, ``drop``: nothing is stored, ``state``: the last state only. ``before_s``, ``after_s``:
    seconds around a turn that count as duty; ``unrostered``: of a device before its first turn ever;
    ``on_map``: a unit off duty is hidden, or shown grey where it was last."""

    outside: Keeping
    before_s: Grace = 900
    after_s: Grace = 900
    unrostered: Keeping = "keep"
    on_map: Literal["hidden", "last"] = "hidden"


class RuleIn(RuleTold):
    """The group; null: all."""

    unit_kind: UnitKind | None = None
    org_unit_id: int | None = None
    area_code: AreaCode | None = None


class RuleOut(BaseModel):
    """``devices``: for how many it decides; ``dropped_7d``: positions not stored in seven days."""

    id: int
    unit_kind: UnitKind | None
    org_unit_id: int | None
    org_unit: str | None
    org_unit_en: str | None
    area_code: str | None
    area: str | None
    area_en: str | None
    outside: Keeping
    before_s: int
    after_s: int
    unrostered: Keeping
    on_map: Literal["hidden", "last"]
    changed_by: str | None
    changed_at: datetime
    devices: int
    dropped_7d: int


class RuleList(BaseModel):
    rules: list[RuleOut]


class GroupTaken(DomainError):
    status, slug = 409, "off-duty-group-taken"
    title = Text("该组已有规则", "The group has a rule")
    detail = Text("这一组已有规则，请修改它。", "This group has a rule already; change that one.")


class GeneralRuleStays(DomainError):
    status, slug = 409, "off-duty-general-rule"
    title = Text("通用规则不能删除", "The general rule stays")
    detail = Text(
        "通用规则适用于其余所有设备，只能修改。",
        "The general rule holds for all others; it can only be changed.",
    )


async def _read(conn: AsyncConnection, rule_id: int | None) -> list[RuleOut]:
    return [RuleOut(**row) for row in (await conn.execute(SQL["rules"], {"id": rule_id})).mappings()]


async def _require(conn: AsyncConnection, manager: Principal, rule_id: int) -> RuleOut:
    """Raises NotFound, OutOfScope."""
    found = await _read(conn, rule_id)
    if not found:
        raise NotFound(key=rule_id, kind="off-duty rule", kind_zh="非当班规则")
    manager.require_in(MANAGE, found[0].area_code or WHOLE_CITY, found[0].org_unit_id)
    return found[0]


@router.get("", summary="非当班位置规则 / Rules for positions outside duty")
async def list_rules(conn: Conn, manager: Manager) -> RuleList:
    """Of several that fit a device, department goes before area, the smaller area before the larger, and
    both before the kind."""
    return RuleList(rules=await _read(conn, None))


@router.post("", summary="新建非当班位置规则 / Add a rule", status_code=201)
async def add_rule(body: RuleIn, conn: Conn, manager: Manager, audit: Audit) -> RuleOut:
    """What was dropped before does not come back."""
    manager.require_in(MANAGE, body.area_code or WHOLE_CITY, body.org_unit_id)
    if body.org_unit_id is not None:
        known = await conn.scalar(SQL["org_unit_exists"], {"org_unit_id": body.org_unit_id})
        if known is None:
            raise BadInput(
                field="org_unit_id", reason_zh="没有这个机构", reason="there is no such organisation"
            )
    await record_as(conn, manager, None)
    values: dict[str, Any] = {**body.model_dump(), "person_id": manager.person_id}
    rule_id = await conn.scalar(SQL["add_rule"], values)
    if rule_id is None:
        raise GroupTaken()
    made = (await _read(conn, int(rule_id)))[0]
    await audit("off_duty_rule.create", "off_duty_rule", rule_id, body.model_dump())
    return made


@router.put("/{rule_id}", summary="修改非当班位置规则 / Change a rule")
async def change_rule(rule_id: int, body: RuleTold, conn: Conn, manager: Manager, audit: Audit) -> RuleOut:
    await _require(conn, manager, rule_id)
    await record_as(conn, manager, None)
    await conn.execute(
        SQL["change_rule"], {**body.model_dump(), "id": rule_id, "person_id": manager.person_id}
    )
    changed = (await _read(conn, rule_id))[0]
    await audit("off_duty_rule.change", "off_duty_rule", rule_id, body.model_dump())
    return changed


@router.delete("/{rule_id}", summary="删除非当班位置规则 / Remove a rule", status_code=204)
async def remove_rule(rule_id: int, conn: Conn, manager: Manager, audit: Audit) -> None:
    """The group then follows the next one that fits."""
    rule = await _require(conn, manager, rule_id)
    if rule.unit_kind is None and rule.org_unit_id is None and rule.area_code is None:
        raise GeneralRuleStays()
    await record_as(conn, manager, None)
    await conn.execute(SQL["remove_rule"], {"id": rule_id})
    await audit("off_duty_rule.remove", "off_duty_rule", rule_id)
