"""Times that stand alone: single rows before or after their time, and dates before a week rollover."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tracking.clock import DAY_US
from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track, own_speed

ROLLOVER_US = 1024 * 7 * DAY_US
"""GPS weeks are counted modulo 1,024; old receivers fall back by that much."""
_ERA_US = 180 * DAY_US
"""Times with no other within this of them are of another era."""
_NEAR_US = 7 * DAY_US


def find_strays(told_us: NDArray[np.int64], settings: QualitySettings) -> NDArray[np.bool_]:
    """Rows, in the order of arrival, whose time leaps away and back within too few rows to be a clock's:
    late rows, or single wrong times."""
    strays = np.zeros(len(told_us), dtype=np.bool_)
    for length in range(1, settings.clock_fixes):
        kept = np.flatnonzero(~strays)
        seconds = np.diff(told_us[kept]) / 1e6
        out, back = seconds[: len(seconds) - length], seconds[length:]
        across = (told_us[kept][length + 1 :] - told_us[kept][: -length - 1]) / 1e6
        least = np.minimum(np.abs(out), np.abs(back))
        away = (np.sign(out) == -np.sign(back)) & (least >= settings.clock_min_s)
        for start in np.flatnonzero(away & (np.abs(across) <= 0.5 * least)).tolist():
            if not strays[kept[start : start + length + 2]].any():
                strays[kept[start + 1 : start + 1 + length]] = True
    return strays


def misdated(track: Track, strays: NDArray[np.bool_], settings: QualitySettings) -> NDArray[np.float64]:
    """Seconds by which strays are off that are wrong, not late: of a time before or after all others; or
    their place is where the device was when the rows around them arrived, and not where it was at the
    time told.

    Their time was midway between those of the rows around.
    """
    told_us = track.told_us
    found = np.zeros(len(track))
    wrong, right = np.flatnonzero(strays), np.flatnonzero(~strays)
    if not len(wrong) or len(right) < 2:
        return found
    slack = int(settings.clock_min_s * 1e6)
    first, last = told_us[right].min() - slack, told_us[right].max() + slack
    outside = (told_us[wrong] < first) | (told_us[wrong] > last)
    by_row = _around(right, wrong)
    middle = told_us[by_row[0]] + (told_us[by_row[1]] - told_us[by_row[0]]) // 2
    in_time = right[np.argsort(told_us[right], kind="stable")]
    place = np.searchsorted(told_us[in_time], told_us[wrong])
    by_time = in_time[np.maximum(place - 1, 0)], in_time[np.minimum(place, len(in_time) - 1)]
    _, fast = own_speed(track.take(in_time).with_columns(time_us=told_us[in_time]))
    limit = max(1.4 * fast, settings.jump_min_mps)
    belied = _needed_mps(track, wrong, by_time, told_us[wrong]) > limit
    fits = _needed_mps(track, wrong, by_row, middle) <= limit
    off = outside | (belied & fits)
    found[wrong[off]] = (told_us[wrong] - middle)[off] / 1e6
    return found


def _around(right: NDArray[np.intp], wrong: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    place = np.searchsorted(right, wrong)
    return right[np.maximum(place - 1, 0)], right[np.minimum(place, len(right) - 1)]


def _needed_mps(
    track: Track,
    rows: NDArray[np.intp],
    around: tuple[NDArray[np.intp], NDArray[np.intp]],
    at_us: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The speed that rows need to be where they are at these times, from and to the rows around."""
    needed = np.zeros(len(rows))
    for other in around:
        seconds = np.maximum(np.abs(track.told_us[other] - at_us) / 1e6, 1.0)
        needed = np.maximum(needed, np.maximum(track.apart_m(rows, other) - 100.0, 0.0) / seconds)
    return needed


def rollovers(told_us: NDArray[np.int64], settings: QualitySettings) -> NDArray[np.float64]:
    """Seconds (negative) by which times are off that are 1,024 weeks, or a multiple, before the newest
    times of the track."""
    found = np.zeros(len(told_us))
    order = np.argsort(told_us, kind="stable")
    times = told_us[order]
    starts = [0, *(np.flatnonzero(np.diff(times) > _ERA_US) + 1).tolist(), len(times)]
    eras = [(start, end) for start, end in pairwise(starts) if end - start >= settings.clock_fixes]
    if len(eras) < 2:
        return found
    newest_first, newest_last = times[eras[-1][0]], times[eras[-1][1] - 1]
    for start, end in eras[:-1]:
        first, last = times[start], times[end - 1]
        times_over = round((int(newest_first) - int(first)) / ROLLOVER_US)
        moved = times_over * ROLLOVER_US
        fits = first + moved <= newest_last + _NEAR_US and last + moved >= newest_first - _NEAR_US
        if times_over >= 1 and fits:
            found[order[start:end]] = -moved / 1e6
    return found
