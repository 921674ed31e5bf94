"""Sentences out of a stream of bytes: binary, boot messages and glued sentences between them do no harm.

What looks like a sentence is ``$``, a name, fields without control characters, and ``*hh``. The
checksum is the exclusive-or of what stands between ``$`` and ``*`` (NMEA 0183, 5.3.1).
"""

import re
from dataclasses import dataclass

from ingest.checksum import exclusive_or
from tracking.reasons import Reason, Reject

LONGEST = 512
"""Bytes. The standard allows 82; receivers with many decimals and proprietary sentences send more."""
READ = frozenset({"GGA", "GLL", "GNS", "GSA", "GST", "GSV", "RMC", "VTG", "ZDA"})
"""Sentences that say something of a fix; all others are passed over."""

_CANDIDATE = re.compile(
    rb"\$([A-Z][A-Z0-9]{3,9})((?:,[\x20-\x23\x25-\x29\x2b-\x7e\x80-\xff]{0,%d})?)(\*([0-9A-Fa-f]{2})?)?"
    % (LONGEST - 20)
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """``name`` without talker; ``fields`` are what stands between the commas after the name."""

    talker: str
    name: str
    fields: tuple[str, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """What looked like a sentence and is none."""

    reject: Reject
    raw: bytes


class Scanner:
    """Fed with pieces of a stream, of any length; keeps at most one unfinished sentence."""

    def __init__(self, *, allow_missing_checksum: bool = False) -> None:
        self._allow_missing = allow_missing_checksum
        self._rest = b""

    def feed(self, data: bytes) -> list["Sentence | Refused"]:
        """The sentences that are complete now."""
        stream = self._rest + data
        cut = stream.rfind(b"$")
        unfinished = cut >= 0 and not _ended(stream, cut)
        if not unfinished:
            cut = len(stream)
        self._rest = stream[cut:]
        return self._scan(stream, cut)

    def finish(self) -> list["Sentence | Refused"]:
        """What is left when the stream ends."""
        rest, self._rest = self._rest, b""
        return self._scan(rest, len(rest))

    def _scan(self, data: bytes, end: int) -> list["Sentence | Refused"]:
        found = (self._judge(data, candidate) for candidate in _CANDIDATE.finditer(data, 0, end))
        return [one for one in found if one is not None]

    def _judge(self, data: bytes, candidate: "re.Match[bytes]") -> "Sentence | Refused | None":
        told = candidate[4]
        body = candidate[1] + candidate[2]
        if told is not None:
            computed = exclusive_or(body)
            if computed == int(told, 16):
                return _sentence(candidate[1], candidate[2], candidate[0])
            return _refuse(
                Reason.BAD_CHECKSUM, f"checksum {told.decode()}, computed {computed:02X}", candidate
            )
        if not candidate[2] or not _looks_standard(candidate[1]):
            return None
        if not self._allow_missing or candidate[3] is not None:
            return _refuse(Reason.BAD_CHECKSUM, "no checksum", candidate)
        if data[candidate.end() : candidate.end() + 1] not in (b"", b"\r", b"\n"):
            return _refuse(Reason.BAD_SENTENCE, "no checksum, and cut", candidate)
        return _sentence(candidate[1], candidate[2], candidate[0])


def _ended(stream: bytes, start: int) -> bool:
    """Whether nothing that comes can still change the sentence that begins at ``start``."""
    candidate = _CANDIDATE.match(stream, start)
    if candidate is None:
        return len(stream) - start > 12
    return candidate[4] is not None or candidate.end() + (0 if candidate[3] is None else 2) < len(stream)


def _looks_standard(name: bytes) -> bool:
    return len(name) == 5 and name[2:].decode() in READ


def _refuse(reason: Reason, detail: str, candidate: "re.Match[bytes]") -> Refused:
    return Refused(Reject(reason, f"{detail}: {shown(candidate[0])}"), candidate[0])


def _sentence(name: bytes, fields: bytes, raw: bytes) -> Sentence | None:
    if len(name) != 5:
        return None
    told = name.decode()
    if told[2:] not in READ:
        return None
    text = fields.decode("latin-1")
    if " " in text:
        text = ",".join(field.strip() for field in text.split(","))
    return Sentence(told[:2], told[2:], tuple(text.split(",")[1:]), raw)


def shown(raw: bytes) -> str:
    """Bytes for a message to technicians."""
    return raw[:100].decode("ascii", "backslashreplace")
