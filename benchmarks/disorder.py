"""Tracks that give alerts of every kind, and the disorder in which a bad network brings them."""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.every_rule import LAT, LON, METRE_LAT, METRE_LON, STEP_S
from tracking.arrival import Arrival
from tracking.fix import Fix
from tracking.signals import ACC_OFF, ACC_ON

MEETING_US = range(600_000_000, 1_800_000_000)
"""So long before the end the rough ones of eight stand together."""


def track(seed: int, count: int, end_us: int) -> list[Fix]:
    """``count`` fixes up to ``end_us``: on foot, by car, at rest, with silences; at rest in the end."""
    rng = np.random.default_rng(seed)
    legs = rng.choice([0.0, 1.2, 6.0, 13.0, 18.0], size=count // 20 + 1, p=[0.3, 0.3, 0.2, 0.1, 0.1])
    speed = np.repeat(legs, 20)[:count]
    speed[-15:] = 0
    seconds = np.full(count, STEP_S)
    seconds[1:-15][rng.random(count - 16) < 0.006] += rng.integers(300, 900) // STEP_S * STEP_S
    radius = rng.uniform(180, 480)
    phase = np.cumsum(speed * STEP_S) / radius + rng.uniform(0, 6)
    noise = rng.normal(0, 2, (2, count))
    lon = LON + (radius * np.cos(phase) + noise[0]) * METRE_LON
    lat = LAT + (radius * np.sin(phase) + noise[1]) * METRE_LAT
    time_us = end_us - (seconds.sum() - np.cumsum(seconds)) * 1_000_000
    return [Fix(int(moment), x, y) for moment, x, y in zip(time_us, lon.tolist(), lat.tolist(), strict=True)]


def rough(number: int, fixes: list[Fix]) -> list[Fix]:
    """The same with what else devices tell: a battery that runs down, ignition, spikes; and eight of them in
    a row meet some kilometres away."""
    rng = np.random.default_rng(number + 5_000_000)
    battery = np.clip(30 - np.arange(len(fixes)) // 8 + rng.integers(0, 60), 1, 100)
    battery[len(fixes) // 2 :] += 40
    off = np.repeat(rng.random(len(fixes) // 20 + 1) < 0.3, 20)[: len(fixes)]
    spike = rng.random(len(fixes)) < 0.004
    meets = rng.random() < 0.8
    begin_us = MEETING_US.stop - int(rng.integers(0, 300_000_000))
    end_us = fixes[-1].fix_time_us
    east, north = (2_000 + number // 24 % 40 * 300) * METRE_LON, (1_500 + number // 960 * 300) * METRE_LAT
    found = []
    for row, fix in enumerate(fixes):
        lon, lat = fix.lon, fix.lat
        if meets and MEETING_US.start <= end_us - fix.fix_time_us < begin_us:
            lon = LON + east + float(rng.normal(0, 5)) * METRE_LON
            lat = LAT + north + float(rng.normal(0, 5)) * METRE_LAT
        elif spike[row]:
            lat += 3_000 * METRE_LAT
        found.append(
            msgspec.structs.replace(
                fix,
                lon=lon,
                lat=lat,
                battery_pct=int(min(battery[row], 100)),
                signals=ACC_OFF if off[row] else ACC_ON,
            )
        )
    return found


def in_order(tracks: dict[str, list[Fix]], now_us: int, *, fixes: int = 5_000) -> Iterator[list[Arrival]]:
    """Batches of about so many fixes, each device's in order, as they would come over a good network."""
    all_fixes = sorted(
        ((fix.fix_time_us, key, fix) for key, of_device in tracks.items() for fix in of_device),
        key=lambda row: row[:2],
    )
    for start in range(0, len(all_fixes), fixes):
        yield [_message(key, [fix], now_us) for _, key, fix in all_fixes[start : start + fixes]]


def in_disorder(
    tracks: dict[str, list[Fix]], now_us: int, seed: int, *, fixes: int = 5_000
) -> Iterator[list[Arrival]]:
    """The same, shuffled, delayed up to hours, doubled, in messages of one to fifty fixes; a device that
    was away sends its newest fix first."""
    rng = np.random.default_rng(seed)
    waiting: list[tuple[int, str, list[Fix]]] = []
    for key, of_device in tracks.items():
        times = np.array([fix.fix_time_us for fix in of_device])
        arrives = times + _delays(rng, times)
        doubled = rng.random(len(times)) < 0.05
        order = np.r_[np.arange(len(times)), np.flatnonzero(doubled)]
        when = np.r_[arrives, arrives[doubled] + rng.integers(0, 3_600_000_000, int(doubled.sum()))]
        order = order[np.argsort(when, kind="stable")]
        when = np.sort(when)
        start = 0
        while start < len(order):
            size = int(rng.choice([1, 1, 1, 1, 5, 50]))
            rows = rng.permutation(order[start : start + size])
            waiting.append((int(when[start]), key, [of_device[row] for row in rows]))
            start += size
    waiting.sort(key=lambda row: row[:2])
    batch: list[Arrival] = []
    count, size = 0, int(rng.integers(1, 2 * fixes))
    for _, key, several in waiting:
        batch.append(_message(key, several, now_us))
        count += len(several)
        if count >= size:
            yield batch
            batch, count, size = [], 0, int(rng.integers(1, 2 * fixes))
    if batch:
        yield batch


def _delays(rng: np.random.Generator, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Most come at once, some seconds or minutes late; one stretch comes when the device is back."""
    count = len(times)
    some = np.where(rng.random(count) < 0.2, rng.exponential(60e6, count), 0)
    start = int(rng.integers(0, max(count // 2, 1)))
    end = min(start + max(count // 4, 2), count - 1)
    some[start:end] = times[end] - times[start:end] + 1_000_000 + rng.exponential(120e6, end - start)
    return some.astype(np.int64)


def _message(key: str, fixes: list[Fix], now_us: int) -> Arrival:
    return Arrival(f"wanmi/v1/{key}/fixes", b"", now_us, key, list(fixes))
