"""Track files as points to be sent again; read as ``./wanmi tracks analyse`` reads them."""

from pathlib import Path

import msgspec
import numpy as np

from ingest import values
from tracking.analyse.header import TrackFileError
from tracking.analyse.reading import read_columns


class TrackPoint(msgspec.Struct, frozen=True):
    """One row. Positions are degrees in WGS84, as the file has them."""

    vehicle: str
    time_us: int
    lon: float
    lat: float
    speed_mps: float | None
    course_deg: float | None


def read_track_file(path: Path) -> tuple[list[TrackPoint], int]:
    """The points in the order of time, and how many rows were refused (no number, off the earth).

    Raises TrackFileError for a file without the four columns, without a good row, or not readable.
    """
    file = read_columns(path)
    good = np.flatnonzero((np.abs(file.lon) <= 180) & (np.abs(file.lat) <= 90))
    if not len(good):
        raise TrackFileError(file=path.name, reason_zh="没有一行可用", reason="no row is usable")
    rows = good[np.argsort(file.time_us[good], kind="stable")]
    points = [
        TrackPoint(file.names[device], moment, lon, lat, _known(speed), values.course(_known(course)))
        for device, moment, lon, lat, speed, course in zip(
            file.device[rows].tolist(),
            file.time_us[rows].tolist(),
            file.lon[rows].tolist(),
            file.lat[rows].tolist(),
            np.where(file.speed_mps[rows] >= 0, file.speed_mps[rows], np.nan).tolist(),
            file.course_deg[rows].tolist(),
            strict=True,
        )
    ]
    return points, len(file.refused) + len(file.lon) - len(good)


def _known(value: float) -> float | None:
    return None if value != value else value


__all__ = ["TrackFileError", "TrackPoint", "read_track_file"]
