"""How far an editor's right reaches in the gazetteer, which serves the whole city."""

from sqlalchemy.ext.asyncio import AsyncConnection

from gis_core.database import load_queries
from gis_core.errors import OutOfScope
from gis_core.identity.principal import Principal

EDIT = "city.edit"
NOWHERE = "–"
"""Told where a place lies in no area that is on record."""
_SQL = load_queries("command_center.geocode", "upkeep.sql")


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
        editor.require_in(EDIT, await conn.scalar(_SQL["area_of_point"], {"lon": lon, "lat": lat}) or NOWHERE)


async def require_base(conn: AsyncConnection, editor: Principal, base: str) -> None:
    """Raise OutOfScope when places of this name lie outside the editor's areas."""
    areas = editor.area_patterns(EDIT)
    if areas is not None:
        beyond = await conn.scalar(_SQL["base_beyond"], {"base": base, "areas": areas})
        if beyond is not None:
            raise OutOfScope(area_code=beyond)


async def require_city(conn: AsyncConnection, editor: Principal) -> None:
    """Raise OutOfScope unless the editor's areas hold every district on record."""
    areas = editor.area_patterns(EDIT)
    if areas is not None:
        beyond = await conn.scalar(_SQL["district_beyond"], {"areas": areas})
        if beyond is not None:
            raise OutOfScope(area_code=beyond)
