"""Mosquitto in the place of our own broker: one that an installation may bring along.

``WANMI_TEST_BROKER=mosquitto python -m pytest tests/ingest`` runs the tests of ingest against it.
"""

import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command_center.processes import machine
from command_center.processes.children import die_with_parent

CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
max_inflight_messages 0
"""
"""What docs/device-guide.md asks for, but for the passwords. Without the two ``max_`` lines Mosquitto throws
messages of an absent ingest away beyond 1,000."""


class Passes:
    """Nobody is turned away here, so any token will do."""

    def issue(self, key: str) -> str:
        return f"{key}-{secrets.token_hex(4)}"


class Mosquitto:
    """As ``command_center.processes.broker.Broker`` is to tests."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # as root it becomes the user mosquitto
        self.folder = folder
        self.mqtt_port = machine.free_port()
        self.credentials = Passes()
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(CONFIGURATION.format(port=self.mqtt_port, folder=folder), encoding="ascii")

    def url(self, name: str, password: str = "any") -> str:
        return f"mqtt://{name}:{password}@127.0.0.1:{self.mqtt_port}"

    @contextmanager
    def running(self) -> Iterator["Mosquitto"]:
        """Ended with SIGTERM, upon which it saves what it holds."""
        program = machine.find_program("mosquitto")
        assert program is not None, "mosquitto is not installed"
        with (self.folder / "log").open("ab") as log:
            server = subprocess.Popen(
                [str(program), "-c", str(self._conf)],
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        while machine.port_is_free(self.mqtt_port):
            assert server.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        try:
            yield self
        finally:
            server.terminate()
            server.wait(10)
