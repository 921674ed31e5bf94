"""Where a table of staff begins: titles above its header, and headers of two rows."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from gis_core.importing.coordinate_columns import find_coordinate_columns, parse_coordinate

Row = tuple[int, list[Any]]
"""Number of the row as a spreadsheet shows it, and its cells."""

_WITHIN = 15
"""Rows that may stand above the data."""

IsHeader = Callable[[list[str]], bool]


def names_coordinates(names: list[str]) -> bool:
    return find_coordinate_columns(names) is not None


def headed(rows: Iterator[Row], is_header: IsHeader) -> Iterator[Row]:
    """The header and the rows below it. ``is_header`` knows one by its names; where no row is known, it
    is the first about as full as the others."""
    top = list(islice(rows, _WITHIN))
    if not top:
        return
    at = next((at for at, (_, cells) in enumerate(top) if is_header(_texts(cells))), None)
    if at is None:
        at = next((at for at in range(len(top) - 1) if is_header(_texts(_merged(top, at)))), None)
    if at is None:
        at = _first_full(top)
    number, cells = top[at]
    data = at + 1
    if _is_second_row(top, at):
        cells, data = _merged(top, at), at + 2
    width = max((place for place, cell in enumerate(cells, start=1) if cell is not None), default=0)
    yield number, cells[:width]
    yield from chain(top[data:], rows)


def _texts(cells: list[Any]) -> list[str]:
    return [str(cell).strip() for cell in cells if isinstance(cell, str)]


def _first_full(top: list[Row]) -> int:
    filled = [sum(cell is not None for cell in cells) for _, cells in top]
    usual = Counter(filled).most_common(1)[0][0]
    return next(at for at, count in enumerate(filled) if count >= 0.6 * usual)


def _is_second_row(top: list[Row], at: int) -> bool:
    """Whether the row below is a part of the header: words only, some of them under a heading that spans
    several columns, and nothing under the headings of one column."""
    if at + 1 >= len(top):
        return False
    upper, lower = top[at][1], top[at + 1][1]
    size = max(len(upper), len(lower))
    upper, lower = _padded(upper, size), _padded(lower, size)
    if any(cell is not None and not _is_word(cell) for cell in lower):
        return False
    spans = any(one is None and two is not None for one, two in zip(upper, lower, strict=True))
    alone = any(one is not None and two is None for one, two in zip(upper, lower, strict=True))
    return spans and alone


def _is_word(cell: Any) -> bool:
    return isinstance(cell, str) and parse_coordinate(cell) is None


def _padded(cells: list[Any], size: int) -> list[Any]:
    return cells + [None] * (size - len(cells))


def _merged(top: list[Row], at: int) -> list[Any]:
    """One name of two rows: the lower where there is one, with the upper before it where several columns
    would have the same."""
    upper, lower = top[at][1], top[at + 1][1]
    size = max(len(upper), len(lower))
    upper, lower = _padded(upper, size), _padded(lower, size)
    often = Counter(cell for cell in lower if cell is not None)
    names: list[Any] = []
    over: Any = None
    for one, two in zip(upper, lower, strict=True):
        over = one if one is not None else over
        names.append(one if two is None else f"{over or ''}{two}" if often[two] > 1 else two)
    return names
