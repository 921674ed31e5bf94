"""The columns of each city table, from what a layer has."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gis_core.errors import Text
from gis_core.importing.features import Column, Features, object_column
from gis_core.importing.mapping import MappingOptions, Picker, Rows, date_of, number_of, text_of
from gis_core.importing.osm_tags import LAND_COVER, NOT_PLACES, NOT_ROADS, ROAD_CLASSES
from gis_core.importing.targets import TARGETS

_CODE_DIGITS = {"city": 6, "district": 6, "street": 9, "community": 12}
_STATES: Mapping[str, str] = {
    **{state: state for state in ("intact", "broken", "lost", "abandoned", "occupied", "moved")},
    "完好": "intact", "正常": "intact", "破损": "broken", "损坏": "broken", "丢失": "lost", "缺失": "lost",
    "废弃": "abandoned", "占用": "occupied", "移除": "moved", "移位": "moved",
}  # fmt: skip
_ACCURACY_M = (("A", 0.5), ("B", 1.0), ("C", 10.0))
"""CJ/T 214: the deviation each class of position accuracy allows."""
_ZONE_KINDS: Mapping[str, tuple[str, dict[str, str]]] = {
    "timing_area": ("timing_area", {}),
    "no_report": ("no_report", {}),
    "fence": ("fence", {}),
    "核心区": ("timing_area", {"timing": "core"}),
    "一般区": ("timing_area", {"timing": "general"}),
    "外围区": ("timing_area", {"timing": "outer"}),
    "免报区": ("no_report", {}),
    "禁报区": ("no_report", {}),
    "围栏": ("fence", {}),
    "电子围栏": ("fence", {}),
}
_YES = frozenset({"yes", "true", "1", "-1", "是", "t", "单行"})


def area_code(value: object) -> str | None:
    """An area's code without the zeros that fill it up to 12 digits: 310101018000 -> 310101018."""
    code = text_of(value)
    if code is not None and re.fullmatch(r"[0-9]{12}|[0-9]{9}", code):
        for short in (9, 6):
            if len(code) > short and not code[short:].strip("0"):
                code = code[:short]
    return code


def _level(code: str) -> str | None:
    if not re.fullmatch(r"[0-9]{6}|[0-9]{9}|[0-9]{12}", code):
        return None
    if len(code) == 6:
        return "city" if code.endswith("00") else "district"
    return "street" if len(code) == 9 else "community"


def _area(pick: Picker) -> dict[str, Column]:
    codes = pick.first("code", area_code)
    levels = pick.constant(pick.options.level)
    for at, code in enumerate(codes):
        if code is None:
            if not pick.options.provisional_codes:
                pick.refuse(at, "code-missing")
            continue
        found = _level(code)
        wanted = pick.options.level
        if found is None or (wanted and len(code) != _CODE_DIGITS[wanted]):
            digits = _CODE_DIGITS[wanted] if wanted else "6/9/12"
            pick.refuse(at, "code-invalid", code=code, rule=Text(f"应为 {digits} 位数字", f"{digits} digits"))
        levels[at] = wanted or found
    return {
        "code": codes,
        "level": levels,
        "name": pick.named(),
        "name_en": pick.text("name_en"),
        "parent_code": pick.constant(pick.options.parent_code),
        "valid_from": pick.constant(pick.options.valid_from),
        "valid_to": pick.constant(pick.options.valid_to),
    }


def _road(pick: Picker) -> dict[str, Column]:
    classes = pick.first("road_class", lambda value: ROAD_CLASSES.get(str(value).strip().lower()))
    raw = pick.raw("road_class")
    for at in np.flatnonzero(classes == None):  # noqa: E711 - elementwise
        if raw[at] is not None and str(raw[at]) in NOT_ROADS:
            pick.refuse(at, "not-a-road", value=raw[at])
            continue
        classes[at] = "unclassified"
        pick.note(at, "road-class-unknown", value=raw[at])
    # A railway's detail may read like a road's: the kind decides.
    for name in pick.field_names("road_class"):
        for at in np.flatnonzero([value in NOT_ROADS for value in pick.features.fields[name]]):
            pick.refuse(at, "not-a-road", value=pick.features.fields[name][at])
    return {
        "name": pick.text("name"),
        "name_en": pick.text("name_en"),
        "road_class": classes,
        "oneway": object_column([str(value).lower() in _YES for value in pick.raw("oneway")]),
        "lanes": pick.parsed("lanes", _whole),
        "area_code": pick.constant(pick.options.parent_code),
    }


def _whole(value: Any) -> int | None:
    number = number_of(value)
    return int(number) if number is not None and 0 < number < 1_000 else None


def _height_m(value: Any) -> float | None:
    number = number_of(value)
    return number if number is not None and 0 < number < 1_000 else None


def _building(pick: Picker) -> dict[str, Column]:
    kinds = pick.text("kind")
    kinds[np.isin(kinds.astype(str), ("None", "yes"))] = "building"
    return {
        "name": pick.text("name"),
        "address": pick.address(),
        "kind": kinds,
        "height_m": pick.parsed("height_m", _height_m),
        "floors": pick.parsed("floors", _whole),
        "area_code": pick.constant(pick.options.parent_code),
    }


def _land_cover(pick: Picker) -> dict[str, Column]:
    kinds = pick.first("kind", lambda value: LAND_COVER.get(str(value).strip().lower()))
    kinds[kinds == None] = "other"  # noqa: E711
    return {"kind": kinds, "name": pick.text("name"), "name_en": pick.text("name_en")}


def _facility(pick: Picker) -> dict[str, Column]:
    kinds = pick.first("kind", text_of)
    kinds[kinds == None] = "place"  # noqa: E711
    return {
        "kind": kinds,
        "name": pick.text("name"),
        "name_en": pick.text("name_en"),
        "address": pick.address(),
        "area_code": pick.constant(pick.options.parent_code),
    }


def _component(pick: Picker) -> dict[str, Column]:
    size = len(pick.features)
    codes = pick.first("code", _component_code)
    known = pick.options.classes
    words = pick.raw("class")
    editions = pick.first("edition", known.edition)
    said = pick.raw("edition")
    for unknown in np.flatnonzero((editions == None) & (said != None)):  # noqa: E711
        pick.refuse(unknown, "edition-unknown", value=said[unknown])
    classes = pick.first("class", known.find)
    for at in range(size):
        edition = editions[at]
        if edition is not None:
            classes[at] = _class_of_edition(pick, at, codes[at], edition)
        elif codes[at] is not None:
            classes[at] = known.find(codes[at][6:10]) or classes[at]
        if classes[at] is None:
            classes[at] = known.find(None)
        if classes[at] is None:
            pick.refuse(at, "class-unknown", value=words[at] if words[at] is not None else "")
    names = pick.text("name")
    dates = pick.parsed("initial_date", date_of)
    states = pick.parsed("state", lambda value: _STATES.get(str(value).strip().lower()))
    states[states == None] = "intact"  # noqa: E711
    origins = pick.text("data_source")
    origins[origins == None] = "imported"  # noqa: E711
    return {
        "code": codes,
        "edition": object_column([found and found.edition for found in classes]),
        "class_code": object_column([found and found.code for found in classes]),
        "name": object_column(
            [name or (found and found.name) for name, found in zip(names, classes, strict=True)]
        ),
        "state": states,
        "authority": pick.text("authority"),
        "owner": pick.text("owner"),
        "maintainer": pick.text("maintainer"),
        "unit_grid_code": pick.constant(None),
        "area_code": pick.constant(None),
        "address": pick.text("address"),
        "data_source": origins,
        "accuracy_class": pick.parsed("accuracy_class", accuracy_class),
        "initial_date": dates,
        "change_date": pick.parsed("change_date", date_of),
        "note": pick.text("note"),
    }


def _class_of_edition(pick: Picker, at: int, code: str | None, edition: str) -> Any:
    """By the digits of the code, else by the first of the class fields that the edition knows."""
    known = pick.options.classes
    if code is not None:
        return known.find(code[6:11], edition) or known.find(code[6:10], edition)
    for name in pick.field_names("class"):
        found = known.find(pick.features.fields[name][at], edition)
        if found is not None:
            return found
    return None


def accuracy_class(value: object) -> str | None:
    """A, B or C, written A, A级, a类 or as what it allows: ±0.5 m is A, ±1 m is B, ±10 m is C."""
    word = (text_of(value) or "").upper()
    letter = re.fullmatch(r"(?:CLASS\s*)?([ABC])\s*(?:级|类|等)?", word)
    if letter is not None:
        return letter[1]
    metres = re.fullmatch(r"[±+/<=≤≦\s-]*([0-9]+(?:\.[0-9]+)?)\s*(?:M|米)", word)
    if metres is None:
        return None
    return next((name for name, limit in _ACCURACY_M if float(metres[1]) <= limit), None)


def _component_code(value: Any) -> str | None:
    code = text_of(value)
    return code if code is not None and re.fullmatch(r"[0-9]{16}", code) else None


def _unit_grid(pick: Picker) -> dict[str, Column]:
    codes = _required_codes(pick, r"[0-9]{14,15}", Text("14 或 15 位数字", "14 or 15 digits"))
    dates = pick.parsed("initial_date", date_of)
    dates[dates == None] = pick.options.valid_from  # noqa: E711
    return {
        "code": codes,
        "community_code": object_column([code and code[:12] for code in codes]),
        "area_m2": pick.constant(0.0),
        "initial_date": dates,
        "change_date": pick.parsed("change_date", date_of),
        "note": pick.text("note"),
    }


def _responsibility_grid(pick: Picker) -> dict[str, Column]:
    return {
        "code": _required_codes(pick, r".{1,64}", Text("1 至 64 个字符", "1 to 64 characters")),
        "name": pick.named(),
        "name_en": pick.text("name_en"),
        "area_code": pick.constant(pick.options.parent_code),
        "valid_from": pick.constant(pick.options.valid_from),
    }


def _zone(pick: Picker) -> dict[str, Column]:
    kinds = pick.raw("kind")
    rules = pick.constant("{}")
    for at, kind in enumerate(kinds):
        found = _ZONE_KINDS.get(str(kind or "").strip())
        if found is None:
            pick.refuse(at, "kind-unknown", value=kind, allowed=", ".join(_ZONE_KINDS))
            continue
        kinds[at] = found[0]
        rules[at] = json.dumps(found[1])
    return {
        "code": _required_codes(pick, r".{1,64}", Text("1 至 64 个字符", "1 to 64 characters")),
        "kind": kinds,
        "name": pick.named(),
        "name_en": pick.text("name_en"),
        "area_code": pick.constant(pick.options.parent_code),
        "rule": rules,
        "valid_from": pick.constant(pick.options.valid_from),
    }


def _required_codes(pick: Picker, pattern: str, rule: Text) -> Column:
    codes = pick.text("code")
    for at, code in enumerate(codes):
        if code is None:
            pick.refuse(at, "code-missing")
        elif not re.fullmatch(pattern, code):
            pick.refuse(at, "code-invalid", code=code, rule=rule)
    return codes


_TABLES: Mapping[str, Callable[[Picker], dict[str, Column]]] = {
    "area": _area,
    "road": _road,
    "building": _building,
    "land_cover": _land_cover,
    "facility": _facility,
    "component": _component,
    "unit_grid": _unit_grid,
    "responsibility_grid": _responsibility_grid,
    "zone": _zone,
}


def map_features(target_key: str, features: Features, options: MappingOptions) -> Rows:
    """The rows of one table. What cannot be a row is refused with its reason; raises UnknownField."""
    pick = Picker(TARGETS[target_key], features, options)
    columns = _TABLES[target_key](pick)
    if pick.target.sourced:
        by_code = columns["code"] if target_key == "area" else None
        columns["source_key"] = pick.keys(by_code)
        if target_key == "component":
            _keys_from_codes(columns, pick)
        columns["attributes"] = pick.attributes()
    return Rows(pick.target, features.ids, features.shapes, columns, pick.keep, pick.issues)


def _keys_from_codes(columns: dict[str, Column], pick: Picker) -> None:
    """A component's own code, or whatever stands in the code field, is its key where nothing else is."""
    if pick.options.key_field is not None:
        return
    raw = pick.raw("code")
    keys = columns["source_key"]
    for at in np.flatnonzero(keys == None):  # noqa: E711
        keys[at] = text_of(raw[at])


def has_class(features: Features, options: MappingOptions) -> Any:
    """Which features of a mixed layer are components, by their kind."""
    classes = Picker(TARGETS["component"], features, options).first("class", options.classes.find)
    return classes != None  # noqa: E711


def is_place(features: Features) -> Any:
    """Which features of a mixed layer are places of public interest: all but street furniture without a
    class, such as crossings and gates."""
    kinds = features.fields.get("kind")
    if kinds is None:
        return np.ones(len(features), dtype=bool)
    return np.array([not NOT_PLACES.match(str(kind)) for kind in kinds], dtype=bool)
