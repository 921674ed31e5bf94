"""Steps that are too fast and not taken back: stale positions that catch up, and what is impossible."""

import numpy as np
from numpy.typing import NDArray

from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track, own_speed, pace_around

_LOOK_BACK = 60
"""Fixes before a leap among which the one is looked for since which its way was possible."""


def find_leaps(track: Track, settings: QualitySettings) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Leaps by the fix they end at: those of a stale position that catches up, and those that no stale
    position explains."""
    catch_up = np.zeros(len(track), dtype=np.bool_)
    impossible = np.zeros(len(track), dtype=np.bool_)
    if len(track) < 3:
        return catch_up, impossible
    period, fast = own_speed(track)
    metres, seconds = track.step_m(), np.maximum(track.step_s(), 1.0)
    speed = metres / seconds
    # A leap stands out from the steps around it; a train's speed is that of its neighbours too.
    around = np.maximum(np.r_[0.0, speed[:-1]], np.r_[speed[1:], 0.0])
    least = max(settings.leap_min_mps, settings.leap_own_speed * fast)
    far = metres >= settings.jump_min_m
    leap = far & (speed >= least) & (speed >= 2 * around)
    held = far & np.r_[False, metres[:-1] == 0] & (seconds <= 5 * period)
    held[held] = _catches_up(speed, metres, np.flatnonzero(held), fast)
    since = track.time_us / 1e6
    for step in np.flatnonzero(leap | held).tolist():
        start = max(0, step - _LOOK_BACK)
        waited = since[step + 1] - since[start : step + 1]
        rows = np.arange(start, step + 1)
        way = track.apart_m(rows, np.full(len(rows), step + 1)) / np.maximum(waited, 1.0)
        stale = bool((way <= max(fast, settings.jump_min_mps)).any())
        if stale:
            catch_up[step + 1] = True
        elif leap[step]:
            impossible[step + 1] = True
    impossible[1:] |= (speed >= settings.impossible_mps) & far & ~catch_up[1:]
    return catch_up, impossible


def _catches_up(
    speed: NDArray[np.float64], metres: NDArray[np.float64], steps: NDArray[np.intp], fast: float
) -> NDArray[np.bool_]:
    """Whether steps out of a repeated place are too fast for a start: told twice more, faster than the
    device is wont to be and than around; told once more, clearly so."""
    if not len(steps):
        return np.zeros(0, dtype=np.bool_)
    pace = speed[steps] / pace_around(speed, steps, 0)
    twice = (steps >= 2) & (metres[steps - 2] == 0)
    ratio = speed[steps] / max(fast, 5.0)
    return np.asarray(np.where(twice, (ratio >= 1.0) & (pace >= 1.2), (ratio >= 1.4) & (pace >= 1.7)))
