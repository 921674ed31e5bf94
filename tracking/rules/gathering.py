"""Alert "gathering": at least ``count`` units of the rule's groups within ``radius_m`` of each other, for
``after_s``. One episode a gathering, told of the unit with the lowest number in it; the others stand in its
evidence.

Looked for by the clock over the last places of all units, so it is live only: which units stood together
does not follow from the fixes of one of them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from tracking.batch import FixBatch
from tracking.rules.base import NOTHING, Change, Judgement, Last, Remembered, Scene
from tracking.rules.definitions import as_evidence
from tracking.rules.hysteresis import Episode
from tracking.rules.live import LiveRule
from tracking.rules.look import METRES_PER_DEGREE

FRESH_PERIODS = 3.0
"""A place counts while the unit is online: so many of its own periods …"""
FRESH_S = 120.0
"""… but at least this."""
MOST_TOLD = 50


class Gathering(LiveRule):
    """``Remembered.episode.first``: since when, and where; ``subject`` counts the units."""

    corrected = False

    def judge(self, fixes: FixBatch, scene: Scene, states: Mapping[int, Remembered]) -> Judgement:
        """Nothing follows from single fixes."""
        return Judgement()

    def wake(self, now_us: int, scene: Scene, states: Mapping[int, Remembered], last: Last) -> Judgement:
        """As ``Rule.wake``."""
        rule, judgement = self.definition, Judgement()
        if not rule.enabled:
            return judgement
        concerned, period_s = self._roll_of(scene.directory)
        patience_us = np.maximum(FRESH_S, FRESH_PERIODS * period_s[last.device_id]) * 1e6
        rows = np.flatnonzero(concerned[last.device_id] & (now_us - last.time_us <= patience_us))
        held = bool(rule.schedule.holds(np.array([now_us]))[0])
        groups = self._groups(last, rows) if held else []
        seen: dict[int, NDArray[np.intp]] = {}
        taken: set[int] = set()
        for members in groups:
            ids = {int(device) for device in last.device_id[members]}
            known = sorted(ids & states.keys() - taken)
            opened = [device for device in known if states[device].episode.opened]
            leader = (opened or known or [min(ids)])[0]
            seen[leader] = members
            taken |= ids
        for leader, members in seen.items():
            self._meet(now_us, scene, leader, members, last, states.get(leader, NOTHING), judgement)
        for device, state in states.items():
            if device not in seen:
                judgement.states[device] = NOTHING
                if state.episode.opened and state.episode.last:
                    judgement.changes.append(
                        self._tell("close", device, state.episode, now_us, {}, closed_us=now_us)
                    )
        return judgement

    def _groups(self, last: Last, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Units that are chained by steps of at most the radius; large enough ones."""
        if len(rows) < self.definition.count:
            return []
        lon, lat = last.lon[rows], last.lat[rows]
        east = METRES_PER_DEGREE * np.cos(np.radians(np.median(lat)))
        tree = cKDTree(np.column_stack((lon * east, lat * METRES_PER_DEGREE)))
        pairs = tree.query_pairs(self.definition.radius_m, output_type="ndarray")
        if not len(pairs):
            return []
        ones = np.ones(len(pairs), dtype=np.int8)
        links = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(rows), len(rows)))
        _, group = connected_components(links, directed=False)
        sizes = np.bincount(group)
        return [rows[group == number] for number in np.flatnonzero(sizes >= self.definition.count).tolist()]

    def _meet(
        self,
        now_us: int,
        scene: Scene,
        leader: int,
        members: NDArray[np.intp],
        last: Last,
        state: Remembered,
        judgement: Judgement,
    ) -> None:
        where = (float(last.lon[members].mean()), float(last.lat[members].mean()))
        point = (now_us, *where, float(len(members)))
        before = state.episode
        first = before.first or point
        episode = Episode(
            breaks=before.breaks + 1,
            first=first,
            last=point,
            worst=max(before.worst, point[3]),
            opened=before.opened,
            written=before.written,
            subject=len(members),
        )
        told = self._members(scene, members, last)
        if not before.opened and now_us - first[0] >= self.definition.after_s * 1e6:
            episode = _written(episode, opened=True)
            evidence = {"rule": as_evidence(self.definition), "fixes": [], **told}
            judgement.changes.append(self._tell("open", leader, episode, now_us, evidence))
        elif before.opened and (
            before.subject != len(members)
            or (before.written and now_us - before.written[0] >= self.definition.pace.update_every_s * 1e6)
        ):
            episode = _written(episode, opened=True)
            judgement.changes.append(self._tell("update", leader, episode, now_us, told))
        judgement.states[leader] = Remembered(episode)

    def _members(self, scene: Scene, members: NDArray[np.intp], last: Last) -> dict[str, Any]:
        by_id = scene.directory.by_id
        units = [
            {"device_id": device, "key": by_id[device].key, "lon": lon, "lat": lat}
            for device, lon, lat in zip(
                last.device_id[members].tolist(),
                last.lon[members].tolist(),
                last.lat[members].tolist(),
                strict=True,
            )
            if device in by_id
        ]
        return {"units": units[:MOST_TOLD], "count": len(members)}

    def _tell(
        self,
        kind: Any,
        device: int,
        episode: Episode,
        seen_us: int,
        evidence: dict[str, Any],
        *,
        closed_us: int | None = None,
    ) -> Change:
        first, last = episode.first or (0, 0.0, 0.0, 0.0), episode.last or (0, 0.0, 0.0, 0.0)
        return Change(
            kind=kind,
            rule=self.key,
            rule_version=self.definition.version,
            severity=self.definition.severity,
            device_id=device,
            opened_us=first[0],
            seen_us=last[0] if closed_us else seen_us,
            lon=first[1],
            lat=first[2],
            last_lon=last[1],
            last_lat=last[2],
            evidence={"worst": episode.worst, **evidence},
            closed_us=closed_us,
            close_reason="returned" if closed_us else None,
        )


def _written(episode: Episode, *, opened: bool) -> Episode:
    return Episode(
        breaks=episode.breaks,
        first=episode.first,
        last=episode.last,
        worst=episode.worst,
        opened=opened,
        written=episode.last,
        subject=episode.subject,
    )
