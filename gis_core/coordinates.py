"""Coordinate systems and datums met in Chinese city data, over whole arrays.

Storage is geographic, lon/lat degrees, EPSG:4326. CGCS2000 (EPSG:4490) differs from WGS 84 by less than
a decimetre and shares the storage. GCJ-02 (火星坐标) and BD-09 (百度坐标) are shifted by 40 to 700 m and
are turned back by iteration, to far less than a millimetre, before anything is stored.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer

Floats = NDArray[np.float64]
LonLat = tuple[Floats, Floats]
Datum = Literal["wgs84", "gcj02", "bd09"]

STORAGE_SRID = 4326

CHINA_BOX = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north. Outside, GCJ-02 equals WGS 84. The box is the crude one that map
providers use: it holds neighbouring countries too."""

_AXIS_M = 6378245.0
_ECCENTRICITY2 = 0.00669342162296594323
_BAIDU = np.pi * 3000.0 / 180.0
_STEPS = 10
_STEP_DEG = 1e-10


def _as_floats(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def in_china_box(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether GCJ-02 shifts the point at all."""
    lon, lat = _as_floats(lon, lat)
    west, south, east, north = CHINA_BOX
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _shift_deg(lon: Floats, lat: Floats) -> LonLat:
    """GCJ-02 minus WGS 84 at a WGS 84 point inside the box, degrees."""
    x, y = lon - 105.0, lat - 35.0
    root_x = 0.1 * np.sqrt(np.abs(x))
    # sin(6πx) and sin(2πx) enter both shifts.
    waves = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * (2.0 / 3.0)
    north_m = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 2.0 * root_x + waves
        + (20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi / 3.0 * y)) * (2.0 / 3.0)
        + (160.0 * np.sin(np.pi / 12.0 * y) + 320.0 * np.sin(np.pi / 30.0 * y)) * (2.0 / 3.0)
    )  # fmt: skip
    east_m = (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + root_x + waves
        + (20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi / 3.0 * x)) * (2.0 / 3.0)
        + (150.0 * np.sin(np.pi / 12.0 * x) + 300.0 * np.sin(np.pi / 30.0 * x)) * (2.0 / 3.0)
    )  # fmt: skip
    phi = np.radians(lat)
    w2 = 1.0 - _ECCENTRICITY2 * np.sin(phi) ** 2
    w = np.sqrt(w2)
    meridian_m = _AXIS_M * (1.0 - _ECCENTRICITY2) / (w2 * w)
    parallel_m = _AXIS_M / w * np.cos(phi)
    return np.degrees(east_m / parallel_m), np.degrees(north_m / meridian_m)


def gcj02_from_wgs84(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """GCJ-02 of WGS 84 points, degrees; the same point outside ``CHINA_BOX``."""
    lon, lat = _as_floats(lon, lat)
    inside = in_china_box(lon, lat)
    d_lon, d_lat = _shift_deg(lon, lat)
    return np.where(inside, lon + d_lon, lon), np.where(inside, lat + d_lat, lat)


def bd09_from_gcj02(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """BD-09 of GCJ-02 points, degrees; the same point outside ``CHINA_BOX``."""
    lon, lat = _as_floats(lon, lat)
    inside = in_china_box(lon, lat)
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BAIDU)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BAIDU)
    return (
        np.where(inside, radius * np.cos(angle) + 0.0065, lon),
        np.where(inside, radius * np.sin(angle) + 0.006, lat),
    )


def _inverse(forward: Callable[[Floats, Floats], LonLat], lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """The point that ``forward`` sends to (lon, lat): p ← p - (f(p) - target) until below 1e-10°.

    Where the edge of the box lies between a point and its image there is no such point; the target
    itself is the answer then.
    """
    lon, lat = _as_floats(lon, lat)
    guess_lon, guess_lat = lon, lat
    for _ in range(_STEPS):
        image_lon, image_lat = forward(guess_lon, guess_lat)
        step_lon, step_lat = image_lon - lon, image_lat - lat
        guess_lon, guess_lat = guess_lon - step_lon, guess_lat - step_lat
        largest = np.maximum(np.abs(step_lon), np.abs(step_lat))
        if not np.any(largest > _STEP_DEG):
            return guess_lon, guess_lat
    converged = largest <= _STEP_DEG
    return np.where(converged, guess_lon, lon), np.where(converged, guess_lat, lat)


def wgs84_from_gcj02(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """WGS 84 of GCJ-02 points, degrees, by iteration (at most 5 steps in China)."""
    return _inverse(gcj02_from_wgs84, lon, lat)


def gcj02_from_bd09(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """GCJ-02 of BD-09 points, degrees, by iteration."""
    return _inverse(bd09_from_gcj02, lon, lat)


def bd09_from_wgs84(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """BD-09 of WGS 84 points, degrees."""
    return bd09_from_gcj02(*gcj02_from_wgs84(lon, lat))


def wgs84_from_bd09(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """WGS 84 of BD-09 points, degrees."""
    return wgs84_from_gcj02(*gcj02_from_bd09(lon, lat))


TO_WGS84: dict[Datum, Callable[[ArrayLike, ArrayLike], LonLat]] = {
    "wgs84": _as_floats,
    "gcj02": wgs84_from_gcj02,
    "bd09": wgs84_from_bd09,
}
"""What undoes a datum's shift."""


def cgcs2000_zone_srid(lon: float, *, prefixed: bool = False) -> int:
    """EPSG code of the CGCS2000 3° Gauss-Krüger zone that holds a longitude (degrees, 73.5-136.5 E).

    ``prefixed``: the variant whose eastings begin with the zone number (4513-4533) instead of the one
    named by its central meridian (4534-4554). Raises ValueError outside the zones. Source: EPSG registry.
    """
    zone = int(np.floor(lon / 3.0 + 0.5))
    if not 25 <= zone <= 45:
        raise ValueError(f"longitude {lon} lies in no CGCS2000 3° zone (73.5 to 136.5 E)")
    return (4513 if prefixed else 4534) + zone - 25


def zone_number(srid: int) -> int | None:
    """The zone prefix in the eastings of a CGCS2000 zone with prefix (EPSG:4491-4501 6°, 4513-4533 3°);
    None for every other system."""
    if 4513 <= srid <= 4533:
        return srid - 4513 + 25
    if 4491 <= srid <= 4501:
        return srid - 4491 + 13
    return None


@lru_cache(maxsize=64)
def _transformer(crs_wkt: str) -> Transformer:
    return Transformer.from_crs(CRS.from_wkt(crs_wkt), CRS.from_epsg(STORAGE_SRID), always_xy=True)


def storage_from_crs(crs: Any, x: ArrayLike, y: ArrayLike, *, datum: Datum = "wgs84") -> LonLat:
    """Lon/lat in storage of points in any ``crs`` (EPSG code, WKT or pyproj CRS), x east, y north.

    ``datum`` is the shift hidden in the coordinates; it is undone after the projection is. Points the
    projection cannot invert become infinite.
    """
    crs = CRS.from_user_input(crs)
    x, y = _as_floats(x, y)
    if not (crs.is_geographic and crs.to_epsg() in (4326, 4490)):
        x, y = _transformer(crs.to_wkt()).transform(x, y)
    return TO_WGS84[datum](x, y)
