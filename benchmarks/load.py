"""A publisher of QoS 1 messages that costs little: it writes MQTT 3.1.1 bytes itself.

It stands for many devices on one connection. What it counts as acknowledged is what the broker
answered with PUBACK; after a lost connection it sends the rest again, as devices do.
"""

import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from urllib.parse import unquote, urlsplit

Message = tuple[str, bytes]
"""Topic and payload."""

PUBLISH_QOS1, DUPLICATE, PUBACK, CONNACK = 0x32, 0x08, 0x40, 0x20
MAX_IDS = 60_000


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def remaining_length(count: int) -> bytes:
    """As MQTT writes it (2.2.3): seven bits a byte, the lowest first."""
    out = bytearray()
    while True:
        count, digit = divmod(count, 128)
        out.append(digit | (0x80 if count else 0))
        if not count:
            return bytes(out)


def publish_packet(packet_id: int, message: Message, *, duplicate: bool = False) -> bytes:
    topic, payload = message
    body = _text(topic) + struct.pack("!H", packet_id) + payload
    return bytes([PUBLISH_QOS1 | (DUPLICATE if duplicate else 0)]) + remaining_length(len(body)) + body


class Publisher:
    """Publishes a list of messages over one connection, in order, with bounded unanswered ones."""

    def __init__(self, url: str, client_id: str, *, window: int = 2_000) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 1883)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "")
        self._client_id = client_id
        self._window = window
        self._socket: socket.socket | None = None
        self._answers = bytearray()
        self.sent = 0
        self.resent = 0
        self.acknowledged: set[int] = set()
        """Numbers (places in the list) of messages the broker has answered for."""

    def connect(self) -> None:
        """Raises OSError when the broker is away or refuses."""
        self.close()
        connection = socket.create_connection(self._address, timeout=5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flags = 0x02 | (0xC0 if self._user is not None else 0)
        body = _text("MQTT") + bytes([4, flags]) + struct.pack("!H", 600) + _text(self._client_id)
        if self._user is not None:
            body += _text(self._user) + _text(self._password)
        connection.sendall(b"\x10" + remaining_length(len(body)) + body)
        answer = connection.recv(4)
        if len(answer) != 4 or answer[0] != CONNACK or answer[3] != 0:
            connection.close()
            raise ConnectionRefusedError(f"CONNACK {answer.hex()}")
        connection.setblocking(False)
        self._socket = connection
        self._answers.clear()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def publish(
        self,
        messages: Sequence[Message],
        *,
        per_second: float | None = None,
        until: Callable[[], bool] = lambda: False,
        patience_s: float = 60.0,
    ) -> None:
        """Send all and wait for the answers; ends early when ``until`` says so.

        Reconnects and sends the unanswered again for as long as ``patience_s`` after a loss.
        """
        following = 0
        unanswered: dict[int, int] = {}
        lost_since: float | None = None
        began = time.monotonic()
        while (following < len(messages) or unanswered) and not until():
            try:
                if self._socket is None:
                    self.connect()
                    lost_since = None
                    again = b"".join(
                        publish_packet(packet_id, messages[number], duplicate=True)
                        for packet_id, number in unanswered.items()
                    )
                    self.resent += len(unanswered)
                    self._send(again, unanswered)
                allowed = len(messages)
                if per_second is not None:
                    allowed = min(allowed, int((time.monotonic() - began) * per_second))
                chunk = bytearray()
                while following < allowed and len(unanswered) < self._window and len(chunk) < 65_536:
                    packet_id = following % MAX_IDS + 1
                    if packet_id in unanswered:
                        break
                    unanswered[packet_id] = following
                    chunk += publish_packet(packet_id, messages[following])
                    following += 1
                    self.sent += 1
                self._send(bytes(chunk), unanswered)
                full = len(unanswered) >= self._window or following >= len(messages)
                self._hear(unanswered, 0.05 if full else 0.002 if not chunk else 0.0)
            except OSError:
                self.close()
                lost_since = lost_since or time.monotonic()
                if time.monotonic() - lost_since > patience_s:
                    raise
                time.sleep(0.1)

    def _send(self, data: bytes, unanswered: dict[int, int]) -> None:
        assert self._socket is not None
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                self._hear(unanswered, 0.0)
                select.select([], [self._socket], [], 0.05)

    def _hear(self, unanswered: dict[int, int], wait_s: float) -> None:
        assert self._socket is not None
        if wait_s and not select.select([self._socket], [], [], wait_s)[0]:
            return
        try:
            heard = self._socket.recv(65_536)
        except BlockingIOError:
            return
        if not heard:
            raise ConnectionResetError("the broker closed the connection")
        self._answers += heard
        place = 0
        while len(self._answers) - place >= 2:
            size = 2 + self._answers[place + 1]
            if len(self._answers) - place < size:
                break
            if self._answers[place] == PUBACK:
                packet_id = (self._answers[place + 2] << 8) | self._answers[place + 3]
                number = unanswered.pop(packet_id, None)
                if number is not None:
                    self.acknowledged.add(number)
            place += size
        del self._answers[:place]
