"""Tiles a second, cut and kept, beside bare round trips over the same connections in the same run."""

import asyncio
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from gis_core.settings import DatabaseSettings
from tiles.store import TileSettings, TileStore
from tiles.tile_matrix import Tile

BASE_MAP = (
    "land_cover", "area_district", "area_street", "area_community", "area_label", "building", "road",
    "facility",
)  # fmt: skip
ZOOMS = (11, 12, 13, 14, 15, 16)
AT_ONCE = 4


class WholeCity:
    """A reader with every right."""

    def may(self, permission: str) -> bool:
        return True

    def area_prefixes(self, permission: str) -> Collection[str] | None:
        return None


async def timed(works: Iterable[Callable[[], Awaitable[Any]]]) -> tuple[float, list[float]]:
    """Works a second with ``AT_ONCE`` under way, and the seconds each took."""
    waiting, took = iter(works), []

    async def worker() -> None:
        for work in waiting:
            began = time.perf_counter()
            await work()
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return len(took) / (time.perf_counter() - began), took


async def run(database_url: str, layers: Collection[str], count: int) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="wanmi-tiles-"))
    database = DatabaseSettings(database_url=database_url)
    settings = TileSettings(connections=AT_ONCE)

    async def open_store() -> TileStore:
        store = TileStore(database, settings, folder)
        await store.open()
        await store._pool.resize(AT_ONCE, AT_ONCE)
        await store._pool.wait()
        await store.layers()
        return store

    store = await open_store()
    try:
        selection = await store.select(layers, WholeCity())
        tiles = await city_tiles(store, count)
        figures: dict[str, Any] = {"tiles": len(tiles), "layers": len(layers)}

        async def round_trip() -> None:
            async with store._pool.connection() as conn:
                await conn.execute("SELECT 1")

        figures["round_trips_per_s"], _ = await timed([round_trip] * 2000)
        cold, took = await timed([lambda t=t: store.tile(selection, t) for t in tiles])  # type: ignore[misc]
        figures["cold_per_s"], figures["cold_ms"] = cold, percentiles(took)
        sizes = [len(await store.tile(selection, tile)) for tile in tiles]
        figures["kb_mean"], figures["kb_max"] = statistics.mean(sizes) / 1024, max(sizes) / 1024
        memory, took = await timed([lambda t=t: store.tile(selection, t) for t in tiles * 10])  # type: ignore[misc]
        figures["memory_per_s"], figures["memory_ms"] = memory, percentiles(took)
        await store.close()
        store = await open_store()
        disk, took = await timed([lambda t=t: store.tile(selection, t) for t in tiles])  # type: ignore[misc]
        figures["disk_per_s"], figures["disk_ms"] = disk, percentiles(took)
        return figures
    finally:
        await store.close()
        shutil.rmtree(folder)


async def city_tiles(store: TileStore, count: int) -> list[Tile]:
    """As many tiles of each zoom, drawn at random from those over the city's buildings."""
    bounds = await store.bounds((await store.layers())["building"])
    if bounds is None:
        raise SystemExit("the database holds no buildings: import a city or make the demo city first")
    chance = random.Random(20260101)
    tiles: set[Tile] = set()
    for zoom in ZOOMS:
        everything = [
            Tile(zoom, x, y)
            for x in range(column(bounds.west, zoom), column(bounds.east, zoom) + 1)
            for y in range(row(bounds.north, zoom), row(bounds.south, zoom) + 1)
        ]
        tiles.update(chance.sample(everything, min(len(everything), count // len(ZOOMS))))
    return sorted(tiles)


def column(lon: float, zoom: int) -> int:
    return int((lon + 180) / 360 * 2**zoom)


def row(lat: float, zoom: int) -> int:
    """The row whose southern edge is the first at or below ``lat``."""
    low, high = 0, 2**zoom - 1
    while low < high:
        middle = (low + high) // 2
        if Tile(zoom, 0, middle).search_box()[1] <= lat:
            high = middle
        else:
            low = middle + 1
    return low


def percentiles(took: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took, n=100)
    return {"p50": cuts[49] * 1000, "p95": cuts[94] * 1000, "p99": cuts[98] * 1000}


def measure(*, database_url: str, count: int) -> dict[str, Any]:
    return asyncio.run(run(database_url, BASE_MAP, count))


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    def line(kind: str) -> str:
        ms = figures[f"{kind}_ms"]
        return f"{figures[f'{kind}_per_s']:,.0f}/s   p50 {ms['p50']:.2f} ms, p95 {ms['p95']:.2f} ms"

    return [
        ("瓦片 tiles", f"{figures['tiles']} × {figures['layers']} layers"),
        ("大小 size", f"mean {figures['kb_mean']:.1f} kB, largest {figures['kb_max']:.0f} kB"),
        ("数据库往返 SELECT 1 (ceiling)", f"{figures['round_trips_per_s']:,.0f}/s"),
        ("现切 cold", line("cold")),
        ("磁盘 disk", line("disk")),
        ("内存 memory", line("memory")),
    ]
