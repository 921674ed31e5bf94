"""What the simulator needs of the city, read once: devices, streets, grids, routes, turns of duty."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
import shapely
from psycopg.rows import dict_row

from gis_core.named_sql import read_queries
from ingest.simulator.plane import Floats, Plane, Polylines, split_at_crossings
from ingest.simulator.streets import Beat, Streets

_SQL = {
    name: statement.replace("%", "%%")
    .replace(":ids", "%(ids)s")
    .replace(":grids", "%(grids)s")
    .replace(":routes", "%(routes)s")
    for name, statement in read_queries("ingest.simulator").items()
}


@dataclass(frozen=True)
class SimDevice:
    """``place``: where it was last, in metres; None if it never reported."""

    id: int
    key: str
    kind: str
    carrier: str
    period_s: int
    place: Floats | None
    battery_pct: float
    grid_id: int | None
    route_id: int | None


@dataclass(frozen=True)
class Turns:
    """Turns of duty by device: (from, to) in epoch seconds. A device without any is always on duty."""

    by_device: Mapping[int, list[tuple[float, float]]] = field(default_factory=dict)

    def on_duty(self, device_id: int, now: float) -> bool:
        turns = self.by_device.get(device_id)
        return turns is None or any(a <= now < b for a, b in turns)


@dataclass(frozen=True)
class World:
    plane: Plane
    devices: list[SimDevice]
    streets: Streets
    beats: Mapping[int, Beat]
    routes: Polylines
    route_number: Mapping[int, int]
    """Index in ``routes`` by id."""
    route_limit: Floats
    """Speed limit in m/s for each vertex of ``routes``, turns included."""


SPEED_LIMIT_KMH = {
    "motorway": 80,
    "trunk": 70,
    "primary": 55,
    "secondary": 45,
    "tertiary": 38,
    "residential": 28,
}


def read_turns(connection: psycopg.Connection[Any]) -> Turns:
    """Turns of now and the next day, after the demo's rosters were prolonged to a week from now."""
    connection.execute(_SQL["prolong_rosters"])
    found: dict[int, list[tuple[float, float]]] = {}
    for device_id, starts, ends, *_ in connection.execute(_SQL["turns"]):
        found.setdefault(device_id, []).append((starts, ends))
    return Turns(found)


def read_world(database_url: str) -> tuple[World, Turns]:
    """Raises LookupError when there is nothing to drive: no demo devices, grids or roads."""
    with psycopg.connect(database_url, application_name="wanmi simulate") as connection:
        turns = read_turns(connection)
        work = {row[0]: (row[1], row[2]) for row in connection.execute(_SQL["places_of_work"])}
        grid_ids = sorted({g for g, _ in work.values() if g is not None})
        route_ids = sorted({r for _, r in work.values() if r is not None})
        rows = connection.cursor(row_factory=dict_row)
        devices = rows.execute(_SQL["devices"]).fetchall()
        grids = rows.execute(_SQL["grids"], {"ids": grid_ids}).fetchall()
        routes = rows.execute(_SQL["routes"], {"ids": route_ids}).fetchall()
        roads = rows.execute(_SQL["roads"], {"grids": grid_ids, "routes": route_ids}).fetchall()
    if not devices or not roads or not (grids or routes):
        raise LookupError("no demo devices, roads or grids in the database")
    parts = [
        (np.asarray(shapely.get_coordinates(part)), row["road_class"])
        for row in roads
        for part in shapely.get_parts(shapely.from_wkb(row["geom"]))
    ]
    middle = np.vstack([line for line, _ in parts]).mean(axis=0)
    plane = Plane(float(middle[0]), float(middle[1]))
    pieces, classes = split_at_crossings([line for line, _ in parts], [label for _, label in parts])
    metric = [plane.to_metres(piece) for piece in pieces]
    streets = Streets(metric, classes)
    beats = {
        row["id"]: Beat(
            shapely.transform(shapely.from_wkb(row["geom"]), plane.to_metres), streets, row["built"]
        )
        for row in grids
    }
    lines = [plane.to_metres(shapely.get_coordinates(shapely.from_wkb(row["geom"]))) for row in routes]
    polylines = Polylines(lines or [np.zeros((2, 2))])
    world = World(
        plane,
        [_device(row, plane, *work.get(row["id"], (None, None))) for row in devices],
        streets,
        {key: beat for key, beat in beats.items() if len(beat.edges) >= 3},
        polylines,
        {row["id"]: number for number, row in enumerate(routes)},
        _limits(polylines, metric, classes),
    )
    return world, turns


def _device(row: Mapping[str, Any], plane: Plane, grid_id: int | None, route_id: int | None) -> SimDevice:
    place = None if row["lon"] is None else plane.to_metres(np.array([[row["lon"], row["lat"]]]))[0]
    return SimDevice(
        row["id"],
        row["key"],
        row["unit_kind"],
        row["carrier"],
        row["period_s"],
        place,
        float(row["battery_pct"] or 0),
        grid_id,
        route_id,
    )


def _limits(routes: Polylines, pieces: list[Floats], classes: list[str]) -> Floats:
    """The road's limit for each route segment, 16 km/h at sharp corners."""
    kmh = np.array([SPEED_LIMIT_KMH.get(c, 15) for c in classes], dtype=float)
    tree = shapely.STRtree([shapely.LineString(p) for p in pieces])
    ahead = np.vstack([routes.xy[1:], routes.xy[-1:]])
    limit = kmh[tree.nearest(shapely.points((routes.xy + ahead) / 2))]
    before = np.vstack([routes.xy[:1], routes.xy[:-1]])
    one, two = routes.xy - before, ahead - routes.xy
    cosine = (one * two).sum(axis=1) / np.maximum(np.hypot(*one.T) * np.hypot(*two.T), 1e-9)
    sharp = np.flatnonzero(cosine < 0.7)
    limit[sharp] = np.minimum(limit[sharp], 16.0)
    limit[np.maximum(sharp - 1, 0)] = np.minimum(limit[np.maximum(sharp - 1, 0)], 24.0)
    return np.asarray(limit / 3.6)
