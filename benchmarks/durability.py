"""kill -9 under load: is what the broker acknowledged stored, and once?"""

import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg

from benchmarks import scene
from benchmarks.load import Publisher
from benchmarks.servers import Servers, new_servers, prepare_database, scratch_folder

VICTIMS = ("ingest", "postgres", "broker")
START_TIMEOUT_S = 60.0


class Outcome(NamedTuple):
    """What was counted after all had settled."""

    victim: str
    kills: int
    sent: int
    acknowledged: int
    stored: int
    missing: int
    """Acknowledged by the broker and not in the table."""
    doubled: int
    """Rows beyond one for a message."""
    resent: int
    seconds: float

    @property
    def sound(self) -> bool:
        return self.missing == 0 and self.doubled == 0 and self.stored == self.acknowledged == self.sent


class Child:
    """A server process that can be killed with all it started, and started again."""

    def __init__(
        self,
        command: Callable[[], list[str]],
        arguments: dict[str, Any],
        ready: Callable[[], bool],
        log: Path,
    ) -> None:
        self._command, self._arguments, self._ready, self._log = command, arguments, ready, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, **self._arguments)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._command()[0]} does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL for the process and all its children, at one time."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        for process in [parent, *parent.children(recursive=True)]:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self._process.wait()

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal_number)
            self._process.wait(30)


@contextmanager
def running_platform(
    servers: Servers, *, devices: int, side: int
) -> Iterator[tuple[dict[str, Child], list[str]]]:
    """Database, broker and ingest as children that may be killed; and the devices' keys."""
    cluster, broker, folder = servers.cluster, servers.broker, servers.folder
    cluster.create()
    children: dict[str, Child] = {}
    children["postgres"] = Child(cluster.command, cluster.spawn_arguments(), cluster.is_ready, cluster.log)
    children["broker"] = Child(broker.command, broker.spawn_arguments(), broker.is_ready, broker.log)
    ingest_log = folder / "ingest.log"
    environment = {
        **os.environ,
        "WANMI_DATABASE_URL": servers.database_url,
        "WANMI_MQTT_URL": broker.url("ingest"),
        "WANMI_MQTT_CLIENT_ID": "durability-ingest",
        "WANMI_DATA_DIR": str(folder),
    }
    arguments = {"env": environment, "cwd": Path(__file__).parents[1]}
    children["ingest"] = Child(
        lambda: [sys.executable, "-c", "from ingest.runner import run; run()"],
        arguments,
        lambda: True,
        ingest_log,
    )
    try:
        cluster.prepare()
        children["postgres"].start()
        broker.prepare()
        children["broker"].start()
        keys = prepare_database(servers, devices=devices, side=side)
        children["ingest"].start()
        while "subscribed" not in ingest_log.read_text():
            time.sleep(0.05)
        time.sleep(0.5)
        yield children, keys
    finally:
        children["ingest"].stop()
        children["broker"].stop()
        children["postgres"].stop(signal.SIGINT)


def restart(servers: Servers, children: dict[str, Child], victim: str) -> None:
    """As the supervisor does it."""
    if victim == "postgres":
        servers.cluster.prepare()
    children[victim].start()


def strike(
    servers: Servers,
    children: dict[str, Child],
    keys: Sequence[str],
    victim: str,
    *,
    messages: int,
    per_second: float,
    kills: int,
    start_s: float,
    down_s: float = 0.5,
) -> Outcome:
    """Publish, kill the victim ``kills`` times on the way, let all settle, and count."""
    began = time.monotonic()
    wanted = list(scene.fixes(keys, first=0, count=messages, start_s=start_s))
    publisher = Publisher(servers.broker.url("simulator"), f"load-{victim}", window=1_000)
    thread = threading.Thread(target=publisher.publish, args=(wanted,), kwargs={"per_second": per_second})
    thread.start()
    for blow in range(kills):
        while len(publisher.acknowledged) < messages * (blow + 1) / (kills + 1) and thread.is_alive():
            time.sleep(0.01)
        children[victim].kill()
        time.sleep(down_s)
        restart(servers, children, victim)
    thread.join()
    publisher.close()
    span = (start_s - 1, start_s + messages / len(keys) + 1)
    stored, distinct = _settled(servers.database_url, span, len(publisher.acknowledged))
    return Outcome(
        victim,
        kills,
        publisher.sent,
        len(publisher.acknowledged),
        stored,
        len(publisher.acknowledged) - distinct,
        stored - distinct,
        publisher.resent,
        round(time.monotonic() - began, 1),
    )


def storm(
    servers: Servers,
    children: dict[str, Child],
    keys: Sequence[str],
    *,
    kills: int,
    per_second: float,
    gap_s: float,
    seed: int,
    say: Any = lambda text: None,
) -> tuple[Outcome, dict[str, int]]:
    """Kill one of the three at random moments, ``kills`` times, also while another is still coming back;
    then let all settle and compare, message by message, what the broker acknowledged with what is stored.

    Returns the outcome, and how often each was killed. ``gap_s``: mean time between two kills.
    """
    began = time.monotonic()
    chance = random.Random(seed)
    start_s = round(time.time()) - 7_200
    messages = int(kills * gap_s * per_second)
    wanted = list(scene.fixes(keys, first=0, count=messages, start_s=start_s))
    publisher = Publisher(servers.broker.url("simulator"), "load-storm", window=1_000)
    ended = threading.Event()

    def publish() -> None:
        publisher.publish(wanted, per_second=per_second, until=ended.is_set, patience_s=300.0)

    thread = threading.Thread(target=publish)
    thread.start()
    killed = dict.fromkeys(VICTIMS, 0)
    keepers = {victim: _Keeper(servers, children, victim) for victim in VICTIMS}
    try:
        for blow in range(kills):
            time.sleep(chance.uniform(0.2, 2 * gap_s - 0.2))
            standing = [victim for victim in VICTIMS if keepers[victim].up.is_set()]
            if not standing:
                keepers["broker"].up.wait(START_TIMEOUT_S)
                standing = ["broker"]
            victim = chance.choice(standing)
            keepers[victim].kill(down_s=chance.uniform(0.0, 2.0))
            killed[victim] += 1
            if blow % 10 == 9:
                say(f"  {blow + 1} kills, {len(publisher.acknowledged):,} of {messages:,} acknowledged")
        for keeper in keepers.values():
            if not keeper.up.wait(START_TIMEOUT_S):
                raise RuntimeError(f"{keeper.victim} did not come back")
        thread.join(timeout=300)
        ended.set()
        thread.join()
        publisher.close()
        span = (start_s - 1, start_s + messages / len(keys) + 1)
        stored, distinct = _settled(servers.database_url, span, len(publisher.acknowledged))
        lost = _lost(servers.database_url, span, keys, publisher.acknowledged, start_s)
    finally:
        ended.set()
        for child in reversed(children.values()):
            child.stop()
        for keeper in keepers.values():
            keeper.end()
    outcome = Outcome(
        "random",
        kills,
        publisher.sent,
        len(publisher.acknowledged),
        stored,
        lost,
        stored - distinct,
        publisher.resent,
        round(time.monotonic() - began, 1),
    )
    return outcome, killed


class _Keeper:
    """Kills one victim and brings it back, beside the others. A server ends with the thread that started
    it, so the thread stays until ``end``."""

    def __init__(self, servers: Servers, children: dict[str, Child], victim: str) -> None:
        self.victim = victim
        self.up = threading.Event()
        self.up.set()
        self._servers, self._children = servers, children
        self._blows: queue.Queue[float | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def kill(self, *, down_s: float) -> None:
        """At once; it comes back after ``down_s``."""
        self.up.clear()
        self._children[self.victim].kill()
        self._blows.put(down_s)

    def end(self) -> None:
        self._blows.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (down_s := self._blows.get()) is not None:
            time.sleep(down_s)
            restart(self._servers, self._children, self.victim)
            self.up.set()


def _lost(
    database_url: str,
    span: tuple[float, float],
    keys: Sequence[str],
    acknowledged: set[int],
    start_s: float,
) -> int:
    """Acknowledged messages without a row of their device and time."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            """SELECT d.key, extract(epoch FROM f.fix_time)::float8
                 FROM fix f JOIN device d ON d.id = f.device_id
                WHERE f.fix_time BETWEEN to_timestamp(%s) AND to_timestamp(%s)""",
            span,
        ).fetchall()
    place = {key: number for number, key in enumerate(keys)}
    stored = {round(moment - start_s) * len(keys) + place[key] for key, moment in rows}
    return len(acknowledged - stored)


def _settled(
    database_url: str, span: tuple[float, float], expected: int, timeout_s: float = 90.0
) -> tuple[int, int]:
    """Rows, and different messages among them, once nothing more arrives or all is there.

    The messages of a strike differ by device and time, so those two tell them apart.
    """
    quiet_until = time.monotonic() + 25
    deadline = time.monotonic() + timeout_s
    before = (-1, -1)
    while True:
        with psycopg.connect(database_url) as connection:
            row = connection.execute(
                """SELECT count(*), count(DISTINCT (device_id, fix_time)) FROM fix
                    WHERE fix_time BETWEEN to_timestamp(%s) AND to_timestamp(%s)""",
                span,
            ).fetchone()
        assert row is not None
        now = (int(row[0]), int(row[1]))
        if now != before:
            before, quiet_until = now, time.monotonic() + 25
        elif now[1] >= expected or time.monotonic() > min(quiet_until, deadline):
            return now
        time.sleep(0.5)


def measure_storm(
    *,
    kills: int,
    per_second: float,
    gap_s: float,
    seed: int,
    folder: Path | None = None,
    say: Any = lambda text: None,
) -> tuple[Outcome, dict[str, int]]:
    """Random kills of all three, with one platform."""
    with scratch_folder(folder) as scratch:
        servers = new_servers(scratch)
        with running_platform(servers, devices=500, side=50) as (children, keys):
            return storm(
                servers, children, keys, kills=kills, per_second=per_second, gap_s=gap_s, seed=seed, say=say
            )


def measure(
    *, messages: int, per_second: float, kills: int, folder: Path | None = None, say: Any = lambda text: None
) -> list[Outcome]:
    """Each victim in turn, all with one platform."""
    outcomes: list[Outcome] = []
    with scratch_folder(folder) as scratch:
        servers = new_servers(scratch)
        with running_platform(servers, devices=500, side=50) as (children, keys):
            for number, victim in enumerate(VICTIMS):
                say(f"kill -9 {victim} × {kills} …")
                start_s = time.time() - 86_400 * (number + 1)
                outcomes.append(
                    strike(
                        servers,
                        children,
                        keys,
                        victim,
                        messages=messages,
                        per_second=per_second,
                        kills=kills,
                        start_s=start_s,
                    )
                )
                say(f"  {outcomes[-1]}")
    return outcomes
