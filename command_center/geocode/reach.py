"""How far an editor's right reaches in the gazetteer, which serves the whole city."""

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import OutOfScope, Text
from gis_core.identity.principal import Principal

EDIT = "city.edit"
_SQL = load_queries("command_center.geocode", "upkeep.sql")


class InNoArea(OutOfScope):
    """A place that lies in no area on record, for an editor of some areas only."""

    detail = Text(
        "该处不在任何已登记的区域内，您的权限只包含部分区域。",
        "The place lies in no area on record, and your grant covers some areas only.",
    )


async def reaches_point(conn: AsyncConnection, editor: Principal, lon: float, lat: float) -> bool:
    """Whether the point lies in an area of the editor."""
    try:
        await require_point(conn, editor, lon, lat)
    except OutOfScope:
        return False
    return True


async def require_point(conn: AsyncConnection, editor: Principal, lon: float, lat: float) -> None:
    """Raise OutOfScope for a point outside the editor's areas."""
    if editor.area_prefixes(EDIT) is not None:
        area_code = await conn.scalar(_SQL["area_of_point"], {"lon": lon, "lat": lat})
        if area_code is None:
            raise InNoArea
        editor.require_in(EDIT, area_code)


async def require_base(conn: AsyncConnection, editor: Principal, base: str) -> None:
    """Raise OutOfScope when places of this name lie outside the editor's areas."""
    areas = editor.area_patterns(EDIT)
    if areas is not None:
        _refuse(await conn.scalar(_SQL["base_beyond"], {"base": base, "areas": areas}))


async def require_city(conn: AsyncConnection, editor: Principal) -> None:
    """Raise OutOfScope unless the editor's areas hold every district on record."""
    areas = editor.area_patterns(EDIT)
    if areas is not None:
        _refuse(await conn.scalar(_SQL["district_beyond"], {"areas": areas}))


def _refuse(beyond: str | None) -> None:
    """``beyond``: code of an area that is not the editor's, empty for none on record; None: there is none."""
    if beyond is not None:
        raise OutOfScope(area_code=beyond) if beyond else InNoArea
