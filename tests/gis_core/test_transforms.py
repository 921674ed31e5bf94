"""Any system to any other, over arrays and over tables; property tests over all CGCS2000 zones."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from gis_core.coordinates import bd09_from_wgs84, gcj02_from_wgs84
from gis_core.errors import DomainError
from gis_core.transform_commands import convert, transform
from gis_core.transforms import System, system_of, transform_points

CM_DEG = 1e-2 / 111_320
NAMES = ["wgs84", "cgcs2000", "gcj02", "bd09", "epsg:3857", "epsg:4549", "epsg:4528", "epsg:4507"]


@settings(deadline=None)
@given(st.floats(117, 123), st.floats(18, 53), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_there_and_back_within_a_centimetre(lon: float, lat: float, first: str, second: str) -> None:
    one, other = system_of(first), system_of(second)
    x, y = transform_points([lon], [lat], system_of("wgs84"), one)
    back = transform_points(*transform_points(x, y, one, other), other, one)
    found = transform_points(*back, one, system_of("wgs84"))
    assert np.allclose(found, [[lon], [lat]], rtol=0, atol=CM_DEG)


@settings(deadline=None, max_examples=200)
@given(st.integers(25, 45), st.floats(-1.6, 1.6), st.floats(18, 53), st.booleans())
def test_every_zone_with_and_without_prefix(zone: int, off: float, lat: float, prefixed: bool) -> None:
    lon = 3.0 * zone + off
    system = system_of(f"epsg:{(4513 if prefixed else 4534) + zone - 25}")
    x, y = transform_points([lon], [lat], system_of("wgs84"), system)
    assert (int(x[0] // 1e6) == zone) is prefixed
    assert abs(x[0] - (zone * 1e6 if prefixed else 0) - 500_000) < 190_000
    assert np.allclose(
        transform_points(x, y, system, system_of("wgs84")), [[lon], [lat]], rtol=0, atol=CM_DEG
    )


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=40))
def test_blocks_that_straddle_the_box_equal_single_points(points: list[tuple[float, float]]) -> None:
    lon, lat = np.array([one[0] for one in points]), np.array([one[1] for one in points])
    for shift in (gcj02_from_wgs84, bd09_from_wgs84):
        whole = np.column_stack(shift(lon, lat))
        single = [np.array(shift(*one)).ravel() for one in points]
        assert np.allclose(whole, np.array(single).reshape(-1, 2), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["mars", "epsg:1", "epsg:999999", "", "epsg:5773"])
def test_unknown_systems_are_named(name: str) -> None:
    with pytest.raises(DomainError) as caught:
        system_of(name)
    assert caught.value.slug == "unknown-system"


def _converted(text: str, source: str, target: str, **options: object) -> list[str]:
    writing = io.StringIO()
    convert(io.StringIO(text), writing, system_of(source), system_of(target), **options)  # type: ignore[arg-type]
    return writing.getvalue().splitlines()


def test_tables_keep_their_other_columns() -> None:
    lon, lat = (float(one) for one in gcj02_from_wgs84(120.0, 30.5))
    text = f'名称,lng,lat,备注\n"甲,乙",{lon!r},{lat!r},x\n丙,,,y\n丁\n'
    assert _converted(text, "gcj02", "wgs84") == [
        "名称,lng,lat,备注", '"甲,乙",120.0000000000,30.5000000000,x', "丙,,,y", "丁,,",
    ]  # fmt: skip
    assert _converted("120,30.5\n121,31\n", "wgs84", "epsg:4549")[0] == "500000.0000,3375541.7329"
    many = "x,y\n" + "120,30.5\n" * 45_000
    assert len(_converted(many, "wgs84", "epsg:4549")) == 45_001
    assert len(_converted(many[4:], "wgs84", "bd09")) == 45_000
    assert _converted("", "wgs84", "bd09") == []


def test_columns_that_are_not_there() -> None:
    for text, columns in (("a,b\n1,2\n", (None, None)), ("lon,lat\n1,2\n", ("x", "lat"))):
        with pytest.raises(DomainError):
            _converted(text, "wgs84", "gcj02", columns=columns)


def test_command(tmp_path: pytest.TempPathFactory) -> None:
    app = Typer()
    app.command()(transform)
    file, made = tmp_path / "a.csv", tmp_path / "b.csv"  # type: ignore[operator]
    file.write_text("lon,lat\n120,30.5\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["--from", "wgs84", "--to", "epsg:4549", str(file), "--output", str(made)])
    assert told.exit_code == 0, told.output
    assert made.read_text(encoding="utf-8").splitlines()[1] == "500000.0000,3375541.7329"
    assert System("wgs84").plain
