"""What this machine offers: programs, their versions, free ports. Standard library only.

The launcher reads this before any package is installed.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
from pathlib import Path

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
POSTGRES_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
MIN_POSTGRES = 15
MIN_NODE = (20, 19)


def find_program(name: str) -> Path | None:
    """A program on PATH or in the system's own folders (an ordinary user's PATH lacks the sbin ones)."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
    found = shutil.which(name, path=folders)
    return Path(found) if found else None


def find_chromium() -> Path | None:
    """The browser of the tests, under either of its names."""
    return find_program("chromium") or find_program("chromium-browser")


def find_postgres() -> Path | None:
    """The ``bin`` folder of the newest installed PostgreSQL server that is 15 or newer."""
    candidates: list[tuple[int, Path]] = []
    for pattern in POSTGRES_FOLDERS:
        for folder in Path("/").glob(pattern.lstrip("/")):
            number = re.search(r"(\d+)", folder.parent.name)
            if number and (folder / "postgres").exists() and (folder / "initdb").exists():
                candidates.append((int(number[1]), folder))
    on_path = shutil.which("postgres")
    if not candidates and on_path:
        folder = Path(on_path).resolve().parent
        candidates.append((first_number(version_of(folder / "postgres")), folder))
    usable = [candidate for candidate in candidates if candidate[0] >= MIN_POSTGRES]
    return max(usable)[1] if usable else None


def find_postgis(bin_folder: Path) -> str | None:
    """Version of the PostGIS made for the PostgreSQL at ``bin_folder``, None when there is none."""
    config = bin_folder / "pg_config"
    share: Path | None = None
    if config.exists():
        said = _output([str(config), "--sharedir"])
        share = Path(said) if said else None
    for folder in (share, Path("/usr/share/postgresql") / bin_folder.parent.name):
        control = folder / "extension" / "postgis.control" if folder else None
        if control and control.exists():
            version = re.search(r"default_version\s*=\s*'([^']+)'", control.read_text(encoding="utf-8"))
            return version[1] if version else "?"
    return None


def version_of(program: Path | str, flag: str = "--version") -> str | None:
    """The first dotted number that a program says of itself, None when it cannot be started."""
    said = _output([str(program), flag])
    number = re.search(r"\d+(\.\d+)+", said or "")
    return number[0] if number else None


def first_number(version: str | None) -> int:
    found = re.match(r"\d+", version or "")
    return int(found[0]) if found else 0


def version_tuple(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version or ""))


def find_node() -> Path | None:
    """The system's Node when it is new enough for the front end's build and has npm beside it."""
    node = find_program("node")
    if node and version_tuple(version_of(node))[:2] >= MIN_NODE and find_program("npm"):
        return node
    return None


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else None


def is_root() -> bool:
    return os.geteuid() == 0


def postgres_user() -> str | None:
    """The account PostgreSQL runs under when we are root, which it refuses to run as; else None."""
    if not is_root():
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return None
    return "postgres"


def can_reach(folder: Path, user: str) -> bool:
    """Whether ``user`` may pass through ``folder``, or through its nearest parent that exists.

    Asked of the kernel as that user (we must be root), so that groups and ACLs count.
    """
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    account = pwd.getpwnam(user)
    asked = subprocess.run(
        ["/usr/bin/test", "-x", str(existing)],
        cwd="/",
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=os.getgrouplist(user, account.pw_gid),
        check=False,
    )
    return asked.returncode == 0


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens on, below the range the kernel hands out to clients."""
    first, last = 20_000, 32_000
    start = int.from_bytes(os.urandom(2), "big") % (last - first)
    for step in range(last - first):
        port = first + (start + step) % (last - first)
        if port_is_free(port):
            return port
    raise OSError("no free port between 20000 and 32000")


def memory_bytes() -> int:
    """Memory of this machine, or of the control group that holds us when that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    try:
        said = limit.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(said)) if said.isdigit() else total
