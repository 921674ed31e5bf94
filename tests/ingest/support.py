"""Starting ingest as its own process, and asking the tables what came through."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).parents[2]


class IngestProcess:
    """``serve ingest`` as the supervisor starts it."""

    def __init__(self, database_url: str, mqtt_url: str, folder: Path) -> None:
        self._log = folder / "ingest.log"
        self._environment = {
            **os.environ,
            "WANMI_DATABASE_URL": database_url,
            "WANMI_MQTT_URL": mqtt_url,
            "WANMI_MQTT_CLIENT_ID": "test-ingest",
            "WANMI_DATA_DIR": str(folder),
            "PYTHONPATH": str(ROOT),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from ingest.runner import run; run()"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def log(self) -> str:
        return self._log.read_text()


@contextmanager
def ingesting(database_url: str, mqtt_url: str, folder: Path) -> Iterator[IngestProcess]:
    process = IngestProcess(database_url, mqtt_url, folder)
    process.start()
    try:
        wait_for(lambda: "subscribed" in process.log() and "database_connected" in process.log(), 60)
        yield process
    finally:
        if process.process is not None and process.process.poll() is None:
            process.terminate()


def wait_for(condition: Callable[[], Any], timeout_s: float) -> Any:
    """The condition's answer as soon as it is true. Raises AssertionError after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return answer


def ask(database_url: str, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        return connection.execute(query, parameters).fetchall()
