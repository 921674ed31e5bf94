"""Reading a capture piece by piece, so that its size does not matter."""

from collections.abc import Iterator
from typing import BinaryIO

CHUNK = 65_536
LONGEST_LINE = 4 * 2**20
"""Bytes; a longer line is refused as a whole."""


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """What is there, as soon as it is there: a pipe is followed live."""
    read = getattr(file, "read1", file.read)
    while data := read(CHUNK):
        yield data


def lines(file: BinaryIO) -> Iterator[bytes | int]:
    """Lines without their ends, blank ones left out; the length of a line that is too long."""
    while line := file.readline(LONGEST_LINE):
        size = len(line)
        if size == LONGEST_LINE and not line.endswith(b"\n"):
            while more := file.readline(LONGEST_LINE):
                size += len(more)
                if more.endswith(b"\n"):
                    break
            yield size
            continue
        stripped = line.strip()
        if stripped:
            yield stripped
