"""What the pipeline remembers between batches; the same as ``device_state``, which outlives us."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from tracking.clock import micros_of
from tracking.rules.base import RuleState
from tracking.sql import QUERIES

NEVER = np.iinfo(np.int64).min


class Memory:
    """Time of the newest fix and state of the rules by device."""

    def __init__(self) -> None:
        self._newest_us = np.full(1024, NEVER, dtype=np.int64)
        self._place = np.full((1024, 2), np.nan)
        self._states: dict[str, dict[int, RuleState]] = {}

    def newest_us(self, device_ids: NDArray[np.int32]) -> NDArray[np.int64]:
        """Newest fix time of each device, ``NEVER`` where there is none."""
        self._grow(device_ids)
        return self._newest_us[device_ids]

    def newest_place(self, device_ids: NDArray[np.int32]) -> NDArray[np.float64]:
        """Longitude and latitude of each device's newest fix, NaN where there is none."""
        self._grow(device_ids)
        return self._place[device_ids]

    def rule_states(self, rule: str) -> Mapping[int, RuleState]:
        return self._states.get(rule, {})

    def rule_states_of(self, device_id: int) -> dict[str, RuleState]:
        """All rules' states of one device, as stored."""
        return {rule: states[device_id] for rule, states in self._states.items() if states.get(device_id)}

    def advance(
        self,
        device_ids: NDArray[np.int32],
        fix_time_us: NDArray[np.int64],
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
    ) -> None:
        """Take over the newest fixes of a committed batch."""
        self._grow(device_ids)
        self._newest_us[device_ids] = fix_time_us
        self._place[device_ids] = np.column_stack((lon, lat))

    def set_rule_states(self, rule: str, states: Mapping[int, RuleState]) -> None:
        known = self._states.setdefault(rule, {})
        for device_id, state in states.items():
            if state:
                known[device_id] = state
            else:
                known.pop(device_id, None)

    def _grow(self, device_ids: NDArray[np.int32]) -> None:
        need = int(device_ids.max(initial=0)) + 1
        if need > len(self._newest_us):
            larger = np.full(max(need, 2 * len(self._newest_us)), NEVER, dtype=np.int64)
            larger[: len(self._newest_us)] = self._newest_us
            self._newest_us = larger
            places = np.full((len(larger), 2), np.nan)
            places[: len(self._place)] = self._place
            self._place = places


def load_memory(connection: psycopg.Connection[Any]) -> Memory:
    """What was committed last."""
    memory = Memory()
    states: dict[str, dict[int, RuleState]] = {}
    ids: list[int] = []
    times: list[int] = []
    places: list[tuple[float, float]] = []
    for device_id, fix_time, lon, lat, rule_state in connection.execute(QUERIES["device_states"]):
        ids.append(device_id)
        times.append(micros_of(fix_time))
        places.append((lon, lat))
        for rule, state in rule_state.items():
            states.setdefault(rule, {})[device_id] = state
    lon_lat = np.array(places, dtype=np.float64).reshape(-1, 2)
    memory.advance(
        np.array(ids, dtype=np.int32), np.array(times, dtype=np.int64), lon_lat[:, 0], lon_lat[:, 1]
    )
    for rule, known in states.items():
        memory.set_rule_states(rule, known)
    return memory
