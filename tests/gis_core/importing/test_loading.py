"""What importing again does, what it records, and how codes are issued."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
import shapely
from typer.testing import CliRunner

from gis_core.dictionaries import load_component_classes, read_component_classes
from gis_core.identity.secrets import Keyring
from gis_core.importing.commands import app
from gis_core.importing.report import ImportReport
from tests.gis_core.importing import city_files
from tests.gis_core.importing.city_files import DISTRICT, STREET, square
from tests.gis_core.importing.conftest import Ask, Take


def lamps(path: Path, count: int, *, start: int = 0, name: str = "路灯") -> Path:
    points = [
        (shapely.Point(119.995 + at / 1e5, 30.5), {"id": start + at, "部件名称": name}) for at in range(count)
    ]
    return city_files.geojson(path, points)


def test_again_counts_inserted_updated_unchanged(take: Take, ask: Ask, tmp_path: Path) -> None:
    features = [(square(at, 0), {"id": at, "name": f"楼{at}"}) for at in range(5)]
    file = city_files.geojson(tmp_path / "buildings.geojson", features)
    take(file)
    first = ask("SELECT id, ctid::text FROM building ORDER BY id")
    features[1] = (square(1, 1), features[1][1])
    features[2] = (features[2][0], {"id": 2, "name": "改名"})
    report = take(city_files.geojson(file, [*features, (square(9, 9), {"id": 9})]))
    counts = report.counts["building"]
    assert (counts.inserted, counts.updated, counts.unchanged) == (1, 2, 3)
    second = ask("SELECT id, ctid::text FROM building ORDER BY id")
    assert [one for one in first if one in second] == [first[0], first[3], first[4]]


def test_dry_run_leaves_no_trace(take: Take, ask: Ask, tmp_path: Path) -> None:
    report = take(
        city_files.geojson(tmp_path / "buildings.geojson", [(square(0, 0), {"id": 1})]), dry_run=True
    )
    assert (report.counts["building"].inserted, report.run_id) == (1, None)
    assert ask("SELECT (SELECT count(*) FROM building) + (SELECT count(*) FROM import_run)") == [0]


def test_run_issues_layer_versions_and_audit_are_recorded(take: Take, ask: Ask, tmp_path: Path) -> None:
    versions = "SELECT version FROM layer_version WHERE key = 'building'"
    [before] = ask(versions)
    file = city_files.geojson(
        tmp_path / "buildings.geojson",
        [(square(0, 0), {"id": 1}), (square(1, 0), {"id": 1}), (shapely.Point(120, 30.5), {"id": 2})],
    )
    report = take(file, keyring=Keyring("00" * 16))
    [(state, target, srid, counts)] = ask("SELECT state, target, srid, counts FROM import_run")
    assert (state, target, srid) == ("done", "building", 4326)
    assert (counts["read"], counts["inserted"], counts["refused"]) == (3, 1, 2)
    assert ask("SELECT feature, code FROM import_issue ORDER BY code") == [
        ("fid 3", "geometry-type"), ("fid 2", "key-twice"),
    ]  # fmt: skip
    assert ask(versions) == [before + 1]
    assert ask("SELECT action, actor, object_id FROM audit") == [
        ("city.import", "system", str(report.run_id))
    ]


def test_issued_codes_are_kept_and_never_repeat(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    take(lamps(tmp_path / "部件.geojson", 3), source="a")
    codes = ask("SELECT code FROM component ORDER BY code")
    assert codes == [f"{DISTRICT}013700000{nth}" for nth in (1, 2, 3)]
    assert take(lamps(tmp_path / "部件.geojson", 3), source="a").counts["component"].unchanged == 3
    take(lamps(tmp_path / "部件.geojson", 2), source="b")
    assert ask("SELECT code FROM component ORDER BY code") == [
        *codes,
        f"{DISTRICT}0137000004",
        f"{DISTRICT}0137000005",
    ]


def test_two_imports_at_once_issue_different_codes(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    files = [lamps(tmp_path / f"部件{nth}.geojson", 400) for nth in range(2)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: take(file, target="component"), files))
    assert ask("SELECT count(*), count(DISTINCT code), max(right(code, 6)) FROM component") == [
        (800, 800, "000800")
    ]


def test_a_files_own_code_is_kept_and_not_taken_twice(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    code = f"{DISTRICT}0104000077"
    point = shapely.Point(120.001, 30.5)
    file = city_files.geojson(tmp_path / "部件.geojson", [(point, {"ObjID": code, "ObjName": "箅子"})])
    take(file, source="a")
    assert ask("SELECT code, class_code, name, source_key FROM component") == [(code, "0104", "箅子", code)]
    second = city_files.geojson(
        tmp_path / "部件.geojson",
        [(point, {"ObjID": code}), (shapely.Point(120.002, 30.5), {"class": "0104"})],
    )
    report = take(second, source="b")
    assert [found.code for found in report.issues if found.severity == "refused"] == ["code-taken"]
    assert ask("SELECT code FROM component WHERE source = 'b'") == [f"{DISTRICT}0104000078"]


def test_outside_every_area_a_component_is_refused(city: ImportReport, take: Take, tmp_path: Path) -> None:
    points = [(shapely.Point(119.995, 30.5), {"id": 1}), (shapely.Point(121.0, 30.5), {"id": 2})]
    file = city_files.geojson(tmp_path / "部件.geojson", points)
    report = take(file, constants={"class": "0137"})
    assert [(found.feature, found.code) for found in report.issues if found.severity == "refused"] == [
        ("fid 2", "outside-areas")
    ]


def test_an_area_in_pieces_is_joined(take: Take, ask: Ask, tmp_path: Path) -> None:
    features = [(square(at, 0), {"code": STREET, "name": "西街道"}) for at in (0, 3)]
    features.append((square(6, 0), {"code": "99010200", "name": "少一位"}))
    report = take(city_files.geojson(tmp_path / "街道.geojson", features))
    assert ask("SELECT ST_NumGeometries(geom) FROM area") == [2]
    assert {found.code for found in report.issues} == {"parts-joined", "code-invalid"}


def test_two_shapes_of_an_area_at_different_times(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    file = city_files.geojson(
        tmp_path / "districts.geojson", [(square(0, 0), {"code": DISTRICT, "name": "旧望川县"})]
    )
    with pytest.raises(Exception, match="in use by source 'areas'"):
        take(file, source="old")
    report = take(file, source="areas", valid_from=date(1890, 1, 1), valid_to=date(1900, 1, 1))
    assert report.counts["area"].inserted == 1
    assert ask("SELECT name FROM area WHERE code = %s ORDER BY valid_from", DISTRICT) == [
        "旧望川县",
        "望川区",
    ]


def test_dictionary_loads_once_and_is_repeatable(database_url: str) -> None:
    import psycopg

    with psycopg.connect(database_url) as connection:
        assert load_component_classes(connection) == len(read_component_classes())
        assert load_component_classes(connection) == 0
        connection.execute("UPDATE component_class SET name = 'x' WHERE code = '0137'")
        assert load_component_classes(connection) == 2 if _in_both("0137") else 1


def _in_both(code: str) -> bool:
    return sum(entry.code == code for entry in read_component_classes()) == 2


def test_command_reports_as_text_json_and_csv(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANMI_DATABASE_URL", database_url)
    monkeypatch.delenv("WANMI_SECRET_KEY", raising=False)
    file = city_files.geojson(
        tmp_path / "a.geojson", [(square(0, 0), {"楼名": "甲"}), (None, {"楼名": "乙"})]
    )
    csv = tmp_path / "issues.csv"
    arguments = [str(file), "--target", "building", "--map", "name=楼名", "--report", str(csv)]
    told = CliRunner().invoke(app, [*arguments, "--json"])
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)
    assert (report["counts"]["building"]["inserted"], report["reasons"][0]["code"]) == (1, "geometry-missing")
    assert "geometry-missing" in csv.read_text(encoding="utf-8-sig")
    text = CliRunner().invoke(app, arguments)
    assert (text.exit_code, "未变" in text.stdout, "没有几何" in text.stdout) == (0, True, True)
    bad = CliRunner().invoke(app, [str(tmp_path / "none.gpkg")])
    assert (bad.exit_code, "找不到文件" in bad.stderr, "There is no file" in bad.stderr) == (1, True, True)
    option = CliRunner().invoke(app, [str(file), "--datum", "mars"])
    assert (option.exit_code, "wgs84, gcj02, bd09" in option.stderr) == (1, True)
