"""From the coordinates of a file to lon/lat in storage, with a check that they can be what they claim."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from gis_core.coordinates import Datum, storage_from_crs, zone_number
from gis_core.errors import Text
from gis_core.importing.errors import CrsImplausible, CrsMissing, CrsUnknown
from gis_core.importing.report import Issue, issue

CHINA_LON = (73.0, 136.0)
CHINA_LAT = (3.0, 54.5)
_NORTHING_M = (3.0e5, 6.2e6)
"""Gauss-Krüger northings from the southernmost reef to the Heilongjiang."""


def crs_of(user_input: Any) -> CRS:
    """The coordinate system of an EPSG code or WKT. Raises CrsUnknown."""
    try:
        return CRS.from_user_input(user_input)
    except CRSError as error:
        raise CrsUnknown(crs=str(user_input)[:80]) from error


def crs_label(crs: CRS) -> str:
    """``EPSG:4549`` where the registry knows it, else its name."""
    code = crs.to_epsg(min_confidence=25)
    return f"EPSG:{code}" if code else crs.name


def _within(values: NDArray[np.float64], limits: tuple[float, float]) -> bool:
    return bool(values.size) and bool(np.all((values >= limits[0]) & (values <= limits[1])))


def likely_systems(bounds: NDArray[np.float64]) -> Text:
    """What coordinates with these (west, south, east, north) rows may be, for the hint in a message."""
    x, y = bounds[:, [0, 2]].ravel(), bounds[:, [1, 3]].ravel()
    if _within(x, (-180, 180)) and _within(y, (-180, 180)):
        return Text(
            "经纬度：WGS84 为 4326，CGCS2000 为 4490；来自高德、腾讯加 --datum gcj02，百度加 --datum bd09",
            "degrees: 4326 for WGS 84 or 4490 for CGCS2000; from Amap or Tencent add --datum gcj02, "
            "from Baidu --datum bd09",
        )
    for east, north in ((x, y), (y, x)):
        if not _within(north, _NORTHING_M):
            continue
        zone = int(np.median(east) // 1e6)
        if 25 <= zone <= 45:
            return Text(
                f"CGCS2000 3° 带第 {zone} 带（横坐标带带号）：{4513 + zone - 25}",
                f"CGCS2000 3° zone {zone} with zone prefix: {4513 + zone - 25}",
            )
        if 13 <= zone <= 23:
            mercator = _within(east, (8.1e6, 1.52e7))
            return Text(
                f"CGCS2000 6° 带第 {zone} 带（横坐标带带号）：{4491 + zone - 13}"
                + ("，或 Web 墨卡托：3857" if mercator else ""),
                f"CGCS2000 6° zone {zone} with zone prefix: {4491 + zone - 13}"
                + (", or Web Mercator: 3857" if mercator else ""),
            )
        if _within(east, (1e5, 9e5)):
            return Text(
                "高斯-克吕格投影（不带带号）：按中央子午线 75°E–135°E 为 4534–4554，如 120°E 为 4549",
                "Gauss-Krüger without zone prefix: 4534-4554 by central meridian, e.g. 4549 for 120 E",
            )
        if _within(east, (8.1e6, 1.52e7)):
            return Text("Web 墨卡托：3857", "Web Mercator: 3857")
    return Text("地方坐标系，请询问数据提供方", "a local grid; ask whoever made the data")


def require_crs(crs: CRS | None, bounds: NDArray[np.float64]) -> CRS:
    """``crs`` if the coordinates can be in it. Raises CrsMissing or CrsImplausible with a hint.

    ``bounds``: (west, south, east, north) of some features; judged by their middle, so that a few wild
    coordinates are left to the check of each feature.
    """
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if crs is None:
        hint = likely_systems(bounds)
        raise CrsMissing(hint=hint)
    if not len(bounds):
        return crs
    x = float(np.median(bounds[:, [0, 2]]))
    y = float(np.median(bounds[:, [1, 3]]))
    reason: Text | None = None
    prefix = zone_number(crs.to_epsg() or 0)
    high = max(abs(x), abs(y))
    if crs.is_geographic and high > 180:
        reason = Text("坐标是米而不是度", "they are metres, not degrees")
    elif crs.is_projected and high <= 180:
        reason = Text("坐标是度而不是米", "they are degrees, not metres")
    elif prefix is not None and int(high // 1e6) != prefix:
        reason = Text(f"横坐标没有带号 {prefix}", f"the eastings do not begin with the zone number {prefix}")
    elif _is_transverse_mercator(crs) and prefix is None and _false_easting_m(crs) < 1e6 and high >= 1.3e7:
        reason = Text("横坐标带有带号", "the eastings begin with a zone number")
    if reason is not None:
        hint = likely_systems(bounds)
        raise CrsImplausible(crs=crs_label(crs), reason=reason, hint=hint)
    return crs


def _is_transverse_mercator(crs: CRS) -> bool:
    operation = crs.coordinate_operation
    return operation is not None and "Transverse Mercator" in operation.method_name


def _false_easting_m(crs: CRS) -> float:
    operation = crs.coordinate_operation
    if operation is None:
        return 0.0
    return next((float(one.value) for one in operation.params if one.name == "False easting"), 0.0)


def _swapped(bounds: NDArray[np.float64], crs: CRS) -> NDArray[np.bool_]:
    """Features whose first axis can only be the northern one, for a place in China."""
    low_x, low_y, high_x, high_y = bounds.T
    if crs.is_geographic:
        # Beyond 90 the second axis is no latitude; 73-90 with a first axis of 3-54 is the Arctic Ocean.
        return np.asarray(
            (low_x >= CHINA_LAT[0])
            & (high_x <= CHINA_LAT[1])
            & (low_y >= CHINA_LON[0])
            & (high_y <= CHINA_LON[1])
        )
    if not _is_transverse_mercator(crs):
        return np.zeros(len(bounds), dtype=bool)
    middle_m = _false_easting_m(crs)
    fits = (np.abs(low_y - middle_m) < 4e5) & (np.abs(high_y - middle_m) < 4e5)
    return np.asarray(
        fits & (low_x >= 1.5e6) & (high_x <= _NORTHING_M[1]) & ~(np.abs(low_x - middle_m) < 4e5)
    )


def place(
    shapes: NDArray[Any], crs: CRS, datum: Datum, ids: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_], list[Issue]]:
    """Shapes in storage coordinates, and which lie where a city of China can be.

    Swapped axes are put right. Refused are coordinates beyond the globe and places outside China.
    Expects flat, non-empty, finite shapes; changes the given array's shapes not at all.
    """
    shapes = shapes.copy()
    issues: list[Issue] = []
    swapped = _swapped(shapely.bounds(shapes), crs) if len(shapes) else np.zeros(0, dtype=bool)
    if swapped.any():
        shapes[swapped] = shapely.transform(shapes[swapped], lambda points: points[:, ::-1])
        issues += [issue(ids[at], "axes-swapped") for at in np.flatnonzero(swapped)]

    def to_storage(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(storage_from_crs(crs, points[:, 0], points[:, 1], datum=datum))

    if datum != "wgs84" or crs.to_epsg() not in (4326, 4490):
        shapes = shapely.transform(shapes, to_storage)
    west, south, east, north = shapely.bounds(shapes).T
    on_globe = (west >= -180) & (east <= 180) & (south >= -90) & (north <= 90)
    in_china = (
        (west >= CHINA_LON[0]) & (east <= CHINA_LON[1]) & (south >= CHINA_LAT[0]) & (north <= CHINA_LAT[1])
    )
    for mask, code in ((~on_globe, "coordinate-out-of-range"), (on_globe & ~in_china, "outside-china")):
        issues += [
            issue(ids[at], code, lon=float(west[at]), lat=float(south[at])) for at in np.flatnonzero(mask)
        ]
    return shapes, on_globe & in_china, issues
