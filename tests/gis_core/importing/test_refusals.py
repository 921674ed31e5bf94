"""Bad files: each gets its own message, is recorded as refused, and leaves nothing behind."""

import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import shapely

from command_center.processes.postgres import Cluster
from gis_core.importing import archives
from gis_core.importing.component_mapping import ClassDictionary
from gis_core.importing.errors import ImportRefused
from gis_core.importing.report import ImportReport
from tests.gis_core.importing import city_files
from tests.gis_core.importing.city_files import square
from tests.gis_core.importing.conftest import Ask, Take

TABLES = ("road", "building", "land_cover", "facility", "component", "area")


def nothing_is_left(ask: Ask, slug: str) -> None:
    """No feature is stored; the newest run is refused and says why."""
    assert sum(count for table in TABLES for count in ask(f"SELECT count(*) FROM {table}")) == 0
    [(state, code)] = ask(
        "SELECT state, i.code FROM import_run r JOIN import_issue i ON i.import_run_id = r.id"
        " WHERE i.feature = 'file' AND i.code = %s ORDER BY i.id LIMIT 1",
        slug,
    )
    assert (state, code) == ("refused", slug)


def refused(take: Take, file: Path, **options: object) -> ImportRefused:
    with pytest.raises(ImportRefused) as caught:
        take(file, **options)
    assert caught.value.text.zh != caught.value.text.en
    return caught.value


def test_shapefile_without_prj_names_the_flag_and_the_likely_code(
    take: Take, ask: Ask, tmp_path: Path
) -> None:
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [square(0, 0)], {"name": ["甲"]}, srid=4528, without=(".prj",)
    )
    error = refused(take, file, target="building")
    assert error.slug == "crs-missing"
    assert "--srid" in error.text.zh
    assert "4528" in error.text.en
    nothing_is_left(ask, "crs-missing")
    assert take(file, target="building", srid=4528).counts["building"].inserted == 1


@pytest.mark.parametrize(
    ("really", "claimed", "hint"),
    [
        (4528, 4549, "4528"),
        (4549, 4528, "4549"),
        (4549, 4326, "4549"),
        (4326, 4549, "4326"),
        (3857, 4490, "3857"),
    ],
)
def test_a_wrong_system_is_noticed(
    take: Take, ask: Ask, tmp_path: Path, really: int, claimed: int, hint: str
) -> None:
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [square(0, 0)], {"name": ["甲"]}, srid=really, without=(".prj",)
    )
    error = refused(take, file, target="building", srid=claimed)
    assert error.slug == "crs-implausible"
    assert hint in error.text.en
    nothing_is_left(ask, "crs-implausible")


def test_unknown_srid(take: Take, tmp_path: Path) -> None:
    file = city_files.shapefile_zip(tmp_path / "a.zip", [square(0, 0)], {"name": ["甲"]})
    assert refused(take, file, target="building", srid=999_999).slug == "crs-unknown"


def test_osm_cut_in_the_middle(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = city_files.osm_xml(tmp_path / "cut.osm")
    content = file.read_bytes()
    file.write_bytes(content[: content.index(b'<way id="33"') + 20])
    error = refused(take, file)
    assert error.slug == "damaged-file"
    assert "line" in error.text.en
    nothing_is_left(ask, "damaged-file")


@pytest.mark.parametrize("name", ["a.zip", "a.gpkg", "a.geojson", "a.osm.pbf", "a.osm"])
def test_garbage_under_every_name(take: Take, ask: Ask, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"\x00\x01garbage" * 500)
    assert refused(take, file, target="road").slug == "damaged-file"
    nothing_is_left(ask, "damaged-file")


def test_cut_zip_and_cut_geojson(take: Take, tmp_path: Path) -> None:
    file = city_files.shapefile_zip(tmp_path / "a.zip", [square(0, 0)], {"name": ["甲"]})
    file.write_bytes(file.read_bytes()[:-200])
    assert refused(take, file, target="building").slug == "damaged-file"
    text = city_files.geojson(tmp_path / "b.geojson", [(square(0, 0), {"id": 1}), (square(1, 0), {"id": 2})])
    text.write_bytes(text.read_bytes()[:-60])
    assert refused(take, text, target="building").slug == "damaged-file"


def test_missing_file_unknown_format_unknown_layer_unknown_field(take: Take, tmp_path: Path) -> None:
    assert refused(take, tmp_path / "none.gpkg").slug == "file-missing"
    (tmp_path / "a.dwg").write_bytes(b"AC1032")
    assert refused(take, tmp_path / "a.dwg").slug == "unknown-format"
    file = city_files.geopackage(
        tmp_path / "b.gpkg", "roads", [shapely.LineString([(120, 30.5), (120.01, 30.5)])], {"id": [1]}
    )
    city_files.geopackage(file, "other", [square(0, 0)], {"id": [1]})
    assert refused(take, file).slug == "layer-needed"
    error = refused(take, file, layer="streets")
    assert (error.slug, "roads, other" in error.text.en) == ("unknown-layer", True)
    assert refused(take, file, layer="other").slug == "target-unclear"
    assert refused(take, file, layer="roads", field_map={"name": "路名"}).slug == "unknown-field"
    assert refused(take, file, layer="roads", within="990199").slug == "unknown-area"


def test_text_that_no_trial_reads(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = city_files.shapefile_zip(
        tmp_path / "a.zip", [square(0, 0)], {"name": ["abcd"]}, replacing=(b"abcd", b"\xff\xfe\xfd ")
    )
    assert refused(take, file, target="building").slug == "encoding-unknown"
    error = refused(take, file, target="building", encoding="gbk")
    assert (error.slug, "ff" in error.text.en) == ("encoding-wrong", True)
    assert refused(take, file, target="building", encoding="klingon").slug == "unknown-encoding"
    nothing_is_left(ask, "encoding-wrong")


def test_zip_that_climbs_out(take: Take, tmp_path: Path) -> None:
    file = tmp_path / "evil.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../evil.geojson", "{}")
    assert refused(take, file).slug == "unsafe-zip"


def test_zip_bomb(take: Take, tmp_path: Path) -> None:
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.geojson", b"0" * (64 * 2**20))
    assert refused(take, file).slug == "unsafe-zip"


def test_zip_whose_directory_lies_about_sizes(
    take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "liar.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.geojson", b"0" * 4_000)
    monkeypatch.setattr(archives, "_check", lambda archive, members: None)
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 1_000)
    assert refused(take, file).slug == "unsafe-zip"


def test_all_features_refused_refuses_the_file(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = city_files.geojson(
        tmp_path / "areas.geojson", [(square(0, 0), {"name": "无代码"}), (None, {"code": "990102"})]
    )
    error = refused(take, file, target="area")
    assert error.slug == "nothing-taken"
    assert error.report is not None
    assert {found.code for found in error.report.issues} >= {"code-missing", "geometry-missing"}
    nothing_is_left(ask, "nothing-taken")


def test_unknown_component_class_code() -> None:
    with pytest.raises(ImportRefused, match="9999"):
        ClassDictionary.shipped({"神秘设施": "9999"})


def test_a_failure_late_in_the_load_leaves_nothing(
    take: Take, ask: Ask, database_url: str, tmp_path: Path
) -> None:
    """The database refuses the last of 25,000 rows, after the first batch was staged."""
    shapes = [(square(at % 50, at // 50, 0.0001), {"id": at, "height": 10}) for at in range(25_000)]
    shapes[-1] = (shapes[-1][0], {"id": 24_999, "height": 999})
    file = city_files.geojson(tmp_path / "b.geojson", shapes)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE building ADD CONSTRAINT low CHECK (height_m < 900)")
    assert refused(take, file, target="building").slug == "database-refused"
    nothing_is_left(ask, "database-refused")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = Path(tempfile.mkdtemp(prefix="wd-", dir="/tmp"))
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs", folder], capture_output=True
    )
    if made.returncode:
        folder.rmdir()
        pytest.skip(f"a small file system needs root: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


def many_buildings(folder: Path) -> Path:
    return city_files.geopackage(
        folder / "many.gpkg",
        "buildings",
        [square(at % 100, at // 100, 0.0001) for at in range(20_000)],
        {"id": list(range(20_000))},
    )


def test_full_disk_under_the_database(
    take: Take, ask: Ask, cluster: Cluster, database_url: str, small_disk: Path, tmp_path: Path
) -> None:
    if os.getuid() == 0:
        owner = cluster.folder.stat()
        os.chown(small_disk, owner.st_uid, owner.st_gid)
    with psycopg.connect(cluster.url("postgres", superuser=True), autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")  # type: ignore[arg-type]
        admin.execute("GRANT CREATE ON TABLESPACE small TO PUBLIC")
    try:
        separator = "&" if "?" in database_url else "?"
        url = f"{database_url}{separator}options=-c%20temp_tablespaces%3Dsmall"
        error = refused(take, many_buildings(tmp_path), url=url)
        assert (error.slug, error.status) == ("disk-full", 507)
        nothing_is_left(ask, "disk-full")
    finally:
        with psycopg.connect(cluster.url("postgres", superuser=True), autocommit=True) as admin:
            admin.execute("DROP TABLESPACE small")


def test_full_disk_while_unpacking(
    take: Take, ask: Ask, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "many.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(many_buildings(tmp_path), "many.gpkg")
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    error = refused(take, packed)
    assert error.slug == "disk-full"
    assert not list(small_disk.iterdir())
    nothing_is_left(ask, "disk-full")


def test_a_refused_import_keeps_what_was_there(
    city: ImportReport, take: Take, ask: Ask, tmp_path: Path
) -> None:
    file = city_files.osm_xml(tmp_path / "city.osm")
    take(file)
    before = ask("SELECT id, name, geom FROM road ORDER BY id")
    file.write_bytes(file.read_bytes()[:-100])
    refused(take, file)
    assert ask("SELECT id, name, geom FROM road ORDER BY id") == before


def test_across_the_antimeridian_is_refused_as_such(take: Take, ask: Ask, tmp_path: Path) -> None:
    across = shapely.box(179.9, 30.0, 180.1, 30.1)
    split = shapely.MultiPolygon([shapely.box(179.9, 30, 180, 30.1), shapely.box(-180, 30, -179.9, 30.1)])
    file = city_files.geojson(tmp_path / "b.geojson", [(across, {"id": 1}), (split, {"id": 2})])
    error = refused(take, file, target="building")
    assert error.slug == "nothing-taken"
    assert error.report is not None
    assert {one.code for one in error.report.issues if one.feature != "file"} == {
        "coordinate-out-of-range", "outside-china",
    }  # fmt: skip
    nothing_is_left(ask, "nothing-taken")


def test_a_table_without_its_shapes_and_a_zip_of_two_layers(take: Take, ask: Ask, tmp_path: Path) -> None:
    lonely = city_files.shapefile_zip(
        tmp_path / "a.zip", [square(0, 0)], {"name": ["甲"]}, without=(".shp", ".shx", ".prj")
    )
    assert refused(take, lonely, target="building").slug == "nothing-in-zip"
    one = city_files.geojson(tmp_path / "东.geojson", [(square(0, 0), {"id": 1})])
    other = city_files.geojson(tmp_path / "西.geojson", [(square(1, 0), {"id": 2})])
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.write(one, one.name)
        archive.write(other, other.name)
    error = refused(take, tmp_path / "both.zip", target="building")
    assert (error.slug, "东" in error.text.zh, "西" in error.text.zh) == ("layer-needed", True, True)
    nothing_is_left(ask, "layer-needed")
    assert take(tmp_path / "both.zip", target="building", layer="西").counts["building"].inserted == 1
