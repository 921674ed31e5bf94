"""Days of fixes in files: GeoParquet, one a day, verified before the partition is dropped."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pyarrow.parquet as pq
import structlog
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import Field, NonNegativeInt, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from gis_core.errors import DomainError, Text
from tracking import geoparquet, settling
from tracking.clock import POSTGRES_EPOCH_US
from tracking.columns import read_columns
from tracking.geoparquet import COLUMNS, Columns
from tracking.partitions import ensure, partition_name
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("tracking", "archive.sql")
_WIRE = tuple((column.name, column.wire) for column in COLUMNS)
_log = structlog.get_logger(__name__)


class ArchiveSettings(BaseSettings):
    """How long fixes are kept, and where."""

    model_config = SettingsConfigDict(env_prefix="WANMI_TRACKS_", frozen=True)

    archive_after_days: PositiveInt = 30
    """A day so old is written to the archive …"""
    keep_days: PositiveInt = 400
    """… and a day so old, archived and verified, is dropped from the database."""
    restored_days: PositiveInt = 30
    """A day that was brought back from the archive stays so long."""
    archive_keep_days: NonNegativeInt = 0
    """A file so old is deleted; 0: never."""
    dead_letter_days: NonNegativeInt = 90
    """A dead letter so old is deleted; 0: never."""
    archive_dir: Path | None = None
    """Default: ``archive/fixes`` in the data folder."""
    data_dir: Path = Field(default=Path("var"), validation_alias="WANMI_DATA_DIR")

    @property
    def folder(self) -> Path:
        return self.archive_dir or self.data_dir / "archive" / "fixes"


class NotArchived(DomainError):
    status, slug = 409, "not-archived"
    title = Text("尚未归档", "Not archived")
    detail = Text("{day} 没有可用的归档文件：{reason_zh}", "{day} has no sound archive file: {reason}")


class NotSettled(DomainError):
    status, slug = 409, "not-settled"
    title = Text("当日尚未整理", "The day is not settled")
    detail = Text(
        "{day} 尚未整理（需结束一小时以上，由后台任务或 tracks settle 完成）。",
        "{day} is not settled yet: it must be over for an hour; the worker or `tracks settle` does it.",
    )


class Archived(NamedTuple):
    day: date
    file: str
    fixes: int
    size_bytes: int


def archive_day(connection: psycopg.Connection[Any], day: date, folder: Path) -> Archived:
    """Write a settled day to its file, read it back, and compare every value. Within ``settling``."""
    state = day_state(connection, day)
    if state is None or state["settled_at"] is None or state["dropped_at"] is not None:
        raise NotSettled(day=day.isoformat())
    if _has_late(connection, day):
        settling.roll_up(connection, day, only_late=True)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"fixes_{day:%Y%m%d}.parquet"
    draft = folder / f".{name}.part"
    start, end = settling.day_bounds(day)
    span = {"from_time": start, "to_time": end}
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        if _has_late(connection, day):
            raise NotSettled(day=day.isoformat())
        box = connection.execute(QUERIES["box_of_day"], span).fetchone()
        layout = geoparquet.schema(box if box and box[0] is not None else None)
        rows_sum, count = hashlib.new("sm3"), 0
        with pq.ParquetWriter(draft, layout, compression="zstd") as writer:
            for columns in _chunks(connection, span):
                writer.write_table(geoparquet.as_table(columns, layout), row_group_size=settling.CHUNK_FIXES)
                _add(rows_sum, columns)
                count += len(columns["lon"])
        _sync(draft)
        if _sum_of_file(draft) != (count, rows_sum.hexdigest()):
            raise NotArchived(day=day.isoformat(), reason_zh="文件与数据库不一致", reason="file differs")
        draft.replace(folder / name)
        told = {"day": day, "file": name, "fixes": count, "rows_sum": rows_sum.hexdigest()}
        connection.execute(QUERIES["note_archived"], {**told, "sm3": file_sm3(folder / name)})
    _log.info("archived", day=day.isoformat(), fixes=count)
    return Archived(day, name, count, (folder / name).stat().st_size)


def drop_day(connection: psycopg.Connection[Any], day: date, folder: Path) -> None:
    """Take a day out of the database once its file is known to hold it. Within ``settling``.

    Raises NotArchived when the file is missing or altered, or fixes came since it was written.
    """
    state = _sound(connection, day, folder)
    partition = sql.Identifier(partition_name(day))
    with connection.transaction():
        connection.execute(
            sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(10 * settling.WAIT_FOR_READERS_MS))
        )
        connection.execute("LOCK TABLE ONLY fix IN ACCESS EXCLUSIVE MODE")
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(partition))
        now = day_state(connection, day)
        count = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(partition)).fetchone()
        if _has_late(connection, day) or now != state or count != (state["archive_fixes"],):
            raise NotArchived(day=day.isoformat(), reason_zh="归档后又有补报", reason="fixes came since")
        connection.execute(sql.SQL("ALTER TABLE fix DETACH PARTITION {}").format(partition))
        connection.execute(sql.SQL("DROP TABLE {}").format(partition))
        connection.execute(QUERIES["drop_cells_of_day"], {"day": day})
        connection.execute(QUERIES["note_dropped"], {"day": day})
    _log.info("dropped", day=day.isoformat())


def restore_day(connection: psycopg.Connection[Any], day: date, folder: Path) -> int:
    """Bring a dropped day back from its file, beside what came late; how many fixes it has then."""
    _sound(connection, day, folder)
    ensure(connection, [day])
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in COLUMNS)
    values = sql.SQL(", ").join(
        sql.Identifier(column.name)
        if column.absent is None
        else sql.SQL("nullif({}, {})").format(sql.Identifier(column.name), sql.Literal(_mark(column.absent)))
        for column in COLUMNS
    )
    with connection.transaction():
        connection.execute("CREATE TEMPORARY TABLE restored (LIKE fix INCLUDING DEFAULTS) ON COMMIT DROP")
        copy_in = sql.SQL("COPY restored ({}) FROM STDIN (FORMAT binary)").format(names)
        with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            for columns in _groups(folder / f"fixes_{day:%Y%m%d}.parquet"):
                copy.write(_wire(columns))
            copy.write(b"\xff\xff")
        connection.execute(
            sql.SQL("INSERT INTO fix ({}) SELECT {} FROM restored ON CONFLICT DO NOTHING").format(
                names, values
            )
        )
    settling.settle(connection, day)
    connection.execute(QUERIES["note_restored"], {"day": day})
    found = connection.execute(
        sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(partition_name(day)))
    ).fetchone()
    return int(found[0]) if found else 0


class Kept(NamedTuple):
    """What a run of retention did."""

    archived: list[Archived]
    dropped: list[date]
    deleted_files: list[str]
    dead_letters: int


def retain(connection: psycopg.Connection[Any], settings: ArchiveSettings, today: date | None = None) -> Kept:
    """Archive what is old enough, drop what is older, delete what is beyond its time."""
    now = today or datetime.now(UTC).date()
    folder = settings.folder
    with settling.settling(connection):
        for (day,) in connection.execute(QUERIES["days_come_back"]).fetchall():
            restore_day(connection, day, folder)
        before = now - timedelta(days=min(settings.archive_after_days, settings.keep_days))
        archived = [
            archive_day(connection, day, folder)
            for (day,) in connection.execute(QUERIES["days_to_archive"], {"before": before}).fetchall()
        ]
        old = {"before": now - timedelta(days=settings.keep_days), "restored_days": settings.restored_days}
        dropped = []
        for (day,) in connection.execute(QUERIES["days_to_drop"], old).fetchall():
            try:
                drop_day(connection, day, folder)
                dropped.append(day)
            except (NotArchived, psycopg.errors.LockNotAvailable) as error:
                _log.warning("not_dropped", day=day.isoformat(), error=str(error))
        deleted = _delete_files(connection, settings, now)
        letters = 0
        if settings.dead_letter_days:
            letters = connection.execute(
                QUERIES["drop_letters"], {"days": settings.dead_letter_days}
            ).rowcount
    return Kept(archived, dropped, deleted, letters)


def _delete_files(connection: psycopg.Connection[Any], settings: ArchiveSettings, now: date) -> list[str]:
    if not settings.archive_keep_days:
        return []
    old = {"before": now - timedelta(days=max(settings.archive_keep_days, settings.keep_days))}
    deleted = []
    for day, file in connection.execute(QUERIES["files_to_delete"], old).fetchall():
        (settings.folder / file).unlink(missing_ok=True)
        connection.execute(QUERIES["note_deleted"], {"day": day})
        deleted.append(file)
    return deleted


def day_state(connection: psycopg.Connection[Any], day: date) -> dict[str, Any] | None:
    """The row of ``settled_day``, None for a day that was never settled."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(QUERIES["day"], {"day": day}).fetchone()


def verify_day(connection: psycopg.Connection[Any], day: date, folder: Path) -> int:
    """Read an archived day's file through and compare it with what was noted; its fixes."""
    state = _sound(connection, day, folder)
    found = _sum_of_file(folder / str(state["archive_file"]))
    if found != (state["archive_fixes"], state["archive_sum"]):
        raise NotArchived(day=day.isoformat(), reason_zh="内容与登记不符", reason="content differs")
    return found[0]


def file_sm3(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new("sm3")).hexdigest()


def _sound(connection: psycopg.Connection[Any], day: date, folder: Path) -> Mapping[str, Any]:
    state = day_state(connection, day)
    if state is None or not state["archive_file"]:
        raise NotArchived(day=day.isoformat(), reason_zh="未归档", reason="it was never archived")
    path = folder / str(state["archive_file"])
    if not path.is_file():
        raise NotArchived(day=day.isoformat(), reason_zh="文件不见了", reason=f"{path} is missing")
    if file_sm3(path) != state["archive_sm3"]:
        raise NotArchived(day=day.isoformat(), reason_zh="文件被改动", reason=f"{path} was altered")
    return state


def _has_late(connection: psycopg.Connection[Any], day: date) -> bool:
    found = connection.execute(QUERIES["has_late"], {"day": day}).fetchone()
    return bool(found and found[0])


def _chunks(connection: psycopg.Connection[Any], span: dict[str, Any]) -> Iterator[Columns]:
    chosen: list[int] = []
    held = 0
    counted = connection.execute(settling.QUERIES["devices_of_day"], {**span, "device_ids": None}).fetchall()
    for device, count in [*counted, (None, 0)]:
        if chosen and (device is None or held + count > settling.CHUNK_FIXES):
            select = sql.SQL(QUERIES["archive_columns"])
            yield geoparquet.from_wire(
                read_columns(connection, select, {**span, "device_ids": chosen}, _WIRE)
            )
            chosen, held = [], 0
        if device is not None:
            chosen.append(device)
            held += count


def _groups(path: Path) -> Iterator[Columns]:
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield geoparquet.from_table(file.read_row_group(number))


def _wire(columns: Columns) -> bytes:
    """Rows in the binary form of COPY, nulls still as their marks."""
    kinds = [("fields", ">i2")]
    kinds += [part for name, kind in _WIRE for part in ((f"{name}_length", ">i4"), (name, kind))]
    rows: np.ndarray[Any, Any] = np.zeros(len(columns["lon"]), dtype=kinds)
    rows["fields"] = len(_WIRE)
    for name, kind in _WIRE:
        rows[f"{name}_length"] = np.dtype(kind).itemsize
        shift = POSTGRES_EPOCH_US if name in ("fix_time", "received_at") else 0
        rows[name] = columns[name] - shift if shift else columns[name]
    return rows.tobytes()


def _mark(absent: float | int) -> Any:
    return "NaN" if absent != absent else absent


def _add(rows_sum: Any, columns: Columns) -> None:
    """Canonical bytes of the rows into a digest, one row after the other."""
    kinds = [(name, kind.replace(">", "<")) for name, kind in _WIRE]
    rows: np.ndarray[Any, Any] = np.zeros(len(columns["lon"]), dtype=kinds)
    for name, _ in _WIRE:
        rows[name] = columns[name]
    rows_sum.update(rows.tobytes())


def _sum_of_file(path: Path) -> tuple[int, str]:
    rows_sum, count = hashlib.new("sm3"), 0
    for columns in _groups(path):
        _add(rows_sum, columns)
        count += len(columns["lon"])
    return count, rows_sum.hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
