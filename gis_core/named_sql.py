"""Statements kept in named, readable files of SQL."""

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

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
