"""Extra items of a location: id, length, value. What we do not know is kept as hex and never costs the
position (JT/T 808-2019, table 27; vendors add their own)."""

from typing import Any

_NUMBERS: dict[int, tuple[str, int, float]] = {
    0x01: ("mileage_km", 4, 0.1),
    0x02: ("fuel_l", 2, 0.1),
    0x03: ("recorder_speed_kmh", 2, 0.1),
    0x04: ("manual_alarm_event_id", 2, 1),
    0x06: ("cabin_temperature_c", 2, 1),
    0x25: ("vehicle_signal", 4, 1),
    0x2A: ("io_status", 2, 1),
    0x2B: ("analog", 4, 1),
    0x30: ("rssi", 1, 1),
    0x31: ("gnss_satellites", 1, 1),
}
"""By id: name, length, and the unit of its last digit. A known id with another length is a vendor's own."""
_SIGNED = frozenset({0x06})
_HEX = frozenset({0x05, 0x11, 0x12, 0x13})
_NAMES = {0x05: "tyre_pressure", 0x11: "overspeed", 0x12: "area", 0x13: "segment_time"}
_BITS = frozenset({0x25, 0x2A, 0x2B})


def read(data: bytes) -> tuple[list[dict[str, Any]], set[str]]:
    """Items in their order, and flags: ``item_overruns``, ``trailing_byte``.

    Items of id 0 and length 0 are padding. An item that overruns the body ends with it.
    """
    items: list[dict[str, Any]] = []
    flags: set[str] = set()
    at = 0
    while at < len(data):
        if at + 1 == len(data):
            if data[at]:
                flags.add("trailing_byte")
            break
        number, length = data[at], data[at + 1]
        value = data[at + 2 : at + 2 + length]
        at += 2 + length
        if number == 0 and not any(value):
            continue
        if len(value) < length:
            flags.add("item_overruns")
        items.append(_item(number, length, value))
    return items, flags


def _item(number: int, length: int, value: bytes) -> dict[str, Any]:
    item: dict[str, Any] = {"id": f"0x{number:02x}", "len": length}
    name, size, unit = _NUMBERS.get(number, ("", -1, 1))
    if length != size or len(value) != size:
        if number in _NAMES:
            item["name"] = _NAMES[number]
        return item | {"hex": value.hex()}
    raw = int.from_bytes(value, signed=number in _SIGNED)
    told: Any = f"0x{raw:x}" if number in _BITS else raw if unit == 1 else round(raw * unit, 1)
    return item | {"name": name, "value": told}


def named(items: list[dict[str, Any]], name: str) -> Any:
    """The value of the first item of a name; None without one."""
    return next((item["value"] for item in items if item.get("name") == name and "value" in item), None)


def write(number: int, value: bytes) -> bytes:
    """An item. Raises ValueError beyond 255 bytes."""
    return bytes([number, len(value)]) + value
