"""Jumps judged on neighbours: out and back at once. A fast train is no jump."""

import numpy as np
from numpy.typing import NDArray

from tracking.quality.settings import QualitySettings
from tracking.quality.surroundings import Surroundings
from tracking.quality.track import Track, own_speed, pace_around

Around = tuple[Surroundings, int]
"""The tracks of a file, and which of them is looked at."""


def speed_limit(fast_mps: float, settings: QualitySettings) -> float:
    """From which speed on a step of this device is out of the ordinary."""
    return float(np.clip(settings.jump_own_speed * fast_mps, settings.jump_min_mps, settings.jump_max_mps))


def find_spikes(track: Track, settings: QualitySettings, around: Around) -> NDArray[np.bool_]:
    """Fixes that lie out of the way, in order of time. Short spikes are taken out before longer ones
    are looked for."""
    spikes = np.zeros(len(track), dtype=np.bool_)
    _, fast = own_speed(track)
    for length in range(1, settings.jump_fixes + 1):
        kept = np.flatnonzero(~spikes)
        if len(kept) < length + 2:
            break
        for start in _of_length(track.take(kept), length, fast, settings, around):
            spikes[kept[start : start + length]] = True
    kept = np.flatnonzero(~spikes)
    if len(kept) >= 4:
        spikes[kept[_ends(track.take(kept), speed_limit(fast, settings), settings)]] = True
    return spikes


def _of_length(
    track: Track, length: int, fast: float, settings: QualitySettings, around: Around
) -> list[int]:
    """Where spikes of so many fixes begin."""
    limit = speed_limit(fast, settings)
    count = len(track) - length - 1
    before = np.arange(count)
    first, last, after = before + 1, before + length, before + length + 1
    metres, seconds = track.step_m(), np.maximum(track.step_s(), 1.0)
    leg, speed = np.minimum(metres[before], metres[last]), metres / seconds
    pace = np.minimum(speed[before], speed[last])
    quick = (leg >= settings.jump_near_m) & (pace >= settings.jump_max_mps)
    far = (leg >= settings.jump_min_m) & (pace >= min(limit, settings.jump_least_speed * fast))
    candidates = np.flatnonzero(quick | far)
    if not len(candidates):
        return []
    span = (track.time_us[after[candidates]] - track.time_us[before[candidates]]) / 1e6
    direct = track.apart_m(before[candidates], after[candidates])
    detour = (metres[before[candidates]] + metres[last[candidates]]) / np.maximum(direct, 1.0)
    sharp = np.where(pace[candidates] >= limit, settings.jump_detour, 0.9 * settings.jump_detour)
    shape = (detour >= sharp) & (direct / np.maximum(span, 1) < limit)
    if length > 1:
        steps = first[candidates][:, None] + np.arange(length - 1)
        inner = metres[steps].max(axis=1)
        shape &= inner < leg[candidates] / 2
    candidates = candidates[shape]
    sure = pace[candidates] >= limit
    doubtful = candidates[~sure]
    sure[~sure] = _told_by_others(track, doubtful, length, pace[doubtful], speed, settings, around)
    found: list[int] = []
    for candidate in candidates[sure].tolist():
        if not found or candidate + 1 >= found[-1] + length:
            found.append(candidate + 1)
    return found


def _told_by_others(
    track: Track,
    before: NDArray[np.intp],
    length: int,
    pace: NDArray[np.float64],
    speed: NDArray[np.float64],
    settings: QualitySettings,
    around: Around,
) -> NDArray[np.bool_]:
    """Spikes that the device could have driven. A single fix: it did not drive like that before and
    after, or nobody is ever where the fix lies; several fixes: both."""
    if not len(before):
        return np.zeros(0, dtype=np.bool_)
    usual = pace_around(speed, before, length)
    surroundings, device = around
    swift, even = pace >= settings.jump_pace * usual, pace >= usual
    asked = np.flatnonzero(swift if length > 1 else even & ~swift)
    lonely = np.zeros(len(before), dtype=np.bool_)
    if len(asked):
        start = before[asked] + 1
        apart = surroundings.lonely_m(device, track, start, start + length - 1)
        lonely[asked] = apart >= max(settings.jump_lonely_m, surroundings.usual_m(device))
    return lonely if length > 1 else lonely | swift


def _ends(track: Track, limit: float, settings: QualitySettings) -> list[int]:
    """The first or last fix, when it alone is far off and the way goes on steadily without it."""
    metres, seconds = track.step_m(), np.maximum(track.step_s(), 1.0)
    speed = metres / seconds
    far = (metres >= 3 * settings.jump_min_m) & (speed >= max(2 * limit, settings.jump_max_mps))
    found = []
    if far[0] and speed[1] < limit and speed[2] < limit:
        found.append(0)
    if far[-1] and speed[-2] < limit and speed[-3] < limit:
        found.append(len(track) - 1)
    return found
