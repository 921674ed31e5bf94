"""Messages of the platform to terminals, as frames ready to send (JT/T 808-2019, 8.2-8.41)."""

from collections.abc import Iterator
from datetime import UTC, datetime

from ingest.jt808 import framing
from ingest.jt808 import header as headers
from ingest.jt808.header import Header

OK, FAILED, BAD_MESSAGE, UNSUPPORTED = range(4)
NO_SUCH_TERMINAL = 4
"""Result of a registration."""
SHOW_AND_SPEAK = 0x0C
"""Text flags: bit 2 shows it on the terminal, bit 3 reads it aloud."""
NOTICE = 1
"""Type of a text in 2019."""
LONGEST_TEXT = 1_021
"""Bytes of GBK that fit beside flags and type."""
PART = 1_000
"""Bytes of body in a packet of a longer message."""


def frame(to: Header, message_id: int, body: bytes, serial: int) -> bytes:
    """A message to the terminal that sent ``to``, in its layout."""
    plain = headers.join(message_id, body, version=to.version, terminal=to.terminal, serial=serial)
    return framing.wrap(plain)


def acknowledgement(to: Header, serial: int, result: int) -> bytes:
    """0x8001."""
    body = to.serial.to_bytes(2) + to.message_id.to_bytes(2) + bytes([result])
    return frame(to, 0x8001, body, serial)


def registration(to: Header, serial: int, result: int, code: str = "") -> bytes:
    """0x8100; ``code`` is told only with result 0."""
    body = to.serial.to_bytes(2) + bytes([result]) + (code.encode() if result == OK else b"")
    return frame(to, 0x8100, body, serial)


def time_reply(to: Header, serial: int, now: datetime) -> bytes:
    """0x8004: BCD of the time in UTC."""
    return frame(to, 0x8004, bytes.fromhex(now.astimezone(UTC).strftime("%y%m%d%H%M%S")), serial)


def media_received(to: Header, serial: int, media_id: int) -> bytes:
    """0x8800: all packets are there."""
    return frame(to, 0x8800, media_id.to_bytes(4), serial)


def locate_now(to: Header, serial: int) -> bytes:
    """0x8201; answered with 0x0201."""
    return frame(to, 0x8201, b"", serial)


def text(to: Header, serial: int, words: str) -> bytes:
    """0x8300. Raises ValueError when it is too long or cannot be written in GBK."""
    encoded = words.encode("gbk")
    if len(encoded) > LONGEST_TEXT:
        raise ValueError(f"{len(encoded)} bytes; at most {LONGEST_TEXT}")
    head = bytes([SHOW_AND_SPEAK, NOTICE] if to.version == 2019 else [SHOW_AND_SPEAK])
    return frame(to, 0x8300, head + encoded, serial)


def packets(header: Header, body: bytes) -> Iterator[bytes]:
    """Frames of a message of any length, as a terminal sends it."""
    parts = [body[at : at + PART] for at in range(0, len(body), PART)] or [b""]
    for index, part in enumerate(parts, start=1):
        plain = headers.join(
            header.message_id,
            part,
            version=header.version,
            terminal=header.terminal,
            serial=header.serial - len(parts) + index,
            part=(len(parts), index) if len(parts) > 1 else None,
        )
        yield framing.wrap(plain)
