"""How many known faults, put into recorded tracks, the quality checks find, and what else they flag.

``./wanmi bench track-faults FOLDER``: of every ``*.csv.gz`` there, one kind of fault at a time is put
into it (``benchmarks.injected_faults``), and the findings are compared with what was put in, row by row.
What is found in the untouched file too does not count as false; those findings have a table of their
own. Beside it the rule of thumb: over 150 km/h since the fix before, the time of the row before, an
earlier time than it, ten minutes of silence, four equal positions.
"""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.injected_faults import FAULTS
from tracking import quality
from tracking.analyse.reading import read_columns
from tracking.analyse.report import by_device
from tracking.quality.settings import QualitySettings
from tracking.quality.surroundings import Surroundings
from tracking.quality.track import Track

Found = dict[int, set[str]]
"""Reasons by row."""
SETTINGS = QualitySettings()
HOUR_US = 3_600_000_000
SHORTEST = 100
"""Fixes of a track that faults are put into."""


def found_by_checks(tracks: Sequence[Track], now_us: int) -> list[Found]:
    """Findings by track of a whole file."""
    surroundings = Surroundings(tracks)
    every: list[Found] = []
    for index, track in enumerate(tracks):
        found: Found = {}
        for finding in quality.check(track, SETTINGS, now_us=now_us, around=(surroundings, index)).findings:
            found.setdefault(finding.row, set()).add(finding.why.value)
        every.append(found)
    return every


def found_by_thumb(track: Track) -> Found:
    seconds, metres = track.step_s(), track.step_m()
    held = np.zeros(len(track), dtype=np.bool_)
    for start, end in quality.track.runs_of(np.asarray(metres == 0, dtype=np.bool_)):
        held[start + 1 : end + 1] = end - start >= 3
    fast = np.r_[False, metres / np.maximum(np.abs(seconds), 1) > 150 / 3.6]
    rules: dict[str, tuple[NDArray[np.bool_], Collection[str]]] = {
        "fast": (fast, ("jump", "impossible_speed", "catch_up")),
        "again": (np.r_[False, seconds == 0], ("duplicate", "same_second")),
        "earlier": (np.r_[False, seconds < 0], ("out_of_order", "clock_offset")),
        "silent": (np.r_[seconds > 600, False], ("gap", "parked")),
        "held": (held, ("frozen",)),
        "zero": ((track.lon == 0) & (track.lat == 0), ("zero_island",)),
    }
    found: Found = {}
    for hits, reasons in rules.values():
        for row in np.flatnonzero(hits).tolist():
            found.setdefault(row, set()).update(reasons)
    return found


class Score:
    def __init__(self) -> None:
        self.put_in = self.hit = self.false = 0

    def add(
        self, track: Track, truth: set[int], found: Found, reasons: Collection[str], known: set[int]
    ) -> None:
        """``known``: times of what is found in the untouched track."""
        told = {row for row, whys in found.items() if not whys.isdisjoint(reasons)}
        wrong = [row for row in told - truth if int(track.told_us[row]) not in known]
        self.put_in += len(truth)
        self.hit += len(truth & told)
        self.false += len(wrong)

    def cells(self) -> str:
        recall = self.hit / max(self.put_in, 1)
        precision = self.hit / max(self.hit + self.false, 1)
        return f"{recall:.1%} | {precision:.1%}"


def known_of(track: Track, found: Found, reasons: Collection[str]) -> set[int]:
    return {int(track.told_us[row]) for row, whys in found.items() if not whys.isdisjoint(reasons)}


class Examination:
    def __init__(self, faults: Sequence[str], seed: int) -> None:
        self._seed = seed
        self.totals = {fault: (Score(), Score()) for fault in faults}
        self.clean: dict[str, Counter[str]] = {}
        self.checked, self.spent = 0, 0.0

    def examine(self, path: Path) -> None:
        """All faults in one file; prints a line a fault."""
        name = path.name.removesuffix(".csv.gz")
        whole = [track for track in by_device(read_columns(path)) if len(track) >= SHORTEST]
        whole = [track.with_columns(row=np.arange(len(track))) for track in whole]
        now_us = max(int(track.told_us.max()) for track in whole) + HOUR_US
        before = found_by_checks(whole, now_us)
        thumb_before = [found_by_thumb(track) for track in whole]
        self.clean[name] = Counter(why for found in before for whys in found.values() for why in whys)
        self.clean[name]["fixes"] = sum(map(len, whole))
        for fault, totals in self.totals.items():
            _, inject, reasons = FAULTS[fault]
            rng = np.random.default_rng(self._seed)
            put = [inject(track, rng) for track in whole]
            began = time.perf_counter()
            found = found_by_checks([track for track, _ in put], now_us)
            self.spent += time.perf_counter() - began
            self.checked += sum(len(track) for track, _ in put)
            scores = (Score(), Score())
            for index, (broken, truth) in enumerate(put):
                if not truth:
                    continue
                told = (found[index], found_by_thumb(broken))
                for side, known in enumerate((before[index], thumb_before[index])):
                    usual = known_of(whole[index], known, reasons)
                    for score in (scores[side], totals[side]):
                        score.add(broken, truth, told[side], reasons, usual)
            if scores[0].put_in:
                ours, thumb = scores[0].cells(), scores[1].cells()
                print(f"| {name} | {fault} | {scores[0].put_in:,} | {ours} | {thumb} |", flush=True)


def print_tables(folder: Path, faults: Collection[str], seed: int, begins: str) -> None:
    """``faults``: names in ``FAULTS``; ``begins``: only of files whose names begin so."""
    examination = Examination(list(faults), seed)
    print("| file | fault | put in | found | precision | rule of thumb: found | precision |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for path in sorted(folder.glob(f"{begins}*.csv.gz")):
        examination.examine(path)
    for fault, (ours, thumb) in examination.totals.items():
        print(f"| all | {FAULTS[fault][0]} | {ours.put_in:,} | {ours.cells()} | {thumb.cells()} |")
    print("\nIn the untouched files:\n")
    reasons = sorted({why for counted in examination.clean.values() for why in counted} - {"fixes"})
    print(f"| file | fixes | {' | '.join(reasons)} |\n| --- | --- |{' --- |' * len(reasons)}")
    for name, counted in examination.clean.items():
        cells = " | ".join(f"{counted[why]:,}" if counted[why] else "" for why in reasons)
        print(f"| {name} | {counted['fixes']:,} | {cells} |")
    print(f"\n{examination.checked / examination.spent:,.0f} fixes/s checked")
