"""Devices back after four hours: when the newest fix is shown, and how fast the rest goes in.

From the raw messages to COMMIT by the code of ingest, the broker left out; oldest first, as terminals send.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from benchmarks import fleet, scene
from benchmarks.servers import new_servers, prepare_database, scratch_folder
from ingest import batch, topics
from ingest.lanes import Lanes
from ingest.settings import IngestSettings
from ingest.writer import BatchWriter
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
            keys = prepare_database(servers, devices=devices + 1, side=fleet.SIDE)
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                fleet.make_rules(connection)
            say("backlog …")
            writer = BatchWriter(
                servers.database_url,
                tracking=TrackingSettings(),
                rules=make_rules(),
                directory_every_s=3_600,
                grids_every_s=3_600,
            )
            writer.refresh()
            alone = _drain(writer, _messages(keys[0], 0))
            together = _drain(
                writer, [message for number, key in enumerate(keys[1:]) for message in _messages(key, number)]
            )
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                stored = connection.execute("SELECT count(*) FROM fix").fetchone()
                began = time.perf_counter()
                while writer.tend(backlog=True) or _dirty(connection):
                    time.sleep(0.01)
                corrected_s = time.perf_counter() - began
            writer.close()
    fixes = HOURS * 3600
    assert stored == (fixes * (devices + 1),)
    return {
        "one_device_fixes": fixes,
        "newest_shown_s": round(alone.shown_s, 3),
        "one_device_s": round(alone.whole_s, 3),
        "devices": devices,
        "fixes": fixes * devices,
        "all_shown_s": round(together.shown_s, 3),
        "drained_per_s": round(fixes * devices / together.whole_s),
        "judged_again_s": round(corrected_s, 1),
        "alert_rules": 1 + len(fleet.RULES),
    }


class Drained(NamedTuple):
    """Seconds until the newest fix of every device was committed, and until all were."""

    shown_s: float
    whole_s: float


class Waiting(NamedTuple):
    device: str
    topic: str
    payload: bytes


def _dirty(connection: psycopg.Connection[Any]) -> bool:
    return connection.execute("SELECT EXISTS (SELECT FROM rule_dirty)").fetchone() == (True,)


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


def _drain(writer: BatchWriter, messages: list[tuple[str, bytes]]) -> Drained:
    """All wait in the queue of ingest when it begins."""
    settings = IngestSettings()
    queue: Lanes[Waiting] = Lanes(lambda message: message.device)
    queue.put(Waiting(topic.split("/")[2], topic, payload) for topic, payload in messages)
    # Each device's messages come in order of time: the last one holds its newest fix.
    unseen = {message[0]: message for message in messages}
    began = time.perf_counter()
    shown_s = 0.0
    while batch := queue.take(settings.batch_messages, settings.batch_bytes):
        writer.write(
            [
                topics.read(
                    message.topic,
                    message.payload,
                    now_us(),
                    retained=False,
                    max_payload_bytes=settings.max_payload_bytes,
                )
                for message in batch
            ]
        )
        for message in batch:
            if unseen.get(message.topic, ("", b""))[1] is message.payload:
                del unseen[message.topic]
                shown_s = time.perf_counter() - began
    assert not unseen
    return Drained(shown_s, time.perf_counter() - began)


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows for people."""
    f = figures
    return [
        (
            f"一台设备 {HOURS} 小时 one device, {f['one_device_fixes']:,} fixes",
            f"newest shown after {f['newest_shown_s']} s, all after {f['one_device_s']} s",
        ),
        (
            f"{f['devices']} 台 devices, {f['fixes']:,} fixes",
            f"{f['drained_per_s']:,}/s, the newest of all shown after {f['all_shown_s']} s",
        ),
        ("之后重新判断 judged again afterwards", f"{f['judged_again_s']} s"),
    ]
