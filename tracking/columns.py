"""Rows of the database as numpy columns, read in PostgreSQL's binary forms: no loop over rows."""

from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from tracking.clock import POSTGRES_EPOCH_US

Columns = tuple[tuple[str, str], ...]
"""Names and types on the wire."""

_HEADER_BYTES = 19
_END_BYTES = 2
_COPY = psycopg.sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)")


def read_columns(
    connection: psycopg.Connection[Any],
    select: Any,
    parameters: dict[str, Any],
    columns: Columns,
) -> NDArray[Any]:
    """A structured array of what ``select`` answers: its columns in order with their types on the wire
    (``>i4`` and so on). None of them may be null. Times (``>i8``) count microseconds from 1970."""
    with connection.cursor() as cursor, cursor.copy(_COPY.format(select), parameters) as copy:
        data = b"".join(copy)
    row = np.dtype(
        [("fields", ">i2")]
        + [part for name, kind in columns for part in ((f"{name}_length", ">i4"), (name, kind))]
    )
    body = memoryview(data)[_HEADER_BYTES : len(data) - _END_BYTES]
    if len(body) % row.itemsize:
        raise ValueError("a column holds nulls, or its type is another")
    return np.frombuffer(body, dtype=row)


def from_packed(packed: bytes | None, columns: Columns) -> NDArray[Any]:
    """The rows that a query strings together to one value: each column in its binary form, one after the
    other (``float8send`` and so on). One value costs a client less than thousands of rows."""
    return np.frombuffer(packed or b"", dtype=np.dtype(list(columns)))


def micros(column: NDArray[Any]) -> NDArray[np.int64]:
    """Times of PostgreSQL as microseconds since 1970."""
    return column.astype(np.int64) + POSTGRES_EPOCH_US
