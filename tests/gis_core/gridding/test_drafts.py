"""A draft from its division to its publication, in the database."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import shapely
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gis_core.database import create_engine
from gis_core.gridding import drafts, store
from gis_core.gridding.division import GridOptions
from gis_core.gridding.errors import (
    CodesExhausted,
    DraftNotOpen,
    LineMisses,
    NothingToDivide,
    NothingToUndo,
    NotInDraft,
    StaleDraft,
)
from gis_core.gridding.jobs import _divide_draft
from gis_core.gridding.publish import Publication, publish
from gis_core.identity.audit import SYSTEM
from gis_core.settings import DatabaseSettings
from tests.gis_core.gridding.conftest import NORTH, STREET

Row = dict[str, Any]


@pytest_asyncio.fixture
async def street(street_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(DatabaseSettings(database_url=street_url), application_name="test")
    yield engine
    await engine.dispose()


async def divided(engine: AsyncEngine, area_code: str = STREET, **options: Any) -> int:
    async with engine.begin() as conn:
        draft_id = await store.add_draft(conn, area_code, GridOptions(**options), "test", None)
    await _divide_draft(
        engine.url.set(drivername="postgresql").render_as_string(hide_password=False), draft_id
    )
    return draft_id


async def rows(engine: AsyncEngine, sql: str, **parameters: Any) -> list[Row]:
    async with engine.begin() as conn:
        return [dict(row) for row in (await conn.execute(text(sql), parameters)).mappings()]


async def cells(engine: AsyncEngine, draft_id: int) -> list[Row]:
    return await rows(
        engine,
        "SELECT id, community_code, area_m2, ST_XMin(geom) AS west, ST_YMin(geom) AS south,"
        " ST_XMax(geom) AS east, ST_YMax(geom) AS north, ST_AsEWKT(geom, 8) AS shape FROM grid_draft_cell"
        " WHERE draft_id = :id AND removed_in IS NULL ORDER BY id",
        id=draft_id,
    )


async def published(engine: AsyncEngine, draft_id: int) -> Publication:
    async with engine.begin() as conn:
        return await publish(conn, await store.lock_draft(conn, draft_id), SYSTEM, "test")


async def codes(engine: AsyncEngine) -> list[str]:
    found = await rows(engine, "SELECT code FROM publish.unit_grid ORDER BY code")
    return [row["code"] for row in found]


async def test_division_fills_the_communities(street: AsyncEngine) -> None:
    draft_id = await divided(street)
    async with street.begin() as conn:
        draft = await store.read_draft(conn, draft_id)
    report = draft["report"]
    assert draft["state"] == "open"
    assert (report["gaps"], report["overlaps"], report["crossings"], report["buildings_cut"]) == (0, 0, 0, 0)
    assert report["coverage_valid"]
    assert report["share_5000_20000"] == 1.0
    whole = await rows(
        street,
        "SELECT ST_Area(ST_SymDifference(a.geom, u.geom)::geography) AS off FROM area a,"
        " (SELECT ST_Union(geom) AS geom FROM publish.grid_draft_cell) AS u WHERE code = :code", code=STREET,
    )  # fmt: skip
    assert whole[0]["off"] < 2.0


async def test_numbers_run_west_to_east_and_north_to_south(street: AsyncEngine) -> None:
    await published(street, await divided(street))
    found = await rows(
        street, "SELECT code, ST_X(ST_Centroid(geom)) AS x, ST_Y(ST_Centroid(geom)) AS y FROM unit_grid"
        " WHERE community_code = :code ORDER BY code", code=NORTH,
    )  # fmt: skip
    assert [row["code"][12:] for row in found] == [f"{n:03d}" for n in range(1, len(found) + 1)]
    first_row = found[:4]
    assert [row["x"] for row in first_row] == sorted(row["x"] for row in first_row)
    assert found[0]["y"] > found[-1]["y"]


async def test_publishing_again_keeps_codes_and_changes_only_what_changed(street: AsyncEngine) -> None:
    first = await published(street, await divided(street))
    before = await codes(street)
    assert first.issued == len(before)
    again = await published(street, await divided(street))
    assert again == Publication(kept=len(before), reshaped=0, issued=0, withdrawn=0)
    draft_id = await divided(street)
    cell = (await cells(street, draft_id))[0]
    middle = (cell["south"] + cell["north"]) / 2
    async with street.begin() as conn:
        line = [(cell["west"] - 0.0001, middle), (cell["east"] + 0.0001, middle)]
        await drafts.split_cell(conn, await store.lock_draft(conn, draft_id), cell["id"], line, None, "wall")
    third = await published(street, draft_id)
    after = await codes(street)
    assert (third.issued, third.withdrawn) == (2, 1)
    assert not set(after) - set(before) & set(before)
    lost = set(before) - set(after)
    assert len(lost) == 1
    # Back to one cell: a third code, not the withdrawn one.
    await published(street, await divided(street))
    assert not lost & set(await codes(street))


async def test_a_part_published_later_shares_the_neighbours_vertices(street: AsyncEngine) -> None:
    await published(street, await divided(street))
    before = set(await codes(street))
    part = await divided(street, area_code=NORTH, target_m2=8_000, smallest_m2=5_000, largest_m2=12_000)
    await published(street, part)
    found = await rows(street, "SELECT code, ST_AsBinary(geom) AS shape FROM publish.unit_grid ORDER BY id")
    shapes = shapely.from_wkb([bytes(row["shape"]) for row in found])
    assert shapely.coverage_is_valid(shapes)
    south = {code for code in before if not code.startswith(NORTH)}
    assert south <= {row["code"] for row in found}
    assert before != {row["code"] for row in found}


async def test_split_merge_undo_return_to_the_start(street: AsyncEngine) -> None:
    draft_id = await divided(street)
    start = await cells(street, draft_id)
    cell = start[0]
    middle = (cell["south"] + cell["north"]) / 2
    line = [(cell["west"] - 0.0001, middle), (cell["east"] + 0.0001, middle)]
    async with street.begin() as conn:
        draft = await store.lock_draft(conn, draft_id, 0)
        assert await drafts.split_cell(conn, draft, cell["id"], line, None, "wall") == 1
    now = await cells(street, draft_id)
    halves = [
        row["id"] for row in now if row["id"] > start[-1]["id"] and row["area_m2"] < cell["area_m2"] * 0.7
    ]
    assert len(now) == len(start) + 1
    async with street.begin() as conn:
        draft = await store.lock_draft(conn, draft_id, 1)
        await drafts.merge_cells(conn, draft, halves[:2], None, "mistake")
    assert len(await cells(street, draft_id)) == len(start)
    for version in (2, 3):
        async with street.begin() as conn:
            await drafts.undo(conn, await store.lock_draft(conn, draft_id, version), None, "back")
    assert await cells(street, draft_id) == start
    with pytest.raises(NothingToUndo):
        async with street.begin() as conn:
            await drafts.undo(conn, await store.lock_draft(conn, draft_id), None, "back")
    done = await rows(street, "SELECT kind, reason, undone_reason FROM grid_draft_operation ORDER BY number")
    assert [(row["kind"], row["undone_reason"]) for row in done] == [
        ("divide", None), ("split", "back"), ("merge", "back")
    ]  # fmt: skip


async def test_refusals(street: AsyncEngine) -> None:
    draft_id = await divided(street)
    cell = (await cells(street, draft_id))[0]
    inside = (cell["west"] + cell["east"]) / 2, (cell["south"] + cell["north"]) / 2
    async with street.connect() as conn:
        with pytest.raises(StaleDraft):
            await store.lock_draft(conn, draft_id, 7)
        draft = await store.lock_draft(conn, draft_id)
        line = [inside, (inside[0] + 1e-5, inside[1])]
        with pytest.raises(LineMisses):
            await drafts.split_cell(conn, draft, cell["id"], line, None, "x")
        with pytest.raises(NotInDraft):
            await drafts.merge_cells(conn, draft, [cell["id"], 999_999], None, "x")
        with pytest.raises(NothingToDivide):
            await store.add_draft(conn, "990109", GridOptions(), "x", None)
    await published(street, draft_id)
    async with street.connect() as conn:
        with pytest.raises(DraftNotOpen):
            await store.lock_draft(conn, draft_id)


async def test_too_small_an_edition_publishes_nothing(street: AsyncEngine) -> None:
    draft_id = await divided(street, edition=14, target_m2=1_000, smallest_m2=600, largest_m2=1_600)
    with pytest.raises(CodesExhausted):
        await published(street, draft_id)
    assert await codes(street) == []


async def test_responsibility_grids_and_components_follow(street: AsyncEngine) -> None:
    await published(street, await divided(street))
    await rows(
        street,
        "WITH g AS (INSERT INTO responsibility_grid (code, name, area_code, valid_from, geom)"
        " SELECT 'G', 'G', CAST(:code AS text), '2020-01-01', ST_Multi(ST_Union(geom)) FROM unit_grid"
        " WHERE community_code = CAST(:code AS text) RETURNING id)"
        " INSERT INTO responsibility_grid_unit SELECT g.id, u.id FROM g, unit_grid u"
        " WHERE u.community_code = CAST(:code AS text) RETURNING 1", code=NORTH,
    )  # fmt: skip
    await rows(
        street,
        "WITH k AS (INSERT INTO component_class (edition, code, class_name, name)"
        " VALUES ('T', '0101', 'x', 'x') RETURNING edition)"
        " INSERT INTO component (code, edition, class_code, name, area_code, initial_date,"
        " source, source_key, unit_grid_code, geom)"
        " SELECT '99010201010' || row_number() OVER () + 10000, 'T', '0101', 'x', :code, '2020-01-01', 't',"
        " u.code, u.code, ST_PointOnSurface(u.geom) FROM k, unit_grid u RETURNING 1", code=NORTH,
    )  # fmt: skip
    draft_id = await divided(street)
    cell = next(row for row in await cells(street, draft_id) if row["community_code"] == NORTH)
    middle = (cell["south"] + cell["north"]) / 2
    async with street.begin() as conn:
        line = [(cell["west"] - 0.0001, middle), (cell["east"] + 0.0001, middle)]
        await drafts.split_cell(conn, await store.lock_draft(conn, draft_id), cell["id"], line, None, "wall")
    await published(street, draft_id)
    members = await rows(
        street,
        "SELECT count(*) AS n, bool_and(u.change_date IS NULL) AS live FROM responsibility_grid_unit"
        " JOIN unit_grid u ON u.id = unit_grid_id",
    )
    valid = await rows(
        street, "SELECT count(*) AS n FROM publish.unit_grid WHERE area_code = :code", code=NORTH
    )
    assert members == [{"n": valid[0]["n"], "live": True}]
    astray = await rows(
        street,
        "SELECT c.code FROM component c JOIN publish.unit_grid u ON ST_Covers(u.geom, c.geom)"
        " WHERE c.unit_grid_code <> u.code",
    )
    assert astray == []
