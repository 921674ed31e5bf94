"""Order of cells inside a community, and the codes they get.

Order [DB11]: from west to east, then from north to south. Cells stand in no true rows, so rows are bands of
about one cell's height, counted from the community's north end; inside a band west comes first.
"""

from collections.abc import Sequence

import numpy as np
import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.gridding.coverage import Geometries, Indices
from gis_core.gridding.errors import CodesExhausted

_SQL = load_queries("gis_core.gridding")


def community_code_of(area_code: str, community_part: str) -> str:
    """The 12 digits a cell's code begins with; where an area is no community, ``community_part`` stands
    for one: ``310101002`` -> ``310101002000``."""
    if len(area_code) == 12:
        return area_code
    return area_code.ljust(9, "0") + community_part


def reading_order(cells: Geometries, communities: Sequence[str]) -> Indices:
    """Indices of the cells by community, then band from the north, then west to east."""
    middle = shapely.get_coordinates(shapely.centroid(cells))
    _, home = np.unique(np.asarray(communities), return_inverse=True)
    band_m = np.sqrt(np.bincount(home, weights=shapely.area(cells)) / np.bincount(home))
    north = np.full(len(band_m), -np.inf)
    np.maximum.at(north, home, middle[:, 1])
    band = np.floor((north[home] - middle[:, 1]) / band_m[home] + 0.5)
    return np.lexsort((middle[:, 0], band, home)).astype(np.int64)


def codes_from(community_code: str, digits: int, last: int, count: int) -> list[str]:
    """The ``count`` codes that end with number ``last``. Raises CodesExhausted."""
    room = digits - 12
    if last >= 10**room:
        raise CodesExhausted(community_code=community_code, wanted=last, digits=digits, most=10**room - 1)
    return [f"{community_code}{number:0{room}d}" for number in range(last - count + 1, last + 1)]


async def issue_codes(conn: AsyncConnection, community_code: str, digits: int, count: int) -> list[str]:
    """Take the next ``count`` codes of a community, for good once the transaction commits.

    Others who want codes of the same community wait until then. Raises CodesExhausted.
    """
    wanted = {"community_code": community_code, "digits": digits, "count": count}
    last = await conn.scalar(_SQL["issue_codes"], wanted)
    return codes_from(community_code, digits, int(last), count)
