"""Tables with coordinates, CSV and Excel, as layers of points (or of shapes written as WKT)."""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import shapely
from openpyxl.utils.exceptions import InvalidFileException
from pyproj import CRS

from gis_core.coordinates import Datum
from gis_core.errors import Text
from gis_core.importing.archives import check_zip
from gis_core.importing.coordinate_columns import (
    CoordinateColumns,
    address_column,
    find_coordinate_columns,
    shapes_of,
)
from gis_core.importing.errors import (
    CoordinatesMissing,
    DamagedFile,
    EncodingUnknown,
    EncodingWrong,
    ImportRefused,
    UnknownField,
)
from gis_core.importing.features import Features, object_column
from gis_core.importing.report import Issue, issue
from gis_core.importing.shapefile_text import TableText, known_encoding

BATCH = 20_000
TABLE_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".xlsx", ".xlsm")
MAX_FIELD_CHARACTERS = 2**24
SPREAD_ROWS, SPREAD_SHEET_ROWS = 2_000_000, 100_000
"""How far a sample reaches into a table: what can be read in some seconds."""
_TRIAL_BYTES = 2**20
_HEADER_WITHIN = 10
_DELIMITERS = ",;\t|"
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, csv.Error)
_BROKEN_WORKBOOK = (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError)

Row = tuple[int, list[Any]]
"""Number of the row as a spreadsheet shows it, and its cells."""


def is_table(path: Path) -> bool:
    return path.name.lower().endswith(TABLE_SUFFIXES)


@dataclass(frozen=True, slots=True)
class TableLayer:
    """One sheet or CSV file; ``crs`` is geographic where the numbers are degrees, else not known."""

    path: Path
    file: str
    """As people call the file."""
    layer: str
    name: str
    geometry_type: str
    size: int | None
    field_names: tuple[str, ...]
    columns: CoordinateColumns
    crs: CRS | None
    text: TableText | None
    curved: bool = False
    delimiter: str = ","

    @property
    def datum(self) -> Datum | None:
        """As the names of the coordinate columns say."""
        return self.columns.datum

    @property
    def expected(self) -> int | None:
        """Rows to come, for a progress bar: about as many as a CSV file has lines."""
        if self.text is None:
            return None
        with _opened(self.path) as opened:
            lines: int = sum(block.count(b"\n") for block in iter(partial(opened.read, 2**20), b""))
        return max(lines - 1, 1)

    def batches(self, size: int = BATCH) -> Iterator[Features]:
        """The rows in file order. Raises DamagedFile and EncodingWrong."""
        rows = self._rows()
        next(rows)
        while batch := list(islice(rows, size)):
            yield self._features(batch)

    def sample(self, size: int) -> Features:
        """The first rows."""
        return next(self.batches(size), self._features([]))

    def spread_sample(self, size: int) -> Features:
        """Rows evenly from all over the table, which may be sorted by place or by source."""
        rows = self._rows()
        next(rows)
        most = SPREAD_ROWS if self.text is not None else SPREAD_SHEET_ROWS
        kept: list[Row] = []
        step = 1
        for at, row in enumerate(islice(rows, most)):
            if at % step == 0:
                kept.append(row)
            if len(kept) > 2 * size:
                kept, step = kept[::2], 2 * step
        return self._features(kept)

    def sample_bounds(self) -> Any:
        return shapely.bounds(self.sample(1_000).shapes)

    def _rows(self) -> Iterator[Row]:
        if self.text is None:
            return _sheet_rows(self.path, self.layer, self.file)
        return _csv_rows(self.path, self.text.encoding, self.delimiter, self.file)

    def _features(self, rows: list[Row]) -> Features:
        width = len(self.field_names)
        ids = object_column([f"row {number}" for number, _ in rows])
        issues: list[Issue] = []
        cells = [row for _, row in rows]
        for at, row in enumerate(cells):
            if len(row) < width:
                cells[at] = row + [None] * (width - len(row))
            elif len(row) > width:
                if any(cell is not None for cell in row[width:]):
                    issues.append(issue(ids[at], "row-too-long", found=len(row), wanted=width))
                cells[at] = row[:width]
        # By numpy: zip(*cells) walks some ten thousand lists at once and is many times slower.
        columns = np.array(cells, dtype=object).reshape(len(cells), width).T
        fields = {name: values.copy() for name, values in zip(self.field_names, columns, strict=True)}
        shapes, unreadable = shapes_of(self.columns, fields, ids)
        for name in self.columns.names:
            del fields[name]
        return Features(ids, shapes, fields, issues=issues + unreadable)


def open_tables(
    path: Path,
    name: str,
    *,
    file: str,
    encoding: str | None,
    lon_field: str | None = None,
    lat_field: str | None = None,
) -> list[TableLayer]:
    """The sheets (or the one table) of a file.

    Raises CoordinatesMissing where no sheet has coordinates, UnknownField, DamagedFile, EncodingUnknown.
    """
    given = (lon_field, lat_field)
    heads: list[tuple[str, str, TableText | None, str]]
    if path.name.lower().endswith((".xlsx", ".xlsm")):
        check_zip(path, file)
        sheets = _sheet_names(path, file)
        heads = [(sheet, sheet if len(sheets) > 1 else name, None, ",") for sheet in sheets]
    else:
        found = TableText(known_encoding(encoding), "given") if encoding else _trial(path, file)
        heads = [(name, name, found, _delimiter(path, found.encoding, file))]
    layers: list[TableLayer] = []
    refusal: ImportRefused | None = None
    for layer, shown, text, delimiter in heads:
        rows = (
            _sheet_rows(path, layer, file)
            if text is None
            else _csv_rows(path, text.encoding, delimiter, file)
        )
        head = next(rows, None)
        if head is None:
            continue
        names = _unique(head[1])
        try:
            columns = _columns(names, *given, file=file)
        except CoordinatesMissing as error:
            refusal = refusal or error
            continue
        made = TableLayer(
            path=path, file=file, layer=layer, name=shown,
            geometry_type="Unknown" if columns.wkt else "Point",
            size=None, field_names=names, columns=columns, crs=None, text=text, delimiter=delimiter,
        )  # fmt: skip
        layers.append(_with_crs(made))
    if not layers:
        raise refusal or DamagedFile(file=file, where=Text("一行也没有", "no row"))
    return layers


def _with_crs(layer: TableLayer) -> TableLayer:
    bounds = layer.sample_bounds()
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    degrees = bool(len(bounds)) and float(np.median(np.abs(bounds))) <= 180
    if not degrees:
        return layer
    return TableLayer(
        **{name: getattr(layer, name) for name in layer.__slots__} | {"crs": CRS.from_epsg(4326)}
    )


def _columns(
    names: tuple[str, ...], lon_field: str | None, lat_field: str | None, *, file: str
) -> CoordinateColumns:
    by_name = {name.casefold(): name for name in names}
    for wanted in (lon_field, lat_field):
        if wanted is not None and wanted.casefold() not in by_name:
            raise UnknownField(field=wanted, fields=", ".join(names))
    if lon_field is not None and lat_field is not None:
        east, north = by_name[lon_field.casefold()], by_name[lat_field.casefold()]
        named = find_coordinate_columns((east, north))
        return CoordinateColumns(east, north, False, named.datum if named else None)
    found = find_coordinate_columns(names)
    if found is None:
        address = address_column(names)
        raise CoordinatesMissing(
            file=file,
            fields=", ".join(names),
            advice=Text(
                f"“{address}”像是地址：请先用 ./wanmi geocode 定位，再导入其结果",
                f"'{address}' looks like addresses: locate them with ./wanmi geocode and import its result",
            )
            if address
            else Text(
                "请用 --lon-column 和 --lat-column 指明坐标所在的列",
                "name the columns with --lon-column and --lat-column",
            ),
        )
    return found


def _unique(cells: list[Any]) -> tuple[str, ...]:
    """Column names; blank ones get their number, repeated ones a suffix."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for at, cell in enumerate(cells, start=1):
        name = str(cell).strip() if cell is not None else f"column_{at}"
        seen[name.casefold()] += 1
        names.append(name if seen[name.casefold()] == 1 else f"{name}_{seen[name.casefold()]}")
    return tuple(names)


def _opened(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")
    return bz2.open(path, "rb") if start.startswith(b"BZh") else path.open("rb")


def _trial(path: Path, file: str) -> TableText:
    """UTF-16 by its mark, else UTF-8 if the first bytes can be, else GB18030. Raises EncodingUnknown."""
    try:
        with _opened(path) as opened:
            start = opened.read(_TRIAL_BYTES)
            whole = len(start) < _TRIAL_BYTES
    except _BROKEN as error:
        raise DamagedFile(file=file, where=str(error)) from error
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return TableText("utf-16", "byte_order_mark")
    for encoding in ("utf-8", "gb18030"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(start, final=whole)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return TableText(encoding, "trial")
    raise EncodingUnknown(file=file)


def _delimiter(path: Path, encoding: str, file: str) -> str:
    """The delimiter that parts the first rows into the most, and equally many, cells."""
    best, most = ",", 1
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for _, row in islice(_csv_rows(path, encoding, delimiter, file), 50))
        if not widths:
            continue
        [(width, often)] = widths.most_common(1)
        if width > most and often >= 0.8 * widths.total():
            best, most = delimiter, width
    return best


def _row(number: int, what: str = "") -> Text:
    more = f": {what}" if what else ""
    return Text(f"第 {number} 行{more}", f"row {number}{more}")


def _csv_rows(path: Path, encoding: str, delimiter: str, file: str) -> Iterator[Row]:
    """Header and rows of a CSV file, blanks as None."""
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    with _opened(path) as raw:
        label = "utf-8-sig" if encoding == "utf-8" else encoding
        reader = csv.reader(io.TextIOWrapper(raw, encoding=label, newline=""), delimiter=delimiter)
        try:
            for row in reader:
                cells = [cell.strip() or None for cell in row]
                if any(cells):
                    yield reader.line_num, cells
        except UnicodeDecodeError as error:
            raise EncodingWrong(
                file=file,
                encoding=encoding,
                where=_row(reader.line_num + 1),
                bytes=error.object[error.start : error.start + 4].hex(" "),
            ) from error
        except _BROKEN as error:
            raise DamagedFile(file=file, where=_row(reader.line_num, str(error))) from error


def _sheet_names(path: Path, file: str) -> list[str]:
    try:
        with closing(openpyxl.load_workbook(path, read_only=True)) as book:
            return [sheet.title for sheet in book.worksheets]
    except _BROKEN_WORKBOOK as error:
        raise DamagedFile(file=file, where=str(error)[:200]) from error


def _sheet_rows(path: Path, sheet: str, file: str) -> Iterator[Row]:
    """Header and rows of a sheet; a title above the header is passed over."""
    try:
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            numbered = enumerate(book[sheet].iter_rows(values_only=True), start=1)
            top = [(number, _plain(row)) for number, row in islice(numbered, _HEADER_WITHIN)]
            filled = [sum(cell is not None for cell in row) for _, row in top]
            if not any(filled):
                return
            header = next(at for at, count in enumerate(filled) if count >= 0.6 * max(filled))
            width = max(at for at, cell in enumerate(top[header][1], start=1) if cell is not None)
            yield top[header][0], top[header][1][:width]
            for number, row in top[header + 1 :]:
                if any(cell is not None for cell in row):
                    yield number, row
            for number, cells in numbered:
                row = _plain(cells)
                if any(cell is not None for cell in row):
                    yield number, row
    except _BROKEN_WORKBOOK as error:
        raise DamagedFile(file=file, where=str(error)[:200]) from error


def _plain(cells: tuple[Any, ...]) -> list[Any]:
    """Cells as text or numbers, None for blanks; dates as ISO text, Excel's error values as blanks."""
    plain: list[Any] = []
    for cell in cells:
        if isinstance(cell, str):
            text = cell.strip()
            plain.append(
                None if not text or (text.startswith("#") and text.endswith(("!", "A", "?"))) else text
            )
        elif cell is None or isinstance(cell, bool | int | float):
            plain.append(cell)
        else:
            plain.append(cell.isoformat() if hasattr(cell, "isoformat") else str(cell))
    return plain
