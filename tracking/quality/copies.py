"""The same track twice: a terminal read out and played back, or a cloned card."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track

_MIX = np.uint64(0x9E3779B97F4A7C15)
_HOLDERS = 20
"""A step that so many devices share is a place where all of them pass, not a copy."""
_SAME_US = 60_000_000
"""A step told again within so much of its time is a repeated message."""

Steps = tuple[NDArray[np.uint64], int]
"""The different steps of a track, and how many of them it holds at two times."""


def steps_of(track: Track) -> Steps:
    """A hash of each step from one place to another, of its coordinates alone: a copy may be shifted
    in time."""
    moves = (np.abs(np.diff(track.lon)) + np.abs(np.diff(track.lat))) > 2e-4
    lon, lat = (track.lon + 0.0).view(np.uint64), (track.lat + 0.0).view(np.uint64)
    with np.errstate(over="ignore"):
        place = (lon * _MIX) ^ (lat + (lon >> np.uint64(29)))
        place ^= place >> np.uint64(32)
        steps = ((place[:-1] * _MIX) ^ place[1:])[moves]
    told_us = track.told_us[:-1][moves]
    order = np.lexsort((told_us, steps))
    steps, told_us = steps[order], told_us[order]
    again = (np.diff(steps) == 0) & (np.diff(told_us) > _SAME_US)
    return np.unique(steps), len(np.unique(steps[1:][again]))


def find_copies(steps: Sequence[Steps], settings: QualitySettings) -> list[tuple[int, int, int]]:
    """Pairs of devices (by their places in the sequence) and how many steps they share; a device with
    itself, when it tells one way at two times."""
    shared: Counter[tuple[int, int]] = Counter()
    for device, (_, again) in enumerate(steps):
        shared[device, device] = again
    every = np.concatenate([np.zeros(0, dtype=np.uint64), *(one for one, _ in steps)])
    owner = np.repeat(np.arange(len(steps)), [len(one) for one, _ in steps])
    order = np.lexsort((owner, every))
    every, owner = every[order], owner[order]
    ends = np.flatnonzero(np.r_[every[1:] != every[:-1], True]) + 1 if len(every) else np.zeros(0, dtype=int)
    starts = np.r_[0, ends[:-1]] if len(ends) else ends
    several = (ends - starts >= 2) & (ends - starts <= _HOLDERS)
    for start, end in zip(starts[several].tolist(), ends[several].tolist(), strict=True):
        holders = owner[start:end].tolist()
        shared.update((one, other) for n, one in enumerate(holders) for other in holders[n + 1 :])
    return [
        (one, other, count)
        for (one, other), count in sorted(shared.items())
        if _is_copy(count, min(len(steps[one][0]), len(steps[other][0])), settings)
    ]


def _is_copy(shared: int, shorter: int, settings: QualitySettings) -> bool:
    """Many steps, or most of a short track."""
    many = shared >= settings.copy_steps and shared >= settings.copy_share * shorter
    return many or (shared >= settings.copy_few_steps and shared >= 0.8 * shorter)
