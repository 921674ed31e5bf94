"""The same track from two devices: a terminal read out and played back, or a cloned card."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track

_MIX = np.uint64(0x9E3779B97F4A7C15)


def steps_of(track: Track) -> NDArray[np.uint64]:
    """A hash of each step from one place to another, of its coordinates alone: a copy may be shifted
    in time."""
    lon, lat = (track.lon + 0.0).view(np.uint64), (track.lat + 0.0).view(np.uint64)
    moves = (np.abs(np.diff(track.lon)) + np.abs(np.diff(track.lat))) > 2e-4
    with np.errstate(over="ignore"):
        place = (lon * _MIX) ^ (lat + (lon >> np.uint64(29)))
        place ^= place >> np.uint64(32)
        steps = (place[:-1] * _MIX) ^ place[1:]
    return np.unique(steps[moves])


def find_copies(steps: Sequence[NDArray[np.uint64]], settings: QualitySettings) -> list[tuple[int, int, int]]:
    """Pairs of devices (by their places in the sequence) and how many steps they share."""
    if len(steps) < 2:
        return []
    every = np.concatenate(steps)
    owner = np.repeat(np.arange(len(steps)), [len(one) for one in steps])
    order = np.lexsort((owner, every))
    every, owner = every[order], owner[order]
    shared: Counter[tuple[int, int]] = Counter()
    start = 0
    for end in np.flatnonzero(np.r_[every[1:] != every[:-1], True]).tolist():
        if 1 <= end - start <= 20:
            holders = owner[start : end + 1].tolist()
            shared.update((one, other) for n, one in enumerate(holders) for other in holders[n + 1 :])
        start = end + 1
    return [
        (one, other, count)
        for (one, other), count in sorted(shared.items())
        if count >= settings.copy_steps
        and count >= settings.copy_share * min(len(steps[one]), len(steps[other]))
    ]
