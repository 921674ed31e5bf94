"""Import of an address or place table into the gazetteer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from geocoding.index.entries import Entry, Names, SourceRow, collect_names, entries_of
from geocoding.store import (
    Connection,
    load_gazetteer,
    load_names,
    renew_calibration,
    save_entries,
    save_source,
)
from geocoding.tables import TableSpec, read_table
from gis_core.errors import BadInput

LEAST_FOR_CALIBRATION = 500


@dataclass(slots=True)
class ImportReport:
    """What became of the rows. ``unread``: rows whose address names nothing that can be looked up."""

    rows: int = 0
    entries: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    unread: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    calibration: dict[str, float] = field(default_factory=dict)


def import_table(
    connection: Connection, spec: TableSpec, *, replace: bool = False, calibrated: bool = True,
    progress: Callable[[str, int], None] = lambda step, count: None,
) -> ImportReport:  # fmt: skip
    """Read, parse and merge one table in one transaction; then let the gazetteer examine itself.

    Importing the same table again changes nothing. Raises BadInput for a table that cannot be read.
    """
    if spec.quality is not None and not 0.0 <= spec.quality <= 1.0:
        raise BadInput(field="quality", reason_zh="应在 0 到 1 之间", reason="must be between 0 and 1")
    # The rows are gone before the gazetteer is loaded: both at once are more than need be.
    report = _import_file(connection, spec, replace, progress)
    if calibrated:
        _examine(connection, report)
    return report


def _import_file(
    connection: Connection, spec: TableSpec, replace: bool, progress: Callable[[str, int], None]
) -> ImportReport:
    table = read_table(spec)
    progress("read", len(table.rows))
    return import_rows(
        connection, table.rows, spec, refused=table.refused, replace=replace, calibrated=False,
        progress=progress,
    )  # fmt: skip


def import_rows(
    connection: Connection, rows: list[SourceRow], spec: TableSpec, *, refused: dict[str, int] | None = None,
    replace: bool = False, calibrated: bool = True,
    progress: Callable[[str, int], None] = lambda step, count: None,
) -> ImportReport:  # fmt: skip
    """Parse and merge rows of WGS 84 points as the source that ``spec`` names; commits."""
    report = ImportReport(rows=len(rows), refused=refused or {})
    names = load_names(connection)
    names.add_areas({row.district for row in rows}, {row.town for row in rows}, ())
    collect_names(rows, names)
    progress("names", len(names.lexicon))
    source_id = save_source(
        connection, spec.source, quality=spec.quality, usual_quality=spec.usual_quality, datum=spec.datum,
        columns=spec.columns, priority=spec.priority, dated=spec.dated,
    )  # fmt: skip
    merged = save_entries(connection, source_id, _parsed(rows, names, report, progress), replace=replace)
    connection.commit()
    report.inserted, report.updated, report.removed = merged.inserted, merged.updated, merged.removed
    report.unchanged = report.entries - merged.inserted - merged.updated
    progress("saved", report.entries)
    if calibrated:
        _examine(connection, report)
    return report


def _examine(connection: Connection, report: ImportReport) -> None:
    """The gazetteer examines itself where it has changed."""
    if report.inserted + report.updated + report.removed == 0:
        return
    gazetteer = load_gazetteer(connection)
    if gazetteer.size >= LEAST_FOR_CALIBRATION:
        report.calibration = renew_calibration(connection, gazetteer).report
        connection.commit()


def _parsed(
    rows: list[SourceRow], names: Names, report: ImportReport, progress: Callable[[str, int], None]
) -> Iterator[Entry]:
    for number, row in enumerate(rows):
        before = report.entries
        for entry in entries_of(row, names):
            report.entries += 1
            yield entry
        report.unread += report.entries == before
        if number % 20_000 == 0:
            progress("parsed", number)
