"""How far our epochs of recorded NMEA logs agree with the fixes gpsd made of them.

``python -m benchmarks.nmea_agreement FOLDER``: the folder holds ``NAME.log`` and ``expected_fixes.csv.gz``
(``log,seq,time,mode,lat,lon,...``). A gpsd report with a fix agrees when one of our fixes of the same log
lies within 1e-5 degree and 1 s of it; and the other way round. gpsd moves some dates by 1,024 weeks to
come after its own release; those count as agreeing in a line of their own. Of reports of the same moment
altitude, speed and course are compared too: gpsd carries them on from the sentences before, so a value
that only gpsd has is told apart from one that differs.
"""

import csv
import gzip
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ingest import nmea
from ingest.decoding import nmea_records
from ingest.nmea.reading import ROLLOVER_US
from ingest.nmea.scanner import Refused
from tracking.clock import micros_of
from tracking.fix import Fix

DEGREE, SECOND_US = 1e-5, 1_000_000
Point = tuple[int | None, float, float]
Motion = tuple[float | None, float | None, float | None]


def ours(log: Path) -> tuple[list[Point], int]:
    """Fixes (time, lon, lat) of a log, also those that cannot be dated, and how much was refused."""
    stream = nmea.Stream(allow_missing_checksum=True)
    data = b"\n".join(line for line in log.read_bytes().split(b"\n") if not line.startswith(b"#"))
    points: list[Point] = []
    refused = 0
    for found in [*stream.feed(data), *stream.finish()]:
        if isinstance(found, Refused):
            refused += 1
            continue
        micros, _ = stream.calendar.date(found, None)
        outcome = nmea.outcome_of(found, 0 if micros is None else micros, 0)
        if isinstance(outcome, Fix):
            points.append((micros, outcome.lon, outcome.lat))
    return points, refused


def theirs(folder: Path) -> dict[str, list[Point]]:
    return {log: [point for point, _ in reports] for log, reports in reports_of(folder).items()}


def reports_of(folder: Path) -> dict[str, list[tuple[Point, Motion]]]:
    fixes: dict[str, list[tuple[Point, Motion]]] = defaultdict(list)
    with gzip.open(folder / "expected_fixes.csv.gz", "rt") as table:
        for row in csv.DictReader(table):
            if int(row["mode"] or 0) >= 2 and row["lat"] and row["lon"]:
                time = micros_of(datetime.fromisoformat(row["time"]).astimezone(UTC)) if row["time"] else None
                fixes[row["log"]].append(((time, float(row["lon"]), float(row["lat"])), told(row)))
    return fixes


NAMES = ("altitude", "speed", "course")
ALLOWED = (0.06, 0.06, 0.1)
"""Metres, m/s, degrees: gpsd prints fewer digits."""


def motions(log: Path) -> list[tuple[Point, Motion]]:
    """Our fixes of a log that have a time, with altitude, speed and course."""
    with log.open("rb") as file:
        found = nmea_records.read(file, reference_us=None, allow_missing_checksum=True)
        return [
            (
                (micros_of(datetime.fromisoformat(one.fix_time)), one.lon, one.lat),
                (one.altitude_m, one.speed_mps, one.course_deg),
            )
            for one in found
            if one.ok and one.fix_time and one.lon is not None and one.lat is not None
        ]


def told(row: dict[str, str]) -> Motion:
    values = [float(row[name]) if row[name] else None for name in ("alt_msl_m", "speed_ms", "track_deg")]
    return values[0], values[1], values[2]


def compared(ours: Motion, reports: list[Motion]) -> Iterator[tuple[str, str]]:
    """What each value of ours is beside those of gpsd's reports of the same moment and place."""
    for at, name in enumerate(NAMES):
        mine = ours[at]
        values = [value for report in reports if (value := report[at]) is not None]
        if mine is None or not values:
            neither = mine is None and not values
            yield name, "neither has" if neither else "only gpsd has" if mine is None else "only we have"
            continue
        apart = min(abs(value - mine) for value in values)
        yield (
            name,
            "agrees" if min(apart, abs(360 - apart) if at == 2 else apart) <= ALLOWED[at] else "differs",
        )


def agrees(one: Point, other: Point, *, weeks: bool = False) -> bool:
    if abs(one[1] - other[1]) > DEGREE or abs(one[2] - other[2]) > DEGREE:
        return False
    if one[0] is None or other[0] is None:
        return True
    apart = abs(one[0] - other[0])
    return min(apart, abs(apart - ROLLOVER_US) if weeks else apart) <= SECOND_US


def main(folder: Path, *, verbose: bool) -> None:
    reports = reports_of(folder)
    expected = {log: [point for point, _ in told] for log, told in reports.items()}
    total = [0, 0, 0, 0]
    moved = moved_back = 0
    values: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    print(f"{'log':<36}{'gpsd':>6}{'found':>7}{'ours':>6}{'in gpsd':>8}{'refused':>8}")
    for log in sorted(folder.glob("*.log")):
        points, refused = ours(log)
        fixes = expected.get(log.name, [])
        found = [any(agrees(fix, point) for point in points) for fix in fixes]
        back = [any(agrees(fix, point) for fix in fixes) for point in points]
        moved += sum(any(agrees(fix, point, weeks=True) for point in points) for fix in fixes) - sum(found)
        moved_back += sum(any(agrees(fix, point, weeks=True) for fix in fixes) for point in points) - sum(
            back
        )
        for point, motion in motions(log):
            same = [
                report
                for other, report in reports.get(log.name, [])
                if other[0] is not None and agrees(other, point, weeks=True) and _one_moment(other, point)
            ]
            if same:
                result = list(compared(motion, same))
                values.update(result)
                for one in result:
                    where[one][log.name.removesuffix(".log")] += 1
        row = [len(fixes), sum(found), len(points), sum(back)]
        total = [a + b for a, b in zip(total, row, strict=True)]
        mark = "" if row[0] == row[1] and row[2] == row[3] else "  <"
        print(f"{log.name:<36}{row[0]:>6}{row[1]:>7}{row[2]:>6}{row[3]:>8}{refused:>8}{mark}")
        if verbose and mark:
            print("  gpsd only:", [fix for fix, hit in zip(fixes, found, strict=True) if not hit][:3])
            print("  ours only:", [point for point, hit in zip(points, back, strict=True) if not hit][:3])
    print(f"gpsd fixes reproduced: {total[1]} of {total[0]} = {total[1] / total[0]:.2%}")
    print(f"more, where gpsd moved the date by 1,024 weeks: {moved}")
    print(f"our fixes that gpsd has: {total[3]} of {total[2]} = {total[3] / total[2]:.2%}")
    print(f"more, where gpsd moved the date by 1,024 weeks: {moved_back}")
    for (name, verdict), count in sorted(values.items()):
        told = where[name, verdict].most_common(4) if verdict in ("differs", "only gpsd has") else []
        print(f"{name} {verdict}: {count}", *(f"{log} {times}" for log, times in told))


def _one_moment(one: Point, other: Point) -> bool:
    return one[0] is not None and other[0] is not None and (one[0] - other[0]) % ROLLOVER_US < 1_000


if __name__ == "__main__":
    main(Path(sys.argv[1]), verbose="-v" in sys.argv)
