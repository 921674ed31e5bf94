"""What the hub knows of the city, and how it learns it from the database."""

import time
from collections import Counter, deque
from datetime import UTC, datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.live.table import Step, UnitTable
from command_center.live.viewport import Reach
from tracking.episodes import AlertEvent, PlacedAlert, read_alert_events, read_alerts_by_id, read_open_alerts
from tracking.live import (
    OpenedCount,
    read_changes,
    read_directory_version,
    read_fixes_stored,
    read_hidden,
    read_last_event,
    read_live_units,
    read_on_duty,
    read_opened_since,
)
from tracking.tracks import start_of_today

EVENTS_AT_ONCE = 1_000
RATE_SPAN_S = 10.0


class CityState:
    """Units, open alerts and figures as last read; each method reads one thing anew.

    Use with a connection in autocommit, so that every statement has a snapshot of its own.
    """

    def __init__(self) -> None:
        self.table = UnitTable([])
        self.open_alerts: dict[int, PlacedAlert] = {}
        self.alert_seq = 0
        self.fixes_per_s = 0.0
        self._horizon = 0
        self._directory_version = ""
        self._on_duty = np.zeros(0, dtype=np.bool_)
        self._opened: list[OpenedCount] = []
        self._stored: deque[tuple[float, int]] = deque()

    async def read_all(self, conn: AsyncConnection) -> None:
        """Everything, from the beginning. Events come first: what happens meanwhile is read again."""
        self.alert_seq = await read_last_event(conn)
        self.open_alerts = {placed.alert.id: placed for placed in await read_open_alerts(conn)}
        self._directory_version = await read_directory_version(conn)
        await self._read_table(conn)
        self._stored.clear()
        await self.read_figures(conn)

    async def _read_table(self, conn: AsyncConnection) -> None:
        self.table = UnitTable(await read_live_units(conn))
        self._horizon = 0
        await self._read_duty(conn)
        await self.step(conn)

    async def step(self, conn: AsyncConnection) -> Step:
        """Bring the units up to now."""
        changes = await read_changes(conn, self._horizon)
        self._horizon = changes.horizon
        in_alert = Counter(placed.alert.device_id for placed in self.open_alerts.values())
        return self.table.advance(changes.states, time.time(), in_alert.keys())

    async def read_directory(self, conn: AsyncConnection) -> bool:
        """Whether units came, went or are to be shown otherwise; then the table is a new one."""
        version = await read_directory_version(conn)
        changed = version != self._directory_version
        if changed:
            self._directory_version = version
            await self._read_table(conn)
        else:
            await self._read_duty(conn)
        return changed

    async def _read_duty(self, conn: AsyncConnection) -> None:
        self._on_duty = np.zeros(len(self.table.id), dtype=np.bool_)
        self._on_duty[self.table.rows_of(await read_on_duty(conn))] = True
        self.table.hide(await read_hidden(conn))

    async def read_events(self, conn: AsyncConnection) -> list[tuple[AlertEvent, PlacedAlert]]:
        """Alert news since the last call, in order, each with the alert as it is now."""
        events = await read_alert_events(conn, self.alert_seq, limit=EVENTS_AT_ONCE)
        if not events:
            return []
        alerts = await read_alerts_by_id(conn, sorted({event.alert_id for event in events}))
        for alert_id, placed in alerts.items():
            if placed.alert.closed_at is None:
                self.open_alerts[alert_id] = placed
            else:
                self.open_alerts.pop(alert_id, None)
        self.alert_seq = events[-1].seq
        return [(event, alerts[event.alert_id]) for event in events if event.alert_id in alerts]

    async def read_figures(self, conn: AsyncConnection) -> None:
        """Alerts of today, and the rate of fixes over the last ten seconds."""
        self._opened = await read_opened_since(conn, start_of_today(datetime.now(UTC)))
        self._stored.append((time.monotonic(), await read_fixes_stored(conn)))
        while len(self._stored) > 2 and self._stored[-1][0] - self._stored[0][0] > RATE_SPAN_S:
            self._stored.popleft()
        (began, first), (ended, last) = self._stored[0], self._stored[-1]
        self.fixes_per_s = max(0, last - first) / (ended - began) if ended > began else 0.0

    def count(self, units: Reach, alerts: Reach) -> dict[str, object]:
        """The figures above the wall for somebody's areas and departments."""
        inspectors, vehicles = self.table.count(units, self._on_duty)
        return {
            "inspectors": inspectors,
            "vehicles": vehicles,
            "alerts": {
                "open": sum(
                    alerts.covers(placed.alert.area_code, placed.org_unit_id)
                    for placed in self.open_alerts.values()
                ),
                "today": sum(
                    counted.opened
                    for counted in self._opened
                    if alerts.covers(counted.area_code, counted.org_unit_id)
                ),
            },
            "fixes_per_s": round(self.fixes_per_s, 1),
        }
