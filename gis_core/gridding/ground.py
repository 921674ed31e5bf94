"""What a division is made from, in the local metric system of the area."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely
from pyproj import Transformer

from gis_core.coordinates import STORAGE_SRID, cgcs2000_zone_srid
from gis_core.gridding.coverage import Geometries, Indices

_LONGEST_SEGMENT_DEG = 0.0005
"""Borders are given a vertex each 50 m before they are projected: a straight line in lon/lat and one in
metres then differ by less than 0.05 mm."""

ROAD_RANKS: Mapping[str, int] = {
    "motorway": 1, "trunk": 1, "primary": 1, "secondary": 2, "tertiary": 3, "residential": 4,
    "unclassified": 4, "service": 5, "footway": 6,
}  # fmt: skip
"""Wide to narrow; 1 and 2 are main roads, 5 and 6 only lead through a block."""
MAIN_RANK, STREET_RANK = 2, 4


class Projection(NamedTuple):
    """Between storage (lon/lat) and the CGCS2000 3° zone of the area."""

    srid: int
    forward: Transformer
    backward: Transformer

    @classmethod
    def at(cls, lon: float) -> "Projection":
        return cls.of(cgcs2000_zone_srid(lon))

    @classmethod
    def of(cls, srid: int) -> "Projection":
        return cls(
            srid,
            Transformer.from_crs(STORAGE_SRID, srid, always_xy=True),
            Transformer.from_crs(srid, STORAGE_SRID, always_xy=True),
        )

    def to_metres(self, shapes: Geometries) -> Geometries:
        return _transformed(shapes, self.forward)

    def to_lonlat(self, shapes: Geometries) -> Geometries:
        return _transformed(shapes, self.backward)


def _transformed(shapes: Geometries, transformer: Transformer) -> Geometries:
    moved: Geometries = shapely.transform(shapes, lambda xy: np.column_stack(transformer.transform(*xy.T)))
    return moved


class Ground(NamedTuple):
    """All in metres. ``homes``: the communities (or, without them, streets) a cell must not leave."""

    homes: Geometries
    home_codes: Sequence[str]
    roads: Geometries
    road_rank: Indices
    water: Geometries
    buildings: Geometries
    projection: Projection


def ground_from_rows(
    areas: Sequence[tuple[str, bytes]],
    roads: Sequence[tuple[str, bytes]],
    water: Sequence[bytes],
    buildings: Sequence[bytes],
    lon: float | None = None,
) -> Ground:
    """From WKB in lon/lat; ``areas`` are (code, shape), ``roads`` (road class, shape).

    ``lon`` chooses the zone; by default the middle of the areas does.
    """
    # A border that crosses itself encloses what each of its loops does.
    shapes = shapely.from_wkb([shape for _, shape in areas])
    shapes = shapely.make_valid(shapes, method="structure", keep_collapsed=False)
    west, _, east, _ = shapely.total_bounds(shapes)
    projection = Projection.at((west + east) / 2 if lon is None else lon)
    lines, rank = _lines(roads)
    return Ground(
        homes=projection.to_metres(shapely.segmentize(shapes, _LONGEST_SEGMENT_DEG)),
        home_codes=[code for code, _ in areas],
        roads=projection.to_metres(lines),
        road_rank=rank,
        water=_polygons(projection, water),
        buildings=_polygons(projection, buildings),
        projection=projection,
    )


def _lines(roads: Sequence[tuple[str, bytes]]) -> tuple[Geometries, Indices]:
    if not roads:
        return np.empty(0, dtype=object), np.zeros(0, dtype=np.int64)
    lines, index = shapely.get_parts(shapely.from_wkb([shape for _, shape in roads]), return_index=True)
    rank = np.array([ROAD_RANKS.get(name, 6) for name, _ in roads], dtype=np.int64)
    return lines, rank[index]


def _polygons(projection: Projection, shapes: Sequence[bytes]) -> Geometries:
    if not shapes:
        return np.empty(0, dtype=object)
    found: Any = shapely.get_parts(projection.to_metres(shapely.from_wkb(list(shapes))))
    valid = shapely.make_valid(found, method="structure", keep_collapsed=False)
    parts: Geometries = shapely.get_parts(valid)
    whole: Geometries = parts[shapely.area(parts) > 0]
    return whole
