"""The database: metadata, engine, and SQL kept in named, readable files."""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from sqlalchemy import MetaData, TextClause, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from gis_core.settings import DatabaseSettings


class Base(DeclarativeBase):
    """Base of every table model; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def create_engine(settings: DatabaseSettings, *, application_name: str) -> AsyncEngine:
    """Async engine on psycopg 3; sessions speak UTC.

    ``application_name`` shows in ``pg_stat_activity``, so that an operator sees whose query runs.
    """
    url = make_url(settings.database_url).set(drivername="postgresql+psycopg")
    return create_async_engine(
        url,
        pool_size=settings.database_pool_size,
        max_overflow=4,
        pool_pre_ping=True,
        connect_args={"application_name": application_name, "options": "-c timezone=UTC"},
    )


_NAME = re.compile(r"^-- :name (?P<name>[a-z][a-z0-9_]*)\s*$", re.MULTILINE)


def read_queries(package: str, file: str = "queries.sql") -> Mapping[str, str]:
    """The statements of a package's SQL file by name.

    A statement begins with a line ``-- :name its_name`` and ends at the next one. Raises ValueError
    for a name given twice or for SQL before the first name.
    """
    source = (files(package) / file).read_text(encoding="utf-8")
    marks = list(_NAME.finditer(source))
    if not marks or source[: marks[0].start()].strip():
        raise ValueError(f"{package}/{file}: SQL before the first '-- :name' line")
    found: dict[str, str] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        name = mark["name"]
        if name in found:
            raise ValueError(f"{package}/{file}: the name {name} is given twice")
        found[name] = source[mark.end() : following.start() if following else None].strip()
    return MappingProxyType(found)


def load_queries(package: str, file: str = "queries.sql") -> Mapping[str, TextClause]:
    """As ``read_queries``, ready for SQLAlchemy; parameters are written ``:name``."""
    return MappingProxyType({name: text(sql) for name, sql in read_queries(package, file).items()})
