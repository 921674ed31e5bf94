"""What our decoders make of a folder of captures: a table per file of taken, flagged and refused.

``./wanmi bench captures FOLDER`` reads ``nmea/*.log`` (beside them, where there is one,
``expected_fixes.csv.gz``: what gpsd reports), ``jt808/frames.jsonl`` (member ``hex``), and of ``mqtt_http``
``owntracks_payloads.jsonl`` (``topic``, ``payload``) and ``osmand_traccar_requests.jsonl`` (``request``). The
table is Markdown, as it stands in docs/protocols/decode.md.
"""

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.nmea_agreement import agrees, ours, theirs
from ingest.decoding import json_records, jt808_records, nmea_records, osmand_records
from ingest.decoding.record import Record


def sources(folder: Path) -> Iterator[tuple[str, Iterable[Record]]]:
    for log in sorted((folder / "nmea").glob("*.log")):
        data = io.BytesIO(log.read_bytes())
        yield log.name, nmea_records.read(data, reference_us=None, allow_missing_checksum=False)
    frames = "\n".join(row["hex"] for row in rows(folder / "jt808" / "frames.jsonl"))
    yield "frames.jsonl", jt808_records.read(io.BytesIO(frames.encode()))
    payloads = "\n".join(map(json.dumps, rows(folder / "mqtt_http" / "owntracks_payloads.jsonl")))
    owntracks = io.BytesIO(payloads.encode())
    yield "owntracks_payloads.jsonl", json_records.read_owntracks(owntracks, reference_us=None, secret=None)
    asked = [row["request"] for row in rows(folder / "mqtt_http" / "osmand_traccar_requests.jsonl")]
    requests = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in asked)
    osmand = io.BytesIO(requests.encode())
    yield "osmand_traccar_requests.jsonl", osmand_records.read(osmand, reference_us=None, speed_unit="kn")


def rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def reproduced(folder: Path) -> dict[str, str]:
    """By log: how many of gpsd's fixes ours agree with, dates moved by 1,024 weeks included."""
    if not (folder / "expected_fixes.csv.gz").exists():
        return {}
    found: dict[str, str] = {}
    expected = theirs(folder)
    for log in folder.glob("*.log"):
        points, _ = ours(log)
        fixes = expected.get(log.name, [])
        hits = sum(any(agrees(fix, point, weeks=True) for point in points) for fix in fixes)
        found[log.name] = f"{hits} of {len(fixes)}"
    return found


def print_table(folder: Path) -> None:
    beside = reproduced(folder / "nmea")
    print("| file | records | fixes | no fix | others | refused | gpsd's fixes found | flags, reasons (!) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    total: Counter[str] = Counter()
    for name, records in sources(folder):
        counted: Counter[str] = Counter()
        remarks: Counter[str] = Counter()
        for record in records:
            counted[_class_of(record)] += 1
            remarks.update(flag for flag in record.flags if flag != "no_fix")
            if record.error:
                remarks[f"{record.error}!"] += 1
        told = " ".join(f"{remark} {count}," for remark, count in sorted(remarks.items())).rstrip(",")
        numbers = [counted[kind] for kind in ("fix", "no fix", "other", "refused")]
        total.update(counted)
        cells = [name, sum(numbers), *numbers, beside.get(name, ""), told]
        print(f"| {' | '.join(map(str, cells))} |")
    numbers = [total[kind] for kind in ("fix", "no fix", "other", "refused")]
    print(f"| all | {' | '.join(map(str, [sum(numbers), *numbers, '', '']))} |")


def _class_of(record: Record) -> str:
    if not record.ok:
        return "refused"
    if "no_fix" in record.flags:
        return "no fix"
    return "fix" if record.lon is not None else "other"
