"""Times that stand alone: single rows before or after their time, and dates before a week rollover."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tracking.clock import DAY_US
from tracking.quality.settings import QualitySettings

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


def beyond(
    told_us: NDArray[np.int64], strays: NDArray[np.bool_], settings: QualitySettings
) -> NDArray[np.float64]:
    """Seconds by which strays are off that are of a time before or after all others: wrong, not late.

    Their time was midway between those of the rows around.
    """
    found = np.zeros(len(told_us))
    if not strays.any() or strays.all():
        return found
    slack = int(settings.clock_min_s * 1e6)
    first, last = told_us[~strays].min() - slack, told_us[~strays].max() + slack
    wrong = np.flatnonzero(strays & ((told_us < first) | (told_us > last)))
    right = np.flatnonzero(~strays)
    place = np.searchsorted(right, wrong)
    before, after = (
        told_us[right[np.maximum(place - 1, 0)]],
        told_us[right[np.minimum(place, len(right) - 1)]],
    )
    found[wrong] = (told_us[wrong] - (before + (after - before) // 2)) / 1e6
    return found


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
