"""Records of JT/T 808: one a frame, from raw bytes or from hex, a frame a line."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO

from ingest import values
from ingest.decoding import record as records
from ingest.decoding.record import Record
from ingest.decoding.source import LONGEST_LINE, chunks
from ingest.jt808 import extras as items
from ingest.jt808 import framing
from ingest.jt808 import message as messages
from ingest.jt808.fragments import Reassembly
from ingest.jt808.framing import Deframer, TooLong
from ingest.jt808.location import ACC, Location
from ingest.jt808.message import Message
from tracking.clock import micros_of
from tracking.reasons import Reason, Reject

_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""A frame has zeros in its header, a text has none."""
MOST_WAITING = 256
"""Messages with packets missing; a capture holds many terminals at once."""
_BYTE = rb"[\s,;:-]*(?:0[xX])?[0-9A-Fa-f]{2}"
"""Two digits; between the bytes some tools write blanks, commas, hyphens or ``0x``."""
_HEX_START = re.compile(rb"(?:" + _BYTE + rb"){4}")
_HEX_LINE = re.compile(rb"(?:" + _BYTE + rb")*[\s,;:-]*")
_HEX_FRAME = re.compile(rb"(?:0[xX])?7[eE](?:" + _BYTE + rb"){12,}?[\s,;:-]*(?:0[xX])?7[eE](?![0-9A-Fa-f])")
"""A frame that stands in quotes, or behind the time and direction that a log puts before it."""
_BETWEEN = re.compile(rb"[\s,;:-]|0[xX]")
COORDINATES_ENCRYPTED = 1 << 5
"""Of the status: a secrecy plug-in changed the coordinates. Some terminals set it and send plain ones."""


def read(file: BinaryIO) -> Iterator[Record]:
    """Hex when the capture begins with text, else raw bytes."""
    pieces = chunks(file)
    first = next(pieces, b"")
    reassembly = Reassembly(most_waiting=MOST_WAITING)
    source = _raw_frames if _NO_TEXT.search(first) or not _HEX_START.search(first) else _hex_frames
    for frame in source(chain([first], pieces)):
        yield of_frame(frame, reassembly)


def _raw_frames(pieces: Iterator[bytes]) -> Iterator[bytes | TooLong | Reject]:
    deframer = Deframer()
    for piece in pieces:
        yield from deframer.feed(piece)
    yield from deframer.finish()


def _hex_frames(pieces: Iterator[bytes]) -> Iterator[bytes | TooLong | Reject]:
    rest = b""
    for piece in pieces:
        *ended, rest = (rest + piece).split(b"\n")
        for line in ended:
            yield from _hex_line(line)
        if len(rest) > LONGEST_LINE:
            yield Reject(Reason.TOO_LARGE, f"a line of more than {LONGEST_LINE} bytes")
            rest = b""
    yield from _hex_line(rest)


def _hex_line(line: bytes) -> Iterator[bytes | TooLong | Reject]:
    stripped = line.strip()
    if not stripped:
        return
    if not _HEX_LINE.fullmatch(stripped) and (within := _HEX_FRAME.search(stripped)):
        stripped = within[0]
    digits = _BETWEEN.sub(b"", stripped)
    if not _HEX_LINE.fullmatch(stripped):
        yield Reject(Reason.BAD_BODY, "no hex: " + stripped[:200].decode("ascii", "backslashreplace"))
        return
    deframer = Deframer()
    data = bytes.fromhex(digits.decode())
    frames = [*deframer.feed(data), *deframer.finish()]
    if not frames:
        yield Reject(Reason.BAD_BODY, "an empty frame")
    yield from frames


def of_frame(frame: bytes | TooLong | Reject, reassembly: Reassembly) -> Record:
    """The record of a frame's content; the last packet of a message carries the whole of it."""
    if isinstance(frame, TooLong):
        return records.refused("frame", Reject(Reason.TOO_LARGE, f"{frame.size} bytes without an end"), "")
    if isinstance(frame, Reject):
        return records.refused("frame", frame, frame.detail)
    raw = (framing.MARK + frame + framing.MARK).hex()
    found = messages.read(frame)
    if isinstance(found, Reject):
        return records.refused("frame", found, raw)
    told: dict[str, Any] = {}
    flags = messages.flags_of(found.header, found.content)
    if found.header.fragment and found.header.total > 1:
        told = {"total": found.header.total, "index": found.header.index}
        whole = reassembly.add(found)
        if isinstance(whole, Message):
            flags.add("reassembled")
            found = whole
        elif isinstance(whole, Reject):
            return records.refused(found.kind, whole, raw, device=found.header.terminal)
    return _record(found, told, flags, raw)


def _record(found: Message, told: dict[str, Any], flags: set[str], raw: str) -> Record:
    header, body = found.header, found.body
    message = {
        "message_id": f"0x{header.message_id:04x}",
        "version": header.version,
        "serial": header.serial,
        **({} if header.revision is None else {"revision": header.revision}),
    }
    record = Record(kind=found.kind, device=header.terminal)
    if header.message_id == 0x0704:
        record.items = [_located(item, "location", header.terminal, raw) for item in body.locations]
        record.items += [
            records.refused("location", Reject(Reason.BAD_BODY, f"{len(item)} bytes"), item.hex())
            for item in body.refused_items
        ]
        _lift_newest(record)
    elif body.locations:
        record = _located(body.locations[0], found.kind, header.terminal, raw)
    record.extras = message | told | body.values | record.extras
    record.flags = sorted({*record.flags, *flags, *body.flags})
    return record


def _lift_newest(record: Record) -> None:
    """The newest fix of a batch stands in its own members too."""
    taken = [item for item in record.items or [] if item.ok and item.fix_time and "no_fix" not in item.flags]
    if taken:
        newest = max(taken, key=lambda item: item.fix_time or "")
        for name in ("fix_time", "lon", "lat", "altitude_m", "speed_mps", "course_deg", "satellites"):
            setattr(record, name, getattr(newest, name))


def _located(found: Location, kind: str, device: str, raw: str) -> Record:
    """What the terminal says; ``no_fix`` marks a position that it does not vouch for."""
    flags = set(found.flags)
    if not found.positioned:
        flags.add("no_fix")
    if found.status & COORDINATES_ENCRYPTED:
        flags.add("coordinates_encrypted")
    flags |= {f"alarm_{name}" for name in found.alarms}
    record = Record(
        kind=kind,
        device=device,
        fix_time=None if found.time is None else records.time_text(micros_of(found.time)),
        lon=found.lon,
        lat=found.lat,
        altitude_m=found.altitude_m,
        speed_mps=None if found.speed_mps is None else round(found.speed_mps, 4),
        course_deg=values.course(found.course_raw),
        satellites=values.count(items.named(found.items, "gnss_satellites")),
        flags=sorted(flags),
        extras={
            "alarm": f"0x{found.alarm:08x}",
            "status": f"0x{found.status:08x}",
            "acc_on": bool(found.status & ACC),
            "positioned": found.positioned,
            "speed_kmh": found.speed_kmh,
            "altitude_raw": found.altitude_raw,
            "systems": found.systems,
            "items": found.items,
        },
    )
    if found.time is None and not found.positioned:
        record.flags = sorted({*flags, "no_time"})
    elif found.time is None:
        record.refuse(Reject(Reason.BAD_TIME, "the time is no BCD time"), raw)
    return records.judge_position(record, raw)
