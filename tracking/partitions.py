"""Daily partitions (UTC) of table ``fix``: made ahead of time, and on demand for late fixes."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import psycopg
from psycopg import sql

from tracking.sql import QUERIES


def partition_name(day: date) -> str:
    return f"fix_{day:%Y%m%d}"


def known_partitions(connection: psycopg.Connection[Any]) -> set[str]:
    return {name for (name,) in connection.execute(QUERIES["known_partitions"])}


def ensure(connection: psycopg.Connection[Any], days: Iterable[date]) -> None:
    """Make the partitions of these days that are not there yet, in a transaction of its own.

    A partition is made as a table first and then attached, so that readers of ``fix`` never wait.
    """
    with connection.transaction():
        connection.execute(QUERIES["lock_partitions"])
        known = known_partitions(connection)
        for day in sorted(set(days)):
            if partition_name(day) not in known:
                _make(connection, day)


def _make(connection: psycopg.Connection[Any], day: date) -> None:
    name = sql.Identifier(partition_name(day))
    start = sql.Literal(f"{datetime.combine(day, time()):%Y-%m-%d %H:%M:%S}+00")
    end = sql.Literal(f"{datetime.combine(day + timedelta(days=1), time()):%Y-%m-%d %H:%M:%S}+00")
    connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE fix INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(name)
    )
    connection.execute(
        sql.SQL(
            "ALTER TABLE fix ATTACH PARTITION {} FOR VALUES FROM (timestamptz {}) TO (timestamptz {})"
        ).format(name, start, end)
    )


def days_ahead(today: date, count: int) -> list[date]:
    """Yesterday, today, and ``count`` days after."""
    return [today + timedelta(days=shift) for shift in range(-1, count + 1)]
