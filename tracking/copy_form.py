"""Columns in PostgreSQL's binary COPY form, built as one array: no loop over rows."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_END = struct.pack("!h", -1)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """``kind``: the type on the wire, such as ``>i4``. ``null``: the rows that hold no value."""

    kind: str
    values: NDArray[Any]
    null: NDArray[np.bool_] | None = None


def copy_form(columns: Sequence[Column]) -> bytes:
    """What ``COPY … FROM STDIN (FORMAT binary)`` takes. All columns are of one length, at least 1."""
    count = len(columns[0].values)
    nulls = [column.null if column.null is not None and column.null.any() else None for column in columns]
    empty = [null is not None and bool(null.all()) for null in nulls]
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for place, column in enumerate(columns):
        parts.append((f"length{place}", ">i4"))
        if not empty[place]:
            parts.append((f"value{place}", column.kind))
    rows: NDArray[Any] = np.zeros(count, dtype=np.dtype(parts))
    rows["fields"] = len(columns)
    kept: NDArray[np.bool_] | None = None
    for place, (column, null) in enumerate(zip(columns, nulls, strict=True)):
        if empty[place]:
            rows[f"length{place}"] = -1
            continue
        size = np.dtype(column.kind).itemsize
        rows[f"length{place}"] = size if null is None else np.where(null, -1, size)
        with np.errstate(invalid="ignore"):
            rows[f"value{place}"] = column.values
        if null is not None:
            if kept is None:
                kept = np.ones((count, rows.itemsize), dtype=np.bool_)
            begin = rows.dtype.fields[f"value{place}"][1]  # type: ignore[index]
            kept[null, begin : begin + size] = False
    if kept is None:
        return _HEADER + rows.tobytes() + _END
    return _HEADER + rows.view(np.uint8).reshape(count, rows.itemsize)[kept].tobytes() + _END
