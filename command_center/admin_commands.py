"""The first administrator, and the check of the audit trail, from the command line."""

import asyncio
import getpass
import sys
from typing import Annotated

import psycopg
import typer

from command_center.processes import speech
from gis_core.database import create_engine
from gis_core.errors import BadInput, DomainError, Text
from gis_core.identity import passwords
from gis_core.identity.audit import SYSTEM, Entry, Verdict, append_audit_sync, verify_chain
from gis_core.identity.secrets import Keyring
from gis_core.settings import DatabaseSettings, StorageSettings

ROLE = "admin"
NO_AREA = "000000"
"""Home area of the first organisation while no area is known."""


class LoginTaken(DomainError):
    status, slug = 409, "login-taken"
    title = Text("登录名已存在", "Login taken")
    detail = Text("登录名“{login}”已存在。", "There is already a login '{login}'.")


class ChainBroken(DomainError):
    status, slug = 500, "audit-chain-broken"
    title = Text("审计链已断裂", "The audit chain is broken")
    detail = Text(
        "审计记录 {broken_at} 与前一条不符：它或它之前的记录被改动、删除或插入；此前 {entries} 条完好。",
        "Audit entry {broken_at} does not fit its predecessor: it, or one before it, was changed, removed or"
        " put in; the {entries} entries before it are sound.",
    )


audit = typer.Typer(no_args_is_help=True)
audit.callback()(lambda: None)


def create(
    login: Annotated[str, typer.Argument(help="登录名 login")],
    name: Annotated[str | None, typer.Option(help="姓名 name of the person")] = None,
    area_code: Annotated[
        str | None, typer.Option(help="新建机构的区划代码 area code of a new organisation")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="从标准输入读密码 read the password from stdin")
    ] = False,
) -> None:
    """新建系统管理员（全市范围）。Make an administrator for the whole city.

    Without any organisation in the database a first one is made, for the largest area there is.
    """
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask_twice()
    passwords.check_complexity(password, login)
    keyring = Keyring(StorageSettings().secret_key)
    with psycopg.connect(DatabaseSettings().database_url) as conn:
        person_id = add_administrator(conn, keyring, login, name or login, password, area_code)
    speech.say(
        Text(
            "已新建系统管理员 {login}（编号 {id}）。", "Made the administrator {login} (number {id})."
        ).format(login=login, id=person_id)
    )


def add_administrator(
    conn: psycopg.Connection[tuple[object, ...]],
    keyring: Keyring,
    login: str,
    name: str,
    password: str,
    area_code: str | None,
) -> int:
    """Write the person, his grant and the audit entry; his number. Raises LoginTaken."""
    conn.execute(
        "INSERT INTO org_unit (code, name, name_en, kind, area_code)"
        " SELECT 'center', '监督指挥中心', 'Command center', 'center',"
        "        COALESCE(%s, (SELECT code FROM area ORDER BY length(code), code LIMIT 1), %s)"
        " WHERE NOT EXISTS (SELECT 1 FROM org_unit)",
        (area_code, NO_AREA),
    )
    row = conn.execute(
        "INSERT INTO person (login, name, org_unit_id, area_code, password)"
        " SELECT %s, %s, id, area_code, %s FROM org_unit ORDER BY parent_id IS NOT NULL, id LIMIT 1"
        " ON CONFLICT (login) DO NOTHING RETURNING id",
        (login, name, passwords.hash_password(password)),
    ).fetchone()
    if row is None:
        raise LoginTaken(login=login)
    person_id = int(str(row[0]))
    conn.execute("INSERT INTO role_grant (person_id, role_key) VALUES (%s, %s)", (person_id, ROLE))
    detail = {"login": login, "role_key": ROLE, "by": "command line"}
    append_audit_sync(conn, keyring, Entry(SYSTEM, "person.create", "person", str(person_id), detail))
    return person_id


@audit.command("verify")
def audit_verify(
    expect: Annotated[
        str | None,
        typer.Option(
            help="以前记下的 编号:哈希 a number:hash noted earlier; finds entries cut off at the end"
        ),
    ] = None,
) -> None:
    """校验审计链是否完整。Check that no audit entry was changed, removed or put in."""
    verdict = asyncio.run(_verify(expect))
    said = Text(
        "审计链完好：{entries} 条。请另行保存：{head}",
        "The audit chain is sound: {entries} entries. Keep this elsewhere: {head}",
    )
    head = f"{verdict.last_id}:{verdict.last_hash.hex()}"
    speech.say(said.format(entries=verdict.entries, head=head))


async def _verify(expect: str | None) -> Verdict:
    """Raises ChainBroken, BadInput for an ``expect`` that is none."""
    noted: tuple[int, bytes] | None = None
    if expect is not None:
        number, _, digest = expect.partition(":")
        try:
            noted = int(number), bytes.fromhex(digest)
        except ValueError:
            raise BadInput(
                field="--expect", reason_zh="应为 编号:哈希", reason="must be number:hash"
            ) from None
    engine = create_engine(DatabaseSettings(), application_name="wanmi audit verify")
    try:
        async with engine.connect() as conn:
            verdict = await verify_chain(conn, Keyring(StorageSettings().secret_key), noted=noted)
    finally:
        await engine.dispose()
    if verdict.broken_at is not None:
        raise ChainBroken(broken_at=verdict.broken_at, entries=verdict.entries)
    return verdict


def _ask_twice() -> str:
    first = getpass.getpass("密码 Password: ")
    if getpass.getpass("再次输入 Again: ") != first:
        raise BadInput(field="password", reason_zh="两次输入不一致", reason="the two differ")
    return first
