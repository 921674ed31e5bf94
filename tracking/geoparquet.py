"""Fixes as GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0): points in WKB, longitude first, CRS84."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tracking.clock import POSTGRES_EPOCH_US

SMALLEST = int(np.iinfo(np.int64).min)


class FixColumn(NamedTuple):
    """A column of ``fix``. ``wire``: type in binary COPY; ``absent``: what stands for null there, None
    where nulls cannot be."""

    name: str
    wire: str
    arrow: Any
    absent: float | int | None = None


_TIME = pa.timestamp("us", tz="UTC")
COLUMNS = (
    FixColumn("device_id", ">i4", pa.int32()),
    FixColumn("fix_time", ">i8", _TIME),
    FixColumn("received_at", ">i8", _TIME),
    FixColumn("lon", ">f8", pa.float64()),
    FixColumn("lat", ">f8", pa.float64()),
    FixColumn("content", ">i8", pa.int64()),
    FixColumn("altitude_m", ">f4", pa.float32(), float("nan")),
    FixColumn("speed_mps", ">f4", pa.float32(), float("nan")),
    FixColumn("course_deg", ">f4", pa.float32(), float("nan")),
    FixColumn("accuracy_m", ">f4", pa.float32(), float("nan")),
    FixColumn("satellites", ">i2", pa.int16(), -1),
    FixColumn("battery_pct", ">i2", pa.int16(), -1),
    FixColumn("unit_grid_id", ">i4", pa.int32(), 0),
    FixColumn("responsibility_grid_id", ">i4", pa.int32(), 0),
    FixColumn("flags", ">i4", pa.int32()),
    FixColumn("signals", ">i8", pa.int64(), SMALLEST),
)
"""All of ``fix``, in the order of the table."""

_WKB = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
_KEPT = tuple(column for column in COLUMNS if column.name not in ("lon", "lat"))
Columns = Mapping[str, NDArray[Any]]
"""Native numpy columns by name, with the marks for null; times in microseconds since 1970."""


def schema(bbox: tuple[float, float, float, float] | None) -> pa.Schema:
    """Of a file; ``bbox``: west, south, east, north of all its points."""
    geometry: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Point"]}
    if bbox is not None:
        geometry["bbox"] = list(bbox)
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}
    fields = [pa.field(column.name, column.arrow, nullable=column.absent is not None) for column in _KEPT]
    fields.append(pa.field("geometry", pa.binary(), nullable=False))
    return pa.schema(fields, metadata={"geo": json.dumps(geo)})


def from_wire(rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Columns of an array that binary COPY gave."""
    columns = {column.name: rows[column.name].astype(column.wire.replace(">", "=")) for column in COLUMNS}
    for name in ("fix_time", "received_at"):
        columns[name] = columns[name] + POSTGRES_EPOCH_US
    return columns


def as_table(columns: Columns, layout: pa.Schema) -> pa.Table:
    arrays = []
    for column in _KEPT:
        values = columns[column.name]
        mask = None
        if column.absent is not None:
            mask = np.isnan(values) if values.dtype.kind == "f" else values == column.absent
        arrays.append(pa.array(values, type=column.arrow, mask=mask))
    points = np.zeros(len(columns["lon"]), dtype=_WKB)
    points["order"], points["kind"], points["x"], points["y"] = 1, 1, columns["lon"], columns["lat"]
    offsets = pa.py_buffer((np.arange(len(points) + 1, dtype=np.int32) * _WKB.itemsize).tobytes())
    arrays.append(
        pa.Array.from_buffers(pa.binary(), len(points), [None, offsets, pa.py_buffer(points.tobytes())])
    )
    return pa.Table.from_arrays(arrays, schema=layout)


def from_table(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Columns of a table that ``as_table`` made."""
    columns: dict[str, NDArray[Any]] = {}
    for column in _KEPT:
        values = table.column(column.name).combine_chunks()
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.int64())
        if column.absent is not None:
            values = values.fill_null(column.absent)
        columns[column.name] = values.to_numpy(zero_copy_only=False)
    points = np.frombuffer(b"".join(table.column("geometry").to_pylist()), dtype=_WKB)
    columns["lon"], columns["lat"] = points["x"].copy(), points["y"].copy()
    return columns


def equal(one: Columns, other: Columns) -> bool:
    """Bit for bit."""
    return all(
        np.array_equal(one[column.name], other[column.name], equal_nan=one[column.name].dtype.kind == "f")
        for column in COLUMNS
    )


def write(where: Any, columns: Columns) -> None:
    """In one go, for exports. ``where``: a path or an output of pyarrow."""
    lon, lat = columns["lon"], columns["lat"]
    bbox = (lon.min(), lat.min(), lon.max(), lat.max()) if len(lon) else None
    layout = schema(None if bbox is None else tuple(float(edge) for edge in bbox))  # type: ignore[arg-type]
    pq.write_table(as_table(columns, layout), where, compression="zstd")


def read(path: Path, device_id: int | None = None) -> dict[str, NDArray[Any]]:
    """The fixes of a file, or those of one device: only the row groups that hold it are read."""
    chosen = None if device_id is None else [("device_id", "=", device_id)]
    return from_table(pq.read_table(path, filters=chosen))
