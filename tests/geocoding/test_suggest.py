"""Completion of what is typed. All places are made up."""

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geocoding.grammar.characters import initials, pinyin
from geocoding.index.gazetteer import Alias, KnownArea
from geocoding.suggest import SuggestIndex
from tests.geocoding.test_locating import EAST, at, gazetteer

NAMES = ("望川第一小学", "采莲小学(南校区)", "采莲菜场")
CITY = gazetteer(
    [
        *(at(f"s{n}", f"四川北路{n}号", n * 5.0, 0.0) for n in range(2, 60, 4)),
        *(at(f"l{n}", f"采莲路{n}弄", n * 5.0, 400.0) for n in (10, 12, 100)),
        *(at(name, "", 10.0, 10.0, name) for name in NAMES),
    ]
)
CITY.aliases["老川路"] = Alias("老川路", "四川北路", "former")
CITY.known_areas = {
    "望川区": [KnownArea("district", "望川区", shapely.box(0, 0, 1000, 1000))],
    "望川新村社区": [KnownArea("community", "望川新村社区", shapely.box(0, 0, 400, 400))],
}
SUGGEST = SuggestIndex(CITY, {})


def texts(typed: str, limit: int = 10) -> list[str]:
    return [found.text for found in SUGGEST.find(typed, limit=limit)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("四川", "四川北路"),
        ("scbl", "四川北路"),
        ("SCBL", "四川北路"),
        ("sichuanbei", "四川北路"),
        ("si chuan bei lu", "四川北路"),
        ("似川北路", "四川北路"),
        ("川北", "四川北路"),
        ("老川", "四川北路"),
        ("lcl", "四川北路"),
        ("菜场", "采莲菜场"),
        ("四川北路1", "四川北路10号"),
        ("四川北路10号", "四川北路10号"),
        ("四川北路12号", "四川北路10号"),
        ("采莲路11弄", "采莲路10弄"),
        ("川北路10号", "四川北路10号"),
        ("scbl1", "四川北路10号"),
        ("sichuanbeilu 14", "四川北路14号"),
        ("老川路18", "四川北路18号"),
        ("我要反映四川北路18号", "四川北路18号"),
        ("望川区四川", "四川北路"),
        ("望川区", "望川区"),
        ("望川新", "望川新村社区"),
    ],
)
def test_what_is_typed_is_completed(typed: str, first: str) -> None:
    assert texts(typed)[:1] == [first]


def test_of_all_that_has_the_text_inside_what_begins_so_comes_first() -> None:
    assert texts("小学") == ["望川第一小学", "采莲小学(南校区)"]
    assert texts("采莲")[-1:] != []
    assert set(texts("采莲")) == {"采莲路", "采莲小学(南校区)", "采莲菜场"}
    assert texts("望川")[0] == "望川区"


@pytest.mark.parametrize(
    "typed", ["", " ", "路", "1", "x", "'' 1", "四川北路9999号", "zzzz9", "😀", "\x00", "(", "我要反映"]
)
def test_what_nothing_completes_is_left_alone(typed: str) -> None:
    assert texts(typed) == []


def test_a_place_lies_where_its_suggestion_says() -> None:
    (door,) = (found for found in SUGGEST.find("四川北路14号") if found.text == "四川北路14号")
    assert (door.lon - 120.0) / EAST == pytest.approx(70.0, abs=0.5)
    assert (door.kind, door.district) == ("door", "望川区")
    assert SUGGEST.find("望川区")[0].kind == "area"


def test_a_name_that_is_taken_up_again_and_again_crowds_out_no_other() -> None:
    suggest = SuggestIndex(CITY, {})
    for _ in range(400):
        suggest.add(["望川第一小学"])
    assert [found.text for found in suggest.find("小学")] == texts("小学")


@settings(deadline=None)
@given(st.sampled_from(["四川北路", "采莲路", *NAMES]), st.data())
def test_every_beginning_of_a_name_is_completed_to_it(name: str, data: st.DataObject) -> None:
    typed = name[: data.draw(st.integers(2, len(name)))]
    assert name in texts(typed)
    if "(" not in name:
        assert name in texts(pinyin(typed).replace("'", ""))
        assert name in texts(initials(typed))


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(1, 10))
def test_no_text_is_too_strange(typed: str, limit: int) -> None:
    assert len(texts(typed, limit)) <= limit
