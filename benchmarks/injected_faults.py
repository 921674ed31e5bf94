"""Faults as receivers, terminals and networks make them, put into recorded tracks at known rows.

Each takes a track in the order of its rows and gives the broken one with the rows at fault; an empty
set when the track is not fit for it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tracking.quality.track import Track, own_speed

Injected = tuple[Track, set[int]]
Inject = Callable[[Track, np.random.Generator], Injected]
WEEK_US = 7 * 86_400 * 1_000_000


def spread(track: Track, rng: np.random.Generator, every: int, room: int) -> list[int]:
    """Rows at which to begin, one of so many, none within ``room`` of another or of the ends."""
    slots = np.arange(3, len(track) - room - 3, room + 1)
    count = min(len(slots), max(1, len(track) // every))
    return sorted(rng.choice(slots, count, replace=False).tolist()) if len(slots) else []


def moved(track: Track, rows: slice, metres: float, angle: float) -> tuple[NDArray[np.float64], ...]:
    """Places of rows, shifted."""
    north = metres * np.sin(angle) / 111_195
    east = metres * np.cos(angle) / 111_195 / np.cos(np.radians(track.lat[rows.start]))
    return track.lon[rows] + east, track.lat[rows] + north


def out_and_back(length: Callable[[np.random.Generator], int], nearest_m: float, span: float) -> Inject:
    """Spikes of so many fixes, from the nearest distance to ``span`` times it."""

    def inject(track: Track, rng: np.random.Generator) -> Injected:
        lon, lat, hit = track.lon.copy(), track.lat.copy(), set()
        for start in spread(track, rng, 100, 7):
            rows = slice(start, start + length(rng))
            metres, angle = nearest_m * span ** rng.random(), rng.random() * 2 * np.pi
            lon[rows], lat[rows] = moved(track, rows, metres, angle)
            hit |= set(range(rows.start, rows.stop))
        return track.with_columns(lon=lon, lat=lat), hit

    return inject


def one_to_three(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.8 else int(rng.integers(2, 4))


def two_to_five(rng: np.random.Generator) -> int:
    return int(rng.integers(2, 6))


def teleport(track: Track, rng: np.random.Generator) -> Injected:
    """From one fix on everything lies 5 to 50 km away."""
    start = int(rng.integers(len(track) // 4, len(track) * 3 // 4))
    rows = slice(start, len(track))
    lon, lat = track.lon.copy(), track.lat.copy()
    lon[rows], lat[rows] = moved(track, rows, 5_000 * 10 ** rng.random(), rng.random() * 2 * np.pi)
    return track.with_columns(lon=lon, lat=lat), {start}


def duplicates(track: Track, rng: np.random.Generator) -> Injected:
    """A row again, up to four rows later."""
    return _again(track, rng, 0.0)


def same_second(track: Track, rng: np.random.Generator) -> Injected:
    """A row again with a place 200 m to 3 km away."""
    return _again(track, rng, 200.0)


def _again(track: Track, rng: np.random.Generator, nearest_m: float) -> Injected:
    again = np.sort(rng.choice(np.arange(2, len(track) - 2), max(1, len(track) // 50), replace=False))
    place = again + (rng.integers(0, 5, len(again)) if not nearest_m else 0) + 0.5
    order = np.argsort(np.r_[np.arange(len(track)), place], kind="stable")
    rows = np.r_[np.arange(len(track)), again][order]
    added = np.flatnonzero(order >= len(track))
    broken = track.take(rows).with_columns(row=np.arange(len(rows)))
    if nearest_m:
        lon, lat = broken.lon.copy(), broken.lat.copy()
        for row in added.tolist():
            only = slice(row, row + 1)
            lon[only], lat[only] = moved(
                broken, only, nearest_m * 15 ** rng.random(), rng.random() * 2 * np.pi
            )
        broken = broken.with_columns(lon=lon, lat=lat)
    return broken, set(added.tolist())


def clock(track: Track, rng: np.random.Generator) -> Injected:
    """Hours off for a stretch."""
    start = int(rng.integers(len(track) // 10, len(track) // 3))
    end = int(rng.integers(len(track) // 2, len(track) * 9 // 10))
    return _told_later(track, slice(start, end), int(rng.choice([-8, -1, 1, 8, 24])) * 3_600_000_000)


def rollover(track: Track, rng: np.random.Generator) -> Injected:
    """1,024 weeks behind, from one fix on or for a stretch."""
    start = int(rng.integers(len(track) // 10, len(track) // 3))
    end = len(track) if rng.random() < 0.5 else int(rng.integers(len(track) // 2, len(track) * 9 // 10))
    return _told_later(track, slice(start, end), -1024 * WEEK_US)


def future(track: Track, rng: np.random.Generator) -> Injected:
    """Single fixes dated 2 to 300 days ahead."""
    told, hit = track.told_us.copy(), set(spread(track, rng, 200, 3))
    for row in hit:
        told[row] += int(rng.integers(2, 300)) * 86_400_000_000
    return track.with_columns(told_us=told, time_us=told), hit


def _told_later(track: Track, rows: slice, by_us: int) -> Injected:
    told = track.told_us.copy()
    told[rows] += by_us
    return track.with_columns(told_us=told, time_us=told), set(range(rows.start, rows.stop))


def shuffle(track: Track, rng: np.random.Generator) -> Injected:
    """A row one to fourteen places late."""
    late = rng.choice(np.arange(len(track) - 1), max(1, len(track) // 50), replace=False)
    place = np.arange(len(track)).astype(float)
    place[late] += rng.integers(1, 15, len(late)) + 0.5
    order = np.argsort(place, kind="stable")
    hit = np.flatnonzero(np.isin(order, late))
    return track.take(order).with_columns(row=np.arange(len(track))), set(hit.tolist())


def frozen(track: Track, rng: np.random.Generator) -> Injected:
    """The place is told again 7 to 29 times while the device goes on by 500 m at least."""
    return _held(track, rng, (8, 31), 500.0)


def _held(track: Track, rng: np.random.Generator, fixes: tuple[int, int], least_m: float) -> Injected:
    lon, lat, hit = track.lon.copy(), track.lat.copy(), set()
    for start in spread(track, rng, 300, fixes[1] + 3):
        rows = slice(start + 1, start + int(rng.integers(*fixes)))
        away = track.apart_m(np.array([start]), np.array([rows.stop]))
        if away[0] < least_m:
            continue
        lon[rows], lat[rows] = lon[start], lat[start]
        hit |= set(range(rows.start, rows.stop))
    return track.with_columns(lon=lon, lat=lat), hit


def stale(track: Track, rng: np.random.Generator) -> Injected:
    """The place is told again one to five times, and then catches up by 1 km at least."""
    broken, held = _held(track, rng, (2, 7), 1_000.0)
    return broken, {row + 1 for row in held if row + 1 not in held}


def gap(track: Track, rng: np.random.Generator) -> Injected:
    """Ten minutes or eight intervals are missing, while the device went on by 500 m at least."""
    period, _ = own_speed(track)
    keep, begun = np.ones(len(track), dtype=np.bool_), []
    for start in spread(track, rng, 300, 20):
        until = int(np.searchsorted(track.time_us, track.time_us[start] + int(max(600, 8 * period) * 1e6)))
        if until >= len(track) or track.apart_m(np.array([start]), np.array([until]))[0] < 500:
            continue
        keep[start + 1 : until] = False
        begun.append(start)
    row = np.cumsum(keep) - 1
    left = track.take(keep)
    hit = {int(row[start]) for start in begun if keep[start]}
    return left.with_columns(row=np.arange(len(left))), hit


def zero(track: Track, rng: np.random.Generator) -> Injected:
    rows = rng.choice(len(track), max(1, len(track) // 100), replace=False)
    lon, lat = track.lon.copy(), track.lat.copy()
    lon[rows] = lat[rows] = 0.0
    return track.with_columns(lon=lon, lat=lat), set(rows.tolist())


def speeds(track: Track, rng: np.random.Generator) -> Injected:
    """Told speeds of 260 to 600 km/h."""
    rows = rng.choice(len(track), max(1, len(track) // 100), replace=False)
    told = track.speed_mps.copy()
    told[rows] = rng.uniform(260, 600, len(rows)) / 3.6
    return track.with_columns(speed_mps=told), set(rows.tolist())


FAULTS: dict[str, tuple[str, Inject, frozenset[str]]] = {
    "jump": (
        "jump of 1 to 30 km, one to three fixes",
        out_and_back(one_to_three, 1_000, 30),
        frozenset({"jump"}),
    ),
    "far jump": ("jump of 5 to 50 km, one fix", out_and_back(lambda _: 1, 5_000, 10), frozenset({"jump"})),
    "spike": (
        "spike of two to five fixes, 2 to 30 km",
        out_and_back(two_to_five, 2_000, 15),
        frozenset({"jump"}),
    ),
    "teleport": (
        "teleport by 5 to 50 km that stays",
        teleport,
        frozenset({"catch_up", "impossible_speed", "jump"}),
    ),
    "duplicate": ("repeated row", duplicates, frozenset({"duplicate"})),
    "same second": ("same second, 200 m to 3 km away", same_second, frozenset({"same_second", "jump"})),
    "clock": ("clock off by 1, 8 or 24 h for a stretch", clock, frozenset({"clock_offset"})),
    "rollover": ("date 1,024 weeks back", rollover, frozenset({"clock_offset"})),
    "future": (
        "single fixes 2 to 300 days ahead",
        future,
        frozenset({"in_future", "clock_offset", "out_of_order"}),
    ),
    "shuffle": ("row one to fourteen places late", shuffle, frozenset({"out_of_order"})),
    "frozen": ("frozen for 7 to 29 fixes", frozen, frozenset({"frozen"})),
    "stale": (
        "stale for one to five fixes, catches up 1 km or more",
        stale,
        frozenset({"catch_up", "impossible_speed"}),
    ),
    "gap": ("silence under way", gap, frozenset({"gap", "parked"})),
    "zero": ("0,0", zero, frozenset({"zero_island"})),
    "speed": ("told speed of 260 to 600 km/h", speeds, frozenset({"impossible_speed", "sentinel_speed"})),
}
"""By name: what it is, how it is put in, and the reasons that are a right answer at its rows."""
