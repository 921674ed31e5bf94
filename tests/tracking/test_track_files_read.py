"""Track files as offices and devices write them, and what is no track file."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tracking.analyse.header import TrackFileError
from tracking.analyse.reading import TrackFile, read_columns
from tracking.commands import app

EIGHT_IN_CHINA_US = 1_595_030_400_000_000
"""2020-07-18 08:00 +08:00."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracks")


def read(folder: Path, content: str | bytes, name: str = "t.csv") -> TrackFile:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_columns(path)


CHINESE = "设备,时间,经度,纬度,速度,方向\n粤B1,2020/7/18 08:00:00,120.1,30.1,36,90\n"
PLAIN = "device,time,lon,lat\na,2020-07-18T08:00:00,120.1,30.1\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_chinese_files_in_their_encodings(folder: Path, encoding: str) -> None:
    file = read(folder, CHINESE.encode(encoding))
    assert (file.names, file.time_us.tolist(), file.refused) == (["粤B1"], [EIGHT_IN_CHINA_US], [])
    assert (file.speed_mps[0], file.course_deg[0]) == (pytest.approx(10), 90)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("device", "Vehicle").replace("lon,lat", "Longitude, Latitude "),
        PLAIN.replace(",", ";").replace("120.1", "120,1").replace("30.1", "30,1"),
        PLAIN.replace(",", "\t"),
        "车队轨迹\n\n" + PLAIN,
        PLAIN.replace("120.1", '"120.1"').replace("a,", '"a",'),
        PLAIN.replace("30.1", "30.1,,"),
        PLAIN + "\n\n",
        PLAIN.rstrip("\n"),
    ],
)
def test_separators_headers_quotes_and_loose_ends(folder: Path, content: str) -> None:
    file = read(folder, content)
    assert (file.names, file.time_us.tolist()) == (["a"], [EIGHT_IN_CHINA_US])
    assert (file.lon.tolist(), file.lat.tolist(), file.refused) == ([120.1], [30.1], [])


@pytest.mark.parametrize(
    ("told", "after_s"),
    [
        ("2020-07-18T00:00:00Z", 0),
        ("2020-07-18T08:00:00+08:00", 0),
        ("2020-07-18 08:00:00.500+0800", 0.5),
        ("2020-07-18 08:00:00 +08:00", 0),
        ("2020-07-18 08:00:00", 0),
        ("2020-07-18 08:00", 0),
        ("2020/7/18 8:00:01", 1),
        ("2020.07.18 08:00:00", 0),
        ("2020年7月18日 08:00:00", 0),
        ("20200718080000", 0),
        ("1595030400", 0),
        ("1595030400.25", 0.25),
        ("1595030400250", 0.25),
        (" 1595030400 ", 0),
    ],
)
def test_forms_of_time(folder: Path, told: str, after_s: float) -> None:
    file = read(folder, f"device,time,lon,lat\na,{told},120,30\n")
    assert file.refused == []
    assert file.time_us.tolist() == [EIGHT_IN_CHINA_US + round(after_s * 1e6)]


@pytest.mark.parametrize(
    "told", ["", "x", "2020-13-18T08:00:00", "2020-07-18T24:00:01", "1e300", "inf", "nan", "18/07/2020 08:00"]
)
def test_what_is_no_time(folder: Path, told: str) -> None:
    file = read(folder, f"device,time,lon,lat\na,{told},120,30\na,1595030400,120,30\n")
    assert [(row, line, device) for row, line, device, _ in file.refused] == [(0, 2, "a")]
    assert file.row.tolist() == [1]


ROWS = st.lists(
    st.sampled_from(
        [
            ("a,1595030400,120,30", True),
            ("b,2020-07-18T08:00:00Z,120,30", True),
            ("a,1595030400,120,30,more,fields", True),
            ("a,1595030400,120", False),
            ("a", False),
            ("a,not a time,120,30", False),
            (",1595030400,120,30", False),
            ("a,1595030400,,30", False),
            ("a,1595030400,120,nan", False),
        ]
    ),
    max_size=60,
)


@settings(deadline=None)
@given(ROWS)
def test_each_row_keeps_its_place(folder: Path, rows: list[tuple[str, bool]]) -> None:
    file = read(folder, "\n".join(["device,time,lon,lat", *(text for text, _ in rows)]) + "\n")
    assert file.row.tolist() == [at for at, (_, good) in enumerate(rows) if good]
    assert [row for row, *_ in file.refused] == [at for at, (_, good) in enumerate(rows) if not good]
    assert [file.names[device] for device in file.device] == [text[0] for text, good in rows if good]
    first = list(dict.fromkeys(text[0] for text, good in rows if good))
    assert file.names == first


def test_rows_apart_are_put_back_also_across_blocks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.analyse.reading.BLOCK_BYTES", 300)
    rows = ["a,1,120,30" if at % 7 else "a,1,120,30,x" if at % 2 else "a,1" for at in range(400)]
    file = read(folder, "\n".join(["device,time,lon,lat", *rows]))
    assert file.row.tolist() == [at for at, text in enumerate(rows) if text != "a,1"]
    assert [row for row, *_ in file.refused] == [at for at, text in enumerate(rows) if text == "a,1"]


def test_a_quotation_mark_that_is_never_closed_costs_no_row(folder: Path) -> None:
    file = read(folder, 'device,time,lon,lat\n"a,1,120,30\nb,1,120,30\n')
    assert (file.names, file.row.tolist()) == (["a", "b"], [0, 1])


def test_speeds_in_their_units_and_what_is_no_number(folder: Path) -> None:
    rows = ["a,1,120,30,10,m/s", "a,2,120,30,36,km/h", "a,3,120,30,x,km/h", "a,4,120,30,,"]
    file = read(folder, "\n".join(["device,time,lon,lat,speed,speed_unit", *rows]))
    assert file.speed_mps.tolist()[:2] == pytest.approx([10, 10])
    assert np.isnan(file.speed_mps[2:]).all()
    knots = read(folder, "device,time,lon,lat,speed_kn\na,1,120,30,10\n")
    assert knots.speed_mps[0] == pytest.approx(5.14444, abs=1e-4)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"a,b,c\n1,2,3\n", "no column device, time, lon, lat; the first line is: a, b, c"),
        (b"device,time,longitud,lat\n", "no column lon"),
        (bytes(range(256)) * 20, "zero bytes|no text"),
        (b"\x81\xff\xfe\x80" * 50, "no text in UTF-8"),
        (gzip.compress(PLAIN.encode(), mtime=0)[:40], "ended before|end-of-stream"),
    ],
)
def test_what_is_no_track_file_says_so(folder: Path, content: bytes, told: str) -> None:
    with pytest.raises(TrackFileError, match=told) as caught:
        read(folder, content)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in caught.value.text.zh)


def test_a_file_that_is_missing_and_a_folder(folder: Path) -> None:
    for path, told in ((folder / "none.csv", "文件不存在"), (folder, "这是目录")):
        with pytest.raises(TrackFileError) as caught:
            read_columns(path)
        assert told in caught.value.text.zh


@pytest.mark.parametrize(
    "rows", ["", "a,x,120,30\n", "a,1,0,0\n", "a,1,999,30\n", "a,1,120,30\n", "a,1,1e999,30\na,2,120,30\n"]
)
def test_hardly_anything_is_analysed_all_the_same(folder: Path, rows: str) -> None:
    path = folder / "few.csv"
    path.write_text("device,time,lon,lat\n" + rows)
    result = CliRunner().invoke(app, ["analyse", str(path)])
    assert (result.exit_code, result.exception) == (0, None)
    text = CliRunner().invoke(app, ["analyse", "--text", str(path)])
    assert text.exit_code == 0


def test_exchanged_columns_are_told_of(folder: Path) -> None:
    path = folder / "exchanged.csv"
    path.write_text("device,time,lat,lon\na,1,120,30\na,2,120,30\n")
    result = CliRunner().invoke(app, ["analyse", str(path)])
    assert "可能写反了" in result.stderr
    assert result.stdout.count('"bad_latitude"') == 3  # two drops and the summary
