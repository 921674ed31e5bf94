"""The addresses that the platform's own layers carry, taken into the gazetteer as sources of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

from geocoding.imports import ImportReport, import_rows
from geocoding.index.entries import SourceRow
from geocoding.store import Connection, sql
from geocoding.tables import TableSpec


@dataclass(frozen=True, slots=True)
class CityLayer:
    """A layer whose rows name an address. ``quality``: how far its points are trusted, 0 to 1."""

    source: str
    statement: LiteralString
    quality: float


LAYERS = (
    CityLayer("building", "city_buildings", 0.9),
    CityLayer("facility", "city_facilities", 0.85),
)
"""Names of facilities are read with the platform's own tables; here it is their addresses."""


def import_city(
    connection: Connection, *, progress: Callable[[str, int], None] = lambda step, count: None
) -> dict[str, ImportReport]:
    """Bring the sources ``building`` and ``facility`` up to the layers; commits. What left a layer leaves
    its source. A layer without addresses makes no source."""
    reports = {}
    last = LAYERS[-1]
    for layer in LAYERS:
        rows = [
            SourceRow(
                key=key, text=address, lon=lon, lat=lat, district=district, town=town, community=community,
                name=name, kind=kind,
            )
            for key, address, name, district, town, community, kind, lon, lat in connection.execute(
                sql(layer.statement)
            )
        ]  # fmt: skip
        spec = TableSpec(Path(layer.source), layer.source, usual_quality=layer.quality)
        known = connection.execute(sql("source_known"), {"key": layer.source}).fetchone()
        if rows or known:
            reports[layer.source] = import_rows(
                connection, rows, spec, replace=True, calibrated=layer is last, progress=progress
            )
    return reports
