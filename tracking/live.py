"""Reading for live views: who there is, what changed since the last look, and how much comes in."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from tracking.units import QUERIES, UnitKind


class LiveUnit(NamedTuple):
    """An enabled unit; ``period_s``: how often it is expected to report."""

    id: int
    kind: UnitKind
    area_code: str
    org_unit_id: int
    period_s: int


class ChangedState(NamedTuple):
    """The newest fix of a device: degrees, degrees from north, m/s, seconds since 1970."""

    device_id: int
    lon: float
    lat: float
    course_deg: float | None
    speed_mps: float | None
    fix_time: float


class Changes(NamedTuple):
    horizon: int
    """To be given as ``since`` the next time."""
    states: list[ChangedState]


class OpenedCount(NamedTuple):
    area_code: str
    org_unit_id: int
    opened: int


async def read_live_units(conn: AsyncConnection) -> list[LiveUnit]:
    """By id."""
    return [LiveUnit(*row) for row in await conn.execute(QUERIES["directory"])]


async def read_directory_version(conn: AsyncConnection) -> str:
    """Changes when a unit comes, goes, or is to be shown otherwise."""
    return (await conn.execute(QUERIES["directory_version"])).scalar_one() or ""


async def read_changes(conn: AsyncConnection, since: int) -> Changes:
    """States written by transactions of number ``since`` and above; 0 for all.

    No write is missed, whatever the order of commits; some states come again. Needs a connection
    outside of a longer transaction, as the horizon is that of this statement's snapshot.
    """
    rows = (await conn.execute(QUERIES["changed_states"], {"since": since})).all()
    return Changes(rows[0][0], [ChangedState(*row[1:]) for row in rows if row[1] is not None])


async def read_on_duty(conn: AsyncConnection) -> list[int]:
    """Devices that have a turn of duty now."""
    return list((await conn.execute(QUERIES["on_duty"])).scalars())


async def read_hidden(conn: AsyncConnection) -> list[int]:
    """Devices off duty now whose place is not to be shown."""
    return list((await conn.execute(QUERIES["hidden_units"])).scalars())


async def read_fixes_stored(conn: AsyncConnection) -> int:
    """A counter that rises by each fix stored (up to a second late, as PostgreSQL's statistics are)."""
    return int((await conn.execute(QUERIES["fixes_stored"])).scalar_one())


async def read_last_event(conn: AsyncConnection) -> int:
    return int((await conn.execute(QUERIES["last_event"])).scalar_one())


async def read_opened_since(conn: AsyncConnection, moment: datetime) -> list[OpenedCount]:
    """Alerts opened since ``moment`` by area and department."""
    rows = await conn.execute(QUERIES["alerts_opened_since"], {"from_time": moment})
    return [OpenedCount(*row) for row in rows]
