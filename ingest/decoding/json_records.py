"""Records of JSON payloads, one a line: our own fixes and status, and OwnTracks."""

import codecs
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import msgspec

from ingest import documents, json_fix, owntracks, topics, values
from ingest.decoding import record as records
from ingest.decoding.record import Record
from ingest.decoding.source import LONGEST_LINE, lines
from ingest.owntracks_seal import CannotOpen, open_sealed
from tracking.fix import ConnectionStatus, Fix
from tracking.reasons import Reason, Reject


class Envelope(msgspec.Struct):
    """``payload`` is the document itself, or a string that holds it."""

    topic: str | None = None
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


Describe = Callable[[bytes, str | None, str | None], Record]
"""Payload of one object, topic, device."""

SIGNALLING = frozenset({"bs", "sos", "alarm", "alarms", "ignition"})
"""Read into flags, and shown as they came too."""
_TOPIC_FIRST = re.compile(rb"(/?(?:owntracks|wanmi)/[^\s{\[]+)(?:\s+(.*))?", re.DOTALL)
_ENVELOPE = msgspec.json.Decoder(Envelope)
_ANY = msgspec.json.Decoder()
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)


def read_json(file: BinaryIO, *, reference_us: int | None) -> Iterator[Record]:
    """``wanmi/v1/{device}/fix`` and ``/status``; without a topic the members tell which of the two."""
    del reference_us  # our own fixes always say their time
    return _read(file, "fix", _describe_json)


def read_owntracks(file: BinaryIO, *, reference_us: int | None, secret: str | None) -> Iterator[Record]:
    """``reference_us`` stands in for a missing ``tst``; ``secret`` opens encrypted payloads."""

    def describe(payload: bytes, _topic: str | None, device: str | None) -> Record:
        return _describe_owntracks(payload, device, reference_us, secret)

    return _read(file, "location", describe)


def _read(file: BinaryIO, kind: str, describe: Describe) -> Iterator[Record]:
    for line in lines(file):
        if isinstance(line, int):
            told = Reject(Reason.TOO_LARGE, f"a line of {line} bytes, at most {LONGEST_LINE}")
            yield records.refused(kind, told, "")
            continue
        topic, payload = _opened(line)
        device = None if topic is None else device_of(topic)
        if not payload.strip():
            yield Record(kind="cleared", device=device)
            continue
        for part in _parts(payload):
            if isinstance(part, Reject):
                yield records.refused(kind, part, _shown(payload), device=device)
            else:
                yield records.judge_position(describe(part, topic, device), _shown(part))


def _opened(line: bytes) -> tuple[str | None, bytes]:
    """Topic and payload of an enveloped line; the line itself when it is no envelope.

    ``topic payload`` is how ``mosquitto_sub -v`` writes it.
    """
    line = line.removeprefix(codecs.BOM_UTF8)
    if found := _TOPIC_FIRST.fullmatch(line):
        return found[1].decode("utf-8", "replace"), found[2] or b""
    try:
        envelope = _ENVELOPE.decode(line)
        if isinstance(envelope.payload, msgspec.UnsetType):
            return None, line
        payload = bytes(envelope.payload)
        if payload == b"null":
            return envelope.topic, b""
        return envelope.topic, _TEXT.decode(payload).encode() if payload[:1] == b'"' else payload
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None, line


def _parts(payload: bytes) -> Iterator[bytes | Reject]:
    if payload.lstrip()[:1] != b"[":
        yield payload
        return
    try:
        items = _ITEMS.decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        yield Reject(Reason.NOT_JSON, str(error))
        return
    if len(items) > documents.MAX_ITEMS:
        yield Reject(Reason.TOO_LARGE, f"{len(items)} items, at most {documents.MAX_ITEMS}")
        return
    for item in map(bytes, items):
        nested = item[:1] == b"["
        yield Reject(Reason.BAD_FIELD, "Expected `object`, got `array`") if nested else item


def device_of(topic: str) -> str | None:
    """The device a topic names, also of topics below it (``owntracks/{user}/{device}/event``)."""
    topic = topic.removeprefix("/")
    match topic.split("/"):
        case ["owntracks", _, device, *_] | ["wanmi", "v1", device, *_]:
            return device or None
    return topics.route(topic)[1]


def _describe_json(payload: bytes, topic: str | None, device: str | None) -> Record:
    told = _members(payload)
    status = topic.endswith("/status") if topic else "online" in told and "lon" not in told
    outcome = (json_fix.decode_status if status else json_fix.decode_fix)(payload)[0]
    record = _of_outcome(outcome, "status" if status else "fix", device, payload)
    record.extras |= _others(told, json_fix.FixBody, {"time"})
    return record


def _describe_owntracks(
    payload: bytes, device: str | None, reference_us: int | None, secret: str | None
) -> Record:
    told = _members(payload)
    kind = told.get("_type")
    kind = kind if isinstance(kind, str) else "location"
    if kind == "encrypted" and secret is not None:
        try:
            inner = open_sealed(payload, secret)
        except CannotOpen as error:
            told_why = Reject(Reason.CANNOT_OPEN, str(error))
            return records.refused(kind, told_why, _shown(payload), device=device)
        record = _describe_owntracks(inner, device, reference_us, None)
        record.flags.append("encrypted")
        return record
    if kind == "encrypted":
        return Record(kind=kind, device=device, flags=["sealed"])
    if device is None and isinstance(told.get("topic"), str):
        device = device_of(told["topic"])
    outcomes = owntracks.decode(payload, received_us=0 if reference_us is None else reference_us)
    record = _of_outcome(outcomes[0] if outcomes else None, kind, device, payload)
    if kind == "transition":
        _place(record, told)
    record.extras |= _others(told, owntracks.Body, {"_type"} if record.lon is not None else {"_type", "batt"})
    if kind in ("location", "transition") and record.ok and isinstance(told.get("created_at"), int | float):
        record.extras["created_at"] = told["created_at"]
    return record


def _place(record: Record, told: dict[str, Any]) -> None:
    """Where and when a region was entered or left."""
    record.lon, record.lat = _told_place(told)
    record.accuracy_m = values.not_negative(_number(told.get("acc")))
    moment = told.get("tst")
    try:
        micros = values.micros_of_told(moment) if isinstance(moment, str | int | float) else None
        record.fix_time = records.time_text(micros)
    except (ValueError, OverflowError):
        record.fix_time = None


def _told_place(told: dict[str, Any]) -> tuple[float | None, float | None]:
    """Both or neither."""
    lon, lat = _number(told.get("lon")), _number(told.get("lat"))
    return (None, None) if lon is None or lat is None else (lon, lat)


def _number(told: Any) -> float | None:
    if isinstance(told, str):
        return float(told) if values.NUMBER.fullmatch(told) else None
    try:
        return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else None
    except OverflowError:
        return None


def _of_outcome(outcome: object, kind: str, device: str | None, payload: bytes) -> Record:
    if isinstance(outcome, Fix):
        return records.of_fix(outcome, kind=kind, device=device)
    if isinstance(outcome, Reject):
        record = records.refused(kind, outcome, _shown(payload), device=device)
        record.lon, record.lat = _told_place(_members(payload))
        return record
    record = Record(kind=kind, device=device)
    if isinstance(outcome, ConnectionStatus):
        record.extras = {"online": outcome.online}
    return record


def _members(payload: bytes) -> dict[str, Any]:
    try:
        told = _ANY.decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _others(told: dict[str, Any], read: type[msgspec.Struct], besides: set[str]) -> dict[str, Any]:
    """Members that the decoder does not read, so that nothing of a message is lost to the eye."""
    known = {"online"} if "online" in told else set()
    if "lon" in told and told.get("_type") not in ("waypoint", "waypoints"):
        known |= set(read.__struct_encode_fields__) - SIGNALLING
    return {name: value for name, value in told.items() if name not in known | besides}


def _shown(payload: bytes) -> str:
    return payload.decode("utf-8", "backslashreplace")
