"""Buildings and estates that addresses name after their number. All places are made up."""

import pytest

from geocoding.answers import geocode
from geocoding.calibration import Calibration
from geocoding.forward import Hints
from geocoding.grammar.elements import Number
from geocoding.grammar.houses import House, house_told
from geocoding.grammar.lexicon import Lexicon
from geocoding.grammar.reading import read
from geocoding.index.gazetteer import Gazetteer
from tests.geocoding.test_locating import at, gazetteer, off_m


@pytest.mark.parametrize(
    ("text", "name", "building"),
    [
        ("望川路500号青石大厦", "青石大厦", None),
        ("望川路500号青石大厦A座12层", "青石大厦", Number(0, "building", "A")),
        ("望川路500号(青石大厦)3楼", "青石大厦", None),
        ("望川路500号紫薇丽都5号楼", "紫薇丽都", Number(5, "building")),
        ("望川路1025弄静安别墅162号1层前门(近采莲路)", "静安别墅", None),
    ],
)
def test_what_stands_after_the_number(text: str, name: str, building: Number | None) -> None:
    assert house_told(read(text, Lexicon())) == House(name, building)


@pytest.mark.parametrize(
    "text",
    [
        "望川路500号",
        "望川路500号青石大厦对面",
        "望川路500号(青石大厦旁)",
        "望川路249号(近12号桂林公园站)",
        "望川路611号工地生活区",
        "望川路611号停车场",
        "望川路762号(天山店)",
        "望川路509号宾馆1层大堂酒店",
        "青石大厦5号楼",
        "望川路",
        "",
    ],
)
def test_what_is_no_house(text: str) -> None:
    assert house_told(read(text, Lexicon())) is None


ROWS = [
    *(at(str(n), f"望川路{n}号", n * 10.0, 0.0) for n in range(2, 60, 2)),
    at("a", "听松路500号青石大厦8层", 3000.0, 2000.0),
    at("b", "听松路508号青石大厦A座", 3040.0, 2000.0),
    at("c", "听松路512号采莲广场", 3100.0, 2000.0),
    at("d", "听松路514号采莲广场", 3110.0, 2000.0),
    at("e", "采莲路8号", 3100.0, 2010.0, "采莲广场"),
    at("f", "落霞路1号采莲广场", 9000.0, 9000.0),
]


@pytest.fixture(scope="module")
def known() -> Gazetteer:
    return gazetteer(ROWS)


def test_a_building_is_found_by_the_name_that_only_addresses_tell(known: Gazetteer) -> None:
    answer = geocode(known, Calibration(), "青石大厦")
    assert answer.best is not None
    assert answer.best.reason == "same"
    assert off_m(answer, 3020.0, 2000.0) < 30


def test_a_place_of_the_name_stands_for_the_addresses_near_it(known: Gazetteer) -> None:
    answer = geocode(known, Calibration(), "采莲广场")
    assert (answer.status, len(answer.candidates)) == ("ambiguous", 2)
    assert off_m(answer, 3100.0, 2010.0) < 1


@pytest.mark.parametrize("text", ["无名路77号青石大厦", "无名路77号青石大厦12层1203室"])
def test_the_house_tells_where_an_unknown_number_is(known: Gazetteer, text: str) -> None:
    answer = geocode(known, Calibration(), text)
    assert answer.best is not None
    assert (answer.status, answer.best.reason) == ("doubtful", "house")
    assert off_m(answer, 3020.0, 2000.0) < 30


def test_a_known_number_is_believed_before_the_house(known: Gazetteer) -> None:
    answer = geocode(known, Calibration(), "望川路20号青石大厦")
    assert answer.best is not None
    assert (answer.best.level, answer.best.reason) == ("door", "same")
    assert off_m(answer, 200.0, 0.0) < 1


def test_a_house_far_from_its_number_is_another_of_that_name(known: Gazetteer) -> None:
    answer = geocode(known, Calibration(), "望川路21号青石大厦")
    assert answer.best is not None
    assert answer.best.level == "interpolated"
    assert off_m(answer, 210.0, 0.0) < 50


def test_another_district_than_the_one_told_is_not_accepted() -> None:
    there = [at("z", "落霞路1号", 9000.0, 9000.0, "丹塘书院", "采莲区"), at("y", "听松路9号", 0.0, 0.0)]
    known = gazetteer([*ROWS, *there])
    trusting = Calibration(threshold=0.0)
    assert geocode(known, trusting, "丹塘书院").status == "accepted"
    assert geocode(known, trusting, "丹塘书院", Hints("望川区")).status != "accepted"


def test_a_house_tells_which_of_two_points_of_one_number() -> None:
    twice = [at("p", "百草路6号", 3000.0, 1900.0), at("q", "百草路6号", 5000.0, 5000.0)]
    doors = [at(f"r{n}", f"百草路{n}号", 3000.0 + n, 1900.0) for n in range(30, 50, 2)]
    known = gazetteer([*ROWS, *twice, *doors])
    house = geocode(known, Calibration(), "百草路6号青石大厦")
    assert house.status != "ambiguous"
    assert off_m(house, 3000.0, 1900.0) < 1


def test_the_number_after_a_stop_named_by_two_roads_is_one_on_the_second() -> None:
    stop = at("s", "", 0.0, 0.0, "听松路望川路(公交站)")
    known = gazetteer([*ROWS, stop])
    answer = geocode(known, Calibration(), "听松路望川路20号")
    assert answer.best is not None
    assert (answer.best.matched, answer.best.level) == ("望川区望川路20号", "door")


def test_a_new_district_is_known_by_the_plain_word() -> None:
    there = [at("1", "采莲路8号", 0.0, 0.0, district="丹青新区"), at("2", "采莲路8号", 9000.0, 0.0)]
    known = gazetteer([*ROWS, *there], districts=("丹青新区", "望川区"))
    for text in ("丹青新区采莲路8号", "丹青区采莲路8号", "丹青采莲路8号"):
        answer = geocode(known, Calibration(), text)
        assert answer.best is not None, text
        assert answer.best.matched == "丹青新区采莲路8号", text
