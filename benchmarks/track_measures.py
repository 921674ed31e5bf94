"""What faults and noise do to mileage and stops of recorded tracks.

``./wanmi bench track-measures FOLDER``: of every ``*.csv.gz`` there, mileage and stops of each track
are taken before and after one change at a time: the faults of ``benchmarks.injected_faults``, noise of
the receiver, every second fix left out, and a stay of half an hour or an hour put in, whose position
wanders. Printed by kind of change: by how much the mileage of all tracks differs together and of the
median track; how often the stated error (two standard errors) covers the difference; how many of the
stops are found again (within a minute or two intervals at both ends, and 60 m), and how many are new.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.injected_faults import FAULTS
from benchmarks.track_faults import HOUR_US, SETTINGS, SHORTEST
from tracking import quality
from tracking.analyse.reading import read_columns
from tracking.analyse.report import by_device
from tracking.quality.surroundings import Surroundings
from tracking.quality.track import Track, distance_m, own_speed
from tracking.stops import Stop, StopSettings, find_stops, find_trips

STOPS = StopSettings()
Stay = tuple[int, int, float, float]
"""Begin and end (µs), longitude, latitude."""
Changed = tuple[Track, list[Stay]]
"""A changed track, and the stays that were put in."""


@dataclass(slots=True)
class Measure:
    metres: float
    error_m: float
    stops: list[Stop]
    period_us: float


@dataclass(slots=True)
class Tally:
    before_m: float = 0.0
    after_m: float = 0.0
    shares: list[float] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    stays: int = 0
    found: int = 0
    after: int = 0

    def line(self, name: str) -> str:
        shares = np.abs(self.shares) if self.shares else np.zeros(1)
        together = self.after_m / self.before_m - 1 if self.before_m else 0.0
        cells = (
            f"{together:+.1%}",
            f"{np.median(shares):.1%}",
            f"{np.percentile(shares, 90):.1%}",
            f"{np.mean(self.covered):.0%}" if self.covered else "",
            f"{self.found / max(self.stays, 1):.1%} of {self.stays:,}",
            f"{max(self.after - self.found, 0):,}",
        )
        return f"| {name} | {' | '.join(cells)} |"


def measured(tracks: Sequence[Track], now_us: int) -> list[Measure]:
    surroundings = Surroundings(tracks)
    found = []
    for index, track in enumerate(tracks):
        checked = quality.check(track, SETTINGS, now_us=now_us, around=(surroundings, index))
        kept = checked.track.take(~checked.frozen)
        stops = find_stops(kept, STOPS)
        trips = find_trips(kept, stops, STOPS)
        error = float(np.hypot.reduce([trip.error_m for trip in trips] or [0.0]))
        found.append(Measure(sum(trip.distance_m for trip in trips), error, stops, checked.period_s * 1e6))
    return found


def same_stop(stay: Stay, stops: Sequence[Stop], slack_us: float) -> bool:
    begin, end, lon, lat = stay
    for stop in stops:
        near = distance_m(*(np.array([value]) for value in (lon, lat, stop.lon, stop.lat)))[0] <= 60
        if near and abs(stop.start_us - begin) <= slack_us and abs(stop.end_us - end) <= slack_us:
            return True
    return False


def noise(metres: float) -> Callable[[Track, np.random.Generator], Changed]:
    def change(track: Track, rng: np.random.Generator) -> Changed:
        return _wandering(track, rng, metres), []

    return change


def _wandering(track: Track, rng: np.random.Generator, metres: float) -> Track:
    north, east = rng.normal(0, metres, (2, len(track))) / 111_195
    return track.with_columns(lat=track.lat + north, lon=track.lon + east / np.cos(np.radians(track.lat)))


def thinned(track: Track, _rng: np.random.Generator) -> Changed:
    left = track.take(np.arange(0, len(track), 2))
    return left.with_columns(row=np.arange(len(left))), []


def parked(metres: float, minutes: int) -> Callable[[Track, np.random.Generator], Changed]:
    """A stay in the middle of the longest drive, with a fix every interval."""

    def change(track: Track, rng: np.random.Generator) -> Changed:
        period, _ = own_speed(track)
        step = track.step_m() / np.maximum(track.step_s(), 1)
        driving = np.flatnonzero((step[:-1] > 3) & (step[1:] > 3) & (track.step_s()[:-1] <= 3 * period))
        if not len(driving):
            return track, []
        at = int(driving[len(driving) // 2]) + 1
        count = max(int(minutes * 60 / period), 4)
        order = np.r_[np.arange(at), np.full(count + 1, at), np.arange(at + 1, len(track))]
        pause = int(count * period * 1e6)
        later = np.r_[
            np.zeros(at, dtype=np.int64),
            (np.arange(count + 1) * period * 1e6).astype(np.int64),
            np.full(len(track) - at - 1, pause, dtype=np.int64),
        ]
        longer = track.take(order)
        longer = longer.with_columns(
            row=np.arange(len(order)), told_us=longer.told_us + later, time_us=longer.time_us + later
        )
        restless = _wandering(longer, rng, metres)
        lon, lat = longer.lon.copy(), longer.lat.copy()
        stay = slice(at, at + count + 1)
        lon[stay], lat[stay] = restless.lon[stay], restless.lat[stay]
        begin = int(track.time_us[at])
        place = (float(track.lon[at]), float(track.lat[at]))
        return longer.with_columns(lon=lon, lat=lat), [(begin, begin + pause, *place)]

    return change


CHANGES: dict[str, Callable[[Track, np.random.Generator], Changed]] = {
    "noise of 5 m": noise(5),
    "noise of 10 m": noise(10),
    "every second fix": thinned,
    "parked 30 min, wandering by 5 m": parked(5, 30),
    "parked 60 min, wandering by 10 m": parked(10, 60),
    "parked 60 min, wandering by 20 m": parked(20, 60),
}


def with_fault(name: str) -> Callable[[Track, np.random.Generator], Changed]:
    def change(track: Track, rng: np.random.Generator) -> Changed:
        broken, truth = FAULTS[name][1](track, rng)
        return (broken, []) if truth else (track, [])

    return change


def print_table(folder: Path, seed: int, begins: str) -> None:
    """``begins``: only of files whose names begin so."""
    changes = {FAULTS[name][0]: with_fault(name) for name in FAULTS if name != "teleport"} | CHANGES
    tallies = {name: Tally() for name in changes}
    for path in sorted(folder.glob(f"{begins}*.csv.gz")):
        whole = [track for track in by_device(read_columns(path)) if len(track) >= SHORTEST]
        whole = [track.with_columns(row=np.arange(len(track))) for track in whole]
        now_us = max(int(track.told_us.max()) for track in whole) + HOUR_US
        before = measured(whole, now_us)
        for name, change in changes.items():
            rng = np.random.default_rng(seed)
            changed = [change(track, rng) for track in whole]
            after = measured([track for track, _ in changed], now_us + 2 * HOUR_US)
            compare(tallies[name], before, after, [stays for _, stays in changed])
    print("| change | mileage together | median track | 90th percentile | covered | stops found | new |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, tally in tallies.items():
        print(tally.line(name))


def compare(tally: Tally, before: list[Measure], after: list[Measure], put_in: list[list[Stay]]) -> None:
    for one, other, stays in zip(before, after, put_in, strict=True):
        slack = max(60e6, 2 * one.period_us)
        if one.metres > 1_000:
            tally.before_m += one.metres
            tally.after_m += other.metres
            tally.shares.append(other.metres / one.metres - 1)
            tally.covered.append(abs(other.metres - one.metres) <= 2 * np.hypot(one.error_m, other.error_m))
        wanted = stays or [(stop.start_us, stop.end_us, stop.lon, stop.lat) for stop in one.stops]
        tally.stays += len(wanted)
        tally.found += sum(same_stop(stay, other.stops, slack) for stay in wanted)
        tally.after += len(other.stops) - (len(one.stops) if stays else 0)
