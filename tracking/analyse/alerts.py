"""The rules over a checked track: episodes as records."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gis_core.errors import BadInput
from tracking import quality
from tracking.analyse.words import Record, spoken
from tracking.quality.track import Track
from tracking.rules.definitions import DEFAULT_RULES, RuleDefinition, read_rules
from tracking.rules.engine import Watch
from tracking.rules.hysteresis import Step
from tracking.rules.places import Places, read_places

NEEDS_GEOMETRY = frozenset({"outside_grid", "left_city", "forbidden_zone", "off_route"})
JUMPS_TOGETHER_US = 600_000_000
"""Jumps with less between them are one episode."""


class RuleBook:
    """The rules of an analysis with their shapes read."""

    def __init__(self, grid_file: Path | None, rules_file: Path | None) -> None:
        self.grids = read_places(grid_file) if grid_file else None
        nowhere = Places(np.zeros(0, dtype=object), [])
        self.rules: list[tuple[RuleDefinition, Places]] = []
        for rule in read_rules(rules_file) if rules_file else DEFAULT_RULES:
            places = nowhere
            if rule.geometry and rules_file:
                places = read_places(rules_file.parent / rule.geometry)
            elif rule.kind in ("outside_grid", "left_city") and self.grids is not None:
                places = self.grids
            elif rule.kind in NEEDS_GEOMETRY:
                if rules_file and rule.kind not in ("outside_grid", "left_city"):
                    raise BadInput(field=rule.key, reason_zh="缺少 geometry", reason="needs a geometry")
                continue
            self.rules.append((rule, places))

    def judge(self, name: str, checked: quality.Checked) -> Iterator[Record]:
        """Alerts of one device, rule by rule."""
        track = checked.track.take(~checked.frozen)
        for rule, places in self.rules:
            if rule.devices and name not in rule.devices:
                continue
            if rule.kind == "jump":
                yield from _jumps(rule, name, checked)
            else:
                _, steps = Watch(rule, places, name, checked.period_s).judge(track)
                yield from _alerts(rule, name, steps)

    def time_inside_s(self, name: str, track: Track) -> tuple[float, float] | None:
        """Seconds inside and outside the device's grids; a step counts by the fix it begins with."""
        if self.grids is None or not len(self.grids.of(name)) or len(track) < 2:
            return None
        out = self.grids.distance_m(name, track.lon, track.lat)[:-1] > 0
        seconds = track.step_s()
        return float(seconds[~out].sum()), float(seconds[out].sum())


def _alerts(rule: RuleDefinition, name: str, steps: Sequence[Step]) -> Iterator[Record]:
    """One record an episode, from its opening and its last step."""
    opening: Step | None = None
    last: Step | None = None
    for step in steps:
        if step.kind == "open":
            opening = step
        last = step
        if step.kind == "close" and opening is not None:
            yield _alert(rule, name, opening, step)
            opening = None
    if opening is not None and last is not None:
        yield _alert(rule, name, opening, last)


def _alert(rule: RuleDefinition, name: str, opening: Step, last: Step) -> Record:
    return {
        "kind": "alert",
        "rule": rule.key,
        "rule_kind": rule.kind,
        "rule_version": rule.version,
        "severity": rule.severity,
        "device": name,
        "opened_at": spoken(last.opened_us),
        "last_seen_at": spoken(last.seen_us),
        "closed_at": None if last.closed_us is None else spoken(last.closed_us),
        "close_reason": last.close_reason,
        "lon": last.lon,
        "lat": last.lat,
        "last_lon": last.last_lon,
        "last_lat": last.last_lat,
        "worst": last.worst,
        "fixes": last.fixes,
        "evidence": [_point(*point) for point in opening.evidence],
    }


def _point(time_us: int, lon: float, lat: float, value: float) -> dict[str, Any]:
    return {"time": spoken(time_us), "lon": lon, "lat": lat, "value": value}


def _jumps(rule: RuleDefinition, name: str, checked: quality.Checked) -> Iterator[Record]:
    times = sorted(finding.time_us for finding in checked.findings if finding.why is quality.Why.JUMP)
    start = 0
    for index in range(1, len(times) + 1):
        if index < len(times) and times[index] - times[index - 1] <= JUMPS_TOGETHER_US:
            continue
        yield {
            "kind": "alert",
            "rule": rule.key,
            "rule_kind": rule.kind,
            "rule_version": rule.version,
            "severity": rule.severity,
            "device": name,
            "opened_at": spoken(times[start]),
            "last_seen_at": spoken(times[index - 1]),
            "closed_at": spoken(times[index - 1]),
            "close_reason": "returned",
            "fixes": index - start,
        }
        start = index
