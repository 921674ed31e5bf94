"""``./wanmi tracks settle``, ``days``, ``archive`` and so on: days of fixes and their files."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import create_engine
from gis_core.errors import BadInput
from gis_core.identity.audit import SYSTEM, Entry, append_audit
from gis_core.identity.secrets import Keyring
from gis_core.settings import DatabaseSettings, StorageSettings
from tracking import archive, settling
from tracking.archive import ArchiveSettings
from tracking.presence import read_visitors
from tracking.track_files import FORMS, Form, read_fixes, write_file
from tracking.tracks import CIVIL_TIME
from tracking.units import WHOLE_CITY

Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="日期（UTC）day of UTC")]


def offer(app: typer.Typer) -> None:
    """Add the verbs to ``./wanmi tracks``."""
    for verb in (settle, days, archive_, verify, restore, retain, export, present):
        app.command(verb.__name__.rstrip("_"))(verb)


@contextmanager
def _connection() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(DatabaseSettings().database_url, autocommit=True) as connection:
        yield connection


def _tell(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def settle() -> None:
    """整理已结束的日子（后台每十分钟自动进行）。Settle the days that are over, as the worker does."""
    with _connection() as connection:
        fresh, stale = settling.settle_due(connection)
    _tell({"settled": [str(day) for day in fresh], "rolled_up_again": [str(day) for day in stale]})


def days() -> None:
    """每一天在哪里：数据库、归档文件。Where each day's fixes are."""
    with _connection() as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        for row in cursor.execute(archive.QUERIES["days"]):
            _tell(row)


def archive_(day: Day) -> None:
    """把一天写成 GeoParquet 并逐值核对。Write a day to its file and compare every value."""
    with _connection() as connection, settling.settling(connection):
        done = archive.archive_day(connection, day.date(), ArchiveSettings().folder)
    _tell(done._asdict())


def verify(day: Day) -> None:
    """核对归档文件与登记是否一致。Read an archive file through and compare it with what was noted."""
    with _connection() as connection:
        _tell(
            {"day": day.date(), "fixes": archive.verify_day(connection, day.date(), ArchiveSettings().folder)}
        )


def restore(day: Day) -> None:
    """从归档文件恢复一天。Bring a day back from its file."""
    with _connection() as connection, settling.settling(connection):
        _tell(
            {
                "day": day.date(),
                "fixes": archive.restore_day(connection, day.date(), ArchiveSettings().folder),
            }
        )


def retain() -> None:
    """按设置归档、清理（后台每夜自动进行）。Archive and drop by the settings, as the worker does by night."""
    with _connection() as connection:
        kept = archive.retain(connection, ArchiveSettings())
    _tell({**kept._asdict(), "archived": [one._asdict() for one in kept.archived]})


def export(
    device: Annotated[str, typer.Argument(help="设备标识 device key")],
    file: Annotated[Path, typer.Argument(help="GPX、GeoJSON、CSV 或 Parquet 文件 by its ending")],
    since: Annotated[datetime, typer.Option("--from", help="起 from; no zone: China")],
    until: Annotated[datetime, typer.Option("--to", help="止（不含）to, exclusive")],
) -> None:
    """导出一台设备的轨迹，含已归档的日子。A device's track as a file, archived days included."""
    form = file.suffix.removeprefix(".").lower()
    if form not in FORMS:
        raise BadInput(
            field="file",
            reason_zh="扩展名须为 gpx、geojson、csv、parquet",
            reason=f"one of {', '.join(FORMS)}",
        )
    found = asyncio.run(_export(device, file, _form(form), _aware(since), _aware(until)))
    _tell({"device": device, "file": str(file), "fixes": found})


async def _export(device: str, file: Path, form: Form, since: datetime, until: datetime) -> int:
    engine = create_engine(DatabaseSettings(), application_name="wanmi tracks")
    try:
        async with engine.begin() as conn:
            row = (
                await conn.execute(text("SELECT id, key FROM device WHERE key = :key"), {"key": device})
            ).one_or_none()
            if row is None:
                raise BadInput(field="device", reason_zh="没有此设备", reason="no such device")
            fixes = await read_fixes(conn, row.id, since, until, ArchiveSettings().folder)
            span = {"from": since.isoformat(), "to": until.isoformat(), "form": form}
            told = {**span, "fixes": len(fixes["lon"]), "reason": "command line"}
            await _record(conn, Entry(SYSTEM, "unit.track_export", "unit", str(row.id), told))
    finally:
        await engine.dispose()
    write_file(file, form, device, fixes)
    return len(fixes["lon"])


def present(
    polygon: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="GeoJSON 面 a polygon")],
    since: Annotated[datetime, typer.Option("--from", help="起 from; no zone: China")],
    until: Annotated[datetime, typer.Option("--to", help="止（不含）to, exclusive")],
    reason: Annotated[str, typer.Option(help="查看原因，记入审计 why, for the audit trail")],
) -> None:
    """某时段在某区域内的人员车辆，逐行 JSON。Who was in a polygon between two moments, JSON lines."""
    shape = json.loads(polygon.read_text(encoding="utf-8"))
    shape = shape["features"][0] if shape.get("type") == "FeatureCollection" else shape
    shape = shape.get("geometry", shape)
    for unit in asyncio.run(_present(shape, _aware(since), _aware(until), reason)):
        _tell(unit)


async def _present(
    shape: dict[str, Any], since: datetime, until: datetime, reason: str
) -> list[dict[str, Any]]:
    engine = create_engine(DatabaseSettings(), application_name="wanmi tracks")
    try:
        async with engine.begin() as conn:
            found = await read_visitors(conn, WHOLE_CITY, shape, since, until, limit=1_000_000)
            told = {"from": since.isoformat(), "to": until.isoformat(), "reason": reason, "polygon": shape}
            await _record(
                conn, Entry(SYSTEM, "tracks.within", "tracks", None, {**told, "units": len(found.units)})
            )
    finally:
        await engine.dispose()
    fields = ("unit_id", "kind", "name", "first_seen", "last_seen", "fixes")
    return [{name: getattr(unit, name) for name in fields} for unit in found.units]


async def _record(conn: AsyncConnection, entry: Entry) -> None:
    await append_audit(conn, Keyring(StorageSettings().secret_key), entry)


def _aware(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=CIVIL_TIME)).astimezone(UTC)


def _form(name: str) -> Form:
    return FORMS[FORMS.index(name)]
