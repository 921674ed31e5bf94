"""Components and unit grids that an answer needs from the database, within the areas of who asks."""

from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from command_center.problems import Unavailable
from geocoding.store import code_statement
from gis_core.named_sql import read_queries
from gis_core.settings import DatabaseSettings

log = structlog.get_logger(__name__)
_SQL = read_queries("command_center.geocode", "lookups.sql")
_SESSION = "-c timezone=UTC -c jit=off -c default_transaction_read_only=on -c statement_timeout=2s"
CONNECTIONS = 2
"""Of a process: a look-up takes a fraction of a millisecond."""
PATIENCE_S = 2.0
"""An operator who waits for an address is told rather than kept waiting."""


class Lookups:
    """Single statements on connections of their own, prepared and without a transaction around them: what
    a request's connection costs beside (a ping, BEGIN, ROLLBACK) is several times the look-up itself.

    ``areas``: LIKE patterns of area codes; None for the whole city.
    """

    def __init__(self, database: DatabaseSettings) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[dict[str, Any]]] = AsyncConnectionPool(
            database.database_url, min_size=1, max_size=CONNECTIONS, timeout=PATIENCE_S, open=False,
            kwargs={"autocommit": True, "options": _SESSION, "row_factory": dict_row,
                    "application_name": "wanmi geocode"},
        )  # fmt: skip

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    async def component_near(self, lon: float, lat: float, areas: Sequence[str] | None) -> Any:
        """Code, name and distance in metres of the nearest component in use within about 300 m, or None."""
        return await self._first(_SQL["nearest_component"], {"lon": lon, "lat": lat, "areas": areas})

    async def point_of(self, code: str, areas: Sequence[str] | None) -> tuple[float, float, str] | None:
        """Where a unit grid or component lies, and its name; None for a code that is not in use there."""
        row = await self._first(code_statement(code), {"code": code, "areas": areas})
        return (row["lon"], row["lat"], row["name"]) if row else None

    async def _first(self, statement: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """Raises Unavailable when no connection that works is to be had."""
        for _ in range(CONNECTIONS + 1):
            try:
                async with self._pool.connection() as conn:
                    return await (await conn.execute(statement, values)).fetchone()
            except (psycopg.errors.QueryCanceled, PoolTimeout) as error:
                raise Unavailable from error
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                # The pool takes a broken connection back only to throw it away: the next may be whole.
                log.warning("lookup_failed", error=str(error).splitlines()[0])
        raise Unavailable
