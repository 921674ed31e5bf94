"""Names that share what is uncommon in them. All places are made up."""

import pytest

from geocoding.answers import geocode
from geocoding.calibration import Calibration
from geocoding.grammar.cores import core_of
from geocoding.grammar.lexicon import PLACE, Lexicon
from geocoding.grammar.reading import read
from geocoding.index.alike import AlikeNames
from tests.geocoding.test_locating import at, gazetteer, off_m

NAMES = (
    "望川成达色母粒有限公司", "采莲广场丹塘购物中心", "温泉丽景花园", "阳光幼儿园", "丹青第9人民医院",
    "云锦纺织有限公司", "云锦大厦", "听松超市", "落霞科技有限公司", "百草药店", "石桥镇中学", "南营大酒店",
)  # fmt: skip


@pytest.fixture(scope="module")
def names() -> AlikeNames:
    made = AlikeNames()
    for name in NAMES:
        made.add(name)
        made.add(name)
    return made


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("成达色母粒有限公司", "成达色母粒"),
        ("温泉丽景花园", "温泉丽景"),
        ("花园小区", "花园"),
        ("长安路", "长安路"),
        ("", ""),
    ],
)
def test_cores(name: str, core: str) -> None:
    assert core_of(name) == core


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("成达色母粒公司", "望川成达色母粒有限公司"),
        ("丹塘购物中心", "采莲广场丹塘购物中心"),
        ("温泉丽景", "温泉丽景花园"),
        ("云锦纺织厂", "云锦纺织有限公司"),
    ],
)
def test_what_is_uncommon_tells_a_name(names: AlikeNames, said: str, meant: str) -> None:
    found = names.find(said)
    assert [name for name, _ in found[:1]] == [meant]
    assert 0.6 <= found[0][1] <= 1.0


@pytest.mark.parametrize(
    "said",
    [
        "有限公司",
        "阳光里",
        "丹青第3人民医院",
        "购物中心",
        "宝锦大厦",
        "无此地",
        "温泉",
        "",
        "号" * 500,
        "温泉丽景花园",
    ],
)
def test_what_is_common_tells_none(names: AlikeNames, said: str) -> None:
    assert names.find(said) == []


def test_a_name_nobody_has_is_shown_with_those_like_it_and_never_accepted() -> None:
    rows = [at(str(n), f"长安路{n}号", n * 10.0, 0.0, name) for n, name in enumerate(NAMES, 1)]
    known = gazetteer(rows)
    answer = geocode(known, Calibration(threshold=0.0), "成达色母粒公司有人乱倒垃圾")
    assert answer.best is not None
    assert (answer.status, answer.best.reason) == ("doubtful", "alike")
    assert off_m(answer, 10.0, 0.0) < 1
    assert geocode(known, Calibration(threshold=0.0), "大华化工公司").status == "not_found"


def test_an_estate_without_a_word_for_it_is_known_by_its_house_number() -> None:
    reading = read("碧水岸4栋2单元", Lexicon())
    assert (reading.bases, reading.number and reading.number.value) == (("碧水岸",), 4)
    known = gazetteer([at("1", "望川区碧水岸4栋", 500.0, 0.0), at("2", "望川区碧水岸6栋", 540.0, 0.0)])
    assert off_m(geocode(known, Calibration(), "碧水岸4栋2单元"), 500.0, 0.0) < 1


BY_THE_SQUARE = [
    at("sq", "望川路1号", 0.0, 0.0, "云锦广场"),
    at("mall", "望川路99号", 300.0, 0.0, "来翠商城"),
    at("far", "听松路1号", 9000.0, 9000.0, "来翠超市"),
    at("cook", "望川路7号", 60.0, 0.0, "丰和饭店(云锦店)"),
    at("cook2", "听松路7号", 9000.0, 9100.0, "丰和饭店(听松店)"),
    at("bank", "望川路8号", 80.0, 0.0, "丹青书局"),
    at("bank2", "听松路9号", 9000.0, 9200.0, "丹青书局"),
]


@pytest.mark.parametrize(
    ("said", "where", "reason"),
    [
        ("云锦广场来翠", (300.0, 0.0), "alike"),
        ("云锦广场来翠门口有人乱设摊", (300.0, 0.0), "alike"),
        ("云锦广场，来翠", (300.0, 0.0), "alike"),
        ("听松路来翠", (9000.0, 9000.0), "alike"),
        ("云锦广场丰和饭店", (60.0, 0.0), "short_name"),
        ("云锦广场丹青书局", (80.0, 0.0), "same"),
        ("听松路丹青书局", (9000.0, 9200.0), "same"),
        ("云锦广场喷泉", (0.0, 0.0), "larger_place"),
    ],
)
def test_what_is_said_after_a_place_is_looked_for_near_it(
    said: str, where: tuple[float, float], reason: str
) -> None:
    answer = geocode(gazetteer(BY_THE_SQUARE), Calibration(), said)
    assert answer.best is not None
    assert answer.best.reason == reason
    assert off_m(answer, *where) < 1
    if reason in ("alike", "larger_place"):
        assert answer.status == "doubtful"


def test_a_gate_is_no_crossing() -> None:
    reading = read("云锦广场来翠门口", Lexicon([("云锦广场", PLACE)]))
    assert [(element.kind, element.text) for element in reading.elements[1:]] == [
        ("rest", "来翠"),
        ("relation", "门口"),
    ]
