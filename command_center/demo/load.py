"""Write a city and its people into the database: COPY in the caller's transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from psycopg import sql

from command_center.demo.areas import STREETS
from command_center.demo.city import City
from command_center.demo.components import LOCAL, LOCAL_CLASSES, NATIONAL, RESPONSIBLE
from command_center.demo.plan import CITY, CITY_CODE, DISTRICT, DISTRICT_CODE, LANES, SOURCE, to_lonlat
from command_center.demo.roads import address_of
from gis_core.dictionaries import load_component_classes

LAYERS = [
    "land_cover", "area_district", "area_street", "area_community", "area_label", "responsibility_grid",
    "responsibility_grid_label",
    "unit_grid", "zone", "building", "road", "facility", "component", "route",
]  # fmt: skip
FOUNDED = date(2024, 1, 1)
"""First valid day of everything in the demo city."""

Connection = psycopg.Connection[Any]


def ewkb(shapes: Any, *, multi: bool = False) -> list[str]:
    """Hex EWKB in EPSG:4326, as COPY takes it; ``multi`` wraps single parts."""
    placed = np.atleast_1d(to_lonlat(np.asarray(shapes, dtype=object)))
    if multi:
        placed = np.array([_as_multi(shape) for shape in placed], dtype=object)
    return [str(text) for text in shapely.to_wkb(shapely.set_srid(placed, 4326), hex=True, include_srid=True)]


def _as_multi(shape: Any) -> Any:
    if shape.geom_type == "Polygon":
        return shapely.multipolygons([shape])
    return shapely.multilinestrings([shape]) if shape.geom_type == "LineString" else shape


def copy_rows(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """COPY rows into a table; returns how many."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def reserve_ids(connection: Connection, table: str, count: int) -> list[int]:
    """Fresh ids of a table's sequence, for rows that others will refer to."""
    found = connection.execute(
        "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", (table, count)
    )
    return [int(row[0]) for row in found]


def load_city(connection: Connection, city: City) -> Mapping[str, Any]:
    """Everything but people. Returns the row ids others refer to: ``responsibility_grid``, ``route``,
    and ``counts`` by table."""
    counts: dict[str, int] = {}
    load_component_classes(connection)
    _load_local_classes(connection)
    counts["area"] = _load_areas(connection, city)
    counts["unit_grid"], grid_ids = _load_unit_grids(connection, city)
    duty_ids = _load_duty_grids(connection, city, grid_ids)
    counts["responsibility_grid"] = len(duty_ids)
    counts["road"] = _load_roads(connection, city)
    counts["building"] = _load_buildings(connection, city)
    covers = city.land.covers
    counts["land_cover"] = copy_rows(
        connection,
        "land_cover",
        ("kind", "name", "name_en", "source", "source_key", "geom"),
        (
            (c.kind, c.name and c.name.zh, c.name and c.name.en, SOURCE, f"cover-{i}", geom)
            for i, (c, geom) in enumerate(
                zip(covers, ewkb([c.geom for c in covers], multi=True), strict=True)
            )
        ),
    )
    counts["component"] = _load_components(connection, city)
    counts["facility"] = _load_facilities(connection, city)
    counts["zone"] = copy_rows(
        connection,
        "zone",
        ("code", "kind", "name", "name_en", "area_code", "rule", "valid_from", "geom"),
        (
            (z.code, z.kind, z.name.zh, z.name.en, DISTRICT_CODE, json.dumps(z.rule),
             datetime.combine(FOUNDED, datetime.min.time(), UTC), geom)
            for z, geom in zip(city.zones, ewkb([z.geom for z in city.zones], multi=True), strict=True)
        ),
    )  # fmt: skip
    route_ids = reserve_ids(connection, "route", len(city.routes))
    counts["route"] = copy_rows(
        connection,
        "route",
        ("id", "code", "name", "name_en", "area_code", "geom"),
        (
            (i, r.code, r.name.zh, r.name.en,
             DISTRICT_CODE if r.kind == "slag_truck" else city.areas.street_code(r.street), geom)
            for i, r, geom in zip(route_ids, city.routes, ewkb([r.geom for r in city.routes]), strict=True)
        ),
    )  # fmt: skip
    connection.execute("SELECT bump_layers(%s)", (LAYERS,))
    return {"responsibility_grid": duty_ids, "route": route_ids, "counts": counts}


def _load_local_classes(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO component_class (edition, code, class_name, name, name_en, geometry, accuracy_class,"
            " department_kind) VALUES (%s, %s, %s, %s, %s, 'point', 'A', %s) ON CONFLICT DO NOTHING",
            [(LOCAL, *row) for row in LOCAL_CLASSES],
        )


def _load_areas(connection: Connection, city: City) -> int:
    areas = city.areas
    rows: list[tuple[str, str, str, str, str | None, Any]] = [
        (CITY_CODE, "city", *CITY, None, shapely.envelope(areas.district).buffer(2_500, quad_segs=2)),
        (DISTRICT_CODE, "district", *DISTRICT, CITY_CODE, areas.district),
    ]
    for number, ((zh, en, _), shape) in enumerate(zip(STREETS, areas.streets, strict=True)):
        rows.append((areas.street_code(number), "street", zh, en, DISTRICT_CODE, shape))
    for code, name, shape in zip(
        areas.community_codes, areas.community_names, areas.communities, strict=True
    ):
        rows.append((code, "community", *name, code[:9], shape))
    shapes: list[str | None] = list(ewkb([row[5] for row in rows], multi=True))
    shapes[0] = None
    return copy_rows(
        connection,
        "area",
        ("code", "level", "name", "name_en", "parent_code", "valid_from", "source", "source_key", "geom"),
        ((*row[:5], FOUNDED, SOURCE, row[0], shape) for row, shape in zip(rows, shapes, strict=True)),
    )


def _load_unit_grids(connection: Connection, city: City) -> tuple[int, list[int]]:
    grids = city.grids
    ids = reserve_ids(connection, "unit_grid", len(grids.codes))
    count = copy_rows(
        connection,
        "unit_grid",
        ("id", "code", "community_code", "area_m2", "initial_date", "geom"),
        (
            (i, code, code[:12], round(float(area), 2), FOUNDED, geom)
            for i, code, area, geom in zip(
                ids, grids.codes, shapely.area(grids.shapes), ewkb(grids.shapes), strict=True
            )
        ),
    )
    return count, ids


def _load_duty_grids(connection: Connection, city: City, grid_ids: Sequence[int]) -> list[int]:
    duty = city.duty
    ids = reserve_ids(connection, "responsibility_grid", len(duty.codes))
    copy_rows(
        connection,
        "responsibility_grid",
        ("id", "code", "name", "name_en", "area_code", "valid_from", "geom"),
        (
            (i, code, name.zh, name.en, code[:12], FOUNDED, geom)
            for i, code, name, geom in zip(
                ids, duty.codes, duty.names, ewkb(duty.shapes, multi=True), strict=True
            )
        ),
    )
    copy_rows(
        connection,
        "responsibility_grid_unit",
        ("responsibility_grid_id", "unit_grid_id"),
        ((ids[g], u) for g, u in zip(duty.grid.tolist(), grid_ids, strict=True)),
    )
    return ids


def _load_roads(connection: Connection, city: City) -> int:
    roads = city.roads
    home = _community_of(city, shapely.line_interpolate_point(roads.lines, 0.5, normalized=True))
    return copy_rows(
        connection,
        "road",
        ("name", "name_en", "road_class", "lanes", "area_code", "source", "source_key", "attributes", "geom"),
        (
            (name and name.zh, name and name.en, kind, LANES.get(kind), area, SOURCE, f"road-{i}",
             json.dumps({"bridge": "viaduct"} if high else {}), geom)
            for i, (name, kind, high, area, geom) in enumerate(
                zip(roads.names, roads.kinds, roads.elevated, home, ewkb(roads.lines, multi=True),
                    strict=True)
            )
        ),
    )  # fmt: skip


def _community_of(city: City, points: Any) -> list[str]:
    """Community code of each point, the district's where it lies in none."""
    where, community = shapely.STRtree(city.areas.communities).query(points, predicate="intersects")
    found = [DISTRICT_CODE] * len(points)
    for point, number in zip(where.tolist(), community.tolist(), strict=True):
        found[point] = city.areas.community_codes[number]
    return found


def _load_buildings(connection: Connection, city: City) -> int:
    houses = city.buildings
    addresses = address_of(city.roads, shapely.point_on_surface(houses.shapes))
    return copy_rows(
        connection,
        "building",
        ("name", "address", "kind", "height_m", "floors", "area_code", "source", "source_key", "attributes",
         "geom"),
        (
            (name and name.zh, address, kind, float(height), int(storeys),
             city.areas.community_codes[city.grids.community[cell]], SOURCE, f"building-{i}",
             json.dumps({"name_en": name.en} if name else {}), geom)
            for i, (name, address, kind, height, storeys, cell, geom) in enumerate(
                zip(houses.names, addresses, houses.kinds, houses.height_m, houses.storeys, houses.cell,
                    ewkb(houses.shapes, multi=True), strict=True)
            )
        ),
    )  # fmt: skip


def _load_components(connection: Connection, city: City) -> int:
    placed = city.components
    classes = {
        (edition, code): (name, department)
        for edition, code, name, department in connection.execute(
            "SELECT edition, code, name, department_kind FROM component_class WHERE edition IN (%s, %s)",
            (NATIONAL, LOCAL),
        )
    }
    addresses = address_of(city.roads, placed.shapes)
    rng: NDArray[np.int64] = np.random.default_rng(len(placed.codes)).integers(
        0, 1_400, size=len(placed.codes)
    )
    rows = []
    for edition, class_code, code, cell, state, address, age, geom in zip(
        placed.edition, placed.class_code, placed.codes, placed.cell.tolist(), placed.state, addresses,
        rng.tolist(), ewkb(placed.shapes), strict=True,
    ):  # fmt: skip
        name, department = classes[(edition, class_code)]
        authority, owner, maintainer = RESPONSIBLE.get(department or "", RESPONSIBLE["市政"])
        grid_code = city.grids.codes[cell]
        rows.append(
            (code, edition, class_code, name, state, authority, owner, maintainer, grid_code, grid_code[:12],
             address, date.fromordinal(FOUNDED.toordinal() - age), SOURCE, code, geom)
        )  # fmt: skip
    return copy_rows(
        connection,
        "component",
        ("code", "edition", "class_code", "name", "state", "authority", "owner", "maintainer",
         "unit_grid_code", "area_code", "address", "initial_date", "source", "source_key", "geom"),
        rows,
    )  # fmt: skip


def _load_facilities(connection: Connection, city: City) -> int:
    places = city.facilities
    points = np.array([p.geom for p in places], dtype=object)
    return copy_rows(
        connection,
        "facility",
        ("kind", "name", "name_en", "address", "area_code", "source", "source_key", "geom"),
        (
            (p.kind, p.name.zh, p.name.en, address, area, SOURCE, f"facility-{i}", geom)
            for i, (p, address, area, geom) in enumerate(
                zip(
                    places,
                    address_of(city.roads, points),
                    _community_of(city, points),
                    ewkb(points),
                    strict=True,
                )
            )
        ),
    )
