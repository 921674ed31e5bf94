"""What a rule is: fixes and what it remembers go in, new memory and changes of episodes come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from tracking.batch import FixBatch
from tracking.directory import Directory
from tracking.locator import Locator

RuleState = dict[str, Any]
"""JSON-ready memory of one rule about one device; empty when there is nothing to remember."""


class Change(msgspec.Struct, frozen=True):
    """One step in the life of an alert episode. Times are fix times in microseconds."""

    kind: Literal["open", "update", "close"]
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
    """What one rule says to one batch: the states that changed, and the changes in order."""

    states: dict[int, RuleState] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What rules may look at beside the fixes."""

    directory: Directory
    locator: Locator


class Rule(Protocol):
    """A rule judges fixes that are newer than all it has seen of their device."""

    @property
    def key(self) -> str:
        """Stable name, stored with each alert and each state."""

    def judge(self, fixes: FixBatch, context: RuleContext, states: Mapping[int, RuleState]) -> Judgement:
        """Pure. ``fixes`` are located and ordered by device and time; ``states`` by device."""
