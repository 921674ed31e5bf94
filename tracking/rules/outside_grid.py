"""Alert "outside responsibility grid": a unit on duty that has left the grid of its turn."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tracking.batch import FixBatch
from tracking.directory import Duty
from tracking.rules.base import Scene
from tracking.rules.definitions import RuleDefinition
from tracking.rules.hysteresis import NO_SUBJECT, Hysteresis, Step
from tracking.rules.look import Look, verdict_of
from tracking.rules.places import Places
from tracking.rules.states import Remembered
from tracking.settings import OutsideGridSettings

KEY = "outside_grid"


def outside_grid_definition(settings: OutsideGridSettings) -> RuleDefinition:
    """The rule that every installation has."""
    return RuleDefinition(
        KEY,
        "outside_grid",
        pace=Hysteresis(
            settings.open_after_fixes,
            settings.open_after_s,
            settings.close_after_fixes,
            settings.update_every_s,
        ),
        buffer_m=settings.buffer_m,
    )


class OutsideGrid:
    """A fix is outside beyond the buffer plus its own accuracy. Between the border and that it says
    nothing: neither that the unit left nor that it came back, so one who walks along the border raises
    no alert and closes none."""

    def __init__(self, settings: OutsideGridSettings) -> None:
        self._settings = settings

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        known = scene.locator.distances
        grid = scene.directory.turns.grid_at(fixes.device_id, fixes.fix_time_us)
        grid[~known.has(grid)] = NO_SUBJECT
        elsewhere = (grid != NO_SUBJECT) & (fixes.responsibility_grid_id != grid)
        distance = np.zeros(len(fixes))
        if elsewhere.any():
            distance[elsewhere] = known.measure(grid[elsewhere], fixes.lon[elsewhere], fixes.lat[elsewhere])
        accuracy = np.where(
            np.isnan(fixes.accuracy_m), self._settings.default_accuracy_m, fixes.accuracy_m
        ).astype(np.float64)
        margin = rule.buffer_m + np.minimum(accuracy, self._settings.max_accuracy_m)
        return Look(verdict_of(distance > margin, distance > 0), distance, grid)

    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        told: dict[str, Any] = {
            "farthest_m": step.worst,
            "distance_m": step.value,
            "fixes_outside": step.fixes,
        }
        duty = scene.directory.duty_at(int(fixes.device_id[row]), int(fixes.fix_time_us[row]))
        if step.kind == "open" and duty is not None:
            told |= _of_duty(duty)
        return told


def _of_duty(duty: Duty) -> dict[str, Any]:
    return {
        "grid_id": duty.grid_id,
        "grid": duty.grid_name,
        "grid_en": duty.grid_name_en,
        "roster_id": duty.roster_id,
    }
