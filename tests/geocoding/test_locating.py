"""Where unknown numbers are put, and what is made of registers that contradict. All places are made up."""

import math
from collections.abc import Iterable

import pytest

from geocoding.answers import Answer, geocode
from geocoding.calibration import Calibration
from geocoding.forward import Hints
from geocoding.index.entries import Names, SourceRow
from geocoding.index.gazetteer import Gazetteer, Source, build, read_sources
from geocoding.reverse import ReverseIndex

DEG = 1 / 111_195.0
EAST = DEG / math.cos(math.radians(30.5))


def at(key: str, text: str, x: float, y: float, name: str = "", district: str = "望川区") -> SourceRow:
    """A row at (x, y) metres."""
    return SourceRow(key, text, 120.0 + x * EAST, 30.5 + y * DEG, district, name=name)


def parallel_roads() -> list[SourceRow]:
    """Thirty roads that run east, numbers rising eastwards, 5 m a number."""
    return [
        at(f"{road}/{number}", f"云{chr(0x4E00 + road * 11)}路{number}号", number * 5.0, road * 200.0)
        for road in range(30)
        for number in range(2, 200, 12)
    ]


STOPS = [
    at(str(x), "", x, 3100.0, f"青石路{other}(公交站)")
    for x, other in ((0.0, "采莲路"), (400.0, "听松路"), (800.0, "落霞路"), (1200.0, "百草路"))
]


def gazetteer(*tables: list[SourceRow], districts: Iterable[str] = ("望川区",)) -> Gazetteer:
    names = Names()
    names.add_areas(districts, (), ())
    sources = [Source(i, f"s{i}", 0.8) for i in range(len(tables))]
    entries, of, keys = read_sources(list(zip(sources, tables, strict=True)), names)
    return build(entries, of, keys, names, [0.8] * len(tables))


def off_m(answer: Answer, x: float, y: float) -> float:
    best = answer.best
    assert best is not None
    return math.hypot((best.lon - 120.0) / EAST - x, (best.lat - 30.5) / DEG - y)


def test_beyond_the_last_number_the_habit_of_the_city_leads() -> None:
    made = gazetteer([*parallel_roads(), at("d", "青石路100号", 500.0, 3100.0)], STOPS)
    answer = geocode(made, Calibration(), "青石路180号")
    assert answer.best is not None
    assert answer.best.why == "beyond"
    assert off_m(answer, 900.0, 3100.0) < 150.0


def test_a_road_without_numbers_is_told_from_its_course() -> None:
    answer = geocode(gazetteer(parallel_roads(), STOPS), Calibration(), "青石路180号")
    assert answer.best is not None
    assert (answer.best.level, answer.best.why) == ("interpolated", "traced")
    assert answer.status != "accepted"
    assert off_m(answer, 900.0, 3100.0) < 400.0


def test_registers_that_contradict_are_shown_both() -> None:
    one = [*parallel_roads(), at("x", "青石巷5号", 0.0, 5000.0)]
    answer = geocode(gazetteer(one, [at("y", "青石巷5号", 900.0, 5000.0)]), Calibration(), "青石巷5号")
    assert answer.status == "ambiguous"
    assert len(answer.candidates) == 2


@pytest.mark.parametrize("text", ["龙山新村", "望川区龙山新村"])
def test_an_unknown_village_is_told_by_what_is_named_after_it(text: str) -> None:
    made = gazetteer(parallel_roads(), [at("k", "", 700.0, 5000.0, "龙山新村幼儿园")])
    answer = geocode(made, Calibration(), text, Hints("望川区"))
    assert answer.best is not None
    assert answer.best.reason == "named_after"
    assert off_m(answer, 700.0, 5000.0) < 1.0


def test_works_at_a_crossing_lie_at_the_crossing() -> None:
    stops = [at("b", "", 400.0, 3100.0, "青石路采莲路(公交站)")]
    answer = geocode(gazetteer(parallel_roads(), stops), Calibration(), "青石路采莲路交界口工地生活区")
    assert answer.best is not None
    assert answer.best.level == "crossing"
    assert off_m(answer, 400.0, 3100.0) < 1.0


def test_a_point_is_described_in_the_words_of_the_signs() -> None:
    rows = [at(f"s{n}", f"四川北路{n}号", n * 5.0, 0.0) for n in range(2, 60, 4)]
    found = ReverseIndex(gazetteer(rows)).describe(120.0 + 50.0 * EAST, 30.5)
    assert found.address == "望川区四川北路10号"
    assert found.door is not None
    assert (found.door.distance_m, found.door.direction, found.door.direction_en) == (0.0, "", "")
    beside = ReverseIndex(gazetteer(rows)).describe(120.0 + 50.0 * EAST, 30.5 + 20.0 * DEG)
    assert beside.door is not None
    assert (beside.door.direction, beside.door.direction_en) == ("北", "north")


def test_of_many_like_names_those_in_the_district_said_are_looked_at() -> None:
    """A dozen roads elsewhere are as like the name with a lost character as the one that is meant."""
    elsewhere = [
        at(f"{head}{number}", f"{head}望溪大道{number}号", n * 300.0 + number * 5.0, 9e3, district="临川区")
        for n, head in enumerate("云兰竹梅松柏桂枫杉榆槐柳")
        for number in (2, 12, 22)
    ]
    meant = [at(f"m{number}", f"龙望溪大道{number}号", number * 5.0, 0.0) for number in (2, 12, 22)]
    names = Names()
    names.add_areas({"望川区", "临川区"}, (), ())
    source = Source(0, "s", 0.8)
    entries, of, keys = read_sources([(source, [*elsewhere, *meant])], names)
    made = build(entries, of, keys, names, [0.8])
    answer = geocode(made, Calibration(), "望川区望溪大道12号")
    assert [candidate.matched for candidate in answer.candidates] == ["望川区龙望溪大道12号"]
    assert off_m(answer, 60.0, 0.0) < 1.0


def test_a_name_that_sounds_the_same_comes_before_one_with_another_character() -> None:
    """The other has the very number, which must not outweigh how the name was heard."""
    heard = [at(f"h{number}", f"政云路{number}号", number * 5.0, 0.0) for number in range(2, 40, 4)]
    other = [at(f"o{number}", f"密云路{number}号", number * 5.0, 6000.0) for number in range(1, 90)]
    answer = geocode(gazetteer([*heard, *other]), Calibration(), "望川区拯云路85号")
    assert [(c.matched, c.reason) for c in answer.candidates][:1] == [("望川区政云路85号", "homophone")]
