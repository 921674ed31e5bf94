"""What a rule is: fixes and what it remembers go in, new memory and changes of episodes come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch
from tracking.directory import Directory
from tracking.locator import Locator
from tracking.outages import NO_OUTAGES, Outages
from tracking.rules.states import NOTHING, Remembered, Stays
from tracking.rules.way import Way


class Change(msgspec.Struct, frozen=True):
    """One step in the life of an alert episode. Times are fix times in microseconds.

    ``withdraw``: an open episode turns out never to have been.
    """

    kind: Literal["open", "update", "close", "withdraw"]
    rule: str
    rule_version: int
    severity: str
    device_id: int
    opened_us: int
    seen_us: int
    """Time of the last fix that broke the rule."""
    lon: float
    lat: float
    """Where the episode began."""
    last_lon: float
    last_lat: float
    evidence: dict[str, Any]
    closed_us: int | None = None
    close_reason: str | None = None


@dataclass(slots=True)
class Judgement:
    """What one rule says to one batch: the states that changed, and the changes in order.

    ``stays``: of devices without an episode, of which no more than their stay has changed.
    """

    states: dict[int, Remembered] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    stays: Stays | None = None

    def all_states(self) -> dict[int, Remembered]:
        """Those of ``stays`` among the others."""
        if self.stays is None:
            return self.states
        told = zip(self.stays.device_id.tolist(), self.stays.told(), strict=True)
        return {device: Remembered(stay=stay) for device, stay in told} | self.states


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What rules may look at beside the fixes. ``way``: the step to each fix from the one before."""

    directory: Directory
    locator: Locator
    way: Way
    outages: Outages = NO_OUTAGES

    def take(self, rows: NDArray[np.bool_]) -> "Scene":
        """The same for some of the fixes; the steps stay what they were."""
        return replace(self, way=self.way.take(rows))


class Rule(Protocol):
    """A rule judges fixes that are newer than all it has seen of their device.

    What it says must follow from the fixes of a device in order of time and content, from the turns of
    duty and the versions of the rule alone; so late fixes are judged by judging again all that follows
    them (``tracking.correction``).
    """

    @property
    def key(self) -> str:
        """Stable name, stored with each alert and each state."""

    @property
    def corrected(self) -> bool:
        """Whether its episodes follow from the fixes of one device, so that they can be judged again."""

    def judge(self, fixes: FixBatch, scene: Scene, states: Mapping[int, Remembered]) -> Judgement:
        """Pure. ``fixes`` are located and ordered by device and time; ``states`` by device."""

    def wake(self, now_us: int, scene: Scene, states: Mapping[int, Remembered], last: "Last") -> Judgement:
        """What follows from the silence of devices until now. Pure."""


@dataclass(frozen=True, slots=True, eq=False)
class Last:
    """The last judged fix of some devices, as columns."""

    device_id: NDArray[np.int32]
    time_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    speed_mps: NDArray[np.float32]
    """NaN: unknown."""


__all__ = ["NOTHING", "Change", "Judgement", "Last", "Remembered", "Rule", "Scene"]
