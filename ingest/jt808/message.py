"""A frame read: header, body, and what was odd about it."""

from dataclasses import dataclass, field

from ingest.jt808 import bodies, framing
from ingest.jt808 import header as headers
from ingest.jt808.bodies import Body
from ingest.jt808.cursor import ShortBody
from ingest.jt808.header import BadHeader, Header
from ingest.jt808.kinds import kind_of
from tracking.arrival import Outcome
from tracking.reasons import Reason, Reject


@dataclass(slots=True)
class Message:
    """``body`` is what could be read; of a fragment it is empty until all have come."""

    header: Header
    content: bytes
    body: Body = field(default_factory=Body)

    @property
    def kind(self) -> str:
        return kind_of(self.header.message_id)

    def outcomes(self) -> list[Outcome]:
        """A fix or reject for each location; nothing for other messages."""
        found: list[Outcome] = [location.outcome() for location in self.body.locations]
        for item in self.body.refused_items:
            found.append(Reject(Reason.BAD_BODY, f"an item of {len(item)} bytes"))
        return found


def read(content: bytes) -> Message | Reject:
    """A frame as the deframer gives it (escaped, without marks).

    Refused: a wrong checksum, no header, a body that ends before its location does. Other bodies that
    cannot be read, and a length in the header that is not that of the body, are flags.
    """
    message = framing.unescape(content)
    if len(message) < 2:
        return Reject(Reason.BAD_BODY, f"a frame of {len(message)} bytes")
    computed = framing.checksum(message[:-1])
    if computed != message[-1]:
        return Reject(Reason.BAD_CHECKSUM, f"checksum {message[-1]:02x}, computed {computed:02x}")
    try:
        header, body = headers.split(message[:-1])
    except BadHeader as error:
        return Reject(Reason.BAD_BODY, str(error))
    return Message(header, body) if header.fragment and header.total > 1 else of(header, body)


def of(header: Header, content: bytes) -> Message | Reject:
    """A message whose whole body is at hand."""
    try:
        body = bodies.read(header, content)
    except ShortBody as error:
        if header.message_id in bodies.LOCATING:
            return Reject(Reason.BAD_BODY, f"{kind_of(header.message_id)}: {error}")
        body = Body({"body": content.hex()}, flags={"body_unreadable"})
    body.flags |= flags_of(header, content)
    return Message(header, content, body)


def flags_of(header: Header, content: bytes) -> set[str]:
    """What is odd about a header."""
    flags = set()
    if header.body_length != len(content) and not (header.fragment and header.total > 1):
        flags.add("length_mismatch")
    if header.encryption:
        flags.add("encryption_bits")
    if not header.terminal.isdecimal():
        flags.add("number_not_decimal")
    if header.properties & headers.VERSION_FLAG and header.version == 2013:
        flags.add("version_flag_with_2013_header")
    if not header.properties & headers.VERSION_FLAG and header.version == 2019:
        flags.add("2019_header_without_version_flag")
    if header.fragment:
        flags.add("fragment")
    return flags
