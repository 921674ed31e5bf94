"""Alert rules: read, and change by a new version."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from command_center.people.shapes import AreaCode
from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, requires
from gis_core.identity.principal import Principal
from tracking.rules.catalogue import CATALOGUE, PACE, KindInfo, value_of
from tracking.rules.definitions import RuleDefinition
from tracking.rules.records import RuleRecord, read_rule_record, read_rule_records, write_rule
from tracking.units import UnitKind

router = APIRouter(prefix="/alert-rules", tags=["报警规则 Alert rules"], responses=RESPONSES)

RuleKey = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{1,62}$")]


@dataclass(frozen=True, slots=True)
class RuleList:
    rules: list[RuleRecord]


class RuleIn(BaseModel):
    """``definition``: kind, severity, enabled, limits, ``schedule``, ``pace``, as in a file of rules
    (docs/protocols/analyse.md)."""

    model_config = ConfigDict(extra="forbid")

    definition: dict[str, Any]
    unit_kinds: list[UnitKind] = Field(default_factory=list)
    org_unit_ids: list[int] = Field(default_factory=list, max_length=200)
    area_code: AreaCode | None = None
    zone_codes: list[str] = Field(default_factory=list, max_length=500)


@router.get("", summary="报警规则 / Alert rules")
async def list_rules(conn: Conn, principal: Annotated[Principal, requires("alerts.view")]) -> RuleList:
    """The versions in force; disabled ones too."""
    return RuleList(await read_rule_records(conn))


@dataclass(frozen=True, slots=True)
class LimitOut:
    """A number that may be set; both bounds belong to it. A name with a dot lies within ``pace``."""

    name: str
    label: str
    label_en: str
    unit: str
    lowest: float
    highest: float
    whole: bool
    default: float


@dataclass(frozen=True, slots=True)
class KindOut:
    """``zones``: needed, possible or none."""

    kind: str
    title: str
    title_en: str
    explanation: str
    explanation_en: str
    zones: str
    severity: str
    limits: list[LimitOut]


@dataclass(frozen=True, slots=True)
class KindList:
    kinds: list[KindOut]


@router.get("/kinds", summary="报警规则类别 / Kinds of alert rules")
async def list_kinds(principal: Annotated[Principal, requires("alerts.view")]) -> KindList:
    """What may be set of each kind, with bounds and usual values."""
    return KindList([_kind(info) for info in CATALOGUE.values()])


def _kind(info: KindInfo) -> KindOut:
    usual: dict[str, Any] = msgspec.to_builtins(RuleDefinition("x", info.kind, pace=info.pace))  # type: ignore[arg-type]
    limits = [
        LimitOut(
            *(
                limit.name,
                limit.label.zh,
                limit.label.en,
                limit.unit,
                limit.lowest,
                limit.highest,
                limit.whole,
            ),
            value_of(usual, limit),
        )
        for limit in (*info.limits, *(PACE if info.paced else ()))
    ]
    words = (info.title.zh, info.title.en, info.explanation.zh, info.explanation.en)
    return KindOut(info.kind, *words, info.zones, info.severity, limits)


@router.get("/{key}", summary="单条报警规则 / One rule")
async def get_rule(
    key: RuleKey, conn: Conn, principal: Annotated[Principal, requires("alerts.view")]
) -> RuleRecord:
    return await read_rule_record(conn, key)


@router.put("/{key}", summary="制定报警规则 / Define a rule")
async def put_rule(
    key: RuleKey,
    body: RuleIn,
    conn: Conn,
    audit: Audit,
    principal: Annotated[Principal, requires("rules.define")],
) -> RuleRecord:
    """A new version, in force within a second. A rule that is disabled closes its open alerts."""
    made = await write_rule(
        conn,
        key,
        body.definition,
        unit_kinds=list(body.unit_kinds),
        org_unit_ids=body.org_unit_ids,
        area_code=body.area_code,
        zone_codes=body.zone_codes,
        person_id=principal.person_id,
    )
    await audit(
        "alert_rule.define", "alert_rule", key, {"version": made.version, **body.model_dump(mode="json")}
    )
    return made
