"""Bring a database to the newest schema. One history, whose versions lie in several packages."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.schema import SchemaItem

MIGRATION_LOCK = 0x77616E6D
"""Advisory lock key: two processes never migrate at once."""


def belongs_to_models(
    item: SchemaItem, name: str | None, kind: str, reflected: bool, compare_to: SchemaItem | None
) -> bool:
    """Leave PostGIS's own tables, the daily partitions and procrastinate's tables out of comparison."""
    if kind == "table" and name and name.startswith(("fix_", "procrastinate_")):
        return False
    if kind == "index" and reflected and (name or "").startswith(("fix_", "procrastinate_")):
        return False
    return bool(
        alembic_helpers.include_object(item, name, kind, reflected, compare_to)  # type: ignore[no-untyped-call]
    )


def alembic_config(connection: Connection, packages: Sequence[str]) -> Config:
    """Configuration for Alembic's own commands. ``packages`` own version folders, lowest first."""
    config = _located(packages)
    config.attributes["connection"] = connection
    return config


def _located(packages: Sequence[str]) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("gis_core") / "migrations"))
    config.set_main_option("path_separator", "newline")
    folders = [str(Path(str(files(package))) / "migrations" / "versions") for package in packages]
    config.set_main_option("version_locations", "\n".join(folders))
    return config


def schema_heads(packages: Sequence[str]) -> list[str]:
    """The revisions an up-to-date database is at."""
    return list(ScriptDirectory.from_config(_located(packages)).get_heads())


def migrate(database_url: str, packages: Sequence[str], revision: str = "heads") -> None:
    """Upgrade the database at ``database_url`` (libpq URL) to ``revision``."""
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        try:
            command.upgrade(alembic_config(connection, packages), revision)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
    engine.dispose()
