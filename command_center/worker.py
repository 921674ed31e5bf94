"""The worker process: clocks and housekeeping, as jobs in the database (procrastinate)."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import psycopg
import structlog
from procrastinate import App, Blueprint, PsycopgConnector
from procrastinate.schema import SchemaManager
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from command_center.geocode import jobs as geocode
from command_center.imports import jobs as imports
from gis_core.database import create_engine, load_queries
from gis_core.named_sql import read_queries
from gis_core.settings import DatabaseSettings
from tracking import pieces
from tracking.archive import ArchiveSettings, retain
from tracking.late import StillWritten
from tracking.partitions import days_ahead, ensure
from tracking.rosters.shifts import fill
from tracking.settings import TrackingSettings
from tracking.settling import settle_due

OUTBOX_KEPT = timedelta(days=7)
CONCURRENCY = 4
CONNECTION_WAIT_S = 8.0
"""A job under way when the database goes must not hold up the end of its process for longer."""

log = structlog.get_logger(__name__)
tasks = Blueprint()
_QUERIES = load_queries("command_center", "worker.sql")


def prepare_job_tables(database_url: str) -> None:
    """procrastinate's own tables: made once, then brought forward by its migration files."""
    newest = version("procrastinate")
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('procrastinate schema'))")
        row = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if row is None or row[0] is None:
            connection.execute(SchemaManager.get_schema())
        else:
            noted = connection.execute(read_queries("command_center", "worker.sql")["job_tables_version"])
            at = str((noted.fetchone() or ("",))[0] or newest)
            for file in _later_than(at):
                connection.execute(file.read_bytes())
        note = sql.SQL("COMMENT ON TABLE procrastinate_jobs IS {}").format(sql.Literal(newest))
        connection.execute(note)


def _later_than(applied: str) -> list[Path]:
    files = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return [file for file in files if _numbers(file.name.split("_", 1)[0]) > _numbers(applied)]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def create_jobs(settings: DatabaseSettings) -> App:
    """The job queue, to defer jobs with or to run them; open it before use."""
    connector = PsycopgConnector(
        conninfo=settings.database_url, min_size=1, max_size=CONCURRENCY + 2, timeout=CONNECTION_WAIT_S
    )
    app = App(connector=connector)
    app.add_tasks_from(tasks, namespace="wanmi")
    app.add_tasks_from(imports.make_tasks(), namespace=imports.NAMESPACE)
    app.add_tasks_from(geocode.make_tasks(), namespace=geocode.NAMESPACE)
    return app


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(queueing_lock="make_fix_partitions")
async def make_fix_partitions(timestamp: int) -> None:
    """Have the daily partitions of fixes ready ahead of midnight."""
    await asyncio.to_thread(_make_fix_partitions, DatabaseSettings())


def _make_fix_partitions(settings: DatabaseSettings) -> None:
    days = days_ahead(datetime.now(UTC).date(), TrackingSettings().partitions_ahead)
    with psycopg.connect(settings.database_url) as connection:
        ensure(connection, days)


@tasks.periodic(cron="17 19 * * *")
@tasks.task(queueing_lock="prolong_rosters")
async def prolong_rosters(timestamp: int) -> None:
    """Draw up the turns of all shifts a day further, at night in China."""
    engine = create_engine(DatabaseSettings(), application_name="wanmi-worker")
    try:
        async with engine.begin() as connection:
            await fill(connection, None)
    finally:
        await engine.dispose()


@tasks.periodic(cron="* * * * *")
@tasks.task(queueing_lock="make_track_pieces")
async def make_track_pieces(timestamp: int) -> None:
    """Make the running day answer by place: every ten minutes, or every minute while much comes in."""
    await asyncio.to_thread(_make_track_pieces, DatabaseSettings())


def _make_track_pieces(settings: DatabaseSettings) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        try:
            pieces.advance_due(connection)
        except StillWritten as error:
            log.warning("pieces_wait", error=str(error))


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(queueing_lock="settle_fixes")
async def settle_fixes(timestamp: int) -> None:
    """Sort, index and roll up days of fixes that are over; roll up again what late fixes changed."""
    await asyncio.to_thread(_settle_fixes, DatabaseSettings())


def _settle_fixes(settings: DatabaseSettings) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        fresh, stale = settle_due(connection)
    if fresh or stale:
        log.info("settled", days=len(fresh), rolled_up_again=len(stale))


@tasks.periodic(cron="23 19 * * *")
@tasks.task(queueing_lock="retain_fixes")
async def retain_fixes(timestamp: int) -> None:
    """At 3:23 in China: archive old days of fixes, drop older ones that are safe in their files."""
    await asyncio.to_thread(_retain_fixes, DatabaseSettings(), ArchiveSettings())


def _retain_fixes(settings: DatabaseSettings, keep: ArchiveSettings) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        kept = retain(connection, keep)
    log.info(
        "retained",
        archived=len(kept.archived),
        dropped=len(kept.dropped),
        files_deleted=len(kept.deleted_files),
        dead_letters_deleted=kept.dead_letters,
    )


@tasks.periodic(cron="7 * * * *")
@tasks.task(queueing_lock="purge_expired")
async def purge_expired(timestamp: int) -> None:
    """Take out sessions that are over and old events."""
    engine = create_engine(DatabaseSettings(), application_name="wanmi-worker")
    try:
        sessions, events = await purge(engine)
    finally:
        await engine.dispose()
    log.info("purged", sessions=sessions, events=events)


async def purge(engine: AsyncEngine) -> tuple[int, int]:
    """Sessions and events taken out."""
    async with engine.begin() as connection:
        sessions = await connection.execute(_QUERIES["purge_sessions"])
        events = await connection.execute(_QUERIES["purge_outbox"], {"keep": OUTBOX_KEPT})
    return sessions.rowcount, events.rowcount


def run() -> None:
    """Work until SIGTERM; jobs under way are given a few seconds to end."""
    asyncio.run(_run(DatabaseSettings()))


async def _run(settings: DatabaseSettings) -> None:
    app = create_jobs(settings)
    async with app.open_async():
        await asyncio.to_thread(_make_fix_partitions, settings)
        await app.run_worker_async(
            concurrency=CONCURRENCY, delete_jobs="successful", shutdown_graceful_timeout=5, name="wanmi"
        )
