"""The trail of who did what: each entry's HMAC-SM3 covers the one before it.

An entry that is changed, taken out or put in later breaks the chain, and only who holds the
installation's key could mend it. Entries cut off at the end are found by comparing with a number and
hash noted earlier (``verify`` prints them).
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.identity.secrets import Keyring, hmac_sm3
from gis_core.named_sql import read_queries

_SQL = read_queries("gis_core.identity")
_GENESIS = bytes(32)
_BATCH = 5_000


class Actor(NamedTuple):
    """Who did it; ``person_id`` is None for the system itself and for people not (yet) known."""

    person_id: int | None
    name: str


SYSTEM = Actor(None, "system")


class Origin(NamedTuple):
    """Where the wish came from."""

    request_id: str | None = None
    ip: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written down. ``action``: ``object.verb`` such as ``grant.create``."""

    actor: Actor
    action: str
    object_kind: str | None = None
    object_id: str | None = None
    detail: Mapping[str, Any] | None = None
    origin: Origin = NOWHERE


class Verdict(NamedTuple):
    """Result of a check: ``broken_at`` is the first entry that does not fit, None if all do."""

    entries: int
    last_id: int
    last_hash: bytes
    broken_at: int | None


async def append_audit(conn: AsyncConnection, keyring: Keyring, entry: Entry) -> int:
    """Write an entry in the caller's transaction and return its number.

    Others who write entries wait until this transaction ends: call it last.
    """
    await conn.execute(text(_SQL["audit_lock"]))
    head = (await conn.execute(text(_SQL["audit_head"]), _before(entry))).mappings().one()
    row = _sealed(entry, dict(head), keyring)
    await conn.execute(text(_SQL["audit_insert"]), row)
    return int(row["id"])


def append_audit_sync(conn: psycopg.Connection[Any], keyring: Keyring, entry: Entry) -> int:
    """As ``append_audit``, for commands that work without an event loop."""
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(_SQL["audit_lock"])
        head = cursor.execute(_percent_style("audit_head"), _before(entry)).fetchone()
        assert head is not None
        row = _sealed(entry, head, keyring)
        cursor.execute(_percent_style("audit_insert"), row)
    return int(row["id"])


async def verify_chain(
    conn: AsyncConnection, keyring: Keyring, *, noted: tuple[int, bytes] | None = None
) -> Verdict:
    """Check every entry against its predecessor; numbers must be without gap from 1.

    ``noted``: number and hash of an entry known from earlier, which must still be there.
    """
    count, previous_id, previous = 0, 0, _GENESIS
    async for row in _rows(conn):
        fits = row["id"] == previous_id + 1 and chain_hash(keyring, previous, row) == bytes(row["hash"])
        if not fits:
            return Verdict(count, previous_id, previous, broken_at=row["id"])
        count, previous_id, previous = count + 1, row["id"], bytes(row["hash"])
        if noted is not None and noted[0] == previous_id and noted[1] != previous:
            return Verdict(count - 1, previous_id, previous, broken_at=previous_id)
    if noted is not None and noted[0] > previous_id:
        return Verdict(count, previous_id, previous, broken_at=previous_id + 1)
    return Verdict(count, previous_id, previous, broken_at=None)


async def _rows(conn: AsyncConnection) -> AsyncIterator[Mapping[str, Any]]:
    after = 0
    statement = text(_SQL["audit_rows"])
    while True:
        batch = (await conn.execute(statement, {"after": after, "max_rows": _BATCH})).mappings().all()
        for row in batch:
            yield dict(row)
        if len(batch) < _BATCH:
            return
        after = batch[-1]["id"]


def chain_hash(keyring: Keyring, previous: bytes, row: Mapping[str, Any]) -> bytes:
    """HMAC-SM3 over the previous hash and this row in a fixed spelling.

    ``detail`` is the text PostgreSQL gives for the jsonb, ``at`` in UTC to the microsecond.
    """
    at: datetime = row["at"]
    fields = [row["id"], at.astimezone(UTC).isoformat(timespec="microseconds")]
    fields += [row[name] for name in ("actor_id", "actor", "action", "object_kind", "object_id", "detail")]
    fields += [row["request_id"], row["ip"]]
    spelled = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return hmac_sm3(keyring.audit_key, previous + spelled.encode())


def _before(entry: Entry) -> dict[str, Any]:
    detail = json.dumps(_clean(dict(entry.detail or {})), ensure_ascii=False, default=str)
    return {"detail": detail, "ip": entry.origin.ip}


def _sealed(entry: Entry, head: Mapping[str, Any], keyring: Keyring) -> dict[str, Any]:
    row = {
        "id": (head["id"] or 0) + 1,
        "at": head["at"],
        "actor_id": entry.actor.person_id,
        "actor": _clean(entry.actor.name),
        "action": entry.action,
        "object_kind": entry.object_kind,
        "object_id": _clean(entry.object_id),
        "detail": head["detail"],
        "request_id": entry.origin.request_id,
        "ip": head["ip"],
    }
    previous = _GENESIS if head["hash"] is None else bytes(head["hash"])
    return row | {"hash": chain_hash(keyring, previous, row)}


def _clean(value: Any) -> Any:
    """Without NUL characters, which PostgreSQL cannot store."""
    if isinstance(value, str):
        return value.replace("\0", "�")
    if isinstance(value, dict):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return value


def _percent_style(name: str) -> str:
    return re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", _SQL[name])
