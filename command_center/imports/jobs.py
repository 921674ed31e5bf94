"""The work of imports handed in over HTTP, in the worker process."""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import structlog
from procrastinate import Blueprint
from psycopg.rows import dict_row

from command_center.imports.files import ISSUES, source_path, task_folder
from command_center.imports.settings import ImportSettings
from gis_core.identity.audit import Actor
from gis_core.identity.secrets import Keyring
from gis_core.importing.errors import FileMissing, ImportRefused
from gis_core.importing.recipes import request_of
from gis_core.importing.report import ImportReport, write_report
from gis_core.importing.request import ImportRequest
from gis_core.importing.run import run_import
from gis_core.importing.stopping import Stop
from gis_core.named_sql import read_queries
from gis_core.settings import DatabaseSettings, StorageSettings

log = structlog.get_logger(__name__)
_SQL = read_queries("command_center.imports", "jobs.sql")
NAMESPACE = "imports"
HEARTBEAT_S = 1.0
_PROGRESS_S = 0.5


def make_tasks() -> Blueprint:
    """A new blueprint for each application: adding one changes its names."""
    made = Blueprint()
    made.task(name="import_file")(import_file)
    purge = made.task(name="purge_uploads", queueing_lock="purge_uploads")(purge_uploads)
    made.periodic(cron="23 * * * *")(purge)
    return made


async def import_file(task_id: int) -> None:
    """Try or take the file of a task."""
    await asyncio.to_thread(work_on, task_id, DatabaseSettings().database_url, StorageSettings())


async def purge_uploads(timestamp: int) -> None:
    """Clear away handed-in files nobody came back for."""
    await asyncio.to_thread(
        clear_old_uploads, DatabaseSettings().database_url, StorageSettings().data_dir, ImportSettings()
    )


def clear_old_uploads(database_url: str, data_dir: Path, settings: ImportSettings) -> int:
    """How many tasks went; uploads that broke off go after an hour."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_SQL["drop_expired_tasks"], {"kept": settings.uploads_kept}).fetchall()
    for (task_id,) in rows:
        shutil.rmtree(task_folder(data_dir, task_id), ignore_errors=True)
    for folder in (data_dir / "uploads").glob("new-*"):
        if folder.stat().st_mtime < time.time() - 3600:
            shutil.rmtree(folder, ignore_errors=True)
    return len(rows)


class _Marks:
    """Writes progress and signs of life of a task, and hears whether to stop."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]], task_id: int, stop: Stop) -> None:
        self._stop = stop
        self._connection = connection
        self._task_id = task_id
        self._counts: tuple[int, int | None] = (0, None)
        self._told = 0.0
        self._lock = threading.Lock()

    def progress(self, read: int, total: int | None) -> None:
        self._counts = (read, total)
        if time.monotonic() - self._told > _PROGRESS_S:
            self.write()

    def write(self) -> None:
        with self._lock:
            self._told = time.monotonic()
            read, total = self._counts
            values = {"id": self._task_id, "read": read, "total": total}
            row = self._connection.execute(_SQL["task_progress"], values).fetchone()
        if row is not None and row["cancelled"]:
            self._stop.ask()

    @contextmanager
    def beating(self) -> Iterator[None]:
        over = threading.Event()

        def beat() -> None:
            while not over.wait(HEARTBEAT_S):
                self.write()

        thread = threading.Thread(target=beat, name="import heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.write()


def work_on(task_id: int, database_url: str, storage: StorageSettings) -> None:
    """Run a queued task to its end; its row tells the outcome."""
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        task = _begin(connection, task_id)
        if task is None:
            return
        stop = Stop()
        marks = _Marks(connection, task_id, stop)
        folder = task_folder(storage.data_dir, task_id)
        state, report, refusal = "refused", None, None
        try:
            with marks.beating():
                request = _request(task, storage.data_dir)
                keyring = Keyring(storage.secret_key)
                report = run_import(
                    request, database_url, keyring=keyring, progress=marks.progress, stop=stop
                )
            state = "tried" if task["dry_run"] else "done"
        except ImportRefused as error:
            report = error.report
            refusal = {"slug": error.slug, "zh": error.text.zh, "en": error.text.en}
        except Exception as error:
            refusal = {
                "slug": "interrupted",
                "zh": f"导入中断：{type(error).__name__}，没有导入任何数据",
                "en": f"the import broke off: {type(error).__name__}; nothing was imported",
            }
            raise
        finally:
            if report is not None:
                write_reports(folder, report)
            _end(connection, task_id, state, report, refusal)


def _begin(connection: psycopg.Connection[dict[str, Any]], task_id: int) -> dict[str, Any] | None:
    """Mark the task as ours. Waits for the transaction that queued it."""
    with connection.transaction():
        row = connection.execute(_SQL["queued_task"], {"id": task_id}).fetchone()
        if row is None or row["state"] != "queued":
            log.warning("import.not_queued", task=task_id, state=row and row["state"])
            return None
        connection.execute(_SQL["begin_task"], {"id": task_id})
    return row


def _request(task: dict[str, Any], data_dir: Path) -> ImportRequest:
    path = source_path(data_dir, task["id"])
    if path is None:
        raise FileMissing(file=task["file_name"])
    options = dict(task["options"])
    allowed = options.pop("allowed_areas", None)
    request = request_of(options, path)
    return replace(
        request,
        dry_run=task["dry_run"],
        diff=True,
        allowed_areas=None if allowed is None else tuple(allowed),
        file_name=task["file_name"],
        actor=Actor(task["person_id"], task["login"] or ""),
    )


def write_reports(folder: Path, report: ImportReport) -> None:
    """The reports people download, and the issues line by line for paging."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in (".csv", ".json", ".geojson"):
        write_report(folder / f"report{suffix}", report)
    with (folder / ISSUES).open("w", encoding="utf-8") as file:
        for one in report.issues:
            line = {"feature": one.feature, "severity": one.severity, "code": one.code,
                    "message_zh": one.text.zh, "message_en": one.text.en}  # fmt: skip
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _end(
    connection: psycopg.Connection[Any],
    task_id: int,
    state: str,
    report: ImportReport | None,
    refusal: dict[str, Any] | None,
) -> None:
    values = {
        "id": task_id,
        "state": state,
        "report": None if report is None else json.dumps(report.as_dict(), ensure_ascii=False, default=str),
        "refusal": None if refusal is None else json.dumps(refusal, ensure_ascii=False),
        "import_run_id": None if report is None else report.run_id,
    }
    connection.execute(_SQL["end_task"], values)
