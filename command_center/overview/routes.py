"""The figures above the wall, each within the reader's rights."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request

from command_center.problems import RESPONSES
from command_center.requests import Conn, requires
from gis_core.database import load_queries
from gis_core.identity.principal import Principal
from tracking.episodes import count_alerts
from tracking.tracks import FixTally, start_of_today
from tracking.units import GroupCount, count_units

QUERIES = load_queries("command_center.overview")

router = APIRouter(tags=["总览 Overview"], responses=RESPONSES)


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """``today``: opened since midnight in China."""

    open: int
    today: int


@dataclass(frozen=True, slots=True)
class Rates:
    fixes_per_s: float


@dataclass(frozen=True, slots=True)
class Overview:
    """Null where the reader lacks ``units.view`` or ``alerts.view``; fixes are the whole system's."""

    time: datetime
    inspectors: GroupCount | None
    vehicles: GroupCount | None
    alerts: AlertCounts | None
    components: int
    unit_grids: int
    fixes_today: int
    rates: Rates


@dataclass
class CityTally:
    """Counts of what seldom changes, a minute old at most, by scope."""

    TRUSTED_S = 60.0
    fixes: FixTally = field(default_factory=FixTally)
    _counts: dict[tuple[str, ...] | None, tuple[float, int, int]] = field(default_factory=dict)

    async def components_and_grids(self, conn: Conn, areas: list[str] | None) -> tuple[int, int]:
        scope = None if areas is None else tuple(areas)
        now = time.monotonic()
        kept = self._counts.get(scope)
        if kept is None or now - kept[0] > self.TRUSTED_S:
            row = (await conn.execute(QUERIES["city_counts"], {"areas": areas})).one()
            self._counts = {k: v for k, v in self._counts.items() if now - v[0] <= self.TRUSTED_S}
            kept = self._counts[scope] = (now, row.components, row.unit_grids)
        return kept[1], kept[2]


@router.get("/overview", summary="总览数字 / Figures above the wall")
async def get_overview(
    request: Request, conn: Conn, principal: Annotated[Principal, requires("map.view")]
) -> Overview:
    state: Any = request.app.state
    if not hasattr(state, "city_tally"):
        state.city_tally = CityTally()
    tally: CityTally = state.city_tally
    now = datetime.now(UTC)
    inspectors = vehicles = alerts = None
    if principal.may("units.view"):
        kinds = await count_units(conn, principal.scope_parameters("units.view"))
        inspectors = kinds.pop("inspector", GroupCount())
        vehicles = sum(kinds.values(), GroupCount())
    if principal.may("alerts.view"):
        scope = principal.scope_parameters("alerts.view")
        alerts = AlertCounts(*await count_alerts(conn, scope, start_of_today(now)))
    components, unit_grids = await tally.components_and_grids(conn, principal.area_patterns("map.view"))
    return Overview(
        time=now,
        inspectors=inspectors,
        vehicles=vehicles,
        alerts=alerts,
        components=components,
        unit_grids=unit_grids,
        fixes_today=await tally.fixes.today(conn, now),
        rates=Rates(round(request.app.state.live_hub.fixes_per_s, 1)),
    )
