"""Positions, courses and speeds that a terminal goes on repeating."""

import numpy as np
from numpy.typing import NDArray

from tracking.quality.settings import QualitySettings
from tracking.quality.track import Track, own_speed, pace_around, runs_of

_FILLERS = (255 * 1609.344 / 3600, 255 / 3.6, 255 * 1852 / 3600, 255.0, 6553.5 / 3.6, 65535 / 3.6, 65535.0)
SENTINEL_MPS = np.array([*_FILLERS, 655.35, 6553.5, 999.0 / 3.6, 9999 / 3.6])
"""0xFF and 0xFFFF in miles, kilometres, knots and metres, with and without decimals; nines."""


def find_sentinels(track: Track) -> NDArray[np.bool_]:
    """Speeds that stand for "unknown"."""
    if np.isnan(track.speed_mps).all():
        return np.zeros(len(track), dtype=np.bool_)
    near = np.abs(track.speed_mps[:, None] - SENTINEL_MPS[None, :]) < 0.02
    return np.asarray(near.any(axis=1) | (track.speed_mps < 0), dtype=np.bool_)


def find_wild_speeds(track: Track, settings: QualitySettings) -> NDArray[np.bool_]:
    """Told speeds (m/s) far beyond what the way from the fix before and to the fix after shows."""
    told = track.speed_mps
    if len(track) < 2 or not (told >= settings.wild_mps).any():
        return np.zeros(len(track), dtype=np.bool_)
    _, fast = own_speed(track)
    speed = track.step_m() / np.maximum(track.step_s(), 1.0)
    shown = np.maximum(np.r_[0.0, speed], np.r_[speed, 0.0])
    wild = (told >= settings.wild_mps) & (told >= 3 * np.maximum(shown, 0.7 * fast))
    return np.asarray(
        wild | ((told >= settings.jump_max_mps) & (told >= 1.5 * np.maximum(shown, fast))), dtype=np.bool_
    )


def find_frozen(track: Track, settings: QualitySettings) -> NDArray[np.bool_]:
    """Fixes that repeat a place while the device went on: it is told by where it is when it thaws, or
    by the speed it reports meanwhile. The first of equal fixes is the true one."""
    frozen = np.zeros(len(track), dtype=np.bool_)
    if len(track) < settings.frozen_fixes + 1:
        return frozen
    same = (np.diff(track.lon) == 0) & (np.diff(track.lat) == 0)
    if not same.any():
        return frozen
    metres, seconds = track.step_m(), np.maximum(track.step_s(), 1.0)
    speed = metres / seconds
    period, fast = own_speed(track)
    limit = settings.frozen_own_speed * max(fast, 5.0)
    reports = ~np.isnan(track.speed_mps)
    repeats = _repeats(same, metres)
    for start, end in runs_of(same):
        fixes = end - start + 1
        if fixes < settings.frozen_fixes:
            continue
        thawed = end < len(metres) and (
            metres[end] >= settings.frozen_min_m
            and speed[end] >= max(limit, 1.2 * float(pace_around(speed, np.array([start]), fixes - 1)[0]))
            and seconds[end] <= 5 * period
        )
        told = track.speed_mps[start + 1 : end + 1][reports[start + 1 : end + 1]]
        drives = (
            len(told) >= settings.frozen_fixes - 1 and float(np.median(told)) >= settings.frozen_speed_mps
        )
        speed_in = speed[start - 1] if start else 0.0
        speed_out = speed[end] if end < len(metres) else np.inf
        usual = max(fast, 3.0)
        abrupt = (
            fixes >= settings.frozen_abrupt and speed_in >= 0.3 * usual and speed_out >= 0.7 * usual
        ) and (repeats < 0.5 if end < len(metres) else repeats < 0.1)
        if thawed or drives or abrupt:
            frozen[start + 1 : end + 1] = True
    return frozen


def _repeats(same: NDArray[np.bool_], metres: NDArray[np.float64]) -> float:
    """How often this device tells the very same place while it stands, outside its longest run."""
    standing = metres < 15
    longest = max((end - start for start, end in runs_of(same)), default=0)
    rest = int(standing.sum()) - longest
    return (int(same.sum()) - longest) / rest if rest > 20 else 1.0


def find_frozen_headings(track: Track, settings: QualitySettings) -> list[tuple[int, int]]:
    """Stretches [start, end) with one and the same course although the way turns, or of a device that
    stands."""
    if np.isnan(track.course_deg).all() or len(track) < settings.heading_fixes:
        return []
    found = []
    for start, end in runs_of(np.diff(track.course_deg) == 0):
        if end - start + 1 < settings.heading_fixes:
            continue
        east = np.diff(track.lon[start : end + 1]) * np.cos(np.radians(track.lat[start]))
        north = np.diff(track.lat[start : end + 1])
        moved = np.hypot(east, north) * 111_195 > 15
        if moved.sum() >= 3:
            way = np.degrees(np.arctan2(east[moved], north[moved]))
            off = np.abs((way - track.course_deg[start] + 180) % 360 - 180)
            if np.percentile(off, 75) < settings.heading_turn_deg:
                continue
        found.append((start, end + 1))
    return found
