"""What an import would change, what the file no longer has, whose areas it may touch, and recipes."""

import json
from pathlib import Path

import psycopg
import pytest
import shapely
from typer.testing import CliRunner

from gis_core.importing.commands import app
from gis_core.importing.errors import ImportRefused
from gis_core.importing.recipes import read_recipe
from gis_core.importing.report import ImportReport, write_report
from tests.gis_core.importing import city_files
from tests.gis_core.importing.city_files import DISTRICT, OTHER_STREET, STREET, square
from tests.gis_core.importing.conftest import Ask, Take


def buildings(path: Path, *features: tuple[int, int, str]) -> Path:
    """Number, column and name of each; columns from 5 lie in the eastern street."""
    return city_files.geojson(
        path, [(square(column, 0), {"id": number, "name": name}) for number, column, name in features]
    )


def test_differences_are_shown_before_anything_is_written(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "buildings.geojson"
    take(buildings(file, (1, 0, "甲"), (2, 1, "乙"), (3, 2, "丙"), (4, 3, "丁")))
    report = take(
        buildings(file, (1, 0, "甲"), (2, 1, "乙楼"), (3, 4, "丙"), (5, 6, "戊")), dry_run=True, diff=True
    )
    counts = report.counts["building"]
    assert (counts.inserted, counts.updated, counts.unchanged, counts.missing) == (1, 2, 1, 1)
    assert report.differences is not None
    by_key = {one.key: one for one in report.differences}
    assert {key: one.kind for key, one in by_key.items()} == {
        "5": "inserted", "2": "updated", "3": "updated", "4": "missing",
    }  # fmt: skip
    assert by_key["2"].columns["name"] == ("乙", "乙楼")
    [moved] = [new for name, (_, new) in by_key["3"].columns.items() if name == "geom"]
    assert 370 < float(moved.removesuffix(" m")) < 390
    assert ask("SELECT name FROM building ORDER BY source_key") == ["甲", "乙", "丙", "丁"]


def test_missing_rows_are_removed_on_request_only(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "buildings.geojson"
    take(buildings(file, (1, 0, "甲"), (2, 1, "乙")))
    take(buildings(file, (1, 0, "甲")))
    assert ask("SELECT count(*) FROM building") == [2]
    report = take(buildings(file, (1, 0, "甲")), remove_missing=True)
    assert (report.counts["building"].removed, ask("SELECT name FROM building")) == (1, ["甲"])
    assert [one.code for one in report.issues] == ["removed"]


def test_nothing_is_removed_where_the_file_was_not_understood(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "buildings.geojson"
    take(buildings(file, (1, 0, "甲"), (2, 1, "乙")))
    city_files.geojson(file, [(square(0, 0), {"id": 1}), (None, {"id": 2})])
    with pytest.raises(ImportRefused) as caught:
        take(file, remove_missing=True)
    assert caught.value.slug == "remove-needs-keys"
    assert ask("SELECT count(*) FROM building") == [2]


def test_areas_and_components_end_instead_of_vanishing(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    lamps = [(shapely.Point(119.995 + at / 1e4, 30.5), {"id": at, "部件名称": "路灯"}) for at in range(3)]
    file = city_files.geojson(tmp_path / "部件.geojson", lamps)
    take(file)
    take(city_files.geojson(file, lamps[:2]), remove_missing=True)
    assert ask("SELECT state, change_date IS NOT NULL FROM component ORDER BY source_key") == [
        ("intact", False), ("intact", False), ("moved", True),
    ]  # fmt: skip
    west = shapely.box(119.99, 30.49, 120.0, 30.51)
    streets = city_files.geojson(tmp_path / "s.geojson", [(west, {"code": STREET, "name": "西街道"})])
    take(streets, target="area", source="areas", level="street", remove_missing=True)
    assert ask("SELECT code FROM area WHERE valid_to = civil_today()") == [OTHER_STREET]


def test_an_importer_of_one_street_cannot_touch_another(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    file = tmp_path / "buildings.geojson"
    take(buildings(file, (1, 0, "甲"), (2, 6, "乙")))
    changed = buildings(file, (1, 1, "甲楼"), (2, 2, "乙楼"), (3, 7, "丙"))
    report = take(changed, allowed_areas=(STREET,))
    refusals = {(one.feature, one.code) for one in report.issues if one.severity == "refused"}
    assert refusals == {("fid 2", "belongs-elsewhere"), ("fid 3", "outside-your-area")}
    assert ask("SELECT name FROM building ORDER BY source_key") == ["甲楼", "乙"]
    east = city_files.geojson(
        tmp_path / "a.geojson", [(square(0, 0), {"code": OTHER_STREET, "name": "改名"})]
    )
    with pytest.raises(ImportRefused):
        take(east, target="area", source="areas", allowed_areas=(STREET,))
    assert (
        take(buildings(file, (1, 1, "甲楼")), allowed_areas=(STREET,), remove_missing=True)
        .counts["building"]
        .removed
        == 0
    )
    assert ask("SELECT count(*) FROM building") == [2]


def test_settings_are_used_again_for_files_of_the_same_name(take: Take, ask: Ask, tmp_path: Path) -> None:
    shapes = [(square(0, 0), {"本楼叫": "甲", "id": 1})]
    take(city_files.geojson(tmp_path / "楼2025.geojson", shapes), source="楼", target="building",
         field_map={"name": "本楼叫"})  # fmt: skip
    report = take(city_files.geojson(tmp_path / "楼2026.geojson", shapes), source="楼")
    assert report.counts["building"].unchanged == 1
    assert [one.code for one in report.issues] == ["options-remembered"]
    forgotten = take(city_files.geojson(tmp_path / "楼2027.geojson", shapes), source="楼", target="building",
                     remember=False)  # fmt: skip
    assert {one.code for one in forgotten.issues} == set()
    assert ask("SELECT name FROM building") == [None]


def test_recipe_runs_in_order(
    database_url: str, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANMI_DATABASE_URL", database_url)
    monkeypatch.delenv("WANMI_SECRET_KEY", raising=False)
    folder = tmp_path / "data"
    folder.mkdir()
    city_files.districts(folder)
    buildings(folder / "b.geojson", (1, 0, "甲"), (2, 50, "远"))
    recipe = tmp_path / "district.toml"
    recipe.write_text(
        'folder = "data"\n[[step]]\nfile = "districts.geojson"\nsource = "areas"\nvalid_from = 2020-01-01\n'
        '[[step]]\nfile = "b.geojson"\n'
        f'target = "building"\nwithin = "{DISTRICT}"\nmap = {{ name = "name" }}\n',
        encoding="utf-8",
    )
    told = CliRunner().invoke(app, ["--recipe", str(recipe)])
    assert told.exit_code == 0, told.output
    assert ask("SELECT name, area_code FROM building") == [("甲", STREET)]
    tried = CliRunner().invoke(app, ["--recipe", str(recipe), "--dry-run", "--diff"])
    assert (tried.exit_code, "未保存" in tried.stdout) == (0, True)


@pytest.mark.parametrize(
    "text", ["[[step]]\nsrid = 4326", '[[step]]\nfile = "a"\nsrid = "x"', '[[step]]\nfile = "a"\nfoo = 1',
             '[[step]]\nfile = "a"\ndatum = "mars"', "x = 1", "= ["],
)  # fmt: skip
def test_a_bad_recipe_names_its_mistake(tmp_path: Path, text: str) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(ImportRefused) as caught:
        read_recipe(recipe)
    assert caught.value.slug == "bad-recipe"


def test_reports_as_csv_json_and_map(take: Take, tmp_path: Path) -> None:
    bow = shapely.from_wkt("POLYGON((120 30.5,120.001 30.501,120.001 30.5,120 30.501,120 30.5))")
    report = take(city_files.geojson(tmp_path / "b.geojson", [(bow, {"id": 1}), (None, {"id": 2})]),
                  target="building")  # fmt: skip
    for suffix in (".csv", ".json", ".geojson"):
        write_report(tmp_path / f"r{suffix}", report)
    points = json.loads((tmp_path / "r.geojson").read_text(encoding="utf-8"))["features"]
    by_code = {one["properties"]["code"]: one["geometry"] for one in points}
    assert by_code["geometry-missing"] is None
    assert by_code["made-valid"]["coordinates"][0] == pytest.approx(120.0005, abs=6e-4)
    assert len(json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["issues"]) == 2


def test_the_run_of_a_killed_process_is_closed(
    take: Take, ask: Ask, database_url: str, tmp_path: Path
) -> None:
    started = (
        "INSERT INTO import_run (file_name, file_sha256, target, source, started_at) VALUES (%s,'','','',{})"
    )
    with psycopg.connect(database_url) as held, psycopg.connect(database_url) as other:
        other.execute(started.format("now() - interval '1 hour'"), ["dead"])
        other.execute(started.format("now() - interval '1 hour'"), ["alive"])
        other.execute(started.format("now()"), ["young"])
        other.commit()
        held.execute("SELECT pg_advisory_xact_lock(7823453, id) FROM import_run WHERE file_name = 'alive'")
        take(buildings(tmp_path / "b.geojson", (1, 0, "甲")), target="building")
    assert ask("SELECT file_name, state FROM import_run ORDER BY id") == [
        ("dead", "refused"), ("alive", "running"), ("young", "running"), ("b.geojson", "done"),
    ]  # fmt: skip
    assert ask("SELECT i.code FROM import_issue i JOIN import_run r ON r.id = import_run_id"
               " WHERE file_name = 'dead'") == ["interrupted"]  # fmt: skip
