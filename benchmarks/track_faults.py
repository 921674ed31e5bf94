"""How many known faults, put into recorded tracks, the quality checks find, and what else they flag.

``python -m benchmarks.track_faults FOLDER``: of every ``*.csv.gz`` there, one kind of fault at a time is put
into it, and the findings are compared with what was put in. What is found in the untouched file does
not count as false: recorded tracks have faults of their own. Beside it the rule of thumb: over 150
km/h since the fix before, a repeated row, an earlier time than the row before, ten minutes of silence,
four equal positions.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracking import quality
from tracking.analyse.reading import read_columns
from tracking.analyse.report import _by_device
from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track, own_speed

Rows = set[tuple[int, int]]
"""Device and told time (µs)."""
Injected = tuple[Track, set[int]]
"""A track with faults, and the told times of the fixes at fault."""

SETTINGS = QualitySettings()


def jumps(track: Track, rng: np.random.Generator) -> Injected:
    count = max(1, len(track) // 100)
    lon, lat, hit = track.lon.copy(), track.lat.copy(), set()
    for start in rng.choice(np.arange(3, len(track) - 6), count, replace=False).tolist():
        length = 1 if rng.random() < 0.8 else int(rng.integers(2, 4))
        metres, angle = 1_000 * 30 ** rng.random(), rng.random() * 2 * np.pi
        rows = slice(start, start + length)
        lat[rows] = track.lat[rows] + metres * np.sin(angle) / 111_195
        lon[rows] = track.lon[rows] + metres * np.cos(angle) / 111_195 / np.cos(np.radians(track.lat[start]))
        hit |= set(track.told_us[rows].tolist())
    return track.with_columns(lon=lon, lat=lat), hit


def duplicates(track: Track, rng: np.random.Generator) -> Injected:
    again = rng.choice(len(track), max(1, len(track) // 50), replace=False)
    place = again + rng.integers(0, 5, len(again)) + 0.5
    order = np.argsort(np.r_[np.arange(len(track)), place], kind="stable")
    rows = np.r_[np.arange(len(track)), again][order]
    return track.take(rows).with_columns(row=np.arange(len(rows))), set(track.told_us[again].tolist())


def clocks(track: Track, rng: np.random.Generator) -> Injected:
    start = int(rng.integers(len(track) // 10, len(track) // 3))
    end = int(rng.integers(len(track) // 2, len(track) * 9 // 10))
    hours = rng.choice([-8, -1, 1, 8, 24])
    told = track.told_us.copy()
    told[start:end] += int(hours * 3_600_000_000)
    return track.with_columns(told_us=told, time_us=told), set(told[start:end].tolist())


def shuffles(track: Track, rng: np.random.Generator) -> Injected:
    late = rng.choice(np.arange(len(track) - 1), max(1, len(track) // 50), replace=False)
    place = np.arange(len(track)).astype(float)
    place[late] += rng.integers(1, 15, len(late)) + 0.5
    order = np.argsort(place, kind="stable")
    return track.take(order).with_columns(row=np.arange(len(track))), set(track.told_us[late].tolist())


def freezes(track: Track, rng: np.random.Generator) -> Injected:
    lon, lat, hit = track.lon.copy(), track.lat.copy(), set()
    for start in rng.choice(len(track) - 40, max(1, len(track) // 300), replace=False).tolist():
        rows = slice(start + 1, start + int(rng.integers(8, 31)))
        away = track.apart_m(np.array([start]), np.array([rows.stop]))
        if away[0] < 500:
            continue
        lon[rows], lat[rows] = lon[start], lat[start]
        hit |= set(track.told_us[rows].tolist())
    return track.with_columns(lon=lon, lat=lat), hit


def gaps(track: Track, rng: np.random.Generator) -> Injected:
    period, _ = own_speed(track)
    keep, hit = np.ones(len(track), dtype=np.bool_), set()
    for start in rng.choice(len(track) - 40, max(1, len(track) // 300), replace=False).tolist():
        until = int(np.searchsorted(track.time_us, track.time_us[start] + int(max(600, 8 * period) * 1e6)))
        if until >= len(track) or track.apart_m(np.array([start]), np.array([until]))[0] < 500:
            continue
        keep[start + 1 : until] = False
        hit.add(int(track.told_us[start]))
    hit &= set(track.told_us[keep].tolist())
    left = track.take(keep)
    return left.with_columns(row=np.arange(len(left))), hit


def zeros(track: Track, rng: np.random.Generator) -> Injected:
    rows = rng.choice(len(track), max(1, len(track) // 100), replace=False)
    lon, lat = track.lon.copy(), track.lat.copy()
    lon[rows] = lat[rows] = 0.0
    return track.with_columns(lon=lon, lat=lat), set(track.told_us[rows].tolist())


FAULTS: dict[str, tuple[Callable[[Track, np.random.Generator], Injected], set[str]]] = {
    "jump": (jumps, {"jump"}),
    "duplicate": (duplicates, {"duplicate"}),
    "clock": (clocks, {"clock_offset"}),
    "shuffle": (shuffles, {"out_of_order"}),
    "frozen": (freezes, {"frozen"}),
    "gap": (gaps, {"gap", "parked"}),
    "zero": (zeros, {"zero_island"}),
}


def found_by_checks(track: Track, reasons: set[str]) -> set[int]:
    return {finding.time_us for finding in quality.check(track, SETTINGS).findings if finding.why in reasons}


def found_by_thumb(track: Track, fault: str) -> set[int]:
    seconds, metres = track.step_s(), track.step_m()
    match fault:
        case "jump":
            hits = np.r_[False, metres / np.maximum(np.abs(seconds), 1) > 150 / 3.6]
        case "duplicate":
            hits = np.r_[False, (seconds == 0) & (metres == 0)]
        case "shuffle" | "clock":
            hits = np.r_[False, seconds < 0]
        case "frozen":
            same: NDArray[np.bool_] = metres == 0
            hits = np.zeros(len(track), dtype=np.bool_)
            for start, end in quality.track.runs_of(same):
                hits[start + 1 : end + 1] = end - start >= 3
        case "gap":
            hits = np.r_[seconds > 600, False]
        case _:
            hits = (track.lon == 0) & (track.lat == 0)
    return set(track.told_us[hits].tolist())


class Score:
    def __init__(self) -> None:
        self.put_in = self.hit = self.false = 0

    def add(self, truth: set[int], found: set[int], before: set[int]) -> None:
        self.put_in += len(truth)
        self.hit += len(truth & found)
        self.false += len(found - truth - before)

    def __str__(self) -> str:
        recall = self.hit / max(self.put_in, 1)
        precision = self.hit / max(self.hit + self.false, 1)
        return f"{recall:7.1%} {precision:7.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    total: dict[str, tuple[Score, Score]] = {fault: (Score(), Score()) for fault in FAULTS}
    print(f"{'file':<28} {'fault':<10} {'put in':>7}  ours: recall precision   thumb: recall precision")
    checked, spent = 0, 0.0
    for path in sorted(arguments.folder.glob("*.csv.gz")):
        tracks = [track for track in _by_device(read_columns(path)) if len(track) >= 100]
        for fault, (inject, reasons) in FAULTS.items():
            ours, thumb = Score(), Score()
            rng = np.random.default_rng(arguments.seed)
            for track in tracks:
                whole = track.with_columns(row=np.arange(len(track)))
                broken, truth = inject(whole, rng)
                if not truth:
                    continue
                began = time.perf_counter()
                found = found_by_checks(broken, reasons)
                spent += time.perf_counter() - began
                checked += len(broken)
                for scores in (ours, total[fault][0]):
                    scores.add(truth, found, found_by_checks(whole, reasons))
                for scores in (thumb, total[fault][1]):
                    scores.add(truth, found_by_thumb(broken, fault), found_by_thumb(whole, fault))
            if ours.put_in:
                name = path.name.removesuffix(".csv.gz")
                print(f"{name:<28} {fault:<10} {ours.put_in:>7}        {ours}         {thumb}")
    for fault, (ours, thumb) in total.items():
        print(f"{'all':<28} {fault:<10} {ours.put_in:>7}        {ours}         {thumb}")
    print(f"{checked / spent:,.0f} fixes/s checked")


if __name__ == "__main__":
    main()
