"""What the database knows of the names in a file, to weigh its coordinates against."""

from typing import Any

import shapely
from psycopg import Connection

from gis_core.importing.datum_evidence import Reference, road_candidates
from gis_core.importing.features import Features
from gis_core.named_sql import read_queries

_SQL = read_queries("gis_core.importing")
_MAX_NAMES = 20_000


def reference_for(connection: Connection[Any], sample: Features, *, source: str) -> Reference:
    """Roads and areas of the names in the sample. Rows of the same source are left out: a mistake of the
    last import must not vouch for the next."""
    words: set[str] = set()
    roads: set[str] = set()
    for column in sample.fields.values():
        for value in column:
            if isinstance(value, str) and len(value) <= 100:
                words.add(value)
                roads.update(road_candidates(value))
    values = {"source": source}
    found = connection.execute(
        _SQL["roads_by_name"], {**values, "names": sorted(roads | words)[:_MAX_NAMES]}
    ).fetchall()
    areas = connection.execute(
        _SQL["areas_by_name"], {**values, "names": sorted(words)[:_MAX_NAMES]}
    ).fetchall()
    row = connection.execute(_SQL["whole_city"], values).fetchone()
    city = shapely.from_wkb(row[0]) if row is not None and row[0] is not None else None
    if city is not None:
        shapely.prepare(city)
    return Reference(
        {name: shapely.from_wkb(wkb) for name, wkb in found},
        {name: shapely.from_wkb(wkb) for name, wkb in areas},
        city,
    )
