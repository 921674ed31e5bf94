"""Log files of child processes: appended by the child itself, cut by the supervisor."""

import shutil
from pathlib import Path
from typing import IO

MAX_BYTES = 20 * 2**20
KEPT = 3


def open_log(path: Path) -> IO[bytes]:
    """A file a child writes to as its stdout and stderr; it lives on when the supervisor dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def rotate(path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> bool:
    """Copy a log that has grown too large aside and empty it; whether that was due.

    The writer keeps its open file (it appends, so it goes on at the new end); lines it writes
    between the copy and the cut are lost.
    """
    try:
        if path.stat().st_size <= max_bytes:
            return False
    except FileNotFoundError:
        return False
    for number in range(kept - 1, 0, -1):
        older = path.with_suffix(f".{number}.log")
        if older.exists():
            older.replace(path.with_suffix(f".{number + 1}.log"))
    shutil.copyfile(path, path.with_suffix(".1.log"))
    with path.open("r+b") as file:
        file.truncate(0)
    return True
