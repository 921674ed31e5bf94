"""In which unit grid and responsibility grid a point lies; answers as ST_Intersects would."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from tracking.polygon_raster import PolygonRaster
from tracking.sql import QUERIES

SEMI_MAJOR_M = 6_378_137.0
ECCENTRICITY_SQUARED = 0.006_694_379_990_14
"""WGS84."""


class GridIndex:
    """Polygons of one kind. A point on a border belongs to the lowest id of those that touch it."""

    def __init__(self, ids: Sequence[int], polygons: NDArray[Any]) -> None:
        numbers = np.asarray(ids, dtype=np.int32)
        order = np.argsort(numbers, kind="stable")
        self._ids = numbers[order]
        self._by_row = np.append(self._ids, np.int32(0))
        self._raster = PolygonRaster(np.asarray(polygons, dtype=object)[order])

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def memory_bytes(self) -> int:
        return self._raster.memory_bytes

    def locate(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int32]:
        """Id of the polygon of each point (degrees), 0 for none."""
        return self._by_row[self._raster.lowest(lon, lat)]

    def locate_all(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Index of the point and id of the polygon of every intersection, by point and then by id:
        for fences, which may lie over each other."""
        points, rows = self._raster.pairs(lon, lat)
        return points, self._ids[rows]


class GridDistances:
    """Distance in metres from points to given responsibility grids.

    Each grid is laid into a plane at its own centre (ellipsoidal radii there), which is right to
    0.1 % within 20 km.
    """

    def __init__(self, ids: Sequence[int], polygons: NDArray[Any]) -> None:
        self._row = np.full(int(max(ids, default=0)) + 1, -1, dtype=np.intp)
        self._row[np.asarray(ids, dtype=np.intp)] = np.arange(len(ids))
        bounds = shapely.bounds(polygons).reshape(-1, 4)
        self._origin = np.column_stack(((bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2))
        self._scale = metres_per_degree(self._origin[:, 1])
        self._planes = np.array(
            [
                shapely.transform(polygon, lambda xy, row=row: (xy - self._origin[row]) * self._scale[row])
                for row, polygon in enumerate(polygons)
            ],
            dtype=object,
        )
        shapely.prepare(self._planes)

    def __contains__(self, grid: int) -> bool:
        return bool(self.has(np.array([grid]))[0])

    def has(self, grids: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Which of these grids are known."""
        within = (grids >= 0) & (grids < len(self._row))
        return np.asarray(within & (self._row[np.where(within, grids, 0)] >= 0))

    def centre(self, grid: int) -> tuple[float, float]:
        """Longitude and latitude of the middle of a known grid's box."""
        lon, lat = self._origin[self._row[grid]].tolist()
        return lon, lat

    def measure(
        self, grids: NDArray[np.integer[Any]], lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Metres from each point to the grid beside it, 0 inside; every grid must be known."""
        rows = self._row[grids]
        flat = (np.column_stack((lon, lat)) - self._origin[rows]) * self._scale[rows]
        return np.asarray(shapely.distance(self._planes[rows], shapely.points(flat)), dtype=np.float64)


def metres_per_degree(lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns east and north: length of a degree at these latitudes on the WGS84 ellipsoid."""
    radians = np.radians(lat)
    flat = 1 - ECCENTRICITY_SQUARED * np.sin(radians) ** 2
    east = np.cos(radians) * SEMI_MAJOR_M / np.sqrt(flat)
    north = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / flat**1.5
    return np.radians(np.column_stack((east, north)))


@dataclass(frozen=True, slots=True)
class Locator:
    """The grids of one moment; replaced as a whole when the city changes."""

    unit_grids: GridIndex
    responsibility_grids: GridIndex
    distances: GridDistances


def make_locator(
    unit_grids: Sequence[tuple[int, bytes]], responsibility_grids: Sequence[tuple[int, bytes]]
) -> Locator:
    """A locator of polygons given as id and WKB (degrees)."""

    def split(rows: Sequence[tuple[int, bytes]]) -> tuple[list[int], NDArray[Any]]:
        polygons = shapely.from_wkb(np.array([wkb for _, wkb in rows], dtype=object))
        return [grid for grid, _ in rows], np.atleast_1d(polygons)

    units, duties = split(unit_grids), split(responsibility_grids)
    return Locator(GridIndex(*units), GridIndex(*duties), GridDistances(*duties))


def load_locator(connection: psycopg.Connection[Any]) -> Locator:
    """Read the grids that are valid today."""
    return make_locator(
        connection.execute(QUERIES["valid_unit_grids"], binary=True).fetchall(),
        connection.execute(QUERIES["valid_responsibility_grids"], binary=True).fetchall(),
    )
