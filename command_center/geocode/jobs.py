"""The work on tables of addresses that were handed in, in the worker process.

The table is geocoded by ``geocode batch`` in a process of its own: its memory goes with it, and a
run that was killed goes on where it stopped.
"""

import asyncio
import csv
import json
import shutil
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import psycopg
import structlog
from procrastinate import Blueprint, JobContext

from command_center.imports.files import SOURCE
from command_center.imports.settings import ImportSettings
from command_center.processes.children import die_with_parent
from geocoding.batch import COLUMNS, rows_done
from geocoding.city_rows import import_city
from geocoding.tables import column_at
from gis_core.named_sql import read_queries
from gis_core.settings import DatabaseSettings, StorageSettings

Connection = psycopg.AsyncConnection[Any]
log = structlog.get_logger(__name__)
_SQL = read_queries("command_center.geocode", "jobs.sql")
NAMESPACE = "geocode"
RESULT = "result.csv"
POLL_S = 1.0
SILENT = timedelta(seconds=30)
"""A running table that has not been heard of for so long has lost its process."""
LONGEST_REASON = 500


def make_tasks() -> Blueprint:
    """A new blueprint for each application: adding one changes its names."""
    made = Blueprint()
    made.task(name="locate_table")(locate_table)
    made.task(name="import_city", queueing_lock="geocode_import_city")(import_city_layers)
    again = made.task(name="resume_tables", queueing_lock="resume_tables", pass_context=True)(resume_tables)
    made.periodic(cron="* * * * *")(again)
    purge = made.task(name="purge_tables", queueing_lock="purge_tables")(purge_tables)
    made.periodic(cron="41 * * * *")(purge)
    return made


def table_folder(data_dir: Path, table_id: int) -> Path:
    return data_dir / "geocode" / str(table_id)


def source_of(data_dir: Path, table_id: int) -> Path | None:
    """The handed-in file; None once it was cleared away."""
    folder = table_folder(data_dir, table_id) / SOURCE
    return next(folder.iterdir(), None) if folder.is_dir() else None


async def locate_table(table_id: int) -> None:
    """Geocode a queued table to its end; its row tells the outcome."""
    await work_on(table_id, DatabaseSettings().database_url, StorageSettings().data_dir)


async def import_city_layers() -> None:
    """Bring the gazetteer up to the addresses of the city's own layers."""

    def run() -> None:
        with psycopg.connect(DatabaseSettings().database_url) as connection:
            import_city(connection)

    await asyncio.to_thread(run)


async def resume_tables(context: JobContext, timestamp: int) -> None:
    """Queue again what a killed worker left behind."""
    found = await asyncio.to_thread(abandoned, DatabaseSettings().database_url)
    for table_id in found:
        await context.app.configure_task(f"{NAMESPACE}:locate_table").defer_async(table_id=table_id)


def abandoned(database_url: str) -> list[int]:
    """Tables whose process is gone, now queued again."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_SQL["abandoned_tables"], {"silent": SILENT}).fetchall()
    return [table_id for (table_id,) in rows]


async def purge_tables(timestamp: int) -> None:
    """Clear away tables nobody came back for: they may hold people's addresses."""

    def run() -> None:
        kept = ImportSettings().uploads_kept
        with psycopg.connect(DatabaseSettings().database_url) as connection:
            rows = connection.execute(_SQL["expired_tables"], {"kept": kept}).fetchall()
        for (table_id,) in rows:
            shutil.rmtree(table_folder(StorageSettings().data_dir, table_id), ignore_errors=True)

    await asyncio.to_thread(run)


async def work_on(table_id: int, database_url: str, data_dir: Path) -> None:
    """Geocode, then enter the rows; both may be done again after any kill."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        begun = await _begin(connection, table_id)
        source = source_of(data_dir, table_id)
        if begun is None or source is None:
            return
        address, district, areas = begun
        result = table_folder(data_dir, table_id) / RESULT
        asked = ["--address-column", address, *(["--district-column", district] if district else [])]
        if areas is not None:
            asked += ["--areas", ",".join(areas)]
        reason = await _geocode(connection, table_id, source, result, asked)
        done = 0
        if reason is None:
            done = await asyncio.to_thread(_enter, database_url, table_id, result, address, district)
        await _end(connection, table_id, reason, done)


async def _begin(connection: Connection, table_id: int) -> tuple[str, str | None, list[str] | None] | None:
    """Mark the table as ours; waits for the transaction that queued it. Answers the columns with address and
    district, and the areas it is located within."""
    async with connection.transaction():
        row = await (await connection.execute(_SQL["queued_table"], {"id": table_id})).fetchone()
        if row is None or row[1] != "queued" or row[2] is None:
            log.warning("geocode.not_queued", table=table_id, state=row and row[1])
            return None
        await connection.execute(_SQL["begin_table"], {"id": table_id})
    return row[2], row[3], row[4]


async def _geocode(
    connection: Connection, table_id: int, source: Path, result: Path, asked: Sequence[str]
) -> str | None:
    """Run the batch; answers why it failed, or None. It does not outlive us."""
    told = result.with_suffix(".log")
    command = ["-m", "geocoding", "batch", str(source), str(result), "--json", *asked]
    with told.open("wb") as log_file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=log_file, stderr=log_file,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )  # fmt: skip
    over = asyncio.create_task(process.wait())
    try:
        while not (await asyncio.wait({over}, timeout=POLL_S))[0]:
            values = {"id": table_id, "done": rows_done(result)}
            await connection.execute(_SQL["table_progress"], values)
    finally:
        if process.returncode is None:
            process.kill()
            await over
    if process.returncode == 0:
        return None
    lines = told.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    log.error("geocode.failed", table=table_id, code=process.returncode)
    return "\n".join(lines[-6:])[-LONGEST_REASON:] or f"exit code {process.returncode}"


def _enter(database_url: str, table_id: int, result: Path, address: str, district: str | None) -> int:
    """Enter all rows of the result, or none; answers how many."""
    with (
        result.open(encoding="utf-8", newline="") as stream,
        psycopg.connect(database_url) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(_SQL["forget_rows"], {"id": table_id})
        return _copy(cursor, table_id, stream, address, district)


def _copy(
    cursor: psycopg.Cursor[Any], table_id: int, stream: TextIO, address: str, district: str | None
) -> int:
    count = 0
    with cursor.copy(_SQL["copy_rows"]) as copy:
        lines = csv.reader(stream)
        header = next(lines)
        own = header[: -len(COLUMNS)]
        address_at = column_at(own, address)
        district_at = column_at(own, district) if district else None
        for count, line in enumerate(lines, start=1):
            found = dict(zip(COLUMNS, line[-len(COLUMNS) :], strict=True))
            copy.write_row(
                (
                    table_id, count, line[address_at], line[district_at] if district_at is not None else "",
                    found["status"], found["level"], found["matched"],
                    *(float(found[key]) if found[key] else None
                      for key in ("confidence", "error_m", "lon", "lat")),
                    found["candidates"],
                )
            )  # fmt: skip
    return count


async def _end(connection: Connection, table_id: int, reason: str | None, done: int) -> None:
    refusal = None
    if reason is not None:
        refusal = json.dumps({"zh": f"定位失败：{reason}", "en": f"geocoding failed: {reason}"})
    values = {"id": table_id, "state": "refused" if reason else "done", "refusal": refusal, "done": done}
    await connection.execute(_SQL["end_table"], values)
