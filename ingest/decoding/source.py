"""Reading a capture piece by piece, so that its size does not matter."""

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

CHUNK = 65_536
LONGEST_LINE = 4 * 2**20
"""Bytes; a longer line is refused as a whole."""

LONGEST_COMMENT = 1_024
_COMMENT = re.compile(rb"\n#[\t\x20-\x7e\x80-\xff]*(?=[\r\n])")


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


def without_comments(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces without lines of text that begin with ``#``, as captures of receivers have them."""
    held = b"\n"
    for piece in pieces:
        told = _COMMENT.sub(b"\n", held + piece)
        begun = told.rfind(b"\n#")
        if begun < 0 or len(told) - begun > LONGEST_COMMENT:
            begun = len(told) - told.endswith(b"\n")
        yield told[:begun]
        held = told[begun:]
    yield _COMMENT.sub(b"\n", held + b"\n")
