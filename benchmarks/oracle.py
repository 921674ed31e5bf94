"""Alerts of a fleet on a bad network beside those of the same fleet on a good one, and beside those that
``./wanmi tracks analyse`` finds in the same fixes."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks import disorder
from benchmarks.servers import new_servers, prepare_database, scratch_folder
from ingest.writer import BatchWriter
from tracking.analyse.reading import read_columns
from tracking.analyse.report import analyse_file
from tracking.analyse.words import spoken
from tracking.clock import micros_of, now_us
from tracking.correction import Correction
from tracking.fix import Fix
from tracking.rules import make_rules
from tracking.settings import CorrectionSettings, TrackingSettings

TRACK_FIXES = 1_000
ALERTS = """
SELECT d.key, a.rule, a.opened_at, a.last_seen_at, a.closed_at, a.close_reason, a.lon, a.lat,
       a.last_lon, a.last_lat, a.evidence ->> 'worst'
  FROM alert a JOIN device d ON d.id = a.device_id
 WHERE a.withdrawn_at IS NULL
"""
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
                disorder.define_rules(connection)
                connection.execute("UPDATE roster SET responsibility_grid_id = 1")
                return _run(connection, servers.database_url, devices, scratch, say)


def _run(
    connection: psycopg.Connection[Any],
    url: str,
    devices: int,
    scratch: Path,
    say: Callable[[str], None],
) -> dict[str, Any]:
    now = now_us()
    tracks = [disorder.track(number, TRACK_FIXES, now - 60_000_000) for number in range(devices)]
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
    began = time.perf_counter()
    for batch in disorder.in_order(ordered, now):
        writer.write(batch)
        writer.tend(backlog=True)
    order_s = time.perf_counter() - began
    say(f"  in order {order_s:.1f} s; now in disorder …")
    batches = list(disorder.in_disorder(disordered, now, 1))
    arrived = sum(len(arrival.outcomes) for batch in batches for arrival in batch)
    began = time.perf_counter()
    corrections = [0, 0]

    def tend() -> int:
        done = writer.tend(backlog=True)
        corrections[0] += len(done)
        corrections[1] += sum(one.fixes for one in done if isinstance(one, Correction))
        return len(done)

    for batch in batches:
        writer.write(batch)
        tend()
    disorder_s = time.perf_counter() - began
    say(f"  in disorder {disorder_s:.1f} s; now what is left to correct …")
    began = time.perf_counter()
    while tend() or connection.execute("SELECT 1 FROM rule_dirty LIMIT 1").fetchone():
        pass
    settle_s = time.perf_counter() - began
    writer.close()
    alerts = [tuple(row) for row in connection.execute(ALERTS)]
    good = {row for row in alerts if row[0] in ordered}
    bad = {(f"d{int(row[0][1:]) - devices}", *row[1:]) for row in alerts if row[0] in disordered}
    began = time.perf_counter()
    offline = _offline(ordered, connection, scratch)
    offline_s = time.perf_counter() - began
    live = {(row[0], row[1], *(_told(moment) for moment in row[2:5]), row[5]) for row in good}
    stored = connection.execute("SELECT count(*) FROM fix").fetchone()
    withdrawn = connection.execute("SELECT count(*) FROM alert WHERE withdrawn_at IS NOT NULL").fetchone()
    return {
        "fixes": devices * TRACK_FIXES,
        "devices": devices,
        "arrived_in_disorder": arrived,
        "stored": stored[0] if stored else 0,
        "alerts": len(good),
        "by_rule": {rule: sum(row[1] == rule for row in good) for rule in sorted({row[1] for row in good})},
        "mismatches_disorder": len(good ^ bad),
        "mismatches_offline": len(live ^ offline),
        "corrections": corrections[0],
        "judged_again": corrections[1],
        "withdrawn": withdrawn[0] if withdrawn else 0,
        "order_s": round(order_s, 1),
        "disorder_s": round(disorder_s, 1),
        "settle_s": round(settle_s, 1),
        "offline_s": round(offline_s, 1),
    }


def _told(moment: Any) -> str | None:
    return None if moment is None else spoken(micros_of(moment))


def _offline(tracks: Tracks, connection: psycopg.Connection[Any], scratch: Path) -> set[tuple[Any, ...]]:
    """The same fixes as a file, with the same grid, zones and rules."""
    grid = connection.execute(
        "SELECT ST_AsGeoJSON(geom, 15) FROM responsibility_grid WHERE id = 1"
    ).fetchone()
    assert grid is not None
    (scratch / "grid.geojson").write_text(grid[0])
    rules = ['[[rule]]\nkey = "outside_grid"\nkind = "outside_grid"\n[rule.pace]\nupdate_every_s = 30']
    for key, definition in disorder.RULES.items():
        lines, tables = [f'[[rule]]\nkey = "{key}"'], []
        for name, value in definition.items():
            if isinstance(value, dict):
                inner = "\n".join(
                    f"{part} = {said if name == 'schedule' else json.dumps(said)}"
                    for part, said in value.items()
                )
                tables.append(f"[rule.{name}]\n{inner}")
            else:
                lines.append(f"{name} = {json.dumps(value)}")
        if key in disorder.ZONE_OF:
            code = disorder.ZONE_OF[key]
            shape = connection.execute(
                "SELECT ST_AsGeoJSON(geom, 15) FROM zone WHERE code = %s", [code]
            ).fetchone()
            assert shape is not None
            (scratch / f"{code}.geojson").write_text(shape[0])
            lines.append(f'geometry = "{code}.geojson"')
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


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows for people."""
    return [
        ("定位点 fixes", f"{figures['fixes']:,}; {figures['devices']:,} 台 devices"),
        ("乱序到达（含重复）arrived in disorder, doubled", f"{figures['arrived_in_disorder']:,}"),
        ("报警 alerts", f"{figures['alerts']:,} {figures['by_rule']}"),
        ("乱序与顺序不符 mismatches, disorder beside order", str(figures["mismatches_disorder"])),
        ("与离线分析不符 mismatches, beside tracks analyse", str(figures["mismatches_offline"])),
        (
            "更正 corrections",
            f"{figures['corrections']:,}; 重算 judged again {figures['judged_again']:,};"
            f" 撤回 withdrawn {figures['withdrawn']:,}",
        ),
        (
            "秒 seconds",
            f"顺序 order {figures['order_s']}, 乱序 disorder {figures['disorder_s']},"
            f" 收尾 settling {figures['settle_s']}, 离线 offline {figures['offline_s']}",
        ),
    ]
