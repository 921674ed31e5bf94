"""Points from any coordinate system or datum to any other."""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gis_core.coordinates import (
    STORAGE_SRID,
    TO_WGS84,
    Datum,
    LonLat,
    bd09_from_wgs84,
    gcj02_from_wgs84,
    storage_from_crs,
)
from gis_core.errors import DomainError, Text


class UnknownSystem(DomainError):
    status, slug = 422, "unknown-system"
    title = Text("不认识的坐标系", "Unknown coordinate system")
    detail = Text(
        "不认识坐标系“{system}”，可用：wgs84、gcj02、bd09、cgcs2000 或 epsg:代码（如 epsg:4549）。",
        "There is no coordinate system '{system}'; take wgs84, gcj02, bd09, cgcs2000 or epsg:CODE, "
        "e.g. epsg:4549.",
    )


@dataclass(frozen=True, slots=True)
class System:
    """A coordinate system as people name it; ``srid`` is 4326 for the datums."""

    name: str
    srid: int = STORAGE_SRID
    datum: Datum = "wgs84"

    @property
    def plain(self) -> bool:
        """Whether it is lon/lat degrees as stored."""
        return self.srid in (4326, 4490)


@lru_cache(maxsize=64)
def system_of(name: str) -> System:
    """``wgs84``, ``gcj02``, ``bd09``, ``cgcs2000`` or ``epsg:4549`` (case does not matter).

    Raises UnknownSystem. Coordinates go x (east, lon) first in every system.
    """
    plain = name.strip().lower()
    if plain in ("gcj02", "gcj-02"):
        return System("gcj02", datum="gcj02")
    if plain in ("bd09", "bd-09"):
        return System("bd09", datum="bd09")
    if plain in ("wgs84", "cgcs2000"):
        return System(plain)
    match = re.fullmatch(r"(?:epsg:)?(\d{4,6})", plain)
    if match is None:
        raise UnknownSystem(system=name)
    srid = int(match[1])
    try:
        crs = CRS.from_epsg(srid)
    except CRSError as error:
        raise UnknownSystem(system=name) from error
    if not (crs.is_geographic or crs.is_projected):
        raise UnknownSystem(system=name)
    return System(f"epsg:{srid}", srid=srid)


@lru_cache(maxsize=32)
def _from_storage(srid: int) -> Transformer:
    return Transformer.from_crs(STORAGE_SRID, srid, always_xy=True)


def transform_points(x: ArrayLike, y: ArrayLike, source: System, target: System) -> LonLat:
    """The same places in another system. What a projection cannot hold becomes infinite, NaN stays NaN."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if source == target:
        return x, y
    lon, lat = TO_WGS84[source.datum](x, y) if source.plain else storage_from_crs(source.srid, x, y)
    if target.datum == "gcj02":
        return gcj02_from_wgs84(lon, lat)
    if target.datum == "bd09":
        return bd09_from_wgs84(lon, lat)
    if target.plain:
        return lon, lat
    found = _from_storage(target.srid).transform(lon, lat)
    return np.asarray(found[0]), np.asarray(found[1])
