"""What is found in a track file, as records ready for JSON."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracking import quality, stops
from tracking.analyse.alerts import RuleBook
from tracking.analyse.reading import TrackFile
from tracking.analyse.words import Record, spoken
from tracking.quality import clocks, copies
from tracking.quality.surroundings import Surroundings
from tracking.quality.track import Track, make_track
from tracking.stops import StopSettings


def analyse_file(
    file: TrackFile, *, now_us: int, grid_file: Path | None = None, rules_file: Path | None = None
) -> Iterator[Record]:
    """All records of a file, device after device in the order of their first rows; what several devices do
    together at the end.

    Raises BadInput for grids or rules that cannot be read.
    """
    book = RuleBook(grid_file, rules_file)
    for row, line, device, error in file.refused:
        yield {
            "kind": "drop",
            "device": device,
            "time": None,
            "reason": "bad_row",
            "row": row,
            "line": line,
            "error": error,
        }
    settings, stop_settings = quality.QualitySettings(), StopSettings()
    tracks = by_device(file)
    arrival = clocks.arrival_of_rows(file.time_us, file.device)
    offsets = _fleet_offsets(tracks, settings) if arrival is None else np.zeros(len(tracks))
    shared = copies.find_copies([copies.steps_of(track) for track in tracks], settings)
    surroundings = Surroundings(tracks)
    for index, track in enumerate(tracks):
        name = file.names[index]
        checked = quality.check(
            track,
            settings,
            arrival_us=arrival,
            offset_s=float(offsets[index]),
            now_us=now_us,
            around=(surroundings, index),
        )
        yield from _findings(name, checked, file)
        yield from _copied(index, file, tracks, shared)
        yield from _journey(name, len(track), checked, stop_settings, book)
    yield from book.meeting.alerts()


def by_device(file: TrackFile) -> list[Track]:
    order = np.argsort(file.device, kind="stable")
    bounds = np.searchsorted(file.device[order], np.arange(len(file.names) + 1))
    tracks = []
    for index in range(len(file.names)):
        rows = order[bounds[index] : bounds[index + 1]]
        place = (file.lon[rows], file.lat[rows])
        motion = (file.speed_mps[rows], file.course_deg[rows])
        tracks.append(make_track(rows.astype(np.int64), file.time_us[rows], *place, *motion))
    return tracks


def _fleet_offsets(tracks: list[Track], settings: quality.QualitySettings) -> NDArray[np.float64]:
    """By the first and last fix of each device; a few stray times do not make an end."""
    if not tracks:
        return np.zeros(0)
    ends = np.array([np.percentile(track.time_us, (2, 98), method="nearest") for track in tracks])
    return clocks.fleet_offsets(ends[:, 0], ends[:, 1], settings)


def _findings(name: str, checked: quality.Checked, file: TrackFile) -> Iterator[Record]:
    for finding in checked.findings:
        record: Record = {
            "kind": finding.kind,
            "device": name,
            "time": spoken(finding.time_us),
            "reason": finding.why.value,
            "row": int(file.row[finding.row]),
        }
        for key, value in finding.extras.items():
            record["until" if key == "until_us" else key] = spoken(value) if key == "until_us" else value
        yield record


def _copied(
    index: int, file: TrackFile, tracks: list[Track], shared: list[tuple[int, int, int]]
) -> Iterator[Record]:
    for one, other, count in shared:
        if index in (one, other):  # a device with itself: one way at two times
            yield {
                "kind": "flag",
                "device": file.names[index],
                "time": spoken(int(tracks[index].told_us[0])),
                "reason": quality.Why.COPIED_TRACK.value,
                "row": int(file.row[tracks[index].row[0]]),
                "other": file.names[other if index == one else one],
                "steps": count,
            }


def _journey(
    name: str, fixes: int, checked: quality.Checked, settings: StopSettings, book: RuleBook
) -> Iterator[Record]:
    track = checked.track.take(~checked.frozen)
    halts = stops.find_stops(track, settings)
    trips = stops.find_trips(track, halts, settings)
    for halt in halts:
        yield {
            "kind": "stop",
            "device": name,
            "start": spoken(halt.start_us),
            "end": spoken(halt.end_us),
            "lon": round(halt.lon, 6),
            "lat": round(halt.lat, 6),
            "duration_s": round(halt.duration_s, 1),
            "fixes": halt.end - halt.start + 1,
        }
    for trip in trips:
        yield {
            "kind": "trip",
            "device": name,
            "start": spoken(trip.start_us),
            "end": spoken(trip.end_us),
            "distance_m": round(trip.distance_m, 1),
            "error_m": round(trip.error_m, 1),
            "duration_s": round((trip.end_us - trip.start_us) / 1e6, 1),
            "fixes": trip.end - trip.start + 1,
        }
    alerts = list(book.judge(name, checked))
    yield from alerts
    inside = book.time_inside_s(name, track)
    yield {
        "kind": "summary",
        "device": name,
        "fixes": fixes,
        "kept": len(checked.track),
        "from": spoken(int(track.time_us[0])) if len(track) else None,
        "to": spoken(int(track.time_us[-1])) if len(track) else None,
        "median_interval_s": round(checked.period_s, 1),
        "clock_offset_s": checked.clock_offset_s,
        "mileage_m": round(sum(trip.distance_m for trip in trips), 1),
        "mileage_error_m": round(float(np.hypot.reduce([trip.error_m for trip in trips] or [0.0])), 1),
        "moving_s": round(sum((trip.end_us - trip.start_us) / 1e6 for trip in trips), 1),
        "stopped_s": round(sum(halt.duration_s for halt in halts), 1),
        "stops": len(halts),
        "trips": len(trips),
        "inside_s": None if inside is None else round(inside[0], 1),
        "outside_s": None if inside is None else round(inside[1], 1),
        "alerts": len(alerts),
        "reasons": dict(Counter(finding.why.value for finding in checked.findings)),
    }
