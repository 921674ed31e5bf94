"""Fixes committed a second, beside the rate at which the same client merely receives and decodes."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg

from benchmarks import fleet
from benchmarks.load import Message, Publisher
from benchmarks.servers import Servers, new_broker, new_servers, prepare_database, scratch_folder

PUBLISHERS = 2
WARM_UP_S = 2.0
LATENCY_CHUNK_S = 0.02
PREPARED_A_SECOND = 20_000
STEP_S = 0.8
"""Between two fixes of a device, at the rate that we hope for."""
AHEAD = 20_000
"""So many messages may wait at the broker. A publisher that outruns the consumer takes the processor from it,
and has the broker read from disk what it could have passed on."""
FASTEST = {"single": 40_000, "batch": 1_200}
"""Messages a second for which enough are prepared."""


class Offer(NamedTuple):
    """What publishers are told: to begin, and how many messages the consumer has taken."""

    go: Event
    taken: Any


def measure(
    *,
    seconds: float,
    devices: int,
    active: int = 20_000,
    payload: str = "single",
    folder: Path | None = None,
    say: Any = lambda text: None,
) -> dict[str, Any]:
    """Run all phases; rates in fixes a second, delays in seconds. ``active`` of the ``devices`` send.

    ``payload``: ``single``, a JSON fix a message; or ``batch``, compact batches (without delays: what a
    batch brings is old).
    """
    with scratch_folder(folder) as scratch:
        servers = new_servers(scratch)
        with servers.cluster.running():
            keys = prepare_database(servers, devices=devices, side=fleet.SIDE)[:active]
            with psycopg.connect(servers.database_url, autocommit=True) as connection:
                fleet.make_rules(connection)
            say("receive, decode, acknowledge …")
            with _fresh_broker(servers, "ceiling") as phase:
                ceiling = _rate(phase, keys, "ceiling", seconds, payload)
            say(f"  {ceiling['per_second']:,.0f}/s; now the whole way to COMMIT …")
            with _fresh_broker(servers, "full") as phase:
                full = _rate(phase, keys, "full", seconds, payload)
            delays: dict[str, float] = {}
            if payload == "single":
                say(f"  {full['per_second']:,.0f}/s; now delays at half that rate …")
                with _fresh_broker(servers, "delays") as phase:
                    delays = _delays(phase, keys, full["per_second"] / 2, seconds)
    return {
        "ceiling_per_s": round(ceiling["per_second"]),
        "committed_per_s": round(full["per_second"]),
        "ratio": round(full["per_second"] / ceiling["per_second"], 3),
        "ceiling_cpu_us": round(ceiling["cpu_us"], 1),
        "committed_cpu_us": round(full["cpu_us"], 1),
        "payload": payload,
        "half_rate_per_s": round(full["per_second"] / 2),
        **delays,
        "devices": devices,
        "devices_sending": active,
        "unit_grids": fleet.SIDE**2,
        "responsibility_grids": (fleet.SIDE // fleet.BLOCK) ** 2,
        "fences": fleet.FENCES,
        "alert_rules": 1 + len(fleet.RULES),
        "cpus": os.cpu_count(),
    }


@contextmanager
def _fresh_broker(servers: Servers, phase: str) -> Iterator[Servers]:
    """A broker without what the last phase left in it: deleting a backlog takes it many seconds."""
    broker = new_broker(servers.folder / phase)
    with broker.running():
        yield servers._replace(broker=broker)


def _rate(servers: Servers, keys: Sequence[str], kind: str, seconds: float, payload: str) -> dict[str, float]:
    count = int(FASTEST[payload] * (seconds + WARM_UP_S)) // PUBLISHERS
    if payload == "batch":
        # The last fix is of a minute ago.
        turns = PUBLISHERS * count // len(keys) + 1
        start_s = time.time() - 60 - turns * fleet.BATCH_FIXES * fleet.PERIOD_S
    else:
        # Sent about when they are told; by then the messages are made.
        start_s = time.time() + 3 + count / PREPARED_A_SECOND
    with consuming(servers, kind) as lines, _publishing(servers, keys, count, start_s, payload) as offer:
        offer.go.set()
        told = _telling(lines, offer, fleet.BATCH_FIXES if payload == "batch" else 1)
        begun = next(line for line in told if line["fixes"])
        first = next(line for line in told if line["at"] >= begun["at"] + WARM_UP_S)
        last = next(line for line in told if line["at"] >= first["at"] + seconds)
    done = last["fixes"] - first["fixes"]
    return {
        "per_second": done / (last["at"] - first["at"]),
        "cpu_us": (last["cpu_s"] - first["cpu_s"]) / max(done, 1) * 1e6,
    }


def _telling(lines: Iterator[dict[str, Any]], offer: "Offer", a_message: int) -> Iterator[dict[str, Any]]:
    """The same lines, each told to the publishers."""
    for line in lines:
        offer.taken.value = line["fixes"] // a_message
        yield line


def _delays(servers: Servers, keys: Sequence[str], per_second: float, seconds: float) -> dict[str, float]:
    """Send with the time of sending as fix time; from there to COMMIT."""
    with consuming(servers, "full") as lines:
        process = multiprocessing.get_context("spawn").Process(
            target=_publish_paced, args=(servers.broker.url("simulator"), list(keys), per_second, seconds + 6)
        )
        process.start()
        wanted = time.time() + WARM_UP_S
        found: list[float] = []
        began: dict[str, Any] | None = None
        for line in lines:
            if line["at"] > wanted + seconds + 60:
                raise RuntimeError("the consumer receives nothing; see its log")
            if line["at"] < wanted or not line["delays_s"]:
                continue
            began = began or line
            found += line["delays_s"]
            if line["at"] - began["at"] >= seconds:
                break
        assert began is not None
        reached = (line["fixes"] - began["fixes"]) / (line["at"] - began["at"])
        process.terminate()
        process.join()
    return {
        "half_rate_reached_per_s": round(reached),
        "p50_s": round(float(np.percentile(found, 50)), 3),
        "p99_s": round(float(np.percentile(found, 99)), 3),
        "longest_s": round(max(found), 3),
    }


def _publish_paced(url: str, keys: list[str], per_second: float, seconds: float) -> None:
    publisher = Publisher(url, "bench-paced")
    count = int(per_second * seconds * 1.1)
    templates = fleet.fixes(keys, first=0, count=count, start_s=0, step_s=len(keys) / per_second)
    bodies = [(topic, payload.partition(b",")[2]) for topic, payload in templates]
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(elapsed * per_second) - sent
        now = time.time()
        chunk: list[Message] = []
        for step in range(due):
            topic, rest = bodies[(sent + step) % len(bodies)]
            chunk.append((topic, b'{"time":%.6f,' % (now + step * 1e-6) + rest))
        publisher.publish(chunk)
        sent += due
        time.sleep(LATENCY_CHUNK_S)


@contextmanager
def consuming(servers: Servers, kind: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The consumer process and the lines it tells, one a second."""
    client_id = f"bench-{kind}"
    environment = {
        **os.environ,
        "BENCH_CONSUMER": kind,
        "WANMI_DATABASE_URL": servers.database_url,
        "WANMI_MQTT_URL": servers.broker.url("ingest"),
        "WANMI_MQTT_CLIENT_ID": client_id,
        "WANMI_DATA_DIR": str(servers.folder),
    }
    with (servers.folder / "consumer.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.consumer"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(__file__).parents[1],
        )
    assert process.stdout is not None
    lines = (json.loads(line) for line in process.stdout)
    next(lines)
    time.sleep(1)
    try:
        yield lines
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def _publishing(
    servers: Servers, keys: Sequence[str], count: int, start_s: float, payload: str
) -> Iterator["Offer"]:
    """Publishers that have their messages ready and wait for the event."""
    context = multiprocessing.get_context("spawn")
    offer = Offer(context.Event(), context.Value("q", 0))
    ready = context.Semaphore(0)
    url = servers.broker.url("simulator")
    processes = [
        context.Process(
            target=_publish_prepared,
            args=(url, number, list(keys[number::PUBLISHERS]), count, start_s, payload, ready, offer),
        )
        for number in range(PUBLISHERS)
    ]
    for process in processes:
        process.start()
    for _ in processes:
        ready.acquire()
    try:
        yield offer
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _publish_prepared(
    url: str,
    number: int,
    keys: list[str],
    count: int,
    start_s: float,
    payload: str,
    ready: Any,
    offer: "Offer",
) -> None:
    """Each publisher stands for devices of its own: nobody sends out of order."""
    if payload == "batch":
        messages = list(fleet.batches(keys, first=0, count=count, start_s=start_s))
    else:
        messages = list(fleet.fixes(keys, first=0, count=count, start_s=start_s, step_s=STEP_S))
    publisher = Publisher(url, f"bench-{number}", window=400 if payload == "batch" else 4_000)
    publisher.connect()
    ready.release()
    offer.go.wait()
    time.sleep(max(start_s - time.time(), 0.0))
    sent, chunk, ahead = 0, *((20, 400) if payload == "batch" else (1_000, AHEAD))
    while sent < len(messages):
        if sent * PUBLISHERS >= offer.taken.value + ahead:
            time.sleep(0.005)
            continue
        publisher.publish(messages[sent : sent + chunk])
        sent += chunk


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows for people."""
    return [
        ("接收、解码、确认 receive, decode, acknowledge", f"{figures['ceiling_per_s']:,}/s"),
        ("入库提交 committed, all checks", f"{figures['committed_per_s']:,}/s"),
        ("比值 ratio", f"{figures['ratio']:.2f}"),
        ("处理器时间 CPU of ingest a fix", f"{figures['committed_cpu_us']} µs"),
        *_delay_rows(figures),
    ]


def _delay_rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    if "p99_s" not in figures:
        return []
    told = f"p50 {figures['p50_s']} s, p99 {figures['p99_s']} s, max {figures['longest_s']} s"
    return [(f"半速延迟 delay at {figures['half_rate_reached_per_s']:,}/s", told)]
