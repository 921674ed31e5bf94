"""Questions about a million components, beside SELECT 1 over the same connection in the same run."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.assembly import PACKAGES
from gis_core.components import count_components, find_duplicates, nearest_components
from gis_core.database import create_engine
from gis_core.migrate import migrate
from gis_core.settings import DatabaseSettings

WEST, SOUTH, DEGREES = 119.9, 30.4, 0.2
STREETS = 4
"""A square of about 20 km with 4 × 4 streets."""
COMMON, RARE = "0101", "0518"

_AREAS = """
INSERT INTO area (code, level, name, parent_code, valid_from, source, source_key, geom)
SELECT '990102' || to_char(i + 1, 'FM000'), 'street', '街道' || i, '990102', '1900-01-01', 'bench', i::text,
       ST_Multi(ST_MakeEnvelope(:west + (i % :n) * :step, :south + (i / :n) * :step,
                                :west + (i % :n + 1) * :step, :south + (i / :n + 1) * :step, 4326))
  FROM generate_series(0, :n * :n - 1) AS i
"""
_CLASSES = """
INSERT INTO component_class (edition, code, class_name, name)
SELECT 'GBT30428.2-2013', to_char(c * 100 + s, 'FM0000'), 'class ' || c, 'subclass ' || s
  FROM generate_series(1, 5) AS c, generate_series(1, 18) AS s
"""
_COMPONENTS = """
INSERT INTO component (code, edition, class_code, name, area_code, initial_date, source, source_key, geom)
SELECT '990102' || class || to_char(row_number() OVER (PARTITION BY class), 'FM000000'), 'GBT30428.2-2013',
       class, 'component ' || i,
       '990102' || to_char(floor((x - :west) / :step)::int
         + floor((y - :south) / :step)::int * :n + 1, 'FM000'),
       '2020-01-01', 'bench', i::text, ST_Point(x, y, 4326)
  FROM (SELECT i, to_char((1 + floor(power(random(), 2) * 5)) * 100 + 1 + floor(power(random(), 3) * 18),
                          'FM0000') AS class,
               :west + random() * :wide AS x, :south + random() * :wide AS y
          FROM generate_series(1, :rows) AS i) AS made
"""


async def fill(conn: AsyncConnection, rows: int) -> float:
    """A made-up district with so many components; seconds it took with history kept."""
    place = {"west": WEST, "south": SOUTH, "n": STREETS, "step": DEGREES / STREETS}
    await conn.execute(text(_AREAS), place)
    await conn.execute(text(_CLASSES))
    began = time.perf_counter()
    await conn.execute(text(_COMPONENTS), {**place, "rows": rows, "wide": DEGREES * 0.99999})
    return time.perf_counter() - began


async def timed(work: Callable[[], Awaitable[Any]], times: int) -> dict[str, float]:
    """Milliseconds: the middle one and the slowest of a hundred."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1_000)
    took.sort()
    return {"p50_ms": took[times // 2], "p99_ms": took[min(times - 1, times * 99 // 100)]}


async def run(database_url: str, rows: int, times: int) -> dict[str, Any]:
    engine = create_engine(DatabaseSettings(database_url=database_url), application_name="bench")
    dice = random.Random(7)

    def place() -> tuple[float, float]:
        return WEST + dice.random() * DEGREES, SOUTH + dice.random() * DEGREES

    figures: dict[str, Any] = {"rows": rows}
    async with engine.begin() as conn:
        if not await conn.scalar(text("SELECT EXISTS (SELECT FROM component)")):
            figures["fill_s"] = await fill(conn, rows)
    async with engine.connect() as conn:
        plain = await conn.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("ANALYZE"))
    async with engine.begin() as conn:
        figures["rows"] = await conn.scalar(text("SELECT count(*) FROM component"))
        works: dict[str, tuple[Callable[[], Awaitable[Any]], int]] = {
            "select 1": (lambda: conn.execute(text("SELECT 1")), times),
            "nearest, any class": (lambda: nearest_components(conn, *place(), limit=10), times),
            "nearest, common class": (
                lambda: nearest_components(conn, *place(), limit=10, class_code=COMMON), times,
            ),
            "nearest, rare class": (
                lambda: nearest_components(conn, *place(), limit=10, class_code=RARE), times,
            ),
            "duplicates, a look at 20,000": (lambda: find_duplicates(conn, tolerance_m=1, limit=500), 5),
            "duplicates, one street": (
                lambda: find_duplicates(conn, tolerance_m=1, limit=500, area_code="990102001"), 3,
            ),
            "figures by street and class": (lambda: count_components(conn, digits=9), 5),
        }  # fmt: skip
        for name, (work, number) in works.items():
            await work()
            figures[name] = await timed(work, number)
    await engine.dispose()
    return figures


def measure(*, database_url: str, rows: int = 1_000_000, times: int = 500) -> dict[str, Any]:
    """In an empty database of the caller's, which is migrated and filled if it has no components."""
    migrate(database_url, PACKAGES)
    return asyncio.run(run(database_url, rows, times))


def report(figures: dict[str, Any]) -> Sequence[tuple[str, ...]]:
    """Rows for the screen."""
    head = [("部件 components", f"{figures['rows']:,}", "")]
    if "fill_s" in figures:
        rate = figures["rows"] / figures["fill_s"]
        head.append(("写入（含历史） written, with history", f"{figures['fill_s']:.1f} s", f"{rate:,.0f}/s"))
    named = [(name, one) for name, one in figures.items() if isinstance(one, dict)]
    return [*head, *((n, f"p50 {one['p50_ms']:.2f} ms", f"p99 {one['p99_ms']:.2f} ms") for n, one in named)]
