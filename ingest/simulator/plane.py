"""A flat metric plane around the city, and positions along many lines at once."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_EQUATOR_M = 6_378_137.0


class Plane:
    """Metres east and north of a place. Within 10 km lengths are true to 0.2 %: enough to walk on."""

    def __init__(self, lon: float, lat: float) -> None:
        self._origin = np.array([lon, lat])
        degree = np.pi / 180 * _EQUATOR_M
        self._scale = np.array([degree * np.cos(np.radians(lat)), degree * (1 - 0.00669438)])

    def to_metres(self, lonlat: Floats) -> Floats:
        return np.asarray((lonlat - self._origin) * self._scale)

    def to_lonlat(self, metres: Floats) -> Floats:
        return np.asarray(metres / self._scale + self._origin)


class Polylines:
    """Many lines in flat arrays, so that a place along each of n lines is found in one step."""

    def __init__(self, lines: Sequence[Floats]) -> None:
        self.xy = np.vstack(lines)
        sizes = np.array([len(line) for line in lines])
        self.first = np.cumsum(sizes) - sizes
        self.last = self.first + sizes - 1
        step = np.hypot(*np.diff(self.xy, axis=0).T)
        step[self.last[:-1]] = 1.0
        self._along = np.concatenate([[0.0], np.cumsum(step)])
        self.length: Floats = self._along[self.last] - self._along[self.first]

    def at(self, line: Ints, metres: Floats) -> tuple[Floats, Floats, Ints]:
        """Place, unit direction and segment (its first vertex) ``metres`` along each line."""
        wanted = self._along[self.first[line]] + np.clip(metres, 0.0, self.length[line])
        segment = np.searchsorted(self._along, wanted, side="right") - 1
        segment = np.clip(segment, self.first[line], np.maximum(self.last[line] - 1, self.first[line]))
        vector = self.xy[segment + 1] - self.xy[segment]
        size = np.maximum(np.hypot(*vector.T), 1e-9)
        direction = vector / size[:, None]
        place = self.xy[segment] + direction * (wanted - self._along[segment])[:, None]
        return place, direction, segment

    def along(self, vertex: Ints, line: Ints) -> Floats:
        """Distance of a vertex from its line's beginning."""
        return np.asarray(self._along[vertex] - self._along[self.first[line]])


def split_at_crossings(lines: Sequence[Floats], labels: Sequence[Any]) -> tuple[list[Floats], list[Any]]:
    """Cut lines (lon/lat) wherever they share a vertex with another; labels go with the pieces."""
    points = np.round(np.vstack(lines), 7)
    _, inverse = np.unique(points, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    sizes = np.array([len(line) for line in lines])
    ends = np.cumsum(sizes)
    count = np.bincount(inverse)
    is_end = np.zeros(len(points), dtype=bool)
    is_end[ends - sizes] = is_end[ends - 1] = True
    node = is_end | (count[inverse] > 1)
    touched = np.zeros(len(count), dtype=bool)
    touched[inverse[is_end]] = True
    node |= touched[inverse]
    pieces: list[Floats] = []
    names: list[Any] = []
    for line, size, end, label in zip(lines, sizes, ends, labels, strict=True):
        cuts = np.flatnonzero(node[end - size : end])
        for a, b in pairwise(cuts.tolist()):
            pieces.append(line[a : b + 1])
            names.append(label)
    return pieces, names
