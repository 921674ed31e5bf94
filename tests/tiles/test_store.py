"""Tiles cut from a real database, read back by GDAL."""

from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import psycopg
import pyogrio
import pytest
import pytest_asyncio
import shapely

from gis_core.errors import NotAllowed
from gis_core.settings import DatabaseSettings
from tiles.catalogue import LayerUnknown, TileOutOfRange, TilesUnavailable
from tiles.store import TileSettings, TileStore
from tiles.tile_matrix import Tile

HERE = Tile(14, 13653, 6733)
"""From 119.9927 to 120.0146 degrees east; 30.5 degrees north lies inside."""
EDGE = 13653 / 2**14 * 360 - 180


class Reader:
    def __init__(self, *prefixes: str, permissions: Collection[str] = ("map.view", "units.view")) -> None:
        self.prefixes = prefixes or None
        self.permissions = permissions

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def area_prefixes(self, permission: str) -> Collection[str] | None:
        return self.prefixes


@pytest_asyncio.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[TileStore]:
    made = TileStore(DatabaseSettings(database_url=database_url), TileSettings(), tmp_path)
    await made.open()
    yield made
    await made.close()


def run(url: str, sql: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(sql)  # type: ignore[call-overload]


def road(
    key: int, west: float, east: float, *, lat: float = 30.5, name: str = "滨江路", kind: str = "primary"
) -> str:
    return (
        "INSERT INTO road (name, road_class, source, source_key, geom) VALUES"
        f" ('{name}', '{kind}', 'test', '{key}', ST_Multi(ST_MakeLine(ST_Point({west}, {lat}, 4326),"
        f" ST_Point({east}, {lat}, 4326))));"
    )


def read(content: bytes, layer: str, tile: Tile) -> list[dict[str, Any]]:
    """Features of a layer of a tile, with ``geom`` in EPSG:3857."""
    if not content:
        return []
    meta, _, shapes, columns = pyogrio.raw.read(content, layer=layer, X=tile.x, Y=tile.y, Z=tile.z, CLIP="NO")
    names = list(meta["fields"])
    return [
        dict(zip(names, values, strict=True)) | {"geom": shapely.from_wkb(shape)}
        for shape, *values in zip(shapes, *columns, strict=True)
    ]


async def cut(store: TileStore, layers: str, tile: Tile, reader: Reader | None = None) -> bytes:
    return await store.tile(await store.select(layers.split(","), reader or Reader()), tile)


async def test_what_is_drawn_beyond_the_edge_is_searched_for(store: TileStore, database_url: str) -> None:
    degrees = 360 / 2**14 / 4096
    run(database_url, road(1, 119.98, EDGE - 40 * degrees) + road(2, 119.98, EDGE - 80 * degrees, name="远"))
    assert [f["name"] for f in read(await cut(store, "road", HERE), "road", HERE)] == ["滨江路"]


async def test_an_edit_shows_at_once(store: TileStore, database_url: str) -> None:
    run(database_url, road(1, 120.001, 120.01))
    assert len(read(await cut(store, "road", HERE), "road", HERE)) == 1
    first = (await store.select(["road"], Reader())).version
    run(database_url, road(2, 120.002, 120.01, lat=30.501) + "SELECT bump_layers(ARRAY['road']);")
    await store.refresh()
    assert len(read(await cut(store, "road", HERE), "road", HERE)) == 2
    assert (await store.select(["road"], Reader())).version != first


async def test_tile_of_several_layers_is_their_tiles_together(store: TileStore, database_url: str) -> None:
    run(
        database_url,
        road(1, 120.001, 120.01) + "INSERT INTO facility (kind, name, source, source_key, geom)"
        " VALUES ('school', '一小', 'test', '1', ST_Point(120.003, 30.5, 4326));",
    )
    together = await cut(store, "road,facility,building", HERE)
    assert together == await cut(store, "road", HERE) + await cut(store, "facility", HERE)
    assert [f["name"] for f in read(together, "facility", HERE)] == ["一小"]


async def test_minor_roads_wait_for_their_zoom_and_pieces_are_joined(
    store: TileStore, database_url: str
) -> None:
    run(
        database_url,
        road(1, 120.001, 120.002) + road(2, 120.002, 120.003) + road(3, 120.001, 120.002, kind="service"),
    )
    near, far = HERE, Tile(12, HERE.x // 4, HERE.y // 4)
    assert len(read(await cut(store, "road", near), "road", near)) == 2
    joined = read(await cut(store, "road", far), "road", far)
    assert [(f["name"], f["road_class"]) for f in joined] == [("滨江路", "primary")]
    assert joined[0]["geom"].geom_type == "LineString"
    nearest = Tile(16, HERE.x * 4 + 1, 26933)
    assert {f["road_class"] for f in read(await cut(store, "road", nearest), "road", nearest)} >= {"service"}


async def test_most_features_of_a_tile(store: TileStore, database_url: str) -> None:
    run(
        database_url,
        "UPDATE layer SET max_features = 3 WHERE key = 'facility';"
        "INSERT INTO facility (kind, name, source, source_key, geom) SELECT 'x', i::text, 'test', i::text,"
        " ST_Point(120.001 + i * 0.0001, 30.5, 4326) FROM generate_series(1, 9) AS i;",
    )
    assert [f["name"] for f in read(await cut(store, "facility", HERE), "facility", HERE)] == ["1", "2", "3"]


async def test_scope(store: TileStore, database_url: str) -> None:
    run(
        database_url,
        "INSERT INTO unit_grid (code, community_code, area_m2, initial_date, geom)"
        " SELECT c || '001', c, 1e4, '2020-01-01', ST_MakeEnvelope(120.001, 30.5, 120.002, 30.501, 4326)"
        " FROM (VALUES ('990102001001'), ('990102002001'), ('990103001001')) AS v (c);",
    )

    async def codes(*prefixes: str) -> set[str]:
        return {
            f["code"][:9]
            for f in read(await cut(store, "unit_grid", HERE, Reader(*prefixes)), "unit_grid", HERE)
        }

    assert await codes() == {"990102001", "990102002", "990103001"}
    assert await codes("990102") == {"990102001", "990102002"}
    assert await codes("990102002", "990103") == {"990102002", "990103001"}
    assert await codes("31") == set()
    nothing = Reader()
    nothing.prefixes = ()
    assert await cut(store, "unit_grid", HERE, nothing) == b""
    with pytest.raises(NotAllowed):
        await cut(store, "unit_grid", HERE, Reader(permissions=["units.view"]))


@pytest.mark.parametrize(
    "key", ["", "nothing", "road; DROP TABLE road", "pg_class", '"', "road ", "ROAD", "../road"]
)
async def test_names_come_from_the_catalogue_only(key: str, store: TileStore) -> None:
    with pytest.raises(LayerUnknown):
        await store.select([key], Reader())


@pytest.mark.parametrize(
    "tile", [Tile(17, 0, 0), Tile(-1, 0, 0), Tile(10, 1024, 0), Tile(10, 0, -1), Tile(99, 0, 0)]
)
async def test_out_of_range(tile: Tile, store: TileStore) -> None:
    with pytest.raises(TileOutOfRange):
        await cut(store, "road", tile)
    assert await cut(store, "road", Tile(3, 0, 0)) == b""


async def test_a_view_without_what_its_row_promises_is_not_served(
    store: TileStore, database_url: str
) -> None:
    run(
        database_url,
        "UPDATE layer SET scoped = true WHERE key = 'land_cover';"
        "UPDATE layer SET view = 'gone' WHERE key = 'building';"
        "UPDATE layer SET properties = '[\"name\", \"no_such\"]' WHERE key = 'facility';",
    )
    await store.refresh()
    assert {"land_cover", "building"}.isdisjoint(await store.layers())
    assert (await store.layers())["facility"].properties == ("name",)


async def test_tiles_outlive_the_process_but_not_the_data(
    store: TileStore, database_url: str, tmp_path: Path
) -> None:
    run(database_url, road(1, 120.001, 120.01))
    first = await cut(store, "road", HERE)
    run(database_url, "DELETE FROM road")  # without news: a tile from disk still shows it
    again = TileStore(DatabaseSettings(database_url=database_url), TileSettings(), tmp_path)
    await again.open()
    assert await cut(again, "road", HERE) == first
    run(database_url, "SELECT bump_layers(ARRAY['road'])")
    await again.refresh()
    assert await cut(again, "road", HERE) == b""
    await again.close()


async def test_sessions_neither_compile_nor_start_workers(store: TileStore) -> None:
    async with store._session() as conn:
        for name, value in (("jit", "off"), ("max_parallel_workers_per_gather", "0")):
            row = await (await conn.execute("SELECT current_setting(%s)", [name])).fetchone()
            assert row == (value,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await conn.execute("DELETE FROM road")


async def test_database_away_is_said(tmp_path: Path) -> None:
    store = TileStore(
        DatabaseSettings(database_url="postgresql://nobody@127.0.0.1:1/none"), TileSettings(), tmp_path
    )
    store._pool.timeout = 0.5
    await store.open()
    with pytest.raises(TilesUnavailable):
        await store.layers()
    await store.close()
