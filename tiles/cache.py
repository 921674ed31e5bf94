"""Cut tiles kept in memory and on disk, both bounded."""

import asyncio
import contextlib
import os
import shutil
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar
from uuid import uuid4

import structlog

from tiles.tile_matrix import Tile

log = structlog.get_logger(__name__)


Key = TypeVar("Key", bound=Hashable)


class TileKey(NamedTuple):
    """What a cut tile depends on; ``scope`` names the area prefixes its rows were limited to."""

    layer: str
    version: str
    scope: str
    tile: Tile

    def path(self) -> Path:
        z, x, y = self.tile
        return Path(self.layer, self.version, self.scope, str(z), str(x), f"{y}.mvt")


class MemoryCache(Generic[Key]):
    """The tiles used last, up to ``max_bytes`` of content."""

    ENTRY_BYTES = 400
    """Memory of a key and its place, counted so that empty tiles are bounded too."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._tiles: OrderedDict[Key, bytes] = OrderedDict()

    def get(self, key: Key) -> bytes | None:
        content = self._tiles.get(key)
        if content is not None:
            self._tiles.move_to_end(key)
        return content

    def put(self, key: Key, content: bytes) -> None:
        if key in self._tiles:
            self.held_bytes -= len(self._tiles.pop(key)) + self.ENTRY_BYTES
        self._tiles[key] = content
        self.held_bytes += len(content) + self.ENTRY_BYTES
        while self.held_bytes > self.max_bytes:
            _, oldest = self._tiles.popitem(last=False)
            self.held_bytes -= len(oldest) + self.ENTRY_BYTES

    def forget(self, outdated: Callable[[Key], bool]) -> None:
        """Drop the tiles whose keys are ``outdated``."""
        for key in [key for key in self._tiles if outdated(key)]:
            self.held_bytes -= len(self._tiles.pop(key)) + self.ENTRY_BYTES


class DiskCache:
    """Tiles of one database as files ``layer/version/scope/z/x/y.mvt``, up to ``max_bytes``.

    Shared by the web processes of one machine: files appear whole (written beside, then renamed).
    Empty tiles are not written. A full or unwritable disk costs speed, never a tile. All methods
    block; call them in a thread.
    """

    CHECK_EVERY_BYTES = 16 * 2**20

    def __init__(self, root: Path, database: str, max_bytes: int) -> None:
        """``root`` may hold tiles of other databases too; ``max_bytes`` is for all of them."""
        self.root, self.folder = root, root / database
        self.max_bytes = max_bytes
        self._written = self.CHECK_EVERY_BYTES

    def read(self, key: TileKey) -> bytes | None:
        try:
            return (self.folder / key.path()).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("tile_cache_unreadable", error=str(error))
            return None

    def write(self, key: TileKey, content: bytes) -> None:
        path = self.folder / key.path()
        beside = path.with_suffix(f".{uuid4().hex[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(content)
            beside.replace(path)
        except OSError as error:
            log.warning("tile_cache_unwritable", error=str(error))
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            return
        self._written += len(content)
        if self._written >= self.CHECK_EVERY_BYTES:
            self._written = 0
            self.prune()

    def forget(self, layer: str, *, but: str) -> None:
        """Remove the versions of ``layer`` other than ``but``."""
        folder = self.folder / layer
        if folder.is_dir():
            for version in folder.iterdir():
                if version.name != but:
                    shutil.rmtree(version, ignore_errors=True)

    def prune(self) -> None:
        """Remove the oldest files until a tenth of ``max_bytes`` is free."""
        found: list[tuple[float, int, Path]] = []
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue
                found.append((status.st_mtime, status.st_size, path))
        held = sum(size for _, size, _ in found)
        if held <= self.max_bytes:
            return
        for _, size, path in sorted(found):
            path.unlink(missing_ok=True)
            held -= size
            if held <= self.max_bytes * 0.9:
                break


CutMany = Callable[[Sequence[TileKey]], Awaitable[Mapping[TileKey, bytes]]]


class TileCache:
    """Memory before disk before cutting; equal requests at one time cut once."""

    def __init__(self, memory: MemoryCache[TileKey], disk: DiskCache) -> None:
        self.memory, self.disk = memory, disk
        self._under_way: dict[TileKey, asyncio.Task[Mapping[TileKey, bytes]]] = {}

    async def get(self, keys: Sequence[TileKey], cut: CutMany) -> list[bytes]:
        """The tiles in the order of ``keys``; ``cut`` makes in one go all that are nowhere yet."""
        held = {key: content for key in keys if (content := self.memory.get(key)) is not None}
        if missing := [key for key in keys if key not in held]:
            if new := [key for key in missing if key not in self._under_way]:
                task = asyncio.create_task(self._fetch(new, cut))
                self._under_way.update(dict.fromkeys(new, task))
                task.add_done_callback(lambda _: [self._under_way.pop(key) for key in new])
            for task in {self._under_way[key] for key in missing}:
                held |= await asyncio.shield(task)  # one who leaves does not take it from the others
        return [held[key] for key in keys]

    async def _fetch(self, keys: list[TileKey], cut: CutMany) -> Mapping[TileKey, bytes]:
        found = await asyncio.to_thread(self._read, keys)
        if missing := [key for key in keys if key not in found]:
            made = await cut(missing)
            await asyncio.to_thread(self._write, made)
            found |= made
        for key, content in found.items():
            self.memory.put(key, content)
        return found

    def _read(self, keys: list[TileKey]) -> dict[TileKey, bytes]:
        return {key: content for key in keys if (content := self.disk.read(key)) is not None}

    def _write(self, made: Mapping[TileKey, bytes]) -> None:
        for key, content in made.items():
            if content:
                self.disk.write(key, content)

    async def forget(self, layer: str, *, but: str) -> None:
        self.memory.forget(lambda key: key.layer == layer and key.version != but)
        await asyncio.to_thread(self.disk.forget, layer, but=but)
