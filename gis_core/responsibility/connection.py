"""Whether unit grids hang together."""

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gis_core.gridding.coverage import Geometries

_TOUCH_M = 0.05
_COMMON_M = 1.0


def part_of_each(shapes: Geometries) -> npt.NDArray[np.int32]:
    """For each of the shapes (metres) the number of the part it belongs to, from 0; a common border of
    1 m or more joins two.

    Borders may be 5 cm apart, as those of imported grids are.
    """
    one, two = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=_TOUCH_M)
    one, two = one[one < two], two[one < two]
    near = shapely.intersection(shapely.buffer(shapes[one], _TOUCH_M), shapely.boundary(shapes[two]))
    joined = shapely.length(near) >= _COMMON_M
    graph = coo_array((np.ones(joined.sum()), (one[joined], two[joined])), shape=(len(shapes), len(shapes)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32)


def parts(shapes: Geometries) -> int:
    """Into how many parts the shapes (metres) fall."""
    return int(part_of_each(shapes).max()) + 1 if len(shapes) else 0
