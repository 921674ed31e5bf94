"""The demo city: same seed, same city; and what every city of ours must be, asked of PostGIS."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import psycopg
import pytest
import shapely
from typer.testing import CliRunner

from command_center.demo.city import City, make_city
from command_center.demo.commands import DemoCityExists
from command_center.demo.names import pinyin
from command_center.demo.people import draw_up_rosters, hire
from command_center.processes.broker import DeviceCredentials
from gis_core.identity.passwords import verify_password
from gis_core.identity.secrets import Keyring, token_hash


@pytest.fixture(scope="module")
def city() -> City:
    return make_city(1)


def test_the_same_seed_makes_the_same_city_and_another_seed_another(city: City) -> None:
    assert make_city(1).digest() == city.digest()
    assert hire(1, city) == hire(1, city)
    assert make_city(2, components=100).digest() != city.digest()


@pytest.mark.parametrize("seed", [3, 6])
def test_any_seed_makes_a_sound_city(seed: int) -> None:
    made = make_city(seed, components=1_000)
    assert shapely.coverage_is_valid(made.grids.shapes)
    assert {shape.geom_type for shape in made.areas.communities} == {"Polygon"}
    assert {shape.geom_type for shape in made.areas.streets} == {"Polygon"}
    assert shapely.area(made.grids.shapes).min() > 4_000
    assert np.bincount(made.duty.grid).min() >= 5


def test_the_city_has_the_size_it_promises(city: City) -> None:
    assert 28e6 < city.areas.district.area < 31e6
    assert 2_400 <= len(city.grids.codes) <= 2_700
    assert len(city.areas.streets) == 8
    assert 36 <= len(city.areas.communities) <= 48
    assert len(city.components.codes) == 30_000
    assert len(set(city.components.class_code)) >= 20
    assert 4 <= len(city.plan.bridges) + 2 <= 7
    assert 5_000 <= len(city.buildings.shapes) <= 6_500


def test_names_have_pinyin() -> None:
    assert pinyin("望川") == "Wangchuan"
    with pytest.raises(KeyError):
        pinyin("鑫")


def test_rosters_never_overlap_and_most_are_on_duty_at_any_hour(city: City) -> None:
    staff = hire(1, city)
    now = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
    turns = draw_up_rosters(1, staff.units, now)
    by_unit: dict[int, list[tuple[datetime, datetime]]] = {}
    for turn in turns:
        by_unit.setdefault(turn.unit, []).append((turn.starts_at, turn.ends_at))
    for spans in by_unit.values():
        spans.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    for hour in range(24):
        moment = now + timedelta(hours=hour, minutes=7)
        on_duty = sum(any(a <= moment < b for a, b in spans) for spans in by_unit.values())
        assert on_duty > 150, hour


@pytest.fixture
def demo(database_url: str, tmp_path: Path, secret_key: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with a demo city in it, made by the verb."""
    monkeypatch.setenv("WANMI_DATABASE_URL", database_url)
    monkeypatch.setenv("WANMI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WANMI_SECRET_KEY", secret_key)
    monkeypatch.setenv("WANMI_IDENTITY_PASSWORD_ITERATIONS", "1000")
    result = CliRunner().invoke(_app(), ["--seed", "1"])
    assert result.exit_code == 0, result.output
    return database_url


def _app() -> object:
    import typer

    from command_center.demo.commands import make

    app = typer.Typer()
    app.command()(make)
    return app


SOUND = {
    "unit grids of a community are the community": """
        SELECT count(*) FROM area a
          JOIN (SELECT community_code, ST_Union(geom) AS geom FROM unit_grid GROUP BY 1) g
            ON g.community_code = a.code
         WHERE ST_Area(ST_SymDifference(a.geom, g.geom)::geography) > 0.01""",
    "communities without unit grids": """
        SELECT count(*) FROM area a WHERE level = 'community'
           AND NOT EXISTS (SELECT 1 FROM unit_grid g WHERE g.community_code = a.code)""",
    "unit grids that overlap": """
        SELECT count(*) FROM unit_grid a JOIN unit_grid b
            ON a.id < b.id AND a.geom && b.geom AND ST_Relate(a.geom, b.geom, '2********')""",
    "streets that differ from their communities": """
        SELECT count(*) FROM area s
          JOIN (SELECT parent_code, ST_Union(geom) AS geom FROM area WHERE level = 'community' GROUP BY 1) c
            ON c.parent_code = s.code
         WHERE ST_Area(ST_SymDifference(s.geom, c.geom)::geography) > 0.01""",
    "responsibility grids that are not the union of their cells": """
        SELECT count(*) FROM responsibility_grid r
          JOIN (SELECT u.responsibility_grid_id AS id, ST_Union(g.geom) AS geom
                  FROM responsibility_grid_unit u JOIN unit_grid g ON g.id = u.unit_grid_id GROUP BY 1) c
            ON c.id = r.id
         WHERE ST_NumGeometries(r.geom) > 1 OR ST_Area(ST_SymDifference(r.geom, c.geom)::geography) > 0.01""",
    "invalid shapes": """
        SELECT (SELECT count(*) FROM unit_grid WHERE NOT ST_IsValid(geom))
             + (SELECT count(*) FROM building WHERE NOT ST_IsValid(geom))
             + (SELECT count(*) FROM land_cover WHERE NOT ST_IsValid(geom))
             + (SELECT count(*) FROM zone WHERE NOT ST_IsValid(geom))
             + (SELECT count(*) FROM area WHERE NOT ST_IsValid(geom))""",
    "components outside their unit grid": """
        SELECT count(*) FROM component c LEFT JOIN unit_grid g ON g.code = c.unit_grid_code
         WHERE g.id IS NULL OR NOT ST_Intersects(g.geom, c.geom)""",
    "component codes that contradict the class": """
        SELECT count(*) FROM component WHERE left(code, 10) <> '990102' || class_code""",
    "buildings on roads": """
        SELECT count(DISTINCT b.id) FROM building b
          JOIN road r ON ST_DWithin(r.geom, b.geom, 0.00003)
                     AND r.road_class <> 'service'""",
    "buildings in the water": """
        SELECT count(*) FROM building b JOIN land_cover l ON l.kind = 'water'
           AND ST_Intersects(l.geom, b.geom)""",
    "buildings that overlap": """
        SELECT count(*) FROM building a JOIN building b
            ON a.id < b.id AND a.geom && b.geom AND ST_Relate(a.geom, b.geom, '2********')""",
    "components inside buildings": """
        SELECT count(*) FROM component c JOIN building b ON ST_Contains(b.geom, c.geom)""",
    "buildings cut by a unit grid": """
        SELECT count(*) FROM building b
         WHERE NOT EXISTS (SELECT 1 FROM unit_grid g WHERE ST_Covers(g.geom, b.geom))""",
    "timing areas that overlap": """
        SELECT count(*) FROM zone a JOIN zone b ON a.id < b.id
           AND a.kind = 'timing_area' AND b.kind = 'timing_area'
           AND ST_Area(ST_Intersection(a.geom, b.geom)::geography) > 5""",
}


def test_the_loaded_city_is_sound(demo: str, tmp_path: Path, secret_key: str) -> None:
    with psycopg.connect(demo) as connection:
        wrong = {what: connection.execute(query).fetchone() for what, query in SOUND.items()}
        assert wrong == dict.fromkeys(SOUND, (0,))
        share = connection.execute(
            "SELECT avg((area_m2 BETWEEN 5000 AND 20000)::int)::float8,"
            " max(abs(area_m2 - ST_Area(geom::geography))) FROM unit_grid"
        ).fetchone()
        assert share is not None
        assert share[0] > 0.8
        assert share[1] < 1.0
        logins = json.loads((tmp_path / "demo-logins.json").read_text(encoding="utf-8"))
        assert (tmp_path / "demo-logins.json").stat().st_mode & 0o077 == 0
        assert {row["role_key"] for row in logins} == {
            role for (role,) in connection.execute("SELECT key FROM role")
        }
        stored = dict(
            connection.execute("SELECT login, password FROM person WHERE login IS NOT NULL").fetchall()
        )
        assert all(verify_password(row["password"], stored[row["login"]]) for row in logins)
        mobiles = connection.execute("SELECT mobile FROM person").fetchall()
        assert all(Keyring(secret_key).decrypt(m, "person.mobile").startswith("100") for (m,) in mobiles)
        hashes = dict(connection.execute("SELECT key, token_hash FROM device").fetchall())
        credentials = DeviceCredentials(tmp_path / "broker")
        assert set(credentials.list()) == set(hashes)
        assert hashes["ins0001"] == token_hash(
            json.loads((tmp_path / "broker/devices.json").read_text())["ins0001"]
        )


def test_a_second_demo_city_is_refused(demo: str) -> None:
    result = CliRunner().invoke(_app(), [])
    assert isinstance(result.exception, DemoCityExists)
