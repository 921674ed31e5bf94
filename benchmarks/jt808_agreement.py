"""How far our reading of recorded JT/T 808 frames agrees with values decoded independently.

``python -m benchmarks.jt808_agreement FRAMES.jsonl``: lines ``{"id", "hex", "expected": {"checksum",
"header", "body"}}``. Every value of header, body, locations and items is compared; frames whose checksum
is wrong must be refused.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.jt808 import message as messages
from ingest.jt808.framing import Deframer, TooLong
from ingest.jt808.location import Location
from ingest.jt808.message import Message
from tracking.reasons import Reject

HEADER: dict[str, Callable[[Message], Any]] = {
    "serial": lambda m: m.header.serial,
    "phone_bcd": lambda m: m.header.terminal,
    "msg_id": lambda m: f"0x{m.header.message_id:04x}",
    "fragmented": lambda m: m.header.fragment,
    "encrypt": lambda m: m.header.encryption,
    "protocol_version": lambda m: m.header.revision,
    "body_len": lambda m: m.header.body_length,
}


def location_differences(found: Location, expected: dict[str, Any]) -> list[str]:
    told: dict[str, Any] = {
        "alarm": f"0x{found.alarm:08x}",
        "status": f"0x{found.status:08x}",
        "lat": found.lat,
        "lon": found.lon,
        "altitude_m": found.altitude_raw,
        "speed_kmh": found.speed_kmh,
        "direction_deg": found.course_raw,
        "positioned": found.positioned,
        "time": None if found.time is None else found.time.isoformat(),
        "extras": found.items,
    }
    wrong = [
        f"{key}: {told[key]!r} != {value!r}"
        for key, value in expected.items()
        if key in told and key != "extras" and told[key] != value
    ]
    if "extras" in expected:
        items = {item["id"]: item.get("value", item.get("hex")) for item in found.items}
        for item in expected["extras"]:
            value = item.get("value", item.get("hex"))
            if item["id"] != "0x00" and items.get(item["id"]) != value:
                wrong.append(f"item {item['id']}: {items.get(item['id'])!r} != {value!r}")
    return wrong


def differences(found: Message, expected: dict[str, Any]) -> list[str]:
    header = expected["header"]
    wrong = [
        f"{key}: {read(found)!r} != {header[key]!r}"
        for key, read in HEADER.items()
        if key in header and read(found) != header[key]
    ]
    body = expected.get("body")
    if not body:
        return wrong
    places = body.get("items") or ([body["location"]] if "location" in body else [body])
    if "lat" in places[0]:
        if len(places) != len(found.body.locations):
            return [*wrong, f"{len(found.body.locations)} locations, expected {len(places)}"]
        for place, location in zip(places, found.body.locations, strict=True):
            wrong += location_differences(location, place)
    for key, value in body.items():
        if key in found.body.values and found.body.values[key] != value:
            wrong.append(f"{key}: {found.body.values[key]!r} != {value!r}")
    missing = [key for key in body if key not in found.body.values and "lat" not in places[0]]
    return wrong + [f"{key} is not read" for key in missing]


def main(file: Path) -> None:
    counted: Counter[str] = Counter()
    for line in file.read_text().splitlines():
        row = json.loads(line)
        expected = row["expected"]
        content = Deframer().feed(bytes.fromhex(row["hex"]))[0]
        found = Reject if isinstance(content, TooLong) else messages.read(content)
        if isinstance(found, Message):
            wrong = differences(found, expected)
            result = "agrees" if not wrong else "differs"
            if not expected["checksum"]["ok"]:
                result, wrong = "wrongly taken", ["checksum"]
        else:
            right = not expected["checksum"]["ok"]
            result, wrong = ("rightly refused", []) if right else ("wrongly refused", [str(found)])
        counted[result] += 1
        for difference in wrong:
            print(row["id"], row["msg_id"], result, difference[:300])
    print(dict(counted), "of", sum(counted.values()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
