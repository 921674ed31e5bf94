"""Alerts of a fleet on a bad network beside those of the same fleet on a good one, beside all rules over the
stored fixes in one go, and beside those that ``./wanmi tracks analyse`` finds in the same fixes."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks import disorder, every_rule, offline
from benchmarks.servers import new_servers, prepare_database, scratch_folder
from ingest.writer import BatchWriter
from tracking.analyse.reading import read_columns
from tracking.analyse.report import analyse_file
from tracking.analyse.words import spoken
from tracking.clock import datetime_of, micros_of, now_us
from tracking.correction import Correction
from tracking.fix import Fix
from tracking.reconciliation import Told
from tracking.rules import make_rules
from tracking.settings import CorrectionSettings, TrackingSettings

TRACK_FIXES = 1_000
ALERTS = """
SELECT d.key, a.rule, a.opened_at, a.last_seen_at, a.closed_at, a.close_reason, a.lon, a.lat,
       a.last_lon, a.last_lat, (a.evidence ->> 'worst')::float
  FROM alert a JOIN device d ON d.id = a.device_id
 WHERE a.withdrawn_at IS NULL
"""
WAITING = "SELECT 1 FROM rule_dirty UNION ALL SELECT 1 FROM gathering_dirty LIMIT 1"
Row = tuple[Any, ...]
Tracks = dict[str, list[Fix]]


def measure(
    *, fixes: int, folder: Path | None = None, say: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Half of the devices report in order, the other half the same tracks in disorder; times in seconds."""
    devices = max(fixes // TRACK_FIXES, 2)
    with scratch_folder(folder) as scratch:
        servers = new_servers(scratch)
        with servers.cluster.running():
            prepare_database(servers, devices=2 * devices, side=10)
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                return compare(
                    connection, servers.database_url, devices, scratch, track_fixes=TRACK_FIXES, say=say
                )


def compare(
    connection: psycopg.Connection[Any],
    url: str,
    devices: int,
    scratch: Path,
    *,
    track_fixes: int,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """In a city of ``scene.make_city`` with twice so many devices; every third of them is rough."""
    now = now_us()
    every_rule.define_rules(connection, now)
    every_rule.define_crowds(connection, devices)
    every_rule.define_watched(connection, devices)
    every_rule.draw_turns(connection, now, devices)
    tracks = [disorder.track(number, track_fixes, now - 60_000_000) for number in range(devices)]
    plain = {f"d{number}": track for number, track in enumerate(tracks) if number % 3 != 2}
    for number in range(2, devices, 3):
        tracks[number] = disorder.rough(number, tracks[number])
    ordered = {f"d{number}": track for number, track in enumerate(tracks)}
    disordered = {f"d{number + devices}": track for number, track in enumerate(tracks)}
    writer = BatchWriter(
        url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=3_600,
        grids_every_s=3_600,
        correction=CorrectionSettings(quiet_s=0.5, timers_after_s=0),
    )
    writer.tend()
    corrections = [0, 0]

    def tend(*, backlog: bool = True) -> int:
        done = writer.tend(backlog=backlog)
        corrections[0] += len(done)
        corrections[1] += sum(one.fixes for one in done if isinstance(one, Correction))
        return len(done)

    began = time.perf_counter()
    for batch in disorder.in_order(ordered, now):
        writer.write(batch)
        tend()
    order_s = time.perf_counter() - began
    say(f"  in order {order_s:.1f} s; now in disorder …")
    in_order = list(corrections)
    batches = list(disorder.in_disorder(disordered, now, 1))
    arrived = sum(len(arrival.outcomes) for batch in batches for arrival in batch)
    began = time.perf_counter()
    for number, batch in enumerate(batches):
        writer.write(batch)
        # Now and then the clock has its say before the fixes of then have come.
        tend(backlog=number % 10 != 0)
    disorder_s = time.perf_counter() - began
    say(f"  in disorder {disorder_s:.1f} s; now what is left to correct …")
    began = time.perf_counter()
    settled = 0
    while settled < 2:
        working = tend(backlog=False) or connection.execute(WAITING).fetchone()
        settled = 0 if working else settled + 1
        if not working:
            time.sleep(1.1)
    settle_s = time.perf_counter() - began - 2.2
    writer.close()
    say(f"  settled in {settle_s:.1f} s; now all of it in one go …")
    alerts = [tuple(row) for row in connection.execute(ALERTS)]
    good = {row for row in alerts if row[0] in ordered}
    bad = {
        (f"d{int(row[0][1:]) - devices}", row[1].removesuffix("_others"), *row[2:])
        for row in alerts
        if row[0] in disordered
    }
    began = time.perf_counter()
    whole = _offline(connection, ordered)
    offline_s = time.perf_counter() - began
    in_file = {
        (row[0], row[1], *(_told(moment) for moment in row[2:5]), row[5])
        for row in good
        if row[0] in plain and row[1] in {*every_rule.FILE_RULES, "outside_grid"}
    }
    began = time.perf_counter()
    from_file = _in_file(plain, connection, scratch, now)
    file_s = time.perf_counter() - began
    rules = sorted({row[1] for row in good})
    return {
        "fixes": devices * track_fixes,
        "devices": devices,
        "arrived_in_disorder": arrived,
        "stored": _count(connection, "fix"),
        "alerts": len(good),
        "by_rule": {rule: sum(row[1] == rule for row in good) for rule in rules},
        "by_end": {
            reason: sum(str(row[5]) == reason for row in good)
            for reason in sorted({str(row[5]) for row in good})
        },
        "mismatches_disorder": len(good ^ bad),
        "mismatches_offline": len(good ^ whole),
        "alerts_in_file": len(in_file),
        "mismatches_file": len(in_file ^ from_file),
        "differences": [
            *_different("disorder", good, bad),
            *_different("offline", good, whole),
            *_different("file", in_file, from_file),
        ],
        "corrections_in_order": in_order[0],
        "corrections": corrections[0] - in_order[0],
        "judged_again": corrections[1] - in_order[1],
        "withdrawn": _count(connection, "alert WHERE withdrawn_at IS NOT NULL"),
        "order_s": round(order_s, 1),
        "disorder_s": round(disorder_s, 1),
        "settle_s": round(settle_s, 1),
        "offline_s": round(offline_s, 1),
        "file_s": round(file_s, 1),
    }


def _count(connection: psycopg.Connection[Any], of: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {of}").fetchone()
    return int(row[0]) if row else 0


def _different(name: str, one: set[Row], other: set[Row]) -> list[str]:
    """The first few, to look into."""
    return [f"{name}: {row}" for row in sorted(one ^ other, key=str)[:6]]


def _told(moment: Any) -> str | None:
    return None if moment is None else spoken(micros_of(moment))


def _offline(connection: psycopg.Connection[Any], tracks: Tracks) -> set[Row]:
    rows = connection.execute("SELECT id, key FROM device WHERE key = ANY (%s)", [[*tracks]])
    keys: dict[int, str] = dict(rows.fetchall())
    return {
        (keys[device], *_row(told)) for device, told in offline.episodes(connection, sorted(keys), now_us())
    }


def _row(told: Told) -> Row:
    moments = (told.opened_us, told.seen_us, told.closed_us)
    times = [None if one is None else datetime_of(one) for one in moments]
    place = (told.lon, told.lat, told.last_lon, told.last_lat)
    worst = told.evidence.get("worst")
    return (told.rule, *times, told.close_reason, *place, None if worst is None else float(worst))


def _in_file(tracks: Tracks, connection: psycopg.Connection[Any], scratch: Path, now: int) -> set[Row]:
    """The same fixes as a file, with the same grid, zones and rules."""
    grid = connection.execute(
        "SELECT ST_AsGeoJSON(geom, 15) FROM responsibility_grid WHERE id = 1"
    ).fetchone()
    assert grid is not None
    (scratch / "grid.geojson").write_text(grid[0])
    rules = ['[[rule]]\nkey = "outside_grid"\nkind = "outside_grid"\n[rule.pace]\nupdate_every_s = 30']
    for key, definition in every_rule.rules_at(every_rule.FILE_RULES, now).items():
        lines, tables = [f'[[rule]]\nkey = "{key}"'], []
        for name, value in definition.items():
            if name in ("road_limits", "zone_limit_kmh"):
                continue  # the shapes tell them
            if isinstance(value, dict):
                inner = "\n".join(
                    f"{part} = {said if name == 'schedule' else json.dumps(said)}"
                    for part, said in value.items()
                )
                tables.append(f"[rule.{name}]\n{inner}")
            else:
                lines.append(f"{name} = {json.dumps(value)}")
        if key in every_rule.PLACE_OF:
            (scratch / f"{key}.geojson").write_text(_shapes(connection, key))
            lines.append(f'geometry = "{key}.geojson"')
        rules.append("\n".join([*lines, *tables]))
    (scratch / "rules.toml").write_text("\n".join(rules))
    with (scratch / "tracks.csv").open("w") as file:
        file.write("device,time,lon,lat\n")
        for key, of_device in tracks.items():
            for fix in of_device:
                moment = np.datetime64(fix.fix_time_us, "us")
                file.write(f"{key},{moment}Z,{fix.lon!r},{fix.lat!r}\n")
    records = analyse_file(
        read_columns(scratch / "tracks.csv"),
        now_us=now_us(),
        grid_file=scratch / "grid.geojson",
        rules_file=scratch / "rules.toml",
    )
    names = ("device", "rule", "opened_at", "last_seen_at", "closed_at", "close_reason")
    return {tuple(record[name] for name in names) for record in records if record["kind"] == "alert"}


def _shapes(connection: psycopg.Connection[Any], key: str) -> str:
    """What a rule is about, as GeoJSON with speed limits."""
    rows = connection.execute(
        "SELECT ST_AsGeoJSON(geom, 15) FROM zone WHERE code = %(code)s UNION ALL"
        " SELECT ST_AsGeoJSON(geom, 15) FROM route WHERE code = %(code)s",
        {"code": every_rule.PLACE_OF[key]},
    ).fetchall()
    rule = every_rule.FILE_RULES[key]
    features = [
        {"geometry": json.loads(row[0]), "properties": {"limit_kmh": rule.get("zone_limit_kmh")}}
        for row in rows
    ]
    if "road_limits" in rule:
        roads = connection.execute("SELECT ST_AsGeoJSON(geom, 15) FROM road").fetchall()
        features += [
            {"geometry": json.loads(row[0]), "properties": {"limit_kmh": rule["road_limits"]["primary"]}}
            for row in roads
        ]
    return json.dumps({"type": "FeatureCollection", "features": features})


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows for people."""
    return [
        ("定位点 fixes", f"{figures['fixes']:,}; {figures['devices']:,} 台 devices"),
        ("乱序到达（含重复）arrived in disorder, doubled", f"{figures['arrived_in_disorder']:,}"),
        ("报警 alerts", f"{figures['alerts']:,} {figures['by_rule']}"),
        ("结束原因 ended by", str(figures["by_end"])),
        ("乱序与顺序不符 mismatches, disorder beside order", str(figures["mismatches_disorder"])),
        ("与一次重算不符 mismatches, beside all in one go", str(figures["mismatches_offline"])),
        (
            "与离线分析不符 mismatches, beside tracks analyse",
            f"{figures['mismatches_file']} / {figures['alerts_in_file']:,}",
        ),
        *(("不符 different", one) for one in figures["differences"]),
        (
            "更正 corrections",
            f"{figures['corrections']:,}; 重算 judged again {figures['judged_again']:,};"
            f" 撤回 withdrawn {figures['withdrawn']:,}",
        ),
        (
            "秒 seconds",
            f"顺序 order {figures['order_s']}, 乱序 disorder {figures['disorder_s']},"
            f" 收尾 settling {figures['settle_s']}, 一次重算 in one go {figures['offline_s']},"
            f" 离线分析 file {figures['file_s']}",
        ),
    ]
