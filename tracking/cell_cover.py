"""The cells of ``fix_cell`` and ``fix_cell_coarse`` that a polygon touches or fills."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_core.errors import BadInput

FINE, COARSE = 1024, 64
"""Cells a degree, as in the functions of the database."""
SIDE = FINE // COARSE
MOST_COARSE = 40_000
"""Of a polygon's box: about 300 km each way."""
ROUNDING_DEG = 1e-9
"""A place is taken for one of a cell when it is so near to it; far more than rounding moves it."""

OUT, BORDER, INSIDE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Runs:
    """Cells in a row, by their numbers, both ends in. ``inside``: the polygon fills them."""

    low: list[int]
    high: list[int]
    inside: list[bool]


@dataclass(frozen=True, slots=True)
class Cover:
    """``whole``: fine cells of the whole polygon. ``filled``: coarse cells that it fills, and ``rim``:
    the fine cells of the rest."""

    whole: Runs
    rim: Runs
    filled: list[int]


def cover(polygon: Any) -> Cover:
    """Raises BadInput for a polygon that spans more than ``MOST_COARSE`` coarse cells."""
    shapely.prepare(polygon)
    west, south, east, north = shapely.bounds(polygon)
    column, row = _number(west + 180, COARSE), _number(south + 90, COARSE)
    columns, rows = _number(east + 180, COARSE) - column + 1, _number(north + 90, COARSE) - row + 1
    if columns * rows > MOST_COARSE:
        raise BadInput(
            field="polygon", reason_zh="范围过大，请缩小", reason="spans too much ground; draw it smaller"
        )
    at_row, at_column = np.divmod(np.arange(columns * rows), columns)
    coarse = _status(polygon, at_column + column, at_row + row, COARSE)
    status = np.zeros((rows * SIDE, columns * SIDE), dtype=np.int8)
    by_block = status.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2)
    full, cut = coarse == INSIDE, coarse == BORDER
    by_block[at_row[full], at_column[full]] = INSIDE
    if cut.any():
        inner_row, inner_column = np.divmod(np.arange(SIDE * SIDE), SIDE)
        fine_column = ((at_column[cut] + column) * SIDE)[:, None] + inner_column
        fine_row = ((at_row[cut] + row) * SIDE)[:, None] + inner_row
        fine = _status(polygon, fine_column.ravel(), fine_row.ravel(), FINE)
        by_block[at_row[cut], at_column[cut]] = fine.reshape(-1, SIDE, SIDE)
    whole = _runs(status, row * SIDE, column * SIDE)
    by_block[at_row[full], at_column[full]] = OUT
    filled = (at_row[full] + row) * 23_041 + at_column[full] + column
    return Cover(whole, _runs(status, row * SIDE, column * SIDE), filled.tolist())


def _number(degrees: float, scale: int) -> int:
    return int(np.floor(degrees * scale))


def _status(polygon: Any, column: NDArray[np.int64], row: NDArray[np.int64], scale: int) -> NDArray[np.int8]:
    west, south = column / scale - 180, row / scale - 90
    boxes = shapely.box(
        west - ROUNDING_DEG,
        south - ROUNDING_DEG,
        west + 1 / scale + ROUNDING_DEG,
        south + 1 / scale + ROUNDING_DEG,
    )
    status: NDArray[np.int8] = shapely.intersects(polygon, boxes).astype(np.int8)
    touched = np.flatnonzero(status)
    status[touched[shapely.contains_properly(polygon, boxes[touched])]] = INSIDE
    return status


def _runs(status: NDArray[np.int8], row: int, column: int) -> Runs:
    rows, columns = status.shape
    numbers = column + np.arange(columns)
    breaks = np.zeros((rows, columns), dtype=np.bool_)
    breaks[:, 0] = True
    breaks[:, 1:] = status[:, 1:] != status[:, :-1]
    breaks[:, (numbers & 65_535) == 0] = True
    starts = np.flatnonzero(breaks.ravel())
    ends = np.append(starts[1:], rows * columns) - 1
    what = status.ravel()[starts]
    starts, ends, what = starts[what != OUT], ends[what != OUT], what[what != OUT]
    base = ((row + starts // columns) & 32_767) << 16
    low = base | (numbers[starts % columns] & 65_535)
    high = base | (numbers[ends % columns] & 65_535)
    return Runs(low.tolist(), high.tolist(), (what == INSIDE).tolist())
