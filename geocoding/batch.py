"""A whole table of addresses: streamed, resumable after any kill, memory does not grow with it."""

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from geocoding.answers import Answer, CodeBook, geocode
from geocoding.areas import Areas
from geocoding.calibration import Calibration
from geocoding.forward import Hints
from geocoding.grammar.vocabulary import canonical
from geocoding.index.gazetteer import Gazetteer
from geocoding.sheets import UnreadableTable, is_excel, rows_of, sheet_names
from geocoding.tables import column_at
from gis_core.errors import BadInput

COLUMNS = (
    "lon", "lat", "level", "combination", "confidence", "error_m", "matched", "grid_code", "street",
    "community", "status", "candidates",
)  # fmt: skip
EXCEL_ROWS = 1_048_576
"""Rows that a sheet of a workbook holds."""
CHUNK = 500
"""Addresses between two writes: what a kill may cost."""


@dataclass(slots=True)
class BatchReport:
    """How many rows ended in which status; ``resumed_at``: rows an earlier run had done. Statuses and rows
    that are too long are counted in this run alone."""

    rows: int = 0
    resumed_at: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    sheet: str | None = None
    """The sheet of a workbook that was read."""
    sheets: list[str] = field(default_factory=list)
    """All sheets of that workbook that hold anything."""
    too_long: int = 0
    """Rows with more cells than the header, the rest of which is left out."""
    first_too_long: int | None = None


def cells(answer: Answer) -> list[str]:
    """The columns the batch adds, in order; empty where there is no answer."""
    best = answer.best
    number = str(answer.combination.number) if answer.combination else ""
    if best is None:
        return ["", "", "", number, "", "", "", "", "", "", answer.status, "[]"]
    others = [
        {"lon": c.lon, "lat": c.lat, "level": c.level, "confidence": c.confidence, "matched": c.matched}
        for c in answer.candidates[1:4]
    ]
    return [
        f"{best.lon:.7f}", f"{best.lat:.7f}", best.level, number, f"{best.confidence:.4f}",
        f"{best.error_m:.1f}", best.matched, best.grid_code, best.street, best.community, answer.status,
        json.dumps(others, ensure_ascii=False),
    ]  # fmt: skip


def _position(path: Path) -> Path:
    return path.with_name(path.name + ".progress")


def rows_done(output: Path) -> int:
    """How many rows a run under way has written for good."""
    try:
        return int(json.loads(_position(output).read_text(encoding="utf-8"))["rows"])
    except FileNotFoundError:
        return 0


class _Notes:
    """How far a run got, beside its output: what lets the same call go on after a kill."""

    def __init__(self, output: Path, source: Path, asked: Sequence[str | None]) -> None:
        self._output = output
        self._path = _position(output)
        stat = source.stat()
        self._of = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "asked": list(asked)}

    def read(self) -> tuple[int, int]:
        """Rows done and bytes to keep of an output that an earlier run left unfinished; zeros where it was
        made from another file or other columns."""
        if not self._path.is_file() or not self._output.is_file():
            return 0, 0
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError:
            return 0, 0
        same = all(stored.get(key) == value for key, value in self._of.items())
        if not same or self._output.stat().st_size < stored["bytes"]:
            return 0, 0
        return int(stored["rows"]), int(stored["bytes"])

    def write(self, rows: int, size: int) -> None:
        """Replace the note in one step, so that a kill leaves the old or the new one."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"rows": rows, "bytes": size, **self._of}), encoding="utf-8")
        fresh.replace(self._path)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def geocode_rows(
    rows: Sequence[list[str]], gazetteer: Gazetteer, calibration: Calibration, areas: Areas | None,
    address_at: int, district_at: int | None, codes: CodeBook | None = None,
) -> list[Answer]:  # fmt: skip
    """Answers of a chunk, with areas and grids."""
    answers = []
    for row in rows:
        text = row[address_at] if address_at < len(row) else ""
        district = canonical(row[district_at]) if district_at is not None and district_at < len(row) else ""
        answers.append(geocode(gazetteer, calibration, text, Hints(district), limit=4, codes=codes))
    if areas is not None:
        areas.stamp(answers, first_only=True)
    return answers


def count_rows(source: Path) -> int | None:
    """Rows below the header, for showing progress; None for a workbook, which would have to be read twice."""
    return None if is_excel(source) else max(0, sum(1 for _ in rows_of(source)) - 1)


def run(
    source: Path, output: Path, gazetteer: Gazetteer, calibration: Calibration, areas: Areas | None, *,
    address_column: str, district_column: str | None = None, sheet: str | None = None,
    codes: CodeBook | None = None, within: Sequence[str] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> BatchReport:  # fmt: skip
    """Geocode ``source`` (CSV in any encoding, or Excel) into ``output`` (CSV, UTF-8, or Excel).

    The same call again goes on where a killed one stopped; a finished output is made anew. Without
    ``sheet`` the first sheet of a workbook that has the column is read. ``within``: the areas that ``codes``
    keeps to; what was found within others is made anew. Raises BadInput.
    """
    sheets = sheet_names(source)
    sheet = sheet or _sheet_with(source, sheets, address_column)
    if output.exists() and output.samefile(source):
        raise BadInput(
            field=output.name, reason_zh="输出不能覆盖输入文件", reason="the output would overwrite the input"
        )
    excel = output.suffix.lower() in (".xlsx", ".xlsm")
    middle = output.with_suffix(".csv.part") if excel else output
    lines = rows_of(source, sheet)
    header = next(lines, None)
    if not header:
        raise UnreadableTable.of(source, "文件是空的", "the file is empty")
    address_at = column_at(header, address_column)
    district_at = column_at(header, district_column) if district_column else None
    reach = None if within is None else ",".join(within)
    notes = _Notes(middle, source, (address_column, district_column, sheet, reach))
    done, size = notes.read()
    report = BatchReport(rows=done, resumed_at=done, sheet=sheet, sheets=sheets)
    for _ in islice(lines, done):
        pass
    try:
        raw = middle.open("r+b" if size else "wb")
    except OSError as error:
        raise BadInput(
            field=str(output),
            reason_zh=f"无法写入：{error.strerror}",
            reason=f"cannot be written: {error.strerror}",
        ) from error
    with raw:
        raw.truncate(size)
        raw.seek(size)
        if not size:
            _write(raw, [[*(name.lstrip("\ufeff") for name in header), *COLUMNS]])
        while chunk := list(islice(lines, CHUNK)):
            answers = geocode_rows(chunk, gazetteer, calibration, areas, address_at, district_at, codes)
            for number, (row, answer) in enumerate(zip(chunk, answers, strict=True), start=report.rows + 1):
                report.statuses[answer.status] = report.statuses.get(answer.status, 0) + 1
                if len(row) > len(header):
                    report.too_long += 1
                    report.first_too_long = report.first_too_long or number
            _write(raw, _joined(chunk, answers, len(header)))
            raw.flush()
            os.fsync(raw.fileno())
            report.rows += len(chunk)
            notes.write(report.rows, raw.tell())
            progress(report.rows)
    if excel:
        to_excel(middle, output)
        middle.unlink()
    notes.remove()
    return report


def _sheet_with(source: Path, sheets: Sequence[str], column: str) -> str | None:
    """The first of several sheets that has the column; the first of all where none has it."""
    for sheet in sheets if len(sheets) > 1 else ():
        if column in (name.strip() for name in next(rows_of(source, sheet), [])):
            return sheet
    return sheets[0] if sheets else None


def _joined(rows: Sequence[list[str]], answers: Sequence[Answer], width: int) -> Iterator[list[str]]:
    """Each row, filled up or cut to the header's width, with the added columns."""
    for row, answer in zip(rows, answers, strict=True):
        yield [*row[:width], *[""] * (width - len(row)), *cells(answer)]


class _Lines:
    """Collects what csv writes, as bytes."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, text: str) -> int:
        self.parts.append(text)
        return len(text)


def _write(raw: Any, rows: Any) -> None:
    lines = _Lines()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    raw.write("".join(lines.parts).encode("utf-8", errors="replace"))


def to_excel(source: Path, output: Path) -> None:
    """Copy a CSV file (UTF-8) into a new workbook, a further sheet for each million rows. Characters that
    a workbook cannot hold are left out, and nothing is taken for a formula."""
    from openpyxl import Workbook  # Loading it takes 0.2 s, which the CSV path need not pay.
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet()

    def cell(value: str) -> Any:
        made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
        made.data_type = "s"
        return made

    with source.open(encoding="utf-8", newline="") as stream:
        lines = csv.reader(stream)
        header = next(lines, [])
        sheet.append([cell(name) for name in header])
        for number, row in enumerate(lines, start=1):
            if number % (EXCEL_ROWS - 1) == 0:
                sheet = book.create_sheet()
                sheet.append([cell(name) for name in header])
            sheet.append([cell(value) for value in row])
    book.save(output)
