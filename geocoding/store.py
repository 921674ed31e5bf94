"""The gazetteer in PostgreSQL: written by imports, read into the index of a process."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, LiteralString

import numpy as np
import psycopg
import shapely
from psycopg.types.json import Jsonb

from geocoding.calibration import Calibration, calibrate, is_outdated
from geocoding.examination import SAMPLE, examine
from geocoding.grammar.lexicon import POINT, ROAD
from geocoding.grammar.vocabulary import canonical
from geocoding.index.columns import LINE_KEY, Pool, Raw
from geocoding.index.entries import UNITS, Entry, Names
from geocoding.index.gazetteer import Alias, Gazetteer, KnownArea, assemble
from geocoding.index.plane import EARTH_M_PER_DEG, Plane
from gis_core.named_sql import read_queries

QUERIES = read_queries("geocoding")
PLATFORM_SOURCE = 0
"""Source id in the index of what the platform's own tables (facilities, roads) name."""
LINE_STEP_DEG = 0.003
MOST_LINE_POINTS = 24
CHUNK = 50_000
PRIORITY_STEP = 1e-6
LONGEST_POINT_NAME = 12
"""Longer names of shops and organisations are found whole, but not inside other texts."""

Connection = psycopg.Connection[Any]
_UNIT_CODE = {unit: code for code, unit in enumerate(UNITS)}


def sql(name: str) -> LiteralString:
    """A statement of ``queries.sql``."""
    return QUERIES[name]


@dataclass(slots=True)
class Merged:
    """What an import did to the table."""

    inserted: int
    updated: int
    removed: int


def save_entries(
    connection: Connection, source_id: int, entries: Iterable[Entry], *, replace: bool = False
) -> Merged:
    """COPY the entries of one source and merge them; with ``replace`` what is not among them goes.

    The caller commits; processes that hold an index hear of it then.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql("staging"))
        with cursor.copy(sql("staging_copy")) as copy:
            copy.set_types(
                ["text", "int2", "text", "int2", "int4", "text", "text", "int4", "text", "text", "text",
                 "text", "text", "float8", "float8"]
            )  # fmt: skip
            for e in entries:
                copy.write_row(
                    (
                        e.key, e.part, e.base, e.kind, e.number, e.unit,
                        e.mark, e.upto, e.tail, e.district, e.town, e.community, e.display, e.lon, e.lat,
                    )
                )  # fmt: skip
        cursor.execute(sql("staging_counted"))
        removed, moved = 0, False
        if replace:
            row = cursor.execute(sql("remove_missing"), {"source_id": source_id}).fetchone()
            removed = int(row[0]) if row else 0
        before = cursor.execute(sql("told_before"), {"source_id": source_id}).fetchone()
        if before is not None and before[0]:
            row = cursor.execute(sql("remove_untold"), {"source_id": source_id}).fetchone()
            if row is not None:
                removed, moved = removed + int(row[0]), bool(row[1])
        row = cursor.execute(sql("merge"), {"source_id": source_id}).fetchone()
        inserted, updated = (int(row[0]), int(row[1])) if row else (0, 0)
        what = "reload" if removed or moved else "changed"
        if inserted or updated or removed:
            cursor.execute(sql("notify"), {"what": what})
    return Merged(inserted, updated, removed)


def save_source(
    connection: Connection, key: str, *, datum: str, columns: dict[str, str], quality: float | None = None,
    usual_quality: float = 0.7, priority: int | None = None, dated: date | None = None,
) -> int:  # fmt: skip
    """Enter or renew a source; answers its id. Quality, priority and date that are not told stay as they
    are; a new source has ``usual_quality``."""
    row = connection.execute(
        sql("source_upsert"),
        {
            "key": key, "priority": priority, "quality": quality, "usual_quality": usual_quality,
            "datum": datum, "dated": dated, "columns": Jsonb(columns),
        },
    ).fetchone()  # fmt: skip
    if row is None:
        raise RuntimeError("an upsert with RETURNING gave no row")
    return int(row[0])


def load_names(connection: Connection) -> Names:
    """Areas and bases the database knows, for reading new rows."""
    names = Names()
    by_level: dict[str, list[str]] = {"city": [], "district": [], "street": [], "community": []}
    for level, name, *_ in connection.execute(sql("area_names")):
        by_level[level].append(name)
    for level, name in connection.execute(sql("former_areas")):
        by_level[level].append(name)
    names.cities = frozenset(map(canonical, by_level["city"]))
    pairs = connection.execute(sql("entry_areas")).fetchall()
    names.add_areas(
        {*by_level["district"], *(d for d, _ in pairs)}, {*by_level["street"], *(t for _, t in pairs)},
        by_level["community"],
    )  # fmt: skip
    for base, kind, corrected in connection.execute(sql("known_bases")):
        if kind & ~POINT or len(base) <= LONGEST_POINT_NAME or corrected:
            names.lexicon.add(base, kind)
    return names


@dataclass(slots=True)
class _Lists:
    """Columns while rows stream in; one chunk at a time becomes arrays, so that memory stays small."""

    bases: Pool
    texts: Pool
    areas: Pool
    kinds: dict[int, int] = field(default_factory=dict)
    parts: list[Raw] = field(default_factory=list)

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        base_ids = [self.bases.id(row[2]) for row in rows]
        for base, row in zip(base_ids, rows, strict=True):
            self.kinds[base] = self.kinds.get(base, 0) | row[3]
        self.parts.append(
            Raw(
                np.array(base_ids, np.int32),
                np.array([row[4] for row in rows], np.int32),
                np.array([row[7] or row[4] for row in rows], np.int32),
                np.array([_UNIT_CODE[row[5]] for row in rows], np.int8),
                np.array([self.texts.id(row[8]) for row in rows], np.int32),
                np.array([self.texts.id(row[6]) for row in rows], np.int32),
                np.array([self.areas.id(row[9]) for row in rows], np.int16),
                np.array([self.areas.id(row[10]) for row in rows], np.int16),
                np.array([row[1] for row in rows], np.int16),
                np.array([row[0] for row in rows], np.int64),
                np.array([row[11] for row in rows], np.float64),
                np.array([row[12] for row in rows], np.float64),
            )
        )

    def raw(self) -> Raw:
        if not self.parts:
            self.add([])
        return Raw(*(np.concatenate(columns) for columns in zip(*self.parts, strict=True)))


def _chunks(connection: Connection, statement: str) -> Iterator[list[tuple[Any, ...]]]:
    with connection.cursor(name="gazetteer_rows") as cursor:
        cursor.itersize = CHUNK
        cursor.execute(sql(statement))
        while rows := cursor.fetchmany(CHUNK):
            yield rows


def load_gazetteer(connection: Connection) -> Gazetteer:
    """The whole gazetteer: entries, facilities of the platform, other names, areas and road lines."""
    names = load_names(connection)
    lists = _Lists(Pool(), Pool(), Pool())
    with connection.transaction():
        for rows in _chunks(connection, "entries"):
            lists.add(rows)
    facilities = [
        (-identity, PLATFORM_SOURCE, canonical(name), POINT, 0, "", "", 0, "", "", "", lon, lat)
        for identity, name, lon, lat in connection.execute(sql("facilities"))
        if len(canonical(name)) >= 2
    ]
    lists.add(facilities)
    lists.add(_grounds(connection))
    lines = _road_lines(connection)
    lists.add(line_points(lines))
    quality = [0.8]
    for source_id, _, trust, priority in connection.execute(sql("sources")):
        quality.extend([0.5] * (source_id + 1 - len(quality)))
        # Of sources that are trusted alike the one that comes first in order decides.
        quality[source_id] = trust - priority * PRIORITY_STEP
    aliases = [Alias(*row) for row in connection.execute(sql("names"))]
    made = assemble(lists.raw(), names, lists.bases, lists.texts, lists.areas, quality, lists.kinds, aliases)
    made.roads = on_plane(lines, made.columns.plane)
    made.known_areas = _known_areas(connection, made.columns.plane)
    return made


def _grounds(connection: Connection) -> list[tuple[Any, ...]]:
    """Rows of the named grounds: a point inside, and those that tell how far the place reaches."""
    rows: list[tuple[Any, ...]] = []
    for name, lon, lat, lons, lats in connection.execute(sql("named_grounds")):
        form = canonical(name)
        if len(form) < 2:
            continue
        for unit, x, y in (("", lon, lat), *(("trace", *side) for side in zip(lons, lats, strict=True))):
            rows.append(
                (LINE_KEY + 1 + len(rows), PLATFORM_SOURCE, form, POINT, 0, unit, "", 0, "", "", "", x, y)
            )
    return rows


def _known_areas(connection: Connection, plane: Plane) -> dict[str, list[KnownArea]]:
    rows = connection.execute(sql("named_areas")).fetchall()
    names = [canonical(name) for _, name, _ in rows]
    shapes = shapely.from_wkb([shape for *_, shape in rows])
    found: dict[str, list[KnownArea]] = {}
    for (level, *_), name, shape in zip(rows, names, _on_plane(shapes, plane), strict=True):
        found.setdefault(name, []).append(KnownArea(level, name, shape))
    return found


def _road_lines(connection: Connection) -> dict[str, Any]:
    """Road lines by canonical name, in degrees."""
    found: dict[str, list[Any]] = {}
    for name, wkb in connection.execute(sql("road_lines")):
        found.setdefault(canonical(name), []).append(wkb)
    return {name: shapely.union_all(shapely.from_wkb(parts)) for name, parts in found.items()}


def line_points(lines: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows that stand for road lines: one for each piece, and one each ``LINE_STEP_DEG`` on long ones."""
    rows: list[tuple[Any, ...]] = []
    for name, line in lines.items():
        if len(name) < 2:
            continue
        coordinates = shapely.get_coordinates(shapely.segmentize(line, LINE_STEP_DEG))
        chosen = coordinates[:: max(1, len(coordinates) // MOST_LINE_POINTS)]
        rows.extend(
            (LINE_KEY, PLATFORM_SOURCE, name, ROAD, 0, "trace", "", 0, "", "", "", lon, lat)
            for lon, lat in chosen.tolist()
        )
    return rows


def load_uses(connection: Connection) -> dict[str, int]:
    """How often each base was chosen from the suggestions."""
    return dict(connection.execute(sql("uses")).fetchall())


def changed_bases(connection: Connection, since_xid: int) -> tuple[list[str], int]:
    """Bases written by transactions from ``since_xid`` on, and where to begin the next time."""
    row = connection.execute(sql("horizon")).fetchone()
    horizon = int(row[0]) if row else since_xid
    found = connection.execute(sql("bases_since"), {"xid": since_xid}).fetchall()
    return [base for (base,) in found], horizon


def take_up(connection: Connection, gazetteer: Gazetteer, bases: Sequence[str]) -> None:
    """Lay the present entries of ``bases`` over the index."""
    lists = _Lists(gazetteer.bases, gazetteer.texts, gazetteer.areas)
    lists.add(connection.execute(sql("entries_of_bases"), {"bases": list(bases)}).fetchall())
    gazetteer.lay_over(lists.raw(), lists.kinds)


def on_plane(lines: dict[str, Any], plane: Plane) -> dict[str, Any]:
    """The lines in metres of the plane."""
    moved = _on_plane(np.array(list(lines.values()), object), plane)
    return dict(zip(lines, moved, strict=True))


def _on_plane(shapes: Any, plane: Plane) -> Any:
    scale = np.array([plane.x_m, EARTH_M_PER_DEG])
    origin = np.array([plane.lon, plane.lat])
    return shapely.transform(shapes, lambda c: (c - origin) * scale)


def load_calibration(connection: Connection) -> Calibration:
    """The newest self-examination; the priors where there is none yet."""
    row = connection.execute(sql("calibration")).fetchone()
    return Calibration.from_json(row[0]) if row else Calibration()


def calibration_outdated(connection: Connection) -> bool:
    """Whether the newest self-examination was made by an earlier version of the engine."""
    row = connection.execute(sql("calibration")).fetchone()
    return row is not None and is_outdated(row[0])


def renew_calibration(connection: Connection, gazetteer: Gazetteer, sample: int = SAMPLE) -> Calibration:
    """Let the gazetteer examine itself and keep what it learnt. The caller commits."""
    made = calibrate(examine(gazetteer, sample))
    connection.execute(sql("calibration_add"), {"entries": gazetteer.size, "model": Jsonb(made.as_json())})
    connection.execute(sql("notify"), {"what": "calibrated"})
    return made


def code_statement(code: str) -> str:
    """The look-up of a unit grid or component by ``code``, within ``areas`` (LIKE patterns, or None)."""
    return sql("component_by_code" if len(code) == 16 else "grid_by_code")


class DatabaseCodes:
    """Unit grids and components by code, one indexed look-up each, within ``areas`` (LIKE patterns of area
    codes; None: the whole city)."""

    def __init__(self, connection: Connection, areas: Sequence[str] | None = None) -> None:
        self._connection = connection
        self._areas = list(areas) if areas is not None else None

    def point_of(self, code: str) -> tuple[float, float, str] | None:
        """Longitude, latitude and name; None for an unknown code."""
        values = {"code": code, "areas": self._areas}
        row = self._connection.execute(code_statement(code), values).fetchone()
        return (float(row[0]), float(row[1]), str(row[2])) if row else None
