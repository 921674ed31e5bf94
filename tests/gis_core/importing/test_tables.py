"""Tables of staff: text, delimiters, names of coordinate columns, ways to write coordinates."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from gis_core.coordinates import gcj02_from_wgs84
from gis_core.importing.coordinate_columns import find_coordinate_columns, parse_coordinate
from gis_core.importing.errors import ImportRefused
from tests.gis_core.importing.conftest import Ask, Take

CM_DEG = 1e-2 / 111_320
PLACES = "SELECT name, ST_X(geom), ST_Y(geom) FROM facility ORDER BY source_key"


@pytest.mark.parametrize(
    ("names", "x", "y", "datum"),
    [
        (("id", "gcj02_lng", "gcj02_lat", "wgs84_lng", "wgs84_lat"), "wgs84_lng", "wgs84_lat", "wgs84"),
        (("gcj02_lng", "gcj02_lat"), "gcj02_lng", "gcj02_lat", "gcj02"),
        (("经度", "纬度"), "经度", "纬度", None),
        (("百度经度", "百度纬度", "经度（高德）", "纬度（高德）"), "经度（高德）", "纬度（高德）", "gcj02"),
        (("X坐标", "Y坐标"), "X坐标", "Y坐标", None),
        (("Longitude", "Latitude"), "Longitude", "Latitude", None),
        (("名称", "坐标"), "坐标", None, None),
        (("name", "WKT"), "WKT", None, None),
    ],
)
def test_columns_by_name(names: tuple[str, ...], x: str, y: str | None, datum: str | None) -> None:
    found = find_coordinate_columns(names)
    assert found is not None
    assert (found.x, found.y, found.datum) == (x, y, datum)


def test_no_columns() -> None:
    assert find_coordinate_columns(("name", "address", "xmin", "late", "long_name")) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("120.5", 120.5), ("E120.5", 120.5), ("30.5N", 30.5), ("西经120.5", -120.5), ("-30.5", -30.5),
        ("120°30′18″", 120.505), ("120度30分18秒", 120.505), ("120:30:18", 120.505), ("120 30 18", 120.505),
        ("东经120°30.3′", 120.505), ("30°30'18\"N", 30.505), ("120°", 120.0), ("40512345.678", 40512345.678),
        ("120°75′", None), ("约120", None), ("", None), ("120°30′18″55", None),
    ],
)  # fmt: skip
def test_ways_to_write_a_coordinate(text: str, value: float | None) -> None:
    found = parse_coordinate(text)
    assert found is None if value is None else found == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_in_each_encoding_and_delimiter(
    take: Take, ask: Ask, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    file = tmp_path / "p.csv"
    rows = [["编号", "名称", "经度", "纬度"], ["1", "望江楼", "120.001", "30.5"], ["2", "", "", ""]]
    file.write_text("\r\n".join(delimiter.join(row) for row in rows), encoding=encoding)
    report = take(file, target="facility")
    assert ask(PLACES) == [("望江楼", 120.001, 30.5)]
    assert [(one.feature, one.code) for one in report.issues] == [("row 3", "geometry-missing")]


def test_packed_csv_with_dms_quotes_and_bad_rows(take: Take, ask: Ask, tmp_path: Path) -> None:
    text = (
        'id,name,lon,lat\n1,"望江楼\n东侧","120°00′03.6″",30°30′\n2,甲,abc,30.5\n3,乙,120.1,30.5,多余\n'
        "4,丙,30.5,120.001\n"
    )
    file = tmp_path / "p.csv.gz"
    file.write_bytes(gzip.compress(text.encode()))
    report = take(file, target="facility")
    assert np.allclose([row[1:] for row in ask(PLACES)], [(120.001, 30.5), (120.001, 30.5)])
    assert {(one.feature, one.code) for one in report.issues if one.feature != "file"} >= {
        ("row 4", "coordinate-unreadable"), ("row 5", "row-too-long"), ("row 6", "axes-swapped"),
    }  # fmt: skip


def test_excel_with_a_title_several_sheets_and_metres(take: Take, ask: Ask, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "部件普查"
    # Surveyors' X points north.
    rows = [("某区部件普查表",), ("编号", "部件名称", "X坐标", "Y坐标"), (1, "路灯", 3375600.0, 40500095.9)]
    for row in rows:
        sheet.append(row)
    book.create_sheet("说明").append(("本表由某单位填写",))
    file = tmp_path / "普查.xlsx"
    book.save(file)
    with pytest.raises(ImportRefused, match="4528"):
        take(file, target="facility")
    report = take(file, target="facility", srid=4528)
    assert report.counts["facility"].inserted == 1
    [(lon, lat)] = ask("SELECT ST_X(geom), ST_Y(geom) FROM facility")
    assert (round(lon, 3), round(lat, 1)) == (120.001, 30.5)


def test_wkt_and_one_column_for_both(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_text('id,wkt\n1,"POLYGON((120 30.5,120.001 30.5,120 30.501,120 30.5))"\n', encoding="utf-8")
    assert take(file, target="building").counts["building"].inserted == 1
    file = tmp_path / "p.csv"
    file.write_text('id,坐标\n1,"120.001,30.5"\n2,120.002 30.5\n', encoding="utf-8")
    take(file, target="facility")
    assert [row[1:] for row in ask(PLACES)] == [(120.001, 30.5), (120.002, 30.5)]


def test_only_addresses_names_the_geocoder(take: Take, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("编号,单位地址\n1,望川路1号\n", encoding="utf-8")
    with pytest.raises(ImportRefused, match="wanmi geocode") as caught:
        take(file, target="facility")
    assert caught.value.slug == "coordinates-missing"
    with pytest.raises(ImportRefused, match="no field 东经"):
        take(file, target="facility", lon_field="东经", lat_field="北纬")


def test_a_table_that_is_none(take: Take, tmp_path: Path) -> None:
    for name, content, slug in (
        ("a.xlsx", b"PK\x03\x04cut", "damaged-file"),
        ("a.csv", b"", "file-empty"),
        ("a.csv", b"\xff\xfe\xff\xff\x00", "damaged-file"),
        ("b.csv", b"lon,lat\n\xff\xff,\xff\xfe\xfd", "encoding-unknown"),
        ("c.csv.gz", b"\x1f\x8bgarbage", "damaged-file"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ImportRefused) as caught:
            take(file, target="facility")
        assert caught.value.slug in (slug, "encoding-wrong"), name


def test_names_of_columns_declare_the_datum(take: Take, ask: Ask, tmp_path: Path) -> None:
    lon, lat = gcj02_from_wgs84(120.001, 30.5)
    file = tmp_path / "p.csv"
    file.write_text(f"id,gcj02_lng,gcj02_lat\n1,{float(lon)!r},{float(lat)!r}\n", encoding="utf-8")
    report = take(file, target="facility")
    assert {one.code for one in report.issues} == {"datum-by-name", "datum-undone"}
    assert np.allclose(ask(PLACES)[0][1:], (120.001, 30.5), rtol=0, atol=CM_DEG)


def test_kml_kmz_and_osm_in_a_zip(take: Take, ask: Ask, tmp_path: Path) -> None:
    from tests.gis_core.importing import city_files

    kml = tmp_path / "设施.kml"
    kml.write_text(
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>设施</name><Placemark><name>望江楼'
        "</name><Point><coordinates>120.001,30.5,12</coordinates></Point></Placemark></Folder></Document></kml>",
        encoding="utf-8",
    )
    with zipfile.ZipFile(tmp_path / "设施.kmz", "w") as archive:
        archive.write(kml, "doc.kml")
    for suffix in (".kml", ".kmz"):
        take(kml.with_suffix(suffix), target="facility", source=suffix)
    assert ask(PLACES) == [("望江楼", 120.001, 30.5)] * 2
    with zipfile.ZipFile(tmp_path / "osm.zip", "w") as archive:
        archive.write(city_files.osm_xml(tmp_path / "city.osm"), "城市/city.osm")
    report = take(tmp_path / "osm.zip", target="road")
    assert (report.source, report.counts["road"].inserted) == ("osm", 2)
