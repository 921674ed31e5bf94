"""The division of a draft, in a process of its own: its geometry would slow down whoever shares one."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from gis_core.database import create_engine
from gis_core.errors import DomainError
from gis_core.gridding import store
from gis_core.gridding.coverage import Geometries, Indices
from gis_core.gridding.division import Division, GridOptions, divide
from gis_core.gridding.ground import Ground
from gis_core.gridding.numbering import community_code_of, reading_order
from gis_core.gridding.topology import Report, examine
from gis_core.named_sql import read_queries
from gis_core.settings import DatabaseSettings

_BEAT_S = 15.0
log = structlog.get_logger(__name__)
_NOTE = read_queries("gis_core.gridding")["note_progress"].replace(":step", "%s").replace(":progress", "%s")


async def divide_in_process(settings: DatabaseSettings, draft_id: int) -> None:
    """Run ``divide_draft`` in a process of its own and wait for it; the draft tells how it ended."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, divide_draft, settings.database_url, draft_id)


def divide_draft(database_url: str, draft_id: int) -> None:
    """Divide the draft's area and open the draft; a draft that cannot be divided ends as failed."""
    asyncio.run(_divide_draft(database_url, draft_id))


async def _divide_draft(database_url: str, draft_id: int) -> None:
    engine = create_engine(DatabaseSettings(database_url=database_url), application_name="wanmi grids")
    try:
        await _fill(engine, database_url, draft_id)
    except DomainError as error:
        log.warning("division refused", draft=draft_id, slug=error.slug)
        await _fail(engine, draft_id, error.slug)
    except Exception:
        log.exception("division failed", draft=draft_id)
        await _fail(engine, draft_id, "internal")
        raise
    finally:
        await engine.dispose()


async def _fail(engine: AsyncEngine, draft_id: int, slug: str) -> None:
    async with engine.begin() as conn:
        await conn.execute(store.SQL["fail_draft"], {"id": draft_id, "failure": slug})


async def _fill(engine: AsyncEngine, database_url: str, draft_id: int) -> None:
    async with engine.begin() as conn:
        row = await store.read_draft(conn, draft_id)
        ground = await store.read_ground(conn, row["area_code"])
    options = GridOptions(**row["options"])
    with psycopg.connect(database_url, autocommit=True) as notes:

        def note(step: str, share: float) -> None:
            notes.execute(_NOTE.replace(":id", "%s"), (step, share * 0.9, draft_id))

        beat = asyncio.create_task(_beat(engine, draft_id))
        try:
            division = await asyncio.to_thread(divide, ground, options, note)
        finally:
            beat.cancel()
        note("report", 0.98)
        communities, order = _numbered(ground, division, options)
        cells = division.cells[order]
        report = report_on(ground, cells, communities, options)
    async with engine.begin() as conn:
        await conn.execute(store.SQL["clear_issues"], {"draft_id": draft_id})
        wet = (division.wet[order] == 1).tolist()
        await store.add_cells(conn, draft_id, 0, cells, communities, wet, ground.projection)
        first = {"draft_id": draft_id, "number": 0, "kind": "divide", "person_id": row["created_by"]}
        await conn.execute(
            store.SQL["add_operation"], first | {"reason": row["reason"], "detail": options.model_dump_json()}
        )
        await store.save_report(conn, draft_id, 0, report, ground.projection)
        await conn.execute(store.SQL["open_draft"], {"id": draft_id, "srid": ground.projection.srid})


async def _beat(engine: AsyncEngine, draft_id: int) -> None:
    """Tell every few seconds that the process lives; a draft without a sign of life counts as failed."""
    while True:
        await asyncio.sleep(_BEAT_S)
        async with engine.begin() as conn:
            await conn.execute(store.SQL["note_alive"], {"id": draft_id})


def _numbered(ground: Ground, division: Division, options: GridOptions) -> tuple[list[str], Indices]:
    codes = home_communities(ground, options)
    communities = [codes[home] for home in division.home.tolist()]
    order = reading_order(division.cells, communities)
    return [communities[index] for index in order.tolist()], order


def home_communities(ground: Ground, options: GridOptions) -> list[str]:
    """The community code of each home of the ground."""
    return [community_code_of(code, options.community_part) for code in ground.home_codes]


def report_on(ground: Ground, cells: Geometries, communities: list[str], options: GridOptions) -> Report:
    """The topology report of a draft's cells, in metres of the ground."""
    return examine(cells, communities, ground.homes, home_communities(ground, options), ground.buildings)
