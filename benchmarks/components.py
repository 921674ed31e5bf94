"""Questions about a million components, each beside a roundtrip of the same connection in the same run and
with the limit it is held to."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks import concurrency
from command_center.assembly import PACKAGES
from command_center.city.catalogue import read_layer
from command_center.city.features import FeatureQuery
from command_center.city.ordering import order_of
from gis_core.components import count_components, find_duplicates, nearest_components
from gis_core.database import create_engine
from gis_core.identity.principal import Principal, Scope
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


class Question(NamedTuple):
    """``limit_ms``: what the 95th of a hundred must stay under."""

    name: str
    ask: Callable[[], Awaitable[Any]]
    times: int
    limit_ms: float | None = None


def verdict(value: float, limit: float, unit: str) -> str:
    return f"{'≤' if value <= limit else '> LIMIT'} {limit:,.0f} {unit}"


async def timed(question: Question) -> dict[str, float | None]:
    """Milliseconds: of a hundred the 50th, the 95th and the 99th."""
    await question.ask()
    took = []
    for _ in range(question.times):
        began = time.perf_counter()
        await question.ask()
        took.append((time.perf_counter() - began) * 1_000)
    took.sort()
    return {
        **{f"p{at}_ms": took[min(len(took) - 1, len(took) * at // 100)] for at in (50, 95, 99)},
        "limit_ms": question.limit_ms,
    }


async def questions(conn: AsyncConnection, times: int) -> list[Question]:
    """A place drawn anew each time; the same connection for all."""
    dice = random.Random(7)
    layer = await read_layer(conn, "component", _ANYBODY)
    rows = FeatureQuery(layer, None, None, [])

    def place() -> tuple[float, float]:
        return WEST + dice.random() * DEGREES, SOUTH + dice.random() * DEGREES

    def box() -> FeatureQuery:
        lon, lat = place()
        return FeatureQuery(layer, None, (lon, lat, lon + 0.01, lat + 0.01), [])

    def listed(query: FeatureQuery, order: str | None = None) -> Awaitable[Any]:
        return query.page(conn, order_of(layer, order), after=None, limit=101)

    async def every_look() -> int:
        after: int | None = 0
        pairs = 0
        while after is not None:
            found, after = await find_duplicates(conn, tolerance_m=1, limit=500, after=after)
            pairs += len(found)
        return pairs

    def nearest(class_code: str | None = None) -> Awaitable[Any]:
        return nearest_components(conn, *place(), limit=10, class_code=class_code)

    some = max(5, times // 10)
    return [
        Question("往返 roundtrip, SELECT 1", lambda: conn.execute(text("SELECT 1")), times),
        Question(
            "仅索引 index only, a small box",
            lambda: conn.execute(text(_INDEX_ONLY), _at(*place())), times,
        ),
        Question("最近 nearest 10, any class", nearest, times, 10),
        Question("最近 nearest 10, common class", lambda: nearest(COMMON), times, 20),
        Question("最近 nearest 10, rare class", lambda: nearest(RARE), times, 20),
        Question("范围 page of 100 in 1 km²", lambda: listed(box()), some, 100),
        Question("列表 page of 100, by id", lambda: listed(rows), some, 50),
        Question("列表 page of 100, by name", lambda: listed(rows, "name"), some, 50),
        Question("列表 page of 100, latest first", lambda: listed(rows, "-initial_date"), some, 50),
        Question("总数 count of the list", lambda: rows.count(conn), 5, 500),
        Question("统计 by street and class", lambda: count_components(conn, digits=9), 5, 500),
        Question("统计 by district and class", lambda: count_components(conn, digits=6), 5, 500),
        Question("图层统计 extent and states", lambda: rows.figures(conn, "state"), 3, 1_500),
        Question("查重 one look at 10,000", lambda: find_duplicates(conn, tolerance_m=1, limit=500), 5, 500),
        Question(
            "查重 one street (62,500)",
            lambda: find_duplicates(conn, tolerance_m=1, limit=500, area_code="990102001"), 5, 500,
        ),
        Question("查重 the whole district", every_look, 1, 30_000),
    ]  # fmt: skip


_ANYBODY = Principal(0, "bench", "bench", {"map.view": (Scope("", None),)})
_INDEX_ONLY = """
SELECT count(*) FROM (SELECT 1 FROM component
 WHERE geom && ST_Expand(ST_Point(:lon, :lat, 4326), 0.0003)) AS near
"""


def _at(lon: float, lat: float) -> dict[str, float]:
    return {"lon": lon, "lat": lat}


async def run(database_url: str, rows: int, times: int) -> dict[str, Any]:
    engine = create_engine(DatabaseSettings(database_url=database_url), application_name="bench")
    figures: dict[str, Any] = {"rows": rows, "questions": {}}
    async with engine.begin() as conn:
        if not await conn.scalar(text("SELECT EXISTS (SELECT FROM component)")):
            figures["fill_s"] = await fill(conn, rows)
    async with engine.connect() as conn:
        plain = await conn.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM (ANALYZE)"))
    async with engine.begin() as conn:
        figures["rows"] = await conn.scalar(text("SELECT count(*) FROM component"))
        for question in await questions(conn, times):
            figures["questions"][question.name] = await timed(question)
    await engine.dispose()
    return figures


def measure(*, database_url: str, rows: int = 1_000_000, times: int = 500) -> dict[str, Any]:
    """In an empty database of the caller's, which is migrated and filled if it has no components."""
    migrate(database_url, PACKAGES)
    figures = asyncio.run(run(database_url, rows, times))
    return figures | {"codes": concurrency.measure(database_url=database_url)}


def report(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows for the screen."""
    rows: list[tuple[str, ...]] = [("部件 components", f"{figures['rows']:,}", "")]
    if "fill_s" in figures:
        rate = figures["rows"] / figures["fill_s"]
        rows.append(("写入（含历史） written, with history", f"{figures['fill_s']:.1f} s", f"{rate:,.0f}/s"))
    for name, one in figures["questions"].items():
        told = f"p50 {one['p50_ms']:,.2f} · p95 {one['p95_ms']:,.2f} · p99 {one['p99_ms']:,.2f} ms"
        limit = one["limit_ms"]
        rows.append((name, told, "" if limit is None else verdict(one["p95_ms"], limit, "ms")))
    return [*rows, *concurrency.report(figures["codes"])]
