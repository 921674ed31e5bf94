"""Fuzzing of one decoder with atheris (libFuzzer); run by hand, not by pytest:

``uv run --with atheris python -m tests.fuzz.decoders PROTOCOL [CORPUS] [-max_total_time=300 …]``, a corpus
to begin with from ``python -m tests.fuzz.seeds FOLDER``.

A finding is an exception, a line that is no JSON, a line without its members, or a row that no device can
have told: a position beyond the earth or at 0,0 that is taken, a course beyond a circle, a speed or an
accuracy below zero, a battery beyond 100 %.
"""

import io
import json
import math
import sys
from collections.abc import Iterator
from zlib import crc32

import atheris

with atheris.instrument_imports(include=["ingest", "tracking"]):
    from ingest import batch, json_fix, jt808, nmea, osmand, owntracks, topics
    from ingest.decoding import batch_records, json_records, jt808_records, nmea_records, osmand_records
    from ingest.decoding.record import Record, line_of
    from tracking.batch import FixColumns
    from tracking.fix import ConnectionStatus, Distress, Fix
    from tracking.reasons import Reject

NOW_US = 1_767_268_800_000_000
SECRET = "s"


def records(protocol: str, data: bytes) -> Iterator[Record]:
    file = io.BytesIO(data)
    match protocol:
        case "nmea":
            return nmea_records.read(file, reference_us=NOW_US, allow_missing_checksum=True)
        case "owntracks":
            return json_records.read_owntracks(file, reference_us=None, secret=SECRET)
        case "json":
            return json_records.read_json(file, reference_us=None)
        case "batch":
            return batch_records.read(file)
        case "jt808":
            return jt808_records.read(file)
    return osmand_records.read(file, reference_us=None, speed_unit="kn")


LIVE = {
    "nmea": lambda data: nmea.decode(data, received_us=NOW_US),
    "owntracks": lambda data: owntracks.decode(data, received_us=NOW_US, secret=SECRET),
    "json": json_fix.decode_fix,
    "batch": batch.decode_columns,
    "jt808": jt808.decode,
    "osmand": lambda data: osmand.fixes(data, NOW_US, "kmh"),
}
TOPICS = {
    "nmea": "wanmi/v1/d/nmea",
    "owntracks": "owntracks/u/d",
    "json": "wanmi/v1/d/fix",
    "batch": "wanmi/v1/d/fixes",
    "jt808": "wanmi/v1/d/raw/jt808",
    "osmand": "wanmi/v1/d/raw/osmand",
}


def judge(line: dict[str, object]) -> None:
    """Raise AssertionError for a row that no device can have told."""
    assert line["ok"] or line["error"], line
    numbers = {
        name: line[name] for name in ("lon", "lat", "speed_mps", "course_deg", "accuracy_m", "battery")
    }
    told = {name: float(value) for name, value in numbers.items() if isinstance(value, int | float)}
    assert all(math.isfinite(value) for value in told.values()), line
    assert ("lon" in told) == ("lat" in told), line
    if line["ok"] and "lon" in told and "no_fix" not in line["flags"]:  # type: ignore[operator]
        assert abs(told["lon"]) <= 180, line
        assert abs(told["lat"]) <= 90, line
        assert max(abs(told["lon"]), abs(told["lat"])) >= 0.001, line
    assert min(told.get("speed_mps", 0), told.get("accuracy_m", 0)) >= 0, line
    assert 0 <= told.get("course_deg", 0) < 360, line
    assert 0 <= told.get("battery", 0) <= 100, line


def judge_fix(fix: Fix) -> None:
    assert isinstance(fix.fix_time_us, int), fix
    assert all(isinstance(angle, float) for angle in (fix.lon, fix.lat)), fix
    assert fix.speed_mps is None or (fix.speed_mps >= 0 and math.isfinite(fix.speed_mps)), fix
    assert fix.course_deg is None or 0 <= fix.course_deg < 360, fix
    assert fix.satellites is None or 0 <= fix.satellites <= 200, fix
    assert fix.battery_pct is None or 0 <= fix.battery_pct <= 100, fix


def check(protocol: str, data: bytes) -> None:
    for record in records(protocol, data):
        judge(json.loads(line_of(record)))
    for outcome in LIVE[protocol](data):
        assert isinstance(outcome, Fix | FixColumns | ConnectionStatus | Distress | Reject), outcome
        if isinstance(outcome, Fix):
            judge_fix(outcome)
    arrival = topics.read(TOPICS[protocol], data, NOW_US, retained=True, max_payload_bytes=400_000)
    assert not any(isinstance(one, Reject) and one.reason == "decoder_failed" for one in arrival.outcomes), (
        data
    )


def main() -> None:
    protocol = sys.argv[1]

    def one(data: bytes) -> None:
        # A checksum is rarely guessed: the input is given as it is, and with its checksum mended.
        check(protocol, data)
        if protocol == "nmea" and b"$" in data:
            body = data.rpartition(b"$")[2].partition(b"*")[0]
            total = 0
            for byte in body:
                total ^= byte
            check(protocol, b"$%b*%02X\r\n" % (body, total))
        if protocol == "batch":
            body = data[: len(data) // 19 * 19]
            head = b"WB\x01\x00" + (len(body) // 19).to_bytes(4, "little")
            head += (NOW_US // 1000).to_bytes(8, "little") + crc32(body).to_bytes(4, "little")
            check(protocol, head + body)
        if protocol == "jt808":
            total = 0
            for byte in data:
                total ^= byte
            plain = data + bytes([total])
            escaped = plain.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
            check(protocol, b"\x7e" + escaped + b"\x7e")

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
