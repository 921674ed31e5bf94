"""Clocks that are off: whole hours, a time zone, a year, a week rollover.

Where the time of arrival is known, or can be told from the rows of other devices around, a clock is
off when fix after fix differs from it by one and the same amount: a backlog differs by ever other
amounts. Without that, the order of arrival tells: time leaps, runs on at its usual pace from there,
and leaps back, while the way goes on as if nothing had been.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracking.quality import strays
from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track, own_speed, runs_of

HOUR_S = 3_600.0
STEADY_S = 180.0
"""A clock's error is the same from fix to fix to within this and two periods."""


def offsets_by_arrival(
    told_us: NDArray[np.int64], arrival_us: NDArray[np.int64], settings: QualitySettings
) -> NDArray[np.float64]:
    """Seconds by which the clock is off at each fix, 0 where it is right. In the order of arrival."""
    ahead = (told_us - arrival_us) / 1e6
    found = np.zeros(len(ahead))
    for start, end in runs_of(np.abs(ahead) >= settings.clock_min_s):
        stretch = ahead[start:end]
        error = float(np.median(stretch))
        spread = float(np.percentile(np.abs(stretch - error), 80))
        if end - start >= settings.clock_fixes and spread <= STEADY_S:
            found[start:end] = _rounded(error, 2 * STEADY_S)
    return found


def offsets_by_order(track: Track, settings: QualitySettings) -> NDArray[np.float64]:
    """As above, for the rows of one device in the order of arrival, from that order alone."""
    found = strays.rollovers(track.told_us, settings)
    told_us = track.told_us - np.round(found * 1e6).astype(np.int64)
    alone = strays.find_strays(told_us, settings)
    found += strays.misdated(track.with_columns(told_us=told_us), alone, settings)
    kept = np.flatnonzero(~alone)
    found[kept] += _by_order(track.take(kept).with_columns(time_us=told_us[kept]), settings)
    return found


def _by_order(track: Track, settings: QualitySettings) -> NDArray[np.float64]:
    count = len(track)
    found = np.zeros(count)
    if count < 2 * settings.clock_fixes:
        return found
    seconds, metres = track.step_s(), track.step_m()
    period, fast = own_speed(track)
    leaps = np.flatnonzero(np.abs(seconds) >= settings.clock_min_s)
    if not len(leaps) or len(leaps) > count // 4:
        return found
    reach = 150.0 + 3 * max(fast, 5.0) * max(period, 10.0)
    smooth = metres <= reach
    speed = metres / np.maximum(np.abs(seconds), 1.0)
    under_way = (np.r_[0.0, speed[:-1]] > 2.0) & (np.r_[speed[1:], 0.0] > 2.0)
    for start, end in _there_and_back(seconds, leaps, smooth, under_way, period, settings.clock_fixes):
        found[start + 1 : end + 1] = _rounded(float(seconds[start]) - period, 3 * period + 60)
    if not found.any():
        _one_way(track, leaps[smooth[leaps]].tolist(), seconds, metres, period, found)
    return found


def _there_and_back(
    seconds: NDArray[np.float64],
    leaps: NDArray[np.intp],
    smooth: NDArray[np.bool_],
    under_way: NDArray[np.bool_],
    period: float,
    least: int,
) -> list[tuple[int, int]]:
    """Pairs of steps: the clock went off in the first and right again in the second.

    Clocks are off by half hours, or by whole days. Each step back in time is paired with that leap
    ahead, before or after it, which cancels it best (two usual steps remain), rather one under way
    than one while parked, as pauses last whole hours too. If few fixes lie between, they are late,
    not wrong.
    """
    ahead = leaps[seconds[leaps] > 0]
    slack = max(2 * period, 20.0)
    pairs: list[tuple[int, int]] = []
    done = -1
    for back in leaps[seconds[leaps] < 0].tolist():
        left = seconds[ahead] + seconds[back]
        fitting = ahead[(left > 0) & (left <= 6 * period + 120)]
        error = abs(float(seconds[back])) + period
        unit = 1_800.0 if error < 26 * HOUR_S else 24 * HOUR_S
        if back <= done or not len(fitting) or abs(error - round(error / unit) * unit) > slack:
            continue
        rest = np.abs(seconds[fitting] + seconds[back] - 2 * period) + 5 * period * ~under_way[fitting]
        other = int(fitting[int(np.argmin(rest))])
        start, end = min(back, other), max(back, other)
        if end - start >= least and start > done - 1 and smooth[start] and smooth[end]:
            pairs.append((start, end))
            done = end
    return pairs


def _one_way(
    track: Track,
    ends: Sequence[int],
    seconds: NDArray[np.float64],
    metres: NDArray[np.float64],
    period: float,
    found: NDArray[np.float64],
) -> None:
    """A leap of whole hours under way, never taken back: one side of it is wrong, the shorter one.

    A pause may last whole hours by chance, so a leap ahead counts only where that is unlikely.
    """
    for leap in ends:
        error = seconds[leap] - period
        hours = round(error / HOUR_S)
        slack = max(0.7 * period, 10.0)
        if hours == 0 or abs(error - hours * HOUR_S) > slack or period > 300:
            continue
        if seconds[leap] > 0 and len(ends) * 2 * slack / HOUR_S > 0.05:
            continue
        around = [step for step in (leap - 2, leap - 1, leap + 1, leap + 2) if 0 <= step < len(seconds)]
        pace = [metres[step] / seconds[step] for step in around if 0 < seconds[step] <= 3 * period]
        backward = seconds[leap] < 0
        moving = len(pace) >= 3 and min(pace) > 3.0 and 0.4 * min(pace) <= metres[leap] / period
        if not backward and not moving:
            continue
        if leap + 1 >= len(track) / 2:
            found[leap + 1 :] = hours * HOUR_S
        else:
            found[: leap + 1] = -hours * HOUR_S
        return


def _rounded(error: float, tolerance: float) -> float:
    """To the whole quarter of an hour when it is about one: clocks are off by time zones."""
    quarter = round(error / 900.0) * 900.0
    return quarter if quarter and abs(error - quarter) <= min(tolerance, 400.0) else round(error, 1)


def fleet_offsets(
    first_us: NDArray[np.int64], last_us: NDArray[np.int64], settings: QualitySettings
) -> NDArray[np.float64]:
    """Seconds by which whole devices are off against the others of a file that cover one span of time.

    Answers zeros unless at least eight devices are there and most of them have a span in common.
    """
    count = len(first_us)
    found = np.zeros(count)
    if count < 8:
        return found
    first, last = first_us / 1e6, last_us / 1e6
    start, end = -_edge(-first), _edge(last)
    late_start, early_end = np.percentile(first, 75), np.percentile(last, 25)
    if late_start >= early_end:
        return found
    allowed = settings.clock_min_s
    for device in range(count):
        ahead, behind = last[device] - end, start - first[device]
        if ahead <= allowed and behind <= allowed:
            continue
        beyond = max(ahead, behind)
        hours = np.ceil((beyond - allowed) / HOUR_S)
        error = hours * HOUR_S if ahead >= behind else -hours * HOUR_S
        moved_first, moved_last = first[device] - error, last[device] - error
        fits = moved_first >= start - allowed and moved_last <= end + allowed
        shifted = min(abs(first[device] - np.median(first)), abs(last[device] - np.median(last)))
        if fits and shifted >= allowed:
            centre = (np.median(first) + np.median(last)) / 2
            error_by_centre = (first[device] + last[device]) / 2 - centre
            whole = round(error_by_centre / HOUR_S) * HOUR_S
            found[device] = whole if abs(whole) >= abs(error) else error
    return found


def _edge(ends: NDArray[np.float64]) -> float:
    """Up to where the ends lie close together (20 minutes), from that of nine tenths of them on."""
    upper = np.sort(ends)[int(len(ends) * 0.9) - 1 :]
    apart = np.flatnonzero(np.diff(upper) > 1_200)
    return float(upper[apart[0]] if len(apart) else upper[-1])


def arrival_of_rows(time_us: NDArray[np.int64], device: NDArray[np.int32]) -> NDArray[np.int64] | None:
    """When each row of a file arrived, told from the rows around it, if they are of many devices.

    None when the rows are grouped by device or out of any order, or when there are few devices.
    """
    block = 32
    if len(time_us) < 4 * block or len(np.unique(device)) < 5:
        return None
    if np.mean(device[1:] != device[:-1]) < 0.5:
        return None
    whole = len(time_us) // block * block
    middles = np.median(time_us[:whole].reshape(-1, block), axis=1)
    if np.mean(np.diff(middles) >= 0) < 0.95:
        return None
    steady = np.maximum.accumulate(middles)
    centres = np.arange(len(middles)) * block + (block - 1) / 2
    return np.interp(np.arange(len(time_us)), centres, steady).astype(np.int64)
