"""Bodies of messages: what they say, as named values, and the locations in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ingest.jt808 import location
from ingest.jt808.cursor import Cursor, ShortBody, text_of, time_of
from ingest.jt808.header import Header
from ingest.jt808.location import Location

PLATE_2011, PLATE_2013, PLATE_2019 = 25, 37, 76
"""Where the plate begins in a registration."""
CARD_STATUS = (1, 2)
"""The card of a driver was put in, or taken out."""
RESULTS = {0: "ok", 1: "failed", 2: "bad_message", 3: "unsupported", 4: "alarm_processed"}


@dataclass(slots=True)
class Body:
    """``values`` are named by the standard's words; ``flags`` tell what was odd."""

    values: dict[str, Any] = field(default_factory=dict)
    locations: list[Location] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    refused_items: list[bytes] = field(default_factory=list)
    """Items of a batch that could not be read."""


def read(header: Header, body: bytes) -> Body:
    """Raises ShortBody when the body ends before what it must hold."""
    reader = READERS.get(header.message_id)
    if reader is None:
        return Body({"body": body.hex()} if body else {})
    cursor = Cursor(body)
    found = reader(cursor, header.version)
    if cursor.left:
        found.flags.add("trailing_bytes")
        found.values["trailing"] = cursor.rest().hex()
    return found


def _empty(_cursor: Cursor, _version: int) -> Body:
    return Body()


def _acknowledgement(cursor: Cursor, _version: int) -> Body:
    serial, message, result = cursor.word(), cursor.word(), cursor.byte()
    return Body({"reply_serial": serial, "reply_msg_id": f"0x{message:04x}", "result": result})


def _register_reply(cursor: Cursor, _version: int) -> Body:
    values: dict[str, Any] = {"reply_serial": cursor.word(), "result": cursor.byte()}
    if cursor.left:
        values["auth_code"] = text_of(cursor.rest())
    return Body(values)


def _register(cursor: Cursor, version: int) -> Body:
    if version == 2013 and cursor.left < PLATE_2013:
        version = 2011
    maker, model, terminal = {2011: (5, 8, 7), 2013: (5, 20, 7), 2019: (11, 30, 30)}[version]
    return Body(
        {
            "layout": str(version),
            "province": cursor.word(),
            "city": cursor.word(),
            "maker": cursor.text(maker),
            "model": cursor.text(model),
            "terminal_id": cursor.text(terminal),
            "plate_color": cursor.byte(),
            "plate": text_of(cursor.rest()),
        }
    )


def _authenticate(cursor: Cursor, version: int) -> Body:
    if version == 2013:
        return Body({"auth_code": text_of(cursor.rest())})
    code = cursor.text(cursor.byte())
    values = {"auth_code": code}
    if cursor.left >= 15:
        values["imei"] = cursor.text(15)
        values["software_version"] = text_of(cursor.rest())
    return Body(values)


def _located(cursor: Cursor, _version: int) -> Body:
    found = location.read(cursor.rest())
    return Body(locations=[found], flags=set(found.flags))


def _located_reply(cursor: Cursor, version: int) -> Body:
    serial = cursor.word()
    body = _located(cursor, version)
    body.values["reply_serial"] = serial
    return body


def _batch(cursor: Cursor, _version: int) -> Body:
    count, blind = cursor.word(), cursor.byte()
    body = Body({"count": count, "type": blind}, flags={"blind_area"} if blind == 1 else set())
    while cursor.left >= 2 and len(body.locations) + len(body.refused_items) < count:
        length = cursor.word()
        item = cursor.take(min(length, cursor.left))
        try:
            body.locations.append(location.read(item))
        except ShortBody:
            body.refused_items.append(item)
    if body.refused_items or len(body.locations) != count:
        body.flags.add("items_missing")
    return body


def _attributes(cursor: Cursor, version: int) -> Body:
    kind = cursor.word()
    model, terminal = (20, 7) if version == 2013 else (30, 30)
    body = Body(
        {
            "terminal_type": kind,
            "maker": cursor.text(5),
            "model": cursor.text(model),
            "terminal_id": cursor.text(terminal),
            "iccid": cursor.take(10).hex(),
        }
    )
    for name in ("hardware_version", "firmware_version"):
        body.values[name] = cursor.text(cursor.byte())
    if cursor.left >= 2:
        body.values |= {"gnss_attributes": cursor.byte(), "network_attributes": cursor.byte()}
    return body


def _upgrade_result(cursor: Cursor, _version: int) -> Body:
    return Body({"upgrade_type": cursor.byte(), "result": cursor.byte()})


def _parameters(cursor: Cursor, _version: int) -> Body:
    serial, count = cursor.word(), cursor.byte()
    found: dict[str, str] = {}
    while cursor.left >= 5 and len(found) < count:
        number, length = cursor.double_word(), cursor.byte()
        found[f"0x{number:04x}"] = cursor.take(min(length, cursor.left)).hex()
    return Body({"reply_serial": serial, "count": count, "parameters": found})


def _driver(cursor: Cursor, version: int) -> Body:
    status = cursor.byte()
    if version == 2013 and status not in CARD_STATUS:
        return _driver_2011(cursor, status)
    moment = time_of(cursor.take(6))
    body = Body({"status": status, "time": None if moment is None else moment.isoformat()})
    if status != 1 or not cursor.left:
        return body
    body.values["card_result"] = cursor.byte()
    if body.values["card_result"] == 0 and cursor.left:
        body.values["driver"] = cursor.text(cursor.byte())
        body.values["qualification"] = cursor.text(20)
        body.values["institution"] = cursor.text(cursor.byte())
        body.values["valid_until"] = cursor.take(4).hex()
        if version == 2019 and cursor.left:
            body.values["identity_card"] = cursor.text(min(20, cursor.left))
    return body


def _driver_2011(cursor: Cursor, length: int) -> Body:
    """Without time and card: it begins with the length of the name."""
    values = {
        "driver": cursor.text(length),
        "identity_card": cursor.text(20),
        "qualification": cursor.text(40),
    }
    return Body(values | {"institution": cursor.text(cursor.byte())})


def _can(cursor: Cursor, _version: int) -> Body:
    count, moment = cursor.word(), cursor.take(5).hex()
    frames = []
    while cursor.left >= 12:
        frames.append({"id": cursor.take(4).hex(), "data": cursor.take(8).hex()})
    return Body({"count": count, "time_of_day": moment, "frames": frames})


def _media_event(cursor: Cursor, _version: int) -> Body:
    names = ("media_type", "media_format", "event", "channel")
    return Body({"media_id": cursor.double_word()} | {name: cursor.byte() for name in names})


def _media(cursor: Cursor, version: int) -> Body:
    body = _media_event(cursor, version)
    body.locations.append(location.read(cursor.take(location.SIZE)))
    body.values["size"] = len(cursor.rest())
    return body


def _transparent(cursor: Cursor, _version: int) -> Body:
    kind = cursor.byte()
    return Body({"transparent_type": f"0x{kind:02x}", "data": cursor.rest().hex()})


def _text(cursor: Cursor, version: int) -> Body:
    values: dict[str, Any] = {"text_flags": cursor.byte()}
    if version == 2019:
        values["text_type"] = cursor.byte()
    return Body(values | {"text": text_of(cursor.rest())})


def _resources(cursor: Cursor, _version: int) -> Body:
    serial, count = cursor.word(), cursor.double_word()
    items: list[dict[str, Any]] = []
    while cursor.left >= 28 and len(items) < count:
        channel, starts, ends = cursor.byte(), time_of(cursor.take(6)), time_of(cursor.take(6))
        alarm, kinds, size = cursor.take(8).hex(), tuple(cursor.take(3)), cursor.double_word()
        items.append(
            {
                "channel": channel,
                "starts": starts and starts.isoformat(),
                "ends": ends and ends.isoformat(),
                "alarm": alarm,
                "kinds": list(kinds),
                "size": size,
            }
        )
    return Body({"reply_serial": serial, "count": count, "resources": items})


def _passengers(cursor: Cursor, _version: int) -> Body:
    starts, ends = time_of(cursor.take(6)), time_of(cursor.take(6))
    return Body(
        {
            "starts": starts and starts.isoformat(),
            "ends": ends and ends.isoformat(),
            "boarded": cursor.word(),
            "alighted": cursor.word(),
        }
    )


LOCATING = frozenset({0x0200, 0x0201, 0x0704})
"""Messages that are worth nothing without their location."""

READERS: dict[int, Callable[[Cursor, int], Body]] = {
    **dict.fromkeys((0x0002, 0x0003, 0x0004, 0x8107, 0x8201, 0x8204, 0x8702, 0x9003), _empty),
    **dict.fromkeys((0x0001, 0x8001), _acknowledgement),
    **dict.fromkeys((0x0201, 0x0500), _located_reply),
    0x0100: _register,
    0x0102: _authenticate,
    0x0104: _parameters,
    0x0107: _attributes,
    0x0108: _upgrade_result,
    0x0200: _located,
    0x0702: _driver,
    0x0704: _batch,
    0x0705: _can,
    0x0800: _media_event,
    0x0801: _media,
    0x0900: _transparent,
    0x1005: _passengers,
    0x1205: _resources,
    0x8100: _register_reply,
    0x8300: _text,
}
