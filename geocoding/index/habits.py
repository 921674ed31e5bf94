"""How the roads of a city are numbered: metres a number takes, and which way numbers rise where.

Both are habits of a city, learnt from its own roads: in one whose registers we measured, nine roads in ten
rise the way their parallel neighbours do, and half of all roads take between 1.7 and 2.4 m a number.
"""

from collections.abc import Iterable
from math import hypot
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from geocoding.index.entries import UNITS

if TYPE_CHECKING:
    from geocoding.index.columns import Cluster

LEAST_NUMBERS, LEAST_STEP, LEAST_M = 5, 15, 100.0
"""A road tells its habit from so many numbers, between a low and a high third so far apart."""
LEAST_ROADS = 20
USUAL_M = 2.0
"""Metres a number where a city has too few roads to tell."""
NEIGHBOURS = 24
NEAR_M = 1000.0
"""A road this far away has half the say of one at the spot."""
DOUBT = 0.3

_NUMBERED = (UNITS.index("lane"), UNITS.index("door"))


class Habits:
    """Directions and paces of numbered roads, asked by place and direction."""

    def __init__(self, roads: NDArray[np.float64]) -> None:
        """``roads``: x, y, unit vector of rising numbers, metres a number; one row a road."""
        enough = len(roads) >= LEAST_ROADS
        self.metres_a_number = float(np.median(roads[:, 4])) if enough else USUAL_M
        self._roads = roads
        self._tree = KDTree(roads[:, :2]) if enough else None

    def rising(self, x: float, y: float, along_x: float, along_y: float) -> float:
        """From 1 (numbers rise along the unit vector) over 0 (unknown) to -1 (they fall)."""
        if self._tree is None:
            return 0.0
        away, at = self._tree.query((x, y), k=min(NEIGHBOURS, len(self._roads)))
        roads = self._roads[at]
        parallel = roads[:, 2] * along_x + roads[:, 3] * along_y
        say = np.abs(parallel) ** 3 / (1.0 + away / NEAR_M)
        return float((say * np.sign(parallel)).sum() / (say.sum() + DOUBT))


def learn(
    number: NDArray[np.int32], unit: NDArray[np.int8], x: NDArray[np.float64], y: NDArray[np.float64],
    clusters: Iterable["Cluster"],
) -> Habits:  # fmt: skip
    """The habits that the numbered clusters show, each by the medians of its low and high third."""
    found: list[tuple[float, float, float, float, float]] = []
    for cluster in clusters:
        start, end = cluster.start, cluster.end
        if end - start < LEAST_NUMBERS or cluster.suspect or number[end - 1] - number[start] < LEAST_STEP:
            continue
        rows = start + np.flatnonzero((number[start:end] > 0) & np.isin(unit[start:end], _NUMBERED))
        third = max(len(rows) // 3, 1)
        low, high = rows[:third], rows[-third:]
        if len(rows) < LEAST_NUMBERS:
            continue
        step = float(np.median(number[high]) - np.median(number[low]))
        if step < LEAST_STEP:
            continue
        dx = float(np.median(x[high]) - np.median(x[low]))
        dy = float(np.median(y[high]) - np.median(y[low]))
        length = hypot(dx, dy)
        if length >= LEAST_M:
            middle = rows[len(rows) // 2]
            found.append((float(x[middle]), float(y[middle]), dx / length, dy / length, length / step))
    return Habits(np.array(found).reshape(-1, 5))
