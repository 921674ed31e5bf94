"""The private MQTT broker: nats-server with JetStream, its users, and the devices' tokens.

The database holds only hashes of device tokens; the broker must know the tokens themselves, so they
lie in one file beside its configuration that only our account may read.
"""

import fcntl
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from command_center.processes import machine
from command_center.processes.children import die_with_parent
from command_center.processes.postgres import last_lines, process_command
from gis_core.errors import DomainError, Text

INGEST_USER = "ingest"
SIMULATOR_USER = "simulator"
GATEWAY_USER = "gateway"
RESERVED = frozenset({INGEST_USER, SIMULATOR_USER, GATEWAY_USER})
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")

_CONFIG = """\
server_name: {name}
listen: "127.0.0.1:{nats_port}"
http: "127.0.0.1:{monitor_port}"
pid_file: {pid_file}
max_payload: 1MB
max_connections: 200000
jetstream {{
  store_dir: {store}
  max_memory_store: 256MB
}}
mqtt {{
  listen: "127.0.0.1:{mqtt_port}"
  ack_wait: "10s"
  max_ack_pending: 10000
}}
include users.conf
"""


class BrokerMissing(DomainError):
    slug = "broker-missing"
    title = Text("缺少 nats-server", "nats-server is missing")
    detail = Text(
        "没有找到 nats-server。请运行：./wanmi doctor", "No nats-server was found. Run: ./wanmi doctor"
    )


class BrokerFailed(DomainError):
    slug = "broker-failed"
    title = Text("消息服务器无法启动", "The broker does not start")
    detail = Text("日志：{log}", "Log: {log}")


class BadDeviceKey(DomainError):
    status, slug = 422, "bad-device-key"
    title = Text("设备号不合规", "Bad device key")
    detail = Text(
        "设备号“{key}”只能含 1 到 64 个字母、数字、下划线或连字符，且不能是系统保留名。",
        "The device key '{key}' must be 1 to 64 letters, digits, _ or -, and none of the reserved names.",
    )


def topics_of(key: str) -> tuple[list[str], list[str]]:
    """What a device may publish and subscribe, as NATS subjects (MQTT's / is a dot there).

    Sessions, acknowledgements and retained messages are the server's own business and need no
    grant. A subscription at QoS 1 would: the server delivers it through a subject under
    ``$MQTT.sub.`` that nothing ties to one client, so who may read there may read everybody's.
    Devices do not get that; they subscribe their commands at QoS 0 and acknowledge them themselves.
    """
    return [f"wanmi.v1.{key}.>", f"owntracks.*.{key}", f"owntracks.*.{key}.>"], [f"wanmi.v1.{key}.command"]


def write_users(folder: Path, service_passwords: Mapping[str, str], devices: Mapping[str, str]) -> None:
    """Write the broker's users, atomically and readable by us alone.

    ``service_passwords``: for ``ingest``, ``gateway`` and, in demo mode, ``simulator``. ``devices``:
    token by key.
    """
    ingest = {"publish": ["wanmi.v1.*.command"], "subscribe": [">"]}
    simulator = {
        "publish": [f"wanmi.v1.*.{leaf}" for leaf in ("fix", "fixes", "nmea", "status", "command.ack")]
        + ["owntracks.*.*"],
        "subscribe": ["wanmi.v1.*.command"],
    }
    gateway = {
        "publish": [f"wanmi.v1.*.{leaf}" for leaf in ("raw.*", "nmea", "command", "command.ack")],
        "subscribe": ["wanmi.v1.*.command.ack"],
    }
    granted: dict[str, dict[str, list[str]]] = {
        INGEST_USER: ingest,
        SIMULATOR_USER: simulator,
        GATEWAY_USER: gateway,
    }
    users = [
        _user(name, password, granted[name]["publish"], granted[name]["subscribe"])
        for name, password in service_passwords.items()
    ]
    users += [_user(key, token, *topics_of(key)) for key, token in devices.items()]
    text = "authorization {\n  timeout: 5\n  users: [\n" + "\n".join(users) + "\n  ]\n}\n"
    replace_private(folder / "users.conf", text)


def _user(name: str, password: str, publish: list[str], subscribe: list[str]) -> str:
    permissions = {"publish": publish, "subscribe": subscribe}
    types = ["MQTT", "STANDARD"] if name == INGEST_USER else ["MQTT"]
    user = {"user": name, "password": password, "allowed_connection_types": types}
    return "    " + json.dumps({**user, "permissions": permissions})


def replace_private(path: Path, text: str) -> None:
    """Put ``text`` in place of the file in one step; nobody else may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(scratch).replace(path)


@dataclass(frozen=True)
class Broker:
    """One nats-server: its folder, ports, and the passwords of the platform's own clients."""

    folder: Path
    mqtt_port: int
    nats_port: int
    monitor_port: int
    service_passwords: Mapping[str, str]
    log: Path

    @property
    def pid_file(self) -> Path:
        return self.folder / "nats.pid"

    def url(self, user: str, password: str | None = None) -> str:
        secret = self.service_passwords[user] if password is None else password
        return f"mqtt://{quote(user, safe='')}:{quote(secret, safe='')}@127.0.0.1:{self.mqtt_port}"

    @property
    def credentials(self) -> "DeviceCredentials":
        return DeviceCredentials(self.folder)

    def prepare(self) -> None:
        """Write configuration and users; end a server of ours that outlived its supervisor."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = _CONFIG.format(
            name=f"wanmi-{self.mqtt_port}",
            nats_port=self.nats_port,
            monitor_port=self.monitor_port,
            mqtt_port=self.mqtt_port,
            pid_file=json.dumps(str(self.pid_file.absolute())),
            store=json.dumps(str((self.folder / "store").absolute())),
        )
        replace_private(self.folder / "broker.conf", text)
        replace_private(
            self.folder / "services.json",
            json.dumps({"monitor_port": self.monitor_port, "passwords": dict(self.service_passwords)}),
        )
        self.credentials.rewrite()
        left = _pid_of(self.folder)
        if left is not None:
            os.kill(left, signal.SIGTERM)
            deadline = time.monotonic() + 15
            while process_command(left) and time.monotonic() < deadline:
                time.sleep(0.05)

    def command(self) -> list[str]:
        program = machine.find_program("nats-server")
        if program is None:
            raise BrokerMissing
        return [str(program), "-c", str((self.folder / "broker.conf").absolute())]

    def spawn_arguments(self) -> dict[str, Any]:
        return {"cwd": "/", "preexec_fn": die_with_parent(signal.SIGTERM), "start_new_session": True}

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.mqtt_port), timeout=1):
                return True
        except OSError:
            return False

    @contextmanager
    def running(self, *, timeout_s: float = 30.0) -> Iterator["Broker"]:
        """Start it and stop it at the end: for tests."""
        self.prepare()
        with self.log.open("ab") as log:
            server = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.spawn_arguments()
            )
        try:
            deadline = time.monotonic() + timeout_s
            while not self.is_ready():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise BrokerFailed(log=str(self.log), said=last_lines(self.log))
                time.sleep(0.02)
            yield self
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


class DeviceCredentials:
    """The devices' broker tokens, in ``devices.json``; a change reaches the running broker at once.

    Safe under several writing processes: each change holds a lock from reading to reloading.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = folder / "devices.json"

    def issue(self, key: str) -> str:
        """A new token for a device; the one it had is void from now on."""
        return self.issue_many([key])[key]

    def issue_many(self, keys: Iterable[str]) -> dict[str, str]:
        """As ``issue`` for many devices with one reload. Raises BadDeviceKey, then none is issued."""
        made: dict[str, str] = {}
        for key in keys:
            if not _KEY.fullmatch(key) or key in RESERVED:
                raise BadDeviceKey(key=key)
            made[key] = secrets.token_urlsafe(24)
        with self._locked():
            self._save(self._load() | made)
        return made

    def revoke(self, key: str) -> bool:
        """Take a device's token away and end its connection; False when it had none."""
        with self._locked():
            tokens = self._load()
            if tokens.pop(key, None) is None:
                return False
            self._save(tokens)
        return True

    def keep_only(self, keys: Iterable[str]) -> None:
        """Take away the tokens of devices not among ``keys`` (those enabled in the database)."""
        wanted = set(keys)
        with self._locked():
            tokens = self._load()
            kept = {key: token for key, token in tokens.items() if key in wanted}
            if kept != tokens:
                self._save(kept)

    def list(self) -> list[str]:
        """The keys of devices that hold a token."""
        with self._locked():
            return sorted(self._load())

    def rewrite(self) -> None:
        """Write the broker's users afresh from the store."""
        with self._locked():
            self._save(self._load())

    def _load(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(self._store.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def _save(self, tokens: dict[str, str]) -> None:
        replace_private(self._store, json.dumps(tokens, indent=0, sort_keys=True))
        services = self._folder / "services.json"
        if services.exists():
            known = json.loads(services.read_text(encoding="utf-8"))
            write_users(self._folder, known["passwords"], tokens)
            reload(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "devices.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def reload(folder: Path, *, timeout_s: float = 5.0) -> bool:
    """Let the broker of ``folder`` read its users again and wait until it has; False when none runs.

    Connections of users that are gone or have a new token are closed by the server.
    """
    pid = _pid_of(folder)
    if pid is None:
        return False
    monitor = int(json.loads((folder / "services.json").read_text(encoding="utf-8"))["monitor_port"])
    before = _loaded_at(monitor)
    os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + timeout_s
    while _loaded_at(monitor) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    return True


def figures(monitor_port: int, page: str = "varz") -> dict[str, Any]:
    """A page of the server's own monitoring (varz, jsz, connz). Raises OSError when it is not there."""
    with urllib.request.urlopen(f"http://127.0.0.1:{monitor_port}/{page}", timeout=2) as answer:
        read: dict[str, Any] = json.load(answer)
    return read


def _loaded_at(monitor_port: int) -> str | None:
    try:
        return str(figures(monitor_port)["config_load_time"])
    except OSError:
        return None


def _pid_of(folder: Path) -> int | None:
    """Process id of the living nats-server of this folder (a stale number may be another program's)."""
    try:
        pid = int((folder / "nats.pid").read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
    ours = str((folder / "broker.conf").absolute())
    return pid if ours in process_command(pid) else None
