"""Filters of a layer's rows: ``property operator value``, as ``state=broken`` or ``area_m2>=10000``."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from command_center.city.catalogue import CityLayer, Column
from command_center.paging import contains
from gis_core.errors import DomainError, Text

_FORM = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(!=|>=|<=|=|>|<|~)(.*)", re.DOTALL)
_COMPARE = {
    "=": lambda c, v: c == v,
    "!=": lambda c, v: c.is_distinct_from(v),
    ">": lambda c, v: c > v,
    ">=": lambda c, v: c >= v,
    "<": lambda c, v: c < v,
    "<=": lambda c, v: c <= v,
}
MAX_FILTERS = 10


class FilterWrong(DomainError):
    status, slug = 422, "filter-wrong"
    title = Text("筛选条件有误", "Wrong filter")
    detail = Text(
        "筛选条件“{filter}”有误：{reason_zh}。写法：属性 运算符 值，运算符为 = != > >= < <= ~（包含）；"
        "可用属性：{properties}。",
        "The filter '{filter}' is wrong: {reason}. Write property, operator (= != > >= < <= or ~ for "
        "contains) and value; properties: {properties}.",
    )


def conditions(layer: CityLayer, filters: Sequence[str]) -> list[ColumnElement[bool]]:
    """Conditions on the columns of the layer's view; all must hold. Raises FilterWrong.

    ``a|b`` after ``=`` means either; an empty value means "not given". Names are looked up among the
    view's columns and values are bound, so nothing of the text becomes SQL.
    """
    if len(filters) > MAX_FILTERS:
        raise _wrong(layer, filters[-1], "条件太多", f"more than {MAX_FILTERS}")
    return [_condition(layer, text) for text in filters]


def _wrong(layer: CityLayer, text: str, reason_zh: str, reason: str) -> FilterWrong:
    properties = ", ".join(column.name for column in layer.columns if column.kind != "json")
    return FilterWrong(filter=text[:100], reason_zh=reason_zh, reason=reason, properties=properties)


def _condition(layer: CityLayer, text: str) -> ColumnElement[bool]:
    match = _FORM.fullmatch(text)
    if match is None or "\x00" in text or len(text) > 500:
        raise _wrong(layer, text, "看不懂", "it is not understood")
    name, operator, value = match[1], match[2], match[3].strip()
    column = next((one for one in layer.columns if one.name == name and one.kind != "json"), None)
    if column is None:
        raise _wrong(layer, text, f"没有属性 {name}", f"there is no property {name}")
    target: ColumnElement[Any] = sa.column(name)
    if operator == "~":
        return sa.cast(target, sa.Text).ilike(contains(value) or "%")
    if not value and operator in ("=", "!="):
        return target.is_(None) if operator == "=" else target.is_not(None)
    if operator == "=" and "|" in value:
        return target.in_([_value(layer, text, column, part.strip()) for part in value.split("|")])
    return _COMPARE[operator](target, _value(layer, text, column, value))  # type: ignore[no-any-return]


def _value(layer: CityLayer, text: str, column: Column, value: str) -> Any:
    try:
        match column.kind:
            case "number":
                return float(value)
            case "boolean":
                return {"true": True, "false": False, "是": True, "否": False}[value.lower()]
            case "date":
                return date.fromisoformat(value)
            case "time":
                return datetime.fromisoformat(value)
            case _:
                return value
    except (ValueError, KeyError):
        raise _wrong(
            layer, text, f"{column.name} 的值类型为 {column.kind}", f"{column.name} is a {column.kind}"
        ) from None
