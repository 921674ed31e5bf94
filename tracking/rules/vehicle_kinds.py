"""Kinds of rules about the device itself: battery, ignition, jumps. All of a batch at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tracking.batch import FixBatch
from tracking.rules.base import Scene
from tracking.rules.definitions import RuleDefinition
from tracking.rules.hysteresis import Step
from tracking.rules.look import Look, verdict_of
from tracking.rules.places import Places
from tracking.rules.states import Remembered
from tracking.signals import ACC_OFF, ACC_ON

CHARGED_AGAIN_PCT = 5
"""So much above the limit the battery counts as charged again; in between a fix says nothing."""
SHORTEST_MOVE_M = 30.0
"""A shorter step is a parked receiver's noise."""


class LowBattery:
    """At or below ``battery_pct``; a device that tells no battery says nothing."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        left = fixes.battery_pct.astype(np.float64)
        known = left >= 0
        low = known & (left <= rule.battery_pct)
        # What is measured is how empty it is, so that the worst is the highest.
        empty = np.where(known, 100.0 - left, 0.0)
        return Look(verdict_of(low, ~known | (left <= rule.battery_pct + CHARGED_AGAIN_PCT)), empty)

    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        return {"battery_pct": 100.0 - step.value}


class IgnitionOff:
    """Moves at ``moving_kmh`` or faster while the terminal says that the ignition is off: towed or pushed."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        off, told = fixes.signals & ACC_OFF != 0, fixes.signals & (ACC_OFF | ACC_ON) != 0
        speed_kmh = np.nan_to_num(scene.way.speed_mps.astype(np.float64) * 3.6)
        with np.errstate(invalid="ignore"):
            moves = (speed_kmh >= rule.moving_kmh) & (scene.way.metres >= SHORTEST_MOVE_M)
        return Look(verdict_of(off & moves, ~told), speed_kmh)

    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        return {"speed_kmh": step.value}


class Leap:
    """A step of at least ``jump_m`` at more than ``jump_kmh``; the way back of a spike is one too, so a spike
    is one episode."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look:
        with np.errstate(invalid="ignore"):
            speed_kmh = np.nan_to_num(scene.way.metres / np.maximum(scene.way.seconds, 1.0) * 3.6)
            leaps = (scene.way.metres >= rule.jump_m) & (speed_kmh > rule.jump_kmh)
        return Look(verdict_of(leaps, np.zeros(len(fixes), dtype=np.bool_)), speed_kmh)

    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        return {"speed_kmh": step.value, "metres": round(float(np.nan_to_num(scene.way.metres[row])), 1)}
