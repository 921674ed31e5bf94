"""Tables with coordinates, CSV and Excel, as layers of points (or of shapes written as WKT)."""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
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
    CoordinatesUnreadable,
    DamagedFile,
    EncodingUnknown,
    EncodingWrong,
    ImportRefused,
    UnknownField,
)
from gis_core.importing.features import Features, object_column
from gis_core.importing.report import Issue, issue
from gis_core.importing.shapefile_text import TableText, known_encoding
from gis_core.importing.table_header import Row, headed, names_coordinates

BATCH = 20_000
TABLE_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".xlsx", ".xlsm")
MAX_FIELD_CHARACTERS = 2**24
SPREAD_ROWS, SPREAD_SHEET_ROWS = 2_000_000, 100_000
"""How far a sample reaches into a table: what can be read in some seconds."""
_TRIAL_BYTES = 2**20
_DELIMITERS = ",;\t|，"
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, csv.Error)
_BROKEN_WORKBOOK = (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError)


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

    def require_coordinates(self) -> None:
        """Raises CoordinatesUnreadable where the first rows have no coordinates at all."""
        rows = self._rows()
        next(rows)
        sample = [row for _, row in islice(rows, 1_000)]
        if not sample or not shapely.is_missing(self.sample(1_000).shapes).all():
            return
        places = [self.field_names.index(name) for name in self.columns.names]
        cells = [[row[at] for at in places if at < len(row)] for row in sample]
        example = next((", ".join(map(str, row)) for row in cells if any(one is not None for one in row)), "")
        advice = Text("请改正，或指明别的列。", "Mend them, or name other columns.")
        if self.text is None and not example and _has_formulas(self.path, self.layer, places):
            advice = Text(
                "这些格里是没有计算结果的公式：请用 Excel 或 WPS 打开并保存一次。",
                "They are formulas without results: open the file in Excel or WPS and save it.",
            )
        told = Text(f"，例如“{example[:60]}”", f", e.g. '{example[:60]}'") if example else Text("", "")
        raise CoordinatesUnreadable(
            file=self.file, fields=", ".join(self.columns.names), example=told, advice=advice
        )

    def _rows(self) -> Iterator[Row]:
        """The header, then the rows."""
        if self.text is None:
            rows = _sheet_rows(self.path, self.layer, self.file)
        else:
            rows = _csv_rows(self.path, self.text.encoding, self.delimiter, self.file)
        return headed(rows, self._is_header)

    def _is_header(self, names: list[str]) -> bool:
        return set(self.columns.names) <= set(names)

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
        head = next(headed(rows, partial(_is_header, given)), None)
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


def _is_header(given: tuple[str | None, str | None], names: list[str]) -> bool:
    wanted = {name.casefold() for name in given if name is not None}
    if wanted:
        return wanted <= {name.casefold() for name in names}
    return names_coordinates(names)


def _has_formulas(path: Path, sheet: str, places: list[int]) -> bool:
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        rows = book[sheet].iter_rows(max_row=50, values_only=True)
        return any(str(row[at]).startswith("=") for row in rows for at in places if at < len(row))


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
    """The delimiter that parts the first rows into the most, and equally many, cells; titles apart."""
    first = next(_csv_rows(path, encoding, "\x1f", file), (0, [""]))[1][0]
    told = re.fullmatch(r'"?sep=(.)"?', str(first), re.IGNORECASE)
    if told:
        return told[1]
    best, most = ",", (1, 0)
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for _, row in islice(_csv_rows(path, encoding, delimiter, file), 50))
        rows = widths.total()
        # Titles stand in one cell.
        del widths[1]
        if not widths:
            continue
        [(width, often)] = widths.most_common(1)
        if (width, often) > most and often >= 0.8 * widths.total() and often >= 0.4 * rows:
            best, most = delimiter, (width, often)
    return best


def _row(number: int, what: str = "") -> Text:
    more = f": {what}" if what else ""
    return Text(f"第 {number} 行{more}", f"row {number}{more}")


def _csv_rows(path: Path, encoding: str, delimiter: str, file: str) -> Iterator[Row]:
    """Rows of a CSV file that are not empty, blanks as None."""
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
    """Rows of a sheet that are not empty."""
    try:
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            for number, cells in enumerate(book[sheet].iter_rows(values_only=True), start=1):
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
