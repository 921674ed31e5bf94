"""Component codes: well formed, and never twice, whoever asks at the same time."""

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gis_core.components import CodeForm, CodesExhausted, ComponentCode, issue_codes
from gis_core.database import create_engine
from gis_core.settings import DatabaseSettings

steps = st.lists(
    st.tuples(st.sampled_from(["0101", "0102"]), st.integers(1, 5), st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=2, max_size=5))
def test_concurrent_writers_never_get_the_same_code(
    database_url: str, writers: list[list[tuple[str, int, bool]]]
) -> None:
    """Writers take codes at once; some of their transactions fail. What was kept is unique and dense
    enough to be above everything kept before."""

    async def write(engine: AsyncEngine, plan: list[tuple[str, int, bool]]) -> list[str]:
        kept = []
        for class_code, number, fails in plan:
            async with engine.connect() as conn:
                codes = await issue_codes(conn, "990102", class_code, number)
                await asyncio.sleep(0)
                if fails:
                    await conn.rollback()
                else:
                    await conn.commit()
                    kept += codes
        return kept

    async def run() -> None:
        engine = create_engine(DatabaseSettings(database_url=database_url), application_name="test")
        try:
            kept = [
                code
                for codes in await asyncio.gather(*(write(engine, plan) for plan in writers))
                for code in codes
            ]
            assert not [code for code, n in Counter(kept + seen).items() if n > 1]
            seen.extend(kept)
        finally:
            await engine.dispose()

    asyncio.run(run())


seen: list[str] = []
"""Codes kept by earlier examples, which use the same database."""


async def test_the_last_number_is_the_last(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await conn.execute(
            text("INSERT INTO component_code_sequence (prefix, last) VALUES ('9901020101', 999998)")
        )
        assert await issue_codes(conn, "990102", "0101") == ["9901020101999999"]
        with pytest.raises(CodesExhausted):
            await issue_codes(conn, "990102", "0101")
        assert await issue_codes(conn, "990102", "01001") == ["9901020100100001"]


@given(
    st.integers(110101, 659099).filter(lambda n: n % 100),
    st.integers(1, 99),
    st.integers(1, 99),
    st.integers(1, 999999),
)
def test_codes_read_back(district: int, kind: int, subclass: int, sequence: int) -> None:
    code = ComponentCode(str(district), f"{kind:02d}{subclass:02d}", sequence)
    assert ComponentCode.parse(str(code)) == code
    assert len(str(code)) == 16


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ("99010201010001", "16"),
        ("9901020101OOOO01", "16"),
        ("9901000101000001", "990100"),
        ("9901020001000001", "0001"),
        ("9901020100000001", "0100"),
        ("9901020101000000", "sequence"),
    ],
)
def test_a_wrong_code_is_told_where(wrong: str, part: str) -> None:
    with pytest.raises(CodeForm) as refused:
        ComponentCode.parse(wrong)
    assert part in refused.value.text.en
