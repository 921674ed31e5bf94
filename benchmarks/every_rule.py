"""Rules of every kind about one small place, and the turns of duty that some of them go by."""

import json
from typing import Any

import numpy as np
import psycopg

from benchmarks import scene

STEP_S = 10
LON, LAT = scene.WEST + 5 * scene.CELL_LON, scene.SOUTH + 5 * scene.CELL_LAT
METRE_LON, METRE_LAT = scene.CELL_LON / 100, scene.CELL_LAT / 100
AT_ONCE = {"open_after_fixes": 1, "open_after_s": 0}
FILE_RULES: dict[str, dict[str, Any]] = {
    "ban": {"kind": "forbidden_zone", "severity": "critical"},
    "city": {"kind": "left_city"},
    "speeding": {
        "kind": "speeding",
        "limit_kmh": 40,
        "zone_limit_kmh": 20,
        "road_limits": {"primary": 30},
        "pace": {"open_after_fixes": 3},
    },
    "off_route": {"kind": "off_route", "buffer_m": 120},
    "dwell": {"kind": "dwell", "after_s": 300, "pace": AT_ONCE},
    "lost": {"kind": "signal_lost"},
    "night": {"kind": "forbidden_zone", "schedule": {"since": "18:00:00", "to": "07:00:00"}},
    "even_hours": {"kind": "dwell", "after_s": 120, "pace": AT_ONCE, "schedule": {}},
}
"""Those that a file of tracks can be judged by."""
RULES: dict[str, dict[str, Any]] = {
    **FILE_RULES,
    "off_post": {"kind": "off_post", "pace": {"open_after_fixes": 3, "open_after_s": 120}},
    "never_arrived": {"kind": "never_arrived", "after_s": 600, "buffer_m": 20},
    "low_battery": {"kind": "low_battery"},
    "jump": {"kind": "jump", "pace": AT_ONCE},
    "towed": {"kind": "ignition_off"},
    "lost_by_day": {"kind": "signal_lost", "schedule": {}},
}
CROWD = {"kind": "gathering", "count": 4, "radius_m": 25, "after_s": 120}
ZONES = {
    "BAN": (LON - 150 * METRE_LON, LAT, LON + 150 * METRE_LON, LAT + 400 * METRE_LAT),
    "CITY": (LON - 300 * METRE_LON, LAT - 300 * METRE_LAT, LON + 300 * METRE_LON, LAT + 300 * METRE_LAT),
    "SLOW": (LON, LAT - 500 * METRE_LAT, LON + 500 * METRE_LON, LAT - 100 * METRE_LAT),
}
PLACE_OF = {"ban": "BAN", "night": "BAN", "city": "CITY", "speeding": "SLOW", "off_route": "ROUTE"}
ROUTE = f"LINESTRING({LON - 600 * METRE_LON} {LAT}, {LON + 600 * METRE_LON} {LAT})"
ROAD = f"LINESTRING({LON} {LAT - 600 * METRE_LAT}, {LON} {LAT + 600 * METRE_LAT})"


def define_rules(connection: psycopg.Connection[Any], now_us: int) -> None:
    """Rules of every kind but gatherings, in force for ever, over a city of ``scene.make_city``. Two of them
    have a schedule that begins or ends within the hours before ``now_us``."""
    for code, box in ZONES.items():
        connection.execute(
            "INSERT INTO zone (code, kind, name, area_code, valid_from, geom)"
            " VALUES (%s, 'fence', %s, '990102001', '2020-01-01',"
            " ST_Multi(ST_MakeEnvelope(%s, %s, %s, %s, 4326)))",
            (code, code, *box),
        )
    connection.execute(
        "INSERT INTO route (code, name, area_code, geom)"
        " VALUES ('ROUTE', '作业路线', '990102001', ST_GeomFromText(%s, 4326))",
        [ROUTE],
    )
    connection.execute(
        "INSERT INTO road (name, road_class, source, source_key, geom)"
        " VALUES ('测试路', 'primary', 'bench', '1', ST_Multi(ST_GeomFromText(%s, 4326)))",
        [ROAD],
    )
    for key, definition in rules_at(RULES, now_us).items():
        connection.execute(
            "INSERT INTO alert_rule (key, version, definition, zone_codes, changed_at)"
            " VALUES (%s, 1, %s, %s, '2020-01-01')",
            (key, json.dumps({"key": key, **definition}), [PLACE_OF[key]] if key in PLACE_OF else []),
        )
    connection.execute("UPDATE device SET period_s = %s", [STEP_S])


def rules_at(rules: dict[str, dict[str, Any]], now_us: int) -> dict[str, dict[str, Any]]:
    """With the empty schedules filled in: from half past of one hour to half past of another."""
    hour = int((now_us // 3_600_000_000 + 8) % 24)
    windows = {
        "even_hours": {"since": f"{(hour - 3) % 24:02}:30:00", "to": f"{(hour - 2) % 24:02}:30:00"},
        "lost_by_day": {"since": f"{(hour - 2) % 24:02}:30:00", "to": f"{(hour - 1) % 24:02}:30:00"},
    }
    return {
        key: {**definition, "schedule": windows[key]} if key in windows else definition
        for key, definition in rules.items()
    }


def define_crowds(connection: psycopg.Connection[Any], half: int) -> None:
    """A rule about gatherings for the devices up to number ``half``, and one for the others."""
    connection.execute(
        "WITH org AS (INSERT INTO org_unit (code, name, kind, area_code)"
        "             VALUES ('OTHERS', '其余', 'centre', '990102') RETURNING id)"
        " UPDATE device SET org_unit_id = org.id FROM org WHERE substr(key, 2)::integer >= %s",
        [half],
    )
    for key, code in (("crowd", "BENCH"), ("crowd_others", "OTHERS")):
        connection.execute(
            "INSERT INTO alert_rule (key, version, definition, org_unit_ids, changed_at)"
            " SELECT %s, 1, %s, ARRAY[id], '2020-01-01' FROM org_unit WHERE code = %s",
            (key, json.dumps({"key": key, **CROWD}), code),
        )


def define_watched(connection: psycopg.Connection[Any], half: int) -> None:
    """A rule for single devices: every second of the first ``half`` and its like in the other."""
    keys = [f"d{number + other}" for number in range(0, half, 2) for other in (0, half)]
    definition = {"key": "watched", "kind": "low_battery", "devices": keys}
    connection.execute(
        "INSERT INTO alert_rule (key, version, definition, changed_at)"
        " VALUES ('watched', 1, %s, '2020-01-01')",
        [json.dumps(definition)],
    )


def draw_turns(connection: psycopg.Connection[Any], now_us: int, half: int) -> None:
    """Every third device gets short turns for changing grids in place of the long one; each of the second
    half those of its like in the first."""
    connection.execute("UPDATE roster SET responsibility_grid_id = 1")
    connection.execute(
        "DELETE FROM roster r USING device d"
        " WHERE d.id = r.device_id AND (substr(d.key, 2)::integer %% %s) %% 3 = 2",
        [half],
    )
    turns = []
    for number in range(2, half, 3):
        rng = np.random.default_rng(number + 77)
        edges = np.cumsum(np.r_[20, rng.integers(15, 60, 8)])[::-1]
        for since, until in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if rng.random() < 0.75:
                grid = int(rng.integers(1, 4))
                turns += [(f"d{one}", since, until, grid) for one in (number, number + half)]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id)"
            " SELECT id, to_timestamp(%(now)s) - make_interval(mins => %(since)s),"
            "        to_timestamp(%(now)s) - make_interval(mins => %(until)s), %(grid)s"
            "   FROM device WHERE key = %(key)s",
            [
                {"now": now_us // 1_000_000, "key": key, "since": since, "until": until, "grid": grid}
                for key, since, until, grid in turns
            ],
        )
