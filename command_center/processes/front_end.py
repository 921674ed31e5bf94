"""Building the web app, only when its sources have changed. Standard library only."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from gis_core.errors import DomainError, Text

_NOT_SOURCES = frozenset({"node_modules", "dist", "coverage", "test-results", ".vite"})
_STAMP = "built-from"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class BuildFailed(DomainError):
    slug = "front-end-build-failed"
    title = Text("网页构建失败", "The front end's build failed")
    detail = Text("命令 {command} 失败：", "{command} failed:")


def sources(web: Path) -> Iterator[Path]:
    """Files the build depends on, in a fixed order."""
    for folder, names, files in os.walk(web):
        names[:] = sorted(name for name in names if name not in _NOT_SOURCES)
        for file in sorted(files):
            yield Path(folder) / file


def stamp(web: Path) -> str:
    """A digest of everything the build depends on, the lock file included."""
    digest = hashlib.sha256()
    for path in sources(web):
        digest.update(str(path.relative_to(web)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(web: Path, built: Path) -> bool:
    """Whether ``built`` was made from just these sources."""
    try:
        return (built / _STAMP).read_text(encoding="ascii") == stamp(web)
    except OSError:
        return False


def install(web: Path, environment: Mapping[str, str]) -> None:
    """Bring node_modules to what the lock file says, without running the packages' own scripts."""
    lock, installed = web / "package-lock.json", web / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    run_npm(web, environment, "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def build(web: Path, built: Path, environment: Mapping[str, str]) -> None:
    """Install and build. Raises BuildFailed with the end of what npm said."""
    before = stamp(web)
    install(web, environment)
    run_npm(web, environment, "run", "build")
    (built / _STAMP).write_text(before, encoding="ascii")


def run_npm(web: Path, environment: Mapping[str, str], *arguments: str) -> None:
    plain = {**environment, "NO_COLOR": "1", "CI": "1"}
    done = subprocess.run(
        ["npm", *arguments], cwd=web, env=plain, capture_output=True, text=True, check=False
    )
    if done.returncode:
        plain_text = _COLOURS.sub("", done.stdout + done.stderr)
        said = "\n".join(plain_text.strip().splitlines()[-25:])
        raise BuildFailed(command=f"npm {' '.join(arguments)}", said=said)
