"""What a kind of rule sees in fixes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch
from tracking.rules.base import Scene
from tracking.rules.definitions import RuleDefinition
from tracking.rules.hysteresis import Step
from tracking.rules.places import Places
from tracking.rules.states import Remembered, Stays

METRES_PER_DEGREE = 111_195.0


@dataclass(slots=True)
class Look:
    """Columns beside the fixes. ``verdict``: 1 breaks the rule, -1 keeps it, 0 says nothing; ``value``: what
    was measured; ``subject``: see ``hysteresis.Seen``. ``stays``: of each device of the batch, afterwards."""

    verdict: NDArray[np.int8]
    value: NDArray[np.float64]
    subject: NDArray[np.int64] | None = None
    stays: Stays | None = None


class Kind(Protocol):
    """What one kind of rule sees in fixes. Pure; all devices of a batch at once."""

    def look(
        self,
        rule: RuleDefinition,
        places: Places,
        fixes: FixBatch,
        scene: Scene,
        states: Mapping[int, Remembered],
    ) -> Look: ...

    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        """What is told of a step beside the common; ``row``: the fix that caused it."""


class Plain:
    """A kind that tells nothing beside the common."""

    def evidence(
        self, rule: RuleDefinition, step: Step, fixes: FixBatch, row: int, scene: Scene
    ) -> dict[str, Any]:
        return {}


def verdict_of(breaks: NDArray[np.bool_], neither: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.where(breaks, 1, np.where(neither, 0, -1)).astype(np.int8)
