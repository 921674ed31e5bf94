"""Alert "signal lost": a silence longer than the device's own, which began under way.

The episode opens when the silence has lasted too long and ends with the next fix, or with the duty or the
window of the schedule. Live it opens and so ends by the clock; a fix of before it opened shows that there was
no silence, and the episode is withdrawn.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch
from tracking.directory import FOREVER_US, Directory
from tracking.duty_times import Keeping
from tracking.rules.base import Change, Judgement, Last, Scene
from tracking.rules.definitions import RuleDefinition, as_evidence
from tracking.rules.hysteresis import Bound, Episode
from tracking.rules.states import NOTHING, Remembered, episodes_in, with_episode
from tracking.rules.way import NEVER


def judge_silences(
    rule: RuleDefinition,
    since_us: int,
    fixes: FixBatch,
    scene: Scene,
    states: Mapping[int, Remembered],
    period_s: NDArray[np.float64],
) -> Judgement:
    """``period_s``: of the device of each fix; ``since_us``: no silence counts from before then."""
    judgement = Judgement()
    way = scene.way
    known = way.before_us != NEVER
    before = np.where(known, way.before_us, 0)
    opened = scene.outages.later(before, before + _wait_us(rule, period_s))
    with np.errstate(invalid="ignore"):
        lost = known & (fixes.fix_time_us > opened) & (way.before_mps * 3.6 >= rule.moving_kmh)
    lost &= (opened >= since_us) & rule.schedule.holds(opened)
    lost &= _on_duty(scene.directory, fixes.device_id, opened)
    if lost.any():
        rows = np.flatnonzero(lost)
        keeping = scene.directory.duty_times.judge(fixes.device_id[rows], opened[rows], strict=False)
        lost[rows] = keeping == Keeping.KEEP
    first = np.r_[True, fixes.device_id[1:] != fixes.device_id[:-1]] if len(fixes) else lost
    open_now = np.zeros(len(fixes), dtype=np.bool_)
    rows = np.flatnonzero(first)
    open_now[rows] = with_episode(states, fixes.device_id[rows])
    for row in np.flatnonzero(lost | open_now).tolist():
        device = int(fixes.device_id[row])
        time_us = int(fixes.fix_time_us[row])
        last = (int(way.before_us[row]), float(way.before_lon[row]), float(way.before_lat[row]))
        here = (float(fixes.lon[row]), float(fixes.lat[row]))
        end = min(_bound(rule, scene.directory, device, int(opened[row])), (time_us, "returned"))
        silence_s = round((end[0] - last[0]) / 1e6, 1)
        if open_now[row]:
            judgement.states[device] = NOTHING
            if not states[device].episode.opened:
                continue  # the clock has told its end
            if not lost[row]:
                judgement.changes.append(_change("withdraw", rule, device, int(opened[row]), last, last))
                continue
        else:
            judgement.changes.append(_open(rule, device, int(opened[row]), last))
        judgement.changes.append(
            _change(
                "close",
                rule,
                device,
                int(opened[row]),
                last,
                (end[0], *(here if end[1] == "returned" else last[1:])),
                evidence={"silence_s": silence_s, "worst": silence_s},
                closed_us=end[0],
                close_reason=end[1],
            )
        )
    return judgement


def _bound(rule: RuleDefinition, directory: Directory, device: int, opened_us: int) -> Bound:
    """When a silence is none any more, though no fix has come: off duty, or out of the schedule."""
    duty, window = directory.duty_times.span_end_us(device, opened_us), rule.schedule.until_us(opened_us)
    return min(
        (FOREVER_US if duty is None else duty, "off_duty"),
        (FOREVER_US if window is None else window, "schedule_ended"),
    )


def wake_silences(
    rule: RuleDefinition,
    since_us: int,
    now_us: int,
    last: Last,
    scene: Scene,
    states: Mapping[int, Remembered],
    period_s: NDArray[np.float64],
) -> Judgement:
    """Which devices have been silent for too long by now. ``period_s``: of each of ``last``."""
    judgement = Judgement()
    opened = scene.outages.later(last.time_us, last.time_us + _wait_us(rule, period_s))
    directory = scene.directory
    with np.errstate(invalid="ignore"):
        lost = (opened < now_us) & (opened >= since_us) & (last.speed_mps * 3.6 >= rule.moving_kmh)
    lost &= rule.schedule.holds(opened)
    rows = np.flatnonzero(lost)
    rows = rows[~with_episode(states, last.device_id[rows])]
    held = _on_duty(directory, last.device_id[rows], opened[rows])
    held &= directory.duty_times.knows(last.device_id[rows], opened[rows])
    for row in rows[held].tolist():
        device = int(last.device_id[row])
        place = (int(last.time_us[row]), float(last.lon[row]), float(last.lat[row]))
        change = _open(rule, device, int(opened[row]), place)
        point = (change.opened_us, change.lon, change.lat, 0.0)
        judgement.changes.append(change)
        judgement.states[device] = Remembered(
            Episode(opened=True, first=point, last=(place[0], *point[1:]), written=point)
        )
    return judgement


def end_silences(
    rule: RuleDefinition, until_us: int, directory: Directory, states: Mapping[int, Remembered]
) -> Judgement:
    """Which silences ended with duty or schedule up to a moment. What stays in the memory says that their
    ends were told."""
    judgement = Judgement()
    for device, known in episodes_in(states):
        episode = known.episode
        if not episode.opened or episode.first is None or episode.last is None:
            continue
        opened_us, lon, lat, _ = episode.first
        end_us, reason = _bound(rule, directory, device, opened_us)
        if end_us > until_us:
            continue
        silence_s = round((end_us - episode.last[0]) / 1e6, 1)
        judgement.changes.append(
            _change(
                *("close", rule, device, opened_us, (episode.last[0], lon, lat), (end_us, lon, lat)),
                evidence={"silence_s": silence_s, "worst": silence_s},
                closed_us=end_us,
                close_reason=reason,
            )
        )
        judgement.states[device] = Remembered(msgspec.structs.replace(episode, opened=False))
    return judgement


def _on_duty(
    directory: Directory, device_ids: NDArray[np.int32], time_us: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Of a device whose positions outside duty are not kept, silence then is no loss."""
    return np.asarray(directory.duty_times.judge(device_ids, time_us, strict=False) == Keeping.KEEP)


def _wait_us(rule: RuleDefinition, period_s: NDArray[np.float64]) -> NDArray[np.int64]:
    return (np.maximum(rule.min_s, rule.periods * period_s) * 1e6).astype(np.int64)


def _open(rule: RuleDefinition, device: int, opened_us: int, last: tuple[int, float, float]) -> Change:
    evidence = {
        "rule": as_evidence(rule),
        "fixes": [{"time": last[0] / 1e6, "lon": last[1], "lat": last[2]}],
    }
    return _change("open", rule, device, opened_us, last, (opened_us, *last[1:]), evidence=evidence)


def _change(
    kind: Any,
    rule: RuleDefinition,
    device: int,
    opened_us: int,
    last: tuple[int, float, float],
    seen: tuple[int, float, float],
    **more: Any,
) -> Change:
    return Change(
        kind=kind,
        rule=rule.key,
        rule_version=rule.version,
        severity=rule.severity,
        device_id=device,
        opened_us=opened_us,
        seen_us=seen[0],
        lon=last[1],
        lat=last[2],
        last_lon=seen[1],
        last_lat=seen[2],
        evidence=more.pop("evidence", {}),
        **more,
    )
