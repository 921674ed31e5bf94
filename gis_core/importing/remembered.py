"""How the files of a source were read last time: used again for what nobody says this time."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from gis_core.importing.component_mapping import ClassDictionary
from gis_core.importing.request import ImportRequest
from gis_core.named_sql import read_queries

_SQL = read_queries("gis_core.importing")
_OF_REQUEST = ("target", "layer", "srid", "datum", "encoding", "lon_field", "lat_field")
_OF_MAPPING = ("key_field", "level", "parent_code")
_PAIRS = ("field_map", "constants", "own_classes")


def options_of(request: ImportRequest) -> dict[str, Any]:
    """What was said about how to read the file; nothing that was left to the rules."""
    said = {name: getattr(request, name) for name in _OF_REQUEST}
    said |= {name: getattr(request.mapping, name) for name in _OF_MAPPING}
    said |= {name: dict(_pairs_of(request, name)) for name in _PAIRS}
    return {name: value for name, value in said.items() if value not in (None, {})}


def _kind_of_file(name: str) -> str:
    """The name without what changes from delivery to delivery: 道路2025-08.zip and 道路2026-01.zip."""
    return re.sub(r"[\d\s._()（）-]+", "", name.casefold())


def _pairs_of(request: ImportRequest, name: str) -> Mapping[str, str]:
    found: Mapping[str, str] = getattr(request if name == "own_classes" else request.mapping, name)
    return found


def read_options(connection: Connection[Any], source: str, file: str) -> dict[str, Any]:
    """What was said of this source's last file, if that was a file of the same kind: another file of the
    same source may have other fields and another datum."""
    values = {"source": source, "file": _kind_of_file(file)}
    row = connection.execute(_SQL["remembered_options"], values).fetchone()
    return dict(row[0]) if row is not None else {}


def keep_options(connection: Connection[Any], source: str, file: str, options: Mapping[str, Any]) -> None:
    if options:
        values = {"source": source, "file": _kind_of_file(file), "options": Jsonb(dict(options))}
        connection.execute(_SQL["remember_options"], values)


def filled_in(request: ImportRequest, known: Mapping[str, Any]) -> tuple[ImportRequest, dict[str, Any]]:
    """The request with remembered answers where it has none, and those answers. Pairs are joined; what
    is said now goes before."""
    used: dict[str, Any] = {}
    of_request: dict[str, Any] = {}
    of_mapping: dict[str, Any] = {}
    for names, part, changes in (
        (_OF_REQUEST, request, of_request),
        (_OF_MAPPING, request.mapping, of_mapping),
    ):
        for name in names:
            if getattr(part, name) is None and known.get(name) is not None:
                changes[name] = used[name] = known[name]
    for name in _PAIRS:
        said = dict(_pairs_of(request, name))
        more = {key: value for key, value in known.get(name, {}).items() if key not in said}
        if more:
            used[name] = more
            (of_request if name == "own_classes" else of_mapping)[name] = {**more, **said}
    mapping = replace(request.mapping, **of_mapping)
    return replace(request, mapping=mapping, **of_request), used


def with_classes(request: ImportRequest, connection: Connection[Any]) -> ImportRequest:
    """The request with the editions of the database and the user's own words in its class dictionary.
    Raises UnknownClass."""
    classes = ClassDictionary.stored(connection, request.own_classes)
    return replace(request, mapping=replace(request.mapping, classes=classes))
