"""A large city with 400 fences and rules of every kind, and a fleet that moves about it as people and
vehicles do: the ground for measuring ingest with everything on."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from benchmarks import scene
from benchmarks.load import Message
from ingest import batch
from tracking.fix import Fix

SIDE, BLOCK = 142, 5
"""20,164 unit grids, 784 responsibility grids of 25 of them."""
METRE_LON, METRE_LAT = scene.CELL_LON / 100, scene.CELL_LAT / 100
WIDTH_M = SIDE * 100.0
FENCES = 400
VERTICES = 96
PERIOD_S = 10
BATCH_FIXES = 500
"""Fixes of a compact batch."""

RULES: dict[str, tuple[dict[str, Any], str]] = {
    "city": ({"kind": "left_city"}, "CITY"),
    "ban": ({"kind": "forbidden_zone", "severity": "critical"}, "BAN"),
    "night": (
        {"kind": "forbidden_zone", "schedule": {"since": "18:00:00", "to": "07:00:00"}},
        "NIGHT",
    ),
    "speeding": (
        {
            "kind": "speeding",
            "limit_kmh": 60,
            "zone_limit_kmh": 40,
            "road_limits": {"primary": 60, "residential": 40},
            "pace": {"open_after_fixes": 3},
        },
        "SLOW",
    ),
    "off_route": ({"kind": "off_route", "buffer_m": 400}, "ROUTE"),
    "dwell": ({"kind": "dwell", "after_s": 1_800, "pace": {"open_after_fixes": 1, "open_after_s": 0}}, ""),
    "lost": ({"kind": "signal_lost"}, ""),
    "off_post": ({"kind": "off_post", "pace": {"open_after_fixes": 3, "open_after_s": 900}}, ""),
    "never_arrived": ({"kind": "never_arrived", "after_s": 900}, ""),
    "gathering": ({"kind": "gathering", "count": 30, "radius_m": 20, "after_s": 600}, ""),
    "low_battery": ({"kind": "low_battery"}, ""),
    "jump": ({"kind": "jump", "pace": {"open_after_fixes": 1, "open_after_s": 0}}, ""),
    "ignition_off": ({"kind": "ignition_off"}, ""),
}
"""Beside "outside grid", which every installation has. With the prefix of the codes of its places."""
VEHICLES_ONLY = frozenset({"off_route", "speeding", "ignition_off"})


def make_rules(connection: psycopg.Connection[Any]) -> None:
    """Fences, routes and roads over the city of ``scene.make_city(side=SIDE)``, and rules about them."""
    rng = np.random.default_rng(11)
    for place, shape in enumerate(_fences(rng)):
        prefix = ("BAN", "NIGHT", "SLOW", "SLOW")[place % 4]
        _zone(connection, f"{prefix}{place}", shape)
    _zone(connection, "CITY", _star(rng, WIDTH_M / 2, WIDTH_M / 2, WIDTH_M * 1.1, 2_000))
    for number in range(0, SIDE, 7):
        line = shapely.linestrings(_degrees(np.array([(0.0, number * 100.0), (WIDTH_M, number * 100.0)])))
        connection.execute(
            "INSERT INTO route (code, name, area_code, geom) VALUES (%s, %s, '990102001',"
            " ST_GeomFromWKB(%s, 4326))",
            (f"ROUTE{number}", f"路线{number}", shapely.to_wkb(line)),
        )
    for number in range(SIDE):
        along = np.linspace(0, WIDTH_M, 143)
        still = np.full(143, number * 100.0)
        for name, points in (("h", (along, still)), ("v", (still, along))):
            connection.execute(
                "INSERT INTO road (source, source_key, road_class, geom)"
                " VALUES ('bench', %s, %s, ST_Multi(ST_GeomFromWKB(%s, 4326)))",
                (
                    f"{name}{number}",
                    "primary" if number % 8 == 0 else "residential",
                    shapely.to_wkb(shapely.linestrings(_degrees(np.column_stack(points)))),
                ),
            )
    codes = [code for (code,) in connection.execute("SELECT code FROM zone UNION ALL SELECT code FROM route")]
    for key, (definition, prefix) in RULES.items():
        chosen = [code for code in codes if prefix and code.startswith(prefix)]
        connection.execute(
            "INSERT INTO alert_rule (key, version, definition, zone_codes, unit_kinds, changed_at)"
            " VALUES (%s, 1, %s, %s, %s, '2020-01-01')",
            (
                key,
                json.dumps({"key": key, **definition}),
                chosen,
                ["vehicle"] if key in VEHICLES_ONLY else [],
            ),
        )
    connection.execute("UPDATE device SET period_s = %s", [PERIOD_S])
    connection.execute("UPDATE device SET unit_kind = 'vehicle' WHERE substr(key, 2)::integer % 5 = 4")
    connection.execute(
        "DELETE FROM roster WHERE device_id IN (SELECT id FROM device WHERE unit_kind = 'vehicle')"
    )
    connection.execute("UPDATE roster SET starts_at = now() - interval '10 minutes'")
    connection.execute("ANALYZE")


def _zone(connection: psycopg.Connection[Any], code: str, shape: Any) -> None:
    connection.execute(
        "INSERT INTO zone (code, kind, name, area_code, valid_from, geom) VALUES (%s, 'fence', %s,"
        " '990102001', '2020-01-01', ST_Multi(ST_GeomFromWKB(%s, 4326)))",
        (code, code, shapely.to_wkb(shape)),
    )


def _fences(rng: np.random.Generator) -> Iterator[Any]:
    """Jagged shapes of 40 to 160 m, half of them with a hole."""
    for number in range(FENCES):
        x, y = rng.uniform(200, WIDTH_M - 200, 2)
        reach = float(rng.uniform(40, 160))
        outer = _star(rng, x, y, reach, VERTICES)
        yield outer if number % 2 else shapely.difference(outer, _star(rng, x, y, reach / 4, VERTICES // 2))


def _star(rng: np.random.Generator, x: float, y: float, reach_m: float, vertices: int) -> Any:
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    radius = reach_m * rng.uniform(0.7, 1.0, vertices)
    return shapely.polygons(
        _degrees(np.column_stack((x + radius * np.cos(angle), y + radius * np.sin(angle))))
    )


def _degrees(metres: NDArray[np.float64]) -> NDArray[np.float64]:
    return metres * (METRE_LON, METRE_LAT) + (scene.WEST, scene.SOUTH)


def places(devices: NDArray[np.int64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns longitude, latitude, speed (m/s) of devices by number at moments: four of five walk a round in
    their responsibility grid, one in fifty of them outside of it; every fifth drives; every tenth rests."""
    a_row = SIDE // BLOCK
    block = devices % (a_row * a_row)
    own = np.random.default_rng(5)
    size = int(devices.max(initial=0)) + 1
    radius, speed, phase = own.uniform(60, 160, size), own.uniform(0.8, 1.6, size), own.uniform(0, 6.28, size)
    drives, strays, rests = devices % 5 == 4, devices % 50 == 7, devices % 10 == 3
    r = np.where(drives, 3 * radius[devices], radius[devices])
    v = np.where(rests, 0.0, np.where(drives, 7 * speed[devices], speed[devices]))
    angle = phase[devices] + v * seconds / r
    noise = np.random.default_rng(int(devices.sum()) % 2**32).normal(0, 2, (2, len(devices)))
    x = (block % a_row + 0.5) * BLOCK * 100 + r * np.cos(angle) + noise[0] + np.where(strays, 500.0, 0.0)
    y = (block // a_row + 0.5) * BLOCK * 100 + r * np.sin(angle) + noise[1]
    return np.column_stack((_degrees(np.column_stack((x, y))), v))


def numbers_of(keys: Sequence[str]) -> NDArray[np.int64]:
    """Of devices made by ``scene.make_devices``."""
    return np.array([int(key[1:]) for key in keys], dtype=np.int64)


def fixes(
    keys: Sequence[str], *, first: int, count: int, start_s: float, step_s: float = PERIOD_S
) -> Iterator[Message]:
    """JSON messages ``first`` …: all devices in turn, then all again ``step_s`` later."""
    number = np.arange(first, first + count)
    device, seconds = numbers_of(keys)[number % len(keys)], np.float64(step_s) * (number // len(keys))
    for n, at, (lon, lat, speed) in zip(
        number.tolist(), seconds.tolist(), places(device, seconds).tolist(), strict=True
    ):
        yield (
            f"wanmi/v1/{keys[n % len(keys)]}/fix",
            (
                f'{{"time":{start_s + at:.3f},"lon":{lon:.7f},"lat":{lat:.7f},"speed_mps":{speed:.2f},'
                f'"course_deg":{n % 360},"accuracy_m":{4 + n % 9},"satellites":{6 + n % 8},'
                f'"battery_pct":{100 - n % 70}}}'
            ).encode(),
        )


def batches(
    keys: Sequence[str], *, first: int, count: int, start_s: float, step_s: float = PERIOD_S
) -> Iterator[Message]:
    """Compact batches ``first`` … of ``BATCH_FIXES`` fixes: all devices in turn, then all again later."""
    for number in range(first, first + count):
        key, turn = keys[number % len(keys)], number // len(keys)
        seconds = np.float64(step_s) * (turn * BATCH_FIXES + np.arange(BATCH_FIXES))
        where = places(np.full(BATCH_FIXES, numbers_of([key])[0]), seconds)
        told = [
            Fix(round((start_s + at) * 1e6), lon, lat, 12.0, speed, float(at % 360), 5.0, 9, 80)
            for at, (lon, lat, speed) in zip(seconds.tolist(), where.tolist(), strict=True)
        ]
        yield f"wanmi/v1/{key}/fixes", batch.encode(told)
