"""The clients of one hub, and which of them gets what."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from command_center.live.frames import encode_frame
from command_center.live.outbox import AlertMessage, Outbox, encode
from command_center.live.table import Step, UnitTable
from command_center.live.viewport import Reach, Viewport
from tracking.episodes import AlertEventKind, PlacedAlert

FULL_EVERY_S = 30.0
REMEMBERED_EVENTS = 2_000
"""Alert news kept for clients that come back."""


@dataclass(eq=False, slots=True)
class Client:
    """One open socket: whose it is, what it looks at, what waits for it."""

    person_id: int
    units: Reach
    alerts: Reach
    """No pairs: without ``alerts.view``."""
    outbox: Outbox = field(default_factory=Outbox)
    view: Viewport | None = None
    full_at: float = 0.0
    """When (event loop time) the next full frame is due."""
    recheck: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the person's session or rights may have changed."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One remembered piece of alert news."""

    seq: int
    placed: PlacedAlert
    message: AlertMessage


class Clients:
    """Delivers frames and news; a tick costs one encoding for each distinct view and reach."""

    def __init__(self) -> None:
        self.all: set[Client] = set()
        self._past: deque[Happened] = deque(maxlen=REMEMBERED_EVENTS)
        self._forgotten_up_to = 0

    def begin_history(self, seq: int) -> None:
        """Remember from news ``seq`` on; what was before cannot be told any more."""
        self._past.clear()
        self._forgotten_up_to = seq

    def deliver_frames(self, table: UnitTable, step: Step, seq: int, now: float) -> None:
        """One frame to each client with a viewport: a delta, or all where that is due or safer."""
        deltas: dict[tuple[Reach, Viewport], bytes] = {}
        fulls: dict[tuple[Reach, Viewport], bytes] = {}
        for client in self.all:
            view = client.view
            if view is None:
                continue
            key = (client.units, view)
            if now >= client.full_at or client.outbox.holds_frame:
                if key not in fulls:
                    fulls[key] = encode_frame(table.full(*key, seq))
                client.outbox.put_frame(fulls[key])
                client.full_at = now + FULL_EVERY_S
            else:
                if key not in deltas:
                    deltas[key] = encode_frame(table.delta(step, *key, seq))
                client.outbox.put_frame(deltas[key])

    def deliver_full(self, client: Client, table: UnitTable, seq: int, now: float) -> None:
        """A full frame at once, as the table stood at the last tick."""
        if client.view is not None:
            client.outbox.put_frame(encode_frame(table.full(client.units, client.view, seq)))
            client.full_at = now + FULL_EVERY_S

    def deliver_alert(self, seq: int, event: AlertEventKind, placed: PlacedAlert) -> None:
        text = encode({"type": "alert", "seq": seq, "event": event, "alert": placed.alert})
        happened = Happened(seq, placed, AlertMessage(seq, text))
        if len(self._past) == self._past.maxlen:
            self._forgotten_up_to = self._past[0].seq
        self._past.append(happened)
        for client in self.all:
            if sees(client, placed):
                client.outbox.put_alert(happened.message)

    def resume(self, client: Client, after: int, last: int) -> None:
        """News after number ``after`` again; ``reset`` when that is not known any more."""
        if not self._forgotten_up_to <= after <= last:
            client.outbox.put_reply(encode({"type": "reset"}))
            return
        for happened in self._past:
            if happened.seq > after and sees(client, happened.placed):
                client.outbox.put_alert(happened.message)

    def welcome(self, client: Client, seq: int, open_alerts: Iterable[PlacedAlert]) -> None:
        message = {
            "type": "welcome",
            "protocol": 1,
            "time": datetime.now(UTC),
            "alert_seq": seq,
            "alerts": [placed.alert for placed in open_alerts if sees(client, placed)],
        }
        client.outbox.put_reply(encode(message))

    def tell_all(self, kind: str, **members: object) -> None:
        text = encode({"type": kind, **members})
        for client in self.all:
            client.outbox.put_latest(kind, text)

    def tell_counts(self, count: Callable[[Reach, Reach], dict[str, object]]) -> None:
        """The figures of each distinct reach, counted and encoded once."""
        texts: dict[tuple[Reach, Reach], str] = {}
        for client in self.all:
            key = (client.units, client.alerts)
            if key not in texts:
                texts[key] = encode({"type": "counts", **count(*key)})
            client.outbox.put_latest("counts", texts[key])


def sees(client: Client, placed: PlacedAlert) -> bool:
    return client.alerts.covers(placed.alert.area_code, placed.org_unit_id)
