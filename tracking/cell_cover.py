"""The cells of a polygon: those that it fills, and of the others which parts it fills or touches."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_core.errors import BadInput

COARSE, CELL, PART = 64, 256, 2048
"""Cells a degree at each level, as in the functions of the database: ``fix_cell_coarse``, ``piece_cell``,
``piece_part``."""
CELLS_ACROSS, PARTS_ACROSS = CELL // COARSE, PART // CELL
MOST_COARSE = 40_000
"""Of a polygon's box: about 300 km each way."""
ROUNDING_DEG = 1e-9
"""A place is taken for one of a cell when it is so near to it; far more than rounding moves it."""

OUT, BORDER, INSIDE = 0, 1, 2
EVERY_PART = -1

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """Cells in a row by their numbers, both ends in, with the parts of a cell (one bit each) that the
    polygon fills (``inside``) and those that it fills or touches (``near``)."""

    low: list[int]
    high: list[int]
    inside: list[int]
    near: list[int]


@dataclass(frozen=True, slots=True)
class Cover:
    """``whole``: cells of the whole polygon. ``filled``: coarse cells that it fills, and ``rim``: the cells
    of the rest."""

    whole: Runs
    rim: Runs
    filled: list[int]


def cover(polygon: Any) -> Cover:
    """Raises BadInput for an empty polygon, and for one that spans more than ``MOST_COARSE`` coarse cells."""
    if shapely.is_empty(polygon):
        raise BadInput(field="polygon", reason_zh="范围是空的", reason="is empty")
    shapely.prepare(polygon)
    west, south, east, north = shapely.bounds(polygon)
    column, row = _number(west + 180, COARSE), _number(south + 90, COARSE)
    columns, rows = _number(east + 180, COARSE) - column + 1, _number(north + 90, COARSE) - row + 1
    if columns * rows > MOST_COARSE:
        raise BadInput(
            field="polygon", reason_zh="范围过大，请缩小", reason="spans too much ground; draw it smaller"
        )
    coarse_row, coarse_column = np.divmod(np.arange(columns * rows), columns)
    coarse_row, coarse_column = coarse_row + row, coarse_column + column
    coarse = _status(polygon, coarse_row, coarse_column, COARSE)
    full = coarse == INSIDE
    filled_by_coarse = _numbers(*_split(coarse_row[full], coarse_column[full], CELLS_ACROSS))
    cut = coarse == BORDER
    cell_row, cell_column = _split(coarse_row[cut], coarse_column[cut], CELLS_ACROSS)
    cell = _status(polygon, cell_row, cell_column, CELL)
    filled = _numbers(cell_row[cell == INSIDE], cell_column[cell == INSIDE])
    border = _border(polygon, cell_row[cell == BORDER], cell_column[cell == BORDER])
    return Cover(
        whole=_with_border(np.concatenate((filled_by_coarse, filled)), border),
        rim=_with_border(filled, border),
        filled=(coarse_row[full] * 23_041 + coarse_column[full]).tolist(),
    )


def _number(degrees: float, scale: int) -> int:
    return int(np.floor(degrees * scale))


def _numbers(row: Index, column: Index) -> Index:
    """As ``piece_cell`` counts."""
    return row * 92_161 + column - 2**31


def _split(row: Index, column: Index, across: int) -> tuple[Index, Index]:
    """The smaller cells of cells, row by row."""
    inner_row, inner_column = np.divmod(np.arange(across * across), across)
    return (row[:, None] * across + inner_row).ravel(), (column[:, None] * across + inner_column).ravel()


def _status(polygon: Any, row: Index, column: Index, scale: int) -> NDArray[np.int8]:
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


def _border(polygon: Any, row: Index, column: Index) -> tuple[Index, Index, Index]:
    """Numbers of cells that a border runs through, with the bits of their parts inside and near."""
    parts = _status(polygon, *_split(row, column, PARTS_ACROSS), PART).reshape(len(row), -1)
    bits = np.uint64(1) << np.arange(PARTS_ACROSS**2, dtype=np.uint64)
    inside = np.where(parts == INSIDE, bits, 0).sum(axis=1, dtype=np.uint64)
    near = np.where(parts != OUT, bits, 0).sum(axis=1, dtype=np.uint64)
    return _numbers(row, column), inside.view(np.int64), near.view(np.int64)


def _with_border(filled: Index, border: tuple[Index, Index, Index]) -> Runs:
    cells, inside, near = border
    numbers = np.sort(filled)
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 2) != 1)
    ends = np.append(starts[1:], len(numbers)) - 1 if len(numbers) else starts
    every = np.full(len(starts), EVERY_PART)
    return Runs(
        low=np.concatenate((numbers[starts], cells)).tolist(),
        high=np.concatenate((numbers[ends], cells)).tolist(),
        inside=np.concatenate((every, inside)).tolist(),
        near=np.concatenate((every, near)).tolist(),
    )
