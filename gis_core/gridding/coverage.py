"""A coverage: polygons that share every vertex of their common borders, on a fixed precision grid.

All lines are noded once on a 1 mm grid, and everything with an area is made of the resulting faces.
Neighbours therefore share their vertices exactly: no gap and no overlap can arise.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

Geometries = NDArray[Any]
Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

PRECISION_M = 0.001


class SharedEdges(NamedTuple):
    """Segments that two faces have in common; ``pair`` is (n, 2), smaller face index first."""

    pair: Indices
    length_m: Floats
    middle: Floats
    """(n, 2) x, y."""


def node(lines: Sequence[Any] | Geometries) -> Geometries:
    """The lines cut at all their crossings, on the precision grid, each piece once."""
    united = shapely.union_all(np.asarray(lines, dtype=object), grid_size=PRECISION_M)
    pieces: Geometries = shapely.get_parts(united)
    return pieces


def _rounded(coords: Floats) -> Floats:
    """On the precision grid, in the arithmetic of GEOS: multiplied, rounded, divided."""
    scale = 1 / PRECISION_M
    result: Floats = np.round(coords * scale) / scale
    return result


def on_grid(shapes: Geometries) -> Geometries:
    """The shapes with every vertex on the precision grid: what was stored in lon/lat comes back to within
    a nanometre of it, and equal vertices must be equal to the last bit."""
    rounded: Geometries = shapely.transform(shapes, _rounded)
    return rounded


def faces(edges: Geometries) -> Geometries:
    """The areas enclosed by noded edges."""
    enclosed: Geometries = shapely.get_parts(shapely.polygonize(edges))
    return enclosed


def refaced(shapes: Geometries, lines: Geometries | None = None) -> tuple[Geometries, Indices]:
    """Faces of the borders of ``shapes`` (and further lines) noded together, with the shape each lies in.

    Faces outside every shape have -1; where shapes overlap, the first counts.
    """
    borders = shapely.boundary(shapes)
    found = faces(node(borders if lines is None else np.concatenate([borders, lines])))
    return found, holder(found, shapes)


def holder(inner: Geometries, shapes: Geometries) -> Indices:
    """Index of the first shape that holds a point inside each of ``inner``; -1 for none."""
    result = np.full(len(inner), -1, dtype=np.int64)
    which, shape = shapely.STRtree(shapes).query(shapely.point_on_surface(inner), predicate="within")
    order = np.lexsort((shape, which))[::-1]
    result[which[order]] = shape[order]
    return result


def _segments(shapes: Geometries) -> tuple[Floats, Indices]:
    """All border segments (n, 4), smaller end first, on the precision grid, and the shape of each."""
    rings, owner = shapely.get_rings(shapes, return_index=True)
    coords, ring = shapely.get_coordinates(rings, return_index=True)
    coords = _rounded(coords)
    inside = ring[:-1] == ring[1:]
    start, end = coords[:-1][inside], coords[1:][inside]
    swap = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    segments = np.where(swap[:, None], np.hstack([end, start]), np.hstack([start, end]))
    return segments, owner[ring[:-1][inside]].astype(np.int64)


def shared_edges(shapes: Geometries) -> SharedEdges:
    """The common borders of a coverage, segment by segment."""
    segments, owner = _segments(shapes)
    order = np.lexsort((owner, *segments.T))
    segments, owner = segments[order], owner[order]
    twin = (segments[:-1] == segments[1:]).all(axis=1) & (owner[:-1] != owner[1:])
    one = np.flatnonzero(twin)
    pair = np.sort(np.column_stack([owner[one], owner[one + 1]]), axis=1)
    start, end = segments[one, :2], segments[one, 2:]
    return SharedEdges(pair, np.hypot(*(end - start).T), (start + end) / 2)


def neighbours(edges: SharedEdges, weight: Floats | None = None) -> tuple[Indices, Floats]:
    """Each pair of neighbours once, with the summed (weighted) length of their common border."""
    if len(edges.pair) == 0:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    pairs, inverse = np.unique(edges.pair, axis=0, return_inverse=True)
    length = edges.length_m if weight is None else edges.length_m * weight
    summed = np.bincount(inverse.ravel(), weights=length, minlength=len(pairs))
    return pairs, summed.astype(np.float64)


def dissolve(shapes: Geometries, group: Indices) -> Geometries:
    """The union of the shapes of each group (numbered from 0); shared vertices stay where they are."""
    order = np.argsort(group, kind="stable")
    count = np.bincount(group)
    starts = np.concatenate([[0], np.cumsum(count)[:-1]])
    result: Geometries = shapes[order][starts].copy()
    for index in np.flatnonzero(count > 1).tolist():
        members = order[starts[index] : starts[index] + count[index]]
        result[index] = _one_part(shapely.coverage_union_all(shapes[members]))
    return result


def _one_part(union: Any) -> Any:
    parts = shapely.get_parts(union)
    return parts[0] if len(parts) == 1 else union


def renumbered(group: Indices) -> Indices:
    """The same grouping with numbers from 0 without gap."""
    return np.unique(group, return_inverse=True)[1].ravel().astype(np.int64)


def widths(shapes: Geometries) -> Floats:
    """About the narrow side of each area in metres: that of the rectangle of like area and outline."""
    half = shapely.length(shapes) / 2
    root = np.sqrt(np.maximum(half * half - 4 * shapely.area(shapes), 0.0))
    result: Floats = (half - root) / 2
    return result


def compactness(area: Floats, perimeter: Floats) -> Floats:
    """Polsby-Popper: 1 for a circle, 0.785 for a square, near 0 for a ribbon."""
    result: Floats = 4 * np.pi * area / np.maximum(perimeter, 1e-9) ** 2
    return result
