"""Alert "never arrived": a turn of duty has begun, and the unit has not been seen in its grid in time.

The episode opens when the grace (``after_s``) is over and ends with the first fix in the grid
(``returned``), or with the turn (``off_duty``). Live it opens by the clock; an earlier fix in the grid
that comes afterwards shows that there was no such absence, and the episode is withdrawn.
"""

from bisect import bisect_left
from collections.abc import Mapping
from operator import is_
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch, runs_of
from tracking.directory import Duty
from tracking.locator import GridDistances
from tracking.outages import NO_OUTAGES, Outages
from tracking.rules.base import NOTHING, Change, Judgement, Last, Remembered, Scene
from tracking.rules.definitions import as_evidence
from tracking.rules.hysteresis import IDLE, Episode
from tracking.rules.live import SETTLED_US, LiveRule
from tracking.rules.states import stays_of, with_episode
from tracking.rules.way import NEVER
from tracking.turns import Turns

EARLY_US = 1_800_000_000
"""Who is in the grid so long before the turn begins has arrived."""
LONGEST_TURN_US = 8 * 86_400_000_000

Place = tuple[float, float]


class NeverArrived(LiveRule):
    """``Remembered.stay`` holds the beginning of the last turn that is settled: the unit arrived, or the turn
    is over."""

    _outages = NO_OUTAGES
    """Those of the scene that is judged."""
    _known: tuple[tuple[Turns, GridDistances, Outages], NDArray[np.bool_]] | None = None

    def judge(self, fixes: FixBatch, scene: Scene, states: Mapping[int, Remembered]) -> Judgement:
        """As ``Rule.judge``."""
        if not self.definition.enabled:
            return Judgement()
        self._outages = scene.outages
        concerned, _ = self._roll_of(scene.directory)
        rows = concerned[fixes.device_id]
        fixes, scene = fixes.take(rows), scene.take(rows)
        judgement = Judgement()
        if not len(fixes):
            return judgement
        starts, ends = runs_of(fixes.device_id)
        runs, turns = self._open_turns(fixes, scene, states, starts, ends)
        inside = self._inside(fixes, scene, starts[runs], ends[runs], turns)
        pair = 0
        for run in np.unique(runs).tolist():
            start, end = int(starts[run]), int(ends[run])
            device = int(fixes.device_id[start])
            waiting: list[tuple[Duty, NDArray[np.bool_]]] = []
            while pair < len(runs) and runs[pair] == run:
                waiting.append((scene.directory.turn(int(turns[pair])), inside[pair]))
                pair += 1
            before = states.get(device, NOTHING)
            state = self._follow_turns(before, waiting, fixes, scene, slice(start, end), judgement)
            if state != before:
                judgement.states[device] = state
        return judgement

    def _open_turns(
        self,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
        starts: NDArray[np.intp],
        ends: NDArray[np.intp],
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Runs of fixes, and turns of the same device that they say something about and that are not settled:
        as a rule very few. By run and beginning; turns by their place in ``Turns``."""
        turns, devices = scene.directory.turns, fixes.device_id[starts]
        place = turns.place_of(devices)
        first = turns.first_turn[place]
        counts = np.where(place >= 0, turns.first_turn[place + 1] - first, 0)
        run = np.repeat(np.arange(len(starts)), counts)
        turn = np.arange(len(run)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
        before = scene.way.before_us[starts]
        since = np.where(before == NEVER, fixes.fix_time_us[starts], before)[run]
        begins = turns.starts_us[turn]
        open_still = self._counted(scene)[turn] & (begins > stays_of(states, devices).since_us[run])
        open_still &= (begins - EARLY_US <= fixes.fix_time_us[ends - 1][run]) & (turns.ends_us[turn] > since)
        return run[open_still], turn[open_still]

    def _counted(self, scene: Scene) -> NDArray[np.bool_]:
        """Which turns the rule is about. Worked out anew when the directory, the grids or the outages
        change."""
        turns, distances = scene.directory.turns, scene.locator.distances
        by = (turns, distances, scene.outages)
        if self._known and all(map(is_, self._known[0], by)):
            return self._known[1]
        counted = (turns.starts_us >= self.since_us) & distances.has(turns.grid_id)
        if not self.definition.schedule.always:
            counted &= self.definition.schedule.holds(turns.starts_us)
        if len(scene.outages.ends_us):
            # A turn whose grace was an outage to its end went by unheard.
            over = turns.starts_us + round(self.definition.after_s * 1e6)
            later = scene.outages.later(turns.starts_us, over)
            counted &= (later == over) | (later < turns.ends_us)
        self._known = (by, np.asarray(counted))
        return self._known[1]

    def _inside(
        self,
        fixes: FixBatch,
        scene: Scene,
        starts: NDArray[np.intp],
        ends: NDArray[np.intp],
        turns: NDArray[np.intp],
    ) -> list[NDArray[np.bool_]]:
        """For each turn, which of the fixes of its run are in its grid."""
        counts = ends - starts
        begins = np.cumsum(counts) - counts
        row = np.arange(int(counts.sum())) + np.repeat(starts - begins, counts)
        grid = np.repeat(scene.directory.turns.grid_id[turns], counts)
        inside = fixes.responsibility_grid_id[row] == grid
        away = np.flatnonzero(~inside)
        if len(away):
            distances = scene.locator.distances
            metres = distances.measure(grid[away], fixes.lon[row[away]], fixes.lat[row[away]])
            inside[away] = metres <= self.definition.buffer_m
        return np.split(inside, begins[1:]) if len(counts) else []

    def _follow_turns(
        self,
        state: Remembered,
        waiting: list[tuple[Duty, NDArray[np.bool_]]],
        fixes: FixBatch,
        scene: Scene,
        rows: slice,
        judgement: Judgement,
    ) -> Remembered:
        """One device, fix by fix, until its turns are settled."""
        for row in range(rows.start, rows.stop):
            if not waiting:
                break
            time_us, since = int(fixes.fix_time_us[row]), int(scene.way.before_us[row])
            since = time_us if since == NEVER else since
            for place, (turn, inside) in enumerate(waiting):
                if time_us < turn.starts_us and any(time_us < one.ends_us for one, _ in waiting[:place]):
                    break  # still on the turn before: nobody is early for this one
                if turn.starts_us - EARLY_US <= time_us and turn.ends_us > since:
                    arrived = bool(inside[row - rows.start])
                    state = self._meet(state, turn, fixes, scene, row, judgement, arrived=arrived)
            waiting = [one for one in waiting if not _settled(state, one[0])]
        return state

    def _deadline(self, turn: Duty) -> int:
        """When the grace is over; while nobody could be heard it lasts."""
        since = np.array([turn.starts_us])
        over = self._outages.later(since, since + round(self.definition.after_s * 1e6))
        return min(int(over[0]), turn.ends_us)

    def _meet(
        self,
        state: Remembered,
        turn: Duty,
        fixes: FixBatch,
        scene: Scene,
        row: int,
        judgement: Judgement,
        *,
        arrived: bool,
    ) -> Remembered:
        if _settled(state, turn):
            return state
        time_us, device = int(fixes.fix_time_us[row]), int(fixes.device_id[row])
        here = (float(fixes.lon[row]), float(fixes.lat[row]))
        deadline = self._deadline(turn)
        is_open = state.episode.opened and state.episode.subject == turn.roster_id
        arrived = arrived and time_us < turn.ends_us
        if arrived and time_us <= deadline:
            if is_open:
                judgement.changes.append(self._tell("withdraw", turn, device, here, here, time_us))
            return _settle(turn)
        if time_us <= deadline:
            return state
        last = scene.locator.distances.centre(turn.grid_id)
        if int(scene.way.before_us[row]) != NEVER:
            last = (float(scene.way.before_lon[row]), float(scene.way.before_lat[row]))
        if is_open and state.episode.first:
            last = state.episode.first[1:3]
        else:
            judgement.changes.append(self._tell("open", turn, device, last, last, deadline))
        if arrived:
            judgement.changes.append(self._close(turn, device, last, here, time_us, "returned"))
            return _settle(turn)
        if time_us >= turn.ends_us:
            judgement.changes.append(self._close(turn, device, last, last, turn.ends_us, "off_duty"))
            return _settle(turn)
        return _opened(state, turn, deadline, last)

    def wake(self, now_us: int, scene: Scene, states: Mapping[int, Remembered], last: Last) -> Judgement:
        """As ``Rule.wake``: whose grace is over by now, and whose turn."""
        judgement = Judgement()
        if not self.definition.enabled:
            return judgement
        self._outages = scene.outages
        counted = self._counted(scene)
        asked = self._overdue(now_us, scene, counted, states, last)
        rows = np.flatnonzero(np.isin(last.device_id, asked))
        ids = last.device_id[rows].tolist()
        places = dict(
            zip(ids, zip(last.lon[rows].tolist(), last.lat[rows].tolist(), strict=True), strict=True)
        )
        heard = dict(zip(ids, last.time_us[rows].tolist(), strict=True))
        for device in asked.tolist():
            turns = scene.directory.duties[device]
            before = state = states.get(device, NOTHING)
            since = min(now_us, heard.get(device, now_us)) - LONGEST_TURN_US
            first = bisect_left(turns, since, key=lambda turn: turn.starts_us)
            of_device = counted[scene.directory.turns.turns_of(device)][first:]
            for turn, counts in zip(turns[first:], of_device.tolist(), strict=True):
                deadline = self._deadline(turn)
                if deadline >= now_us:
                    break
                if _settled(state, turn) or not counts:
                    continue
                is_open = state.episode.opened and state.episode.subject == turn.roster_id
                if not is_open and now_us >= turn.ends_us and heard.get(device, now_us) >= turn.ends_us:
                    continue  # its fixes tell
                place = places.get(device) or scene.locator.distances.centre(turn.grid_id)
                if is_open and state.episode.first:
                    place = state.episode.first[1:3]
                else:
                    judgement.changes.append(self._tell("open", turn, device, place, place, deadline))
                    state = _opened(state, turn, deadline, place)
                if now_us >= turn.ends_us + SETTLED_US:
                    judgement.changes.append(
                        self._close(turn, device, place, place, turn.ends_us, "off_duty")
                    )
                    state = _settle(turn)
            if state != before:
                judgement.states[device] = state
        return judgement

    def _overdue(
        self,
        now_us: int,
        scene: Scene,
        counted: NDArray[np.bool_],
        states: Mapping[int, Remembered],
        last: Last,
    ) -> NDArray[np.int32]:
        """Devices with a turn whose grace is over and that is not settled: as a rule very few."""
        turns = scene.directory.turns
        place = np.repeat(np.arange(len(turns.device_id)), np.diff(turns.first_turn))
        concerned, _ = self._roll_of(scene.directory)
        known = turns.device_id < len(concerned)
        about = known & concerned[np.where(known, turns.device_id, 0)]
        about &= scene.directory.crew.may_speak(turns.device_id)
        heard = np.full(len(turns.device_id), now_us)
        spoke = turns.place_of(last.device_id)
        heard[spoke[spoke >= 0]] = last.time_us[spoke >= 0]
        grace_us = round(self.definition.after_s * 1e6)
        overdue = np.minimum(turns.starts_us + grace_us, turns.ends_us) < now_us
        overdue &= counted
        overdue &= turns.starts_us >= np.minimum(now_us, heard)[place] - LONGEST_TURN_US
        overdue &= turns.starts_us > stays_of(states, turns.device_id).since_us[place]
        # Of a turn that is over, and after which there were fixes, these tell.
        told = (now_us >= turns.ends_us) & (heard[place] >= turns.ends_us)
        told_open = with_episode(states, turns.device_id)[place]
        overdue &= ~told | told_open
        # What is open already goes on until its turn is over.
        overdue &= ~told_open | (now_us >= turns.ends_us + SETTLED_US)
        return np.asarray(turns.device_id[np.unique(place[overdue & about[place]])])

    def _close(
        self, turn: Duty, device: int, first: Place, last: Place, closed_us: int, reason: str
    ) -> Change:
        change = self._tell("close", turn, device, first, last, closed_us)
        late_s = round((closed_us - turn.starts_us) / 1e6)
        return msgspec.structs.replace(
            change, closed_us=closed_us, close_reason=reason, evidence={"late_s": late_s, "worst": late_s}
        )

    def _tell(self, kind: Any, turn: Duty, device: int, first: Place, last: Place, seen_us: int) -> Change:
        evidence: dict[str, Any] = {}
        if kind == "open":
            evidence = {
                "rule": as_evidence(self.definition),
                "fixes": [],
                **{"roster_id": turn.roster_id, "grid_id": turn.grid_id, "grid": turn.grid_name},
                **{"grid_en": turn.grid_name_en, "turn_started": turn.starts_us / 1e6},
            }
        return Change(
            kind=kind,
            rule=self.key,
            rule_version=self.definition.version,
            severity=self.definition.severity,
            device_id=device,
            opened_us=self._deadline(turn),
            seen_us=seen_us,
            lon=first[0],
            lat=first[1],
            last_lon=last[0],
            last_lat=last[1],
            evidence=evidence,
        )


def _settled(state: Remembered, turn: Duty) -> bool:
    return state.stay is not None and turn.starts_us <= state.stay[0]


def _settle(turn: Duty) -> Remembered:
    return Remembered(IDLE, (turn.starts_us, 0.0, 0.0))


def _opened(state: Remembered, turn: Duty, deadline: int, place: Place) -> Remembered:
    point = (deadline, place[0], place[1], 0.0)
    episode = Episode(opened=True, first=point, last=point, written=point, subject=turn.roster_id)
    return Remembered(episode, state.stay)
