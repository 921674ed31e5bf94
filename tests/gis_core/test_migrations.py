"""The schema: described once by the models, reached the same way by a new and by a filled database."""

import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from command_center.assembly import PACKAGES
from command_center.processes.postgres import Cluster
from gis_core.migrate import alembic_config, migrate

FIRST_WITH_DEVICES = "0003_tracking"

ROWS_OF_A_RUNNING_CITY = """
INSERT INTO area (code, level, name, parent_code, valid_from, source, source_key, geom)
VALUES ('990102', 'district', '望川区', '990100', '2020-01-01', 'test', 'a',
        ST_Multi(ST_MakeEnvelope(120, 30, 120.1, 30.1, 4326)));
INSERT INTO unit_grid (code, community_code, area_m2, initial_date, geom)
VALUES ('990102001001001', '990102001001', 10000, '2020-01-01',
        ST_MakeEnvelope(120, 30, 120.001, 30.001, 4326));
INSERT INTO component_class (edition, code, class_name, name)
VALUES ('GBT30428.2-2013', '0101', '公用设施', '上水井盖');
INSERT INTO component (code, edition, class_code, name, area_code, initial_date, source, source_key, geom)
VALUES ('9901020101000001', 'GBT30428.2-2013', '0101', '上水井盖', '990102', '2020-01-01', 'test', 'c',
        ST_Point(120.0005, 30.0005, 4326));
INSERT INTO org_unit (code, name, kind, area_code) VALUES ('centre', '运行管理中心', 'centre', '990102');
INSERT INTO person (name, org_unit_id, area_code) SELECT '值班员', id, '990102' FROM org_unit;
INSERT INTO device (key, person_id, unit_kind, area_code, org_unit_id)
SELECT 'ins0001', p.id, 'inspector', '990102', p.org_unit_id FROM person p;
CREATE TABLE fix_20200101 PARTITION OF fix FOR VALUES FROM ('2020-01-01') TO ('2020-01-02');
INSERT INTO fix (device_id, fix_time, received_at, lon, lat, content)
SELECT id, '2020-01-01 08:00+00', '2020-01-01 08:00+00', 120.0005, 30.0005, 1 FROM device;
INSERT INTO device_state (device_id, fix_time, received_at, lon, lat, changed_xid)
SELECT id, '2020-01-01 08:00+00', '2020-01-01 08:00+00', 120.0005, 30.0005, 1 FROM device;
"""


@pytest.fixture
def empty_url(cluster: Cluster) -> Iterator[str]:
    """A database with the extensions and nothing else."""
    name = f"m_{uuid4().hex[:10]}"
    cluster.ensure_database(name)
    yield cluster.url(name)
    with psycopg.connect(cluster.url("postgres", superuser=True), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def schema_of(url: str) -> str:
    """What pg_dump says of the schema, without the partitions a running city has made."""
    dump = subprocess.run(
        ["pg_dump", "--schema-only", "--no-owner", "--exclude-table=fix_*", url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return re.sub(r"^\\(un)?restrict .*$", "", dump, flags=re.MULTILINE)


def test_models_and_migrations_describe_the_same_schema(database_url: str) -> None:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        command.check(alembic_config(connection, PACKAGES))
    engine.dispose()


def test_history_is_one_line(database_url: str) -> None:
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection, PACKAGES))
        assert len(scripts.get_heads()) == 1
        assert all(not script.is_branch_point for script in scripts.walk_revisions())
    engine.dispose()


def test_a_filled_database_is_upgraded_to_the_schema_of_a_fresh_one(
    empty_url: str, database_url: str
) -> None:
    migrate(empty_url, PACKAGES, FIRST_WITH_DEVICES)
    with psycopg.connect(empty_url) as old:
        old.execute(ROWS_OF_A_RUNNING_CITY)
    migrate(empty_url, PACKAGES)
    assert schema_of(empty_url) == schema_of(database_url)
    with psycopg.connect(empty_url) as upgraded:
        for table in ("area", "unit_grid", "component", "person", "device", "fix", "device_state"):
            row = upgraded.execute(
                sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            ).fetchone()
            assert row == (1,), table


def test_the_day_in_force_is_that_of_china(database_url: str) -> None:
    """``current_date`` is the day of the connection's zone: from midnight to 08:00 in China, yesterday."""
    assert "current_date" not in schema_of(database_url).lower()
    for package in (*PACKAGES, "command_center", "ingest"):
        for queries in Path(import_module(package).__path__[0]).rglob("*.sql"):
            assert "current_date" not in queries.read_text(encoding="utf-8").lower(), queries
    with psycopg.connect(database_url) as connection:
        for zone in ("UTC", "Pacific/Honolulu", "Pacific/Kiritimati"):
            connection.execute(sql.SQL("SET timezone = {}").format(zone))
            agreed = connection.execute(
                "SELECT civil_today() = (now() AT TIME ZONE 'Asia/Shanghai')::date"
            ).fetchone()
            assert agreed == (True,), zone
