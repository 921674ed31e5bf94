"""``./wanmi tracks letters``, ``letter`` and ``rerun``: messages that could not become fixes."""

import json
import sys
from datetime import datetime
from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import dict_row

from gis_core.errors import BadInput, NotFound
from gis_core.identity.audit import SYSTEM, Entry, append_audit_sync
from gis_core.identity.secrets import Keyring
from gis_core.settings import DatabaseSettings, StorageSettings
from tracking.letters import QUERIES, Wanted

Reason = Annotated[str | None, typer.Option(help="原因 reason, such as unknown_device")]
DeviceKey = Annotated[str | None, typer.Option("--device", help="设备标识 device key")]


def offer(app: typer.Typer) -> None:
    """Add the verbs to ``./wanmi tracks``."""
    for verb in (letters, letter, rerun):
        app.command(verb.__name__)(verb)


def letters(
    reason: Reason = None, device: DeviceKey = None, most: Annotated[int, typer.Option(min=1)] = 100
) -> None:
    """无法处理的消息，新的在前，逐行 JSON。Dead letters, the newest first, JSON lines."""
    asked = {"reason": reason, "device_key": device, "most": most}
    with psycopg.connect(DatabaseSettings().database_url, row_factory=dict_row) as connection:
        for row in connection.execute(QUERIES["letters"], asked):
            _tell(row)


def letter(number: int) -> None:
    """一条消息的原始字节。The raw bytes of one letter, to standard output."""
    with psycopg.connect(DatabaseSettings().database_url) as connection:
        row = connection.execute(QUERIES["raw"], {"id": number}).fetchone()
    if row is None:
        raise NotFound(key=number, kind="dead letter", kind_zh="消息")
    sys.stdout.buffer.write(row[0])


def rerun(
    number: Annotated[list[int] | None, typer.Argument(help="编号 numbers; else by the options")] = None,
    reason: Reason = None,
    device: DeviceKey = None,
    since: Annotated[datetime | None, typer.Option(help="到达时间起 arrived from")] = None,
) -> None:
    """重新处理：由接收进程按到达时间重新解码，重复的不会再存。Have ingest decode letters again."""
    if not (number or reason or device or since):
        raise BadInput(field="number", reason_zh="须指明编号或条件", reason="name letters, or a condition")
    wanted = Wanted(number or None, reason, device, since.astimezone() if since else None)
    with psycopg.connect(DatabaseSettings().database_url) as connection:
        ids = [row[0] for row in connection.execute(QUERIES["request_rerun"], wanted.parameters())]
        told = {"reason": reason, "device_key": device, "letters": len(ids), "first": min(ids, default=None)}
        entry = Entry(SYSTEM, "dead_letter.rerun", "dead_letter", None, told)
        append_audit_sync(connection, Keyring(StorageSettings().secret_key), entry)
    _tell({"requested": len(ids)})


def _tell(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
