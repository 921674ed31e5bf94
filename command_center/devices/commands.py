"""``./wanmi admin device-secret``: the secret that a device encrypts its payloads with."""

import getpass
import sys
from typing import Annotated

import psycopg
import typer

from command_center.processes import speech
from gis_core.errors import BadInput, NotFound, Text
from gis_core.identity.audit import SYSTEM, Entry, append_audit_sync
from gis_core.identity.secrets import Keyring
from gis_core.settings import DatabaseSettings, StorageSettings
from ingest.payload_secrets import FIELD, check_secret


def device_secret(
    key: Annotated[str, typer.Argument(help="设备号 key of the device")],
    clear: Annotated[bool, typer.Option("--clear", help="取消加密 the device no longer encrypts")] = False,
) -> None:
    """设置设备的 OwnTracks 加密口令（从终端或标准输入读取）。The secret of encrypted OwnTracks payloads."""
    secret = None if clear else _asked()
    keyring = Keyring(StorageSettings().secret_key)
    with psycopg.connect(DatabaseSettings().database_url) as connection:
        set_secret(connection, keyring, key, secret)
    speech.say(
        Text("设备 {key} 的加密口令已{done_zh}。", "The payload secret of {key} was {done}.").format(
            key=key, done_zh="取消" if clear else "设置", done="taken away" if clear else "set"
        )
    )


def set_secret(
    connection: psycopg.Connection[tuple[object, ...]], keyring: Keyring, key: str, secret: str | None
) -> None:
    """Seal and store it, with an entry in the audit trail. Raises NotFound."""
    sealed = None if secret is None else keyring.encrypt(secret, FIELD)
    row = connection.execute(
        "UPDATE device SET payload_secret = %s WHERE key = %s RETURNING id", (sealed, key)
    ).fetchone()
    if row is None:
        raise NotFound(key=key, kind="device", kind_zh="设备")
    detail = {"payload_secret": None if secret is None else "set", "by": "command line"}
    append_audit_sync(connection, keyring, Entry(SYSTEM, "device.change", "device", str(row[0]), detail))


def _asked() -> str:
    """From a terminal without echo, else the first line of standard input. Raises BadInput."""
    told = getpass.getpass("口令 Secret: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    try:
        return check_secret(told)
    except ValueError as error:
        raise BadInput(field="secret", reason_zh="须为 1 至 32 字节", reason=str(error)) from error
