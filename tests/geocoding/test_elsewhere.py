"""Addresses of other cities. Areas are of the country's list; roads, doors and shops are made up."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocoding.answers import explain, geocode
from geocoding.calibration import Calibration
from geocoding.forward import Hints
from geocoding.grammar.elsewhere import Home, Outside, home_of, told_outside
from geocoding.grammar.reading import read
from geocoding.index.entries import Names
from geocoding.index.gazetteer import Gazetteer
from tests.geocoding.test_locating import at, gazetteer

TRUSTING = Calibration(threshold=0.0)


@pytest.fixture(scope="module")
def shanghai() -> Gazetteer:
    rows = [at(str(n), f"采莲南路{n}号", n * 10.0, 0.0, district="黄浦区") for n in range(2, 60, 2)]
    rows += [at("a", "听松路1号", 0.0, 900.0, "丹塘书院", district="杨浦区")]
    rows += [at("b", "听松路3号", 30.0, 900.0, "望江广场", district="鼓楼新区")]
    return gazetteer(rows, districts=("黄浦区", "杨浦区"))


def test_home_is_the_province_of_most_districts() -> None:
    assert home_of(("黄浦区", "杨浦区", "闸北区"), ()) == Home("上海", frozenset(("上海",)))
    assert home_of(("鼓楼区", "秦淮区", "玄武区"), ("南京市",)) == Home("江苏", frozenset(("南京",)))
    assert home_of(("鼓楼区", "秦淮区"), ()) == Home("江苏", frozenset())
    assert home_of(("望川区",), ("望川市",)) == Home()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("江苏省南京市秦淮区采莲南路12号", "江苏省南京市秦淮区"),
        ("南京市采莲南路12号", "南京市"),
        ("江苏南京市采莲南路12号有人乱倒垃圾", "江苏南京市"),
        ("河南省采莲南路12号", "河南省"),
        ("新疆维吾尔自治区采莲南路12号", "新疆维吾尔自治区"),
        ("广州天河区采莲南路12号", "广州天河区"),
        ("湖北省武汉市采莲南路12号青石(上海)有限公司", "湖北省武汉市"),
    ],
)
def test_what_is_said_to_lie_in_another_city_is_not_found_here(
    shanghai: Gazetteer, text: str, told: str
) -> None:
    answer = geocode(shanghai, TRUSTING, text, Hints())
    assert (answer.status, answer.candidates, answer.elsewhere) == ("not_found", [], told)
    assert explain(answer)["elsewhere"] == told


@pytest.mark.parametrize(
    "text",
    [
        "采莲南路12号",
        "上海市采莲南路12号",
        "上海采莲南路12号",
        "上海市上海市黄浦区采莲南路12号",
        "黄浦区采莲南路12号",
        "闸北区采莲南路12号",
        "黄浦采莲南路12号",
        "上海黄浦采莲南路12号",
        "采莲南路12号(兰州拉面)",
        "采莲南路12号南京小笼包门口",
    ],
)
def test_what_lies_here_is_found(shanghai: Gazetteer, text: str) -> None:
    answer = geocode(shanghai, TRUSTING, text)
    assert (answer.status, answer.elsewhere) == ("accepted", "")


@pytest.mark.parametrize(
    "text", ["秦淮区采莲南路12号", "丹青市丹塘书院", "青石镇丹塘书院", "南京市黄浦区采莲南路12号"]
)
def test_an_area_the_city_does_not_have_is_looked_at_before_acceptance(
    shanghai: Gazetteer, text: str
) -> None:
    assert geocode(shanghai, TRUSTING, text).status == "doubtful"
    assert geocode(shanghai, TRUSTING, re.sub("^.+?[区市镇](黄浦区)?", "", text)).status == "accepted"


PIECES = st.sampled_from(
    [
        "江苏省", "南京市", "南京", "上海市", "上海", "黄浦区", "秦淮区", "浦东区", "采莲南路",
        "听松路", "12号", "5弄", "青石大厦", "丹塘书院", "丹塘", "望江广场", "门口", "对面",
        "(", ")", ",", "和", "与", "有人乱倒垃圾", "😀", "\x00", "3楼", "A座", "1203室",
        "路口", "附近", "东50米", "njdl",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=8).map("".join))
@settings(max_examples=400, deadline=None)
def test_no_text_is_too_odd(shanghai: Gazetteer, text: str) -> None:
    answer = geocode(shanghai, Calibration(), text, Hints("黄浦区"))
    assert answer.status in ("accepted", "doubtful", "ambiguous", "not_found")
    assert bool(answer.candidates) == (answer.status != "not_found")
    assert explain(answer)["canonical"] == answer.reading.canonical


def test_the_city_itself_told_with_a_larger_one_is_the_city() -> None:
    """昆山市 lies in 苏州市: a city of county level is told with the one above it."""
    names = Names(cities=frozenset(("昆山市",)))
    names.add_areas(("昆山市",), (), ())
    home = home_of(("昆山市",), names.cities)
    assert home == Home("江苏", frozenset(("昆山",)))
    for text in ("江苏省苏州市昆山市采莲南路12号", "苏州昆山采莲南路12号", "昆山市采莲南路12号"):
        assert told_outside(read(text, names.lexicon), home, names.lexicon) is None, text
    away = told_outside(read("苏州市采莲南路12号", names.lexicon), home, names.lexicon)
    assert away == Outside("苏州市", sure=True)


def test_a_city_that_is_in_no_list_takes_every_address_for_its_own() -> None:
    known = gazetteer([at("1", "采莲南路12号", 0.0, 0.0)])
    assert geocode(known, TRUSTING, "江苏省南京市采莲南路12号").status == "accepted"


def test_a_name_on_an_unknown_road_is_not_accepted(shanghai: Gazetteer) -> None:
    answer = geocode(shanghai, TRUSTING, "无名路丹塘书院")
    assert answer.best is not None
    assert (answer.status, answer.best.reason) == ("doubtful", "house")
