"""Where an unknown house number lies, from the known ones of its road.

Position is a Gaussian process over the number: a road runs on smoothly (``_WANDER_M`` over
``_WANDER_NUMBERS``), its two sides number by themselves (odd and even, ``_SIDE_M``), lanes stand a little
apart from doors, and a known point is off by ``_NOISE_M``. Wrong points lose their weight by repeated fits
(Student's t). Curves of the road and drift between the sides follow from the neighbours themselves. The
lengths describe streets in general: numbers step by some 3 to 10 m, sides differ by tens of metres.

Beyond the known numbers the process leans on the habits of the city (``index.habits``): it goes on along
the road, which its doors and the points that trace it show, the way the roads around rise, at their pace.
"""

from bisect import bisect_left, bisect_right
from math import atan2, atanh, cos, hypot, sin, sqrt, tanh
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from geocoding.index.columns import Cluster, Columns
from geocoding.index.entries import TRACE, UNITS
from geocoding.index.habits import Habits

Floats = NDArray[np.float64]

LANE, DOOR = UNITS.index("lane"), UNITS.index("door")
WINDOW = 20
"""Numbers looked at on each side."""
MOST = 20
"""Neighbours that enter the fit, the nearest by number."""
_WANDER_M, _WANDER_NUMBERS = 250.0, 220.0
_SIDE_M, _SIDE_NUMBERS = 110.0, 400.0
_UNIT_M = 10.0
_TREND_M, _TREND_KNOWN_M = 2.5, 0.8
"""Metres a number that the straight trend may differ from none, or from what habit says."""
_NOISE_M = np.where(np.arange(len(UNITS)) == LANE, 50.0, 42.0)
"""How far a known point is off, by the unit of its number."""
_FARTHEST = 16_000
"""Numbers so far apart have nothing in common any more."""
_ROBUST_M = 60.0
_LEVEL = 1.0e6
_FITS, _SETTLED_M = 6, 1.0
_SHARED_WEIGHT = 0.3
_ROAD_M = 150.0
"""Points that spread less than this tell no direction."""
_TRACED_SD_M = 150.0


class Line(NamedTuple):
    """A position among the numbers. ``sd_m``: what the process itself expects to be off by;
    ``residual_m``: how badly the neighbours fit, on a road without numbers how far the number would run past
    its end; ``beyond``: outside all known numbers."""

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
    known = (units == DOOR) | (units == LANE)
    known &= numbers > 0
    if hidden >= 0:
        known &= numbers != hidden
    rows = known.nonzero()[0]
    if not len(rows):
        return None
    first, end, told = _nearest(numbers[rows].tolist(), number)
    rows = rows[first:end]
    numbers = numbers[rows]
    away = np.abs(numbers - number)
    units = units[rows]
    rows += low
    step = (numbers - number).astype(np.float64)
    x = np.asarray(columns.x)[rows].astype(np.float64)
    y = np.asarray(columns.y)[rows].astype(np.float64)
    shared = np.asarray(columns.shared)[rows] > 0
    weight = 1.0 / (away + 10.0)
    weight /= weight.sum()
    mean_x, mean_y = float(weight @ x), float(weight @ y)
    beyond = told[0] > number or told[-1] < number
    trend_x, trend_y = _trend(columns, cluster, x, y, step) if beyond else (0.0, 0.0)
    targets = np.empty((len(rows), 3))
    targets[:, 0], targets[:, 1] = x - mean_x - trend_x * step, y - mean_y - trend_y * step
    slope = _TREND_KNOWN_M if trend_x or trend_y else _TREND_M
    covariance = _kinship(np.abs(np.subtract.outer(numbers, numbers)))
    sloping = slope * step
    covariance += np.multiply.outer(sloping, sloping)
    targets[:, 2] = here = _kinship(away)
    other_unit = units != unit
    if other_unit.any():
        here -= _UNIT_M**2 * other_unit
        targets[:, 2] = here
        covariance -= _UNIT_M**2 * np.not_equal.outer(other_unit, other_unit)
    noise = _NOISE_M[units] ** 2
    shared_part = 0.0
    if shared.any():
        noise[shared] /= _SHARED_WEIGHT
        shared_part = float(shared.mean())
    solved, residual = _robust(covariance, targets, noise)
    px, py, explained = (float(value) for value in here @ solved)
    prior = _WANDER_M**2 + _UNIT_M**2 + _SIDE_M**2 + _LEVEL
    if beyond:
        span = float(np.hypot(px - (x - mean_x), py - (y - mean_y)).min())
    else:
        one, other = bisect_left(told, told[bisect_right(told, number) - 1]), bisect_left(told, number)
        span = hypot(x[one] - x[other], y[one] - y[other])
    return Line(
        px + mean_x, py + mean_y, sqrt(max(prior - explained, 1.0)), float(weight @ residual),
        int(away.min()), span, beyond, tuple(rows.tolist()), shared_part,
    )  # fmt: skip


def _nearest(told: list[int], number: int) -> tuple[int, int, list[int]]:
    """Which slice of rising numbers holds the ``MOST`` that are nearest to ``number``, and the slice."""
    first = end = bisect_left(told, number)
    while end - first < min(MOST, len(told)):
        if first == 0 or (end < len(told) and told[end] - number <= number - told[first - 1]):
            end += 1
        else:
            first -= 1
    return first, end, told[first:end]


def _robust(covariance: Floats, targets: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """Solutions for the columns of ``targets``, and how far each of its points lies from the fit."""
    noisy = np.empty_like(covariance)
    diagonal = noisy.reshape(-1)[:: len(noise) + 1]
    spread = noise
    residual = np.full(len(noise), np.inf)
    for _ in range(_FITS):
        np.copyto(noisy, covariance)
        diagonal += spread
        solved = lapack.dposv(noisy.T, targets, overwrite_a=1)[1]
        # What the fit leaves of the targets is what the spread takes of the solution.
        before, residual = residual, spread * np.hypot(solved[:, 0], solved[:, 1])
        if np.abs(residual - before).max() < _SETTLED_M:
            break
        spread = noise * (1.0 + (residual / _ROBUST_M) ** 2)
    return solved, residual


def _kinship_table() -> Floats:
    """What two positions have in common, by how many numbers they are apart: the level of the whole, the
    road's wandering, one unit, and the side of the road, which numbers of one parity share."""
    apart = np.arange(_FARTHEST + 1)
    scaled = apart / _WANDER_NUMBERS
    wandering = _WANDER_M**2 * (1.0 + scaled) * np.exp(-scaled)
    side = _SIDE_M**2 * np.exp(-apart / _SIDE_NUMBERS)
    common: Floats = _LEVEL + _UNIT_M**2 + wandering + np.where(apart % 2 == 0, side, 0.0)
    return common


def _kinship(apart: NDArray[np.int32]) -> Floats:
    """``_KINSHIP`` of each; numbers farther apart than its end are as those there."""
    common: Floats = _KINSHIP.take(apart, mode="clip")
    return common


_KINSHIP = _kinship_table()


class _Axis(NamedTuple):
    """Main direction of points: unit vector, and how much longer than wide they lie, 0 to 1."""

    x: float
    y: float
    slender: float


def _axis(x: Floats, y: Floats) -> _Axis | None:
    if len(x) < 2:
        return None
    off_x, off_y = x - float(np.median(x)), y - float(np.median(y))
    xx, yy, xy = float(off_x @ off_x), float(off_y @ off_y), float(off_x @ off_y)
    root = hypot(xx - yy, 2 * xy)
    longer, wider = (xx + yy + root) / 2, (xx + yy - root) / 2
    if longer <= _ROAD_M**2:
        return None
    turn = 0.5 * atan2(2 * xy, xx - yy)
    return _Axis(cos(turn), sin(turn), 1.0 - wider / longer)


def _trace(columns: Columns, cluster: Cluster) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Rows and points that trace the road without a number on it."""
    end = bisect_left(columns.number, 1, cluster.start, cluster.end)
    rows = cluster.start + np.flatnonzero(np.asarray(columns.unit[cluster.start : end]) == TRACE)
    x = np.asarray(columns.x)[rows].astype(np.float64)
    return rows, x, np.asarray(columns.y)[rows].astype(np.float64)


def _trend(columns: Columns, cluster: Cluster, x: Floats, y: Floats, step: Floats) -> tuple[float, float]:
    """Metres a number to the east and north that habit and the road itself let expect."""
    habits = columns.habits
    if habits is None:
        return 0.0, 0.0
    _, trace_x, trace_y = _trace(columns, cluster)
    axis = _axis(np.concatenate((x, trace_x)), np.concatenate((y, trace_y)))
    if axis is None:
        return 0.0, 0.0
    rising = habits.rising(float(x.mean()), float(y.mean()), axis.x, axis.y)
    reach = float(step.max() - step.min())
    if reach > 0:
        centred = step - step.mean()
        pace = float((x * axis.x + y * axis.y) @ centred) / float(centred @ centred)
        seen = pace / habits.metres_a_number * min(reach / 60.0, 2.0)
        rising = tanh(atanh(min(max(rising, -0.97), 0.97)) + 1.5 * seen)
    metres = habits.metres_a_number * rising * axis.slender
    return metres * axis.x, metres * axis.y


def on_trace(columns: Columns, cluster: Cluster, number: int) -> Line | None:
    """The place of ``number`` on a road of which no number is known, only points that trace it: numbers
    start at the end from which they rise hereabouts. None where nothing traces it."""
    rows, x, y = _trace(columns, cluster)
    if not len(rows):
        return None
    middle_x, middle_y = float(np.median(x)), float(np.median(y))
    axis = _axis(x, y)
    habits: Habits | None = columns.habits
    past_m = 0.0
    if axis is None or habits is None:
        extent = float(np.hypot(x - middle_x, y - middle_y).max())
        at = (middle_x, middle_y)
        if habits is not None:
            past_m = max(habits.metres_a_number * number - extent, 0.0)
    else:
        rising = habits.rising(middle_x, middle_y, axis.x, axis.y)
        turn = 1.0 if rising >= 0 else -1.0
        ahead = turn * (x * axis.x + y * axis.y)
        order = np.argsort(ahead)
        first, last = float(ahead[order[0]]), float(ahead[order[-1]])
        extent = last - first
        begin = first - 0.5 * min(300.0, extent / (len(rows) - 1))
        told = begin + habits.metres_a_number * number
        past_m = max(told - last, 0.0)
        told = min(max(told, first), last)
        middle = turn * (middle_x * axis.x + middle_y * axis.y)
        told = abs(rising) * told + (1.0 - abs(rising)) * middle
        at = (
            float(np.interp(told, ahead[order], x[order])),
            float(np.interp(told, ahead[order], y[order])),
        )
    return Line(
        *at, _TRACED_SD_M + 0.3 * extent, past_m, number, extent, True, tuple(rows.tolist()), 0.0
    )  # fmt: skip


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
