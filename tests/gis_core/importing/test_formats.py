"""Every kind of file comes in: right place, right text, right table."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis_core.coordinates import bd09_from_wgs84, gcj02_from_wgs84
from gis_core.importing.report import ImportReport
from tests.gis_core.importing import city_files
from tests.gis_core.importing.city_files import DISTRICT, OTHER_STREET, STREET, square
from tests.gis_core.importing.conftest import Ask, Take

CM_DEG = 1e-2 / 111_320


def test_areas_get_level_parent_and_plain_code(city: ImportReport, ask: Ask) -> None:
    assert city.counts["area"].inserted == 3
    assert ask("SELECT code, level, parent_code, name FROM area ORDER BY code") == [
        (DISTRICT, "district", "990100", "望川区"),
        (STREET, "street", DISTRICT, "西街道"),
        (OTHER_STREET, "street", DISTRICT, "东街道"),
    ]


@pytest.mark.parametrize("srid", [4326, 4490, 4549, 4528, 3857, 4507])
def test_shapefile_in_each_system_lands_within_a_centimetre(
    take: Take, ask: Ask, tmp_path: Path, srid: int
) -> None:
    shape = square(1, 1)
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [shape], {"建筑名称": ["望江楼"], "层数": [7]}, srid=srid
    )
    report = take(file, target="building")
    assert report.crs == f"EPSG:{srid}"
    [(name, floors, wkb)] = ask("SELECT name, floors, ST_AsBinary(geom) FROM building")
    assert (name, floors) == ("望江楼", 7)
    assert shapely.hausdorff_distance(shapely.from_wkb(wkb), shape) < CM_DEG


@pytest.mark.parametrize(
    ("encoding", "driver", "without", "declared", "found"),
    [
        ("GBK", 0, (".cpg",), None, "gb18030"),
        ("GBK", 0x4D, (".cpg",), None, "gb18030"),
        ("GBK", 0, (), None, "gb18030"),
        ("UTF-8", 0, (".cpg",), None, "utf-8"),
        ("BIG5", 0, (".cpg",), "big5", "big5"),
    ],
)
def test_text_in_each_encoding(
    take: Take, ask: Ask, tmp_path: Path, encoding: str, driver: int, without: tuple[str, ...],
    declared: str | None, found: str,
) -> None:  # fmt: skip
    name = "name" if encoding == "BIG5" else "名称"
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [square(0, 0)], {name: ["中山路"], "kind": ["park"]},
        encoding=encoding, language_driver=driver, without=without,
    )  # fmt: skip
    report = take(file, target="land_cover", encoding=declared)
    assert report.encoding == found
    assert ask("SELECT name, kind FROM land_cover") == [("中山路", "green")]


def test_half_a_character_at_the_end_is_cut_and_reported(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [square(0, 0)], {"name": ["长江路"]}, replacing=("路".encode("gbk"), b"\xc2 ")
    )
    report = take(file, target="land_cover")
    assert [found.code for found in report.issues if found.feature != "file"] == ["text-cut"]
    assert ask("SELECT name FROM land_cover") == ["长江"]


def test_shapefile_without_table_gets_keys_from_its_shapes(take: Take, ask: Ask, tmp_path: Path) -> None:
    shapes = [square(0, 0), square(1, 0)]
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", shapes, {"x": [1, 2]}, without=(".dbf", ".cpg", ".shx")
    )
    report = take(file, target="building")
    assert report.counts["building"].inserted == 2
    assert {found.code for found in report.issues} == {"key-generated"}
    again = take(file, target="building")
    assert again.counts["building"].unchanged == 2


def test_bare_shapefile_beside_its_parts(take: Take, tmp_path: Path) -> None:
    city_files.shapefile_zip(tmp_path / "a.zip", [square(0, 0)], {"name": ["甲"]})
    assert take(tmp_path / "a" / "data.shp", target="building").counts["building"].inserted == 1


def test_areas_without_codes_are_refused_or_numbered_on_request(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [square(1, 1), square(3, 1)], {"x": [1, 2]}, without=(".dbf",)
    )
    options = {"target": "area", "level": "community", "provisional_codes": True}
    report = take(file, **options)
    assert report.counts["area"].inserted == 2
    assert ask("SELECT code, parent_code, name FROM area WHERE level = 'community' ORDER BY code") == [
        (f"{STREET}901", STREET, f"未命名{STREET}901"),
        (f"{STREET}902", STREET, f"未命名{STREET}902"),
    ]
    assert take(file, **options).counts["area"].unchanged == 2


@pytest.mark.parametrize(("datum", "shift"), [("gcj02", gcj02_from_wgs84), ("bd09", bd09_from_wgs84)])
def test_shifted_datums_are_undone(take: Take, ask: Ask, tmp_path: Path, datum: str, shift: object) -> None:
    lon, lat = shift(120.0, 30.5)  # type: ignore[operator]
    file = city_files.geojson(
        tmp_path / "p.geojson", [(shapely.Point(lon, lat), {"id": 1, "kind": "clinic"})]
    )
    report = take(file, target="facility", datum=datum)
    assert "datum-undone" in {found.code for found in report.issues}
    assert np.allclose(
        ask("SELECT ST_X(geom), ST_Y(geom) FROM facility")[0], (120.0, 30.5), rtol=0, atol=CM_DEG
    )


def test_geopackage_needs_a_layer_and_guesses_its_target(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "base.gpkg"
    line = shapely.LineString([(120.0, 30.5), (120.001, 30.5)])
    city_files.geopackage(
        file, "osm_roads", [line], {"osm_id": [7], "highway": ["secondary_link"], "oneway": ["yes"]}
    )
    city_files.geopackage(file, "buildings", [square(0, 0)], {"osm_id": [8], "height": ["20 m"]})
    take(file, layer="osm_roads")
    take(file, layer="buildings")
    assert ask("SELECT road_class, oneway, source, source_key FROM road") == [
        ("secondary", True, "base:osm_roads", "7")
    ]
    assert ask("SELECT height_m, attributes->>'height' FROM building") == [(20.0, "20 m")]


def test_curves_are_linearised_and_said_so(take: Take, ask: Ask, tmp_path: Path) -> None:
    report = take(city_files.curve_geopackage(tmp_path / "c.gpkg"), target="building")
    assert "curve-linearised" in {found.code for found in report.issues}
    [(kind, points)] = ask("SELECT ST_GeometryType(geom), ST_NPoints(geom) FROM building")
    assert kind == "ST_MultiPolygon"
    assert points > 20


def test_osm_goes_to_five_tables(city: ImportReport, take: Take, ask: Ask, tmp_path: Path) -> None:
    report = take(city_files.osm_xml(tmp_path / "city.osm"))
    assert {key: one.inserted for key, one in report.counts.items()} == {
        "road": 2, "building": 1, "facility": 2, "land_cover": 1, "component": 2,
    }  # fmt: skip
    assert [(found.feature, found.code) for found in report.issues if found.severity == "refused"] == [
        ("way/34", "nodes-missing")
    ]
    assert ask("SELECT name, road_class, oneway, lanes, area_code FROM road WHERE name IS NOT NULL") == [
        ("望川路", "primary", True, 4, OTHER_STREET)
    ]
    assert ask("SELECT name, height_m, source_key FROM building") == [("望川小学", 12.0, "way/32")]
    assert ask("SELECT kind, name FROM facility ORDER BY kind") == [
        ("clinic", "望川诊所"),
        ("school", "望川小学"),
    ]
    assert ask("SELECT code, name FROM component ORDER BY code") == [
        (f"{DISTRICT}0210000001", "交通信号灯"),
        (f"{DISTRICT}0305000001", "垃圾箱"),
    ]


def test_osm_pbf_equals_xml(city: ImportReport, take: Take, ask: Ask, tmp_path: Path) -> None:
    import osmium

    xml, pbf = city_files.osm_xml(tmp_path / "city.osm"), tmp_path / "city.osm.pbf"
    with osmium.SimpleWriter(str(pbf)) as writer:
        for one in osmium.FileProcessor(str(xml)):
            writer.add(one)
    take(xml)
    report = take(pbf)
    assert sum(one.unchanged for one in report.counts.values()) == 8


def test_points_of_mixed_kinds_are_parted(city: ImportReport, take: Take, ask: Ask, tmp_path: Path) -> None:
    kinds = ["traffic_signals", "school", "crossing", "bench"]
    points = [shapely.Point(120.001 + at / 1e4, 30.5) for at in range(4)]
    file = city_files.geopackage(tmp_path / "p.gpkg", "pois", points, {"osm_id": [1, 2, 3, 4], "kind": kinds})
    report = take(file)
    assert (report.counts["component"].inserted, report.counts["facility"].inserted, report.skipped) == (
        2,
        1,
        1,
    )


def test_components_by_their_chinese_names(city: ImportReport, take: Take, ask: Ask, tmp_path: Path) -> None:
    names = ["雨水箅子", "红绿灯", "公交站停靠点", "神秘设施"]
    points = [shapely.Point(120.001 + at / 1e4, 30.5) for at in range(4)]
    fields = {
        "部件名称": names,
        "部件代码": ["a1", "a2", "a3", "a4"],
        "状态": ["破损", "完好", "完好", "完好"],
    }
    file = city_files.shapefile_zip(tmp_path / "部件.zip", points, fields, srid=4528, name="部件")
    report = take(file)
    assert ask("SELECT edition, class_code, state, area_code FROM component ORDER BY source_key") == [
        ("GBT30428.2-2013", "0104", "broken", OTHER_STREET),
        ("CJT214-2007", "0210", "intact", OTHER_STREET),
        ("GBT30428.2-2013", "0204", "intact", OTHER_STREET),
    ]
    assert [found.text.zh for found in report.issues if found.severity == "refused"] == [
        "部件类别“神秘设施”不在词典中；可用 --class 名称=代码 指明"
    ]


def test_grids_zones_and_responsibility_grids(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    code = f"{STREET}00101"
    grid = city_files.geojson(
        tmp_path / "单元网格.geojson", [(square(1, 1), {"BGID": code, "ORDate": "20200102"})]
    )
    take(grid)
    [(found, community, area_m2, date)] = ask(
        "SELECT code, community_code, area_m2, initial_date::text FROM unit_grid"
    )
    assert (found, community, date) == (code, f"{STREET}001", "2020-01-02")
    assert 10_000 < area_m2 < 11_000
    duty = city_files.geojson(
        tmp_path / "责任网格.geojson", [(square(1, 1), {"编号": "A-1", "名称": "一号网格"})]
    )
    take(duty)
    assert ask("SELECT code, name, area_code FROM responsibility_grid") == [("A-1", "一号网格", STREET)]
    zone = city_files.geojson(
        tmp_path / "z.geojson", [(square(1, 1), {"code": "Z1", "name": "核心区", "kind": "核心区"})]
    )
    take(zone, target="zone")
    assert ask("SELECT kind, rule FROM zone") == [("timing_area", {"timing": "core"})]
    light = city_files.geojson(
        tmp_path / "c.geojson", [(square(1, 1).centroid, {"id": 1, "kind": "street_lamp"})]
    )
    take(light, target="component")
    assert ask("SELECT unit_grid_code FROM component") == [code]


def test_only_what_lies_within(city: ImportReport, take: Take, ask: Ask, tmp_path: Path) -> None:
    across = shapely.LineString([(119.97, 30.5), (119.992, 30.5)])
    inside = shapely.LineString([(120.001, 30.5), (120.002, 30.5)])
    file = city_files.geojson(tmp_path / "roads.geojson", [(across, {"id": 1}), (inside, {"id": 2})])
    assert take(file, target="road", within=DISTRICT).counts["road"].outside == 1
    assert take(file, target="road", within=DISTRICT, touching=True).counts["road"].inserted == 1


def test_geopackage_with_open_ring_is_closed(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = city_files.geopackage(
        tmp_path / "r.gpkg", "buildings", [square(0, 0)], {"id": [1]}, SPATIAL_INDEX="NO"
    )
    with sqlite3.connect(file) as database:
        [(blob,)] = database.execute("SELECT geom FROM buildings")
        start = len(blob) - (1 + 4 + 4 + 4 + 5 * 16)
        wkb = bytearray(blob[start:-16])
        wkb[9:13] = (4).to_bytes(4, "little")
        database.execute("UPDATE buildings SET geom = ?", (blob[:start] + bytes(wkb),))
    database.close()
    report = take(file)
    assert [found.code for found in report.issues] == ["ring-closed"]
    assert ask("SELECT ST_IsValid(geom) FROM building") == [True]
