"""Records of OsmAnd and Traccar requests: one a query string or JSON body, one a line."""

from collections.abc import Iterator
from typing import BinaryIO

from ingest import osmand
from ingest.decoding import record as records
from ingest.decoding.record import Record
from ingest.decoding.source import LONGEST_LINE, lines
from ingest.osmand import Report
from tracking.fix import Fix
from tracking.reasons import Reason, Reject


def read(file: BinaryIO, *, reference_us: int | None, speed_unit: str) -> Iterator[Record]:
    """``reference_us`` stands in for a missing time, as the arrival does live."""
    for line in lines(file):
        if isinstance(line, int):
            told = Reject(Reason.TOO_LARGE, f"a line of {line} bytes, at most {LONGEST_LINE}")
            yield records.refused("location", told, "")
            continue
        text = line.decode("utf-8", "backslashreplace")
        for found in osmand.decode(text, speed_unit=speed_unit):
            if isinstance(found, Reject):
                yield records.refused("location", found, text)
            else:
                yield records.judge_position(_record(found, text, reference_us), text)


def _record(report: Report, text: str, reference_us: int | None) -> Record:
    outcome = report.outcome(0 if reference_us is None else reference_us)
    if isinstance(outcome, Fix):
        record = records.of_fix(outcome, kind=report.kind, device=report.device)
    elif isinstance(outcome, Reject) and outcome.reason is Reason.NO_FIX:
        record = Record(
            kind=report.kind,
            device=report.device,
            fix_time=records.time_text(report.time_us),
            lon=report.lon,
            lat=report.lat,
            battery=report.battery_pct,
            flags=["no_fix"],
        )
    else:
        refusal = outcome if isinstance(outcome, Reject) else Reject(Reason.BAD_FIELD, "not a report")
        return records.refused(report.kind, refusal, text, device=report.device)
    record.extras = report.extras
    return record
