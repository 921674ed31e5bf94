"""A database with one district and two streets, and short ways to import and to ask."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gis_core.importing.mapping import MappingOptions
from gis_core.importing.report import ImportReport
from gis_core.importing.run import ImportRequest, run_import
from tests.gis_core.importing import city_files

Take = Callable[..., ImportReport]
Ask = Callable[..., list[Any]]

_MAPPING = set(MappingOptions.__dataclass_fields__)


@pytest.fixture
def take(database_url: str) -> Take:
    """Imports a file; keywords go to the request or to its mapping options."""

    def run(path: Path, **options: Any) -> ImportReport:
        url = str(options.pop("url", database_url))
        keyring = options.pop("keyring", None)
        mapping = MappingOptions(**{name: options.pop(name) for name in list(options) if name in _MAPPING})
        return run_import(ImportRequest(path, mapping=mapping, **options), url, keyring=keyring)

    return run


@pytest.fixture
def ask(database_url: str) -> Ask:
    """Rows of a query; single columns come as values."""

    def run(query: str, *values: Any) -> list[Any]:
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(query, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    return run


@pytest.fixture
def city(take: Take, tmp_path: Path) -> ImportReport:
    """The areas that other imports are stamped with."""
    return take(city_files.districts(tmp_path), source="areas")
