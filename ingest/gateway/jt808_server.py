"""JT/T 808 over TCP: one small object a connection, bounded in bytes, frames, time and rate."""

import asyncio
import json
from collections import deque
from typing import cast

import structlog

from ingest.gateway.door import Door
from ingest.gateway.guests import Guests
from ingest.gateway.terminal import Action, Answered, Close, Send, Store, Terminal
from ingest.jt808.framing import Deframer, TooLong

RETRY_S = 1.0
"""A message that could not be handed to the broker is not answered; reading pauses so long."""
MOST_UNSENT = 65_536
"""Bytes that a terminal does not take from us; it is then closed: it reads too slowly."""
MOST_COMMANDS = 100
"""Commands of one connection that wait for their answer."""

_log = structlog.get_logger(__name__)


class Connection(asyncio.Protocol):
    """Reads frames, does what the terminal's state machine says."""

    __slots__ = (
        *("_door", "_terminal", "_deframer", "_transport", "_in_flight", "_paused", "_commands"),
        *("_tokens", "_counted_at", "_began_half", "_heard", "_born", "_peer", "_waiting", "_guests"),
        *("_inside", "_known"),
    )

    def __init__(self, door: Door, guests: Guests) -> None:
        self._door = door
        self._guests = guests
        self._inside = self._known = False
        self._terminal = Terminal(lambda: door.roll, bad_frames=door.settings.bad_frames)
        self._deframer = Deframer()
        self._transport: asyncio.Transport | None = None
        self._in_flight = 0
        self._paused = False
        self._commands: dict[int, str] = {}
        self._waiting: deque[bytes | TooLong] = deque()
        loop = asyncio.get_running_loop()
        self._tokens = float(door.settings.burst_frames)
        self._counted_at = self._heard = self._born = loop.time()
        self._began_half: float | None = None
        self._peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = str((transport.get_extra_info("peername") or ("?",))[0])
        self._inside = self._guests.enter(self._peer)
        if not self._inside:
            self._door.counted["jt808 turned away, too many from its address"] += 1
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=MOST_UNSENT // 2)
        self._door.counted["jt808 connections"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._inside:
            self._inside = False
            self._guests.leave(self._peer, known=self._known)
        device = self._terminal.device
        if device is not None and self._door.terminals.get(device.key) is self:
            del self._door.terminals[device.key]

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        self._waiting += self._deframer.feed(data)
        self._began_half = (self._began_half or self._heard) if self._deframer.half else None
        self._work()

    def pause_writing(self) -> None:
        self._end("does not read its answers")

    def overdue(self, now: float) -> str | None:
        """Why the connection should end now; None while all is well."""
        settings = self._door.settings
        if self._terminal.device is None and now - self._born > settings.login_within_s:
            return "not authenticated in time"
        if now - self._heard > settings.idle_s:
            return "silent"
        if self._began_half is not None and now - self._began_half > settings.half_frame_s:
            return "half a frame"
        return None

    def end(self, reason: str) -> None:
        self._end(reason)

    def command(self, command_id: str, kind: str, words: str) -> None:
        """Raises ValueError for what cannot be sent."""
        if self._transport is None or len(self._commands) >= MOST_COMMANDS:
            raise ValueError("the terminal is gone, or does not answer its commands")
        serial, frame = self._terminal.command(kind, words)
        self._commands[serial] = command_id
        self._transport.write(frame)

    def _work(self) -> None:
        """Take waiting frames as far as rate and broker allow; go on later with the rest."""
        while self._waiting and self._transport is not None:
            if not self._may_go_on():
                self._pause(1 / self._door.settings.frames_per_s)
                return
            for action in self._terminal.receive(self._waiting.popleft()):
                self._do(action)
        if self._paused and not self._waiting and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def _may_go_on(self) -> bool:
        settings = self._door.settings
        now = asyncio.get_running_loop().time()
        earned = self._tokens + (now - self._counted_at) * settings.frames_per_s
        self._tokens, self._counted_at = min(earned, settings.burst_frames), now
        if self._tokens < 1 or self._in_flight >= settings.in_flight or self._door.crowded:
            return False
        self._tokens -= 1
        return True

    def _pause(self, seconds: float) -> None:
        if self._transport is None:
            return
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()
        asyncio.get_running_loop().call_later(max(seconds, 0.02), self._work)

    def _do(self, action: Action) -> None:
        match action:
            case Send(frame):
                self._write(frame)
            case Store(frames, answer):
                self._store(frames, answer)
            case Answered(serial, done, result):
                command_id = self._commands.pop(serial, None)
                if command_id is not None and self._terminal.device is not None:
                    told = {"id": command_id, "ok": done, "result": result}
                    self._door.link.send(
                        f"wanmi/v1/{self._terminal.device.key}/command/ack", json.dumps(told).encode()
                    )
            case Close(reason):
                self._end(reason)
        device = self._terminal.device
        if device is not None and self._transport is not None:
            self._door.terminals[device.key] = self
            if self._inside and not self._known:
                self._known = True
                self._guests.known(self._peer)

    def _store(self, frames: bytes, answer: bytes | None) -> None:
        device = self._terminal.device
        if device is None:
            return

        def stored() -> None:
            self._in_flight -= 1
            if answer is not None:
                self._write(answer)

        if self._door.link.publish(f"wanmi/v1/{device.key}/raw/jt808", frames, stored):
            self._in_flight += 1
        else:
            self._door.counted["jt808 not stored"] += 1
            self._tokens = -RETRY_S * self._door.settings.frames_per_s

    def _write(self, frame: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    def _end(self, reason: str) -> None:
        if self._transport is None:
            return
        device = self._terminal.device
        _log.info(
            "terminal_closed",
            reason=reason,
            peer=self._peer,
            device=device.key if device else None,
            counted=dict(self._terminal.counted),
        )
        self._door.counted[f"jt808 closed {reason}"] += 1
        self._waiting.clear()
        if self._transport.get_write_buffer_size() > MOST_UNSENT // 2:
            self._transport.abort()
        else:
            self._transport.close()


class Jt808Server:
    """All connections; ``sweep`` is to be called every few seconds."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._connections: set[Connection] = set()
        settings = door.settings
        self._guests = Guests(
            of_an_address=settings.connections_of_address, strangers=settings.strangers_of_address
        )
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; the port."""
        settings = self._door.settings
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._accept, settings.host, settings.jt808_port, backlog=4_096
        )
        return int(self._server.sockets[0].getsockname()[1])

    def _accept(self) -> asyncio.Protocol:
        if len(self._connections) >= self._door.settings.connections:
            self._door.counted["jt808 turned away"] += 1
            return Refusal()
        connection = _Counted(self._door, self._guests, self._connections)
        self._connections.add(connection)
        return connection

    def __len__(self) -> int:
        return len(self._connections)

    def sweep(self) -> None:
        """End what is overdue."""
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            reason = connection.overdue(now)
            if reason is not None:
                connection.end(reason)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.end("the gateway stops")


class _Counted(Connection):
    """Leaves the set of connections when it is lost."""

    __slots__ = ("_all",)

    def __init__(self, door: Door, guests: Guests, connections: set[Connection]) -> None:
        super().__init__(door, guests)
        self._all = connections

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)
        super().connection_lost(exc)


class Refusal(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
