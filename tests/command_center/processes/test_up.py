"""``up`` as a whole: the page answers, each killed process comes back, the end leaves nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from command_center.processes import machine
from command_center.processes.probes import answers_http

ROOT = Path(__file__).resolve().parents[3]


class Platform:
    """One ``up --no-demo`` in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.port = machine.free_port()
        variables = {name: value for name, value in os.environ.items() if not name.startswith("WANMI_")}
        command = [sys.executable, "-m", "command_center", "up", "--no-demo"]
        folder.mkdir(exist_ok=True)
        with (folder / "up.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--data-dir", str(folder), "--port", str(self.port), *arguments],
                cwd=ROOT,
                env={**variables, "LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return (self.folder / "up.log").read_text()

    @property
    def state(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return read

    def pid(self, name: str) -> int | None:
        found: int | None = self.state["processes"][name]["pid"]
        return found

    def kill(self, name: str) -> None:
        """Kill a process by force and wait until another has taken its place."""
        self.until(lambda: self.pid(name) is not None)
        before = self.pid(name)
        os.kill(before or 0, signal.SIGKILL)
        self.until(lambda: self.pid(name) not in (before, None))

    def ready(self) -> "Platform":
        self.until(lambda: "Wanmi is ready" in self.said, 90)
        return self

    def until(self, happened: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.05)

    def left(self) -> list[str]:
        """Command lines of living processes that work in our folder."""
        found = []
        for process in psutil.process_iter(["cmdline", "status", "environ"]):
            line = " ".join(process.info["cmdline"] or [])
            data_dir = (process.info["environ"] or {}).get("WANMI_DATA_DIR")
            mine = str(self.folder) in line or data_dir == str(self.folder)
            if mine and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(line)
        return found


@pytest.fixture
def start(short_folder: Path) -> Iterator[Callable[..., Platform]]:
    started: list[Platform] = []

    def make(*arguments: str, folder: Path | None = None) -> Platform:
        place = folder or short_folder / f"up-{os.urandom(3).hex()}"
        started.append(Platform(place, *arguments))
        return started[-1]

    yield make
    for platform in started:
        if platform.process.poll() is None:
            platform.process.terminate()
            platform.process.wait(60)


def test_each_killed_process_comes_back_and_the_end_leaves_nothing(start: Callable[..., Platform]) -> None:
    platform = start().ready()
    assert answers_http(f"http://127.0.0.1:{platform.port}/healthz")
    for name in ("database", "broker", "ingest", "worker", "web"):
        platform.kill(name)
    platform.until(lambda: answers_http(f"http://127.0.0.1:{platform.port}/healthz"))
    with psycopg.connect(platform.state["environment"]["WANMI_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    second = start(folder=platform.folder)
    assert second.process.wait(30) == 2
    platform.process.send_signal(signal.SIGINT)
    assert platform.process.wait(60) == 0
    assert platform.left() == []
    assert not (platform.folder / "run.json").exists()


def test_nothing_outlives_a_supervisor_killed_by_force_and_the_next_start_works(
    start: Callable[..., Platform],
) -> None:
    platform = start().ready()
    platform.process.kill()
    platform.process.wait()
    deadline = time.monotonic() + 20
    while platform.left():
        assert time.monotonic() < deadline, platform.left()
        time.sleep(0.1)
    again = start(folder=platform.folder).ready()
    assert again.state["processes"]["database"]["pid"]


def test_a_taken_port_is_left_alone_and_another_named(start: Callable[..., Platform]) -> None:
    with socket.create_server(("127.0.0.1", machine.free_port())) as taken:
        port = taken.getsockname()[1]
        platform = start("--port", str(port)).ready()
        assert f"Port {port} is taken" in platform.said
        assert answers_http(platform.state["address"] + "healthz")


def test_beyond_loopback_it_speaks_tls_only(start: Callable[..., Platform]) -> None:
    platform = start("--host", "0.0.0.0").ready()
    assert platform.state["address"].startswith("https://")
    assert answers_http(f"https://127.0.0.1:{platform.port}/healthz")
    assert not answers_http(f"http://127.0.0.1:{platform.port}/healthz")
    assert "wanmi-ca.pem" in platform.said
