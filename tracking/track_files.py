"""A unit's fixes, archived days included, as a file: GPX 1.1, GeoJSON (RFC 7946), CSV or GeoParquet 1.1."""

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from tracking import geoparquet
from tracking.clock import micros_of
from tracking.geoparquet import COLUMNS, Columns

Form = Literal["gpx", "geojson", "csv", "parquet"]
QUERIES = load_queries("tracking", "track_files.sql")
FORMS: tuple[Form, ...] = ("gpx", "geojson", "csv", "parquet")


async def read_fixes(
    conn: AsyncConnection, device_id: int, since: datetime, until: datetime, folder: Path
) -> dict[str, NDArray[Any]]:
    """Columns of all fixes in [since, until), in order of time, from the database and from archive files
    of days that were dropped."""
    span = {"from_time": since, "to_time": until, "device_id": device_id}
    rows = (await conn.execute(QUERIES["fix_columns"], span)).all()
    days = {"first_day": since.astimezone(UTC).date(), "last_day": until.astimezone(UTC).date()}
    files = (await conn.execute(QUERIES["archive_files"], days)).scalars().all()
    return await asyncio.to_thread(_joined, rows, [folder / file for file in files], device_id, since, until)


def _joined(
    rows: Sequence[Sequence[Any]], files: Sequence[Path], device_id: int, since: datetime, until: datetime
) -> dict[str, NDArray[Any]]:
    told = list(zip(*rows, strict=True)) if rows else [() for _ in COLUMNS]
    here = {
        column.name: np.array(values, dtype=column.wire.replace(">", "="))
        for column, values in zip(COLUMNS, told, strict=True)
    }
    parts = [here, *(geoparquet.read(file, device_id) for file in files)]
    columns = {column.name: np.concatenate([part[column.name] for part in parts]) for column in COLUMNS}
    order = np.lexsort((columns["content"], columns["fix_time"]))
    times = columns["fix_time"][order]
    order = order[(times >= micros_of(since)) & (times < micros_of(until))]
    return {name: values[order] for name, values in columns.items()}


def write_file(path: Path, form: Form, name: str, fixes: Columns) -> None:
    if form == "parquet":
        geoparquet.write(path, fixes)
    else:
        path.write_text(_TEXTS[form](name, fixes), encoding="utf-8")


def as_bytes(form: Form, name: str, fixes: Columns) -> bytes:
    """The file's content."""
    if form != "parquet":
        return _TEXTS[form](name, fixes).encode()
    sink = pa.BufferOutputStream()
    geoparquet.write(sink, fixes)
    return bytes(sink.getvalue())


def as_gpx(name: str, fixes: Columns) -> str:
    points = "".join(
        f'<trkpt lat="{lat}" lon="{lon}">{"" if high is None else f"<ele>{high}</ele>"}'
        f"<time>{moment}</time></trkpt>\n"
        for moment, lon, lat, high in zip(
            _times(fixes), *_places(fixes), _numbers(fixes["altitude_m"], 1), strict=True
        )
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx version="1.1" creator="Wanmi" xmlns="http://www.topografix.com/GPX/1/1">\n'
        f"<trk><name>{escape(name)}</name><trkseg>\n{points}</trkseg></trk></gpx>\n"
    )


def as_geojson(name: str, fixes: Columns) -> str:
    """A point a fix, so that times and speeds stay with their places in any program."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {"name": name, "time": moment, "speed_mps": speed, "course_deg": course},
        }
        for moment, lon, lat, speed, course in _rows(fixes)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def as_csv(name: str, fixes: Columns) -> str:
    """As ``./wanmi tracks analyse`` and ``replay`` read it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["device", "time", "lon", "lat", "speed_mps", "course"])
    for moment, lon, lat, speed, course in _rows(fixes):
        rows.writerow(
            [name, moment, lon, lat, "" if speed is None else speed, "" if course is None else course]
        )
    return text.getvalue()


_TEXTS = {"gpx": as_gpx, "geojson": as_geojson, "csv": as_csv}


def _rows(fixes: Columns) -> Any:
    speeds, courses = _numbers(fixes["speed_mps"], 2), _numbers(fixes["course_deg"], 1)
    return zip(_times(fixes), *_places(fixes), speeds, courses, strict=True)


def _times(fixes: Columns) -> list[str]:
    return [
        f"{moment}Z" for moment in np.datetime_as_string(fixes["fix_time"].astype("datetime64[us]"), "ms")
    ]


def _places(fixes: Columns) -> tuple[list[float], list[float]]:
    return np.round(fixes["lon"], 7).tolist(), np.round(fixes["lat"], 7).tolist()


def _numbers(column: NDArray[Any], digits: int) -> list[float | None]:
    rounded = np.round(column.astype(np.float64), digits)
    return [
        None if missing else value for value, missing in zip(rounded.tolist(), np.isnan(rounded), strict=True)
    ]
