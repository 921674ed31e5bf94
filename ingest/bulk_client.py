"""The MQTT client, reading and writing many packets at once.

paho asks the socket for each part of each packet and lets go of the interpreter's lock each time; beside a
thread that computes it then waits for the lock, up to 5 ms each. And it sends every acknowledgement by
itself. Here what one read brought is taken apart in one go, and acknowledgements go out together. All else
of MQTT 3.1.1 (the section numbers below) is left to paho.
"""

import time
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

READ_BYTES = 262_144
_PUBACK = Struct("!BBH").pack
PUBLISH, DUPLICATE, QOS, QOS_1, RETAIN = 0x30, 0x08, 0x06, 0x02, 0x01


class Published(NamedTuple):
    """A message at QoS 0 or 1. ``delivery``: its packet identifier; 0 at QoS 0."""

    topic: str
    payload: bytes
    delivery: int
    retained: bool
    duplicate: bool


class BulkClient(Client):
    """paho's client, and besides ``read_published`` and ``acknowledge`` for who drives it from one thread.

    Overrides the two methods through which all of paho's reading and writing goes; driven by
    ``loop_start`` it does as paho does.
    """

    _read = b""
    _read_from = 0
    _drained = True
    _unsent = b""

    def reconnect(self) -> MQTTErrorCode:
        """As in paho; what was left of the connection before belongs to nobody."""
        self._read, self._read_from, self._drained = b"", 0, True
        self._unsent = b""
        return super().reconnect()

    @property
    def drained(self) -> bool:
        """Whether the last read brought all there was: ``select`` does not see what was decrypted."""
        return self._drained

    def read_published(self) -> list[Published]:
        """One read: the messages in it; other packets are handled. Empty when there was nothing to read, or
        the connection is lost (then ``socket()`` is None)."""
        if not self._receive():
            # paho reads the same end, or error, and does what is to be done.
            self.loop_read()
            return []
        found: list[Published] = []
        while (size := self._size_of_next()) is not None:
            begin = self._read_from
            message = _published(self._read, begin, *size)
            if message is not None:
                self._read_from = begin + sum(size)
                found.append(message)
            elif self.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        return found

    def _receive(self) -> bool:
        """Whether the connection lives. A part of a packet waits for its rest."""
        try:
            more = super()._sock_recv(READ_BYTES)
        except BlockingIOError:
            self._drained = True
            return True
        except OSError:
            return False
        if not more:
            return False
        self._drained = len(more) < READ_BYTES and not hasattr(self.socket(), "pending")
        self._read, self._read_from = self._read[self._read_from :] + more, 0
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        return True

    def _size_of_next(self) -> tuple[int, int] | None:
        """Bytes of the next packet's fixed header and of its rest (2.2.3); None: not all is here."""
        data, begin = self._read, self._read_from
        size, shift, place = 0, 0, begin + 1
        while place < len(data):
            size |= (data[place] & 0x7F) << shift
            place += 1
            if data[place - 1] < 0x80 or shift == 21:
                return (place - begin, size) if len(data) - place >= size else None
            shift += 7
        return None

    def acknowledge(self, deliveries: Iterable[int]) -> None:
        """PUBACK (3.4) for each, sent together."""
        self._unsent += b"".join(_PUBACK(0x40, 2, delivery) for delivery in deliveries)
        self.loop_write()

    def want_write(self) -> bool:
        """As in paho."""
        return bool(self._unsent) or super().want_write()

    def loop_write(self) -> MQTTErrorCode:
        """As in paho, the acknowledgements that wait first."""
        if self._unsent and self.socket() is not None:
            try:
                self._unsent = self._unsent[super()._sock_send(self._unsent) :]
            except BlockingIOError:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            except OSError:
                self._unsent = b""  # the connection is lost, as the next read finds
        return super().loop_write()

    def _sock_recv(self, bufsize: int) -> bytes:
        begin = self._read_from
        if begin >= len(self._read):
            return super()._sock_recv(bufsize)
        self._read_from = min(begin + bufsize, len(self._read))
        return self._read[begin : self._read_from]

    def _sock_send(self, buf: bytes | bytearray) -> int:
        if not self._unsent:
            return super()._sock_send(buf)
        self._unsent += bytes(buf)
        return len(buf)


def _published(data: bytes, begin: int, header: int, size: int) -> Published | None:
    """The PUBLISH packet (3.3) at a place; None where there is another one, or none that can be read: paho
    knows what is to be done then."""
    first, topic, end = data[begin], begin + header + 2, begin + header + size
    if first & 0xF0 != PUBLISH or first & QOS > QOS_1 or topic > end:
        return None
    place = topic + (data[topic - 2] << 8 | data[topic - 1])
    name = data[topic:place].decode("utf-8", "backslashreplace")
    delivery = 0
    if first & QOS:
        place += 2
        if place <= end:
            delivery = data[place - 2] << 8 | data[place - 1]
    if place > end:
        return None
    return Published(name, data[place:end], delivery, bool(first & RETAIN), bool(first & DUPLICATE))
