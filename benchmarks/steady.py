"""Memory of ingest while a fleet reports for a long time: it must stay where it is."""

import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import psycopg

from benchmarks import fleet
from benchmarks.fixes import consuming
from benchmarks.load import Message, Publisher
from benchmarks.servers import new_servers, prepare_database, scratch_folder

MIB = 2**20
TURN_S = 0.1
SETTLE_S = 660.0
"""Until then the process learns its devices, and has read them anew twice (``directory_every_s``): from there
on two generations of them have been in memory at once."""


def measure(
    *,
    minutes: float,
    per_second: float,
    devices: int,
    active: int,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """``active`` of ``devices`` send ``per_second`` fixes together; resident memory each ten seconds."""
    with scratch_folder(folder) as scratch:
        servers = new_servers(scratch)
        with servers.cluster.running(), servers.broker.running():
            keys = prepare_database(servers, devices=devices, side=fleet.SIDE)[:active]
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                fleet.make_rules(connection)
            with consuming(servers, "full") as lines:
                process = get_context("spawn").Process(
                    target=_report,
                    args=(servers.broker.url("simulator"), list(keys), per_second, minutes * 60),
                )
                process.start()
                seen, fixes = _watch(lines, minutes, say)
                process.join(30)
                process.kill()
    moments, memory = np.array(seen).T
    settled = moments >= min(SETTLE_S, moments[-1] / 2)
    slope = np.polyfit(moments[settled] / 3_600, memory[settled], 1)[0] if settled.sum() > 2 else float("nan")
    return {
        "minutes": round(moments[-1] / 60, 1),
        "fixes": fixes,
        "devices": devices,
        "devices_sending": active,
        "alert_rules": 1 + len(fleet.RULES),
        "first_mib": round(float(memory[settled][0]), 1),
        "last_mib": round(float(memory[-1]), 1),
        "most_mib": round(float(memory.max()), 1),
        "mib_an_hour": round(float(slope), 2),
        "each_minute_mib": [round(float(value), 1) for value in memory[::6]],
    }


def _watch(lines: Any, minutes: float, say: Callable[[str], None]) -> tuple[list[tuple[float, float]], int]:
    seen: list[tuple[float, float]] = []
    began, fixes = time.time(), 0
    ingest: psutil.Process | None = None
    for line in lines:
        passed, fixes = line["at"] - began, line["fixes"]
        if ingest is None:
            ingest = _ingest()
        if not seen or passed >= seen[-1][0] + 10:
            seen.append((passed, ingest.memory_info().rss / MIB))
            if len(seen) % 30 == 1:
                say(f"  {passed / 60:.0f} min: {fixes:,} fixes, {seen[-1][1]:.1f} MiB")
        if passed >= minutes * 60:
            return seen, fixes
    raise RuntimeError("the consumer ended; see its log")


def _ingest() -> psutil.Process:
    for child in psutil.Process().children(recursive=True):
        if "benchmarks.consumer" in child.cmdline():
            return child
    raise RuntimeError("no consumer runs")


def _report(url: str, keys: list[str], per_second: float, seconds: float) -> None:
    """Each device in turn, at the place where it is at that moment."""
    publisher = Publisher(url, "steady", window=20_000)
    publisher.connect()
    numbers = fleet.numbers_of(keys)
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(elapsed * per_second) - sent
        if due <= 0:
            time.sleep(TURN_S)
            continue
        number = np.arange(sent, sent + due) % len(keys)
        now = time.time()
        chunk: list[Message] = [
            (
                f"wanmi/v1/{keys[device]}/fix",
                (
                    f'{{"time":{now:.3f},"lon":{lon:.7f},"lat":{lat:.7f},"speed_mps":{speed:.2f},'
                    f'"accuracy_m":5,"battery_pct":{90 - device % 60}}}'
                ).encode(),
            )
            for device, (lon, lat, speed) in zip(
                number.tolist(), fleet.places(numbers[number], np.full(due, elapsed)).tolist(), strict=True
            )
        ]
        publisher.publish(chunk)
        sent += due
        time.sleep(TURN_S)


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows for people."""
    f = figures
    return [
        ("时长与定位点 minutes and fixes", f"{f['minutes']} min, {f['fixes']:,}"),
        ("内存 memory", f"{f['first_mib']} → {f['last_mib']} MiB, most {f['most_mib']} MiB"),
        ("趋势 trend", f"{f['mib_an_hour']:+} MiB/h"),
    ]
