"""Callers' numbers as people write them, and the areas that their prefixes stand for."""

from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geocoding.callers import CallerArea, Callers, digits_of, import_callers, load_callers
from gis_core.errors import BadInput, NotFound

NORTH, SOUTH, CITY = (
    CallerArea("北区", 120.0, 30.6),
    CallerArea("南区", 120.0, 30.4),
    CallerArea("市", 120, 30.5),
)
CALLERS = Callers({"632": NORTH, "6321": SOUTH, "5555": NORTH, "5556": SOUTH, "1390512": CITY})


@pytest.mark.parametrize(
    ("number", "area"),
    [
        ("63291234", NORTH), ("63211234", SOUTH), ("021-63211234", SOUTH), ("+86 21 6321 1234", SOUTH),
        ("008621 63291234", NORTH), ("０２１－６３２９１２３４", NORTH), ("0555-1234567", NORTH),
        ("0556 123 4567", SOUTH), ("13905121234", CITY), ("+86 139 0512 1234", CITY),
        ("13632123456", None), ("12345", None), ("", None), ("不详", None), ("0", None),
    ],
)  # fmt: skip
def test_numbers(number: str, area: CallerArea | None) -> None:
    callers = Callers({"632": NORTH, "6321": SOUTH, "555": NORTH, "556": SOUTH, "1390512": CITY})
    assert callers.area_of(number) == area


@given(st.text(max_size=40))
def test_any_text_is_taken(number: str) -> None:
    digits = digits_of(number)
    assert digits == "" or digits.isdigit()
    assert digits_of(digits) in (digits, digits.removeprefix("0"), digits.removeprefix("86"))
    CALLERS.area_of(number)


def test_prefixes_from_a_table(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "prefixes.csv"
    path.write_text("号码段,区域\n021-632,990102001\n6321,北街道\n", encoding="gbk")
    with psycopg.connect(database_url) as connection:
        for code, name, south in (("990102001", "南街道", 30.4), ("990102002", "北街道", 30.6)):
            connection.execute(
                "INSERT INTO area (code, level, name, parent_code, valid_from, source, source_key, geom)"
                " VALUES (%s, 'street', %s, NULL, '2020-01-01', 'test', %s,"
                "  ST_Multi(ST_MakeEnvelope(120, %s, 120.1, %s, 4326)))",
                [code, name, code, south, south + 0.1],
            )
        assert import_callers(connection, path, "号码段", "区域") == 2
        callers = load_callers(connection)
        assert callers.area_of("63211234") == CallerArea(
            "北街道", pytest.approx(120.05), pytest.approx(30.65)
        )
        assert getattr(callers.area_of("021-63291234"), "name", None) == "南街道"
        for line, error in (("632,没有的街道", NotFound), ("6,北街道", BadInput)):
            path.write_text(f"号码段,区域\n{line}\n", encoding="utf-8")
            with pytest.raises(error):
                import_callers(connection, path, "号码段", "区域")
