"""Files as offices really send them: each comes in correctly, or is refused in words of its own."""

import codecs
import csv
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from pyproj import Transformer

from gis_core.importing.coordinate_columns import parse_coordinate, parse_shape
from gis_core.importing.errors import ImportRefused
from gis_core.importing.report import ImportReport
from gis_core.importing.shapefile_text import table_encoding
from gis_core.importing.sources import TableOptions, open_layers
from tests.gis_core.importing import city_files
from tests.gis_core.importing.city_files import square
from tests.gis_core.importing.conftest import Ask, Take

PLACE = (120.001, 30.5)
POINT = shapely.Point(PLACE)
TABLE = "编号,名称,经度,纬度\n1,甲,120.001,30.5\n"


def sheet(path: Path, rows: Sequence[Sequence[Any]], merged: Sequence[str] = ()) -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(list(row))
    for cells in merged:
        page.merge_cells(cells)
    book.save(path)
    return path


def places_of(path: Path, folder: Path) -> list[tuple[float, float]]:
    """Where the rows of a table lie, without a database."""
    [layer] = open_layers(path, folder, TableOptions())
    shapes = layer.sample(10).shapes
    return [(round(shape.x, 6), round(shape.y, 6)) for shape in shapes if shape is not None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("31°13'49.5\"N", 31.230416667), ("31-13-49.5", 31.230416667), ("31º13`49.5``", 31.230416667),
        ("３１°１３′４９．５″", 31.230416667), ("31：13：49.5", 31.230416667), ("31˚13'49,5\"", 31.230416667),
        ("121,47", 121.47), ("１２１．４７", 121.47), ("121.47度", 121.47),
        ("40,512,345.678", 40_512_345.678),
    ],
)  # fmt: skip
def test_more_ways_to_write_a_coordinate(text: str, value: float) -> None:
    assert parse_coordinate(text) == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize(
    "text",
    [
        "120.001,30.5", "120.001 30.5", "120.001，30.5", "120.001、30.5", "120.001/30.5", "[120.001,30.5]",
        "(120.001, 30.5, 4.2)", "120,001; 30,5", "120,001,30,5", "经度120.001，纬度30.5",
        "lon:120.001 lat:30.5",
        "东经120°00′03.6″ 北纬30°30′", "120°00'03.6\"E 30°30'00\"N", "120 00 03.6 30 30 00",
        "POINT(120.001 30.5)", "SRID=4326;POINT (120.001 30.5)", "point z (120.001 30.5 7)",
        '{"type": "Point", "coordinates": [120.001, 30.5]}', POINT.wkb_hex,
        shapely.to_wkb(shapely.set_srid(POINT, 4326), hex=True, include_srid=True),
    ],
)  # fmt: skip
def test_both_coordinates_in_one_cell(text: str) -> None:
    found = parse_shape(text)
    assert (found.x, found.y) == pytest.approx(PLACE, abs=1e-9)


@pytest.mark.parametrize("text", ["", "望川路1号", "120.001", "POINT(120.001", "0102", "{}", "1,2,3,4,5"])
def test_no_shape_in_a_cell(text: str) -> None:
    assert parse_shape(text) is None


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"),
        TABLE.replace(",", "，").encode("gbk"),
        TABLE.replace("120.001", "１２０．００１").encode("gbk"),
        b"id;lon;lat\n1;120,001;30,5\n2;120,001;30,5\n",
        b'id\tlon\tlat\n1\t"120,001"\t30,5\n',
        b"sep=;\nid;lon;lat\n1;120.001;30.5\n",
        f"某区部件普查表,,,\n{TABLE}".encode(),
        f"某区部件普查表\n制表：某局，2024 年\n{TABLE}".encode("gbk"),
        "编号,坐标,\n,经度,纬度\n1,120.001,30.5\n".encode(),
    ],
    ids=[
        "utf-16-le", "utf-16-be", "wide-commas", "wide-digits", "decimal-commas", "tab-decimal-commas",
        "sep-line", "title", "two-titles", "two-row-header",
    ],
)  # fmt: skip
def test_csv(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "p.csv"
    file.write_bytes(content)
    assert set(places_of(file, tmp_path)) == {PLACE}


def test_two_row_headers_of_excel(tmp_path: Path) -> None:
    rows = [
        ("某区部件普查表",),
        ("编号", "名称", "坐标", None),
        (None, None, "经度", "纬度"),
        ("001", "甲", "120.001", 30.5),
    ]
    file = sheet(tmp_path / "a.xlsx", rows, ("A1:D1", "A2:A3", "B2:B3", "C2:D2"))
    assert places_of(file, tmp_path) == [PLACE]
    # Two pairs under headings of their own: the heading tells the datum.
    pairs = [
        ("编号", "高德坐标", None, "百度坐标", None),
        (None, "经度", "纬度", "经度", "纬度"),
        (1, 120.0057, 30.4977, 120.012, 30.5036),
    ]
    [layer] = open_layers(sheet(tmp_path / "b.xlsx", pairs), tmp_path, TableOptions())
    assert (layer.datum, layer.field_names[1]) == ("gcj02", "高德坐标经度")


def test_tables_without_coordinates_to_read(take: Take, tmp_path: Path) -> None:
    formulas = sheet(tmp_path / "f.xlsx", [("编号", "经度", "纬度"), (1, "=100+20.001", "=30+0.5")])
    words = tmp_path / "w.csv"
    words.write_text("id,lon,lat\n1,不详,见图\n", encoding="utf-8")
    header = tmp_path / "h.csv"
    header.write_text("编号,经度,纬度\n", encoding="utf-8")
    for file, slug, said in (
        (formulas, "coordinates-unreadable", "公式"),
        (words, "coordinates-unreadable", "不详"),
        (header, "file-empty", "没有要素"),
    ):
        with pytest.raises(ImportRefused) as caught:
            take(file, target="facility")
        assert (caught.value.slug, said in caught.value.text.zh) == (slug, True), file.name


@pytest.mark.parametrize(
    "name", ["a.csv", "a.xlsx", "a.zip", "a.gpkg", "a.geojson", "a.kml", "a.kmz", "a.osm", "a.pbf", "a.shp"]
)
def test_empty_files(take: Take, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ImportRefused) as caught:
        take(tmp_path / name, target="road")
    assert (caught.value.slug, name in caught.value.text.zh) == ("file-empty", True)


@pytest.mark.parametrize(
    ("label", "really", "read_as", "overruled"),
    [
        ("GBK", "UTF-8", "utf-8", True),
        ("936", "UTF-8", "utf-8", True),
        ("ISO-8859-1", "GBK", "gb18030", True),
        ("1252", "UTF-8", "utf-8", True),
        ("nonsense", "GBK", "gb18030", True),
        ("OEM 936", "GBK", "gb18030", False),
        ("GB 2312", "GBK", "gb18030", False),
        ("UTF-8", "UTF-8", "utf-8", False),
    ],
)
def test_cpg_that_lies(tmp_path: Path, label: str, really: str, read_as: str, overruled: bool) -> None:
    city_files.shapefile_zip(tmp_path / "a.zip", [square(0, 0)], {"name": ["望江楼东侧"]}, encoding=really)
    (tmp_path / "a" / "data.cpg").write_text(label, encoding="ascii")
    found = table_encoding(tmp_path / "a" / "data.shp", None, "a")
    assert found is not None
    assert (found.encoding, found.overruled is not None) == (read_as, overruled)


def test_what_the_cpg_says_wrongly_is_reported(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [square(0, 0)], {"name": ["望江楼"]}, encoding="UTF-8"
    )
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("图层.cpg", "GBK")
    report = take(file, target="building")
    assert "encoding-overruled" in {one.code for one in report.issues}
    assert ask("SELECT name FROM building") == ["望江楼"]


def test_zips_with_folders_and_old_chinese_names(take: Take, ask: Ask, tmp_path: Path) -> None:
    inner = city_files.shapefile_zip(tmp_path / "b.zip", [square(0, 0)], {"name": ["望江楼"]})
    old, stand_in = "数据/房屋/图层".encode("gbk"), b"abcd/efgh/ijkl"
    with zipfile.ZipFile(inner) as source, zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for member in source.namelist():
            name = f"{stand_in.decode()}{Path(member).suffix}"
            archive.writestr(name, source.read(member))
            archive.writestr(f"macos/._{Path(name).name}", b"attributes of macOS")
    # Python always flags such names as UTF-8; old programs write the bytes of GBK without a flag.
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes().replace(stand_in, old))
    report = take(tmp_path / "a.zip", target="building")
    assert (report.layer, ask("SELECT name FROM building")) == ("图层", ["望江楼"])


@pytest.mark.parametrize(
    ("member", "said"),
    [("内层.zip", "先解开"), ("图.dwg", ".dwg"), ("表.dbf", ".shp"), (None, "空的")],
)
def test_zips_without_data(take: Take, tmp_path: Path, member: str | None, said: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        if member is not None:
            archive.writestr(member, b"whatever")
    with pytest.raises(ImportRefused) as caught:
        take(tmp_path / "a.zip", target="building")
    assert (caught.value.slug, said in caught.value.text.zh) == ("nothing-in-zip", True)


def feature(geometry: Any, one: int = 1) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"id": one, "name": "甲"}, "geometry": geometry}


@pytest.mark.parametrize(
    ("name", "srid"),
    [
        ("EPSG:3857", 3857), ("urn:ogc:def:crs:OGC:1.3:CRS84", 4326), ("urn:ogc:def:crs:EPSG::4490", 4490),
        ("urn:ogc:def:crs:EPSG::4549", 4549), ("EPSG:4528", 4528),
    ],
)  # fmt: skip
def test_geojson_that_says_its_system(take: Take, ask: Ask, tmp_path: Path, name: str, srid: int) -> None:
    x, y = Transformer.from_crs(4326, srid, always_xy=True).transform(*PLACE)
    file = tmp_path / "a.geojson"
    whole = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": name}},
        "features": [feature({"type": "Point", "coordinates": [x, y, 12]})],
    }
    file.write_text(json.dumps(whole), encoding="utf-8-sig")
    take(file, target="facility")
    assert ask("SELECT ST_X(geom), ST_Y(geom) FROM facility") == [pytest.approx(PLACE, abs=1e-8)]


def test_geojson_in_metres_is_placed_by_evidence_on_acceptance(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    x, y = Transformer.from_crs(4326, 4549, always_xy=True).transform(*PLACE)
    file = city_files.geojson(tmp_path / "a.geojson", [(shapely.Point(x, y), {"id": 1})])
    with pytest.raises(ImportRefused) as caught:
        take(file, target="facility")
    assert caught.value.slug == "crs-missing"
    assert caught.value.members["evidence"]["proposal"]["srid"] == 4549
    take(file, target="facility", accept_datum=True)
    assert ask("SELECT ST_X(geom), ST_Y(geom) FROM facility") == [pytest.approx(PLACE, abs=1e-8)]


def test_geojson_with_odd_members(take: Take, ask: Ask, tmp_path: Path) -> None:
    nested = {"type": "GeometryCollection", "geometries": [
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": PLACE}]}]}  # fmt: skip
    features = [
        feature(nested),
        feature({"type": "GeometryCollection", "geometries": []}, 2),
        feature({"type": "Circle", "coordinates": PLACE, "radius": 5}, 3),
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (tmp_path / "a.geojson").write_text(text.replace('"radius": 5', '"radius": NaN'), encoding="utf-8")
    report = take(tmp_path / "a.geojson", target="facility")
    assert ask("SELECT ST_X(geom), ST_Y(geom) FROM facility") == [PLACE]
    assert {one.code for one in report.issues} >= {"point-inside", "geometry-empty", "geometry-missing"}


def test_geojson_in_gbk_needs_its_encoding(take: Take, ask: Ask, tmp_path: Path) -> None:
    text = json.dumps(feature({"type": "Point", "coordinates": PLACE}), ensure_ascii=False)
    (tmp_path / "a.geojson").write_text(text, encoding="gbk")
    with pytest.raises(ImportRefused) as caught:
        take(tmp_path / "a.geojson", target="facility")
    assert caught.value.slug == "encoding-wrong"
    take(tmp_path / "a.geojson", target="facility", encoding="gbk")
    assert ask("SELECT name FROM facility") == ["甲"]


def test_a_swapped_table_says_so_in_each_row(take: Take, tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "经度", "纬度"), (1, 30.5, 120.001), (2, 30.5, 120.002)])
    report = take(tmp_path / "a.csv", target="facility")
    assert [one.feature for one in report.issues if one.code == "axes-swapped"] == ["row 2", "row 3"]
