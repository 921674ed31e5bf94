"""The step to each fix from the one before of the same device."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch
from tracking.quality.track import distance_m

NEVER = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Columns beside those of the fixes; NaN and ``NEVER`` where there is no fix before."""

    before_us: NDArray[np.int64]
    before_lon: NDArray[np.float64]
    before_lat: NDArray[np.float64]
    before_mps: NDArray[np.float32]
    """Speed at the fix before; NaN where unknown."""
    seconds: NDArray[np.float64]
    metres: NDArray[np.float64]
    speed_mps: NDArray[np.float32]
    """As the device told it, else by the way; NaN where neither is known."""

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Way":
        return Way(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """The fix before the first of each run of a device: one row a fix of the batch, of which only those
    at the beginning of a run count."""

    time_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    speed_mps: NDArray[np.float32]


def nothing_before(count: int) -> Before:
    nan = np.full(count, np.nan)
    return Before(np.full(count, NEVER, dtype=np.int64), nan, nan, nan.astype(np.float32))


def way_of(fixes: FixBatch, before: Before, *, within_s: float, noise_m: float) -> Way:
    """``fixes`` are ordered by device and time. Speed is told from a step of at most ``within_s`` seconds;
    a shorter way than ``noise_m`` is a receiver at rest."""
    if not len(fixes):
        return Way(*(_none(kind) for kind in _KINDS))
    first = np.r_[True, fixes.device_id[1:] != fixes.device_id[:-1]]

    def shifted(own: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
        return np.where(first, known, np.r_[own[:1], own[:-1]])

    time_us = shifted(fixes.fix_time_us, before.time_us)
    lon, lat = shifted(fixes.lon, before.lon), shifted(fixes.lat, before.lat)
    known = time_us != NEVER
    seconds = np.where(known, (fixes.fix_time_us - np.where(known, time_us, 0)) / 1e6, np.nan)
    metres = distance_m(lon, lat, fixes.lon, fixes.lat)
    with np.errstate(invalid="ignore"):
        usable = (seconds > 0) & (seconds <= within_s)
        told = np.where(metres <= noise_m, 0.0, metres / np.maximum(seconds, 1.0))
    by_way = np.where(usable, told, np.nan).astype(np.float32)
    speed = np.where(np.isnan(fixes.speed_mps), by_way, fixes.speed_mps)
    return Way(time_us, lon, lat, shifted(speed, before.speed_mps), seconds, metres, speed)


_KINDS = (np.int64, np.float64, np.float64, np.float32, np.float64, np.float64, np.float32)


def _none(kind: Any) -> NDArray[Any]:
    return np.zeros(0, dtype=kind)
