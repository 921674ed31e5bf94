"""What the pipeline remembers between batches; the same as ``device_state``, which outlives us."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray

from tracking.clock import micros_of
from tracking.rules.base import Last
from tracking.rules.states import NOTHING, Remembered, RuleStates, Stays
from tracking.rules.way import NEVER, Before
from tracking.sql import QUERIES

_COLUMNS: tuple[tuple[Any, float | int], ...] = (
    (np.int64, NEVER),
    (np.float64, np.nan),
    (np.float64, np.nan),
    (np.float32, np.nan),
)
"""Time, longitude, latitude, speed."""


CLOCK = "@clock"
"""Beside the rules, by device: until when the clock has told ends of episodes that no fix has told yet. A fix
of before then contradicts it, and is judged like a late one."""


class Newest:
    """The newest fix of each device, as columns by device id."""

    def __init__(self) -> None:
        self._columns = [np.full(1024, empty, dtype=kind) for kind, empty in _COLUMNS]

    def of(self, device_ids: NDArray[np.int32]) -> Before:
        self._grow(device_ids)
        return Before(*(column[device_ids] for column in self._columns))

    def put(self, device_ids: NDArray[np.int32], newest: Before) -> None:
        self._grow(device_ids)
        told = (newest.time_us, newest.lon, newest.lat, newest.speed_mps)
        for column, values in zip(self._columns, told, strict=True):
            column[device_ids] = values

    def copy(self) -> "Newest":
        made = Newest()
        made._columns = [column.copy() for column in self._columns]
        return made

    def known(self) -> Last:
        """All that there are."""
        ids = np.flatnonzero(self._columns[0] != NEVER).astype(np.int32)
        return Last(ids, *(column[ids] for column in self._columns))

    def _grow(self, device_ids: NDArray[np.int32]) -> None:
        need = int(device_ids.max(initial=0)) + 1
        size = len(self._columns[0])
        if need > size:
            for place, (kind, empty) in enumerate(_COLUMNS):
                larger = np.full(max(need, 2 * size), empty, dtype=kind)
                larger[:size] = self._columns[place]
                self._columns[place] = larger


class Memory:
    """The newest fix of each device, the newest that was judged, and the state of the rules.

    The two differ for a device off duty whose fixes leave the last state only.
    """

    def __init__(self) -> None:
        self.newest = Newest()
        self.judged = Newest()
        self.ticked_us = NEVER
        """Up to when gatherings have been looked at; ``NEVER`` while no rule asks for them."""
        self.tick_us = NEVER
        """When they will be looked at next, and …"""
        self.at_tick: Newest | None = None
        """… the newest fix that was judged of each device until then; one may have been ahead already."""
        self._states: dict[str, RuleStates] = {}

    def newest_us(self, device_ids: NDArray[np.int32]) -> NDArray[np.int64]:
        """Newest fix time of each device, ``NEVER`` where there is none."""
        return self.newest.of(device_ids).time_us

    def told_us(self, device_ids: NDArray[np.int32]) -> NDArray[np.int64]:
        """Until when the clock has spoken for each device, ``NEVER`` where it has not."""
        return self.rule_states(CLOCK).stays(device_ids).since_us

    def rule_states(self, rule: str) -> RuleStates:
        """By device; those with nothing to remember are not in it."""
        return self._states.setdefault(rule, RuleStates())

    def rule_states_of(self, device_id: int) -> dict[str, Remembered]:
        """All rules' states of one device."""
        found = ((rule, states.get(device_id)) for rule, states in self._states.items())
        return {rule: state for rule, state in found if state is not None}

    def set_rule_states(self, rule: str, states: Mapping[int, Remembered]) -> None:
        self._states.setdefault(rule, RuleStates()).put(states)

    def set_stays(self, rule: str, stays: Stays) -> None:
        self._states.setdefault(rule, RuleStates()).put_stays(stays)

    def replace_states_of(self, device_id: int, states: Mapping[str, Remembered]) -> None:
        """Of all rules; what is not among them is forgotten."""
        for rule in {*self._states, *states}:
            self.set_rule_states(rule, {device_id: states.get(rule, NOTHING)})


def load_memory(connection: psycopg.Connection[Any]) -> Memory:
    """What was committed last."""
    memory = Memory()
    states: dict[str, dict[int, Remembered]] = {}
    newest: list[tuple[int, int, float, float, float]] = []
    judged: list[tuple[int, int, float, float, float]] = []
    nan = float("nan")
    for device_id, *last, rule_state, judged_time, judged_lon, judged_lat, judged_speed in connection.execute(
        QUERIES["device_states"]
    ):
        fix_time, lon, lat, speed = last
        newest.append((device_id, micros_of(fix_time), lon, lat, nan if speed is None else speed))
        if judged_time is not None:
            known = (judged_lon, judged_lat, nan if judged_speed is None else judged_speed)
            judged.append((device_id, micros_of(judged_time), *known))
        for rule, state in rule_state.items():
            states.setdefault(rule, {})[device_id] = msgspec.convert(state, Remembered)
    for target, rows in ((memory.newest, newest), (memory.judged, judged)):
        ids, times, lons, lats, speeds = zip(*rows, strict=True) if rows else ((), (), (), (), ())
        target.put(
            np.array(ids, dtype=np.int32),
            Before(
                np.array(times, dtype=np.int64),
                np.array(lons, dtype=np.float64),
                np.array(lats, dtype=np.float64),
                np.array(speeds, dtype=np.float32),
            ),
        )
    for rule, of_rule in states.items():
        memory.set_rule_states(rule, of_rule)
    return memory
