"""All checks of one device's track, in the order in which they rest on each other."""

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracking.quality import clocks, frozen, leaps, spikes
from tracking.quality.findings import Finding, Why
from tracking.quality.settings import QualitySettings
from tracking.quality.surroundings import Surroundings
from tracking.quality.track import Track, own_speed, runs_of


@dataclass(slots=True)
class Checked:
    """The track that is left, in order of time, what was found, and how the device is wont to report."""

    track: Track
    frozen: NDArray[np.bool_]
    """Of the fixes left: their place is not to be believed."""
    findings: list[Finding] = field(default_factory=list)
    clock_offset_s: float = 0.0
    """The error of the clock that most of the wrong fixes had."""
    period_s: float = 30.0
    """Median interval."""


def check(
    track: Track,
    settings: QualitySettings,
    *,
    arrival_us: NDArray[np.int64] | None = None,
    offset_s: float = 0.0,
    now_us: int | None = None,
    around: spikes.Around | None = None,
) -> Checked:
    """Judge the fixes of one device, given in the order of arrival.

    ``arrival_us``: when each came, where that is known; ``offset_s``: error of the clock that is known
    from elsewhere; ``now_us``: no fix can be of a later time; ``around``: all tracks and the place of this
    one among them, when there are others.
    """
    around = around or (Surroundings([track]), 0)
    findings: list[Finding] = []
    track = _on_earth(track, settings, findings)
    track, offset = _set_clock(track, settings, arrival_us, offset_s, findings)
    if now_us is not None:
        ahead = track.time_us > now_us + settings.future_tolerance_s * 1e6
        track = _drop(track, ahead, Why.IN_FUTURE, findings)
    _out_of_order(track, findings)
    track = track.take(np.lexsort((track.row, track.time_us)))
    track = _repeated(track, around, findings)
    track = _drop(track, spikes.find_spikes(track, settings, around), Why.JUMP, findings)
    sentinel = frozen.find_sentinels(track)
    if sentinel.any():
        _tell(track, sentinel, Why.SENTINEL_SPEED, findings)
        track = track.with_columns(speed_mps=np.where(sentinel, np.nan, track.speed_mps))
    wild = frozen.find_wild_speeds(track, settings)
    if wild.any():
        track = track.with_columns(speed_mps=np.where(wild, np.nan, track.speed_mps))
    stuck = frozen.find_frozen(track, settings)
    _tell(track, stuck, Why.FROZEN, findings)
    catch_up, impossible = leaps.find_leaps(track, settings)
    _tell(track, catch_up, Why.CATCH_UP, findings)
    _tell(track, impossible | wild, Why.IMPOSSIBLE_SPEED, findings)
    for start, end in frozen.find_frozen_headings(track, settings):
        span: dict[str, float] = {"until_us": int(track.told_us[end - 1]), "fixes": end - start}
        span["course_deg"] = float(track.course_deg[start])
        findings.append(_finding(track, start, Why.FROZEN_HEADING, span))
    period, _ = own_speed(track)
    _silences(track, period, settings, findings)
    return Checked(track, stuck, findings, offset, period)


def _finding(track: Track, index: int, why: Why, extras: dict[str, float] | None = None) -> Finding:
    return Finding(why, int(track.told_us[index]), int(track.row[index]), dict(extras or {}))


def _tell(track: Track, mask: NDArray[np.bool_], why: Why, findings: list[Finding]) -> None:
    findings.extend(_finding(track, index, why) for index in np.flatnonzero(mask).tolist())


def _drop(track: Track, mask: NDArray[np.bool_], why: Why, findings: list[Finding]) -> Track:
    if not mask.any():
        return track
    _tell(track, mask, why, findings)
    return track.take(~mask)


def _on_earth(track: Track, settings: QualitySettings, findings: list[Finding]) -> Track:
    track = _drop(track, ~(np.abs(track.lat) <= 90), Why.BAD_LATITUDE, findings)
    track = _drop(track, ~(np.abs(track.lon) <= 180), Why.BAD_LONGITUDE, findings)
    zero = np.maximum(np.abs(track.lon), np.abs(track.lat)) < settings.zero_island_deg
    return _drop(track, zero, Why.ZERO_ISLAND, findings)


def _set_clock(
    track: Track,
    settings: QualitySettings,
    arrival_us: NDArray[np.int64] | None,
    known_s: float,
    findings: list[Finding],
) -> tuple[Track, float]:
    if not len(track):
        return track, 0.0
    if known_s:
        offsets = np.full(len(track), known_s)
    elif arrival_us is not None:
        offsets = clocks.offsets_by_arrival(track.told_us, arrival_us[track.row], settings)
    else:
        offsets = clocks.offsets_by_order(track, settings)
    wrong = np.flatnonzero(offsets)
    if not len(wrong):
        return track, 0.0
    findings.extend(
        _finding(track, index, Why.CLOCK_OFFSET, {"offset_s": float(offsets[index])})
        for index in wrong.tolist()
    )
    right = track.told_us - np.round(offsets * 1e6).astype(np.int64)
    return track.with_columns(time_us=right), float(np.median(offsets[wrong]))


def _out_of_order(track: Track, findings: list[Finding]) -> None:
    """Fixes older than one that came before them; but if that were many, the fewest fixes without which
    the others came in order of time (longest rising chain): then some were ahead of theirs."""
    times = track.time_us
    if len(times) < 2 or not (np.diff(times) < 0).any():
        return
    late = times < np.maximum.accumulate(times)
    in_order = _rising_chain(times)
    fewest = int((~in_order).sum())
    _tell(track, late if int(late.sum()) <= 2 * fewest + 3 else ~in_order, Why.OUT_OF_ORDER, findings)


def _rising_chain(times: NDArray[np.int64]) -> NDArray[np.bool_]:
    tails: list[int] = []
    last_of: list[int] = []
    before = np.full(len(times), -1)
    for index, moment in enumerate(times.tolist()):
        place = bisect_right(tails, moment)
        if place == len(tails):
            tails.append(moment)
            last_of.append(index)
        else:
            tails[place] = moment
            last_of[place] = index
        before[index] = last_of[place - 1] if place else -1
    in_order = np.zeros(len(times), dtype=np.bool_)
    index = last_of[-1]
    while index >= 0:
        in_order[index] = True
        index = int(before[index])
    return in_order


def _repeated(track: Track, around: spikes.Around, findings: list[Finding]) -> Track:
    """Same time and place: all but the first go. Same time, other place: the one stays that lies on the
    shortest way between the fixes around, and where devices are otherwise."""
    if len(track) < 2:
        return track
    order = np.lexsort((track.row, track.lat, track.lon, track.time_us))
    time_us, lon, lat = track.time_us[order], track.lon[order], track.lat[order]
    again = np.r_[False, (np.diff(time_us) == 0) & (np.diff(lon) == 0) & (np.diff(lat) == 0)]
    repeated = np.zeros(len(track), dtype=np.bool_)
    repeated[order[again]] = True
    track = _drop(track, repeated, Why.DUPLICATE, findings)
    tied = np.diff(track.time_us) == 0
    if not tied.any():
        return track
    groups = runs_of(tied)
    rows = np.concatenate([np.arange(start, end + 1) for start, end in groups])
    surroundings, device = around
    lonely = dict(zip(rows.tolist(), surroundings.lonely_m(device, track, rows, rows).tolist(), strict=True))
    other = np.zeros(len(track), dtype=np.bool_)
    for start, end in groups:
        group = np.arange(start, end + 1)
        cost = np.array([LONELY_WEIGHT * min(lonely[row], LONELY_MOST_M) for row in group.tolist()])
        for neighbour in (start - 1, end + 1):
            if 0 <= neighbour < len(track):
                cost += track.apart_m(group, np.full(len(group), neighbour))
        other[group] = True
        other[group[int(np.argmin(cost))]] = False
    return _drop(track, other, Why.SAME_SECOND, findings)


LONELY_WEIGHT, LONELY_MOST_M = 10.0, 300.0
"""Of two places at one time, a metre from where devices are otherwise counts as so many metres of detour;
beyond so many metres it says no more."""


def _silences(track: Track, period: float, settings: QualitySettings, findings: list[Finding]) -> None:
    if len(track) < 3:
        return
    seconds = track.step_s()
    long = np.flatnonzero(seconds > max(settings.gap_min_s, settings.gap_periods * period))
    if not len(long):
        return
    metres = track.step_m()
    for step in long.tolist():
        parked = metres[step] <= settings.parked_m
        span: dict[str, float] = {
            "until_us": int(track.told_us[step + 1]),
            "duration_s": round(float(seconds[step]), 1),
            "distance_m": round(float(metres[step]), 1),
        }
        findings.append(_finding(track, step, Why.PARKED if parked else Why.GAP, span))
