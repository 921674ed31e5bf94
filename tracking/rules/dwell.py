"""Alert "dwell": near where it came to rest for too long. The place is that of the first fix there; it is
remembered when it is not simply that of the last fix."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch, runs_of
from tracking.rules.base import Scene
from tracking.rules.definitions import RuleDefinition
from tracking.rules.hysteresis import Step
from tracking.rules.look import METRES_PER_DEGREE, Look
from tracking.rules.places import Places
from tracking.rules.states import Remembered, Stays, stays_of
from tracking.rules.way import NEVER

FEW = 40
"""From so many devices on, the n-th fixes of all at once cost less than a loop over each."""


class Dwell:
    """See above. The value is the seconds spent near the place."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        way = scene.way
        east = METRES_PER_DEGREE * np.cos(np.radians(fixes.lat))
        reach = rule.radius_m**2
        with np.errstate(invalid="ignore"):
            dx = (fixes.lon - way.before_lon) * east
            dy = (fixes.lat - way.before_lat) * METRES_PER_DEGREE
            near = dx * dx + dy * dy <= reach
        starts, ends = runs_of(fixes.device_id)
        stays = stays_of(states, fixes.device_id[starts])
        unknown = stays.since_us == NEVER
        concerned = np.flatnonzero(np.logical_or.reduceat(near, starts) | ~unknown)
        value = np.zeros(len(fixes))
        walk = _Walk(
            fixes,
            east,
            reach,
            value,
            starts[concerned],
            ends[concerned],
            # Where nothing is remembered, the place is that of the fix before.
            *(
                np.where(unknown, column[starts], known)[concerned]
                for column, known in (
                    (way.before_us, stays.since_us),
                    (way.before_lon, stays.lon),
                    (way.before_lat, stays.lat),
                )
            ),
        )
        walk.run()
        after = Stays(stays.device_id, stays.since_us.copy(), stays.lon.copy(), stays.lat.copy())
        moved = walk.since_us == fixes.fix_time_us[ends[concerned] - 1]
        after.since_us[concerned] = np.where(moved, NEVER, walk.since_us)
        after.lon[concerned], after.lat[concerned] = walk.lon, walk.lat
        return Look(np.where(value >= rule.after_s, 1, -1).astype(np.int8), value, stays=after)

    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        return {}


class _Walk:
    """Devices through their fixes of a batch: the place of each, and since when."""

    def __init__(
        self,
        fixes: FixBatch,
        east: NDArray[np.float64],
        reach: float,
        value: NDArray[np.float64],
        starts: NDArray[np.intp],
        ends: NDArray[np.intp],
        since_us: NDArray[np.int64],
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
    ) -> None:
        self._fixes, self._east, self._reach, self._value = fixes, east, reach, value
        self._starts, self._ends = starts, ends
        self.since_us, self.lon, self.lat = since_us, lon, lat

    def run(self) -> None:
        done = 0
        going = np.arange(len(self._starts))
        while len(going) >= FEW:
            self._step(going, self._starts[going] + done)
            done += 1
            going = going[self._starts[going] + done < self._ends[going]]
        for device in going.tolist():
            self._alone(device, int(self._starts[device]) + done, int(self._ends[device]))

    def _step(self, devices: NDArray[np.intp], rows: NDArray[np.intp]) -> None:
        fixes = self._fixes
        time_us, lon, lat = fixes.fix_time_us[rows], fixes.lon[rows], fixes.lat[rows]
        with np.errstate(invalid="ignore"):
            dx = (lon - self.lon[devices]) * self._east[rows]
            dy = (lat - self.lat[devices]) * METRES_PER_DEGREE
            near = dx * dx + dy * dy <= self._reach
        self._value[rows[near]] = (time_us[near] - self.since_us[devices[near]]) / 1e6
        left = devices[~near]
        self.since_us[left], self.lon[left], self.lat[left] = time_us[~near], lon[~near], lat[~near]

    def _alone(self, device: int, first: int, end: int) -> None:
        since, place_lon, place_lat = (
            int(self.since_us[device]),
            float(self.lon[device]),
            float(self.lat[device]),
        )
        rows, fixes = slice(first, end), self._fixes
        columns = zip(
            fixes.fix_time_us[rows].tolist(),
            fixes.lon[rows].tolist(),
            fixes.lat[rows].tolist(),
            self._east[rows].tolist(),
            strict=True,
        )
        for row, (time_us, lon, lat, per_degree) in enumerate(columns, start=first):
            dx, dy = (lon - place_lon) * per_degree, (lat - place_lat) * METRES_PER_DEGREE
            if dx * dx + dy * dy <= self._reach:
                self._value[row] = (time_us - since) / 1e6
            else:
                since, place_lon, place_lat = time_us, lon, lat
        self.since_us[device], self.lon[device], self.lat[device] = since, place_lon, place_lat
