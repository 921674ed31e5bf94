"""The rules over a checked track: episodes as records."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gis_core.errors import BadInput
from tracking import quality
from tracking.analyse.gatherings import Meeting
from tracking.analyse.words import Record, spoken
from tracking.batch import FixBatch
from tracking.directory import Device, Directory
from tracking.locator import make_locator
from tracking.quality.track import Track
from tracking.rules.base import Change, Scene
from tracking.rules.definitions import DEFAULT_RULES, RuleDefinition, read_rules
from tracking.rules.kinds import Outside
from tracking.rules.live import LiveRule
from tracking.rules.places import NO_PLACES, Places, read_places
from tracking.rules.way import nothing_before, way_of
from tracking.settings import TrackingSettings

NEEDS_GEOMETRY = frozenset({"outside_grid", "left_city", "forbidden_zone", "off_route"})
NO_GRIDS = make_locator([], [])
JUMPS_TOGETHER_US = 600_000_000
"""Jumps with less between them are one episode."""


class RuleBook:
    """The rules of an analysis with their shapes read."""

    def __init__(self, grid_file: Path | None, rules_file: Path | None) -> None:
        self.grids = read_places(grid_file) if grid_file else None
        self.rules: list[tuple[RuleDefinition, Places]] = []
        self._settings = TrackingSettings()
        told = read_rules(rules_file) if rules_file else DEFAULT_RULES
        self.meeting = Meeting([rule for rule in told if rule.kind == "gathering"])
        for rule in told:
            if rule.kind == "gathering":
                continue
            places = NO_PLACES
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
        self.meeting.see(name, track, checked.period_s)
        fixes = _as_batch(track)
        settings = self._settings
        way = way_of(
            fixes,
            nothing_before(len(fixes)),
            within_s=settings.derived_speed_within_s,
            noise_m=settings.position_noise_m,
        )
        device = Device(1, name, True, "", period_s=checked.period_s)
        scene = Scene(Directory({name: device}, by_id={1: device}, passing=True), NO_GRIDS, way)
        for rule, places in self.rules:
            if rule.devices and name not in rule.devices:
                continue
            if rule.kind == "jump":
                yield from _jumps(rule, name, checked)
            elif len(fixes):
                kind = Outside() if rule.kind == "outside_grid" else None
                judgement = LiveRule(rule, places.meant_for(name), kind=kind).judge(fixes, scene, {})
                yield from _alerts(rule, name, judgement.changes)

    def time_inside_s(self, name: str, track: Track) -> tuple[float, float] | None:
        """Seconds inside and outside the device's grids; a step counts by the fix it begins with."""
        grids = self.grids.meant_for(name) if self.grids is not None else NO_PLACES
        if not len(grids.shapes) or len(track) < 2:
            return None
        out = grids.distance_m(track.lon, track.lat)[:-1] > 0
        seconds = track.step_s()
        return float(seconds[~out].sum()), float(seconds[out].sum())


def _as_batch(track: Track) -> FixBatch:
    count = len(track)
    unknown = np.full(count, np.nan, dtype=np.float32)
    zeros, none = np.zeros(count, dtype=np.int32), np.full(count, -1, dtype=np.int16)
    return FixBatch(
        source=zeros,
        device_id=zeros + 1,
        fix_time_us=track.time_us,
        received_us=track.time_us,
        lon=track.lon,
        lat=track.lat,
        altitude_m=unknown,
        speed_mps=track.speed_mps.astype(np.float32),
        course_deg=track.course_deg.astype(np.float32),
        accuracy_m=unknown,
        satellites=none,
        battery_pct=none,
        flags=zeros,
        content=np.zeros(count, dtype=np.int64),
        unit_grid_id=zeros,
        responsibility_grid_id=zeros,
        signals=np.zeros(count, dtype=np.int64),
    )


def _alerts(rule: RuleDefinition, name: str, changes: Sequence[Change]) -> Iterator[Record]:
    """One record an episode, from its opening and its last step."""
    opening: Change | None = None
    last: Change | None = None
    for change in changes:
        if change.kind == "open":
            opening = change
        last = change
        if change.kind == "close" and opening is not None:
            yield _alert(rule, name, opening, change)
            opening = None
    if opening is not None and last is not None:
        yield _alert(rule, name, opening, last)


def _alert(rule: RuleDefinition, name: str, opening: Change, last: Change) -> Record:
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
        "worst": last.evidence.get("worst"),
        "fixes": last.evidence.get("fixes_breaking", 2),
        "evidence": [
            {**point, "time": spoken(round(point["time"] * 1e6))} for point in opening.evidence["fixes"]
        ],
    }


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
