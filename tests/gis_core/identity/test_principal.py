import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gis_core.errors import NotAllowed, OutOfScope
from gis_core.identity.principal import Principal, Scope

CLERK = Principal(
    1,
    "clerk",
    "甲",
    {
        "map.view": (Scope("310100"), Scope("320500001")),
        "units.view": (Scope("320500001", frozenset({4, 5})), Scope(None, frozenset({9}))),
        "audit.view": (Scope(), Scope("320500001")),
    },
)


def test_prefixes_of_areas() -> None:
    assert CLERK.area_prefixes("map.view") == ("3101", "320500001")
    assert CLERK.area_prefixes("audit.view") is None
    assert CLERK.area_prefixes("city.edit") == ()
    assert CLERK.area_patterns("map.view") == ["3101%", "320500001%"]
    assert CLERK.area_codes() is None


def test_requirements() -> None:
    CLERK.require("map.view")
    CLERK.require_in("map.view", "310101003")
    CLERK.require_in("units.view", "320500001002", 5)
    CLERK.require_in("units.view", "990102", 9)
    with pytest.raises(NotAllowed, match=r"city\.edit"):
        CLERK.require("city.edit")
    with pytest.raises(OutOfScope):
        CLERK.require_in("map.view", "310200")
    with pytest.raises(OutOfScope):
        CLERK.require_in("units.view", "320500001002", 6)
    with pytest.raises(OutOfScope):
        CLERK.require_in("units.view", "320500001002", None)


ROWS = [("310101", 1), ("320500001002", 4), ("320500001002", 6), ("990102", 9), ("990102", None)]


async def test_conditions_in_sql_agree_with_the_rule_in_python(engine: AsyncEngine) -> None:
    """The two conditions documented at Principal."""
    values = ", ".join(f"('{area}', {'NULL' if unit is None else unit})" for area, unit in ROWS)
    rows = f"(VALUES {values}) AS r (area_code, org_unit_id)"
    by_area = text(
        f"SELECT area_code FROM {rows} WHERE"
        " (CAST(:areas AS text[]) IS NULL OR area_code LIKE ANY (CAST(:areas AS text[])))"
    )
    by_scope = text(
        f"SELECT area_code, org_unit_id FROM {rows} WHERE EXISTS (SELECT 1"
        " FROM unnest(CAST(:scope_areas AS text[]), CAST(:scope_org_units AS int[])) AS s (a, o)"
        " WHERE area_code LIKE s.a AND (s.o IS NULL OR org_unit_id = s.o))"
    )
    async with engine.connect() as conn:
        for permission in ("map.view", "units.view", "audit.view", "city.edit"):
            scopes = CLERK.scopes.get(permission, ())
            found = (await conn.execute(by_scope, CLERK.scope_parameters(permission))).all()
            assert [tuple(row) for row in found] == [
                row for row in ROWS if any(scope.covers(*row) for scope in scopes)
            ]
            found_areas = await conn.execute(by_area, {"areas": CLERK.area_patterns(permission)})
            prefixes = CLERK.area_prefixes(permission)
            assert list(found_areas.scalars()) == [
                area for area, _ in ROWS if prefixes is None or area.startswith(tuple(prefixes))
            ]
