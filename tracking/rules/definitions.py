"""Alert rules as data: what is watched, of whom, when, and with which limits."""

import tomllib
from datetime import datetime, time
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from gis_core.errors import BadInput
from tracking.rules.hysteresis import Hysteresis

CIVIL_TIME = ZoneInfo("Asia/Shanghai")
DAY_S = 86_400
CIVIL_OFFSET_S = int(datetime(2020, 1, 1, tzinfo=CIVIL_TIME).utcoffset().total_seconds())  # type: ignore[union-attr]
"""China has kept one offset, without summer time, since 1992."""

RuleKind = Literal[
    "outside_grid", "left_city", "forbidden_zone", "off_route", "speeding", "dwell", "signal_lost", "jump",
    "low_battery", "ignition_off", "off_post", "never_arrived", "gathering",
]  # fmt: skip


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a rule holds, by the clock in China. ``days``: 1 Monday … 7 Sunday. ``to`` before ``since``:
    over midnight, on the day on which it begins."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    since: time = time(0)
    to: time = time(0)
    """Exclusive; 00:00 is the end of the day."""

    @property
    def always(self) -> bool:
        return len(set(self.days)) == 7 and self.since == self.to == time(0)

    def holds(self, time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        civil_s = time_us // 1_000_000 + CIVIL_OFFSET_S
        second, day = civil_s % DAY_S, civil_s // DAY_S
        begin, end = _second_of(self.since), _second_of(self.to) or DAY_S
        weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
        held = np.array([number in self.days for number in range(1, 8)])
        if begin < end:
            return np.asarray((second >= begin) & (second < end) & held[weekday])
        before = (weekday + 6) % 7
        return np.asarray(((second >= begin) & held[weekday]) | ((second < end) & held[before]))

    def until_us(self, moment_us: int) -> int | None:
        """The end of the window that a moment lies in; windows that touch are one. None: it has no end."""
        if self.always:
            return None
        turns = sorted({_second_of(self.since), _second_of(self.to), 0})
        day = (moment_us // 1_000_000 + CIVIL_OFFSET_S) // DAY_S * DAY_S - CIVIL_OFFSET_S
        ends = [(day + later * DAY_S + turn) * 1_000_000 for later in range(9) for turn in turns]
        coming = np.array([end for end in ends if end > moment_us], dtype=np.int64)
        outside = np.flatnonzero(~self.holds(coming))
        return int(coming[outside[0]]) if len(outside) else None


def _second_of(moment: time) -> int:
    return moment.hour * 3_600 + moment.minute * 60 + moment.second


class RuleDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. Lengths in metres, times in seconds, speeds in km/h; a kind reads what it needs."""

    key: str
    """Stable name, in alerts and in the interface."""
    kind: RuleKind
    version: int = 1
    severity: Literal["info", "warning", "critical"] = "warning"
    enabled: bool = True
    devices: tuple[str, ...] = ()
    """Only of these; empty: of all."""
    schedule: Schedule = Schedule()
    pace: Hysteresis = Hysteresis()
    buffer_m: float = 30.0
    """A fix is out (or in) beyond the border by more than this; in between it says nothing."""
    limit_kmh: float = 80.0
    """``speeding``: where no zone with ``limit_kmh`` says otherwise."""
    road_limits: dict[str, float] = {}
    """``speeding``: by class of road (``primary`` …), for a fix that is within …"""
    road_m: float = 25.0
    """… this of a road that runs its way; 0: the class has none of its own."""
    zone_limit_kmh: float = 40.0
    """``speeding``: in the zones of a rule of the platform, whose shapes have no properties."""
    radius_m: float = 50.0
    """``dwell``: how near to where it came to rest; ``gathering``: how near to each other."""
    after_s: float = 1_800.0
    """``dwell``, ``gathering``: how long; ``never_arrived``: grace after the turn began."""
    periods: float = 5.0
    """``signal_lost``: so many of the device's own median intervals, but at least …"""
    min_s: float = 300.0
    """… this."""
    battery_pct: float = 20.0
    """``low_battery``: at or below this."""
    count: int = 5
    """``gathering``: so many units."""
    jump_m: float = 300.0
    """``jump``: a step of at least this …"""
    jump_kmh: float = 252.0
    """… at more than this."""
    moving_kmh: float = 5.0
    """``signal_lost``: silence after a slower last speed is parking."""
    geometry: str | None = None
    """GeoJSON of the zones or routes, beside the file of rules."""


class _RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[RuleDefinition, ...]


def read_rules(path: Path) -> tuple[RuleDefinition, ...]:
    """The enabled rules of a TOML file of ``[[rule]]`` tables. Raises BadInput."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _RuleFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadInput(field=path.name, reason_zh=f"规则无法读取：{error}", reason=str(error)) from error
    keys = [rule.key for rule in found.rule]
    if len(set(keys)) < len(keys):
        raise BadInput(field=path.name, reason_zh="规则的 key 重复", reason="a key is given twice")
    return tuple(rule for rule in found.rule if rule.enabled)


DEFAULT_RULES: tuple[RuleDefinition, ...] = (
    RuleDefinition("outside_grid", "outside_grid"),
    RuleDefinition("speeding", "speeding", pace=Hysteresis(3, 20.0, 2)),
    RuleDefinition("dwell", "dwell", severity="info", pace=Hysteresis(1, 0.0, 1)),
    RuleDefinition("signal_lost", "signal_lost"),
    RuleDefinition("jump", "jump", severity="info"),
)
"""What a track file is judged by when no rules are given."""


def as_evidence(rule: RuleDefinition) -> dict[str, Any]:
    """The rule as it was, for the record of an alert."""
    return {key: value for key, value in msgspec.to_builtins(rule).items() if value not in (None, [], ())}
