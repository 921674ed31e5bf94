"""Location of points a second on one core, beside shapely's tree and PostGIS, and whether all agree."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from benchmarks.servers import new_servers, scratch_folder
from gis_core.migrate import migrate
from tracking.locator import GridIndex, load_locator

WEST, SOUTH, EAST, NORTH = 120.9, 31.0, 121.4, 31.3
BATCH = 2_000
"""Points of an ordinary batch of ingest."""
POSTGIS_POINTS = 100_000
"""So many are enough to tell PostGIS's rate; for agreement it is asked for all."""

Points = tuple[NDArray[np.float64], NDArray[np.float64]]


def measure(
    *, polygons: int, fences: int, points: int, borders: int, folder: Path | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Rates in points a second of one core; mismatches against ST_Intersects must be 0."""
    rng = np.random.default_rng(11)
    tiles, shapes = tiling(polygons, rng), fence_shapes(fences, rng)
    asked = random_points(points, rng)
    edge = np.hstack(
        [border_points(tiles, borders // 2, rng), border_points(shapes, borders - borders // 2, rng)]
    )
    figures: dict[str, Any] = {
        "polygons": len(tiles),
        "fences": len(shapes),
        "points": points,
        "borders": borders,
    }
    say("index …")
    began = time.perf_counter()
    tile_index = GridIndex(range(1, len(tiles) + 1), tiles)
    figures["tiles_built_s"] = round(time.perf_counter() - began, 3)
    began = time.perf_counter()
    fence_index = GridIndex(range(1, len(shapes) + 1), shapes)
    figures["fences_built_s"] = round(time.perf_counter() - began, 3)
    figures["memory_mb"] = round((tile_index.memory_bytes + fence_index.memory_bytes) / 1e6, 1)
    figures["tiles_per_s"] = _rate(lambda: tile_index.locate(*asked), points)
    figures["fences_per_s"] = _rate(lambda: fence_index.locate_all(*asked), points)
    figures["both_per_s"] = _rate(lambda: (tile_index.locate(*asked), fence_index.locate_all(*asked)), points)
    figures["borders_per_s"] = _rate(lambda: tile_index.locate(*edge), borders)
    figures["batched_per_s"] = _rate(lambda: _in_batches(tile_index, asked), points)
    say("shapely …")
    figures["shapely_tiles_per_s"] = _rate(lambda: _by_tree(tiles, asked), points, rounds=2)
    say("PostGIS …")
    with scratch_folder(folder) as scratch:
        servers = new_servers(scratch)
        with servers.cluster.running():
            from command_center.assembly import PACKAGES

            servers.cluster.ensure_database()
            migrate(servers.database_url, PACKAGES)
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                _fill(connection, tiles, shapes)
                began = time.perf_counter()
                load_locator(connection)
                figures["reloaded_s"] = round(time.perf_counter() - began, 3)
                every = (np.concatenate((asked[0], edge[0])), np.concatenate((asked[1], edge[1])))
                seconds, tile_hits = _ask(connection, "unit_grid", every)
                figures["postgis_tiles_per_s"] = round(len(every[0]) / seconds)
                figures["tiles_mismatches"] = int((tile_hits != tile_index.locate(*every)).sum())
                fence_every = every
                seconds, pairs = _ask_all(connection, fence_every)
                figures["postgis_fences_per_s"] = round(len(every[0]) / seconds)
                found = set(
                    zip(*(column.tolist() for column in fence_index.locate_all(*fence_every)), strict=True)
                )
                figures["fence_hits"] = len(pairs)
                figures["fences_mismatches"] = len(found ^ pairs)
    return figures


def tiling(count: int, rng: np.random.Generator) -> NDArray[Any]:
    """A coverage of the city: corners are moved, and each shared border has three bends of its own."""
    columns = round(np.sqrt(count * 1.4))
    rows = -(-count // columns)
    x, y = np.meshgrid(np.linspace(WEST, EAST, columns + 1), np.linspace(SOUTH, NORTH, rows + 1))
    dx, dy = (EAST - WEST) / columns, (NORTH - SOUTH) / rows
    inner = np.s_[1:-1, 1:-1]
    x[inner] += rng.uniform(-0.3, 0.3, x[inner].shape) * dx
    y[inner] += rng.uniform(-0.3, 0.3, y[inner].shape) * dy
    corner = np.stack((x, y), axis=-1)

    def bent(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Five points from each a to each b."""
        t = np.linspace(0, 1, 5)[:, None]
        line = a[..., None, :] * (1 - t) + b[..., None, :] * t
        line[..., 1:-1, :] += rng.uniform(-0.08, 0.08, line[..., 1:-1, :].shape) * (dx, dy)
        line[..., 0, :], line[..., -1, :] = a, b
        return line

    level, upright = bent(corner[:, :-1], corner[:, 1:]), bent(corner[:-1], corner[1:])
    made = [
        np.vstack(
            (
                level[row, column, :-1],
                upright[row, column + 1, :-1],
                level[row + 1, column, :0:-1],
                upright[row, column, :0:-1],
            )
        )
        for row in range(rows)
        for column in range(columns)
    ]
    return np.array([shapely.Polygon(ring) for ring in made[:count]], dtype=object)


def fence_shapes(count: int, rng: np.random.Generator) -> NDArray[Any]:
    """Ragged rings of up to 2,000 corners with a hole or two; some in two parts; they overlap."""
    made = []
    for _ in range(count):
        centre = rng.uniform((WEST, SOUTH), (EAST, NORTH))
        parts = [_ragged(centre, rng.uniform(0.004, 0.03), rng)]
        if rng.random() < 0.25:
            parts.append(_ragged(centre + np.array([0.08, 0.0]), rng.uniform(0.004, 0.02), rng))
        made.append(shapely.MultiPolygon(parts))
    return np.array(made, dtype=object)


def _ragged(centre: NDArray[np.float64], radius: float, rng: np.random.Generator) -> shapely.Polygon:
    corners = int(rng.integers(60, 2_000))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    waves = sum(
        rng.normal(0, 0.12 / number) * np.sin(number * angle + rng.uniform(0, 6.28))
        for number in range(1, 12)
    )
    away = radius * np.clip(0.8 + waves + rng.normal(0, 0.005, corners), 0.35, 1.4)
    ring = centre + np.column_stack((np.cos(angle), np.sin(angle))) * away[:, None]
    holes = [
        shapely.Point(centre + shift).buffer(radius * 0.12).exterior
        for shift in rng.uniform(-0.25, 0.25, (int(rng.integers(0, 3)), 2)) * radius
    ]
    whole = shapely.Polygon(ring)
    for hole in holes:
        whole = whole.difference(shapely.Polygon(hole))
    return whole


def random_points(count: int, rng: np.random.Generator) -> Points:
    margin = 0.005
    return (
        rng.uniform(WEST - margin, EAST + margin, count),
        rng.uniform(SOUTH - margin, NORTH + margin, count),
    )


def border_points(shapes: NDArray[Any], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Corners, and points along edges as doubles have them: on the line, or a rounding beside it."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shapes)), return_index=True)
    edge = rng.choice(np.flatnonzero(ring[1:] == ring[:-1]), count)
    share = np.where(rng.random(count) < 0.3, 0.0, rng.random(count))[:, None]
    on = xy[edge] + (xy[edge + 1] - xy[edge]) * share
    return np.ascontiguousarray(on.T)


def _in_batches(index: GridIndex, points: Points) -> None:
    for begin in range(0, len(points[0]), BATCH):
        index.locate(points[0][begin : begin + BATCH], points[1][begin : begin + BATCH])


def _by_tree(shapes: NDArray[Any], points: Points) -> NDArray[np.int64]:
    """The same question to shapely: tree, then a prepared exact test."""
    lon, lat = points
    shapely.prepare(shapes)
    point, polygon = shapely.STRtree(shapes).query(shapely.points(lon, lat))
    hit = shapely.intersects_xy(shapes[polygon], lon[point], lat[point])
    lowest = np.full(len(lon), len(shapes), dtype=np.int64)
    np.minimum.at(lowest, point[hit], polygon[hit])
    return lowest


def _rate(work: Callable[[], Any], points: int, rounds: int = 3) -> int:
    """Points a second of processor time in the best round."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return round(points / best)


def _fill(connection: psycopg.Connection[Any], tiles: NDArray[Any], shapes: NDArray[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO unit_grid (code, community_code, area_m2, initial_date, geom)
               VALUES (%s, %s, 10000, '2020-01-01', ST_GeomFromWKB(%s, 4326))""",
            [
                (
                    f"990102001{n // 900:03d}{n % 900 + 1:03d}",
                    f"990102001{n // 900:03d}",
                    shapely.to_wkb(tile),
                )
                for n, tile in enumerate(tiles)
            ],
        )
        cursor.executemany(
            """INSERT INTO responsibility_grid (code, name, area_code, valid_from, geom)
               VALUES (%s, %s, '990102001', '2020-01-01', ST_Multi(ST_GeomFromWKB(%s, 4326)))""",
            [(f"R{n}", f"围栏{n}", shapely.to_wkb(shape)) for n, shape in enumerate(shapes)],
        )
    connection.execute("ANALYZE unit_grid, responsibility_grid")


_POINTS = """SELECT p.n, g.id FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p(lon, lat, n)
  JOIN {table} g ON ST_Intersects(g.geom, ST_Point(p.lon, p.lat, 4326))"""


def _ask(connection: psycopg.Connection[Any], table: str, points: Points) -> tuple[float, NDArray[np.int32]]:
    """Seconds, and the lowest id for each point."""
    ids = np.zeros(len(points[0]), dtype=np.int32)
    seconds, rows = _joined(connection, table, points)
    first = connection.execute(f"SELECT min(id) FROM {table}").fetchone()
    assert first is not None
    for number, polygon in rows:
        mine = polygon - first[0] + 1
        if ids[number] == 0 or mine < ids[number]:
            ids[number] = mine
    return seconds, ids


def _ask_all(connection: psycopg.Connection[Any], points: Points) -> tuple[float, set[tuple[int, int]]]:
    seconds, rows = _joined(connection, "responsibility_grid", points)
    first = connection.execute("SELECT min(id) FROM responsibility_grid").fetchone()
    assert first is not None
    return seconds, {(number, polygon - first[0] + 1) for number, polygon in rows}


def _joined(
    connection: psycopg.Connection[Any], table: str, points: Points
) -> tuple[float, list[tuple[int, int]]]:
    rows: list[tuple[int, int]] = []
    began = time.perf_counter()
    for begin in range(0, len(points[0]), POSTGIS_POINTS):
        part = [column[begin : begin + POSTGIS_POINTS].tolist() for column in points]
        answer = connection.execute(_POINTS.format(table=table), part, binary=True).fetchall()
        rows += [(begin + number - 1, polygon) for number, polygon in answer]
    return time.perf_counter() - began, rows


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows for people."""
    f = figures
    return [
        (f"单元网格定位 {f['polygons']:,} tiling polygons", f"{f['tiles_per_s']:,}/s a core"),
        (f"围栏 {f['fences']:,} complex fences (all hits)", f"{f['fences_per_s']:,}/s"),
        ("两者 both", f"{f['both_per_s']:,}/s"),
        ("边界点 points on borders only", f"{f['borders_per_s']:,}/s"),
        (f"每批 {BATCH:,} 点 in batches", f"{f['batched_per_s']:,}/s"),
        ("shapely STRtree, tiling", f"{f['shapely_tiles_per_s']:,}/s"),
        (
            "PostGIS ST_Intersects, tiling / fences",
            f"{f['postgis_tiles_per_s']:,} / {f['postgis_fences_per_s']:,}/s",
        ),
        (
            f"不一致 mismatches of {f['points']:,} + {f['borders']:,}",
            f"{f['tiles_mismatches']} tiling, {f['fences_mismatches']} fences ({f['fence_hits']:,} hits)",
        ),
        (
            "建立 / 重读 build / reload",
            f"{f['tiles_built_s']} + {f['fences_built_s']} s / {f['reloaded_s']} s, {f['memory_mb']} MB",
        ),
    ]
