"""Codes are issued once, whoever asks at the same time, and withdrawn ones never come back."""

import asyncio
import itertools

import psycopg
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine

from gis_core.gridding.errors import CodesExhausted
from gis_core.gridding.numbering import community_code_of, issue_codes, reading_order

_fresh = itertools.count(1)


async def _write(url: str, asked: list[tuple[str, int, bool]]) -> list[str]:
    """All at once, each in a transaction of its own; True: rolled back. The codes that were committed."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+psycopg://"), pool_size=6)

    async def writer(community: str, count: int, fails: bool) -> list[str]:
        async with engine.connect() as conn:
            codes = await issue_codes(conn, community, 15, count)
            await asyncio.sleep(0.002)
            await (conn.rollback() if fails else conn.commit())
            return [] if fails else codes

    try:
        issued = await asyncio.gather(*(writer(*one) for one in asked))
    finally:
        await engine.dispose()
    return [code for codes in issued for code in codes]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.lists(
        st.tuples(st.sampled_from("12"), st.integers(1, 9), st.booleans()), min_size=2, max_size=12
    )
)
def test_no_code_is_issued_twice_by_concurrent_writers(
    database_url: str, asked: list[tuple[str, int, bool]]
) -> None:
    street = f"9901{next(_fresh):05d}"
    rounds = [(f"{street}00{which}", count, fails) for which, count, fails in asked]
    codes = asyncio.run(_write(database_url, rounds))
    assert len(codes) == len(set(codes)) == sum(count for _, count, fails in rounds if not fails)
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("SELECT code FROM unit_grid_code WHERE code LIKE %s", (street + "%",)).fetchall()
    assert sorted(row[0] for row in rows) == sorted(codes)


async def test_numbers_end_with_the_edition(database_url: str) -> None:
    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    async with engine.begin() as conn:
        assert (await issue_codes(conn, "990102001001", 14, 99))[-1] == "99010200100199"
        assert (await issue_codes(conn, "990102001001", 15, 2)) == ["990102001001001", "990102001001002"]
    with pytest.raises(CodesExhausted):
        async with engine.begin() as conn:
            await issue_codes(conn, "990102001001", 14, 1)
    await engine.dispose()


def test_imported_codes_are_used_and_withdrawal_is_for_good(database_url: str) -> None:
    add = (
        "INSERT INTO unit_grid (code, community_code, area_m2, initial_date, change_date, geom) VALUES"
        " (%s, '990102001001', 1, '2020-01-01', %s, ST_MakeEnvelope(120, 30, 120.001, 30.001, 4326))"
    )
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(add, ("990102001001007", "2021-01-01"))
        issued = conn.execute("SELECT issue_unit_grid_codes('990102001001', 15, 1)").fetchone()
        assert issued == (8,)
        with pytest.raises(psycopg.errors.CheckViolation, match="withdrawn"):
            conn.execute("UPDATE unit_grid SET change_date = NULL")
        conn.execute("DELETE FROM unit_grid")
        issued = conn.execute("SELECT issue_unit_grid_codes('990102001001', 15, 1)").fetchone()
        assert issued == (9,)


def test_order_is_west_to_east_then_north_to_south() -> None:
    boxes = shapely.box([100, 0, 0, 100], [0, 110, 0, 100], [190, 95, 90, 200], [100, 200, 100, 200])
    assert reading_order(boxes, ["a"] * 4).tolist() == [1, 3, 2, 0]


def test_placeholder_where_there_is_no_community() -> None:
    assert community_code_of("310101002", "000") == "310101002000"
    assert community_code_of("310101", "900") == "310101000900"
    assert community_code_of("310101002005", "000") == "310101002005"
