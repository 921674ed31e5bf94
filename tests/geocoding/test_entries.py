"""What rows of tables say, and what they do not. All places are made up."""

import pytest

from geocoding.answers import geocode
from geocoding.calibration import Calibration
from geocoding.grammar.lexicon import POINT, ROAD, Lexicon
from geocoding.grammar.reading import read
from geocoding.index.entries import Entry, Names, collect_names, entries_of
from tests.geocoding.test_locating import DEG, EAST, at, gazetteer, off_m, parallel_roads


def entries(*rows: tuple[str, str]) -> list[Entry]:
    """Of rows with an address and a name, all at (1000, 500) metres."""
    made = [at(str(n), text, 1000.0, 500.0, name) for n, (text, name) in enumerate(rows)]
    names = Names()
    names.add_areas({"望川区"}, (), ())
    collect_names(made, names)
    return [entry for row in made for entry in entries_of(row, names)]


def test_the_lines_of_a_stop_are_no_roads() -> None:
    lines = "望川11路;长乐2路;长乐2路区间;912路"
    made = entries((lines, "采莲路听松路(公交站)"), (lines, "采莲路落霞路(公交站)"))
    assert {entry.base for entry in made if entry.kind == ROAD} == {"采莲路", "听松路", "落霞路"}


@pytest.mark.parametrize("text", ["长安路25号对面", "长安路25号往东80米", "望川区长安路25号西侧"])
def test_what_lies_opposite_a_door_is_not_the_door(text: str) -> None:
    (entry,) = entries((text, ""))
    assert (entry.base, entry.number) == (text.removeprefix("望川区"), 0)
    shop, *others = entries((text, "永和餐馆"))
    assert (shop.base, shop.kind) == ("永和餐馆", POINT)
    assert all(other.number == 0 for other in others)


@pytest.mark.parametrize("text", ["长安路25号门口", "长安路25号附近", "长安路25号(青石小区对面)"])
def test_what_lies_at_a_door_tells_the_door(text: str) -> None:
    assert [(entry.base, entry.number) for entry in entries((text, ""))] == [("长安路", 25)]


def test_a_shop_on_a_road_is_no_point_of_the_road() -> None:
    made = entries(("长安路永和餐馆", ""))
    assert {(entry.base, entry.kind, entry.unit) for entry in made} == {
        ("永和餐馆", POINT, ""),
        ("长安路", ROAD, "trace"),
    }


def test_so_many_metres_from_a_crossing_tell_the_crossing() -> None:
    made = entries(("青石路与采莲路交叉口北150米", "永和餐馆"))
    traces = [entry for entry in made if entry.unit == "trace"]
    assert {entry.base for entry in traces} == {"青石路", "采莲路"}
    for trace in traces:
        assert (trace.lon - 120.0) / EAST == pytest.approx(1000.0, abs=1.0)
        assert (trace.lat - 30.5) / DEG == pytest.approx(350.0, abs=1.0)


def test_such_a_crossing_is_found() -> None:
    rows = [
        at("a", "青石路与采莲路交叉口北150米", 1000.0, 3250.0, "永和餐馆"),
        at("b", "青石路与采莲路交叉口东南100米", 1000.0 + 70.7, 3100.0 - 70.7, "大明面馆"),
    ]
    answer = geocode(gazetteer(parallel_roads(), rows), Calibration(), "采莲路青石路路口")
    assert answer.best is not None
    assert answer.best.level == "crossing"
    assert off_m(answer, 1000.0, 3100.0) < 5.0


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("长安路25号(青石小区对面)", None),
        ("长安路25号(菜场南20米)", None),
        ("长安路25号，青石小区对面", None),
        ("长安路25号(采莲路与长安路交叉口东南角)", None),
        ("长安路25号(对面)", "opposite"),
        ("长安路25号，对面", "opposite"),
        ("长安路25号对面(菜场旁)", "opposite"),
        ("长安路25号(菜场旁)门口", "at"),
        ("青石小区对面", "opposite"),
    ],
)
def test_words_that_describe_a_door_once_more_do_not_lead_away_from_it(
    text: str, relation: str | None
) -> None:
    relative = read(text, Lexicon()).relative
    assert (relative.relation if relative else None) == relation


def test_a_place_known_by_such_words_is_where_it_is_known_to_be() -> None:
    """Longer than what is looked for inside other texts."""
    text = "中央金融商务大道25号往东80米"
    rows = [at("a", "中央金融商务大道25号", 0.0, 7000.0), at("b", text, 300.0, 7000.0)]
    answer = geocode(gazetteer(parallel_roads(), rows), Calibration(), text)
    assert off_m(answer, 300.0, 7000.0) < 1.0
    assert off_m(geocode(gazetteer(rows[:1]), Calibration(), text), 80.0, 7000.0) < 1.0
