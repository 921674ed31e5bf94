"""Alert rules as staff read and change them; each change is a new version."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import BadInput, NotFound
from tracking.rules.catalogue import check_limits
from tracking.rules.definitions import RuleDefinition
from tracking.rules.live import live_kinds
from tracking.rules.loading import NEEDS_ZONES

QUERIES = load_queries("tracking.rules", "rules.sql")


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """A version in force. Empty lists and null: all unit kinds, departments, areas. ``zone_codes``:
    codes of the zones, areas or routes it is about; ``definition``: kind, limits, schedule, hysteresis."""

    key: str
    version: int
    unit_kinds: list[str]
    org_unit_ids: list[int]
    area_code: str | None
    zone_codes: list[str]
    definition: dict[str, Any]
    changed_by: str | None
    changed_at: datetime


async def read_rule_records(conn: AsyncConnection, key: str | None = None) -> list[RuleRecord]:
    return [RuleRecord(**row) for row in (await conn.execute(QUERIES["rules"], {"key": key})).mappings()]


async def write_rule(
    conn: AsyncConnection,
    key: str,
    definition: dict[str, Any],
    *,
    unit_kinds: list[str],
    org_unit_ids: list[int],
    area_code: str | None,
    zone_codes: list[str],
    person_id: int | None,
) -> RuleRecord:
    """A new version of a rule, in force with the commit. Raises BadInput."""
    try:
        rule = msgspec.convert({**definition, "key": key}, RuleDefinition)
    except msgspec.ValidationError as error:
        raise BadInput(field="definition", reason_zh=f"规则无效：{error}", reason=str(error)) from error
    if key == "sos":
        raise BadInput(field="key", reason_zh="sos 为内置报警", reason="sos is built in")
    if rule.kind not in live_kinds() or rule.geometry is not None:
        kinds = ", ".join(sorted(live_kinds()))
        raise BadInput(
            field="definition",
            reason_zh=f"kind 须为 {kinds}，且不含 geometry（用 zone_codes）",
            reason=f"kind must be one of {kinds}, without geometry (use zone_codes)",
        )
    check_limits(rule)
    if rule.kind in NEEDS_ZONES and not zone_codes:
        raise BadInput(field="zone_codes", reason_zh="此类规则须指明区域", reason="this kind needs zones")
    unknown = list((await conn.execute(QUERIES["unknown_zones"], {"codes": zone_codes})).scalars())
    if unknown:
        told = ", ".join(unknown)
        raise BadInput(field="zone_codes", reason_zh=f"没有代码 {told}", reason=f"there is no {told}")
    await conn.execute(QUERIES["lock_rules"])
    await conn.execute(QUERIES["retire_rule"], {"key": key})
    await conn.execute(
        QUERIES["add_rule"],
        {
            "key": key,
            "unit_kinds": unit_kinds,
            "org_unit_ids": org_unit_ids,
            "area_code": area_code,
            "zone_codes": zone_codes,
            "definition": msgspec.json.encode(rule).decode(),
            "person_id": person_id,
        },
    )
    if not rule.enabled:
        await conn.execute(QUERIES["end_episodes"], {"key": key})
    return (await read_rule_records(conn, key))[0]


async def read_rule_record(conn: AsyncConnection, key: str) -> RuleRecord:
    """Raises NotFound."""
    found = await read_rule_records(conn, key)
    if not found:
        raise NotFound(key=key, kind="rule", kind_zh="报警规则")
    return found[0]
