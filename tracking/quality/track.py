"""The fixes of one device as columns, and distances between them."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Columns of equal length. NaN: not reported. ``row``: order of arrival; ``told_us``: time as the
    device told it, ``time_us``: the same with the error of its clock taken off."""

    row: NDArray[np.int64]
    told_us: NDArray[np.int64]
    time_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    course_deg: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Track":
        """The rows of a mask, or in the order of an index."""
        return Track(*(getattr(self, field.name)[rows] for field in fields(self)))

    def with_columns(self, **columns: Any) -> "Track":
        return replace(self, **columns)

    def step_s(self) -> NDArray[np.float64]:
        """Seconds from each fix to the next; one fewer than fixes."""
        return np.diff(self.time_us) / 1e6

    def step_m(self) -> NDArray[np.float64]:
        """Metres from each fix to the next."""
        return self.apart_m(np.arange(len(self) - 1), np.arange(1, len(self)))

    def apart_m(self, here: NDArray[np.intp], there: NDArray[np.intp]) -> NDArray[np.float64]:
        """Metres between the fixes of two indices."""
        return distance_m(self.lon[here], self.lat[here], self.lon[there], self.lat[there])


def make_track(
    row: NDArray[np.int64],
    time_us: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    speed_mps: NDArray[np.float64] | None = None,
    course_deg: NDArray[np.float64] | None = None,
) -> Track:
    unknown = np.full(len(row), np.nan)
    return Track(
        row,
        time_us,
        time_us,
        lon,
        lat,
        unknown if speed_mps is None else speed_mps,
        unknown if course_deg is None else course_deg,
    )


def distance_m(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    other_lon: NDArray[np.float64],
    other_lat: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Great-circle distance by haversine; within 0.6 % of the ellipsoid."""
    phi, other_phi = np.radians(lat), np.radians(other_lat)
    half = (
        np.sin((other_phi - phi) / 2) ** 2
        + np.cos(phi) * np.cos(other_phi) * np.sin(np.radians(other_lon - lon) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0, 1))), dtype=np.float64)


def runs_of(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of True as [start, end)."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def own_speed(track: Track) -> tuple[float, float]:
    """What is usual of a device: median interval (s), and the 95th percentile of its step speeds (m/s).

    Positions that jump out and back do not count: no more is taken than a quarter above the speeds that
    hold for two steps.
    """
    if len(track) < 2:
        return 30.0, 0.0
    seconds, metres = track.step_s(), track.step_m()
    positive = seconds[seconds > 0]
    period = float(np.median(positive)) if len(positive) else 30.0
    usual = (seconds > 0) & (seconds <= 5 * period) & (metres > 20)
    if usual.sum() < 5:
        return period, 0.0
    fast = float(np.percentile(metres[usual] / seconds[usual], 95))
    pairs = np.flatnonzero(usual[:-1] & usual[1:])
    if len(pairs) < 5:
        return period, fast
    speed = metres / np.maximum(seconds, 1e-3)
    together = track.apart_m(pairs, pairs + 2) / (seconds[pairs] + seconds[pairs + 1])
    held = np.minimum(np.minimum(speed[pairs], speed[pairs + 1]), together)
    return period, min(fast, 1.25 * float(np.percentile(held, 98)))


def pace_around(speed: NDArray[np.float64], steps: NDArray[np.intp], length: int) -> NDArray[np.float64]:
    """How fast (m/s) the device was in the nine steps before and the nine after, but for the fastest two.

    ``speed`` is that of all steps; looked at are those around the ``length`` + 1 that begin with each of
    ``steps``.
    """
    offsets = np.r_[np.arange(-9, 0), np.arange(length + 1, length + 10)]
    near = steps[:, None] + offsets[None, :]
    inside = (near >= 0) & (near < len(speed))
    paces = np.where(inside, speed[np.clip(near, 0, len(speed) - 1)], 0.0)
    third = np.asarray(np.partition(paces, -3, axis=1)[:, -3], dtype=np.float64)
    return np.maximum(third, SLOWEST_MPS)


SLOWEST_MPS = 1.5
"""A pace below that of a walker is taken for it."""
