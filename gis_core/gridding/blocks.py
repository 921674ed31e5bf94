"""Blocks: what streets and water enclose, with borders along the middle of the street.

Roads come as one line a carriageway, several lines a junction, sometimes twice from two sources. Cutting
along each would leave slivers between them. So the open ground between the blocks is taken as a whole:
blocks are what is left beyond a distance from every road, and the ground between them goes to the nearest
block (the Voronoi diagram of their outlines). Borders then run along the medial line of the street; for a
single road this is the road's own line.
"""

import numpy as np
import shapely
from scipy.spatial import Voronoi

from gis_core.gridding.coverage import Geometries, Indices, faces, holder, node

STREET_HALF_M = 9.0
"""A block begins this far from a road's line."""
NARROWEST_M = 16.0
"""Strips between two roads narrower than this, beyond ``STREET_HALF_M`` on both sides, are street."""
_SEED_M2 = 400.0
_SPACING_M = 3.0
_SMOOTH_M = 1.2


def street_space(roads: Geometries, half_m: float = STREET_HALF_M) -> shapely.Geometry:
    return shapely.union_all(shapely.buffer(roads, half_m, quad_segs=4))


def block_faces(
    zones: Geometries,
    street: shapely.Geometry,
    narrowest_m: float = NARROWEST_M,
    seed_m2: float = _SEED_M2,
) -> tuple[Geometries, Indices]:
    """Divide every zone into its blocks: faces of one coverage, and the zone of each."""
    open_ground = shapely.buffer(shapely.difference(zones, street), -narrowest_m / 2, join_style="mitre")
    seeds, zone = shapely.get_parts(open_ground, return_index=True)
    large = shapely.area(seeds) >= seed_m2
    seeds, zone = seeds[large], zone[large]
    lines = [shapely.boundary(zones)]
    order = np.argsort(zone, kind="stable")
    starts = np.searchsorted(zone[order], np.arange(len(zones) + 1))
    for index in np.flatnonzero(np.diff(starts) > 1).tolist():
        own = seeds[order[starts[index] : starts[index + 1]]]
        lines.append(_borders_between(own, zones[index]))
    found = faces(node(np.concatenate(lines)))
    inside = holder(found, zones)
    return found[inside >= 0], inside[inside >= 0]


def _borders_between(seeds: Geometries, zone: shapely.Geometry) -> Geometries:
    """Lines inside the zone that are equally far from two seeds."""
    coords, seed = shapely.get_coordinates(
        shapely.segmentize(shapely.boundary(seeds), _SPACING_M), return_index=True
    )
    origin = coords.mean(axis=0)
    west, south, east, north = shapely.bounds(zone)
    reach = 3 * max(east - west, north - south)
    far = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * reach
    # Far points close the outer cells; touching seeds would give the same point twice, which is harmless.
    diagram = Voronoi(np.vstack([coords - origin, far]))
    label = np.concatenate([seed, np.full(4, -1)])
    sides = label[diagram.ridge_points]
    corners = np.asarray(diagram.ridge_vertices)
    wanted = (sides[:, 0] != sides[:, 1]) & (sides >= 0).all(axis=1) & (corners >= 0).all(axis=1)
    ridges = shapely.linestrings(diagram.vertices[corners[wanted]] + origin)
    merged = shapely.line_merge(shapely.multilinestrings(ridges))
    smooth = shapely.simplify(shapely.get_parts(merged), _SMOOTH_M)
    clipped = shapely.get_parts(shapely.intersection(smooth, zone))
    borders: Geometries = clipped[shapely.length(clipped) > 0]
    return borders
