"""Component codes issued by several writers at once, beside a plain sequence in the same run."""

import asyncio
import time
from collections import Counter
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gis_core.components import issue_codes
from gis_core.database import create_engine
from gis_core.settings import DatabaseSettings

WRITERS = 8
EACH = 250
PREFIXES = ("0101", "0102", "0201")


async def _issue(engine: AsyncEngine, writer: int) -> list[str]:
    given: list[str] = []
    for at in range(EACH):
        async with engine.begin() as conn:
            given += await issue_codes(conn, "990103", PREFIXES[(writer + at) % len(PREFIXES)])
    return given


async def _count(engine: AsyncEngine) -> None:
    for _ in range(EACH):
        async with engine.begin() as conn:
            await conn.execute(text("SELECT nextval('bench_sequence')"))


async def _run(database_url: str) -> dict[str, Any]:
    settings = DatabaseSettings(database_url=database_url, database_pool_size=WRITERS)
    engine = create_engine(settings, application_name="bench")
    try:
        async with engine.begin() as conn:
            await conn.execute(text("CREATE SEQUENCE IF NOT EXISTS bench_sequence"))
        await asyncio.gather(*(_count(engine) for _ in range(WRITERS)))  # connections are warm
        began = time.perf_counter()
        await asyncio.gather(*(_count(engine) for _ in range(WRITERS)))
        bare = time.perf_counter() - began
        began = time.perf_counter()
        given = await asyncio.gather(*(_issue(engine, writer) for writer in range(WRITERS)))
        took = time.perf_counter() - began
        async with engine.begin() as conn:
            await conn.execute(text("DROP SEQUENCE bench_sequence"))
    finally:
        await engine.dispose()
    often = Counter(code for codes in given for code in codes)
    number = WRITERS * EACH
    return {
        "writers": WRITERS,
        "codes": number,
        "codes_per_s": number / took,
        "sequence_per_s": number / bare,
        "repeated": sum(1 for n in often.values() if n > 1),
    }


def measure(*, database_url: str) -> dict[str, Any]:
    """Each code in a transaction of its own, as a page adds a component."""
    return asyncio.run(_run(database_url))


def report(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    told = f"{figures['codes_per_s']:,.0f}/s, {figures['repeated']} 重复 repeated"
    name = f"编码 codes, {figures['writers']} 个并发 writers"
    return [
        (name, told, "0 repeated"),
        ("　nextval（上限 ceiling）", f"{figures['sequence_per_s']:,.0f}/s", ""),
    ]
