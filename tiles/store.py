"""Cutting tiles from the published views, and knowing when they have changed."""

import asyncio
import gzip
import hashlib
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection, sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from pydantic import PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

from gis_core.settings import DatabaseSettings
from tiles.cache import DiskCache, MemoryCache, TileCache, TileKey
from tiles.catalogue import (
    QUERIES,
    CatalogueLayer,
    Columns,
    LayerUnknown,
    TileOutOfRange,
    TileReader,
    TilesUnavailable,
    read_catalogue,
    read_columns,
    tile_parameters,
)
from tiles.tile_matrix import Tile

log = structlog.get_logger(__name__)

SESSION = (
    "-c timezone=UTC -c jit=off -c max_parallel_workers_per_gather=0"
    " -c default_transaction_read_only=on -c statement_timeout=20s -c plan_cache_mode=force_custom_plan"
)
"""A tile is a short query: compiling it and starting workers for it cost more than they bring."""

Part = tuple[CatalogueLayer, tuple[str, ...] | None]
"""A layer and the area prefixes its rows are limited to; None: to none."""

VERSIONS_TRUSTED_S = 1.0
COLUMNS_TRUSTED_S = 60.0
BOUNDS_TRUSTED_S = 60.0


class TileSettings(BaseSettings):
    """Room for cut tiles, and connections to cut them with."""

    model_config = SettingsConfigDict(env_prefix="WANMI_TILES_", frozen=True)

    memory_mb: PositiveInt = 64
    disk_mb: PositiveInt = 1024
    connections: PositiveInt = 4


@dataclass(frozen=True, slots=True)
class Bounds:
    west: float
    south: float
    east: float
    north: float


class TileStore:
    """Serves tiles of the catalogue's layers to readers, each within his rights.

    One a process. ``refresh`` is called when the channel ``wanmi_city`` speaks; without that the
    versions are asked for at most once a second, so an edit shows within a second in any case.
    """

    def __init__(self, database: DatabaseSettings, settings: TileSettings, cache_folder: Path) -> None:
        self._settings = settings
        self._folder = cache_folder
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            database.database_url,
            min_size=min(2, settings.connections),
            max_size=settings.connections,
            timeout=10,
            open=False,
            kwargs={"autocommit": True, "options": SESSION, "application_name": "wanmi tiles"},
            configure=_warm,
            check=AsyncConnectionPool.check_connection,
        )
        self._layers: Mapping[str, CatalogueLayer] = {}
        self._asked_at = float("-inf")
        self._columns: Columns = {}
        self._columns_asked_at = float("-inf")
        self._refreshing = asyncio.Lock()
        self._bounds: dict[str, tuple[float, str, Bounds | None]] = {}
        self._cache: TileCache | None = None
        self._compressed: MemoryCache[tuple[str, Tile]] = MemoryCache(settings.memory_mb * 2**20 // 2)

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection for one query. Raises TilesUnavailable when there is none, or it takes too long."""
        try:
            async with self._pool.connection() as conn:
                yield conn
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            log.warning("tiles_unavailable", error=str(error).splitlines()[0])
            raise TilesUnavailable from error

    async def refresh(self) -> None:
        """Read the catalogue and the versions again, and forget the tiles of what changed."""
        async with self._refreshing:
            await self._refresh()

    async def _refresh(self) -> None:
        before, asked_at = self._layers, time.monotonic()
        async with self._session() as conn:
            if asked_at - self._columns_asked_at > COLUMNS_TRUSTED_S:
                self._columns, self._columns_asked_at = await read_columns(conn), asked_at
            layers = await read_catalogue(conn, self._columns)
            if self._cache is None:
                row = await (await conn.execute(QUERIES["database_identity"])).fetchone()
                assert row is not None
                self._cache = TileCache(
                    MemoryCache(self._settings.memory_mb * 2**20),
                    DiskCache(self._folder, row[0], self._settings.disk_mb * 2**20),
                )
        self._layers, self._asked_at = layers, asked_at
        for key, layer in layers.items():
            if before.get(key) != layer:
                await self._cache.forget(key, but=_dated(layer))

    async def versions(self) -> dict[str, str]:
        """The version of each layer's data as it is now."""
        await self.refresh()
        return {key: layer.version for key, layer in self._layers.items()}

    async def layers(self) -> Mapping[str, CatalogueLayer]:
        """The catalogue as it was within the last second."""
        if time.monotonic() - self._asked_at > VERSIONS_TRUSTED_S:
            async with self._refreshing:  # of many who wait here only the first asks
                if time.monotonic() - self._asked_at > VERSIONS_TRUSTED_S:
                    await self._refresh()
        return self._layers

    async def visible_layers(self, reader: TileReader) -> list[CatalogueLayer]:
        return [layer for layer in (await self.layers()).values() if reader.may(layer.permission)]

    async def select(self, keys: Collection[str], reader: TileReader) -> "Selection":
        """Layers by key with what ``reader`` may see of each. Raises LayerUnknown, NotAllowed."""
        there = await self.layers()
        parts = []
        for key in dict.fromkeys(keys):
            layer = there.get(key)
            if layer is None:
                raise LayerUnknown(layer=key)
            parts.append((layer, layer.prefixes_for(reader)))
        return Selection(tuple(parts))

    async def tile(self, selection: "Selection", tile: Tile) -> bytes:
        """The encoded tile, empty if nothing lies in it. Raises TileOutOfRange.

        Layers stand one after the other: a vector tile is a list of layers, so the parts are kept
        one by one and put together by joining bytes.
        """
        if not tile.exists or tile.z > selection.max_zoom:
            raise TileOutOfRange(z=tile.z, x=tile.x, y=tile.y, max_zoom=selection.max_zoom)
        assert self._cache is not None
        wanted = {
            TileKey(layer.key, _dated(layer), _scope_name(prefixes), tile): (layer, prefixes)
            for layer, prefixes in selection.parts
            if tile.z >= layer.min_zoom and prefixes != ()
        }

        async def cut(keys: Sequence[TileKey]) -> dict[TileKey, bytes]:
            return dict(zip(keys, await self._cut(tile, [wanted[key] for key in keys]), strict=True))

        return b"".join(await self._cache.get(list(wanted), cut))

    async def _cut(self, tile: Tile, parts: Sequence[Part]) -> list[bytes]:
        """The parts' bytes in their order, by one statement."""
        made = [layer.statement(tile, prefixes, place) for place, (layer, prefixes) in enumerate(parts)]
        parameters = tile_parameters(tile)
        for _, own in made:
            parameters |= own
        together = sql.SQL(" UNION ALL ").join([statement for statement, _ in made])
        async with self._session() as conn:
            rows = await (await conn.execute(together, parameters, binary=True)).fetchall()
        contents = dict(rows)
        return [bytes(contents[place]) for place in range(len(parts))]

    async def compressed(self, selection: "Selection", tile: Tile, content: bytes) -> bytes:
        """``content`` by gzip, kept, so that a tile is compressed once and not for each reader."""
        key = (selection.version, tile)
        packed = self._compressed.get(key)
        if packed is None:
            packed = await asyncio.to_thread(gzip.compress, content, 5, mtime=0)
            self._compressed.put(key, packed)
        return packed

    async def bounds(self, layer: CatalogueLayer) -> Bounds | None:
        """Extent of a layer's rows, at most a minute old; None for an empty layer."""
        kept = self._bounds.get(layer.key)
        now = time.monotonic()
        if kept and (kept[1] == layer.version or now - kept[0] < BOUNDS_TRUSTED_S):
            return kept[2]
        async with self._session() as conn:
            row = await (await conn.execute(layer.bounds_statement())).fetchone()
        bounds = Bounds(*row) if row and row[0] is not None else None
        self._bounds[layer.key] = (now, layer.version, bounds)
        return bounds


@dataclass(frozen=True, slots=True)
class Selection:
    """Layers of one answer."""

    parts: tuple[Part, ...]

    @property
    def max_zoom(self) -> int:
        return max(layer.max_zoom for layer, _ in self.parts)

    @property
    def min_zoom(self) -> int:
        return min(layer.min_zoom for layer, _ in self.parts)

    @property
    def version(self) -> str:
        """Changes when any tile of the selection may have changed, and differs between scopes."""
        told = ";".join(
            f"{layer.key}:{_dated(layer)}:{_scope_name(prefixes)}" for layer, prefixes in self.parts
        )
        return hashlib.sha256(told.encode()).hexdigest()[:16]


async def _warm(conn: AsyncConnection[Any]) -> None:
    """Load PostGIS and PROJ into a new session: 0.1 s that no tile should wait for."""
    await conn.execute(QUERIES["warm"])


def _dated(layer: CatalogueLayer) -> str:
    """The version with the day: what is valid may change at midnight UTC without an edit."""
    return f"{layer.version}-{datetime.now(UTC):%Y%m%d}"


def _scope_name(prefixes: tuple[str, ...] | None) -> str:
    if prefixes is None:
        return "all"
    return hashlib.sha256(",".join(prefixes).encode()).hexdigest()[:16]
