"""The zones, grids and routes a rule is about, and how far a fix is from them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_core.errors import BadInput

METRES_PER_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Shapes in degrees with their properties. A property ``device`` (a key, or a list of keys) or
    ``devices`` makes a shape count for those devices only."""

    shapes: NDArray[Any]
    properties: list[dict[str, Any]]

    def of(self, device: str) -> NDArray[Any]:
        """The shapes that count for a device."""
        chosen = [index for index, told in enumerate(self.properties) if _meant(told, device)]
        return self.shapes[chosen]

    def distance_m(
        self, device: str, lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """From the nearest of the shapes, 0 inside and where there is no shape."""
        shapes = self.of(device)
        away = np.zeros(len(lon))
        if not len(shapes):
            return away
        whole = shapely.union_all(shapes)
        shapely.prepare(whole)
        out = ~shapely.intersects_xy(whole, lon, lat)
        if out.any():
            plane, x, y = _plane(whole, lon[out], lat[out])
            away[out] = shapely.distance(plane, shapely.points(x, y))
        return away

    def depth_m(self, device: str, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """How deep inside the shapes: the distance from their border, 0 outside."""
        shapes = self.of(device)
        deep = np.zeros(len(lon))
        if not len(shapes):
            return deep
        whole = shapely.union_all(shapes)
        shapely.prepare(whole)
        inside = shapely.intersects_xy(whole, lon, lat)
        if inside.any():
            plane, x, y = _plane(whole, lon[inside], lat[inside])
            deep[inside] = shapely.distance(shapely.boundary(plane), shapely.points(x, y))
        return deep

    def limits_kmh(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64], otherwise: float
    ) -> NDArray[np.float64]:
        """The lowest ``limit_kmh`` of the shapes around each point."""
        limits = np.full(len(lon), otherwise)
        lowest = np.full(len(lon), np.inf)
        for shape, told in zip(self.shapes, self.properties, strict=True):
            if isinstance(told.get("limit_kmh"), int | float):
                shapely.prepare(shape)
                inside = shapely.intersects_xy(shape, lon, lat)
                lowest[inside] = np.minimum(lowest[inside], float(told["limit_kmh"]))
        return np.where(np.isfinite(lowest), lowest, limits)


def _meant(told: dict[str, Any], device: str) -> bool:
    whose = told.get("devices", told.get("device"))
    if whose is None:
        return True
    return device in whose if isinstance(whose, list) else str(whose) == device


def _plane(
    shape: Any, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
    """Shape and points in metres about the centre of the shape; right to 1 % within 50 km."""
    west, south, east, north = shapely.bounds(shape)
    origin = np.array([(west + east) / 2, (south + north) / 2])
    scale = METRES_PER_DEGREE * np.array([np.cos(np.radians(origin[1])), 1.0])
    plane = shapely.transform(shape, lambda xy: (xy - origin) * scale)
    return plane, (lon - origin[0]) * scale[0], (lat - origin[1]) * scale[1]


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
    return Places(shapely.make_valid(array), [dict(one.get("properties") or {}) for one in features])
