"""The web mercator tile matrix (OGC WebMercatorQuad): which degrees a tile covers."""

import math
from typing import NamedTuple

EXTENT = 4096
"""Units along a tile's edge in its own coordinates."""
MARGIN = 64
"""Units drawn beyond each edge, so that lines and symbols do not break there."""
MAX_ZOOM = 22


class Tile(NamedTuple):
    z: int
    x: int
    y: int

    @property
    def exists(self) -> bool:
        return 0 <= self.z <= MAX_ZOOM and 0 <= self.x < 1 << self.z and 0 <= self.y < 1 << self.z

    def search_box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees of the tile and its margin.

        Latitudes end at the matrix's own limit of 85.0511 degrees; longitudes may pass 180 by the
        margin, where nothing is stored.
        """
        side = 1 << self.z
        margin = MARGIN / EXTENT
        return (
            (self.x - margin) / side * 360.0 - 180.0,
            _latitude((self.y + 1 + margin) / side),
            (self.x + 1 + margin) / side * 360.0 - 180.0,
            _latitude((self.y - margin) / side),
        )

    @property
    def unit_degrees(self) -> float:
        """Degrees of longitude that one tile unit covers."""
        return 360.0 / (1 << self.z) / EXTENT

    @property
    def unit_metres(self) -> float:
        """Metres of EPSG:3857 (not of ground) that one tile unit covers."""
        return 2 * math.pi * 6378137.0 / (1 << self.z) / EXTENT


def _latitude(fraction: float) -> float:
    """Latitude at ``fraction`` of the matrix's height, from its north edge."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * min(1.0, max(0.0, fraction))))))
