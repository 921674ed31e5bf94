"""A census of components as GIS offices keep it in a spreadsheet."""

from datetime import date
from pathlib import Path

import openpyxl
import psycopg
import pytest

from gis_core.dictionaries.lists import read_class_list, store_class_list
from gis_core.importing.table_mapping import accuracy_class
from tests.gis_core.importing.conftest import Ask, Take

pytestmark = pytest.mark.usefixtures("city")

HEAD = (
    "标识码 小类名称 标准版本 主管部门 权属单位 养护单位 "
    "部件状态 初始日期 变更日期 数据来源 精度等级 备注 经度 纬度"
)
LOCAL = "代码,小类名称,版本,几何类型\n9001,智慧灯杆,HUZHOU-2026,点\n9101,共享单车停放点,HUZHOU-2026,面\n"


def sheet(path: Path, *rows: list[object], head: str = HEAD) -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(["城市管理部件普查成果表"])
    page.append(head.split())
    for row in rows:
        page.append(row)
    book.save(path)
    return path


@pytest.fixture
def local_edition(database_url: str) -> None:
    text = LOCAL
    with psycopg.connect(database_url) as connection:
        store_class_list(connection, read_class_list(text, "component"))


@pytest.mark.usefixtures("local_edition")
def test_all_that_a_census_tells_comes_in(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = sheet(
        tmp_path / "普查.xlsx",
        ["9901020101000007", "上水井盖", "GB/T 30428.2-2013", "水务局", "自来水公司", "养护一队", "破损",
         "2019-05-04", "2024年3月2日", "实测", "±0.5m", "盖裂", 120.00050, 30.50050],
        [None, "智慧灯杆", None, "城管局", None, None, "完好", "20210630", None, "航测", "B级", None,
         120.00055, 30.5005],
        [None, "电力立杆", "HUZHOU-1999", *[None] * 9, 120.0006, 30.5005],
    )  # fmt: skip
    report = take(file, target="component", source="census", datum="wgs84")
    assert (report.of("component").inserted, report.of("component").refused) == (2, 1)
    assert [one.code for one in report.issues if one.severity == "refused"] == ["edition-unknown"]
    told = """SELECT code, edition, class_code, authority, owner, maintainer, state, initial_date,
                     change_date, data_source, accuracy_class, note FROM component ORDER BY class_code"""
    assert ask(told) == [
        ("9901020101000007", "GBT30428.2-2013", "0101", "水务局", "自来水公司", "养护一队", "broken",
         date(2019, 5, 4), date(2024, 3, 2), "实测", "A", "盖裂"),
        ("9901029001000001", "HUZHOU-2026", "9001", "城管局", None, None, "intact",
         date(2021, 6, 30), None, "航测", "B", None),
    ]  # fmt: skip


@pytest.mark.usefixtures("local_edition")
def test_a_code_of_a_local_class_tells_its_class(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = sheet(tmp_path / "c.xlsx", ["9901029001000012", 120.0005, 30.5005], head="标识码 经度 纬度")
    take(file, target="component", source="census", datum="wgs84")
    assert ask("SELECT code, edition, name FROM component") == [
        ("9901029001000012", "HUZHOU-2026", "智慧灯杆")
    ]


def test_a_second_delivery_keeps_what_it_does_not_tell(take: Take, ask: Ask, tmp_path: Path) -> None:
    file = sheet(
        tmp_path / "a.xlsx", ["7", "上水井盖", "2019-05-04", "A", 120.0005, 30.5005],
        head="编号 小类名称 初始日期 精度等级 经度 纬度",
    )  # fmt: skip
    take(file, target="component", source="census", datum="wgs84")
    later = sheet(
        tmp_path / "a.xlsx", ["7", "上水井盖", "破损", 120.0005, 30.5005],
        head="编号 小类名称 状态 经度 纬度",
    )  # fmt: skip
    report = take(later, target="component", source="census", datum="wgs84")
    assert report.of("component").updated == 1
    assert ask("SELECT state, initial_date, accuracy_class FROM component") == [
        ("broken", date(2019, 5, 4), "A")
    ]
    again = take(later, target="component", source="census", datum="wgs84")
    assert again.of("component").unchanged == 1


@pytest.mark.parametrize(
    ("word", "found"),
    [("A", "A"), ("b级", "B"), ("C类", "C"), ("±0.5 m", "A"), ("1.0米", "B"), ("<=10m", "C"), ("好", None),
     ("30m", None)],
)  # fmt: skip
def test_ways_to_write_the_accuracy(word: str, found: str | None) -> None:
    assert accuracy_class(word) == found
