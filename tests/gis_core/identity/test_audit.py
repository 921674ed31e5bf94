import os
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gis_core.identity.audit import (
    SYSTEM,
    Actor,
    Entry,
    Origin,
    append_audit,
    append_audit_sync,
    verify_chain,
)
from gis_core.identity.secrets import Keyring


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(os.urandom(16).hex())


@pytest_asyncio.fixture
async def chain(engine: AsyncEngine, database_url: str, keyring: Keyring) -> AsyncIterator[AsyncEngine]:
    """Five entries by both ways of writing, with everything that is awkward to spell."""
    details = [
        {"名称": "望川区", "n": 1.50, "big": 10**20, "none": None, "list": [1, "二"]},
        {"nul": "a\0b", "quote": '"\\', "float": 1e-7},
        None,
        {"b": 1, "a": {"z": 1, "y": 2}},
    ]
    for detail in details:
        async with engine.begin() as conn:
            entry = Entry(Actor(7, "值班"), "unit.track", "unit", "3", detail, Origin("r-1", "2001:db8::1"))
            await append_audit(conn, keyring, entry)
    with psycopg.connect(database_url) as conn:
        append_audit_sync(conn, keyring, Entry(SYSTEM, "person.create", detail=details[0]))
    yield engine


async def test_sound_chain(chain: AsyncEngine, keyring: Keyring) -> None:
    async with chain.connect() as conn:
        verdict = await verify_chain(conn, keyring)
    assert (verdict.entries, verdict.last_id, verdict.broken_at) == (5, 5, None)


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("UPDATE audit SET actor = '别人' WHERE id = 3", 3),
        ("UPDATE audit SET detail = detail || '{\"b\": 2}' WHERE id = 4", 4),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE id = 1", 1),
        ("UPDATE audit SET ip = NULL WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 2", 3),
        ("DELETE FROM audit WHERE id = 1", 2),
        ("UPDATE audit SET id = 9 WHERE id = 5", 9),
        ("INSERT INTO audit SELECT (jsonb_populate_record(a, '{\"id\": 6}')).* FROM audit a WHERE id = 5", 6),
    ],
)  # fmt: skip
async def test_tampering_shows(chain: AsyncEngine, keyring: Keyring, tampering: str, broken_at: int) -> None:
    async with chain.begin() as conn:
        await conn.execute(text(tampering))
        assert (await verify_chain(conn, keyring)).broken_at == broken_at


async def test_another_key_cannot_make_the_chain(chain: AsyncEngine) -> None:
    async with chain.connect() as conn:
        assert (await verify_chain(conn, Keyring("00" * 16))).broken_at == 1


async def test_cut_off_end_shows_against_a_noted_head(chain: AsyncEngine, keyring: Keyring) -> None:
    async with chain.begin() as conn:
        head = await verify_chain(conn, keyring)
        await conn.execute(text("DELETE FROM audit WHERE id = 5"))
        assert (await verify_chain(conn, keyring)).broken_at is None
        noted = (head.last_id, head.last_hash)
        assert (await verify_chain(conn, keyring, noted=noted)).broken_at == 5


async def test_entry_goes_with_its_transaction(engine: AsyncEngine, keyring: Keyring) -> None:
    async with engine.connect() as conn:
        await append_audit(conn, keyring, Entry(SYSTEM, "x.y"))
        await conn.rollback()
        assert await conn.scalar(text("SELECT count(*) FROM audit")) == 0
