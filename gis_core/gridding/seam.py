"""Sewing new cells to the published ones next door, so that both sides have the same vertices."""

from typing import NamedTuple

import numpy as np
import shapely

from gis_core.gridding import coverage
from gis_core.gridding.coverage import Geometries, Indices

_NEAR_M = 0.01


class Sewn(NamedTuple):
    """Both sides with common vertices; a shape moves by less than the precision of coordinates."""

    cells: Geometries
    outside: Geometries


def sew(cells: Geometries, outside: Geometries) -> Sewn:
    """Give each side the vertices that the other has on their common border (metres).

    What of the two does not touch stays as it is.
    """
    one, two = shapely.STRtree(outside).query(cells, predicate="dwithin", distance=_NEAR_M)
    if len(one) == 0:
        return Sewn(cells, outside)
    mine, theirs = np.unique(one), np.unique(two)
    shapes = np.concatenate([cells[mine], outside[theirs]])
    faces, shape = coverage.refaced(shapes)
    faces, shape = _without_threads(faces, shape)
    count = np.bincount(shape[shape >= 0], minlength=len(shapes))
    sewn = coverage.dissolve(faces[shape >= 0], shape[shape >= 0]) if (count > 0).all() else shapes
    # A shape that came apart at a point keeps its old outline.
    sewn = np.where(shapely.get_type_id(sewn) == 3, sewn, shapes)
    after, beyond = cells.copy(), outside.copy()
    after[mine], beyond[theirs] = sewn[: len(mine)], sewn[len(mine) :]
    return Sewn(after, beyond)


def _without_threads(faces: Geometries, shape: Indices) -> tuple[Geometries, Indices]:
    """Faces no wider than rounding, left between two old borders, join the neighbour they touch most."""
    thread = coverage.widths(faces) < 2 * coverage.PRECISION_M
    if not thread.any():
        return faces, shape
    pairs, length = coverage.neighbours(coverage.shared_edges(faces))
    result = shape.copy()
    for index in np.flatnonzero(thread).tolist():
        beside = np.flatnonzero((pairs == index).any(axis=1))
        other = pairs[beside].sum(axis=1) - index
        solid = ~thread[other] & (shape[other] >= 0)
        if solid.any():
            result[index] = shape[other[solid][np.argmax(length[beside][solid])]]
    return faces, result
