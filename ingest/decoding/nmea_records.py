"""Records of NMEA 0183: one an epoch, one a refused sentence."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from ingest import nmea
from ingest.decoding import record as records
from ingest.decoding.record import Record
from ingest.decoding.source import chunks, without_comments
from ingest.nmea.epoch import SYSTEMS, Epoch
from ingest.nmea.scanner import Refused, shown
from tracking.fix import Fix, Flag
from tracking.reasons import Reason, Reject

QUALITIES = {2: "differential", 4: "rtk_fixed", 5: "rtk_float", 6: "estimated", 7: "manual", 8: "simulated"}

MODES = {
    "D": "differential",
    "E": "estimated",
    "F": "rtk_float",
    "M": "manual",
    "R": "rtk_fixed",
    "S": "simulated",
}
"""Of RMC, GLL and VTG; the quality of GGA goes before."""


def read(file: BinaryIO, *, reference_us: int | None, allow_missing_checksum: bool) -> Iterator[Record]:
    """``reference_us`` dates epochs without a date and mends week rollovers, as the arrival does live."""
    stream = nmea.Stream(allow_missing_checksum=allow_missing_checksum)
    for data in without_comments(chunks(file)):
        for found in stream.feed(data):
            yield from _records(stream, found, reference_us)
    for found in stream.finish():
        yield from _records(stream, found, reference_us)


def _records(stream: nmea.Stream, found: Epoch | Refused, reference_us: int | None) -> Iterator[Record]:
    if isinstance(found, Refused):
        yield records.refused("sentence", found.reject, shown(found.raw))
        return
    micros, bits = stream.calendar.date(found, reference_us)
    outcome = nmea.outcome_of(found, 0 if micros is None else micros, bits)
    if outcome is None and micros is None:
        return  # satellites in view, before any time was told
    yield _record(found, outcome, micros, bits)


def _record(epoch: Epoch, outcome: Any, micros: int | None, bits: int) -> Record:
    raw = "\n".join(shown(sentence.raw) for sentence in epoch.sentences)
    if isinstance(outcome, Fix):
        record = records.of_fix(outcome, kind="fix", device=None)
        record.fix_time = records.time_text(micros)
        if micros is None:
            record.flags.append("no_date" if epoch.time_us is not None else "no_time")
    else:
        kind = "time" if outcome is None else "fix"
        flags = [flag.name.lower() for flag in Flag if bits & flag and flag.name]
        record = Record(
            kind=kind, fix_time=records.time_text(micros), flags=flags, satellites=epoch.satellites
        )
        if isinstance(outcome, Reject) and outcome.reason is Reason.NO_FIX:
            record.flags.append("no_fix")
        elif isinstance(outcome, Reject):
            record.refuse(outcome, raw)
    told = QUALITIES.get(epoch.quality or 0) or MODES.get(epoch.mode or "")
    if told is not None:
        record.flags.append(told)
    record.flags = sorted(set(record.flags))
    record.extras = _extras(epoch, no_fix="no_fix" in record.flags)
    return records.judge_position(record, raw)


def _extras(epoch: Epoch, *, no_fix: bool) -> dict[str, Any]:
    talkers = sorted({sentence.talker for sentence in epoch.sentences})
    told: dict[str, Any] = {
        "sentences": list(dict.fromkeys(sentence.talker + sentence.name for sentence in epoch.sentences)),
        "systems": sorted({SYSTEMS[talker] for talker in talkers if talker in SYSTEMS}),
        "quality": epoch.quality,
        "mode": epoch.mode,
        "dimensions": epoch.dimensions,
        "hdop": epoch.hdop,
        "pdop": epoch.pdop,
        "vdop": epoch.vdop,
        "in_view": epoch.in_view or None,
    }
    position = epoch.position
    if no_fix and position is not None and position.lon is not None:
        told |= {"stale_lon": position.lon, "stale_lat": position.lat}
    return {name: value for name, value in told.items() if value is not None}
