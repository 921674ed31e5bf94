"""The zones, grids and routes a rule is about, and how far a fix is from them."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_core.errors import BadInput
from tracking.locator import metres_per_degree
from tracking.polygon_raster import PolygonRaster
from tracking.rules.roads import RoadLimits

_AREAS = (shapely.GeometryType.POLYGON.value, shapely.GeometryType.MULTIPOLYGON.value)


@dataclass(frozen=True, eq=False)
class Places:
    """Shapes in degrees with their properties. A property ``device`` (a key, or a list of keys) or
    ``devices`` makes a shape count for those devices only."""

    shapes: NDArray[Any]
    properties: list[dict[str, Any]]
    roads: RoadLimits | None = None
    """Roads with speed limits of their own."""

    def meant_for(self, device: str) -> "Places":
        """Those that count for a device."""
        chosen = [index for index, told in enumerate(self.properties) if _meant(told, device)]
        if len(chosen) == len(self.properties):
            return self
        return Places(self.shapes[chosen], [self.properties[index] for index in chosen], self.roads)

    @cached_property
    def _whole(self) -> Any:
        whole = shapely.union_all(self.shapes)
        shapely.prepare(whole)
        return whole

    @cached_property
    def _raster(self) -> PolygonRaster | None:
        """Of the shapes, if all of them are areas."""
        if not bool(np.isin(shapely.get_type_id(self.shapes), _AREAS).all()):
            return None
        return PolygonRaster(self.shapes)

    def _within(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """In one of the shapes, or on its border."""
        if self._raster is not None:
            return self._raster.lowest(lon, lat) >= 0
        return np.asarray(shapely.intersects_xy(self._whole, lon, lat))

    @cached_property
    def _limits(self) -> NDArray[np.float64]:
        """Of each shape; infinite where it has none."""
        told = (properties.get("limit_kmh") for properties in self.properties)
        return np.array([float(limit) if isinstance(limit, int | float) else np.inf for limit in told])

    @cached_property
    def _plane(self) -> "_Plane":
        return _Plane(self._whole)

    def distance_m(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """From the nearest of the shapes, 0 inside and where there is no shape."""
        away = np.zeros(len(lon))
        if not len(self.shapes):
            return away
        out = ~self._within(lon, lat)
        if out.any():
            away[out] = shapely.distance(self._plane.shape, self._plane.points(lon[out], lat[out]))
        return away

    def depth_m(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """How deep inside the shapes: the distance from their border, 0 outside."""
        deep = np.zeros(len(lon))
        if not len(self.shapes):
            return deep
        inside = self._within(lon, lat)
        if inside.any():
            points = self._plane.points(lon[inside], lat[inside])
            deep[inside] = shapely.distance(self._plane.border, points)
        return deep

    def limits_kmh(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64], otherwise: float
    ) -> NDArray[np.float64]:
        """The lowest ``limit_kmh`` of the shapes around each point."""
        lowest = np.full(len(lon), np.inf)
        limited = np.isfinite(self._limits)
        if limited.any():
            if self._raster is not None:
                point, shape = self._raster.pairs(lon, lat)
            else:
                shape, point = shapely.STRtree(shapely.points(lon, lat)).query(self.shapes, "intersects")
            np.minimum.at(lowest, point, self._limits[shape])
        return np.where(np.isfinite(lowest), lowest, otherwise)


NO_PLACES = Places(np.zeros(0, dtype=object), [])


class _Plane:
    """A shape in metres about the centre of its bounds; right to 0.1 % within 20 km."""

    def __init__(self, shape: Any) -> None:
        west, south, east, north = shapely.bounds(shape)
        self._origin = np.array([(west + east) / 2, (south + north) / 2])
        self._scale = metres_per_degree(self._origin[1:])[0]
        self.shape = shapely.transform(shape, lambda xy: (xy - self._origin) * self._scale)
        self.border = shapely.boundary(self.shape)
        shapely.prepare(self.shape)
        shapely.prepare(self.border)

    def points(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Any:
        return shapely.points((np.column_stack((lon, lat)) - self._origin) * self._scale)


def _meant(told: dict[str, Any], device: str) -> bool:
    whose = told.get("devices", told.get("device"))
    if whose is None:
        return True
    return device in whose if isinstance(whose, list) else str(whose) == device


def read_places(path: Path) -> Places:
    """Of a GeoJSON file (degrees, lon before lat). Raises BadInput."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        features = read["features"] if read.get("type") == "FeatureCollection" else [read]
        features = [one if "geometry" in one else {"geometry": one} for one in features]
        shapes = [shapely.geometry.shape(one["geometry"]) for one in features]
    except (ValueError, KeyError, TypeError, AttributeError, OSError, shapely.errors.ShapelyError) as error:
        raise BadInput(field=path.name, reason_zh=f"GeoJSON 无法读取：{error}", reason=str(error)) from error
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    properties = [dict(one.get("properties") or {}) for one in features]
    return Places(shapely.make_valid(array), properties, _roads_of(array, properties))


def _roads_of(shapes: NDArray[Any], properties: list[dict[str, Any]]) -> RoadLimits | None:
    """Lines with a ``limit_kmh``."""
    lines = [
        index
        for index, told in enumerate(properties)
        if isinstance(told.get("limit_kmh"), int | float) and shapely.get_dimensions(shapes[index]) == 1
    ]
    if not lines:
        return None
    return RoadLimits(shapes[lines], np.array([float(properties[index]["limit_kmh"]) for index in lines]))
