"""Rules of table ``alert_rule`` on live fixes: the engine of ``./wanmi tracks analyse``, batch by batch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import psycopg
import shapely

from gis_core.models.area import area_prefix
from tracking.batch import FixBatch
from tracking.directory import Device
from tracking.quality.track import make_track
from tracking.rules.base import Change, Judgement, RuleContext, RuleState
from tracking.rules.definitions import RuleDefinition, as_evidence
from tracking.rules.engine import START, Memory, Watch
from tracking.rules.hysteresis import Step
from tracking.rules.places import Places
from tracking.sql import QUERIES

LIVE_KINDS = frozenset({"left_city", "forbidden_zone", "off_route", "speeding", "dwell", "signal_lost"})
"""``outside_grid`` follows the rosters and is a rule of its own."""
WITHOUT_LAST_FIX = frozenset({"left_city", "forbidden_zone", "off_route", "dwell"})
"""Kinds that need not remember the last fix, which would change with each."""


@dataclass(frozen=True, slots=True)
class LiveRule:
    """One version of a rule, and whom it is about."""

    definition: RuleDefinition
    places: Places
    unit_kinds: frozenset[str] = frozenset()
    org_unit_ids: frozenset[int] = frozenset()
    area_code: str | None = None

    @property
    def key(self) -> str:
        return self.definition.key

    def concerns(self, device: Device) -> bool:
        return (
            (not self.unit_kinds or device.unit_kind in self.unit_kinds)
            and (not self.org_unit_ids or device.org_unit_id in self.org_unit_ids)
            and (self.area_code is None or device.area_code.startswith(area_prefix(self.area_code)))
            and (not self.definition.devices or device.key in self.definition.devices)
        )

    def judge(self, fixes: FixBatch, context: RuleContext, states: Mapping[int, RuleState]) -> Judgement:
        """As ``Rule.judge``: pure; fixes are ordered by device and time."""
        judgement = Judgement()
        for device_id, rows in _runs(fixes):
            device = context.directory.by_id.get(device_id)
            if device is None or not self.concerns(device):
                continue
            known = states.get(device_id)
            before = msgspec.convert(known, Memory) if known else START
            track = make_track(
                np.arange(rows.start, rows.stop),
                fixes.fix_time_us[rows],
                fixes.lon[rows],
                fixes.lat[rows],
                fixes.speed_mps[rows].astype(np.float64),
                fixes.course_deg[rows].astype(np.float64),
            )
            watch = Watch(self.definition, self.places, device.key, float(device.period_s))
            after, steps = watch.judge(track, before)
            if self.definition.kind in WITHOUT_LAST_FIX:
                after = msgspec.structs.replace(after, last=None)
            judgement.changes += [self._change(device_id, step) for step in steps]
            if after != before:
                judgement.states[device_id] = msgspec.to_builtins(after)
        return judgement

    def _change(self, device_id: int, step: Step) -> Change:
        evidence: dict[str, Any] = {"worst": step.worst, "fixes_breaking": step.fixes}
        if step.kind == "open":
            evidence["rule"] = as_evidence(self.definition)
            evidence["fixes"] = [
                {"time": time_us / 1e6, "lon": lon, "lat": lat, "value": value}
                for time_us, lon, lat, value in step.evidence
            ]
        return Change(
            kind=step.kind,
            rule=self.key,
            rule_version=self.definition.version,
            severity=self.definition.severity,
            device_id=device_id,
            opened_us=step.opened_us,
            seen_us=step.seen_us,
            lon=step.lon,
            lat=step.lat,
            last_lon=step.last_lon,
            last_lat=step.last_lat,
            evidence=evidence,
            closed_us=step.closed_us,
            close_reason=step.close_reason,
        )


def _runs(fixes: FixBatch) -> Iterator[tuple[int, slice]]:
    """The consecutive rows of each device."""
    starts = np.flatnonzero(np.r_[True, fixes.device_id[1:] != fixes.device_id[:-1]])
    for start, end in zip(starts, [*starts[1:], len(fixes)], strict=True):
        yield int(fixes.device_id[start]), slice(int(start), int(end))


def load_rules(connection: psycopg.Connection[Any]) -> tuple[LiveRule, ...]:
    """The rules in force that are enabled."""
    found = []
    for key, version, kinds, org_units, area, definition, shapes in connection.execute(
        QUERIES["alert_rules"]
    ):
        rule = msgspec.structs.replace(
            msgspec.json.decode(definition, type=RuleDefinition), key=key, version=version
        )
        if not rule.enabled:
            continue
        array = shapely.from_wkb(np.array([bytes(shape) for shape in shapes], dtype=object))
        places = Places(np.atleast_1d(array), [{} for _ in shapes])
        if rule.kind == "speeding":
            places = Places(places.shapes, [{"limit_kmh": rule.zone_limit_kmh} for _ in shapes])
        found.append(LiveRule(rule, places, frozenset(kinds), frozenset(org_units), area))
    return tuple(found)
