"""The database: metadata, engine, and named statements ready for it."""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import MetaData, TextClause, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from gis_core.named_sql import read_queries
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


def load_queries(package: str, file: str = "queries.sql") -> Mapping[str, TextClause]:
    """As ``read_queries``, ready for SQLAlchemy; parameters are written ``:name``."""
    return MappingProxyType({name: text(sql) for name, sql in read_queries(package, file).items()})
