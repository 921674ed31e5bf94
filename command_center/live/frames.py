"""The binary frame of ``/ws/live``: a header and packed columns, little-endian (docs/protocols/live.md)."""

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x4D57
VERSION = 1
HEADER = struct.Struct("<HBBIIId")
"""magic, version, kind, seq, number of units, reserved, server time in epoch milliseconds."""

UNKNOWN = 0xFFFF
"""Course or speed that was not reported; age of 65,535 s and more."""


class FrameKind(IntEnum):
    FULL = 1
    """All units of the viewport; what is not in it is not there."""
    DELTA = 2
    """Units of the viewport that changed since the frame before."""


class State(IntEnum):
    OFFLINE = 0
    STANDING = 1
    MOVING = 2
    ALERT = 3
    GONE = 255
    """Left the viewport or the reader's scope: to be removed."""


COLUMNS: tuple[tuple[str, str], ...] = (
    ("id", "<u4"),
    ("lon", "<i4"),
    ("lat", "<i4"),
    ("course", "<u2"),
    ("speed", "<u2"),
    ("age", "<u2"),
    ("kind", "u1"),
    ("state", "u1"),
)
UNIT_BYTES = sum(np.dtype(code).itemsize for _, code in COLUMNS)


@dataclass(frozen=True, slots=True)
class Columns:
    """Units as parallel arrays: 1e-7 degrees, 0.01 degrees, 0.01 m/s, seconds since the fix."""

    id: NDArray[np.uint32]
    lon: NDArray[np.int32]
    lat: NDArray[np.int32]
    course: NDArray[np.uint16]
    speed: NDArray[np.uint16]
    age: NDArray[np.uint16]
    kind: NDArray[np.uint8]
    state: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    kind: FrameKind
    seq: int
    time_ms: float
    columns: Columns


def encode_frame(frame: Frame) -> bytes:
    columns = frame.columns
    header = HEADER.pack(
        MAGIC, VERSION, frame.kind, frame.seq & 0xFFFFFFFF, len(columns.id), 0, frame.time_ms
    )
    return header + b"".join(
        np.ascontiguousarray(getattr(columns, name), dtype=code).tobytes() for name, code in COLUMNS
    )


def decode_frame(data: bytes) -> Frame:
    """The reverse, for programs and tests. Raises ValueError for anything else than a whole frame."""
    if len(data) < HEADER.size:
        raise ValueError(f"a frame of {len(data)} bytes has no header")
    magic, version, kind, seq, count, _, time_ms = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"not a frame of version {VERSION}: magic {magic:#x}, version {version}")
    if len(data) != HEADER.size + count * UNIT_BYTES:
        raise ValueError(f"{len(data)} bytes do not hold {count} units")
    arrays, at = {}, HEADER.size
    for name, code in COLUMNS:
        arrays[name] = np.frombuffer(data, dtype=code, count=count, offset=at)
        at += arrays[name].nbytes
    return Frame(FrameKind(kind), seq, time_ms, Columns(**arrays))
