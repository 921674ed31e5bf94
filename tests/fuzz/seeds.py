"""Messages to begin fuzzing with: ``python -m tests.fuzz.seeds FOLDER`` writes a folder a protocol."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from ingest import batch
from ingest.jt808 import framing, header, location
from tracking.fix import Fix

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIX = Fix(1_772_366_400_000_000, 120.5, 30.25, 12.0, 10.0, 90.0, 5.0, 9, 80)
PLACE = "3130.5000,N,12030.2500,E"
SENTENCES = [
    f"GNRMC,115959.50,A,{PLACE},10.00,45.5,010326,,,A,V",
    f"GPRMC,115959,V,{PLACE},,,010326,,,N",
    f"GNGGA,115959.50,{PLACE},1,08,1.1,15.2,M,7.0,M,,",
    f"GNGNS,115959.50,{PLACE},AN,08,1.1,15.2,7.0,,,V",
    f"GPGLL,{PLACE},115959.50,A,A",
    "GPVTG,45.5,T,,M,10.0,N,18.5,K,A",
    "GPZDA,115959.50,01,03,2026,00,00",
    "GNGSA,A,3,01,02,03,,,,,,,,,,2.5,1.1,2.2",
    "GPGST,115959.50,1.2,,,,3.0,4.0,5.0",
    "GPGSV,1,1,04,01,30,046,22",
]
PLACED = location.write(FIX, NOON, items=b"\x01\x04\0\0\0\x64\x31\x01\x09\xeb\x02\x01\x02")
BODIES = {
    0x0100: b"\0\x2c\x01\x2f70111" + b"M".ljust(20, b"\0") + b"0567872\x01" + "粤B88888".encode("gbk"),
    0x0102: b"token",
    0x0107: b"\0\x07MAKER" + b"M".ljust(20, b"\0") + b"ID00000" + bytes(10) + b"\x02V1\x02F1\x01\x01",
    0x0200: PLACED,
    0x0201: b"\0\x09" + PLACED,
    0x0702: b"\x01" + bytes.fromhex("260301160000") + b"\0\x01A" + b"1" * 20 + b"\x01B" + bytes(4),
    0x0704: b"\0\x02\x01" + 2 * (len(PLACED).to_bytes(2) + PLACED),
    0x0801: bytes(8) + PLACED[:28] + b"\xff\xd8",
    0x0900: b"\xf0abc",
}
LOCATION = {
    "_type": "location",
    "lon": 120.5,
    "lat": 30,
    "tst": 1_772_366_400,
    "vel": 36,
    "cog": 0,
    "acc": 5,
    "batt": 80,
}
OURS = {"time": "2026-03-01T12:00:00Z", "lon": 120.5, "lat": 30.5, "speed_mps": 1.5, "alarms": ["sos"]}
COORDS = {"latitude": 30.5, "longitude": 120.5, "speed": -1, "heading": 5, "accuracy": 5, "altitude": 9}
CLIENT = {
    "device_id": "7",
    "location": {"timestamp": "2026-03-01T12:00:00Z", "coords": COORDS, "battery": {"level": 0.5}},
}
QUERIES = [
    "/?id=7&timestamp=1772366400&lat=30.5&lon=120.5&speed=10&bearing=45&altitude=9&accuracy=5&batt=55",
    "GET /?deviceid=7&timestamp=2026-03-01+12%3A00%3A00&location=30.5,120.5&valid=true HTTP/1.1",
    "id=7&cell=460,0,1,2&wifi=aa-bb,-80&alarm=sos",
]


def seeds() -> dict[str, list[bytes]]:
    sentences = [_sentence(body) for body in SENTENCES]
    frames = [
        header.join(number, body, version=version, terminal="13800138000", serial=7)
        for number, body in BODIES.items()
        for version in (2013, 2019)
    ]
    parts = [
        header.join(0x0704, part, version=2013, terminal="1", serial=at, part=(2, at))
        for at, part in enumerate((BODIES[0x0704][:40], BODIES[0x0704][40:]), start=1)
    ]
    wrapped = [framing.wrap(frame) for frame in frames]
    return {
        "nmea": [*sentences, b"".join(sentences)],
        "jt808": [*frames, *wrapped, b"".join(map(framing.wrap, parts)), wrapped[0].hex().encode()],
        "owntracks": [
            json.dumps(LOCATION).encode(),
            json.dumps({"topic": "owntracks/u/d", "payload": [LOCATION, {"_type": "lwt"}]}).encode(),
            json.dumps(LOCATION | {"_type": "transition", "event": "enter"}).encode(),
            b'{"_type":"encrypted","data":"AAAA"}',
        ],
        "json": [json.dumps(OURS).encode(), json.dumps([OURS, OURS]).encode(), b'{"online":true}'],
        "osmand": [*(query.encode() for query in QUERIES), json.dumps(CLIENT).encode()],
        "batch": [batch.encode([FIX]), batch.encode([FIX] * 3), batch.encode([])],
    }


def _sentence(body: str) -> bytes:
    total = 0
    for byte in body.encode():
        total ^= byte
    return f"${body}*{total:02X}\r\n".encode()


def main(folder: Path) -> None:
    for protocol, messages in seeds().items():
        (folder / protocol).mkdir(parents=True, exist_ok=True)
        for number, message in enumerate(messages):
            (folder / protocol / f"seed-{number:03}").write_bytes(message)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
