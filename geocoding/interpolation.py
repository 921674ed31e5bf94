"""Where an unknown house number lies, from the known ones of its road.

Position is a Gaussian process over the number: a road runs on smoothly (``_WANDER_M`` over
``_WANDER_NUMBERS``), its two sides number by themselves (odd and even, ``_SIDE_M``), lanes stand a little
apart from doors, and a known point is off by ``_NOISE_M``. Wrong points lose their weight by repeated fits
(Student's t). Curves of the road and drift between the sides follow from the neighbours themselves. The
lengths describe streets in general: numbers step by some 3 to 10 m, sides differ by tens of metres.
"""

from bisect import bisect_left
from math import sqrt
from typing import NamedTuple

import numpy as np

from geocoding.index.columns import Cluster, Columns
from geocoding.index.entries import UNITS

WINDOW = 20
"""Numbers looked at on each side."""
MOST = 20
"""Neighbours that enter the fit, the nearest by number."""
_WANDER_M, _WANDER_NUMBERS = 250.0, 150.0
_SIDE_M, _SIDE_NUMBERS = 100.0, 400.0
_UNIT_M = 20.0
_TREND_M = 3.0
"""Metres a number, as the scale of a straight trend."""
_NOISE_M = 40.0
_ROBUST_M = 80.0
_LEVEL = 1.0e6
_FITS = 4
_SHARED_WEIGHT = 0.3

_UNIT_CODE = {unit: code for code, unit in enumerate(UNITS)}
LANE, DOOR = _UNIT_CODE["lane"], _UNIT_CODE["door"]


class Line(NamedTuple):
    """A position among the numbers. ``sd_m``: what the process itself expects to be off by;
    ``residual_m``: how badly the neighbours fit; ``beyond``: outside all known numbers."""

    x: float
    y: float
    sd_m: float
    residual_m: float
    gap: int
    span_m: float
    beyond: bool
    neighbours: tuple[int, ...]
    shared: float


def along(columns: Columns, cluster: Cluster, number: int, unit: int, hidden: int = -1) -> Line | None:
    """The place of ``number`` on the road of ``cluster``; None where no other number is known.

    Entries whose number is ``hidden`` are left out.
    """
    middle = bisect_left(columns.number, number, cluster.start, cluster.end)
    low, high = max(cluster.start, middle - WINDOW), min(cluster.end, middle + WINDOW)
    numbers = np.asarray(columns.number[low:high])
    units = np.asarray(columns.unit[low:high])
    usable = (numbers > 0) & (numbers != hidden) & ((units == DOOR) | (units == LANE))
    rows = np.flatnonzero(usable)
    if not len(rows):
        return None
    step = (numbers[rows] - number).astype(np.float64)
    away = np.abs(step)
    if len(rows) > MOST:
        nearest = np.argpartition(away, MOST)[:MOST]
        rows, step, away = rows[nearest], step[nearest], away[nearest]
    x = np.asarray(columns.x[low:high])[rows].astype(np.float64)
    y = np.asarray(columns.y[low:high])[rows].astype(np.float64)
    shared = np.asarray(columns.shared[low:high])[rows] > 0
    weight = 1.0 / (away + 10.0)
    weight /= weight.sum()
    mean_x, mean_y = float(weight @ x), float(weight @ y)
    targets = np.empty((len(rows), 3))
    targets[:, 0], targets[:, 1] = x - mean_x, y - mean_y
    other_side = np.bitwise_and(numbers[rows] - number, 1).astype(np.bool_)
    other_unit = units[rows] != unit
    apart = np.abs(step[:, None] - step[None, :])
    same_side = other_side[:, None] == other_side[None, :]
    same_unit = other_unit[:, None] == other_unit[None, :]
    covariance = _wander(apart) + _UNIT_M**2 * same_unit + _TREND_M**2 * np.outer(step, step)
    covariance += _LEVEL + _SIDE_M**2 * same_side * np.exp(-apart / _SIDE_NUMBERS)
    here = _wander(away) + _UNIT_M**2 * ~other_unit + _LEVEL
    here += _SIDE_M**2 * ~other_side * np.exp(-away / _SIDE_NUMBERS)
    targets[:, 2] = here
    trust = np.where(shared, _SHARED_WEIGHT, 1.0)
    noise = np.diag(_NOISE_M**2 / trust)
    solved = targets
    residual = away
    for fit in range(_FITS):
        solved = np.linalg.solve(covariance + noise, targets)
        residual = np.hypot(*(targets[:, :2] - covariance @ solved[:, :2]).T)
        if fit < _FITS - 1:
            noise = np.diag(_NOISE_M**2 / trust * (1.0 + (residual / _ROBUST_M) ** 2))
    px, py, explained = (float(value) for value in here @ solved)
    prior = _WANDER_M**2 + _UNIT_M**2 + _SIDE_M**2 + _LEVEL
    below, above = step <= 0, step >= 0
    beyond = not (below.any() and above.any())
    if beyond:
        span = float(np.hypot(px - (x - mean_x), py - (y - mean_y)).min())
    else:
        one = int(np.argmax(np.where(below, step, -np.inf)))
        other = int(np.argmin(np.where(above, step, np.inf)))
        span = float(np.hypot(x[one] - x[other], y[one] - y[other]))
    return Line(
        px + mean_x, py + mean_y, sqrt(max(prior - explained, 1.0)), float(weight @ residual),
        int(away.min()), span, beyond, tuple((rows + low).tolist()), float(shared.mean()),
    )  # fmt: skip


def _wander(apart: np.ndarray) -> np.ndarray:
    scaled = apart / _WANDER_NUMBERS
    covariance: np.ndarray = _WANDER_M**2 * (1.0 + scaled) * np.exp(-scaled)
    return covariance


def near_chord(columns: Columns, cluster: Cluster, row: int) -> float | None:
    """Metres between an entry and the straight line in number between its next neighbours: a quick
    test whether the point fits its road. None without a neighbour on either side."""
    numbers, xs, ys, units = columns.number, columns.x, columns.y, columns.unit
    number = numbers[row]
    before = row - 1
    while before >= cluster.start and (numbers[before] == number or units[before] not in (LANE, DOOR)):
        before -= 1
    after = row + 1
    while after < cluster.end and (numbers[after] == number or units[after] not in (LANE, DOOR)):
        after += 1
    has_before, has_after = before >= cluster.start and numbers[before] > 0, after < cluster.end
    if not has_before and not has_after:
        return None
    if not has_before or not has_after:
        only = before if has_before else after
        return sqrt((xs[row] - xs[only]) ** 2 + (ys[row] - ys[only]) ** 2)
    part = (number - numbers[before]) / (numbers[after] - numbers[before])
    x = xs[before] + part * (xs[after] - xs[before])
    y = ys[before] + part * (ys[after] - ys[before])
    return sqrt((xs[row] - x) ** 2 + (ys[row] - y) ** 2)
