"""How far our epochs of recorded NMEA logs agree with the fixes gpsd made of them.

``python -m benchmarks.nmea_agreement FOLDER``: the folder holds ``NAME.log`` and ``expected_fixes.csv.gz``
(``log,seq,time,mode,lat,lon,...``). A gpsd report with a fix agrees when one of our fixes of the same log
lies within 1e-5 degree and 1 s of it; and the other way round. gpsd moves some dates by 1,024 weeks to
come after its own release; those count as agreeing in a line of their own.
"""

import csv
import gzip
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from ingest import nmea
from ingest.nmea.reading import ROLLOVER_US
from ingest.nmea.scanner import Refused
from tracking.clock import micros_of
from tracking.fix import Fix

DEGREE, SECOND_US = 1e-5, 1_000_000
Point = tuple[int | None, float, float]


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
    fixes: dict[str, list[Point]] = defaultdict(list)
    with gzip.open(folder / "expected_fixes.csv.gz", "rt") as table:
        for row in csv.DictReader(table):
            if int(row["mode"] or 0) >= 2 and row["lat"] and row["lon"]:
                time = micros_of(datetime.fromisoformat(row["time"]).astimezone(UTC)) if row["time"] else None
                fixes[row["log"]].append((time, float(row["lon"]), float(row["lat"])))
    return fixes


def agrees(one: Point, other: Point, *, weeks: bool = False) -> bool:
    if abs(one[1] - other[1]) > DEGREE or abs(one[2] - other[2]) > DEGREE:
        return False
    if one[0] is None or other[0] is None:
        return True
    apart = abs(one[0] - other[0])
    return min(apart, abs(apart - ROLLOVER_US) if weeks else apart) <= SECOND_US


def main(folder: Path, *, verbose: bool) -> None:
    expected = theirs(folder)
    total = [0, 0, 0, 0]
    moved = moved_back = 0
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


if __name__ == "__main__":
    main(Path(sys.argv[1]), verbose="-v" in sys.argv)
