"""Inspectors on foot and on e-bikes: along the streets of their grid, with stops; sometimes away."""

from collections import deque
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.simulator.plane import Floats, Ints
from ingest.simulator.streets import Beat, Streets

_TURN_S = 4.0
"""How fast one crosses to the other side of the street at a corner: time constant."""
_BETWEEN_STOPS_S = 130.0
_STOP_S = (12.0, 80.0)
_AWAY_S = (70.0, 190.0)
_AWAY_M = (75.0, 170.0)
"""How far from the grid an inspector goes who leaves it: more than the rule's buffer and the noise."""
_WAY_OUT_M = 650.0
_EBIKE_SHARE = 0.25


class Mood(IntEnum):
    PATROL = 0
    LEAVING = 1
    AWAY = 2
    RETURNING = 3


class Walkers:
    """State of all walkers in arrays; ``place`` is where each really is, in metres."""

    def __init__(
        self,
        rng: np.random.Generator,
        streets: Streets,
        beats: Sequence[Beat],
        known: Sequence[Floats | None],
    ) -> None:
        self._rng = rng
        self._streets = streets
        self._beats = beats
        count = len(beats)
        self.edge: Ints = np.zeros(count, dtype=np.int64)
        self._metres: Floats = np.zeros(count)
        self._ahead = rng.choice([-1.0, 1.0], size=count)
        self._side: Floats = np.ones(count)
        on_bike = rng.uniform(size=count) < _EBIKE_SHARE
        self.pace = np.where(on_bike, rng.uniform(2.6, 4.2, count), rng.uniform(0.8, 1.6, count))
        self._paused_until: Floats = np.zeros(count)
        self.mood = np.full(count, int(Mood.PATROL), dtype=np.int8)
        self._way: list[deque[int]] = [deque() for _ in range(count)]
        self._visits: list[dict[int, int]] = [{} for _ in range(count)]
        self.speed: Floats = np.zeros(count)
        self.course: Floats = np.zeros(count)
        for walker, (beat, place) in enumerate(zip(beats, known, strict=True)):
            self._put(walker, beat, place)
        self.place, _ = self._goal()
        for walker, place in enumerate(known):
            if place is not None and np.hypot(*(place - self.place[walker])) < 60.0:
                self.place[walker] = place

    def _put(self, walker: int, beat: Beat, place: Floats | None) -> None:
        """Start where the walker was seen last, if that is near the grid; else somewhere in the grid."""
        if place is not None and shapely.distance(beat.grid, shapely.Point(place)) < 900.0:
            edge, metres = self._streets.nearest(place)
        else:
            edge = int(self._rng.choice(beat.edges))
            metres = float(self._rng.uniform(0, self._streets.lines.length[edge]))
        self.edge[walker], self._metres[walker] = edge, metres
        self._choose_side(walker, edge)

    def step(self, now: float, dt: float, active: NDArray[np.bool_]) -> None:
        """Move everybody who is on duty and not standing by ``dt`` seconds."""
        walking = active & (now >= self._paused_until)
        patrolling = walking & (self.mood == Mood.PATROL)
        stop = patrolling & (self._rng.uniform(size=len(walking)) < dt / _BETWEEN_STOPS_S)
        self._paused_until[stop] = now + self._rng.uniform(*_STOP_S, size=int(stop.sum()))
        walking &= ~stop
        self._metres[walking] += (self._ahead * self.pace * dt)[walking]
        length = self._streets.lines.length[self.edge]
        for walker in np.flatnonzero(walking & ((self._metres < 0) | (self._metres > length))):
            self._at_corner(int(walker), now)
        goal, direction = self._goal()
        change = (goal - self.place) * (1 - np.exp(-dt / _TURN_S))
        size = np.maximum(np.hypot(*change.T), 1e-9)
        change *= np.minimum(1.0, (self.pace * 1.3 + 0.3) * dt / size)[:, None]
        change[~active] = 0.0
        self.place += change
        moved = np.hypot(*change.T) / dt
        self.speed = np.where(walking, 0.6 * self.speed + 0.4 * moved, 0.0)
        along = direction * self._ahead[:, None]
        course = np.where((moved > 0.3)[:, None], change, along)
        self.course = np.degrees(np.arctan2(course[:, 0], course[:, 1])) % 360

    def _goal(self) -> tuple[Floats, Floats]:
        place, direction, _ = self._streets.lines.at(self.edge, self._metres)
        normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
        return place + normal * (self._side * (self._streets.kerb[self.edge] + 1.4))[:, None], direction

    def _at_corner(self, walker: int, now: float) -> None:
        edge = int(self.edge[walker])
        node = int((self._streets.head if self._ahead[walker] > 0 else self._streets.tail)[edge])
        if not self._way[walker]:
            self._way_is_over(walker, node, now)
        if self._way[walker]:
            following = self._way[walker].popleft()
        else:
            following = self._next_of_beat(walker, node, edge)
        tail = int(self._streets.tail[following])
        self._ahead[walker] = 1.0 if tail == node else -1.0
        self._metres[walker] = 0.0 if tail == node else float(self._streets.lines.length[following])
        self.edge[walker] = following
        self._choose_side(walker, following)

    def _way_is_over(self, walker: int, node: int, now: float) -> None:
        mood = self.mood[walker]
        if mood == Mood.LEAVING:
            self.mood[walker] = Mood.AWAY
            self._paused_until[walker] = now + self._rng.uniform(*_AWAY_S)
        elif mood == Mood.RETURNING:
            self.mood[walker] = Mood.PATROL
        if mood == Mood.AWAY or (mood == Mood.PATROL and not self._in_beat(walker, node)):
            self._go_home(walker, node)

    def _in_beat(self, walker: int, node: int) -> bool:
        side = self._beats[walker].side
        return any(edge in side for edge in self._streets.around[node])

    def _go_home(self, walker: int, node: int) -> None:
        distance, before = self._streets.ways_from(node)
        homes = self._beats[walker].inner_nodes
        nearest = int(homes[np.argmin(distance[homes])])
        if np.isfinite(distance[nearest]):
            self._way[walker].extend(self._streets.way(before, nearest))
            self.mood[walker] = Mood.RETURNING if self._way[walker] else Mood.PATROL

    def _next_of_beat(self, walker: int, node: int, edge: int) -> int:
        """A street of the grid seen less often before; back only where there is no other."""
        side = self._beats[walker].side
        around = self._streets.around[node]
        own = [e for e in around if e in side] or around
        choices = [e for e in own if e != edge] or own
        visits = self._visits[walker]
        weight = np.array([1.0 / (1 + visits.get(e, 0)) ** 2 for e in choices])
        chosen = choices[int(self._rng.choice(len(choices), p=weight / weight.sum()))]
        visits[chosen] = visits.get(chosen, 0) + 1
        return chosen

    def _choose_side(self, walker: int, edge: int) -> None:
        given = self._beats[walker].side.get(edge, 0.0)
        self._side[walker] = given or float(self._rng.choice([-1.0, 1.0]))

    def away(self) -> int:
        """How many are on a way out of their grid, or not back yet."""
        return int((self.mood != Mood.PATROL).sum())

    def leave(self, walker: int, now: float) -> bool:
        """Send a walker out of the grid for some minutes; False if no way out is near."""
        edge = int(self.edge[walker])
        node = int((self._streets.head if self._ahead[walker] > 0 else self._streets.tail)[edge])
        distance, before = self._streets.ways_from(node, _WAY_OUT_M)
        near = np.flatnonzero(np.isfinite(distance))
        off = shapely.distance(self._beats[walker].grid, shapely.points(self._streets.nodes[near]))
        fitting = near[(off > _AWAY_M[0]) & (off < _AWAY_M[1])]
        if self.mood[walker] != Mood.PATROL or not len(fitting):
            return False
        nearest = fitting[np.argsort(distance[fitting], kind="stable")[:4]]
        self._way[walker].extend(self._streets.way(before, int(self._rng.choice(nearest))))
        self.mood[walker] = Mood.LEAVING
        self._paused_until[walker] = now
        return True

    def metres_to_border(self) -> Floats:
        """How far each stands from the border of the grid."""
        borders = np.array([shapely.boundary(beat.grid) for beat in self._beats], dtype=object)
        return np.asarray(shapely.distance(borders, shapely.points(self.place)))
