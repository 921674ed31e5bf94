"""Table files as offices send them: any encoding, several sheets, odd cells; and files that are no table."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from geocoding.sheets import UnreadableTable, rows_of, sheet_names, text_encoding
from geocoding.tables import RepeatedColumn, UnknownColumn, column_at

ROWS = [["编号", "地址"], ["1", "长安路123号"], ["2", "望川区采莲街，5号\n后门"], ["3", '他说"在对面"']]


def text_of(rows: list[list[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", b""), ("utf-8-sig", b""), ("gbk", b""), ("gb18030", b""), ("utf-16", b""),
     ("utf-16-le", b""), ("utf-16-be", b""), ("utf-16-be", b"\xfe\xff"), ("utf-32", b"")],
)  # fmt: skip
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_every_usual_encoding(tmp_path: Path, encoding: str, mark: bytes, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(mark + text_of(ROWS, delimiter).encode(encoding))
    found = list(rows_of(path))
    assert [[cell.lstrip("\ufeff") for cell in row] for row in found] == ROWS
    zipped = tmp_path / "a.csv.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert list(rows_of(zipped)) == found


def test_a_text_that_turns_chinese_only_after_its_first_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_bytes(b"id,address\n" + b"1,none\n" * 200_000 + "2,长安路5号\n".encode("gbk"))
    assert list(rows_of(path))[-1] == ["2", "长安路5号"]


def test_one_broken_character_does_not_change_the_encoding(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_bytes("编号,地址\n1,长安路5号\n2,望川区采莲街".encode()[:-1])
    assert text_encoding(path) == "utf-8-sig"
    assert list(rows_of(path))[2][1].startswith("望川区采莲")


def test_control_characters_emoji_and_long_cells(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    long = "长安路" * 3_500
    path.write_text(f"地址\n长安路\x01\x08\0 5号😀\n{long}\n", encoding="utf-8")
    assert list(rows_of(path)) == [["地址"], ["长安路\x01\x08 5号😀"], [long]]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500),
        ("a.csv", b"%PDF-1.7 ..."),
        ("a.csv", bytes(range(256)) * 40),
        ("a.xlsx", b"PK\x03\x04 broken"),
        ("a.csv", b"PK\x03\x04 broken"),
        ("a.csv.gz", b"\x1f\x8b broken"),
        ("a.csv", b'a\n"never closed\n' + b"x\n" * 600_000),
    ],
)
def test_what_is_no_table_is_said_in_both_languages(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    if name == "a.csv" and data.startswith(bytes(range(8))):
        # Binary rubbish without a known mark is read as text; it must not break anything.
        assert list(rows_of(path))
        return
    with pytest.raises(UnreadableTable) as refused:
        list(rows_of(path))
    assert name in refused.value.text.zh
    assert name in refused.value.text.en


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b",,\n , \n"])
def test_nothing_in_it(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    assert list(rows_of(path)) == []


def test_the_first_sheet_that_holds_anything_or_the_one_named(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.title = "封面"
    for title, address in (("一月", "长安路1号"), ("二月", "长安路2号")):
        sheet = book.create_sheet(title)
        sheet.append([None, None])
        sheet.append(["编号", "地址"])
        sheet.append([1, address])
    path = tmp_path / "月报.xlsx"
    book.save(path)
    assert sheet_names(path) == ["一月", "二月"]
    assert list(rows_of(path)) == [["编号", "地址"], ["1", "长安路1号"]]
    assert list(rows_of(path, "二月"))[1] == ["1", "长安路2号"]
    with pytest.raises(UnreadableTable) as refused:
        list(rows_of(path, "三月"))
    assert "二月" in refused.value.text.zh


def test_columns_by_name_or_place() -> None:
    header = ["\ufeff编号", " 地址 ", "备注", "地址"]
    assert column_at(header, "编号") == 0
    with pytest.raises(RepeatedColumn) as refused:
        column_at(header, "地址")
    assert "#2" in refused.value.text.en
    assert column_at(header, "#4") == 3
    assert column_at(["#4", "b"], "#4") == 0
    for unknown in ("住址", "#5", "#0", "#", ""):
        with pytest.raises(UnknownColumn):
            column_at(header, unknown)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(st.text(st.characters(codec="gb18030", exclude_characters="\0\ufeff"), max_size=12),
                 min_size=2, max_size=4),
        min_size=1, max_size=6,
    ).filter(lambda rows: rows[0][0].strip() != ""),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)  # fmt: skip
def test_any_cells_come_back_as_they_went(tmp_path: Path, rows: list[list[str]], encoding: str) -> None:
    path = tmp_path / "any.csv"
    header = ["地址列甲", "地址列乙"]
    path.write_bytes(text_of([header, *rows]).encode(encoding))
    assert [[cell.lstrip("\ufeff") for cell in row] for row in rows_of(path)] == [header, *rows]
