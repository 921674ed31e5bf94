"""System packages: which are missing, and installing them where we may. Standard library only."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from command_center.processes import machine
from command_center.processes.speech import step
from gis_core.errors import DomainError, Text

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")
QUIET_SERVERS = "/etc/postgresql-common/createcluster.d/wanmi.conf"


class PackagesMissing(DomainError):
    slug = "packages-missing"
    title = Text("缺少系统软件包", "System packages are missing")
    detail = Text(
        "缺少：{missing}。\n请以管理员身份运行下面一行，然后再试：\n    {line}",
        "Missing: {missing}.\nRun this line as an administrator, then try again:\n    {line}",
    )


class InstallFailed(DomainError):
    slug = "install-failed"
    title = Text("安装失败", "Installing failed")
    detail = Text("命令失败：{line}", "This failed: {line}")


@dataclass(frozen=True)
class Missing:
    """Something that is not on this machine, and the Debian packages that bring it."""

    what: str
    packages: tuple[str, ...]


def missing_servers() -> list[Missing]:
    """What the platform itself lacks here; servers reached by a given URL are not asked for."""
    found: list[Missing] = []
    if "WANMI_DATABASE_URL" not in os.environ:
        bin_folder = machine.find_postgres()
        if bin_folder is None:
            found.append(Missing("PostgreSQL ≥ 15, PostGIS 3", ("postgresql", "postgresql-postgis")))
        elif machine.find_postgis(bin_folder) is None:
            major = machine.first_number(machine.version_of(bin_folder / "postgres"))
            found.append(Missing("PostGIS 3", (f"postgresql-{major}-postgis-3",)))
    if "WANMI_MQTT_URL" not in os.environ and not machine.find_program("nats-server"):
        found.append(Missing("nats-server", ("nats-server",)))
    return found


def missing_for_python(*, uv_needed: bool) -> list[Missing]:
    """Debian splits pip's installer off Python's venv."""
    if uv_needed and not _imports("ensurepip"):
        return [Missing("python3-venv", ("python3-venv",))]
    return []


def missing_for_tests() -> list[Missing]:
    found: list[Missing] = []
    if not machine.find_chromium():
        found.append(Missing("Chromium", ("chromium",)))
    if not has_chinese_font():
        found.append(Missing("中文字体 a Chinese font", ("fonts-noto-cjk",)))
    if not machine.find_program("mosquitto"):
        found.append(Missing("mosquitto", ("mosquitto",)))
    if not machine.find_program("mosquitto_sub"):
        found.append(Missing("mosquitto-clients", ("mosquitto-clients",)))
    return found


def has_chinese_font() -> bool:
    wanted = ("cjk", "wqy", "han", "droidsansfallback")
    return any(
        any(word in path.name.lower() for word in wanted)
        for folder in FONT_FOLDERS
        for path in Path(folder).rglob("*.tt[cf]")
    )


def apt_line(missing: list[Missing]) -> str:
    """The one line that installs it all, for an administrator to run."""
    sudo = "" if machine.is_root() else "sudo "
    names = " ".join(_names(missing))
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {names}"


def ensure(missing: list[Missing]) -> None:
    """Install by apt where we are root or sudo asks no password. Raises PackagesMissing otherwise.

    Debian makes and starts a cluster of its own when PostgreSQL is installed; where PostgreSQL is
    new to the machine we ask it not to, and let no freshly installed server start. Servers that
    were there before are not touched.
    """
    if not missing:
        return
    what = ", ".join(one.what for one in missing)
    prefix = _administrator()
    if prefix is None or not shutil.which("apt-get"):
        raise PackagesMissing(missing=what, line=apt_line(missing))
    with step(Text(f"安装 {what}", f"installing {what}")), _no_new_servers(prefix):
        _apt(prefix, "update", "-q")
        _apt(prefix, "install", "-y", "-q", "--no-install-recommends", *_names(missing))


def _names(missing: list[Missing]) -> list[str]:
    return [name for one in missing for name in one.packages]


def _administrator() -> list[str] | None:
    if machine.is_root():
        return []
    if shutil.which("sudo"):
        asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["sudo", "-n"]
    return None


class _no_new_servers:  # noqa: N801
    """While apt runs, keep packages from making a cluster and from starting what they bring."""

    def __init__(self, prefix: list[str]) -> None:
        self._prefix = prefix
        self._made: list[str] = []

    def __enter__(self) -> None:
        if machine.find_postgres() is None and not Path(QUIET_SERVERS).exists():
            self._write(QUIET_SERVERS, "create_main_cluster = false\n")
        if not Path("/usr/sbin/policy-rc.d").exists():
            self._write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", mode="0755")

    def __exit__(self, *_: object) -> None:
        for path in self._made:
            subprocess.run([*self._prefix, "rm", "-f", path], check=False)

    def _write(self, path: str, text: str, mode: str = "0644") -> None:
        command = [*self._prefix, "install", "-D", "-m", mode, "/dev/stdin", path]
        subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        self._made.append(path)


def _apt(prefix: list[str], *arguments: str) -> None:
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise InstallFailed(line=" ".join(command), said=said)


def _imports(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None
