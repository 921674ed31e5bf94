"""kill -9 under load: is what the broker acknowledged stored, and once?"""

import os
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
