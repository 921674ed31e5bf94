"""The record of an import: its run, its issues, its audit entry."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg import Connection
from psycopg.types.json import Jsonb
from pyproj import CRS

from gis_core.errors import Text
from gis_core.identity.audit import Actor, Entry
from gis_core.importing.report import ImportReport, Issue
from gis_core.named_sql import read_queries

_SQL = read_queries("gis_core.importing")
_INTERRUPTED = Text(
    "导入进程中断，没有导入任何数据", "the import's process ended before it was done; nothing was imported"
)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def start_run(
    connection: Connection[Any], report: ImportReport, path: Path, *, target: str | None, srid: int | None,
    actor: Actor,
) -> int:  # fmt: skip
    """The number of a new run. Runs whose process is gone are closed on the way."""
    close_dead_runs(connection)
    values = {
        "file_name": report.file,
        "file_sha256": sha256_of(path),
        "target": target or "",
        "source": report.source,
        "srid": srid,
        "person_id": actor.person_id,
    }
    row = connection.execute(_SQL["start_run"], values).fetchone()
    assert row is not None
    return int(row[0])


def hold_run(connection: Connection[Any], run_id: int, actor: Actor, reason: str) -> None:
    """Show, for as long as this transaction lasts, that somebody works on the run; its changes are
    recorded as his."""
    connection.execute(_SQL["hold_run"], {"id": run_id})
    values = {"id": run_id, "person_id": actor.person_id, "actor": actor.name, "reason": reason}
    connection.execute(_SQL["edit_by_import"], values)


def close_dead_runs(connection: Connection[Any]) -> int:
    """Mark runs as refused that nobody works on; how many there were."""
    rows = connection.execute(_SQL["close_dead_runs"]).fetchall()
    for (run_id,) in rows:
        _write_issues(connection, run_id, [Issue("file", "refused", "interrupted", _INTERRUPTED)])
    return len(rows)


def finish_run(connection: Connection[Any], report: ImportReport, state: str) -> None:
    """Close the run and write its issues, in the caller's transaction."""
    assert report.run_id is not None
    counts: Counter[str] = Counter()
    for target_counts in report.counts.values():
        counts.update(target_counts.as_dict())
    by_target = {key: one.as_dict() for key, one in report.counts.items()}
    crs = CRS.from_user_input(report.crs).to_epsg() if (report.crs or "").startswith("EPSG:") else None
    connection.execute(
        _SQL["finish_run"],
        {
            "id": report.run_id,
            "state": state,
            "counts": Jsonb({**counts, "targets": by_target}),
            "target": ",".join(report.counts),
            "source": report.source,
            "srid": crs,
        },
    )
    _write_issues(connection, report.run_id, report.issues)


def _write_issues(connection: Connection[Any], run_id: int, issues: list[Issue]) -> None:
    command = "COPY import_issue (import_run_id, feature, severity, code, message_zh, message_en) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for one in issues:
            copy.write_row((run_id, one.feature, one.severity, one.code, one.text.zh, one.text.en))


def record_refusal(report: ImportReport, slug: str, text: Text, database_url: str) -> None:
    """Note that nothing was taken, in a transaction of its own."""
    report.issues.insert(0, Issue("file", "refused", slug, text))
    for counts in report.counts.values():
        counts.inserted = counts.updated = counts.unchanged = counts.removed = 0
    if report.run_id is None:
        return
    try:
        with psycopg.connect(database_url) as connection:
            finish_run(connection, report, "refused")
    except psycopg.Error as error:
        # The database is full or gone; the caller still gets the reason of the refusal itself.
        first = (str(error).strip().splitlines() or [""])[0]
        structlog.get_logger(__name__).warning("import.refusal_not_recorded", error=first)


def audit_entry(report: ImportReport, actor: Actor) -> Entry:
    detail = {
        "file": report.file,
        "source": report.source,
        "counts": {key: one.as_dict() for key, one in report.counts.items()},
    }
    return Entry(actor, "city.import", "import_run", str(report.run_id), detail)
