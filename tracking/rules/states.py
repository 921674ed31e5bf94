"""What a rule remembers of all devices: episodes of few, in a dictionary, and stays of many, in columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracking.rules.hysteresis import IDLE, Episode
from tracking.rules.way import NEVER


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True):
    """Memory of one rule about one device; ready for JSON."""

    episode: Episode = IDLE
    stay: tuple[int, float, float] | None = None
    """Since when (µs) and where the device is near one place, if longer than since its last fix."""


NOTHING = Remembered()


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """``Remembered.stay`` of some devices, each once, as columns; ``NEVER`` where there is none."""

    device_id: NDArray[np.int32]
    since_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.device_id)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Stays":
        return Stays(*(getattr(self, field.name)[rows] for field in fields(self)))

    def told(self) -> list[tuple[int, float, float] | None]:
        """As ``Remembered`` has them."""
        columns = zip(self.since_us.tolist(), self.lon.tolist(), self.lat.tolist(), strict=True)
        return [None if since == NEVER else (since, lon, lat) for since, lon, lat in columns]


class RuleStates(Mapping[int, Remembered]):
    """By device; those with nothing to remember are not in it."""

    def __init__(self) -> None:
        self._episodes: dict[int, Episode] = {}
        self._busy = np.zeros(1024, dtype=np.bool_)
        self._since_us = np.full(1024, NEVER, dtype=np.int64)
        self._lon, self._lat = np.full(1024, np.nan), np.full(1024, np.nan)

    def __getitem__(self, device_id: int) -> Remembered:
        found: Remembered | None = self.get(device_id)
        if found is None:
            raise KeyError(device_id)
        return found

    def get(self, device_id: int, default: Any = None) -> Any:
        """As of a dictionary."""
        if device_id >= len(self._busy):
            return default
        since = int(self._since_us[device_id])
        stay = None if since == NEVER else (since, float(self._lon[device_id]), float(self._lat[device_id]))
        episode = self._episodes.get(device_id, IDLE)
        return default if stay is None and episode is IDLE else Remembered(episode, stay)

    def __contains__(self, device_id: object) -> bool:
        return isinstance(device_id, int) and self.get(device_id) is not None

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(self._busy | (self._since_us != NEVER)).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self._busy | (self._since_us != NEVER)))

    def put(self, states: Mapping[int, Remembered]) -> None:
        """In place of what was known of these devices."""
        if not states:
            return
        self._grow(max(states))
        for device_id, state in states.items():
            if state.episode == IDLE:
                self._episodes.pop(device_id, None)
            else:
                self._episodes[device_id] = state.episode
            self._busy[device_id] = state.episode != IDLE
            since, lon, lat = state.stay or (NEVER, np.nan, np.nan)
            self._since_us[device_id], self._lon[device_id], self._lat[device_id] = since, lon, lat

    def put_stays(self, stays: Stays) -> None:
        """The episodes of these devices stay what they are."""
        if len(stays):
            self._grow(int(stays.device_id.max()))
            self._since_us[stays.device_id] = stays.since_us
            self._lon[stays.device_id], self._lat[stays.device_id] = stays.lon, stays.lat

    def episodes(self) -> Iterator[tuple[int, Remembered]]:
        """Of the devices that have one, or the suspicion of one."""
        return ((device_id, self[device_id]) for device_id in tuple(self._episodes))

    def with_episode(self, device_ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Of which devices there is an episode, or the suspicion of one."""
        self._grow(int(device_ids.max(initial=0)))
        return self._busy[device_ids]

    def stays(self, device_ids: NDArray[np.int32]) -> Stays:
        self._grow(int(device_ids.max(initial=0)))
        return Stays(device_ids, self._since_us[device_ids], self._lon[device_ids], self._lat[device_ids])

    def _grow(self, most: int) -> None:
        have = len(self._busy)
        if most < have:
            return
        more = max(most + 1, 2 * have) - have
        self._busy = np.r_[self._busy, np.zeros(more, dtype=np.bool_)]
        self._since_us = np.r_[self._since_us, np.full(more, NEVER, dtype=np.int64)]
        self._lon, self._lat = (np.r_[column, np.full(more, np.nan)] for column in (self._lon, self._lat))


def episodes_in(states: Mapping[int, Remembered]) -> Iterator[tuple[int, Remembered]]:
    """Devices with an episode or the suspicion of one, and what is remembered of them."""
    if isinstance(states, RuleStates):
        yield from states.episodes()
    else:
        yield from ((device, state) for device, state in states.items() if state.episode != IDLE)


def with_episode(states: Mapping[int, Remembered], device_ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Of which devices there is an episode, or the suspicion of one."""
    if isinstance(states, RuleStates):
        return states.with_episode(device_ids)
    if not states:
        return np.zeros(len(device_ids), dtype=np.bool_)
    found = (states.get(device, NOTHING).episode != IDLE for device in device_ids.tolist())
    return np.fromiter(found, dtype=np.bool_, count=len(device_ids))


def stays_of(states: Mapping[int, Remembered], device_ids: NDArray[np.int32]) -> Stays:
    """The stays of these devices, one row each."""
    if isinstance(states, RuleStates):
        return states.stays(device_ids)
    nothing = (NEVER, float("nan"), float("nan"))
    rows = [states.get(device, NOTHING).stay or nothing for device in device_ids.tolist()]
    since, lon, lat = zip(*rows, strict=True) if rows else ((), (), ())
    return Stays(
        device_ids,
        np.array(since, dtype=np.int64),
        np.array(lon, dtype=np.float64),
        np.array(lat, dtype=np.float64),
    )
