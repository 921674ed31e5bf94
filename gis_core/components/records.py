"""Writing components. The caller has said who and why (``gis_core.history.record_as``)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.components.codes import ComponentCode, issue_codes
from gis_core.components.errors import (
    ClassUnknown,
    CodeTaken,
    OtherDistrict,
    PlaceOutside,
    Retired,
    ShapeWrong,
)
from gis_core.database import load_queries
from gis_core.errors import NotFound
from gis_core.models import Component

_SQL = load_queries("gis_core.components")
STATES = ("intact", "broken", "lost", "abandoned", "occupied", "moved")
_DIMENSIONS = {"point": 0, "line": 1, "polygon": 2}

Geometry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ComponentDetails:
    """What is known of a component beside class, code and place.

    authority 主管部门, owner 权属单位, maintainer 养护单位; ``accuracy_class`` A ±0.5 m, B ±1 m, C ±10 m.
    """

    name: str | None = None
    """None: the name of the class."""
    state: str = "intact"
    authority: str | None = None
    owner: str | None = None
    maintainer: str | None = None
    address: str | None = None
    data_source: str = "surveyed"
    accuracy_class: str | None = None
    note: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewComponent:
    """``geometry``: GeoJSON in degrees; ``code`` None: one is issued."""

    edition: str
    class_code: str
    geometry: Geometry
    initial_date: date
    code: str | None = None
    details: ComponentDetails = ComponentDetails()


class Placed(NamedTuple):
    """Where a shape lies."""

    area_code: str
    unit_grid_code: str | None
    dimension: int


async def place_of(conn: AsyncConnection, geometry: Geometry) -> Placed:
    """Raises ShapeWrong, and PlaceOutside where no area of today covers it."""
    try:
        async with conn.begin_nested():
            row = (await conn.execute(_SQL["place_of"], {"geometry": json.dumps(geometry)})).mappings().one()
    except DBAPIError as error:
        raise ShapeWrong(reason_zh="不是有效的 GeoJSON 几何", reason="not a GeoJSON geometry") from error
    if row["empty"]:
        raise ShapeWrong(reason_zh="几何为空", reason="it is empty")
    if row["reason"] != "Valid Geometry":
        raise ShapeWrong(reason_zh=row["reason"], reason=row["reason"])
    if row["area_code"] is None:
        raise PlaceOutside
    return Placed(row["area_code"], row["unit_grid_code"], row["dimension"])


async def create_component(conn: AsyncConnection, new: NewComponent) -> tuple[int, str]:
    """A new component; its id and code. Stamped with area and unit grid.

    Raises ClassUnknown, ShapeWrong, PlaceOutside, CodeForm, CodeTaken, CodesExhausted.
    """
    known = (
        (await conn.execute(_SQL["class_of"], {"edition": new.edition, "code": new.class_code}))
        .mappings()
        .one_or_none()
    )
    if known is None:
        raise ClassUnknown(edition=new.edition, class_code=new.class_code)
    placed = await place_of(conn, new.geometry)
    district = placed.area_code[:6]
    if district.endswith("00"):
        raise PlaceOutside
    if new.code is None:
        (code,) = await issue_codes(conn, district, new.class_code)
    else:
        parsed = ComponentCode.parse(new.code, class_digits=len(new.class_code))
        parsed.check(district=district, class_code=new.class_code)
        code = new.code
    details = new.details
    values = {
        "code": code,
        "edition": new.edition,
        "class_code": new.class_code,
        "name": details.name or known["name"],
        "state": details.state,
        "authority": details.authority,
        "owner": details.owner,
        "maintainer": details.maintainer,
        "unit_grid_code": placed.unit_grid_code,
        "area_code": placed.area_code,
        "address": details.address,
        "data_source": details.data_source,
        "accuracy_class": details.accuracy_class,
        "initial_date": new.initial_date,
        "note": details.note,
        "attributes": json.dumps(dict(details.attributes), ensure_ascii=False),
        "geometry": json.dumps(new.geometry),
    }
    try:
        async with conn.begin_nested():
            row_id = int(await conn.scalar(_SQL["insert_component"], values) or 0)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") == "23505":
            raise CodeTaken(code=code) from error
        raise
    await conn.execute(_SQL["bump_components"])
    return row_id, code


async def change_component(
    conn: AsyncConnection, component_id: int, values: Mapping[str, Any], on: date
) -> None:
    """Give columns of ComponentDetails new values; the day becomes the change date.

    Raises NotFound, Retired.
    """
    await _lock(conn, component_id)
    changed = {name: value for name, value in values.items() if name in ComponentDetails.__slots__}
    if changed:
        statement = update(Component).where(Component.id == component_id)
        await conn.execute(statement.values(**changed, change_date=on))
        await conn.execute(_SQL["bump_components"])


async def move_component(conn: AsyncConnection, component_id: int, geometry: Geometry, on: date) -> Placed:
    """Another place or shape, inside the same district, whose digits the code carries.

    Raises NotFound, Retired, ShapeWrong, PlaceOutside, OtherDistrict.
    """
    known = await _lock(conn, component_id)
    placed = await place_of(conn, geometry)
    if placed.area_code[:6] != known["code"][:6]:
        raise OtherDistrict(code=known["code"], district=known["code"][:6], area_code=placed.area_code)
    values = {
        "id": component_id,
        "geometry": json.dumps(geometry),
        "unit_grid_code": placed.unit_grid_code,
        "area_code": placed.area_code,
        "on": on,
    }
    await conn.execute(_SQL["move_component"], values)
    await conn.execute(_SQL["bump_components"])
    return placed


async def retire_component(conn: AsyncConnection, component_id: int, on: date) -> None:
    """The component is no more; its row stays, and its code is never given again.

    Raises NotFound, Retired.
    """
    await _lock(conn, component_id)
    await conn.execute(_SQL["retire_component"], {"id": component_id, "on": on})
    await conn.execute(_SQL["bump_components"])


async def _lock(conn: AsyncConnection, component_id: int) -> Mapping[str, Any]:
    row = (await conn.execute(_SQL["lock_component"], {"id": component_id})).mappings().one_or_none()
    if row is None:
        raise NotFound(key=component_id, kind="component", kind_zh="部件")
    if row["state"] == "abandoned":
        raise Retired(code=row["code"])
    return dict(row)
