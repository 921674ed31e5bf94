"""A private PostgreSQL cluster with PostGIS, on loopback, apart from any cluster of the system."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from command_center.processes import machine
from command_center.processes.children import as_user, die_with_parent
from gis_core.errors import DomainError, Text

SUPERUSER = "wanmi_super"
OWNER = "wanmi"
DATABASE = "wanmi"
EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.65535.lock")

_AUTHENTICATION = """\
# TYPE  DATABASE  USER  ADDRESS       METHOD
local   all       all                 scram-sha-256
host    all       all   127.0.0.1/32  scram-sha-256
"""


class PostgresMissing(DomainError):
    slug = "postgres-missing"
    title = Text("缺少 PostgreSQL", "PostgreSQL is missing")
    detail = Text(
        "没有找到 PostgreSQL 15 或更新的版本。请运行：./wanmi doctor",
        "No PostgreSQL 15 or newer was found. Run: ./wanmi doctor",
    )


class PostgresFailed(DomainError):
    slug = "postgres-failed"
    title = Text("数据库无法启动", "The database does not start")
    detail = Text("{step}失败，日志：{log}", "{step} failed, log: {log}")


class FolderOutOfReach(DomainError):
    slug = "folder-out-of-reach"
    title = Text("数据目录无法访问", "The data folder is out of reach")
    detail = Text(
        "PostgreSQL 以用户 {user} 运行，该用户无法进入 {folder}。请用 --data-dir 选择别的目录。",
        "PostgreSQL runs as user {user}, who cannot reach {folder}. Choose another with --data-dir.",
    )


@dataclass(frozen=True)
class Cluster:
    """One cluster: its folder, its loopback port and its passwords.

    ``durable=False`` turns the syncs to disk off; only for tests, whose data nobody misses.
    """

    folder: Path
    port: int
    superuser_password: str
    owner_password: str
    log: Path
    durable: bool = True

    @property
    def bin(self) -> Path:
        folder = machine.find_postgres()
        if folder is None:
            raise PostgresMissing
        return folder

    @property
    def socket_folder(self) -> Path:
        """For the unix socket; a short one under /tmp when ours would pass the kernel's 107 bytes."""
        own = self.folder / "run"
        if len(os.fsencode(own.absolute())) <= _LONGEST_SOCKET_FOLDER:
            return own.absolute()
        return Path(tempfile.gettempdir()) / f"wanmi-pg-{self.port}"

    def url(self, database: str = DATABASE, *, superuser: bool = False) -> str:
        """libpq URL of a database here, for the owner unless ``superuser``."""
        made = URL.create(
            "postgresql",
            username=SUPERUSER if superuser else OWNER,
            password=self.superuser_password if superuser else self.owner_password,
            host="127.0.0.1",
            port=self.port,
            database=database,
        )
        return made.render_as_string(hide_password=False)

    def create(self) -> bool:
        """Make the cluster when the folder holds none; False when it was there already.

        A folder left half made by an interrupted start is made anew: only a cluster that came to
        its end has the mark.
        """
        mark = self.folder / "wanmi-created"
        if mark.exists():
            return False
        user = machine.postgres_user()
        parent = self.folder.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        if user and not machine.can_reach(parent, user):
            raise FolderOutOfReach(user=user, folder=str(parent))
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(mode=0o700)
        self._give(self.folder)
        with tempfile.TemporaryDirectory() as scratch:
            self._give(Path(scratch))
            password_file = Path(scratch) / "password"
            password_file.touch(mode=0o600)
            password_file.write_text(self.superuser_password, encoding="ascii")
            self._give(password_file)
            self._run(
                "initdb",
                *("-D", str(self.folder), "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8"),
                *("--auth=scram-sha-256", f"--pwfile={password_file}"),
                *(() if self.durable else ("--no-sync",)),
            )
        (self.folder / "pg_hba.conf").write_text(_AUTHENTICATION, encoding="ascii")
        with (self.folder / "postgresql.conf").open("a", encoding="ascii") as conf:
            conf.write("include_if_exists = 'wanmi.conf'\n")
        mark.touch()
        return True

    def settings(self) -> dict[str, str]:
        """The cluster's settings, by this machine's memory."""
        megabytes = machine.memory_bytes() // 2**20
        shared = max(128, min(4096, megabytes // 8))
        chosen = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": f"{shared}MB",
            "effective_cache_size": f"{max(256, megabytes // 2)}MB",
            "maintenance_work_mem": f"{max(64, min(512, megabytes // 16))}MB",
            "work_mem": "16MB",
            "jit": "off",
            "wal_compression": "on",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            "random_page_cost": "1.1",
            "synchronous_commit": "on",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_duration_statement": "2000",
            "log_line_prefix": "%m [%p] %a ",
            "shared_preload_libraries": "",
        }
        if not self.durable:
            chosen |= {"fsync": "off", "full_page_writes": "off", "max_wal_size": "512MB"}
        return chosen

    def prepare(self) -> None:
        """Before each start: write the settings and clear away what a killed server left."""
        self.socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._give(self.socket_folder)
        lines = [f"{name} = '{value}'" for name, value in self.settings().items()]
        conf = self.folder / "wanmi.conf"
        conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._give(conf)
        self._clear_stale_server()

    def command(self) -> list[str]:
        """The server in the foreground, its log on stderr."""
        return [str(self.bin / "postgres"), "-D", str(self.folder.absolute())]

    def spawn_arguments(self) -> dict[str, Any]:
        """Arguments for subprocess: user, folder, and a fast shutdown when we die."""
        return {
            **as_user(machine.postgres_user()),
            "cwd": "/",
            "env": {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            "preexec_fn": die_with_parent(signal.SIGINT),
            "start_new_session": True,
        }

    def is_ready(self) -> bool:
        """Whether the server answers; asked only once its pid file says so, to keep its log clean."""
        try:
            lines = (self.folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        try:
            with psycopg.connect(self.url("postgres", superuser=True), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def ensure_database(self, name: str = DATABASE) -> None:
        """The owner's role, the database and the extensions only a superuser may make."""
        with psycopg.connect(self.url("postgres", superuser=True), autocommit=True) as connection:
            owner = sql.Identifier(OWNER)
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone()
            verb = sql.SQL("ALTER" if known else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, owner, sql.Literal(self.owner_password))
            )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), owner))
        with psycopg.connect(self.url(name, superuser=True), autocommit=True) as connection:
            for extension in EXTENSIONS:
                connection.execute(
                    sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
                )

    @contextmanager
    def running(self, *, timeout_s: float = 60.0) -> Iterator["Cluster"]:
        """Create if need be, start, and stop at the end: for tests and for commands run alone."""
        self.create()
        self.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            server = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.spawn_arguments()
            )
        try:
            deadline = time.monotonic() + timeout_s
            while not self.is_ready():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise PostgresFailed(step="postgres", log=str(self.log), said=last_lines(self.log))
                time.sleep(0.05)
            yield self
        finally:
            self._stop(server)

    def _stop(self, server: subprocess.Popen[bytes]) -> None:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
                server.wait(10)
        if self.socket_folder.parent == Path(tempfile.gettempdir()):
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _clear_stale_server(self) -> None:
        """End a server of ours that outlived its supervisor; drop a pid file whose process is gone.

        The number in a stale pid file may belong to somebody else by now (after a restart of the
        machine or container): PostgreSQL would then refuse to start.
        """
        pid_file = self.folder / "postmaster.pid"
        try:
            pid = int(pid_file.read_text(encoding="ascii").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        command = process_command(pid)
        ours = "postgres" in command and str(self.folder.absolute()) in command
        if ours:
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + 30
            while process_command(pid) and time.monotonic() < deadline:
                time.sleep(0.1)
        else:
            pid_file.unlink(missing_ok=True)

    def _give(self, path: Path) -> None:
        """Hand a path to the account the server runs under."""
        user = machine.postgres_user()
        if user:
            account = pwd.getpwnam(user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.bin / program), *arguments],
            **as_user(machine.postgres_user()),
            cwd="/",
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PostgresFailed(step=program, log="-", said=(done.stderr or done.stdout).strip())


def process_command(pid: int) -> str:
    """The command line of a living process, empty for none and for a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def last_lines(log: Path, count: int = 8) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])
