"""Headers of JT/T 808-2013 (also 2011) and -2019; bit 14 of the properties tells them apart."""

from dataclasses import dataclass

BODY_LENGTH = 0x03FF
ENCRYPTION = 0x1C00
SUB_PACKAGES = 0x2000
VERSION_FLAG = 0x4000
SIZES = {2013: 12, 2019: 17}
"""Bytes without the four of a sub-package."""
NUMBER_BYTES = {2013: 6, 2019: 10}


class BadHeader(ValueError):
    """Too short to hold a header."""


@dataclass(frozen=True, slots=True)
class Header:
    """``terminal`` is the terminal's number as sent: 12 (2013) or 20 (2019) hex digits, mostly decimal."""

    message_id: int
    properties: int
    version: int
    """2013 or 2019: the layout of this frame."""
    revision: int | None
    """The version byte of 2019, which counts revisions."""
    terminal: str
    serial: int
    total: int = 1
    index: int = 1
    """Sub-package ``index`` of ``total``, from 1."""

    @property
    def body_length(self) -> int:
        return self.properties & BODY_LENGTH

    @property
    def fragment(self) -> bool:
        return bool(self.properties & SUB_PACKAGES)

    @property
    def encryption(self) -> int:
        """0 none, 1 RSA. Some vendors set the bits and do not encrypt."""
        return (self.properties & ENCRYPTION) >> 10


def split(message: bytes) -> tuple[Header, bytes]:
    """Header and body of an unescaped message without its checksum. Raises BadHeader.

    Some terminals set bit 14 and send the header of 2013, or leave it clear and send that of 2019: it
    is the other one when the length of the body then fits and does not otherwise.
    """
    if len(message) < SIZES[2013]:
        raise BadHeader(f"{len(message)} bytes are no header")
    if not int.from_bytes(message[2:4]) & VERSION_FLAG:
        return _without_flag(message)
    if len(message) >= SIZES[2019]:
        newer = _read(message, 2019)
        if len(newer[1]) == newer[0].body_length:
            return newer
    older = _read(message, 2013)
    if len(older[1]) == older[0].body_length or len(message) < SIZES[2019]:
        return older
    return newer


def _without_flag(message: bytes) -> tuple[Header, bytes]:
    older = _read(message, 2013)
    fits = len(older[1]) == older[0].body_length or not older[0].body_length
    if fits or len(message) < SIZES[2019] or message[4] not in (1, 2):
        return older
    try:
        newer = _read(message, 2019)
    except BadHeader:
        return older
    return newer if len(newer[1]) == newer[0].body_length else older


def _read(message: bytes, version: int) -> tuple[Header, bytes]:
    properties = int.from_bytes(message[2:4])
    at = 5 if version == 2019 else 4
    end = at + NUMBER_BYTES[version]
    serial = int.from_bytes(message[end : end + 2])
    total, index, body = 1, 1, end + 2
    if properties & SUB_PACKAGES:
        if len(message) < body + 4:
            raise BadHeader("cut within the header")
        total, index = int.from_bytes(message[body : body + 2]), int.from_bytes(message[body + 2 : body + 4])
        body += 4
    header = Header(
        int.from_bytes(message[:2]),
        properties,
        version,
        message[4] if version == 2019 else None,
        message[at:end].hex(),
        serial,
        total,
        index,
    )
    return header, message[body:]


def join(
    message_id: int,
    body: bytes,
    *,
    version: int,
    terminal: str,
    serial: int,
    part: tuple[int, int] | None = None,
) -> bytes:
    """Header and body of a message to or from a terminal; ``part`` is (total, index) of a sub-package.

    Raises ValueError for a body or a number that does not fit.
    """
    if len(body) > BODY_LENGTH:
        raise ValueError(f"a body of {len(body)} bytes; at most {BODY_LENGTH} fit")
    digits = NUMBER_BYTES[version] * 2
    if len(terminal) > digits:
        raise ValueError(f"terminal number {terminal!r}: more than {digits} digits")
    properties = len(body) | (VERSION_FLAG if version == 2019 else 0) | (SUB_PACKAGES if part else 0)
    head = message_id.to_bytes(2) + properties.to_bytes(2) + (b"\x01" if version == 2019 else b"")
    head += bytes.fromhex(terminal.rjust(digits, "0")) + (serial & 0xFFFF).to_bytes(2)
    if part:
        head += part[0].to_bytes(2) + part[1].to_bytes(2)
    return head + body
