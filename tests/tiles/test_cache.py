import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tiles.cache import DiskCache, MemoryCache, TileCache, TileKey
from tiles.tile_matrix import Tile


def key(x: int, version: str = "1") -> TileKey:
    return TileKey("road", version, "all", Tile(14, x, 0))


def test_memory_holds_the_tiles_used_last() -> None:
    memory: MemoryCache[TileKey] = MemoryCache(3 * (1000 + MemoryCache.ENTRY_BYTES))
    for x in range(3):
        memory.put(key(x), bytes(1000))
    assert memory.get(key(0)) is not None
    memory.put(key(3), bytes(1000))
    assert [memory.get(key(x)) is not None for x in range(4)] == [True, False, True, True]
    memory.put(key(3), bytes(500))
    assert memory.held_bytes == 2500 + 3 * MemoryCache.ENTRY_BYTES
    memory.put(key(9), bytes(10**6))
    assert memory.held_bytes <= memory.max_bytes


async def test_equal_requests_cut_once_and_others_outlive_one_who_leaves(tmp_path: Path) -> None:
    cache = TileCache(MemoryCache(10**6), DiskCache(tmp_path, "db", 10**6))
    cuts = 0

    async def cut(keys: Sequence[TileKey]) -> dict[TileKey, bytes]:
        nonlocal cuts
        cuts += len(keys)
        await asyncio.sleep(0.05)
        return {key: f"tile{key.tile.x}".encode() for key in keys}

    waiting = [asyncio.create_task(cache.get([key(1), key(2)], cut)) for _ in range(4)]
    await asyncio.sleep(0.01)
    waiting.append(asyncio.create_task(cache.get([key(3), key(2)], cut)))
    waiting[0].cancel()
    assert await asyncio.gather(*waiting[1:]) == [[b"tile1", b"tile2"]] * 3 + [[b"tile3", b"tile2"]]
    assert cuts == 3
    again = TileCache(MemoryCache(10**6), DiskCache(tmp_path, "db", 10**6))
    assert await again.get([key(1)], cut) == [b"tile1"]
    assert cuts == 3, "from disk"
    other = TileCache(MemoryCache(10**6), DiskCache(tmp_path, "other", 10**6))
    await other.get([key(1)], cut)
    assert cuts == 4, "another database has tiles of its own"
    await cache.forget("road", but="2")
    await cache.get([key(1)], cut)
    assert cuts == 5


async def test_a_failed_cut_is_not_kept(tmp_path: Path) -> None:
    cache = TileCache(MemoryCache(10**6), DiskCache(tmp_path, "db", 10**6))

    async def fail(keys: Sequence[TileKey]) -> dict[TileKey, bytes]:
        raise RuntimeError("no database")

    async def cut(keys: Sequence[TileKey]) -> dict[TileKey, bytes]:
        return dict.fromkeys(keys, b"tile")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            await cache.get([key(1)], fail)
    assert await cache.get([key(1)], cut) == [b"tile"]


def test_disk_is_bounded_and_may_fail(tmp_path: Path) -> None:
    disk = DiskCache(tmp_path / "tiles", "db", 10_000)
    for x in range(20):
        disk.write(key(x), bytes(1000))
    disk.prune()
    held = sum(path.stat().st_size for path in tmp_path.rglob("*.mvt"))
    assert 8_000 <= held <= 9_000
    assert disk.read(key(19)) == bytes(1000)
    (tmp_path / "file").write_bytes(b"")
    broken = DiskCache(tmp_path / "file", "db", 10_000)
    broken.write(key(1), b"x")
    assert broken.read(key(1)) is None
