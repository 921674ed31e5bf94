"""What waits to be sent to one client: bounded, newest positions only, every alert in order."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec

MAX_ALERTS = 500
"""More unsent alerts than this, and the client is told to start afresh."""


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """An alert's news, encoded once for all who get it."""

    seq: int
    text: str


@dataclass(slots=True)
class Outbox:
    """Filled by the hub, emptied by the client's own sender; neither waits for the other.

    There is room for one frame. If it is still there when the next one is due, the client is slow:
    the hub puts a full frame in its place, so nothing is lost and nothing piles up.
    """

    _alerts: deque[AlertMessage] = field(default_factory=deque)
    _frame: bytes | None = None
    _latest: dict[str, str] = field(default_factory=dict)
    _changed_layers: dict[str, str] = field(default_factory=dict)
    _replies: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    overflowed: bool = False

    @property
    def holds_frame(self) -> bool:
        return self._frame is not None

    def put_frame(self, frame: bytes) -> None:
        """Replaces a frame that was not yet sent."""
        self._frame = frame
        self._ready.set()

    def put_alert(self, message: AlertMessage) -> None:
        if len(self._alerts) >= MAX_ALERTS:
            self.overflow()
            return
        self._alerts.append(message)
        self._ready.set()

    def put_latest(self, kind: str, text: str) -> None:
        """A message of which only the newest of its kind matters."""
        self._latest[kind] = text
        self._ready.set()

    def put_layers(self, versions: dict[str, str]) -> None:
        """Layers whose data changed; those of several changes are told together."""
        self._changed_layers |= versions
        self._ready.set()

    def put_reply(self, text: str) -> None:
        """An answer to the client itself; one that floods us with questions misses some."""
        self._replies.append(text)
        self._ready.set()

    def overflow(self) -> None:
        """The client is too far behind: it gets ``reset`` and is closed."""
        self.overflowed = True
        self._alerts.clear()
        self._frame = None
        self._ready.set()

    async def drain(self) -> list[str | bytes]:
        """Wait until there is something to send, and take it."""
        await self._ready.wait()
        self._ready.clear()
        batch: list[str | bytes] = [*self._replies, *(message.text for message in self._alerts)]
        if self._changed_layers:
            batch.append(encode({"type": "layers_changed", "layers": self._changed_layers}))
        batch += self._latest.values()
        if self._frame is not None:
            batch.append(self._frame)
        self._replies.clear()
        self._alerts.clear()
        self._latest.clear()
        self._changed_layers, self._frame = {}, None
        return batch


def encode(message: dict[str, Any]) -> str:
    """JSON text; datetimes as ISO 8601 with zone, dataclasses as objects."""
    return msgspec.json.encode(message).decode()
