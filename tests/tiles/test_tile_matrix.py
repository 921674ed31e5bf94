import psycopg
from hypothesis import given
from hypothesis import strategies as st

from tiles.tile_matrix import Tile


@given(st.integers(0, 22), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_search_box_covers_the_tile_and_its_margin(z: int, fx: float, fy: float) -> None:
    tile = Tile(z, int(fx * 2**z), int(fy * 2**z))
    west, south, east, north = tile.search_box()
    width = 360 / 2**z
    assert tile.exists
    assert abs((east - west) / width - (1 + 2 * 64 / 4096)) < 1e-9
    assert -85.06 < south < north < 85.06


def test_same_tile_as_postgis(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        for tile in (Tile(0, 0, 0), Tile(13, 6827, 3367), Tile(22, 0, 4194303), Tile(9, 426, 0)):
            row = conn.execute(
                "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)"
                " FROM ST_Transform(ST_TileEnvelope(%s, %s, %s), 4326) AS e",
                tile,
            ).fetchone()
            assert row is not None
            west, south, east, north = tile.search_box()
            margin = 360 / 2**tile.z * 64 / 4096
            assert abs(row[0] - margin - west) < 1e-9
            assert abs(row[2] + margin - east) < 1e-9
            assert south <= row[1] + 1e-9
            assert north >= row[3] - 1e-9


def test_tiles_that_are_not_there() -> None:
    assert not any(t.exists for t in (Tile(-1, 0, 0), Tile(23, 0, 0), Tile(3, 8, 0), Tile(3, 0, -1)))
