"""From a file's fields to the columns of a city table."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from gis_core.importing.component_mapping import ClassDictionary
from gis_core.importing.errors import UnknownField
from gis_core.importing.features import Column, Features, object_column
from gis_core.importing.report import Issue, issue
from gis_core.importing.targets import KEYS, Target

UNNAMED = "未命名"
UNKNOWN_DAY = date(1900, 1, 1)
"""Stands for a beginning nobody knows."""


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """What the user says about the file's fields and what the fields cannot say."""

    field_map: Mapping[str, str] = field(default_factory=dict)
    """Column to field of the file."""
    key_field: str | None = None
    level: str | None = None
    parent_code: str | None = None
    valid_from: date = UNKNOWN_DAY
    valid_to: date | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    """Column to the value every feature gets."""
    provisional_codes: bool = False
    classes: ClassDictionary = field(default_factory=ClassDictionary.shipped)


@dataclass(slots=True)
class Rows:
    """Features of one target, column by column. ``keep`` marks those not refused by mapping."""

    target: Target
    ids: Column
    shapes: Column
    columns: dict[str, Column]
    keep: NDArray[np.bool_]
    issues: list[Issue] = field(default_factory=list)


def fields_like_ids(names: Iterable[str]) -> list[str]:
    """Fields named like the number of a record: tx_id, 记录编号."""
    return [name for name in names if re.search(r"_id$|编号$|标识码$|序列号$", name.casefold())]


def text_of(value: Any) -> str | None:
    """A value as stripped text; a whole number without its decimals, blank as None."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


_NUMBER = re.compile(r"^\s*([-+]?\d+(?:\.\d+)?)\s*(?:m|米|层|条)?\s*$", re.IGNORECASE)


def number_of(value: Any) -> float | None:
    """A number, with or without its unit (m, 米, 层); None where it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    match = _NUMBER.match(str(value))
    return float(match[1]) if match else None


def date_of(value: Any) -> date | None:
    """A date written 2012-06-01, 2012/6/1, 20120601 or 2012年6月1日; None where it is none."""
    parts = re.findall(r"\d+", str(value))
    if len(parts) == 1 and len(parts[0]) == 8:
        parts = [parts[0][:4], parts[0][4:6], parts[0][6:]]
    try:
        return date(int(parts[0]), int(parts[1]), int(parts[2]))
    except (IndexError, ValueError):
        return None


class Picker:
    """Finds the values of a column in a layer's fields: the user's map first, then the known names."""

    def __init__(self, target: Target, features: Features, options: MappingOptions) -> None:
        self.target = target
        self.features = features
        self.options = options
        self.issues: list[Issue] = []
        self.keep = np.ones(len(features), dtype=bool)
        self._by_name = {name.casefold(): name for name in features.fields}
        self.verbatim: set[str] = set()
        """Fields whose values went into a column as they are and need not stay among the attributes."""

    def field_names(self, column: str) -> list[str]:
        """The layer's fields for a column, best first. Raises UnknownField for a mapped name it lacks."""
        mapped = self.options.field_map.get(column)
        if mapped is not None:
            if mapped.casefold() not in self._by_name:
                raise UnknownField(field=mapped, fields=", ".join(self.features.fields) or "-")
            return [self._by_name[mapped.casefold()]]
        known = self.target.fields.get(column, ())
        return [self._by_name[name.casefold()] for name in known if name.casefold() in self._by_name]

    def raw(self, column: str) -> Column:
        """The first value present for each feature, as in the file."""
        return self.first(column, lambda value: value)

    def first(self, column: str, parse: Callable[[Any], Any]) -> Column:
        """For each feature the first of the column's fields that ``parse`` makes something of."""
        if column in self.options.constants:
            return self.constant(parse(self.options.constants[column]))
        names = self.field_names(column)
        if not names:
            return self.constant(None)
        result = _each(self.features.fields[names[0]], parse)
        for name in names[1:]:
            missing = result == None  # noqa: E711 - elementwise
            if not missing.any():
                break
            result[missing] = _each(self.features.fields[name][missing], parse)
        return result

    def text(self, column: str) -> Column:
        names = self.field_names(column)
        self.verbatim.update(names[:1])
        return self.first(column, text_of)

    def parsed(self, column: str, parse: Callable[[Any], Any]) -> Column:
        """As ``first``, noting values that are there but not understood."""
        result = self.first(column, parse)
        raw = self.raw(column)
        for at in np.flatnonzero((result == None) & (raw != None)):  # noqa: E711
            self.note(at, "value-dropped", field=column, value=raw[at])
        return result

    def note(self, at: Any, code: str, /, **members: Any) -> None:
        self.issues.append(issue(self.features.ids[at], code, **members))

    def refuse(self, at: Any, code: str, /, **members: Any) -> None:
        if self.keep[at]:
            self.note(at, code, **members)
        self.keep[at] = False

    def constant(self, value: Any) -> Column:
        return object_column([value] * len(self.features))

    def named(self) -> Column:
        """Names, with a stated stand-in where the table needs one and the file has none."""
        names = self.text("name")
        for at in np.flatnonzero(names == None):  # noqa: E711
            names[at] = UNNAMED
            self.note(at, "name-missing", name=UNNAMED)
        return names

    def address(self) -> Column:
        whole, streets, numbers = self.text("address"), self.text("street"), self.text("number")
        return object_column(
            [
                one or (f"{street or ''}{number or ''}" or None)
                for one, street, number in zip(whole, streets, numbers, strict=True)
            ]
        )

    def keys(self, codes: Column | None) -> Column:
        """Source keys: the chosen or a known key field, else the code; None where a key must be made."""
        name = self.options.key_field
        if name is not None:
            if name.casefold() not in self._by_name:
                raise UnknownField(field=name, fields=", ".join(self.features.fields) or "-")
            return object_column(
                [text_of(value) for value in self.features.fields[self._by_name[name.casefold()]]]
            )
        if codes is not None:
            return codes.copy()
        for known in KEYS:
            if known in self._by_name:
                values = self.features.fields[self._by_name[known]]
                return object_column([text_of(value) for value in values])
        named = fields_like_ids(self.features.fields)
        if len(named) == 1:
            return object_column([text_of(value) for value in self.features.fields[named[0]]])
        return self.constant(None)

    def attributes(self) -> Column:
        """What the table has no column for, as JSON text; OSM tags whole."""
        fields = self.features.fields
        if "tags" in fields:
            dropped = {"name", "name:en"}
            return object_column(
                [
                    _json((key, value) for key, value in tags.items() if key not in dropped)
                    for tags in fields["tags"]
                ]
            )
        names = [name for name in fields if name not in self.verbatim]
        columns = [_as_json_values(fields[name]) for name in names]
        if not any((column != None).any() for column in columns):  # noqa: E711 - elementwise
            return self.constant("{}")
        return object_column(
            [_json(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
        )


def _each(values: Column, parse: Callable[[Any], Any]) -> Column:
    return object_column([None if value is None else parse(value) for value in values])


def _as_json_values(values: Column) -> Column:
    """What JSON can hold; nested JSON text is unfolded."""
    return _each(values, _json_value)


def _json_value(value: Any) -> Any:
    if isinstance(value, str):
        if value[:1] == "{":
            try:
                return json.loads(value)
            except ValueError:
                return value
        return value
    return value if isinstance(value, int | float | bool | dict) else str(value)


def _json(pairs: Iterable[tuple[str, Any]]) -> str:
    """JSON text without NUL, which PostgreSQL cannot hold."""
    text = msgspec.json.encode({name: value for name, value in pairs if value is not None}).decode()
    return text.replace("\\u0000", "") if "\\u0000" in text else text


def made_keys(shapes: Column, words: Sequence[Column] = ()) -> Column:
    """Keys for features without one: a hash of the shape (of points with their words too, since several
    things may stand on one point), so that the same file gives the same keys."""
    points = shapely.get_type_id(shapes) == shapely.GeometryType.POINT
    told = zip(*words, strict=True) if words else [()] * len(shapes)
    return object_column(
        [
            "shape-" + hashlib.blake2b(wkb + _bytes_of(more) * bool(point), digest_size=8).hexdigest()
            for wkb, more, point in zip(shapely.to_wkb(shapely.normalize(shapes)), told, points, strict=True)
        ]
    )


def _bytes_of(words: Sequence[Any]) -> bytes:
    return "\0".join(str(word or "") for word in words).encode(errors="surrogatepass")
