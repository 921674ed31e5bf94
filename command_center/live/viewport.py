"""What one client looks at, and whom he may see; equal ones are served by one encoding."""

import math
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

DEGREE = 10_000_000
"""Frame units (1e-7 degrees) in a degree."""


class Viewport(NamedTuple):
    """A box in 1e-7 degrees; west > east spans the antimeridian."""

    west: int
    south: int
    east: int
    north: int

    @classmethod
    def around(cls, west: float, south: float, east: float, north: float, zoom: float) -> Self:
        """The box grown outward to half tiles of its zoom level, so that near views are equal.

        Longitudes may lie beyond 180 degrees, as map libraries give them. Raises ValueError for
        numbers that are no box.
        """
        numbers = (west, south, east, north, zoom)
        if not all(math.isfinite(n) and abs(n) <= 1e6 for n in numbers) or west > east or south > north:
            raise ValueError("a bbox is [west, south, east, north] in degrees with a zoom level")
        step = 180.0 / 2 ** math.floor(min(22.0, max(0.0, zoom)))
        west, east = math.floor(west / step) * step, math.ceil(east / step) * step
        south = max(-90.0, math.floor(south / step) * step)
        north = min(90.0, math.ceil(north / step) * step)
        if east - west >= 360:
            west, east = -180.0, 180.0
        else:
            west, east = _wrapped(west), _wrapped(east)
        return cls(*(round(n * DEGREE) for n in (west, south, east, north)))

    def holds(self, lon: NDArray[np.int32], lat: NDArray[np.int32]) -> NDArray[np.bool_]:
        inside = (lat >= self.south) & (lat <= self.north)
        if self.west <= self.east:
            inside &= (lon >= self.west) & (lon <= self.east)
        else:
            inside &= (lon >= self.west) | (lon <= self.east)
        return inside


class Reach(NamedTuple):
    """Areas and departments of one permission, as pairs (prefix of the area code, department or None)."""

    pairs: tuple[tuple[str, int | None], ...]

    @classmethod
    def of(cls, scope: dict[str, list[Any]]) -> Self:
        """From ``Principal.scope_parameters``."""
        pairs = zip(scope["scope_areas"], scope["scope_org_units"], strict=True)
        return cls(tuple(sorted(((a.rstrip("%"), o) for a, o in pairs), key=repr)))

    def covers(self, area_code: str, org_unit_id: int) -> bool:
        return any(
            area_code.startswith(prefix) and unit in (None, org_unit_id) for prefix, unit in self.pairs
        )


def _wrapped(lon: float) -> float:
    return lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180
