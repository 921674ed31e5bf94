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
Forward = Callable[[Floats, Floats], LonLat]
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
_BLOCK = 8192
"""Points worked on at a time, so that the intermediate columns stay in the processor's cache."""
_EDGE_DEG = 0.02
"""More than any shift: points farther than that from the box's edge stay on their side of it."""


def _as_floats(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def in_china_box(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether GCJ-02 shifts the point at all."""
    lon, lat = _as_floats(lon, lat)
    west, south, east, north = CHINA_BOX
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _waves(angle: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """sin of πt/12, πt/30, πt/3, πt and (sin 6πt + sin 2πt) for angle = πt/60, by multiple-angle formulas:
    one sine and one cosine instead of six sines."""
    s, c = np.sin(angle), np.cos(angle)
    s2, c2 = 2.0 * s * c, 1.0 - 2.0 * s * s
    s4, c4 = 2.0 * s2 * c2, 1.0 - 2.0 * s2 * s2
    s5, c5 = s4 * c + c4 * s, c4 * c - s4 * s
    s10, c10 = 2.0 * s5 * c5, 1.0 - 2.0 * s5 * s5
    s20, c20 = 2.0 * s10 * c10, 1.0 - 2.0 * s10 * s10
    s60 = s20 * (3.0 - 4.0 * s20 * s20)
    c60 = c20 * (4.0 * c20 * c20 - 3.0)
    s120 = 2.0 * s60 * c60
    s360 = s120 * (3.0 - 4.0 * s120 * s120)
    return s5, s2, s20, s60, s360 + s120


_PHI0 = np.radians(35.0)
_SIN_PHI0, _COS_PHI0 = float(np.sin(_PHI0)), float(np.cos(_PHI0))


def _shift_deg(lon: Floats, lat: Floats) -> LonLat:
    """GCJ-02 minus WGS 84 at a WGS 84 point inside the box, degrees."""
    x, y = lon - 105.0, lat - 35.0
    root_x = 0.1 * np.sqrt(np.abs(x))
    x12, x30, x3, x1, x62 = _waves(x * (np.pi / 60.0))
    y12, y30, y3, y1, _ = _waves(y * (np.pi / 60.0))
    waves = 20.0 * x62
    north_m = (
        -100.0 + 2.0 * x + y * (3.0 + 0.2 * y + 0.1 * x) + 2.0 * root_x
        + (waves + 20.0 * y1 + 40.0 * y3 + 160.0 * y12 + 320.0 * y30) * (2.0 / 3.0)
    )  # fmt: skip
    east_m = (
        300.0 + x * (1.0 + 0.1 * x + 0.1 * y) + 2.0 * y + root_x
        + (waves + 20.0 * x1 + 40.0 * x3 + 150.0 * x12 + 300.0 * x30) * (2.0 / 3.0)
    )  # fmt: skip
    beyond = np.radians(y)
    s, c = np.sin(beyond), np.cos(beyond)
    sin_phi = s * _COS_PHI0 + c * _SIN_PHI0
    cos_phi = c * _COS_PHI0 - s * _SIN_PHI0
    w2 = 1.0 - _ECCENTRICITY2 * sin_phi * sin_phi
    w = np.sqrt(w2)
    degree = 180.0 / (np.pi * _AXIS_M)
    return east_m * w / cos_phi * degree, north_m * (w2 * w) * (degree / (1.0 - _ECCENTRICITY2))


def _gcj02_inside(lon: Floats, lat: Floats) -> LonLat:
    d_lon, d_lat = _shift_deg(lon, lat)
    return lon + d_lon, lat + d_lat


def _bd09_inside(lon: Floats, lat: Floats) -> LonLat:
    radius = np.sqrt(lon * lon + lat * lat) + 1e-300
    turn = 3e-6 * np.cos(lon * _BAIDU)
    stretch = 1.0 + 2e-5 * np.sin(lat * _BAIDU) / radius
    # The turn is at most 3e-6: its sine is itself to 5e-18, its cosine by two terms exact.
    cos_turn = 1.0 - 0.5 * turn * turn
    return (
        stretch * (lon * cos_turn - lat * turn) + 0.0065,
        stretch * (lat * cos_turn + lon * turn) + 0.006,
    )


def _at_edge(inside: Forward) -> Forward:
    """The shift where points of the box and points outside meet."""

    def forward(lon: Floats, lat: Floats) -> LonLat:
        shifted = in_china_box(lon, lat)
        moved_lon, moved_lat = inside(lon, lat)
        return np.where(shifted, moved_lon, lon), np.where(shifted, moved_lat, lat)

    return forward


def _inverse(forward: Forward) -> Forward:
    """The point that ``forward`` sends to (lon, lat): p ← p - (f(p) - target) until below 1e-10°.

    The shift changes by at most a hundredth of the way, so each step gains two digits and more: three or
    four steps from the usual start. Where the edge of the box lies between a point and its image there is
    no such point; the target itself is the answer then.
    """

    def backward(lon: Floats, lat: Floats) -> LonLat:
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

    return backward


def _in_blocks(inside: Forward, at_edge: Forward, lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """A shift over whole arrays of any shape, block by block: blocks that lie well inside the box are
    spared its test, those outside the work."""
    lon, lat = np.broadcast_arrays(*_as_floats(lon, lat))
    flat_lon, flat_lat = lon.ravel(), lat.ravel()
    out_lon, out_lat = np.empty(flat_lon.size), np.empty(flat_lon.size)
    west, south, east, north = CHINA_BOX
    for start in range(0, flat_lon.size, _BLOCK):
        here = slice(start, start + _BLOCK)
        x, y = flat_lon[here], flat_lat[here]
        low_x, high_x, low_y, high_y = x.min(), x.max(), y.min(), y.max()
        if (
            low_x > west + _EDGE_DEG and high_x < east - _EDGE_DEG
            and low_y > south + _EDGE_DEG and high_y < north - _EDGE_DEG
        ):  # fmt: skip
            out_lon[here], out_lat[here] = inside(x, y)
        elif high_x < west - _EDGE_DEG or low_x > east + _EDGE_DEG:
            out_lon[here], out_lat[here] = x, y
        else:
            out_lon[here], out_lat[here] = at_edge(x, y)
    return out_lon.reshape(lon.shape), out_lat.reshape(lon.shape)


def gcj02_from_wgs84(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """GCJ-02 of WGS 84 points, degrees; the same point outside ``CHINA_BOX``."""
    return _in_blocks(_gcj02_inside, _at_edge(_gcj02_inside), lon, lat)


def bd09_from_gcj02(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """BD-09 of GCJ-02 points, degrees; the same point outside ``CHINA_BOX``."""
    return _in_blocks(_bd09_inside, _at_edge(_bd09_inside), lon, lat)


def wgs84_from_gcj02(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """WGS 84 of GCJ-02 points, degrees, by iteration (at most 5 steps in China)."""
    return _in_blocks(_inverse(_gcj02_inside), _inverse(_at_edge(_gcj02_inside)), lon, lat)


def gcj02_from_bd09(lon: ArrayLike, lat: ArrayLike) -> LonLat:
    """GCJ-02 of BD-09 points, degrees, by iteration."""
    return _in_blocks(_inverse(_bd09_inside), _inverse(_at_edge(_bd09_inside)), lon, lat)


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
