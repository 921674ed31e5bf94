"""NMEA 0183 over TCP: a line ``KEY TOKEN``, then sentences as the receiver sends them."""

import asyncio
from collections import deque
from typing import cast

import structlog

from ingest import nmea
from ingest.gateway.door import Door
from ingest.gateway.guests import Guests
from ingest.gateway.jt808_server import Refusal
from ingest.gateway.roll import Known
from ingest.nmea.scanner import Refused

LONGEST_LOGIN = 200
EPOCH_PAUSE_S = 0.5
"""A receiver that was silent so long has said all of its epoch."""
LONGEST_MESSAGE = 65_536
RETRY_S = 0.1
"""What the broker cannot take now is tried again so soon; until then nothing more is read."""

_log = structlog.get_logger(__name__)


class NmeaConnection(asyncio.Protocol):
    """Publishes each epoch's sentences as one message. The protocol has no answers but the login's."""

    def __init__(self, door: Door, guests: Guests, connections: set["NmeaConnection"]) -> None:
        self._door = door
        self._guests = guests
        self._inside = False
        self._address = ""
        self._retry: asyncio.TimerHandle | None = None
        self._all = connections
        self._login = b""
        self._device: Known | None = None
        self._stream = nmea.Stream(allow_missing_checksum=True)
        self._transport: asyncio.Transport | None = None
        self._in_flight = 0
        self._waiting: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._heard = self._born = asyncio.get_running_loop().time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._address = str((transport.get_extra_info("peername") or ("?",))[0])
        self._inside = self._guests.enter(self._address)
        if not self._inside:
            self._door.counted["nmea turned away, too many from its address"] += 1
            self._transport.abort()
            return
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._all.discard(self)
        if self._inside:
            self._inside = False
            self._guests.leave(self._address, known=self._device is not None)
        self._end_epoch()

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._heard = loop.time()
        if self._device is None:
            self._login += data
            line, found, data = self._login.partition(b"\n")
            if not found:
                if len(self._login) > LONGEST_LOGIN:
                    self.end("no login")
                return
            self._login = b""
            if not self._log_in(line):
                self.end("login refused")
                return
        for one in self._stream.feed(data):
            self._publish(one.raw if isinstance(one, Refused) else b"\r\n".join(s.raw for s in one.sentences))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(EPOCH_PAUSE_S, self._end_epoch)

    def overdue(self, now: float) -> str | None:
        """Why the connection should end now; None while all is well."""
        settings = self._door.settings
        if self._device is None and now - self._born > settings.login_within_s:
            return "no login in time"
        if self._device is not None and self._door.roll.by_key.get(self._device.key) != self._device:
            return "its device was changed"
        return "silent" if now - self._heard > settings.idle_s else None

    def end(self, reason: str) -> None:
        if self._transport is not None:
            key = self._device.key if self._device else None
            _log.info("nmea_closed", reason=reason, device=key)
            self._transport.close()

    def _log_in(self, line: bytes) -> bool:
        key, _, token = line.decode("latin-1").strip().partition(" ")
        device = self._door.roll.by_key.get(key)
        right = self._door.roll.token_is_right(device, token.strip())
        if self._transport is not None:
            self._transport.write(b"OK\r\n" if right else b"REFUSED\r\n")
        self._device = device if right else None
        if right and self._inside:
            self._guests.known(self._address)
        return right

    def _end_epoch(self) -> None:
        for epoch in self._stream.pause():
            self._publish(b"\r\n".join(sentence.raw for sentence in epoch.sentences))

    def _publish(self, sentences: bytes) -> None:
        if self._device is None or len(sentences) > LONGEST_MESSAGE:
            return
        self._waiting.append(sentences)
        self._send_waiting()

    def _send_waiting(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._device is None:
            return
        settings = self._door.settings
        while self._waiting and self._in_flight < settings.in_flight and not self._door.crowded:
            topic = f"wanmi/v1/{self._device.key}/nmea"
            if not self._door.link.publish(topic, self._waiting[0] + b"\r\n", self._stored):
                break
            self._waiting.popleft()
            self._in_flight += 1
        if self._transport is not None and not self._transport.is_closing():
            if self._waiting:
                self._transport.pause_reading()
                self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._send_waiting)
            else:
                self._transport.resume_reading()

    def _stored(self) -> None:
        self._in_flight -= 1


class NmeaServer:
    """All connections; ``sweep`` is to be called every few seconds."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._connections: set[NmeaConnection] = set()
        settings = door.settings
        self._guests = Guests(
            of_an_address=settings.connections_of_address, strangers=settings.strangers_of_address
        )
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; the port."""
        settings = self._door.settings
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, settings.host, settings.nmea_port)
        return int(self._server.sockets[0].getsockname()[1])

    def _accept(self) -> asyncio.Protocol:
        if len(self._connections) >= self._door.settings.connections:
            return Refusal()
        return NmeaConnection(self._door, self._guests, self._connections)

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
