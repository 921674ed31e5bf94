"""What the accuracy of geocoding is measured on: tables named in a TOML file, split by address.

The file has a ``[[table]]`` for each table (file, source, datum, quality, columns) and may have ``[streets]``
(file, layer, name) for the share with the right street and ``[roads]`` (file, layer, name) for crossings.
"""

import tomllib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

from geocoding.grammar.lexicon import POINT, ROAD
from geocoding.grammar.vocabulary import canonical
from geocoding.index.columns import LINE_KEY
from geocoding.index.entries import Entry, Names, SourceRow
from geocoding.index.gazetteer import Alias, Gazetteer, Source, build, read_sources
from geocoding.index.plane import EARTH_M_PER_DEG
from geocoding.store import line_points, on_plane
from geocoding.tables import TableSpec, read_table

HELD_PERMILLE = 100
CONFIRMED_M = 150.0
AGREED_M = 300.0
NEAR_NUMBERS, FAR_M = 30, 500.0


@dataclass
class Held:
    """An address kept out of the gazetteer. ``confirmed``: two sources agree on its point; ``second``: the
    point another source gives it."""

    entry: Entry
    source: int
    confirmed: bool
    second: tuple[float, float] | None = None


@dataclass
class Split:
    """A gazetteer, and the addresses it has never seen under any source."""

    gazetteer: Gazetteer
    known: list[tuple[Entry, int]]
    held: list[Held]
    quality: list[float]
    streets: tuple[Any, list[str]] | None
    roads: dict[str, Any]
    former: dict[str, str]
    """A made-up former name of each road that is asked for, which the gazetteer has as such."""
    doors: dict[str, list[tuple[int, float, float]]]
    """Number and point of the known doors, by road and district."""
    points: dict[tuple[object, ...], list[tuple[float, float]]]
    """All points that the sources give a known address."""
    houses: list[Entry]
    """Buildings that the addresses kept out name after their numbers."""


def _is_held(entry: Entry) -> bool:
    if entry.kind == POINT or entry.unit == "trace":
        return False
    return zlib.crc32(f"{entry.base}|{entry.number}|{entry.unit}".encode()) % 1000 < HELD_PERMILLE


def read_tables(described: dict[str, Any]) -> list[tuple[Source, list[SourceRow]]]:
    """The rows of all tables, each with its source."""
    tables: list[tuple[Source, list[SourceRow]]] = []
    for number, table in enumerate(described["table"]):
        spec = TableSpec(
            Path(table["file"]), table["source"], table["columns"], table["datum"], table["quality"]
        )
        tables.append(
            (
                Source(number, spec.source, spec.usual_quality if spec.quality is None else spec.quality),
                read_table(spec).rows,
            )
        )
    return tables


def load(spec_file: Path, *, with_lines: bool = True) -> Split:
    """Read the tables, hold a tenth of the addresses back by key, and build the gazetteer of the rest.

    ``with_lines``: the gazetteer knows the road lines too."""
    described = tomllib.loads(spec_file.read_text(encoding="utf-8"))
    tables = read_tables(described)
    first = names_of(tables)
    entries, sources, keys = read_sources(tables, first)
    held_rows = {key for entry, key in zip(entries, keys, strict=True) if _is_held(entry)}
    known: list[tuple[Entry, int]] = []
    held: list[tuple[Entry, int]] = []
    for entry, source, key in zip(entries, sources, keys, strict=True):
        if _is_held(entry):
            held.append((entry, source))
        elif key not in held_rows:
            known.append((entry, source))
    houses = [e for e, key in zip(entries, keys, strict=True) if e.part < 0 and key in held_rows]
    # Names, too, only from what is known.
    names = names_of(tables)
    quality = [source.quality for source, _ in tables]
    former = _former_names(held, known)
    roads = _layer(described.get("roads"))
    lines = [
        Entry("", row[2], ROAD, 0, "trace", "", 0, "", "", "", "", row[11], row[12], row[2])
        for row in (line_points(roads) if with_lines else ())
    ]
    gazetteer = build(
        [*(entry for entry, _ in known), *lines],
        [*(source for _, source in known), *[0] * len(lines)],
        [*range(len(known)), *[LINE_KEY] * len(lines)],
        names,
        quality,
        [Alias(name, base, "former") for base, name in former.items()],
    )
    if with_lines:
        gazetteer.roads = on_plane(roads, gazetteer.columns.plane)
    doors: dict[str, list[tuple[int, float, float]]] = {}
    for e, _ in known:
        if e.number:
            doors.setdefault(f"{e.base}|{e.district}", []).append((e.number, e.lon, e.lat))
    points: dict[tuple[object, ...], list[tuple[float, float]]] = {}
    for e, _ in known:
        points.setdefault(_key(e), []).append((e.lon, e.lat))
    streets = _streets(described.get("streets"))
    return Split(gazetteer, known, _confirmed(held), quality, streets, roads, former, doors, points, houses)


def _former_names(held: Sequence[tuple[Entry, int]], known: Sequence[tuple[Entry, int]]) -> dict[str, str]:
    """Made-up former names for roads that are asked for: 长安路 was once 安长路."""
    taken = {e.base for e, _ in known}
    found: dict[str, str] = {}
    for e, _ in held:
        stem, suffix = e.base[:-1], e.base[-1:]
        name = stem[::-1] + suffix
        if e.kind == ROAD and e.base in taken and len(stem) == 2 and name not in taken and name != e.base:
            found[e.base] = name
            taken.add(name)
    return found


def agreed(split: Split, e: Entry) -> bool:
    """Whether all sources that know an address put it within 300 m of this point: where they do not, no
    answer is right by all of them."""
    return all(apart_m(e.lon, e.lat, *point) <= AGREED_M for point in split.points[_key(e)])


def contradicted(split: Split, e: Entry) -> bool:
    """Whether a held address's own point lies more than 500 m from all (two or more) known doors of its road
    and district within 30 numbers: then the register, not the answer, is likely wrong."""
    near = [
        apart_m(e.lon, e.lat, lon, lat)
        for number, lon, lat in split.doors.get(f"{e.base}|{e.district}", ())
        if abs(number - e.number) <= NEAR_NUMBERS
    ]
    return len(near) >= 2 and min(near) > FAR_M


def names_of(tables: Sequence[tuple[Source, list[SourceRow]]]) -> Names:
    """The names of the areas that the rows lie in."""
    names = Names()
    names.add_areas(
        {row.district for _, rows in tables for row in rows},
        {row.town for _, rows in tables for row in rows},
        (),
    )
    return names


def _confirmed(held: Sequence[tuple[Entry, int]]) -> list[Held]:
    points: dict[tuple[object, ...], list[tuple[int, float, float]]] = {}
    for e, source in held:
        points.setdefault(_key(e), []).append((source, e.lon, e.lat))
    made: list[Held] = []
    for e, source in held:
        others = [(lon, lat) for other, lon, lat in points[_key(e)] if other != source]
        agreed = any(apart_m(e.lon, e.lat, *other) <= CONFIRMED_M for other in others)
        made.append(Held(e, source, agreed, others[0] if others else None))
    return made


def _key(e: Entry) -> tuple[object, ...]:
    return (e.base, e.number, e.unit, e.mark, e.tail, e.district)


def apart_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two points of one city."""
    east = (lon - other_lon) * float(np.cos(np.radians(lat)))
    return float(np.hypot(east, lat - other_lat)) * EARTH_M_PER_DEG


def _layer(described: dict[str, str] | None) -> dict[str, Any]:
    if described is None:
        return {}
    _, _, geometry, fields = pyogrio.raw.read(
        described["file"], layer=described["layer"], columns=[described["name"]]
    )
    found: dict[str, list[Any]] = {}
    for name, wkb in zip(fields[0], geometry, strict=True):
        if name:
            found.setdefault(canonical(name), []).append(wkb)
    return {name: shapely.union_all(shapely.from_wkb(parts)) for name, parts in found.items()}


def _streets(described: dict[str, str] | None) -> tuple[Any, list[str]] | None:
    layer = _layer(described)
    return (shapely.STRtree(list(layer.values())), list(layer)) if layer else None


def street_at(split: Split, lon: float, lat: float) -> str:
    """Name of the street office at a point, empty outside all."""
    if split.streets is None:
        return ""
    tree, names = split.streets
    found = tree.query(shapely.Point(lon, lat), predicate="intersects")
    return names[int(found[0])] if len(found) else ""
