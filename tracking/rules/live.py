"""Rules ready to judge: a version of a definition, whom and what it is about; and a rule through its
versions. The same for live fixes, for late ones, and for ``./wanmi tracks analyse``."""

from bisect import bisect_right
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from gis_core.area_codes import area_prefix
from tracking.batch import FixBatch, runs_of
from tracking.directory import Crew, Device, Directory
from tracking.rules.base import Change, Judgement, Last, Scene
from tracking.rules.definitions import RuleDefinition, as_evidence
from tracking.rules.hysteresis import IDLE, Bound, Episode, Seen, Step, advance, end
from tracking.rules.kinds import KINDS
from tracking.rules.look import Kind, Look
from tracking.rules.places import NO_PLACES, Places
from tracking.rules.silence import end_silences, judge_silences, wake_silences
from tracking.rules.states import NOTHING, Remembered, episodes_in, stays_of, with_episode
from tracking.rules.way import NEVER

BY_TURN = frozenset({"outside_grid", "off_post"})
"""Kinds about the grid of a turn of duty: their episodes end with it."""
SETTLED_US = 5_000_000
"""What ends by the clock is told so long afterwards: the last fixes of before are on their way."""
TIMED: dict[str, type["LiveRule"]] = {}
"""Kinds that follow the clock, with a class of their own; ``tracking.rules`` fills it."""


def live_kinds() -> frozenset[str]:
    """Kinds that a rule of the table may have; ``outside_grid`` and the call for help are built in."""
    return frozenset({*KINDS, *TIMED, "signal_lost"})


class LiveRule:
    """One version of a rule, and whom it is about. ``since_us``: from when on it has been in force."""

    corrected = True
    ended_by = "rule_ended"
    """Why episodes end when a version is not enabled."""

    def __init__(
        self,
        definition: RuleDefinition,
        places: Places = NO_PLACES,
        unit_kinds: frozenset[str] = frozenset(),
        org_unit_ids: frozenset[int] = frozenset(),
        area_code: str | None = None,
        *,
        since_us: int = NEVER,
        kind: Kind | None = None,
    ) -> None:
        self.definition = definition
        self.places = places
        self.since_us = since_us
        self._unit_kinds, self._org_unit_ids, self._area_code = unit_kinds, org_unit_ids, area_code
        self._kind = kind or KINDS.get(definition.kind)
        self._everybody = not (unit_kinds or org_unit_ids or area_code or definition.devices)
        self._roll: tuple[Crew, NDArray[np.bool_]] | None = None

    @property
    def key(self) -> str:
        return self.definition.key

    def concerns(self, device: Device) -> bool:
        return self._concerns_kind(device) and (
            not self.definition.devices or device.key in self.definition.devices
        )

    def _concerns_kind(self, device: Device) -> bool:
        return (
            (not self._unit_kinds or device.unit_kind in self._unit_kinds)
            and (not self._org_unit_ids or device.org_unit_id in self._org_unit_ids)
            and (self._area_code is None or device.area_code.startswith(area_prefix(self._area_code)))
        )

    def judge(self, fixes: FixBatch, scene: Scene, states: Mapping[int, Remembered]) -> Judgement:
        """As ``Rule.judge``."""
        if not self.definition.enabled:
            return Judgement()
        concerned, period_s = self._roll_of(scene.directory)
        if not self._everybody:
            rows = concerned[fixes.device_id]
            if not rows.all():
                fixes, scene = fixes.take(rows), scene.take(rows)
        if not len(fixes):
            return Judgement()
        if self.definition.kind == "signal_lost":
            periods = period_s[fixes.device_id]
            return judge_silences(self.definition, self.since_us, fixes, scene, states, periods)
        if self._kind is None:
            return Judgement()
        look = self._kind.look(self.definition, self.places, fixes, scene, states)
        if not self.definition.schedule.always:
            held = self.definition.schedule.holds(fixes.fix_time_us)
            look.verdict = np.where(held, look.verdict, -1).astype(np.int8)
        return self._fold(fixes, scene, look, states)

    def wake(self, now_us: int, scene: Scene, states: Mapping[int, Remembered], last: Last) -> Judgement:
        """As ``Rule.wake``."""
        if not self.definition.enabled:
            return self.end(list(states), states)
        if self.definition.kind != "signal_lost":
            return self._end_by_clock(now_us, scene, states)
        concerned, period_s = self._roll_of(scene.directory)
        rows = concerned[last.device_id]
        last = Last(*(getattr(last, name)[rows] for name in Last.__dataclass_fields__))
        periods = period_s[last.device_id]
        judgement = wake_silences(self.definition, self.since_us, now_us, last, scene, states, periods)
        silent = {**dict(episodes_in(states)), **judgement.states}
        ended = end_silences(self.definition, now_us - SETTLED_US, scene.directory, silent)
        judgement.changes += ended.changes
        judgement.states |= ended.states
        return judgement

    def _end_by_clock(self, now_us: int, scene: Scene, states: Mapping[int, Remembered]) -> Judgement:
        """Episodes whose turn or window is over by now, though no fix has come since."""
        judgement = Judgement()
        if self.definition.kind not in BY_TURN and self.definition.schedule.always:
            return judgement
        for device, known in episodes_in(states):
            if not known.episode.opened:
                continue
            episode = self.bounded(known.episode, device, scene)
            if episode.until is not None and now_us >= episode.until[0] + SETTLED_US:
                judgement.changes.append(self._change(device, end(episode, *episode.until), {}))
                judgement.states[device] = Remembered(IDLE, known.stay)
        return judgement

    def bounded(self, episode: Episode, device: int, scene: Scene) -> Episode:
        """With its end as the turns of duty say it now, which were perhaps not all known at its last fix."""
        if episode.last is None:
            return episode
        until = self.bound(device, episode.last[0], scene) or episode.until
        return episode if until == episode.until else msgspec.structs.replace(episode, until=until)

    def bound(self, device: int, moment_us: int, scene: Scene) -> Bound | None:
        """When an episode that a fix of a moment belongs to ends at the latest."""
        bounds: list[Bound] = []
        if self.definition.kind in BY_TURN:
            turn = scene.directory.subject_until(device, moment_us)
            if turn is not None:
                bounds.append((turn[0], "off_duty" if turn[1] is None else "reassigned"))
        window = self.definition.schedule.until_us(moment_us)
        if window is not None:
            bounds.append((window, "schedule_ended"))
        return min(bounds, default=None)

    def _roll_of(self, directory: Directory) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """By device id: whom the rule is about, and how often they report. Made anew when the directory
        changes."""
        crew = directory.crew
        if self._roll is not None and self._roll[0] is crew:
            return self._roll[1], crew.period_s
        kinds = np.array([*map(self._concerns_kind, crew.samples), False], dtype=np.bool_)
        concerned = kinds[crew.kind]
        if self.definition.devices:
            wanted = self.definition.devices
            among = np.zeros_like(concerned)
            among[[number for number, device in directory.by_id.items() if device.key in wanted]] = True
            concerned &= among
        if not directory.passing:
            self._roll = (crew, concerned)
        return concerned, crew.period_s

    def _fold(self, fixes: FixBatch, scene: Scene, look: Look, states: Mapping[int, Remembered]) -> Judgement:
        """Episodes out of verdicts: only devices that break the rule, or did, are looked at fix by fix."""
        judgement = Judgement()
        starts, ends = runs_of(fixes.device_id)
        devices = fixes.device_id[starts]
        followed = np.logical_or.reduceat(look.verdict > 0, starts) | with_episode(states, devices)
        numbers = np.flatnonzero(followed)
        stays: list[tuple[int, float, float] | None] = [None] * len(numbers)
        if look.stays is not None:
            stays = look.stays.take(numbers).told()
            before = stays_of(states, devices)
            moved = look.stays.since_us != before.since_us
            moved |= (look.stays.since_us != NEVER) & (
                (look.stays.lon != before.lon) | (look.stays.lat != before.lat)
            )
            judgement.stays = look.stays.take(moved & ~followed)
        for number, stay in zip(numbers.tolist(), stays, strict=True):
            device = int(devices[number])
            known = states.get(device, NOTHING)
            rows = slice(int(starts[number]), int(ends[number]))
            after = Remembered(self._follow(fixes, scene, look, rows, known.episode, judgement), stay)
            if after != known:
                judgement.states[device] = after
        return judgement

    def _follow(
        self, fixes: FixBatch, scene: Scene, look: Look, rows: slice, state: Episode, judgement: Judgement
    ) -> Episode:
        pace = self.definition.pace
        breaking = (np.flatnonzero(look.verdict[rows] > 0) + rows.start).tolist()
        following = 0
        row = rows.start
        ends = self.definition.kind in BY_TURN or not self.definition.schedule.always
        device = int(fixes.device_id[row])
        if ends and state != IDLE:
            state = self.bounded(state, device, scene)
        while row < rows.stop:
            if state == IDLE:
                # Fixes that keep the rule change nothing now: on to one that breaks it.
                while following < len(breaking) and breaking[following] < row:
                    following += 1
                if following == len(breaking):
                    break
                row = breaking[following]
            seen = Seen(
                int(fixes.fix_time_us[row]),
                float(fixes.lon[row]),
                float(fixes.lat[row]),
                int(look.verdict[row]),
                float(look.value[row]),
                0 if look.subject is None else int(look.subject[row]),
                self.bound(device, int(fixes.fix_time_us[row]), scene)
                if ends and look.verdict[row] > 0
                else None,
            )
            state, steps = advance(state, seen, pace)
            for step in steps:
                told = self._kind.evidence(self.definition, step, fixes, row, scene) if self._kind else {}
                judgement.changes.append(self._change(device, step, told))
            row += 1
        return state

    def end(self, devices: Iterable[int], states: Mapping[int, Remembered]) -> Judgement:
        """Of a version that is disabled: what began before it ends when it came into force."""
        judgement = Judgement()
        for device in devices:
            known = states.get(device)
            if known is None:
                continue
            episode, stay = known.episode, known.stay
            if episode.first and episode.first[0] < self.since_us:
                if episode.opened:
                    step = end(episode, self.since_us, self.ended_by)
                    judgement.changes.append(self._change(device, step, {}))
                episode = IDLE
            if stay and stay[0] < self.since_us:
                stay = None
            judgement.states[device] = Remembered(episode, stay)
        return judgement

    def _change(self, device_id: int, step: Step, told: dict[str, Any]) -> Change:
        evidence: dict[str, Any] = {"worst": step.worst, "fixes_breaking": step.fixes, **told}
        if step.kind == "open":
            evidence["rule"] = as_evidence(self.definition)
            evidence["fixes"] = [
                {"time": time_us / 1e6, "lon": lon, "lat": lat, "value": value}
                for time_us, lon, lat, value in step.evidence
            ]
        return Change(
            kind=step.kind,
            rule=self.key,
            rule_version=self.definition.version,
            severity=self.definition.severity,
            device_id=device_id,
            opened_us=step.opened_us,
            seen_us=step.seen_us,
            lon=step.lon,
            lat=step.lat,
            last_lon=step.last_lon,
            last_lat=step.last_lat,
            evidence=evidence,
            closed_us=step.closed_us,
            close_reason=step.close_reason,
        )


class RuleLine:
    """A rule through its versions: each fix is judged by the version that was in force at its time. The
    first holds for older fixes as well."""

    def __init__(self, versions: Sequence[LiveRule]) -> None:
        self.versions = tuple(versions)
        self._sinces = [version.since_us for version in versions[1:]]
        # When the rule was off the last time before each version: what began before then is over.
        offs = (NEVER if one.definition.enabled else one.since_us for one in self.versions)
        ended = accumulate(offs, max)
        self._off_us = dict(zip(map(id, self.versions), ended, strict=True))

    @property
    def corrected(self) -> bool:
        return self.versions[-1].corrected

    @property
    def key(self) -> str:
        return self.versions[-1].key

    @property
    def definition(self) -> RuleDefinition:
        return self.versions[-1].definition

    def judge(self, fixes: FixBatch, scene: Scene, states: Mapping[int, Remembered]) -> Judgement:
        """As ``Rule.judge``."""
        if not len(fixes):
            return Judgement()
        first = self.in_force(int(fixes.fix_time_us.min()))
        if (
            first is self.in_force(int(fixes.fix_time_us.max()))
            and first.definition.enabled
            and not _carried(fixes, states, self._off_us[id(first)])
        ):
            return first.judge(fixes, scene, states)
        judgement = Judgement()
        present = np.unique(fixes.device_id).tolist()
        known = {device: states[device] for device in present if device in states}
        whole: Mapping[int, Remembered] = ChainMap(judgement.states, known)
        untils = [version.since_us for version in self.versions[1:]]
        sinces = [NEVER, *untils]
        for version, since, until in zip(
            self.versions, sinces, [*untils, np.iinfo(np.int64).max], strict=True
        ):
            rows = (fixes.fix_time_us >= since) & (fixes.fix_time_us < until)
            if not version.definition.enabled:
                devices = np.unique(fixes.device_id[fixes.fix_time_us >= since]).tolist()
                piece = version.end(devices, _without_nothing(whole))
            elif rows.any():
                piece = version.judge(fixes.take(rows), scene.take(rows), _without_nothing(whole))
            else:
                continue
            judgement.changes += piece.changes
            judgement.states |= piece.all_states()
        judgement.changes.sort(key=lambda change: change.device_id)  # stable: each device's stay in order
        return judgement

    def wake(self, now_us: int, scene: Scene, states: Mapping[int, Remembered], last: Last) -> Judgement:
        """As ``Rule.wake``."""
        return self.in_force(now_us).wake(now_us, scene, states, last)

    def in_force(self, moment_us: int) -> LiveRule:
        """The version that holds at a moment."""
        return self.versions[bisect_right(self._sinces, moment_us)]


def _carried(fixes: FixBatch, states: Mapping[int, Remembered], off_us: int) -> bool:
    """Whether anything is remembered of these devices from before a moment at which the rule was off."""
    if off_us == NEVER:
        return False
    devices = fixes.device_id[runs_of(fixes.device_id)[0]]
    since = stays_of(states, devices).since_us
    if bool(((since != NEVER) & (since < off_us)).any()):
        return True
    firsts = (states[device].episode.first for device in devices[with_episode(states, devices)].tolist())
    return any(first is not None and first[0] < off_us for first in firsts)


def _without_nothing(states: Mapping[int, Remembered]) -> dict[int, Remembered]:
    return {device: state for device, state in states.items() if state != NOTHING}


__all__ = ["TIMED", "LiveRule", "RuleLine", "live_kinds"]
