"""Jumps judged on neighbours: out and back at once. A fast train is no jump, nor is a stale position
that catches up."""

import numpy as np
from numpy.typing import NDArray

from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track, own_speed


def speed_limit(fast_mps: float, settings: QualitySettings) -> float:
    """From which speed on a step of this device is out of the ordinary."""
    return float(np.clip(settings.jump_own_speed * fast_mps, settings.jump_min_mps, settings.jump_max_mps))


def find_spikes(track: Track, settings: QualitySettings) -> NDArray[np.bool_]:
    """Fixes that lie out of the way, in order of time. Short spikes are taken out before longer ones
    are looked for."""
    spikes = np.zeros(len(track), dtype=np.bool_)
    _, fast = own_speed(track)
    limit = speed_limit(fast, settings)
    for length in range(1, settings.jump_fixes + 1):
        kept = np.flatnonzero(~spikes)
        if len(kept) < length + 2:
            break
        for start in _of_length(track.take(kept), length, limit, settings):
            spikes[kept[start : start + length]] = True
    kept = np.flatnonzero(~spikes)
    if len(kept) >= 4:
        spikes[kept[_ends(track.take(kept), limit, settings)]] = True
    return spikes


def _of_length(track: Track, length: int, limit: float, settings: QualitySettings) -> list[int]:
    """Where spikes of so many fixes begin."""
    count = len(track) - length - 1
    before = np.arange(count)
    first, last, after = before + 1, before + length, before + length + 1
    metres, seconds = track.step_m(), np.maximum(track.step_s(), 1.0)
    out, back = metres[before], metres[last]
    likely = (
        (out >= settings.jump_min_m)
        & (back >= settings.jump_min_m)
        & (out / seconds[before] >= limit)
        & (back / seconds[last] >= limit)
    )
    candidates = np.flatnonzero(likely)
    if not len(candidates):
        return []
    direct = track.apart_m(before[candidates], after[candidates])
    out, back = out[candidates], back[candidates]
    span = (track.time_us[after[candidates]] - track.time_us[before[candidates]]) / 1e6
    shape = (out + back >= settings.jump_detour * direct) & (direct / np.maximum(span, 1) < limit)
    if length > 1:
        inner = np.array([metres[first[c] : last[c]].max() for c in candidates])
        shape &= inner < np.minimum(out, back) / 2
    found: list[int] = []
    for candidate in candidates[shape].tolist():
        if not found or candidate + 1 >= found[-1] + length:
            found.append(candidate + 1)
    return found


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


def find_leaps(track: Track, settings: QualitySettings) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Steps that are too fast and not taken back, by the fix they end at: stale positions that catch
    up, and what is impossible all the same (a distance no stale position explains)."""
    catch_up = np.zeros(len(track), dtype=np.bool_)
    impossible = np.zeros(len(track), dtype=np.bool_)
    if len(track) < 3:
        return catch_up, impossible
    _, fast = own_speed(track)
    metres, seconds = track.step_m(), np.maximum(track.step_s(), 1.0)
    speed = metres / seconds
    # A leap stands out from the steps around it; a train's speed is that of its neighbours too.
    around = np.maximum(np.r_[0.0, speed[:-1]], np.r_[speed[1:], 0.0])
    limit = np.maximum(settings.jump_max_mps, 3 * fast)
    leap = (metres >= settings.jump_min_m) & (speed >= limit) & (speed >= 2 * around)
    since = track.time_us / 1e6
    for step in np.flatnonzero(leap).tolist():
        start = max(0, step - 60)
        waited = since[step + 1] - since[start : step + 1]
        way = track.apart_m(np.arange(start, step + 1), np.full(step + 1 - start, step + 1)) / np.maximum(
            waited, 1.0
        )
        stale = bool((way <= max(fast, settings.jump_min_mps)).any())
        (catch_up if stale else impossible)[step + 1] = True
    impossible[1:] |= (speed >= settings.impossible_mps) & (metres >= settings.jump_min_m) & ~catch_up[1:]
    return catch_up, impossible
