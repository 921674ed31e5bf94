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
from geocoding.tables import UnknownColumn, UnreadableTable, rows_of

COLUMNS = (
    "lon", "lat", "level", "combination", "confidence", "error_m", "matched", "grid_code", "street",
    "community", "status", "candidates",
)  # fmt: skip
CHUNK = 500
"""Addresses between two writes: what a kill may cost."""


@dataclass(slots=True)
class BatchReport:
    """How many rows ended in which status; ``resumed_at``: rows an earlier run had done."""

    rows: int = 0
    resumed_at: int = 0
    statuses: dict[str, int] = field(default_factory=dict)


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


def _resume(output: Path, source: Path) -> tuple[int, int]:
    """Rows done and bytes to keep of an output that an earlier run of the same input left unfinished."""
    note = _position(output)
    if not note.is_file() or not output.is_file():
        return 0, 0
    stored = json.loads(note.read_text(encoding="utf-8"))
    stat = source.stat()
    same = stored["size"] == stat.st_size and stored["mtime_ns"] == stat.st_mtime_ns
    return (stored["rows"], stored["bytes"]) if same and output.stat().st_size >= stored["bytes"] else (0, 0)


def _note(output: Path, source: Path, rows: int, size: int) -> None:
    """Replace the note in one step, so that a kill leaves the old or the new one."""
    stat = source.stat()
    fresh = _position(output).with_suffix(".new")
    fresh.write_text(
        json.dumps({"rows": rows, "bytes": size, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}),
        encoding="utf-8",
    )
    fresh.replace(_position(output))


def column_at(header: Sequence[str], column: str) -> int:
    """Position of a column by its exact name. Raises UnknownColumn."""
    names = [name.strip().lstrip("\ufeff") for name in header]
    if column not in names:
        raise UnknownColumn.named(column, names)
    return names.index(column)


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


def run(
    source: Path, output: Path, gazetteer: Gazetteer, calibration: Calibration, areas: Areas | None, *,
    address_column: str, district_column: str | None = None, codes: CodeBook | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> BatchReport:  # fmt: skip
    """Geocode ``source`` (CSV in any encoding, or Excel) into ``output`` (CSV, UTF-8, or Excel).

    The same call again goes on where a killed one stopped; a finished output is made anew.
    """
    if output.suffix.lower() in (".xlsx", ".xlsm"):
        middle = output.with_suffix(".csv.part")
        report = run(
            source, middle, gazetteer, calibration, areas, address_column=address_column,
            district_column=district_column, codes=codes, progress=progress,
        )  # fmt: skip
        to_excel(middle, output)
        middle.unlink()
        return report
    lines = rows_of(source)
    header = next(lines, None)
    if not header:
        raise UnreadableTable.of(source, "文件是空的", "the file is empty")
    address_at = column_at(header, address_column)
    district_at = column_at(header, district_column) if district_column else None
    done, size = _resume(output, source)
    report = BatchReport(rows=done, resumed_at=done)
    for _ in islice(lines, done):
        pass
    with output.open("r+b" if size else "wb") as raw:
        raw.truncate(size)
        raw.seek(size)
        if not size:
            _write(raw, [[*(name.lstrip("\ufeff") for name in header), *COLUMNS]])
        while chunk := list(islice(lines, CHUNK)):
            answers = geocode_rows(chunk, gazetteer, calibration, areas, address_at, district_at, codes)
            for answer in answers:
                report.statuses[answer.status] = report.statuses.get(answer.status, 0) + 1
            _write(raw, _joined(chunk, answers, len(header)))
            raw.flush()
            os.fsync(raw.fileno())
            report.rows += len(chunk)
            _note(output, source, report.rows, raw.tell())
            progress(report.rows)
    _position(output).unlink(missing_ok=True)
    return report


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
    """Copy a CSV file (UTF-8) into the first sheet of a new workbook."""
    from openpyxl import Workbook  # Loading it takes 0.2 s, which the CSV path need not pay.

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    with source.open(encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream):
            sheet.append(row)
    book.save(output)
