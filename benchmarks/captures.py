"""What our decoders make of a folder of captures: a table per file of taken, flagged and refused.

``python -m benchmarks.captures FOLDER`` reads ``nmea/*.log``, ``jt808/frames.jsonl`` (member ``hex``), and of
``mqtt_http`` the files ``owntracks_payloads.jsonl`` (``topic``, ``payload``) and
``osmand_traccar_requests.jsonl`` (``request``).
"""

import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

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


def main(folder: Path) -> None:
    print(f"{'file':<36}{'lines':>7}{'fixes':>7}{'others':>7}{'refused':>8}  flags and reasons")
    for name, records in sources(folder):
        counted: Counter[str] = Counter()
        remarks: Counter[str] = Counter()
        for record in records:
            has_fix = record.lon is not None and "no_fix" not in record.flags
            counted["refused" if not record.ok else "fix" if has_fix else "other"] += 1
            remarks.update(record.flags)
            if record.error:
                remarks[f"{record.error}!"] += 1
        told = " ".join(f"{remark}:{count}" for remark, count in sorted(remarks.items()))
        numbers = (sum(counted.values()), counted["fix"], counted["other"], counted["refused"])
        print(f"{name:<36}{numbers[0]:>7}{numbers[1]:>7}{numbers[2]:>7}{numbers[3]:>8}  {told}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
