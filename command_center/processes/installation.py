"""One installation: its folder, secrets and ports, and what other commands need to reach it."""

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_center.processes import machine
from command_center.processes.broker import GATEWAY_USER, INGEST_USER, SIMULATOR_USER, Broker, replace_private
from command_center.processes.postgres import Cluster, FolderOutOfReach
from gis_core.errors import DomainError, Text

SHARED_ROOT = Path("/var/lib/wanmi")
"""Data folders of installations whose own folder the account of PostgreSQL cannot reach."""

_SECRETS = (
    "superuser_password",
    "owner_password",
    "ingest_password",
    "simulator_password",
    "gateway_password",
    "secret_key",
    "ingest_session",
)
_PORTS = ("postgres", "mqtt", "nats", "monitor")


class InUse(DomainError):
    status, slug = 409, "installation-in-use"
    title = Text("正在使用", "In use")
    detail = Text(
        "数据目录 {folder} 正由另一个万米进程使用（进程号 {pid}）。请先停止它，或用 --data-dir 另选目录。",
        "The data folder {folder} is in use by another Wanmi process (pid {pid}). "
        "Stop that one, or choose another folder with --data-dir.",
    )


class NotRunning(DomainError):
    status, slug = 409, "not-running"
    title = Text("平台没有运行", "The platform is not running")
    detail = Text(
        "此命令需要平台正在运行。请先执行：./wanmi up", "This needs the running platform. First: ./wanmi up"
    )


class FolderNotWritable(DomainError):
    slug = "folder-not-writable"
    title = Text("数据目录不可写", "The data folder is not writable")
    detail = Text(
        "无法写入 {folder}：{reason}。请用 --data-dir 选择别的目录。",
        "Cannot write to {folder}: {reason}. Choose another with --data-dir.",
    )


def home() -> Path:
    """The folder of this clone, or the working folder when the packages are installed elsewhere."""
    clone = Path(__file__).resolve().parents[2]
    return clone if (clone / "wanmi").exists() else Path.cwd()


def default_data_dir() -> Path:
    """``var`` in the clone; as root, when PostgreSQL's account cannot pass there, one under /var/lib."""
    given = os.environ.get("WANMI_DATA_DIR")
    if given:
        return Path(given).absolute()
    own = home() / "var"
    user = machine.postgres_user()
    if user is None or machine.can_reach(own, user):
        return own
    return SHARED_ROOT / f"{home().name}-{hashlib.sha256(str(home()).encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Installation:
    """A data folder that is ready for use: made, with secrets and ports chosen."""

    data_dir: Path
    secrets: Mapping[str, str]
    ports: Mapping[str, int]
    own_parts: frozenset[str]
    """``database`` and ``broker`` as far as they are ours to start."""

    @classmethod
    def open(cls, data_dir: Path | None = None) -> "Installation":
        """Make the folder and what is missing in it. Raises FolderOutOfReach, FolderNotWritable."""
        folder = (data_dir or default_data_dir()).absolute()
        user = machine.postgres_user()
        if user and not machine.can_reach(folder, user):
            raise FolderOutOfReach(user=user, folder=str(folder))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if user:
                folder.chmod(folder.stat().st_mode | 0o011)
            (folder / "log").mkdir(exist_ok=True)
            with (folder / "installation.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                return cls(folder, _kept_secrets(folder), _kept_ports(folder), parts_of_our_own())
        except OSError as error:
            raise FolderNotWritable(folder=str(folder), reason=error.strerror) from error

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "log"

    @property
    def run_file(self) -> Path:
        return self.data_dir / "run.json"

    @property
    def demo_logins_file(self) -> Path:
        return self.data_dir / "demo-logins.json"

    @property
    def cluster(self) -> Cluster:
        return Cluster(
            folder=self.data_dir / "pg",
            port=self.ports["postgres"],
            superuser_password=self.secrets["superuser_password"],
            owner_password=self.secrets["owner_password"],
            log=self.log_dir / "database.log",
        )

    @property
    def broker(self) -> Broker:
        return Broker(
            folder=self.data_dir / "broker",
            mqtt_port=self.ports["mqtt"],
            nats_port=self.ports["nats"],
            monitor_port=self.ports["monitor"],
            service_passwords={
                INGEST_USER: self.secrets["ingest_password"],
                SIMULATOR_USER: self.secrets["simulator_password"],
                GATEWAY_USER: self.secrets["gateway_password"],
            },
            log=self.log_dir / "broker.log",
        )

    def environment(self) -> dict[str, str]:
        """The WANMI_* variables of this installation's processes; those given from outside win.

        The session name of ingest has a secret part: whoever knew it could take the session over.
        """
        own = {
            "WANMI_DATA_DIR": str(self.data_dir),
            "WANMI_SECRET_KEY": self.secrets["secret_key"],
            "WANMI_DATABASE_URL": self.cluster.url(),
            "WANMI_MQTT_URL": self.broker.url(INGEST_USER),
            "WANMI_MQTT_SIMULATOR_URL": self.broker.url(SIMULATOR_USER),
            "WANMI_MQTT_GATEWAY_URL": self.broker.url(GATEWAY_USER),
            "WANMI_MQTT_CLIENT_ID": f"wanmi-ingest-{self.secrets['ingest_session'][:16]}",
        }
        if "WANMI_MQTT_URL" in os.environ:
            own["WANMI_MQTT_SIMULATOR_URL"] = os.environ["WANMI_MQTT_URL"]
            own["WANMI_MQTT_GATEWAY_URL"] = os.environ["WANMI_MQTT_URL"]
        return {name: os.environ.get(name, value) for name, value in own.items()}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the installation alone. Raises InUse, with the holder's pid."""
        with (self.data_dir / "up.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise InUse(folder=str(self.data_dir), pid=lock.read().strip() or "?") from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
            lock.truncate(0)


def is_locked(data_dir: Path) -> bool:
    """Whether a supervisor, or a command that started the database itself, holds the folder."""
    try:
        with (data_dir / "up.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def running(data_dir: Path) -> dict[str, Any] | None:
    """What ``run.json`` says while the platform runs in this folder; None when it does not."""
    if not is_locked(data_dir):
        return None
    try:
        said: dict[str, Any] = json.loads((data_dir / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said


def environment(data_dir: Path) -> dict[str, str]:
    """The WANMI_* variables a command needs: of the running platform, else of the folder."""
    live = running(data_dir)
    if live:
        known: dict[str, str] = live["environment"]
        return known
    return Installation.open(data_dir).environment()


@contextmanager
def running_database(installation: Installation) -> Iterator[None]:
    """The installation's database for one command: the running one, else started for as long.

    Migrated to the newest schema when started here. Raises InUse when another command has started it.
    """
    if "database" not in installation.own_parts or running(installation.data_dir):
        yield
        return
    from command_center.assembly import prepare_database

    with installation.locked(), installation.cluster.running() as cluster:
        cluster.ensure_database()
        prepare_database(cluster.url())
        yield


def parts_of_our_own() -> frozenset[str]:
    """Which servers are ours to start: those for which no URL is given from outside."""
    given = {"database": "WANMI_DATABASE_URL", "broker": "WANMI_MQTT_URL"}
    return frozenset(name for name, variable in given.items() if variable not in os.environ)


def _kept_secrets(folder: Path) -> dict[str, str]:
    path = folder / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    made = {name: secrets.token_hex(32) for name in _SECRETS if name not in known}
    if made:
        replace_private(path, json.dumps(known | made, indent=1))
    return known | made


def _kept_ports(folder: Path) -> dict[str, int]:
    """The ports of last time, except those that somebody else has taken since."""
    path = folder / "ports.json"
    known: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if is_locked(folder):
        return known
    ports: dict[str, int] = {}
    for name in _PORTS:
        port = known.get(name)
        while port is None or port in ports.values() or not machine.port_is_free(port):
            port = machine.free_port()
        ports[name] = port
    if ports != known:
        replace_private(path, json.dumps(ports, indent=1))
    return ports
