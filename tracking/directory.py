"""Who sends: devices by key, and the turns of duty that rules judge them by."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray

from tracking.clock import micros_of, now_us
from tracking.duty_times import EVERYTHING_KEPT, DutyTimes, load_duty_times
from tracking.sql import QUERIES
from tracking.turns import Turns, turns_of

FOREVER_US = 1 << 62


class Device(msgspec.Struct, frozen=True, gc=False):
    id: int
    key: str
    enabled: bool
    area_code: str
    unit_kind: str = ""
    org_unit_id: int = 0
    period_s: float = 30


class Duty(msgspec.Struct, frozen=True, gc=False):
    """A turn of duty [starts_us, ends_us) for a responsibility grid."""

    roster_id: int
    device_id: int
    starts_us: int
    ends_us: int
    grid_id: int
    grid_name: str
    grid_name_en: str | None


class Crew(NamedTuple):
    """All devices as columns by id. Rules ask about their few kinds, not about each of them."""

    kind: NDArray[np.int32]
    """Place in ``samples``; that of an id that nobody has is one beyond them."""
    samples: list[Device]
    """One device of each unit kind, organisation and area that occur."""
    period_s: NDArray[np.float64]
    enabled: NDArray[np.bool_]

    def may_speak(self, device_ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these are known and not disabled: the silence of others says nothing."""
        known = device_ids < len(self.enabled)
        return known & self.enabled[np.where(known, device_ids, 0)]


@dataclass(frozen=True)
class Directory:
    """Devices and duties of one moment; replaced as a whole, devices may join."""

    devices: dict[str, Device] = field(default_factory=dict)
    duties: Mapping[int, list[Duty]] = field(default_factory=dict)
    """By device, in the order of their beginnings."""
    by_id: dict[int, Device] = field(default_factory=dict)
    duty_times: DutyTimes = EVERYTHING_KEPT
    passing: bool = False
    """Made for one look; not worth it to keep anything that is worked out of it."""

    @cached_property
    def crew(self) -> Crew:
        """``by_id`` as columns; another one when devices have joined."""
        return _crew_of(self.by_id)

    @cached_property
    def turns(self) -> Turns:
        """``duties`` as columns."""
        return turns_of(self.duties)

    def turn(self, place: int) -> Duty:
        """The turn at a place of the columns."""
        device = int(np.searchsorted(self.turns.first_turn, place, side="right")) - 1
        first = int(self.turns.first_turn[device])
        return self.duties[int(self.turns.device_id[device])][place - first]

    def duty_at(self, device_id: int, moment_us: int) -> Duty | None:
        """The turn that covers a moment; of overlapping turns the one that began last."""
        return self.duty_until(device_id, moment_us)[0]

    def duty_until(self, device_id: int, moment_us: int) -> tuple[Duty | None, int]:
        """The same, and a moment until which that does not change."""
        turns = self.duties.get(device_id)
        if not turns:
            return None, FOREVER_US
        last = bisect_right(turns, moment_us, key=lambda duty: duty.starts_us)
        duty = next((duty for duty in reversed(turns[:last]) if moment_us < duty.ends_us), None)
        following = turns[last].starts_us if last < len(turns) else FOREVER_US
        return duty, following if duty is None else min(duty.ends_us, following)

    def subject_until(self, device_id: int, moment_us: int) -> tuple[int, int | None] | None:
        """How long after a moment the device is on duty for the same grid, whatever the number of turns;
        and the grid of the turn that follows at once, None when it is off duty then. None when it is off
        duty at the moment."""
        duty, until = self.duty_until(device_id, moment_us)
        if duty is None:
            return None
        following, after = self.duty_until(device_id, until)
        while following is not None and following.grid_id == duty.grid_id:
            until = after
            following, after = self.duty_until(device_id, until)
        return until, None if following is None else following.grid_id

    def learn(self, devices: Iterable[Device]) -> None:
        for device in devices:
            self.devices[device.key] = self.by_id[device.id] = device
        self.__dict__.pop("crew", None)


def _crew_of(devices: Mapping[int, Device]) -> Crew:
    length = max(devices, default=0) + 1
    period_s = np.full(length, 30.0)
    kinds: dict[tuple[str, int, str], int] = {}
    samples: list[Device] = []
    kind = np.full(length, -1, dtype=np.int32)
    enabled = np.zeros(length, dtype=np.bool_)
    for number, device in devices.items():
        place = kinds.setdefault((device.unit_kind, device.org_unit_id, device.area_code), len(samples))
        if place == len(samples):
            samples.append(device)
        kind[number] = place
        period_s[number], enabled[number] = device.period_s, device.enabled
    kind[kind < 0] = len(samples)
    return Crew(kind, samples, period_s, enabled)


def load_directory(connection: psycopg.Connection[Any]) -> Directory:
    """Read all devices, and the duties of two days before and after now."""
    devices = [Device(*row) for row in connection.execute(QUERIES["all_devices"])]
    duties: dict[int, list[Duty]] = {}
    for roster, device, starts, ends, *grid in connection.execute(QUERIES["duties"]):
        duty = Duty(roster, device, micros_of(starts), micros_of(ends), *grid)
        duties.setdefault(device, []).append(duty)
    directory = Directory(duties=duties, duty_times=load_duty_times(connection, now_us()))
    directory.learn(devices)
    return directory


def find_devices(connection: psycopg.Connection[Any], keys: Iterable[str]) -> list[Device]:
    """Devices that were registered since the directory was read."""
    rows = connection.execute(QUERIES["devices_by_key"], {"keys": list(keys)})
    return [Device(*row) for row in rows]
