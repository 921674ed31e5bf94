"""Changes of areas on a date. The caller has said who and why (``gis_core.history.record_as``)."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError, InternalError
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.area_codes import area_prefix
from gis_core.areas.errors import (
    AreaCodeForm,
    AreaCodeTaken,
    AreaHasParts,
    AreaNotValid,
    AreaShapeWrong,
    ChangeTooEarly,
    PartsDiffer,
)
from gis_core.database import load_queries

_SQL = load_queries("gis_core.areas")
_DIGITS = {"city": 6, "district": 6, "street": 9, "community": 12}
SPLIT_TOLERANCE = 0.001
"""Share of the whole by which parts drawn by hand may differ from it or overlap."""
BEYOND_TOLERANCE = 0.01

Geometry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AreaShape:
    """A part of a split: ``geometry`` is GeoJSON in degrees."""

    code: str
    name: str
    geometry: Geometry
    name_en: str | None = None


@dataclass(frozen=True, slots=True)
class NewArea:
    """An area that begins on ``on``. ``parent_code`` None: from the digits of the code."""

    code: str
    level: str
    name: str
    on: date
    geometry: Geometry | None = None
    name_en: str | None = None
    parent_code: str | None = None


@dataclass(frozen=True, slots=True)
class AreaChange:
    """What is different from ``on``; None: as before."""

    on: date
    name: str | None = None
    name_en: str | None = None
    parent_code: str | None = None
    geometry: Geometry | None = None
    document: str | None = None


def parent_of(code: str, level: str) -> str | None:
    """The parent's code by the digits alone; a city's parent is not told by them."""
    if level == "city":
        return None
    return {"district": code[:4] + "00", "street": code[:6], "community": code[:9]}[level]


def check_code(code: str, level: str, parent_code: str | None) -> None:
    """Raises AreaCodeForm when code, level and parent do not go together."""
    digits = _DIGITS[level]
    if not re.fullmatch(rf"[0-9]{{{digits}}}", code):
        raise AreaCodeForm(code=code, reason_zh=f"应为 {digits} 位数字", reason=f"{digits} digits are needed")
    if level == "district" and code.endswith("00"):
        raise AreaCodeForm(
            code=code, reason_zh="区县代码不以 00 结尾", reason="a district's code does not end in 00"
        )
    if level in ("street", "community") and not code[-3:].strip("0"):
        raise AreaCodeForm(code=code, reason_zh="顺序号不能为 000", reason="the sequence must not be 000")
    if parent_code is not None and not code.startswith(area_prefix(parent_code)):
        raise AreaCodeForm(
            code=code,
            reason_zh=f"应以上级代码 {area_prefix(parent_code)} 开头",
            reason=f"it must begin with the parent's digits {area_prefix(parent_code)}",
        )


async def create_area(conn: AsyncConnection, new: NewArea) -> int:
    """A new area from its first day on; its row's id.

    Raises AreaCodeForm, AreaShapeWrong, AreaCodeTaken.
    """
    parent = new.parent_code or parent_of(new.code, new.level)
    check_code(new.code, new.level, parent)
    if new.geometry is not None:
        await _check_shape(conn, new.code, new.geometry, parent, new.on)
    values = {
        "code": new.code,
        "level": new.level,
        "name": new.name,
        "name_en": new.name_en,
        "parent_code": parent,
        "on": new.on,
        "attributes": "{}",
        "geometry": None if new.geometry is None else json.dumps(new.geometry),
    }
    row_id = await _insert(conn, "insert_area", values)
    await conn.execute(_SQL["bump_areas"])
    return row_id


async def change_area(conn: AsyncConnection, code: str, change: AreaChange) -> int:
    """The area has another name, parent or shape from a day on; the new row's id.

    A new name is noted as a succession, so that the old one is found. Raises AreaNotValid,
    ChangeTooEarly, AreaCodeForm, AreaShapeWrong.
    """
    (old,) = await _lock(conn, [code], change.on)
    parent = change.parent_code or old["parent_code"]
    check_code(code, old["level"], parent)
    if change.geometry is not None:
        await _check_shape(conn, code, change.geometry, parent, change.on)
    await conn.execute(_SQL["end_areas"], {"ids": [old["id"]], "on": change.on})
    name = change.name or old["name"]
    values = {
        "id": old["id"],
        "code": code,
        "name": name,
        "name_en": change.name_en if change.name_en is not None or change.name else old["name_en"],
        "parent_code": parent,
        "on": change.on,
        "geometry": None if change.geometry is None else json.dumps(change.geometry),
    }
    row_id = await _insert(conn, "insert_area_like", values)
    if name != old["name"]:
        await _follow(conn, "renamed", code, code, change.on, change.document)
    await conn.execute(_SQL["bump_areas"])
    return row_id


async def close_area(conn: AsyncConnection, code: str, on: date) -> None:
    """The area is no more from ``on``. Raises AreaNotValid, ChangeTooEarly, AreaHasParts."""
    (old,) = await _lock(conn, [code], on)
    await conn.execute(_SQL["end_areas"], {"ids": [old["id"]], "on": on})
    if inside := await codes_inside(conn, [code], on):
        raise AreaHasParts(code=code, inside=", ".join(inside))
    await conn.execute(_SQL["bump_areas"])


async def split_area(
    conn: AsyncConnection, code: str, parts: Sequence[AreaShape], on: date, document: str | None = None
) -> list[int]:
    """The area becomes several; one of them may keep its code. Rows' ids in the order given.

    Raises AreaNotValid, ChangeTooEarly, AreaCodeForm, AreaCodeTaken, AreaShapeWrong, and PartsDiffer
    when the parts together are not the whole within a thousandth.
    """
    (old,) = await _lock(conn, [code], on)
    await conn.execute(_SQL["end_areas"], {"ids": [old["id"]], "on": on})
    ids = []
    for part in parts:
        check_code(part.code, old["level"], old["parent_code"])
        await _check_shape(conn, part.code, part.geometry, None, on)
        values = {
            "code": part.code,
            "level": old["level"],
            "name": part.name,
            "name_en": part.name_en,
            "parent_code": old["parent_code"],
            "on": on,
            "attributes": "{}",
            "geometry": json.dumps(part.geometry),
        }
        ids.append(await _insert(conn, "insert_area", values))
        await _follow(conn, "split", code, part.code, on, document)
    if not old["shapeless"]:
        found = (
            (await conn.execute(_SQL["split_difference"], {"whole_id": old["id"], "ids": ids}))
            .mappings()
            .one()
        )
        allowed = found["whole_m2"] * SPLIT_TOLERANCE
        if found["differing_m2"] > allowed or found["overlapping_m2"] > allowed:
            raise PartsDiffer(
                differing_m2=round(found["differing_m2"], 1),
                overlapping_m2=round(max(found["overlapping_m2"], 0.0), 1),
                tolerance_m2=round(allowed, 1),
            )
    await conn.execute(_SQL["bump_areas"])
    return ids


async def merge_areas(
    conn: AsyncConnection,
    codes: Sequence[str],
    into: str,
    name: str,
    on: date,
    *,
    name_en: str | None = None,
    document: str | None = None,
) -> int:
    """Several areas become one, ``into``, which may keep one of their codes; the new row's id.

    Raises AreaNotValid, ChangeTooEarly, AreaCodeForm, AreaCodeTaken.
    """
    old = await _lock(conn, codes, on)
    level, parent = old[0]["level"], old[0]["parent_code"]
    if any(row["level"] != level for row in old):
        raise AreaCodeForm(
            code=into, reason_zh="合并的区域级别须相同", reason="the merged areas must be of one level"
        )
    check_code(into, level, parent)
    ids = [row["id"] for row in old]
    await conn.execute(_SQL["end_areas"], {"ids": ids, "on": on})
    values = {
        "code": into,
        "level": level,
        "name": name,
        "name_en": name_en,
        "parent_code": parent,
        "on": on,
        "ids": ids,
    }
    row_id = await _insert(conn, "insert_merged", values)
    for row in old:
        await _follow(conn, "merged", row["code"], into, on, document)
    await conn.execute(_SQL["bump_areas"])
    return row_id


async def _lock(conn: AsyncConnection, codes: Sequence[str], on: date) -> list[dict[str, Any]]:
    rows = (await conn.execute(_SQL["lock_areas"], {"codes": list(codes)})).mappings()
    found = {row["code"]: dict(row) for row in rows}
    for code in codes:
        if code not in found:
            raise AreaNotValid(code=code)
        if found[code]["valid_from"] >= on:
            raise ChangeTooEarly(
                code=code, valid_from=found[code]["valid_from"].isoformat(), on=on.isoformat()
            )
    return [found[code] for code in codes]


async def _insert(conn: AsyncConnection, query: str, values: dict[str, Any]) -> int:
    try:
        async with conn.begin_nested():
            return int(await conn.scalar(_SQL[query], values) or 0)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") in ("23P01", "23505"):
            raise AreaCodeTaken(code=values["code"], on=values["on"].isoformat()) from error
        raise


async def _check_shape(
    conn: AsyncConnection, code: str, geometry: Geometry, parent_code: str | None, on: date
) -> None:
    values = {"geometry": json.dumps(geometry), "parent_code": parent_code, "on": on}
    try:
        async with conn.begin_nested():
            found = (await conn.execute(_SQL["check_shape"], values)).mappings().one()
    except (DataError, InternalError) as error:
        raise AreaShapeWrong(
            code=code, reason_zh="不是有效的 GeoJSON 几何", reason="not a GeoJSON geometry"
        ) from error
    if found["empty"] or found["dimension"] != 2:
        raise AreaShapeWrong(code=code, reason_zh="应为面", reason="it must be a polygon")
    if found["reason"] != "Valid Geometry":
        raise AreaShapeWrong(code=code, reason_zh=found["reason"], reason=found["reason"])
    beyond = found["beyond_m2"] or 0.0
    if beyond > found["area_m2"] * BEYOND_TOLERANCE:
        raise AreaShapeWrong(
            code=code,
            reason_zh=f"有 {beyond:.0f} 平方米在上级区域 {parent_code} 之外",
            reason=f"{beyond:.0f} m² of it lie outside the parent {parent_code}",
        )


async def _follow(
    conn: AsyncConnection, kind: str, predecessor: str, successor: str, on: date, document: str | None
) -> None:
    values = {
        "kind": kind,
        "predecessor_code": predecessor,
        "successor_code": successor,
        "on": on,
        "document": document,
    }
    await conn.execute(_SQL["insert_succession"], values)


async def codes_inside(conn: AsyncConnection, codes: Sequence[str], on: date) -> list[str]:
    """Up to five areas, valid from ``on``, that still name one of ``codes`` as their parent."""
    found = await conn.execute(_SQL["codes_inside"], {"codes": list(codes), "on": on})
    return [str(code) for code in found.scalars()]
