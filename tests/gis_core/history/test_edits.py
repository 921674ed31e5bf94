"""Every change leaves its trace, can be taken back, and the city can be read as it was."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gis_core.errors import NotFound, OutOfScope
from gis_core.history import (
    AlreadyUndone,
    EditFilter,
    UndoConflict,
    current_edit,
    feature_changes,
    read_edits,
    read_record,
    read_record_as_of,
    record_as,
    undo_edit,
)
from gis_core.history.edits import UndoBreaksRule
from gis_core.identity.principal import Principal, Scope

STREET = "990102001"


def editor(area_code: str | None = None) -> Principal:
    return Principal(person_id=1, login="gis", name="gis", scopes={"city.edit": (Scope(area_code),)})


@pytest_asyncio.fixture
async def city(engine: AsyncEngine) -> AsyncEngine:
    """One street, one editor, three places."""
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "INSERT INTO org_unit (id, code, name, kind, area_code)"
                " VALUES (1, 'C', '中心', 'centre', '990102')"
            )
        )
        await conn.execute(
            text(
                "INSERT INTO person (id, login, name, org_unit_id, area_code)"
                " VALUES (1, 'gis', '测绘员', 1, '990102')"
            )
        )
        await conn.execute(
            text(
                "INSERT INTO area (code, level, name, valid_from, source, source_key, geom)"
                f" VALUES ('{STREET}', 'street', '芦荻街道', '2000-01-01', 't', '{STREET}',"
                " ST_Multi(ST_MakeEnvelope(120, 30, 120.1, 30.1, 4326)))"
            )
        )
        await conn.execute(
            text(
                "INSERT INTO facility (id, kind, name, area_code, source, source_key, geom)"
                f" SELECT i, 'school', '学校' || i, '{STREET}', 't', i::text,"
                " ST_Point(120 + i * 0.01, 30.05, 4326) FROM generate_series(1, 3) AS i"
            )
        )
    return engine


async def change(conn: AsyncConnection, sql: str, reason: str = "核对") -> int:
    """One statement under the editor's name; its change set."""
    await record_as(conn, editor(), reason)
    await conn.execute(text(sql))
    edit_id = await current_edit(conn)
    assert edit_id is not None
    return edit_id


async def in_edit(engine: AsyncEngine, *statements: str) -> int:
    async with engine.begin() as conn:
        return [await change(conn, one) for one in statements][-1]


async def names(engine: AsyncEngine) -> dict[int, str]:
    async with engine.begin() as conn:
        rows = await conn.execute(text("SELECT id, name FROM facility ORDER BY id"))
        return {row.id: row.name for row in rows}


async def undo(engine: AsyncEngine, edit_id: int, who: Principal | None = None) -> int:
    async with engine.begin() as conn:
        return (await undo_edit(conn, who or editor(), edit_id, "改错了")).id


async def test_a_change_set_tells_who_when_why_and_what(city: AsyncEngine) -> None:
    edit_id = await in_edit(
        city,
        "UPDATE facility SET name = '望川小学' WHERE id = 1",
        "UPDATE facility SET geom = ST_Point(120.05, 30.06, 4326) WHERE id = 1",
    )
    async with city.begin() as conn:
        moved, renamed, born = await feature_changes(conn, "facility", 1)
        listed = (await read_edits(conn, None, EditFilter(relation="facility", person_id=1), max_rows=9))[0]
    assert (listed.id, listed.actor, listed.reason, listed.origin) == (edit_id, "测绘员", "核对", "page")
    assert listed.changes == {"facility": {"update": 1}}
    assert renamed.fields == {"name": ["学校1", "望川小学"]}
    assert not renamed.geometry_changed
    assert moved.fields == {}
    assert moved.geometry_before == {"type": "Point", "coordinates": [120.01, 30.05]}
    assert born.operation == "insert"
    assert moved.edit_id == renamed.edit_id == edit_id != born.edit_id


async def test_what_changed_nothing_leaves_no_change_set(city: AsyncEngine) -> None:
    async with city.begin() as conn:
        await record_as(conn, editor(), "空")
        await conn.execute(text("UPDATE facility SET name = 'x' WHERE id = 99"))
        assert await current_edit(conn) is None


async def test_undo_puts_everything_back(city: AsyncEngine) -> None:
    before = await names(city)
    edit_id = await in_edit(
        city,
        "DELETE FROM facility WHERE id = 3",
        "UPDATE facility SET name = '甲' WHERE id IN (1, 2)",
        "UPDATE facility SET name = '乙' WHERE id = 2",
        "INSERT INTO facility (id, kind, name, area_code, source, source_key, geom)"
        f" VALUES (9, 'clinic', '诊所', '{STREET}', 't', '9', ST_Point(120.05, 30.05, 4326))",
        "UPDATE facility SET name = '门诊' WHERE id = 9",
    )
    assert await names(city) == {1: "甲", 2: "乙", 9: "门诊"}
    undone = await undo(city, edit_id)
    assert await names(city) == before
    with pytest.raises(AlreadyUndone):
        await undo(city, edit_id)
    await undo(city, undone)
    assert await names(city) == {1: "甲", 2: "乙", 9: "门诊"}


async def test_undo_is_refused_when_someone_changed_the_row_since(city: AsyncEngine) -> None:
    first = await in_edit(city, "UPDATE facility SET name = '甲' WHERE id IN (1, 2)")
    second = await in_edit(city, "UPDATE facility SET name = '乙' WHERE id = 2")
    with pytest.raises(UndoConflict) as refused:
        await undo(city, first)
    assert (refused.value.members["later"], refused.value.members["row_id"]) == (second, 2)
    assert await names(city) == {1: "甲", 2: "乙", 3: "学校3"}
    await undo(city, second)
    with pytest.raises(UndoConflict):
        await undo(city, first)  # the undo itself touched row 2: it is later, too


async def test_undo_of_an_insert_that_was_changed_since_is_refused(city: AsyncEngine) -> None:
    made = await in_edit(
        city,
        "INSERT INTO facility (id, kind, name, source, source_key, geom)"
        " VALUES (9, 'clinic', '诊所', 't', '9', ST_Point(120.05, 30.05, 4326))",
    )
    await in_edit(city, "UPDATE facility SET name = '门诊' WHERE id = 9")
    with pytest.raises(UndoConflict):
        await undo(city, made)


async def test_undo_waits_for_a_change_under_way_and_then_yields_to_it(city: AsyncEngine) -> None:
    edit_id = await in_edit(city, "UPDATE facility SET name = '甲' WHERE id = 1")
    async with city.begin() as other:
        await change(other, "UPDATE facility SET name = '乙' WHERE id = 1")
        undoing = asyncio.create_task(undo(city, edit_id))
        await asyncio.sleep(0.3)
        assert not undoing.done()
    with pytest.raises(UndoConflict):
        await undoing
    assert (await names(city))[1] == "乙"


async def test_undo_that_breaks_a_rule_says_which(city: AsyncEngine) -> None:
    edit_id = await in_edit(city, "UPDATE facility SET source_key = 'other' WHERE id = 1")
    await in_edit(
        city,
        "INSERT INTO facility (id, kind, name, source, source_key, geom)"
        " VALUES (9, 'clinic', '诊所', 't', '1', ST_Point(120.05, 30.05, 4326))",
    )
    with pytest.raises(UndoBreaksRule) as refused:
        await undo(city, edit_id)
    assert refused.value.members["constraint"] == "uq_facility_source_source_key"


async def test_undo_within_the_own_area_only(city: AsyncEngine) -> None:
    edit_id = await in_edit(city, "UPDATE facility SET name = '甲' WHERE id = 1")
    with pytest.raises(OutOfScope):
        await undo(city, edit_id, editor("990102002"))
    assert (await names(city))[1] == "甲"
    await undo(city, edit_id, editor(STREET))
    with pytest.raises(NotFound):
        await undo(city, 10_000)


async def test_change_sets_are_listed_by_area(city: AsyncEngine) -> None:
    await in_edit(city, "UPDATE facility SET name = '甲' WHERE id = 1")
    async with city.begin() as conn:
        assert not await read_edits(conn, ["990102002%"], EditFilter(relation="facility"), max_rows=9)
        assert len(await read_edits(conn, ["990102001%"], EditFilter(relation="facility"), max_rows=9)) == 2


@pytest.fixture
def as_of(city: AsyncEngine) -> Callable[[datetime], Any]:
    async def read(moment: datetime) -> dict[int, str]:
        async with city.begin() as conn:
            rows = await conn.execute(
                text("SELECT row_id, content ->> 'name' AS name FROM rows_as_of('facility', :at) ORDER BY 1"),
                {"at": moment},
            )
            return {row.row_id: row.name for row in rows}

    return read


async def now(engine: AsyncEngine) -> datetime:
    async with engine.begin() as conn:
        found: datetime = await conn.scalar(text("SELECT clock_timestamp()"))
    return found


async def test_the_city_as_it_was(city: AsyncEngine, as_of: Callable[[datetime], Any]) -> None:
    """After every step the past still reads as it did at the time: also through deletes and undos."""
    past: list[tuple[datetime, dict[int, str]]] = []

    async def remember() -> None:
        past.append((await now(city), await names(city)))

    await remember()
    renamed = await in_edit(city, "UPDATE facility SET name = '甲' WHERE id = 1")
    await remember()
    deleted = await in_edit(city, "DELETE FROM facility WHERE id IN (1, 2)")
    await remember()
    await undo(city, deleted)
    await remember()
    await in_edit(city, "UPDATE facility SET name = '乙' WHERE id = 2", "DELETE FROM facility WHERE id = 3")
    await remember()
    with pytest.raises(UndoConflict):
        await undo(city, renamed)
    for moment, known in past:
        assert await as_of(moment) == known
        async with city.begin() as conn:
            for row_id in (1, 2, 3):
                record = await read_record_as_of(conn, "facility", row_id, moment)
                assert (record and record.properties["name"]) == known.get(row_id)


async def test_records_carry_a_mark_that_changes(city: AsyncEngine) -> None:
    async with city.begin() as conn:
        first = await read_record(conn, "facility", 1)
    await in_edit(city, "UPDATE facility SET name = '甲' WHERE id = 1")
    async with city.begin() as conn:
        second = await read_record(conn, "facility", 1)
    assert first is not None
    assert second is not None
    assert first.etag != second.etag
    assert second.area_code == STREET


async def test_a_bulk_import_leaves_few_rows_of_history(city: AsyncEngine) -> None:
    async with city.begin() as conn:
        await conn.execute(
            text(
                "INSERT INTO building (id, kind, source, source_key, geom)"
                " SELECT i, 'house', 't', i::text, ST_Multi(ST_MakeEnvelope(120, 30, 120.001, 30.001, 4326))"
                "   FROM generate_series(1, 20000) AS i"
            )
        )
        edit_id = await current_edit(conn)
        assert await conn.scalar(text("SELECT count(*) FROM edit_insert WHERE relation = 'building'")) <= 6
    assert edit_id is not None
    await undo(city, edit_id)
    async with city.begin() as conn:
        assert await conn.scalar(text("SELECT count(*) FROM building")) == 0
