"""Frames of JT/T 808: ``7E`` … ``7E``, escaped, with a checksum (JT/T 808-2019, 4.4)."""

from dataclasses import dataclass

from ingest.checksum import exclusive_or as checksum

__all__ = ["LONGEST", "MARK", "Deframer", "TooLong", "checksum", "escape", "unescape", "wrap"]

MARK = b"\x7e"
LONGEST = 4_096
"""Bytes of an escaped frame. A body has at most 1,023, a header 21; if all of it had to be escaped it
would be 2,092. Some vendors exceed the standard a little."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A run of bytes without an end; ``size`` of it was thrown away."""

    size: int


def escape(data: bytes) -> bytes:
    return data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(data: bytes) -> bytes:
    """A ``7D`` that escapes nothing stays as it is: the checksum judges."""
    parts = data.split(b"\x7d")
    return parts[0] + b"".join(_unescaped(part) for part in parts[1:])


def _unescaped(part: bytes) -> bytes:
    """What follows a ``7D``, with what the pair stands for."""
    match part[:1]:
        case b"\x01":
            return b"\x7d" + part[1:]
        case b"\x02":
            return b"\x7e" + part[1:]
    return b"\x7d" + part


def wrap(message: bytes) -> bytes:
    """The frame of a message (header and body)."""
    return MARK + escape(message + bytes([checksum(message)])) + MARK


class Deframer:
    """Frames out of a stream in pieces of any length; keeps at most one unfinished frame.

    Two frames may share a mark, and marks may be doubled. What stands between two frames comes out as
    a frame too, which its checksum refuses.
    """

    def __init__(self) -> None:
        self._open = bytearray()
        self._lost = 0

    @property
    def half(self) -> bool:
        """Whether a frame has begun and not ended."""
        return bool(self._open or self._lost)

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """Contents of the frames that ended, still escaped, without marks."""
        *ended, rest = data.split(MARK)
        frames: list[bytes | TooLong] = []
        for piece in ended:
            self._take(piece)
            frames += self._end()
        self._take(rest)
        return frames

    def finish(self) -> list[bytes | TooLong]:
        """What is left when the stream ends: a frame without its last mark."""
        return self._end()

    def _take(self, piece: bytes) -> None:
        if self._lost or len(self._open) + len(piece) > LONGEST:
            self._lost += len(self._open) + len(piece)
            self._open.clear()
        else:
            self._open += piece

    def _end(self) -> list[bytes | TooLong]:
        content, lost = bytes(self._open), self._lost
        self._open.clear()
        self._lost = 0
        if lost:
            return [TooLong(lost)]
        return [content] if content else []
