"""Recipes: which files of a place are imported, in which order and how, as a TOML file people keep."""

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, get_args

from gis_core.coordinates import Datum
from gis_core.importing.errors import BadRecipe, FileMissing
from gis_core.importing.mapping import MappingOptions
from gis_core.importing.request import ImportRequest
from gis_core.importing.targets import TARGET_KEYS
from gis_core.models.area import AREA_LEVELS

_REQUEST: Mapping[str, type] = {
    "target": str, "layer": str, "source": str, "within": str, "touching": bool, "srid": int, "datum": str,
    "accept_datum": bool, "encoding": str, "lon_column": str, "lat_column": str, "remove_missing": bool,
}  # fmt: skip
_MAPPING: Mapping[str, type] = {
    "key": str, "level": str, "parent": str, "valid_from": date, "valid_to": date, "provisional_codes": bool,
    "map": dict, "set": dict, "class": dict,
}  # fmt: skip
_NAMES = {
    "lon_column": "lon_field", "lat_column": "lat_field", "key": "key_field", "parent": "parent_code",
    "map": "field_map", "set": "constants", "class": "own_classes",
}  # fmt: skip
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "target": TARGET_KEYS,
    "level": AREA_LEVELS,
    "datum": get_args(Datum),
}


def read_recipe(path: Path) -> list[ImportRequest]:
    """The steps ``[[step]]`` of a recipe, over its ``[defaults]``; files are relative to ``folder``, which
    is relative to the recipe. Raises FileMissing and BadRecipe."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileMissing(file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecipe(file=path.name, where=str(error)) from error
    folder = path.parent / str(content.get("folder", "."))
    steps = content.get("step")
    if not isinstance(steps, list) or not steps:
        raise BadRecipe(file=path.name, where="[[step]]")
    defaults = content.get("defaults", {})
    return [
        _step({**defaults, **step}, folder, f"{path.name} [[step]] {number}")
        for number, step in enumerate(steps, start=1)
    ]


def _step(said: dict[str, Any], folder: Path, where: str) -> ImportRequest:
    file = said.pop("file", None)
    if not isinstance(file, str):
        raise BadRecipe(file=where, where="file")
    return request_of(said, folder / file, where=where)


def request_of(said: Mapping[str, Any], path: Path, *, where: str = "options") -> ImportRequest:
    """A request from options as recipes and the wizard write them. Raises BadRecipe, naming the option."""
    of_request: dict[str, Any] = {}
    of_mapping: dict[str, Any] = {}
    known = {one.name for one in fields(MappingOptions)}
    for name, value in said.items():
        kind = _REQUEST.get(name) or _MAPPING.get(name)
        if kind is None:
            raise BadRecipe(file=where, where=f"{name}: ?")
        if isinstance(value, str) and kind is date:
            value = _date(value, name, where)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BadRecipe(file=where, where=f"{name}: {value!r}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise BadRecipe(file=where, where=f"{name}: {value} ({', '.join(_CHOICES[name])})")
        if isinstance(value, dict):
            value = {str(key): str(one) for key, one in value.items()}
        own = _NAMES.get(name, name)
        (of_mapping if own in known else of_request)[own] = value
    return ImportRequest(path=path, mapping=MappingOptions(**of_mapping), **of_request)


def _date(value: str, name: str, where: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise BadRecipe(file=where, where=f"{name}: {value!r}") from error
