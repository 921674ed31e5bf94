"""A street of two communities with roads, houses and a canal."""

import psycopg
import pytest

STREET, NORTH, SOUTH = "990102001", "990102001001", "990102001002"


@pytest.fixture
def street_url(database_url: str) -> str:
    """Two communities of about 400 m x 300 m at 120° E, one above the other; roads each 100 m."""
    with psycopg.connect(database_url) as conn:
        build_street(conn)
    return database_url


def build_street(conn: psycopg.Connection) -> None:
    area = (
        "INSERT INTO area (code, level, name, parent_code, valid_from, source, source_key, geom)"
        " VALUES (%s, %s, %s, %s, '2020-01-01', 'test', %s, ST_Multi(ST_MakeEnvelope(%s, %s, %s, %s, 4326)))"
    )
    west, east = 120.0, 120.004
    conn.execute(area, (STREET, "street", "一街", "990102", STREET, west, 30.5, east, 30.506))
    conn.execute(area, (NORTH, "community", "北社区", STREET, NORTH, west, 30.503, east, 30.506))
    conn.execute(area, (SOUTH, "community", "南社区", STREET, SOUTH, west, 30.5, east, 30.503))
    for number in range(1, 4):
        lon = west + number * 0.001
        conn.execute(
            "INSERT INTO road (road_class, source, source_key, geom) VALUES ('residential', 'test', %s,"
            " ST_Multi(ST_MakeLine(ST_Point(%s, 30.499, 4326), ST_Point(%s, 30.507, 4326))))",
            (str(number), lon, lon),
        )
    for number in range(6):
        lat = 30.5003 + number * 0.001
        conn.execute(
            "INSERT INTO building (source, source_key, geom) VALUES ('test', %s,"
            " ST_Multi(ST_MakeEnvelope(%s, %s, %s, %s, 4326)))",
            (str(number), west + 0.0013, lat, west + 0.0017, lat + 0.0004),
        )
