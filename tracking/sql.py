"""The statements of this package in the form psycopg takes."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import LiteralString

from gis_core.named_sql import read_queries

_PARAMETER = re.compile(r"(?<![:\w]):([a-z][a-z0-9_]*)")


def psycopg_queries(package: str, file: str = "queries.sql") -> Mapping[str, LiteralString]:
    """As ``read_queries``, with ``:name`` turned into ``%(name)s`` and a literal ``%`` doubled.

    The files are ours and part of the program, hence literal strings to the type checker.
    """
    return MappingProxyType(
        {
            name: _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))
            for name, sql in read_queries(package, file).items()
        }
    )


QUERIES = psycopg_queries("tracking", "store.sql")
