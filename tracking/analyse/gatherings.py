"""Gatherings in a file: the rule over the checked tracks of all its devices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tracking.analyse.words import Record, spoken
from tracking.directory import Device, Directory
from tracking.quality.track import Track
from tracking.rules.base import Change
from tracking.rules.definitions import RuleDefinition
from tracking.rules.gathering import Gathering, Units, changes_over, patience_us, places_by_tick

DAY_US = 86_400_000_000
"""So much is looked at together: memory stays bounded."""


@dataclass(slots=True)
class Meeting:
    """The tracks that have been seen so far, for rules about several devices."""

    rules: Sequence[RuleDefinition]
    _devices: list[Device] = field(default_factory=list)
    _tracks: list[Track] = field(default_factory=list)

    def see(self, name: str, track: Track, period_s: float) -> None:
        if self.rules and len(track):
            self._devices.append(Device(len(self._devices) + 1, name, True, "", period_s=period_s))
            self._tracks.append(track)

    def alerts(self) -> Iterator[Record]:
        """Rule by rule, in the order of their beginnings."""
        if not self._tracks:
            return
        known = Directory()
        known.learn(self._devices)
        for definition in self.rules:
            rule = Gathering(definition)
            opened: dict[int, Change] = {}
            for change in changes_over(rule, self._ticks(rule, known), known):
                if change.kind == "open":
                    opened[change.device_id] = change
                elif change.kind == "close":
                    yield _alert(definition, known, opened.pop(change.device_id), change)

    def _ticks(self, rule: Gathering, known: Directory) -> Iterator[tuple[int, Units]]:
        time_us = np.concatenate([track.time_us for track in self._tracks])
        device = np.repeat(
            np.array([one.id for one in self._devices], dtype=np.int32),
            [len(track) for track in self._tracks],
        )
        lon = np.concatenate([track.lon for track in self._tracks])
        lat = np.concatenate([track.lat for track in self._tracks])
        fresh_us = patience_us(np.array([one.period_s for one in self._devices]))[device - 1]
        longest_us = int(fresh_us.max())
        for day in range(int(time_us.min()) // DAY_US, (int(time_us.max()) + longest_us) // DAY_US + 1):
            after, until = day * DAY_US - 1, (day + 1) * DAY_US - 1
            rows = (time_us > after - longest_us) & (time_us <= until)
            columns = (device[rows], time_us[rows], lon[rows], lat[rows], fresh_us[rows])
            for tick_us, units in places_by_tick(*columns, after_us=after, until_us=until):
                yield tick_us, rule.of(units, known)


def _alert(rule: RuleDefinition, known: Directory, opening: Change, last: Change) -> Record:
    return {
        "kind": "alert",
        "rule": rule.key,
        "rule_kind": rule.kind,
        "rule_version": rule.version,
        "severity": rule.severity,
        "device": known.by_id[last.device_id].key,
        "opened_at": spoken(last.opened_us),
        "last_seen_at": spoken(last.seen_us),
        "closed_at": None if last.closed_us is None else spoken(last.closed_us),
        "close_reason": last.close_reason,
        "lon": last.lon,
        "lat": last.lat,
        "last_lon": last.last_lon,
        "last_lat": last.last_lat,
        "worst": last.evidence["worst"],
        "fixes": opening.evidence["count"],
        "evidence": [
            {name: spoken(round(value * 1e6)) if name == "time" else value for name, value in place.items()}
            for place in opening.evidence["fixes"]
        ],
    }
