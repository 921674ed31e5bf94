"""Vehicles on their routes: speed by road, slow at corners, stops at lights, bins and sites."""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.simulator.plane import Floats, Ints, Polylines

_CRUISE_MPS = {"sanitation": 4.5, "slag_truck": 14.0, "enforcement": 10.5}
"""The work's own top speed; the road's limit counts besides."""
_BETWEEN_STOPS_S = {"sanitation": 75.0, "slag_truck": 900.0, "enforcement": 320.0}
_STOP_S = {"sanitation": (15.0, 50.0), "slag_truck": (30.0, 90.0), "enforcement": (60.0, 240.0)}
_SITE_S = (120.0, 420.0)
_GAP_M = 18.0
_LIGHT_EVERY_M, _LIGHT_RED = 480.0, 0.45
_LANE_M = 4.5
_ACCELERATION, _BRAKING = 0.9, 2.2
_SPEEDING = 1.55


class Vehicles:
    """State of all vehicles in arrays. A loading and a dumping site lie on each slag truck's route."""

    def __init__(
        self,
        rng: np.random.Generator,
        routes: Polylines,
        limit: Floats,
        route: Ints,
        kinds: Sequence[str],
        known: Sequence[Floats | None],
    ) -> None:
        self._rng, self._routes, self._limit, self._route = rng, routes, limit, route
        count = len(kinds)
        self._cruise = np.array([_CRUISE_MPS[kind] for kind in kinds]) * rng.uniform(0.88, 1.08, size=count)
        self._between = np.array([_BETWEEN_STOPS_S[kind] for kind in kinds])
        self._stop = np.array([_STOP_S[kind] for kind in kinds]).reshape(count, 2)
        self._trucks = np.array([kind == "slag_truck" for kind in kinds], dtype=bool)
        self.metres = rng.uniform(0, 1, size=count) * routes.length[route]
        for vehicle, place in enumerate(known):
            if place is not None:
                self._put(vehicle, place)
        self.speed: Floats = np.zeros(count)
        self._paused_until: Floats = np.zeros(count)
        self._speeding_until: Floats = np.zeros(count)
        self.place, self.course = self._where()

    def _put(self, vehicle: int, place: Floats) -> None:
        route = int(self._route[vehicle])
        line = shapely.LineString(self._routes.xy[self._routes.first[route] : self._routes.last[route] + 1])
        point = shapely.Point(place)
        if line.distance(point) < 150.0:
            self.metres[vehicle] = shapely.line_locate_point(line, point)

    def step(self, now: float, dt: float, active: NDArray[np.bool_]) -> None:
        """Move all that are on duty and not standing by ``dt`` seconds."""
        driving = active & (now >= self._paused_until)
        chance = self._rng.uniform(size=len(driving))
        rushing = now < self._speeding_until
        stop = driving & ~rushing & (chance < dt / self._between)
        red = driving & ~rushing & ~stop & (chance > 1 - self.speed * dt / _LIGHT_EVERY_M * _LIGHT_RED)
        self._paused_until[stop] = now + self._rng.uniform(self._stop[stop, 0], self._stop[stop, 1])
        self._paused_until[red] = now + self._rng.uniform(10, 45, size=int(red.sum()))
        _, _, segment = self._routes.at(self._route, self.metres)
        wanted = np.minimum(self._limit[segment], np.where(rushing, 99.0, self._cruise))
        wanted = np.where(rushing, wanted * _SPEEDING, wanted)
        wanted[~driving | self._blocked()] = 0.0
        change = np.clip(wanted - self.speed, -_BRAKING * dt, _ACCELERATION * dt)
        self.speed = np.where(active, np.maximum(self.speed + change, 0.0), 0.0)
        before = self.metres / self._routes.length[self._route]
        self.metres = self.metres + self.speed * dt
        after = self.metres / self._routes.length[self._route]
        at_site = driving & self._trucks & (((before < 0.5) & (after >= 0.5)) | (after >= 1.0))
        self._paused_until[at_site] = now + self._rng.uniform(*_SITE_S, size=int(at_site.sum()))
        self.metres %= self._routes.length[self._route]
        self.place, self.course = self._where()

    def _blocked(self) -> NDArray[np.bool_]:
        """Whether another vehicle of the route stands close ahead: they queue."""
        order = np.lexsort((self.metres, self._route))
        ahead = np.roll(order, -1)
        gap = self.metres[ahead] - self.metres[order]
        close = (self._route[ahead] == self._route[order]) & (gap > 0) & (gap < _GAP_M)
        blocked = np.zeros(len(order), dtype=bool)
        blocked[order[close]] = True
        return blocked

    def _where(self) -> tuple[Floats, Floats]:
        place, direction, _ = self._routes.at(self._route, self.metres)
        right = np.stack([direction[:, 1], -direction[:, 0]], axis=1)
        return place + right * _LANE_M, np.degrees(np.arctan2(direction[:, 0], direction[:, 1])) % 360

    def speed_up(self, vehicle: int, until: float) -> None:
        """Drive half as fast again as the road allows."""
        self._speeding_until[vehicle] = until
        self._paused_until[vehicle] = 0.0

    def park(self, vehicle: int, until: float) -> None:
        self._paused_until[vehicle] = until
