"""All units together: they move, measure themselves with noise, and report when it is time."""

from collections.abc import Iterator

import numpy as np
import structlog
from numpy.typing import NDArray

from ingest.simulator import messages
from ingest.simulator.messages import Message, Sample
from ingest.simulator.plane import Floats
from ingest.simulator.settings import SimulatorSettings
from ingest.simulator.vehicles import Vehicles
from ingest.simulator.walkers import Walkers
from ingest.simulator.world import SimDevice, Turns, World

_NOISE_S = 45.0
"""Time constant of GPS error: it wanders, it does not jump."""
_SIGMA_WALKER_M, _SIGMA_VEHICLE_M = 2.6, 1.8
_BATTERY_S = 15 * 3600.0
_LOSS_S = (60.0, 240.0)
_SPEEDING_S = (50.0, 120.0)
_PARKING_S = (600.0, 1_200.0)
_FIRST_LEAVES_S = (3.0, 30.0)
"""So soon after the start the first inspectors set out, so that a viewer need not wait."""

_log = structlog.get_logger(__name__)


class Fleet:
    """Made for one start; the same seed, start and world give the same movements."""

    def __init__(self, world: World, turns: Turns, settings: SimulatorSettings, started: float) -> None:
        self._rng = rng = np.random.default_rng([settings.seed, int(started)])
        self._settings, self.turns, self._plane = settings, turns, world.plane
        walkers = [d for d in world.devices if d.grid_id in world.beats]
        drivers = [d for d in world.devices if d.grid_id is None and d.route_id in world.route_number]
        beats = [world.beats[d.grid_id] for d in walkers if d.grid_id is not None]
        self.devices: list[SimDevice] = walkers + drivers
        self._on_foot = len(walkers)
        self.walkers = Walkers(rng, world.streets, beats, [d.place for d in walkers])
        self.vehicles = Vehicles(
            rng,
            world.routes,
            world.route_limit,
            np.array(
                [world.route_number[d.route_id] for d in drivers if d.route_id is not None], dtype=np.int64
            ),
            [d.kind for d in drivers],
            [d.place for d in drivers],
        )
        count = len(self.devices)
        self._sigma = np.concatenate(
            [_SIGMA_WALKER_M * np.array([b.noise for b in beats]), np.full(len(drivers), _SIGMA_VEHICLE_M)]
        )
        self._error: Floats = rng.normal(size=(count, 2)) * self._sigma[:, None]
        self._period = np.array([float(d.period_s) for d in self.devices])
        self._next_report = started + rng.uniform(0, 1, size=count) * self._period
        self._battery = np.array([d.battery_pct for d in self.devices])
        fresh = self._battery < 8
        self._battery[fresh] = rng.uniform(45, 100, size=int(fresh.sum()))
        low = rng.choice(max(1, self._on_foot), size=min(2, self._on_foot), replace=False)
        self._battery[low] = rng.uniform(9, 16, size=len(low))
        self._silent_until: Floats = np.zeros(count)
        self._backlog: dict[int, list[Sample]] = {}
        self._online: NDArray[np.bool_] = np.zeros(count, dtype=bool)
        self._first_leaves = started + rng.uniform(*_FIRST_LEAVES_S, size=4)
        self._now = started

    @property
    def on_duty(self) -> NDArray[np.bool_]:
        return np.array([self.turns.on_duty(d.id, self._now) for d in self.devices], dtype=bool)

    def step(self, now: float) -> Iterator[Message]:
        """Move to ``now`` (epoch seconds; at most 5 s of movement) and say what is due."""
        dt = float(np.clip(now - self._now, 0.05, 5.0))
        self._now = now
        duty = self.on_duty
        self.walkers.step(now, dt, duty[: self._on_foot])
        self.vehicles.step(now, dt, duty[self._on_foot :])
        keep = np.exp(-dt / _NOISE_S)
        self._error *= keep
        self._error += self._rng.normal(size=self._error.shape) * self._sigma[:, None] * np.sqrt(1 - keep**2)
        self._battery[: self._on_foot] -= dt / _BATTERY_S * 100 * duty[: self._on_foot]
        self._battery[self._battery < 5] = 100.0
        self._incidents(now, dt, duty)
        yield from self._report(now, duty)

    def _report(self, now: float, duty: NDArray[np.bool_]) -> Iterator[Message]:
        for unit in np.flatnonzero(self._online & ~duty).tolist():
            self._online[unit] = False
            yield messages.status(self.devices[unit].key, online=False)
        due = np.flatnonzero(duty & (now >= self._next_report))
        if not len(due):
            return
        self._next_report[due] += self._period[due] * np.ceil(
            (now - self._next_report[due] + 1e-3) / self._period[due]
        )
        for unit, sample in zip(due.tolist(), self._samples(now, due), strict=True):
            if now < self._silent_until[unit]:
                self._backlog.setdefault(unit, []).append(sample)
                continue
            if not self._online[unit]:
                self._online[unit] = True
                yield messages.status(self.devices[unit].key, online=True)
            yield from self._written(self.devices[unit], [*self._backlog.pop(unit, []), sample])

    def _written(self, device: SimDevice, samples: list[Sample]) -> Iterator[Message]:
        if device.kind == "inspector":
            for sample in samples:
                yield messages.owntracks(device.carrier, device.key, sample)
        elif device.kind == "slag_truck":
            yield messages.nmea(device.key, samples)
        else:
            yield messages.own_json(device.key, samples)

    def _samples(self, now: float, units: NDArray[np.int64]) -> list[Sample]:
        place = np.concatenate([self.walkers.place, self.vehicles.place])[units] + self._error[units]
        speed = np.concatenate([self.walkers.speed, self.vehicles.speed])[units]
        course = np.concatenate([self.walkers.course, self.vehicles.course])[units]
        lonlat = self._plane.to_lonlat(place)
        moving = speed > 0.25
        speed = np.where(moving, np.maximum(speed + self._rng.normal(0, 0.08, size=len(units)), 0.0), 0.0)
        course = (course + self._rng.normal(0, 4.0, size=len(units))) % 360
        accuracy = self._sigma[units] * 1.5 + np.abs(self._rng.normal(0, 1.0, size=len(units)))
        satellites = np.clip(self._rng.normal(19, 2.5, size=len(units)) - accuracy * 0.4, 6, 28)
        return [
            Sample(
                now,
                float(lonlat[i, 0]),
                float(lonlat[i, 1]),
                float(speed[i]),
                float(course[i]) if moving[i] else None,
                float(accuracy[i]),
                int(satellites[i]),
                int(self._battery[unit]),
            )
            for i, unit in enumerate(units.tolist())
        ]

    def _incidents(self, now: float, dt: float, duty: NDArray[np.bool_]) -> None:
        settings = self._settings
        starting = self._first_leaves <= now
        if starting.any():
            self._first_leaves = self._first_leaves[~starting]
            self._send_away(now, duty, from_border=True)
        if self._happens(settings.leaves_per_minute, dt):
            self._send_away(now, duty, from_border=False)
        if self._happens(settings.losses_per_minute, dt) and duty.any():
            unit = int(self._rng.choice(np.flatnonzero(duty)))
            self._silent_until[unit] = now + self._rng.uniform(*_LOSS_S)
        drivers = np.flatnonzero(duty[self._on_foot :])
        if len(drivers) and self._happens(settings.speedings_per_minute, dt):
            self.vehicles.speed_up(int(self._rng.choice(drivers)), now + self._rng.uniform(*_SPEEDING_S))
        if len(drivers) and self._happens(settings.parkings_per_minute, dt):
            self.vehicles.park(int(self._rng.choice(drivers)), now + self._rng.uniform(*_PARKING_S))

    def _happens(self, per_minute: float, dt: float) -> bool:
        return bool(self._rng.uniform() < per_minute * dt / 60)

    def _send_away(self, now: float, duty: NDArray[np.bool_], *, from_border: bool) -> None:
        """Let one inspector on duty leave; the first ones start near the border of their grids."""
        present = np.flatnonzero(duty[: self._on_foot])
        if not len(present) or self.walkers.away() >= self._settings.most_away:
            return
        if from_border:
            near = self.walkers.metres_to_border()[present] / self.walkers.pace[present]
            order = self._rng.permutation(present[np.argsort(near, kind="stable")][:12])
        else:
            order = self._rng.permutation(present)[:5]
        for walker in order.tolist():
            if self.walkers.leave(walker, now):
                _log.info("leaves_grid", device=self.devices[walker].key)
                return
