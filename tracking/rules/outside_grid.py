"""Alert "outside responsibility grid": a unit on duty that has left the grid of its roster."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch
from tracking.directory import Duty
from tracking.rules.base import Change, Judgement, RuleContext, RuleState
from tracking.settings import OutsideGridSettings

KEY = "outside_grid"
VERSION = 1
SEVERITY = "warning"
KEPT_FIXES = 10
"""So many of the fixes that opened an episode are kept as evidence."""

Point = tuple[int, float, float, float]
"""Time (µs), lon, lat, metres from the grid."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of a unit: nothing while it is inside, a suspicion, or an open episode."""

    roster_id: int = 0
    grid_id: int = 0
    outside: int = 0
    """Fixes outside in a row."""
    first: Point | None = None
    last: Point | None = None
    farthest_m: float = 0.0
    kept: tuple[Point, ...] = ()
    opened: bool = False
    written_us: int = 0
    inside: int = 0
    """Fixes inside in a row since the last one outside, of an open episode."""
    returned_us: int = 0


IDLE = State()


class Sighting(msgspec.Struct, frozen=True):
    """A fix seen from the rule. ``duty`` is None when the unit was not on duty for a known grid."""

    time_us: int
    lon: float
    lat: float
    distance_m: float
    """From the grid of the duty, 0 inside."""
    margin_m: float
    duty: Duty | None


def advance(
    state: State, seen: Sighting, device_id: int, settings: OutsideGridSettings
) -> tuple[State, list[Change]]:
    """The state after one more fix, and what became of the episode.

    Between the border and the margin a fix says nothing: neither that the unit left nor that it
    came back, so one who walks along the border raises no alert and closes none.
    """
    changes: list[Change] = []
    if state != IDLE and (seen.duty is None or seen.duty.grid_id != state.grid_id):
        if state.opened:
            reason = "off_duty" if seen.duty is None else "reassigned"
            changes.append(_change("close", state, device_id, closed_us=seen.time_us, close_reason=reason))
        state = IDLE
    if seen.duty is None:
        return IDLE, changes
    if seen.distance_m > seen.margin_m:
        state, more = _outside(state, seen, seen.duty, device_id, settings)
        return state, changes + more
    if seen.distance_m > 0:
        return state, changes
    if not state.opened:
        return IDLE, changes
    inside = state.inside + 1
    returned = state.returned_us or seen.time_us
    if inside < settings.close_after_fixes:
        return msgspec.structs.replace(state, inside=inside, returned_us=returned), changes
    changes.append(_change("close", state, device_id, closed_us=returned, close_reason="returned"))
    return IDLE, changes


def _outside(
    state: State, seen: Sighting, duty: Duty, device_id: int, settings: OutsideGridSettings
) -> tuple[State, list[Change]]:
    point: Point = (seen.time_us, seen.lon, seen.lat, round(seen.distance_m, 1))
    first = state.first or point
    after = msgspec.structs.replace(
        state,
        roster_id=duty.roster_id,
        grid_id=duty.grid_id,
        outside=state.outside + 1,
        first=first,
        last=point,
        farthest_m=max(state.farthest_m, point[3]),
        kept=state.kept if state.opened else (*state.kept, point)[:KEPT_FIXES],
        inside=0,
        returned_us=0,
    )
    if state.opened:
        if seen.time_us - state.written_us < settings.update_every_s * 1e6:
            return after, []
        after = msgspec.structs.replace(after, written_us=seen.time_us)
        return after, [_change("update", after, device_id)]
    long_enough = seen.time_us - first[0] >= settings.open_after_s * 1e6
    if after.outside < settings.open_after_fixes or not long_enough:
        return after, []
    after = msgspec.structs.replace(after, opened=True, written_us=seen.time_us)
    evidence = {
        "grid_id": duty.grid_id,
        "grid": duty.grid_name,
        "grid_en": duty.grid_name_en,
        "roster_id": duty.roster_id,
        "margin_m": round(seen.margin_m, 1),
        "fixes": [
            {"time": time_us / 1e6, "lon": lon, "lat": lat, "distance_m": distance}
            for time_us, lon, lat, distance in after.kept
        ],
        "settings": settings.model_dump(),
    }
    return msgspec.structs.replace(after, kept=()), [_change("open", after, device_id, evidence=evidence)]


def _change(
    kind: Any,
    state: State,
    device_id: int,
    *,
    evidence: dict[str, Any] | None = None,
    closed_us: int | None = None,
    close_reason: str | None = None,
) -> Change:
    first, last = state.first or (0, 0.0, 0.0, 0.0), state.last or (0, 0.0, 0.0, 0.0)
    return Change(
        kind=kind,
        rule=KEY,
        rule_version=VERSION,
        severity=SEVERITY,
        device_id=device_id,
        opened_us=first[0],
        seen_us=last[0],
        lon=first[1],
        lat=first[2],
        last_lon=last[1],
        last_lat=last[2],
        evidence={
            **(evidence or {}),
            "farthest_m": state.farthest_m,
            "distance_m": last[3],
            "fixes_outside": state.outside,
        },
        closed_us=closed_us,
        close_reason=close_reason,
    )


class OutsideGrid:
    """The rule over batches: distances are measured for all fixes at once, and only a device that is
    outside, or was, is looked at fix by fix."""

    key = KEY

    def __init__(self, settings: OutsideGridSettings) -> None:
        self._settings = settings

    def judge(self, fixes: FixBatch, context: RuleContext, states: Mapping[int, RuleState]) -> Judgement:
        judgement = Judgement()
        runs = list(_runs(fixes, context, states))
        if not runs:
            return judgement
        grid = np.zeros(len(fixes), dtype=np.int32)
        turns: dict[int, Duty] = {}
        for device_id, rows in runs:
            for row, duty in self._duties(fixes, context, device_id, rows):
                grid[row] = duty.grid_id
                turns[row] = duty
        distance = self._distances(fixes, context, grid)
        margin = self._margins(fixes)
        suspicious = (distance > margin) | (grid == 0)
        for device_id, rows in runs:
            known = states.get(device_id)
            if not known and not suspicious[rows].any():
                continue
            before = state = msgspec.convert(known, State) if known else IDLE
            for row in range(rows.start, rows.stop):
                seen = Sighting(
                    int(fixes.fix_time_us[row]),
                    float(fixes.lon[row]),
                    float(fixes.lat[row]),
                    float(distance[row]),
                    float(margin[row]),
                    turns.get(row),
                )
                state, changes = advance(state, seen, device_id, self._settings)
                judgement.changes += changes
            if state != before:
                judgement.states[device_id] = msgspec.to_builtins(state)
        return judgement

    def _duties(
        self, fixes: FixBatch, context: RuleContext, device_id: int, rows: slice
    ) -> Iterator[tuple[int, Duty]]:
        for row in range(rows.start, rows.stop):
            duty = context.directory.duty_at(device_id, int(fixes.fix_time_us[row]))
            if duty is not None and duty.grid_id in context.locator.distances:
                yield row, duty

    def _distances(
        self, fixes: FixBatch, context: RuleContext, grid: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Metres from the grid of the duty; 0 too where there is none."""
        distance = np.zeros(len(fixes), dtype=np.float64)
        elsewhere = (grid != 0) & (fixes.responsibility_grid_id != grid)
        if elsewhere.any():
            distance[elsewhere] = context.locator.distances.measure(
                grid[elsewhere], fixes.lon[elsewhere], fixes.lat[elsewhere]
            )
        return distance

    def _margins(self, fixes: FixBatch) -> NDArray[np.float64]:
        accuracy = np.where(
            np.isnan(fixes.accuracy_m), self._settings.default_accuracy_m, fixes.accuracy_m
        ).astype(np.float64)
        return self._settings.buffer_m + np.minimum(accuracy, self._settings.max_accuracy_m)


def _runs(
    fixes: FixBatch, context: RuleContext, states: Mapping[int, RuleState]
) -> Iterator[tuple[int, slice]]:
    """The consecutive rows of each device that has a roster or an open matter."""
    if not len(fixes):
        return
    starts = np.flatnonzero(np.r_[True, fixes.device_id[1:] != fixes.device_id[:-1]])
    ends = [*starts[1:], len(fixes)]
    for start, end in zip(starts, ends, strict=True):
        device_id = int(fixes.device_id[start])
        if device_id in context.directory.duties or states.get(device_id):
            yield device_id, slice(int(start), int(end))
