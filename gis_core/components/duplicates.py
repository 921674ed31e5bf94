"""Likely duplicates: pairs of one class that stand too close together, and what staff decide about them.

A decision keeps the pair from being reported again. It is a row that keeps history, made in the same
transaction as the merge: undoing that one edit takes both back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.area_codes import area_prefix
from gis_core.components.errors import AlreadyDecided, NotDuplicates, Retired
from gis_core.components.records import change_component, retire_component
from gis_core.database import load_queries
from gis_core.errors import NotFound
from gis_core.identity.principal import Principal

_SQL = load_queries("gis_core.components")
LOOK = 10_000
"""Components that one look for duplicates takes."""
FAR_M = 50.0
"""Two components further apart than this are not called duplicates."""
Decision = Literal["both", "merged"]
_TAKEN_OVER = ("authority", "owner", "maintainer", "address", "accuracy_class", "note")


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two components of one class that stand closer together than two such things do; ``id`` is the older."""

    id: int
    code: str
    other_id: int
    other_code: str
    class_code: str
    class_name: str
    class_name_en: str | None
    name: str
    other_name: str
    state: str
    other_state: str
    area_code: str
    source: str
    other_source: str
    metres: float
    lon: float
    lat: float
    other_lon: float
    other_lat: float


@dataclass(frozen=True, slots=True)
class DuplicateDecision:
    """``edit_id``: the change set that undoes it; None where it is older than the history."""

    id: int
    component_id: int
    code: str
    other_id: int
    other_code: str
    class_code: str
    name: str
    decision: Decision
    kept_id: int | None
    metres: float
    area_code: str
    reason: str
    person: str | None
    decided_at: datetime
    edit_id: int | None


async def find_duplicates(
    conn: AsyncConnection,
    *,
    tolerance_m: float,
    limit: int,
    areas: Sequence[str] | None = None,
    area_code: str | None = None,
    class_code: str | None = None,
    after: int = 0,
) -> tuple[list[DuplicatePair], int | None]:
    """Undecided pairs by the id of the older one, from the one above ``after`` on, and where to go on (None:
    all were looked at). One look takes ``LOOK`` components, so that it answers in time; it may find none."""
    values: dict[str, Any] = {
        "areas": areas,
        "area": None if area_code is None else area_prefix(area_code) + "%",
        "class_code": class_code,
        "after": after,
    }
    await conn.execute(_SQL["plan_each_time"])
    looked = (await conn.execute(_SQL["looked_at"], {**values, "look": LOOK})).mappings().one()
    if not looked["n"]:
        return [], None
    values |= {"tolerance_m": tolerance_m, "max_rows": limit + 1, "upto": looked["upto"]}
    rows = (await conn.execute(_SQL["duplicates"], values)).mappings()
    pairs = [DuplicatePair(**row) for row in rows]
    if len(pairs) <= limit:
        return pairs, looked["upto"] if looked["n"] == LOOK else None
    # The last one's pairs may go on behind the limit: leave it to the next page, unless it is alone.
    whole = [pair for pair in pairs if pair.id != pairs[-1].id] or pairs
    return whole, whole[-1].id


async def read_decisions(
    conn: AsyncConnection, *, areas: Sequence[str] | None, before: int | None, max_rows: int
) -> list[DuplicateDecision]:
    """Newest first."""
    values = {"areas": areas, "before": before, "max_rows": max_rows}
    return [DuplicateDecision(**row) for row in (await conn.execute(_SQL["decisions"], values)).mappings()]


async def lock_pair(conn: AsyncConnection, one: int, other: int) -> Mapping[str, Any]:
    """The two, older first, locked, with their distance and areas.

    Raises NotFound, NotDuplicates for two that are no pair, Retired, AlreadyDecided.
    """
    first, second = sorted((one, other))
    found = {
        row["id"]: row for row in (await conn.execute(_SQL["lock_pair"], {"ids": [first, second]})).mappings()
    }
    for component_id in (first, second):
        if component_id not in found:
            raise NotFound(key=component_id, kind="component", kind_zh="部件")
    a, b = found[first], found[second]
    metres = float(await conn.scalar(_SQL["pair_metres"], {"one": first, "other": second}) or 0.0)
    same = (a["edition"], a["class_code"]) == (b["edition"], b["class_code"])
    if first == second or not same or metres > FAR_M:
        raise NotDuplicates(code=a["code"], other=b["code"])
    for row in (a, b):
        if row["state"] == "abandoned":
            raise Retired(code=row["code"])
    if await conn.scalar(_SQL["decided"], {"one": first, "other": second}):
        raise AlreadyDecided(code=a["code"], other=b["code"])
    return {"a": a, "b": b, "metres": metres}


async def decide(
    conn: AsyncConnection,
    principal: Principal,
    pair: Mapping[str, Any],
    *,
    keep_id: int | None,
    reason: str,
    on: date,
) -> int:
    """Record what a locked pair is: two things (``keep_id`` None), or one, of which ``keep_id`` goes on.

    The one kept takes over what it lacks of the other's owner, maintainer, address and so on; the other
    is retired, so its code never comes back. The decision's id.
    """
    a, b = pair["a"], pair["b"]
    if keep_id is not None:
        kept, gone = (a, b) if keep_id == a["id"] else (b, a)
        taken = {name: gone[name] for name in _TAKEN_OVER if kept[name] is None and gone[name] is not None}
        attributes = {**gone["attributes"], **kept["attributes"]}
        merged = [*kept["attributes"].get("merged_codes", []), gone["code"]]
        await change_component(
            conn, kept["id"], {**taken, "attributes": {**attributes, "merged_codes": merged}}, on
        )
        await retire_component(conn, gone["id"], on)
    values = {
        "component_id": a["id"],
        "other_id": b["id"],
        "decision": "both" if keep_id is None else "merged",
        "kept_id": keep_id,
        "metres": pair["metres"],
        "area_code": a["area_code"],
        "reason": reason,
        "person_id": principal.person_id,
    }
    return int(await conn.scalar(_SQL["add_decision"], values) or 0)
