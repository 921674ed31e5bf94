"""Devices back after four hours: when the newest fix is shown, and how fast the rest goes in.

From the raw messages to COMMIT by the code of ingest, the broker left out; oldest first, as terminals send.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import scene
from benchmarks.servers import new_servers, prepare_database, scratch_folder
from ingest import batch, topics
from ingest.settings import IngestSettings
from ingest.writer import BatchWriter
from tracking.arrival import Arrival
from tracking.clock import now_us
from tracking.fix import Fix
from tracking.rules import make_rules
from tracking.settings import TrackingSettings

HOURS = 4
A_MESSAGE = 480


def measure(*, devices: int, folder: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """One device with a fix a second, then ``devices`` of them at once."""
    with scratch_folder(folder) as scratch:
        servers = new_servers(scratch)
        with servers.cluster.running():
            keys = prepare_database(servers, devices=devices + 1)
            say("backlog …")
            writer = BatchWriter(
                servers.database_url,
                tracking=TrackingSettings(),
                rules=make_rules(),
                directory_every_s=3_600,
                grids_every_s=3_600,
            )
            writer.refresh()
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                first = _messages(keys[0], 0)
                alone_s = _drain(writer, first)
                newest = connection.execute(
                    "SELECT max(fix_time) = (SELECT max(fix_time) FROM fix) FROM device_state"
                )
                shown = newest.fetchone() == (True,)
                rest = [message for number, key in enumerate(keys[1:]) for message in _messages(key, number)]
                all_s = _drain(writer, rest)
            writer.close()
    fixes = HOURS * 3600
    return {
        "one_device_fixes": fixes,
        "newest_shown_s": round(alone_s, 3),
        "newest_is_shown": shown,
        "devices": devices,
        "fixes": fixes * devices,
        "drained_per_s": round(fixes * devices / all_s),
    }


def _messages(key: str, number: int) -> list[tuple[str, bytes]]:
    """A fix a second for four hours until now, along a street and back."""
    end_us = now_us() - 1_000_000
    told = [
        Fix(
            end_us - (HOURS * 3600 - second) * 1_000_000,
            scene.WEST + 0.002 + abs(second % 600 - 300) * 1e-5,
            scene.SOUTH + 0.002 + number % 50 * 2e-4,
            speed_mps=1.0,
        )
        for second in range(HOURS * 3600)
    ]
    topic = f"wanmi/v1/{key}/fixes"
    return [(topic, batch.encode(told[n : n + A_MESSAGE])) for n in range(0, len(told), A_MESSAGE)]


def _drain(writer: BatchWriter, messages: list[tuple[str, bytes]]) -> float:
    """Seconds from the first byte to the last COMMIT."""
    settings = IngestSettings()
    began = time.perf_counter()
    held: list[Arrival] = []
    size = 0
    for topic, payload in messages:
        held.append(
            topics.read(
                topic, payload, now_us(), retained=False, max_payload_bytes=settings.max_payload_bytes
            )
        )
        size += len(payload)
        if size >= settings.batch_bytes or len(held) >= settings.batch_messages:
            writer.write(held)
            held, size = [], 0
    if held:
        writer.write(held)
    return time.perf_counter() - began


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows for people."""
    f = figures
    return [
        (
            f"一台设备 {HOURS} 小时 one device, {f['one_device_fixes']:,} fixes",
            f"newest shown after {f['newest_shown_s']} s ({'right' if f['newest_is_shown'] else 'WRONG'})",
        ),
        (f"{f['devices']} 台 devices, {f['fixes']:,} fixes", f"{f['drained_per_s']:,}/s"),
    ]
