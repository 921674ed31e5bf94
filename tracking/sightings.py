"""Where the units that were in a polygon were first and last seen in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from tracking.presence import Visitor, read_polygon

QUERIES = load_queries("tracking", "sightings.sql")
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """Longitude and latitude of a visitor's first and last fix in the polygon, degrees."""

    first_at: Place | None
    last_at: Place | None


async def read_sightings(
    conn: AsyncConnection,
    visitors: Sequence[Visitor],
    polygon: dict[str, Any],
    from_time: datetime,
    to_time: datetime,
) -> list[Sighting]:
    """In the order of the visitors, who were found with the same polygon and span."""
    asked = {(one.unit_id, at) for one in visitors for at in (one.first_seen, one.last_seen)}
    shape = shapely.set_srid(read_polygon(polygon), 4326)
    told = {
        "device_ids": [unit for unit, _ in asked],
        "moments": [at for _, at in asked],
        "from_time": from_time,
        "to_time": to_time,
        "shape": shapely.to_wkb(shape, hex=True, include_srid=True),
    }
    rows = (await conn.execute(QUERIES["places_at"], told)).all()
    places: dict[tuple[int, datetime], Place] = {(row.device_id, row.at): (row.lon, row.lat) for row in rows}
    return [
        Sighting(places.get((one.unit_id, one.first_seen)), places.get((one.unit_id, one.last_seen)))
        for one in visitors
    ]
