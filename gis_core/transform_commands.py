"""``./wanmi transform``: the coordinates of a table, streamed from one system to another."""

import csv
import io
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TextIO

import numpy as np
import typer

from gis_core.errors import Text
from gis_core.importing.coordinate_columns import find_coordinate_columns, parse_coordinate
from gis_core.importing.errors import CoordinatesMissing, FileMissing, UnknownField
from gis_core.transforms import System, system_of, transform_points

BATCH = 20_000


def transform(
    source: Annotated[str, typer.Option("--from", help="wgs84 | gcj02 | bd09 | cgcs2000 | epsg:4549 …")],
    target: Annotated[str, typer.Option("--to", help="同上 as --from")],
    file: Annotated[
        Path | None, typer.Argument(help="CSV；不写则读标准输入 standard input if left out")
    ] = None,
    lon_column: Annotated[str | None, typer.Option(help="经度（东坐标）列 column of x")] = None,
    lat_column: Annotated[str | None, typer.Option(help="纬度（北坐标）列 column of y")] = None,
    output: Annotated[Path | None, typer.Option(help="写入文件，否则标准输出 file to write")] = None,
    encoding: Annotated[str, typer.Option(help="文字编码 text encoding")] = "utf-8-sig",
) -> None:
    """转换表格中的坐标，其余列不变；x（东、经度）在前。Coordinates of a table from one system to another.

    Without a header the first two columns are x and y. Values that are none become blank.
    """
    systems = system_of(source), system_of(target)
    try:
        raw = file.open("rb") if file is not None else sys.stdin.buffer
    except OSError as error:
        raise FileMissing(file=str(file)) from error
    with (
        io.TextIOWrapper(raw, encoding=encoding, newline="") as reading,
        output.open("w", encoding="utf-8", newline="") if output else _standard_output() as writing,
    ):
        convert(reading, writing, *systems, columns=(lon_column, lat_column), name=str(file or "-"))


def _standard_output() -> TextIO:
    return io.TextIOWrapper(io.FileIO(sys.stdout.fileno(), "wb", closefd=False), encoding="utf-8", newline="")


def convert(
    reading: TextIO,
    writing: TextIO,
    source: System,
    target: System,
    *,
    columns: tuple[str | None, str | None] = (None, None),
    name: str = "-",
) -> int:
    """Rows converted. Raises UnknownField and CoordinatesMissing."""
    rows = csv.reader(reading)
    writer = csv.writer(writing, lineterminator="\n")
    first = next(rows, None)
    if first is None:
        return 0
    at_x, at_y, header = _places(first, columns, name)
    pending: Iterator[list[str]] = rows
    if header:
        writer.writerow(first)
    else:
        pending = iter([first, *islice(rows, BATCH - 1)])
    digits = 10 if target.plain else 4
    count = 0
    while True:
        batch = list(islice(pending, BATCH))
        if not batch:
            if pending is rows:
                return count
            pending = rows
            continue
        count += len(batch)
        x, y = (np.array([_number(row, at) for row in batch]) for at in (at_x, at_y))
        east, north = transform_points(x, y, source, target)
        for row, one, other in zip(batch, east.tolist(), north.tolist(), strict=True):
            row += [""] * (max(at_x, at_y) + 1 - len(row))
            known = np.isfinite(one) and np.isfinite(other)
            row[at_x] = f"{one:.{digits}f}" if known else ""
            row[at_y] = f"{other:.{digits}f}" if known else ""
        writer.writerows(batch)


def _number(row: list[str], at: int) -> float:
    try:
        return float(row[at])
    except IndexError:
        return float("nan")
    except ValueError:
        found = parse_coordinate(row[at])
        return float("nan") if found is None else found


def _places(first: list[str], columns: tuple[str | None, str | None], name: str) -> tuple[int, int, bool]:
    """Positions of x and y, and whether the first row is a header."""
    if not any(columns) and len(first) >= 2 and all(parse_coordinate(cell) is not None for cell in first[:2]):
        return 0, 1, False
    named: Any = columns
    if not all(columns):
        found = find_coordinate_columns(first)
        if found is None or found.y is None:
            raise CoordinatesMissing(
                file=name,
                fields=", ".join(first),
                advice=Text(
                    "请用 --lon-column 和 --lat-column 指明", "name them with --lon-column and --lat-column"
                ),
            )
        named = (columns[0] or found.x, columns[1] or found.y)
    for one in named:
        if one not in first:
            raise UnknownField(field=one, fields=", ".join(first))
    return first.index(named[0]), first.index(named[1]), True
