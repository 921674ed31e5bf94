"""The gazetteer in a real database: import, reload, batch with resume. All places are made up."""

import csv
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from openpyxl import load_workbook

from geocoding.answers import geocode
from geocoding.batch import COLUMNS, run
from geocoding.forward import Hints
from geocoding.imports import import_table
from geocoding.sheets import UnreadableTable
from geocoding.store import DatabaseCodes, load_calibration, load_gazetteer
from geocoding.tables import TableSpec, UnknownColumn
from gis_core.errors import BadInput

ROADS = ["长安路", "青石巷", "云锦西路", "望江东路", "采莲街", "百草路", "听松路", "落霞街"]
DEG = 1 / 111_195.0


def write_city(path: Path, *, encoding: str = "utf-8", seed: int = 7) -> Path:
    """Eight straight roads of 150 doors each, 10 m a number, odd and even apart; plus places."""
    drawn = random.Random(seed)
    with path.open("w", encoding=encoding, newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["编号", "详细地址", "区县", "经度", "纬度"])
        key = 0
        for index, road in enumerate(ROADS):
            for number in range(1, 301, 2 if index % 2 else 1):
                x, y = number * 10.0, index * 900.0 + (12 if number % 2 else -12)
                lon = 120.0 + (x + drawn.gauss(0, 5)) * DEG / math.cos(math.radians(30.5))
                lat = 30.5 + (y + drawn.gauss(0, 5)) * DEG
                out.writerow([key, f"{road}{number}号", "望川区", f"{lon:.7f}", f"{lat:.7f}"])
                key += 1
        for name in ("南营村顾家宅", "南营村沈家宅", "花园小区"):
            out.writerow([key, name, "望川区", "120.05", "30.52"])
            key += 1
    return path


@pytest.fixture
def connection(database_url: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(database_url)


@pytest.fixture
def spec(tmp_path: Path) -> TableSpec:
    return TableSpec(write_city(tmp_path / "city.csv"), "demo", {"key": "编号"}, "wgs84", 0.8)


def test_import_again_changes_nothing(connection: psycopg.Connection, spec: TableSpec) -> None:
    first = import_table(connection, spec)
    assert (first.rows, first.unread, first.inserted) == (1803, 0, 1803)
    again = import_table(connection, spec)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 1803)


def test_known_and_unknown_doors(connection: psycopg.Connection, spec: TableSpec) -> None:
    import_table(connection, spec)
    gazetteer, calibration = load_gazetteer(connection), load_calibration(connection)
    known = geocode(gazetteer, calibration, "望川区长安路一百二十三号")
    assert known.best is not None
    assert (known.best.level, known.combination and known.combination.number) == ("door", 3)
    between = geocode(gazetteer, calibration, "青石巷100号", Hints("望川区"))
    assert between.best is not None
    assert between.best.level == "interpolated"
    expected_lon = 120.0 + 1000.0 * DEG / math.cos(math.radians(30.5))
    assert abs(between.best.lon - expected_lon) / DEG < 40
    assert geocode(gazetteer, calibration, "无此路12号").status == "not_found"
    assert geocode(gazetteer, calibration, "").status == "not_found"
    wrong = geocode(gazetteer, calibration, "长按路123号")
    assert wrong.best is not None
    assert (wrong.best.reason, wrong.best.matched) == ("homophone", "望川区长安路123号")


def test_replace_removes_what_is_gone(
    connection: psycopg.Connection, spec: TableSpec, tmp_path: Path
) -> None:
    import_table(connection, spec, calibrated=False)
    short = tmp_path / "short.csv"
    short.write_text("".join(spec.path.read_text().splitlines(keepends=True)[:101]), encoding="utf-8")
    report = import_table(
        connection, TableSpec(short, "demo", {"key": "编号"}), replace=True, calibrated=False
    )
    assert report.removed == 1703
    assert load_gazetteer(connection).size == 100


def table_of(path: Path, *rows: tuple[str, str, str, float]) -> TableSpec:
    """Rows of key, address, name and longitude as a table that is imported bit by bit."""
    lines = [f"{key},{address},{name},望川区,{lon},30.5" for key, address, name, lon in rows]
    path.write_text("\n".join(["编号,详细地址,名称,区县,经度,纬度", *lines]), encoding="utf-8")
    return TableSpec(path, "shops", {"key": "编号"}, "wgs84", 0.8)


def test_houses_that_addresses_name(connection: psycopg.Connection, tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    shop = ("1", "听松路500号青石大厦8层", "永和餐馆", 120.02)
    import_table(connection, table_of(file, shop, ("2", "听松路9号", "丹塘书院", 120.04)))

    def found(text: str) -> tuple[float, ...]:
        answer = geocode(load_gazetteer(connection), load_calibration(connection), text)
        return tuple(round(candidate.lon, 2) for candidate in answer.candidates)

    assert found("青石大厦") == (120.02,)
    # The building itself, beside the shop and far from it: near by it stands for what addresses say.
    import_table(connection, table_of(file, ("3", "听松路502号", "青石大厦", 120.021)))
    gazetteer = load_gazetteer(connection)
    columns = gazetteer.columns_of(gazetteer.bases.ids["青石大厦"])
    (cluster,) = gazetteer.clusters_of(gazetteer.bases.ids["青石大厦"])
    members = columns.clusters[cluster]
    assert members.end - members.start == 1
    import_table(connection, table_of(file, ("3", "听松路702号", "青石大厦", 120.2)))
    assert sorted(found("青石大厦")) == [120.02, 120.2]


def test_what_a_row_no_longer_tells_is_gone(connection: psycopg.Connection, tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    import_table(connection, table_of(file, ("1", "听松路500号青石大厦8层", "永和餐馆", 120.02)))
    report = import_table(connection, table_of(file, ("1", "听松路600号", "永和餐馆", 120.03)))
    assert (report.inserted, report.updated, report.removed) == (0, 2, 1)
    gazetteer, calibration = load_gazetteer(connection), load_calibration(connection)
    assert geocode(gazetteer, calibration, "青石大厦").status == "not_found"


def test_gbk_and_bad_tables(connection: psycopg.Connection, tmp_path: Path) -> None:
    gbk = TableSpec(write_city(tmp_path / "gbk.csv", encoding="gbk"), "gbk")
    assert import_table(connection, gbk, calibrated=False).inserted == 1803
    with pytest.raises(UnknownColumn) as refused:
        import_table(connection, TableSpec(gbk.path, "x", {"address": "住址"}))
    assert "详细地址" in refused.value.text.zh
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(UnreadableTable):
        import_table(connection, TableSpec(empty, "x"))
    with pytest.raises(UnreadableTable):
        import_table(connection, TableSpec(tmp_path / "none.csv", "x"))


def test_codes(connection: psycopg.Connection, spec: TableSpec) -> None:
    import_table(connection, spec, calibrated=False)
    connection.execute(
        "INSERT INTO unit_grid (code, community_code, area_m2, initial_date, geom) VALUES"
        " ('990102001005012', '990102001005', 10000, '2024-01-01',"
        "  ST_MakeEnvelope(120.0, 30.5, 120.001, 30.501, 4326))"
    )
    answer = geocode(
        load_gazetteer(connection), load_calibration(connection), "990102001005012",
        codes=DatabaseCodes(connection),
    )  # fmt: skip
    assert answer.status == "accepted"
    assert answer.combination is not None
    assert answer.combination.number == 17
    assert answer.best is not None
    assert answer.best.lon == pytest.approx(120.0005)


def questions(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["id", "地址"])
        for i in range(count):
            out.writerow([i, f"{ROADS[i % 8]}{i % 300 + 1}号"])
    return path


def test_batch_columns(connection: psycopg.Connection, spec: TableSpec, tmp_path: Path) -> None:
    import_table(connection, spec)
    source, output = questions(tmp_path / "in.csv", 1200), tmp_path / "out.csv"
    args = (load_gazetteer(connection), load_calibration(connection), None)
    report = run(source, output, *args, address_column="地址")
    rows = list(csv.reader(output.open(encoding="utf-8")))
    assert rows[0] == ["id", "地址", *COLUMNS]
    assert len(rows) == 1201 == report.rows + 1
    assert sum(report.statuses.values()) == 1200
    assert not (tmp_path / "out.csv.progress").exists()
    with pytest.raises(UnknownColumn):
        run(source, output, *args, address_column="住址")


def test_batch_keeps_to_what_it_was_asked(
    connection: psycopg.Connection, spec: TableSpec, tmp_path: Path
) -> None:
    """No input is overwritten, nothing of another question is gone on with, no odd cell breaks a workbook."""
    import_table(connection, spec, calibrated=False)
    args = (load_gazetteer(connection), load_calibration(connection), None)
    source = tmp_path / "in.csv"
    source.write_text("编号,地址,住址\n=1+1,长安路\x015号,采莲街6号,多余\n2,,\n3\n", encoding="utf-8")
    before = source.read_bytes()
    with pytest.raises(BadInput):
        run(source, source, *args, address_column="地址")
    assert source.read_bytes() == before
    with pytest.raises(BadInput) as refused:
        run(source, tmp_path / "none" / "out.csv", *args, address_column="地址")
    assert "none" in refused.value.text.zh

    output = tmp_path / "out.csv"
    run(source, output, *args, address_column="地址")
    one = output.read_bytes()
    # A run of the other column that was killed at once.
    stat = source.stat()
    output.write_bytes(one[: one.index(b"\n") + 1])
    note = {"rows": 1, "bytes": one.index(b"\n") + 1, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    (tmp_path / "out.csv.progress").write_text(json.dumps(note | {"asked": ["住址", None, None]}))
    report = run(source, output, *args, address_column="地址")
    assert (report.resumed_at, output.read_bytes()) == (0, one)
    assert (report.too_long, report.first_too_long) == (1, 1)

    book = tmp_path / "out.xlsx"
    run(source, book, *args, address_column="地址")
    cells = list(load_workbook(book).worksheets[0].iter_rows(values_only=True))
    assert cells[1][:3] == ("=1+1", "长安路5号", "采莲街6号")
    assert len(cells) == 4


class Stopped(Exception):
    """Raised by a run's own report of progress."""


def test_a_run_goes_on_only_within_the_same_areas(
    connection: psycopg.Connection, spec: TableSpec, tmp_path: Path
) -> None:
    """What one had found must not stand in the table of another who may see less."""
    import_table(connection, spec)
    source, output = questions(tmp_path / "in.csv", 1_200), tmp_path / "out.csv"
    args = (load_gazetteer(connection), load_calibration(connection), None)

    def stop(done: int) -> None:
        raise Stopped

    def stopped(within: list[str] | None) -> None:
        with pytest.raises(Stopped):
            run(source, output, *args, address_column="地址", within=within, progress=stop)

    for first, then, goes_on in (
        (None, None, True),
        (["990102%"], ["990102%"], True),
        (None, ["990102%"], False),
        (["990102%"], ["990104%"], False),
        (["990102%"], None, False),
        (None, [], False),
    ):
        stopped(first)
        report = run(source, output, *args, address_column="地址", within=then)
        assert (report.rows, report.resumed_at > 0) == (1_200, goes_on)


def test_batch_goes_on_after_kill(
    connection: psycopg.Connection, spec: TableSpec, tmp_path: Path, database_url: str
) -> None:
    import_table(connection, spec)
    source, output = questions(tmp_path / "in.csv", 30_000), tmp_path / "out.csv"
    program = "from geocoding.commands import app; app()"
    command = [sys.executable, "-c", program, "batch", str(source), str(output), "--address-column", "地址"]
    environment = os.environ | {"WANMI_DATABASE_URL": database_url}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    note = tmp_path / "out.csv.progress"
    deadline = time.monotonic() + 60
    while not note.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert note.exists(), "killed too late to prove anything"
    second = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True, text=True)
    assert '"resumed_at": 0' not in second.stdout
    whole = tmp_path / "whole.csv"
    subprocess.run(
        [*command[:4], str(source), str(whole), *command[6:]],
        env=environment,
        capture_output=True,
        check=True,
    )
    assert output.read_bytes() == whole.read_bytes()
    rows = list(csv.reader(output.open(encoding="utf-8")))
    assert [row[0] for row in rows[1:]] == [str(i) for i in range(30_000)]
    assert {len(row) for row in rows} == {2 + len(COLUMNS)}
