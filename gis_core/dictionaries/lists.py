"""Class lists of components and events by edition: reading them from CSV and bringing them in.

The shipped event list ``event_classes.csv`` gives, class by class, the filing and closing conditions and
the limits by timing area. Sources: CJ/T 214-2007 (complete but for "99 other") and, for GB/T
30428.2-2013, codes and core-area conditions in our words from a published city list; English names,
geometry, department kind and the limits of the general and outer areas are our reading, to be replaced by
the city's own: a city imports its list under its own edition key.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from psycopg import Connection

from gis_core.errors import DomainError, Text
from gis_core.named_sql import read_queries

_SQL = read_queries("gis_core.dictionaries")
Kind = Literal["component", "event"]
_LIMIT = re.compile(r"[0-9]+(UH|UD|WH|WD|ND)")
_EDITION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAMES: Mapping[str, tuple[str, ...]] = {
    "edition": ("edition", "code_list", "版本"),
    "code": ("code", "代码", "编码", "小类编码"),
    "class_code": ("class_code", "大类代码"),
    "sub_code": ("sub_code", "小类代码"),
    "class_name": ("class_name", "大类名称", "大类"),
    "name": ("name", "sub_name", "小类名称", "小类"),
    "name_en": ("name_en", "sub_name_en", "英文名称"),
    "geometry": ("geometry", "几何类型"),
    "accuracy_class": ("accuracy_class", "精度等级"),
    "department_kind": ("department_kind", "dept_type", "主管类别"),
    "number": ("number", "cond_no", "立案条件序号"),
    "filing": ("filing", "filing_condition", "立案条件"),
    "closing": ("closing", "closing_condition", "结案条件"),
    "limit_core": ("limit_core", "核心区"),
    "limit_general": ("limit_general", "一般区"),
    "limit_outer": ("limit_outer", "外围区"),
}
_GEOMETRIES = {
    "": None,
    "point": "point",
    "line": "line",
    "polygon": "polygon",
    "点": "point",
    "线": "line",
    "面": "polygon",
}


class ListWrong(DomainError):
    status, slug = 422, "class-list-wrong"
    title = Text("字典文件有误", "Wrong class list")
    detail = Text("第 {line} 行：{reason_zh}", "Line {line}: {reason}")


@dataclass(frozen=True, slots=True)
class ClassList:
    """Classes by code, and conditions, ready to be stored; ``kind``: of components or of events."""

    kind: Kind
    classes: list[tuple[str | None, ...]]
    """edition, code, class_name, name, name_en, geometry, accuracy_class, department_kind."""
    conditions: list[tuple[str | int | None, ...]]
    """edition, class_code, number, filing, closing, limit_core, limit_general, limit_outer."""


def read_class_list(
    text: str, kind: Kind, edition: str | None = None, *, only: str | None = None
) -> ClassList:
    """Parse a CSV with headings of ours, of the shared lists or in Chinese.

    ``edition`` replaces what the file says; ``only`` takes the rows of one edition. Raises ListWrong with
    the first line that cannot be taken.
    """
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    heads = {head.strip().lower(): head for head in reader.fieldnames or []}
    fields = {
        name: next((heads[one] for one in known if one in heads), None) for name, known in _NAMES.items()
    }
    if fields["name"] is None or (fields["code"] is None and fields["sub_code"] is None):
        raise ListWrong(line=1, reason_zh="缺少小类代码或小类名称列", reason="no column for code or name")
    classes: dict[tuple[str, str], tuple[str | None, ...]] = {}
    conditions: dict[tuple[str, str, int], tuple[str | int | None, ...]] = {}
    for line, row in enumerate(reader, start=2):
        value = {name: (row.get(head) or "").strip() if head else "" for name, head in fields.items()}
        if only is not None and value["edition"] != only:
            continue
        key = _EDITION.fullmatch(edition or value["edition"])
        if key is None:
            raise ListWrong(
                line=line, reason_zh="没有版本，请用 --edition 指定", reason="no edition; give --edition"
            )
        code = value["code"] if fields["code"] else ""
        if fields["sub_code"] and fields["class_code"]:
            code = value["class_code"].zfill(2) + value["sub_code"].zfill(2)
        if not re.fullmatch(r"[0-9]{4,5}", code):
            raise ListWrong(
                line=line,
                reason_zh=f"代码 {code!r} 应为 4 或 5 位数字",
                reason=f"code {code!r}: 4 or 5 digits",
            )
        if not value["name"] or value["geometry"] not in _GEOMETRIES:
            raise ListWrong(
                line=line, reason_zh="名称为空或几何类型有误", reason="no name, or an unknown geometry"
            )
        entry = (
            key[0], code, value["class_name"] or code[:2], value["name"], value["name_en"] or None,
            _GEOMETRIES[value["geometry"]], value["accuracy_class"] or None, value["department_kind"] or None,
        )  # fmt: skip
        known = classes.setdefault((key[0], code), entry)
        if known[3] != entry[3]:
            raise ListWrong(
                line=line,
                reason_zh=f"代码 {code} 已用于 {known[3]}",
                reason=f"code {code} already means {known[3]}",
            )
        if value["filing"]:
            _take_condition(conditions, key[0], code, value, line)
    return ClassList(kind, list(classes.values()), list(conditions.values()))


def _take_condition(
    conditions: dict[tuple[str, str, int], tuple[str | int | None, ...]],
    edition: str,
    code: str,
    value: Mapping[str, str],
    line: int,
) -> None:
    limits = [value[name] or None for name in ("limit_core", "limit_general", "limit_outer")]
    for limit in limits:
        if limit is not None and not _LIMIT.fullmatch(limit):
            raise ListWrong(
                line=line,
                reason_zh=f"时限 {limit!r} 应为数字加 UH、UD、WH、WD 或 ND",
                reason=f"limit {limit!r}: a number and UH, UD, WH, WD or ND",
            )
    taken = sum(1 for one in conditions if one[:2] == (edition, code))
    number = int(value["number"]) if value["number"].isdecimal() else taken + 1
    entry = (edition, code, number, value["filing"], value["closing"] or None, *limits)
    if conditions.setdefault((edition, code, number), entry) != entry:
        raise ListWrong(
            line=line,
            reason_zh=f"小类 {code} 的条件 {number} 重复",
            reason=f"condition {number} of {code} twice",
        )


def shipped_events() -> ClassList:
    """The event list that comes with the package."""
    source = (files("gis_core.dictionaries") / "event_classes.csv").read_text(encoding="utf-8")
    return read_class_list(source, "event")


def store_class_list(connection: Connection[Any], wanted: ClassList) -> int:
    """Write classes and conditions in the caller's transaction; those of other editions stay.

    Repeatable: known codes are brought up to date, conditions of a class are replaced. Returns the
    number of classes.
    """
    with connection.cursor() as cursor:
        if wanted.kind == "component":
            cursor.executemany(_SQL["store_component_class"], wanted.classes)
        else:
            cursor.executemany(_SQL["store_event_class"], [(*one[:6], one[7]) for one in wanted.classes])
        codes = sorted({(str(one[0]), str(one[1])) for one in wanted.conditions})
        cursor.executemany(
            _SQL["forget_conditions"],
            [(wanted.kind, edition, code) for edition, code in codes],
        )
        cursor.executemany(_SQL["store_condition"], [(wanted.kind, *one) for one in wanted.conditions])
    return len(wanted.classes)
