"""Undeclared datums and zones are told by evidence, and never taken silently."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from gis_core.coordinates import Datum, bd09_from_wgs84, gcj02_from_wgs84
from gis_core.importing.datum_evidence import Evidence, Reference, road_candidates, weigh
from gis_core.importing.errors import ImportRefused
from gis_core.importing.features import Features, object_column
from gis_core.importing.placing import crs_of
from gis_core.importing.report import ImportReport
from tests.gis_core.importing import city_files
from tests.gis_core.importing.conftest import Ask, Take

SHIFTS: dict[Datum, Callable[[Any, Any], Any]] = {
    "wgs84": lambda lon, lat: (np.asarray(lon), np.asarray(lat)),
    "gcj02": gcj02_from_wgs84,
    "bd09": bd09_from_wgs84,
}
NUMERALS = "一二三四五六七八九"
STREETS = {
    f"第{numeral}望路": shapely.LineString([(120 + at / 300, 30.4), (120 + at / 300, 30.6)])
    for at, numeral in enumerate(NUMERALS)
}


def doors(datum: Datum, count: int = 90) -> tuple[Any, Any, list[str]]:
    """Points some metres beside the streets their addresses name."""
    random = np.random.default_rng(1)
    at = np.arange(count) % len(STREETS)
    lon = 120 + at / 300 + random.normal(0, 2e-4, count)
    lat = random.uniform(30.45, 30.55, count)
    lon, lat = SHIFTS[datum](lon, lat)
    return lon, lat, [f"望川区第{NUMERALS[one]}望路{number + 1}号" for number, one in enumerate(at)]


def sample(x: Any, y: Any, **fields: list[str]) -> Features:
    ids = object_column([f"row {at}" for at in range(len(x))])
    return Features(
        ids, shapely.points(x, y), {name: object_column(values) for name, values in fields.items()}
    )


def judged(*arguments: Any, **named: Any) -> Evidence:
    found = weigh(*arguments, **named)
    assert found is not None
    return found


def test_roads_within_an_address() -> None:
    assert "白渡路" in road_candidates("上海市黄浦区白渡路288弄")
    assert "九江路" in road_candidates("九江路黄河路(公交站)")
    assert road_candidates("932路;20路") == []


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09"])
def test_named_roads_tell_the_datum(datum: Datum) -> None:
    lon, lat, addresses = doors(datum)
    found = judged(sample(lon, lat, address=addresses), crs_of(4326), Reference(STREETS))
    assert (found.proposal.datum, found.confidence > 0.8) == (datum, True)
    by_datum = {one.reading.datum: one.road_median_m or 0 for one in found.findings}
    assert by_datum[datum] < 30
    assert min(value for key, value in by_datum.items() if key != datum) > 100


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09"])
def test_overlap_with_areas_of_the_same_name_tells_the_datum(datum: Datum) -> None:
    known = shapely.box(120, 30.5, 120.03, 30.53)
    shape = shapely.transform(known, lambda xy: np.column_stack(SHIFTS[datum](xy[:, 0], xy[:, 1])))
    features = Features(object_column(["fid 1"]), object_column([shape]), {"name": object_column(["望川区"])})
    found = judged(features, crs_of(4326), Reference(areas={"望川区": known}))
    assert (found.proposal.datum, found.confidence > 0.5) == (datum, True)


def test_nothing_to_compare_with_gives_no_confidence() -> None:
    found = judged(sample([120.1234567, 120.2], [30.5, 30.6]), crs_of(4326), Reference())
    assert (found.proposal.datum, found.confidence) == ("wgs84", 0.0)


def test_digits_of_receivers_say_wgs84() -> None:
    random = np.random.default_rng(2)
    lon = np.round(random.integers(72_000_000, 72_060_000, 200) / 600_000, 6)
    lat = np.round(random.integers(18_300_000, 18_360_000, 200) / 600_000, 6)
    found = judged(sample(lon, lat), crs_of(4326), Reference())
    assert found.nmea_share == 1.0
    assert (found.proposal.datum, found.confidence > 0.8) == ("wgs84", True)
    other = judged(sample(*gcj02_from_wgs84(lon, lat)), crs_of(4326), Reference())
    assert (other.nmea_share or 0) < 0.1
    # Five decimals are multiples by themselves and say nothing.
    short = judged(sample(np.round(lon, 5), np.round(lat, 5)), crs_of(4326), Reference())
    assert short.confidence == 0.0


@pytest.mark.parametrize("srid", [*range(4513, 4555), 3857, 4326])
def test_the_zone_is_told_by_prefix_or_by_known_areas(srid: int) -> None:
    """Every 3° zone, with and without prefix: the middle meridian's city is found again."""
    middle = 75 + 3 * ((srid - 4513) % 21) if 4513 <= srid <= 4554 else 120
    lon, lat = middle + np.linspace(0.3, 0.4, 50), np.linspace(30.1, 30.2, 50)
    city = shapely.box(middle + 0.2, 30, middle + 0.5, 30.3)
    x, y = Transformer.from_crs(4326, srid, always_xy=True).transform(lon, lat)
    found = judged(sample(x, y), None, Reference(city=city))
    assert (found.proposal.crs.to_epsg(), found.proposal.datum) == (srid, "wgs84")
    if srid not in (3857, 4326):
        swapped = judged(sample(y, x), None, Reference(city=city))
        assert swapped.proposal.crs.to_epsg() == srid


@pytest.fixture
def streets(city: ImportReport, take: Take, tmp_path: Path) -> ImportReport:
    return take(
        city_files.geojson(
            tmp_path / "roads.geojson", [(line, {"name": name}) for name, line in STREETS.items()]
        ),
        target="road",
    )


def table(path: Path, datum: Datum) -> Path:
    lon, lat, addresses = doors(datum)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "address", "lng", "lat"])
        writer.writerows(zip(range(len(addresses)), addresses, lon, lat, strict=True))
    return path


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_a_shifted_table_is_refused_until_somebody_decides(
    streets: ImportReport, take: Take, ask: Ask, tmp_path: Path, datum: Datum
) -> None:
    file = table(tmp_path / "p.csv", datum)
    with pytest.raises(ImportRefused, match="roads they name") as caught:
        take(file, target="facility")
    assert caught.value.slug == "datum-unclear"
    assert caught.value.members["evidence"]["proposal"]["datum"] == datum
    assert ask("SELECT count(*) FROM facility") == [0]
    report = take(file, target="facility", accept_datum=True)
    assert {one.code for one in report.issues} >= {"datum-proposed", "datum-undone"}
    lon, lat, _ = doors("wgs84")
    stored = ask("SELECT ST_X(geom), ST_Y(geom) FROM facility ORDER BY source_key::int")
    assert np.allclose(stored, np.column_stack([lon, lat]), rtol=0, atol=1e-7)
    # The answer is remembered with the source, and said so.
    again = take(file, target="facility")
    assert again.counts["facility"].unchanged == 90
    assert "options-remembered" in {one.code for one in again.issues}
    # A file of the same source in another datum is not read by the old answer.
    with pytest.raises(ImportRefused) as changed:
        take(table(tmp_path / "p.csv", "bd09" if datum == "gcj02" else "gcj02"), target="facility")
    assert changed.value.slug == "datum-unclear"


def test_what_is_said_goes_before_the_evidence_but_is_doubted(
    streets: ImportReport, take: Take, tmp_path: Path
) -> None:
    report = take(table(tmp_path / "p.csv", "gcj02"), target="facility", datum="wgs84")
    assert "datum-doubtful" in {one.code for one in report.issues}
    clean = take(table(tmp_path / "q.csv", "wgs84"), target="facility")
    assert (clean.datum, clean.issues) == ("wgs84", [])


def test_a_shapefile_without_prj_is_placed_on_acceptance(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [city_files.square(1, 1)], {"name": ["甲"]}, srid=4549, without=(".prj",)
    )
    with pytest.raises(ImportRefused) as caught:
        take(file, target="building")
    assert caught.value.members["evidence"]["proposal"]["srid"] == 4549
    report = take(file, target="building", accept_datum=True)
    assert (report.crs, "srid-proposed" in {one.code for one in report.issues}) == ("EPSG:4549", True)
