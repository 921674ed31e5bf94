"""Names that are not quite those of the gazetteer: parts of a road, other words for a kind of place, areas
without their last word, a name with more behind it. All places are made up."""

import pytest
import shapely

from geocoding.answers import geocode
from geocoding.calibration import Calibration, calibrate
from geocoding.examination import examine
from geocoding.grammar.lexicon import ROAD, TOWN, Lexicon
from geocoding.grammar.reading import read
from geocoding.grammar.vocabulary import same_kind_names
from geocoding.index.gazetteer import Gazetteer, KnownArea
from geocoding.index.similar import SimilarNames
from tests.geocoding.test_locating import EAST, at, gazetteer, parallel_roads


def city() -> Gazetteer:
    rows = [
        *parallel_roads(),
        *(
            at(f"{part}{number}", f"文昌{part}路{number}号", number * 5.0, 7000.0 + away)
            for part, away in (("北", 0.0), ("中", 900.0), ("南", 1800.0))
            for number in range(2, 200, 6)
        ),
        *(at(f"h{number}", f"文华路{number}号", number * 5.0, 12_000.0) for number in range(2, 200, 2)),
        at("shop", "", 100.0, 7000.0, "丹塘药店"),
    ]
    made = gazetteer(rows)
    made.known_areas = {
        "鼓楼街道": [KnownArea("street", "鼓楼街道", shapely.box(0, 0, 1000, 1000))],
        "丹塘社区": [KnownArea("community", "丹塘社区", shapely.box(0, 0, 400, 400))],
    }
    return made


CITY = city()


def test_a_road_said_without_its_part_may_be_any_of_its_parts() -> None:
    answer = geocode(CITY, Calibration(), "文昌路100号")
    assert answer.status == "ambiguous"
    first = {candidate.matched for candidate in answer.candidates[:3]}
    assert first == {"望川区文昌北路100号", "望川区文昌中路100号", "望川区文昌南路100号"}
    assert max(candidate.confidence for candidate in answer.candidates) < 0.5
    assert geocode(CITY, Calibration(), "文昌路").status == "ambiguous"


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        ("文昌路", "文昌北路"), ("中山路", "中山东1路"), ("中山路", "中山北2路"), ("科工路", "科工8路"),
        ("长江大道", "长江西大道"), ("4川路", "4川北路"),
    ],
)  # fmt: skip
def test_parts_of_a_road_are_known_by_their_last_words(whole: str, part: str) -> None:
    names = SimilarNames()
    names.add(part, edits=True)
    assert ("part" in {reason for _, _, reason in names.find(whole)}) is True


@pytest.mark.parametrize("part", ["北京路", "东路", "三林路", "江东大道"])
def test_a_direction_that_is_the_name_is_no_part(part: str) -> None:
    names = SimilarNames()
    names.add(part, edits=True)
    whole = part.replace("东", "").replace("北", "")
    assert "part" not in {reason for _, _, reason in names.find(whole)}


@pytest.mark.parametrize("examined", [False, True])
def test_a_road_that_only_resembles_the_one_named_is_never_accepted(*, examined: bool) -> None:
    calibration = calibrate(examine(CITY)) if examined else Calibration()
    answer = geocode(CITY, calibration, "望川区文笔路100号")
    assert answer.best is not None
    assert answer.best.reason == "one_character"
    assert answer.status != "accepted"


@pytest.mark.parametrize("text", ["丹塘药房", "丹塘大药房门口", "望川区丹塘药房"])
def test_another_word_for_the_kind_of_place(text: str) -> None:
    answer = geocode(CITY, Calibration(), text)
    assert answer.best is not None
    assert (answer.best.matched, answer.best.reason) == ("望川区丹塘药店", "same_kind")
    assert answer.status == "doubtful"


def test_kinds_of_place() -> None:
    assert same_kind_names("采莲菜场") == ["采莲菜市场", "采莲农贸市场", "采莲集贸市场"]
    assert "和平社区居委会" in same_kind_names("和平居委")
    assert same_kind_names("菜场") == []
    assert same_kind_names("长安路") == []


@pytest.mark.parametrize(
    ("text", "area"),
    [("鼓楼", "鼓楼街道"), ("望川区鼓楼", "鼓楼街道"), ("丹塘", "丹塘社区"), ("丹塘社区", "丹塘社区")],
)
def test_an_area_without_its_last_word(text: str, area: str) -> None:
    answer = geocode(CITY, Calibration(), text)
    assert answer.best is not None
    assert (answer.best.level, answer.best.matched, answer.status) == ("area", area, "doubtful")
    assert answer.combination is not None
    assert answer.combination.number == 21


@pytest.mark.parametrize("text", ["文昌北路菜场对面", "文昌北路亲水平台", "望川区文昌北路菜场"])
def test_of_a_place_nobody_knows_the_road_before_it(text: str) -> None:
    answer = geocode(CITY, Calibration(), text)
    assert answer.best is not None
    assert answer.best.matched == "望川区文昌北路"
    assert answer.status == "doubtful"


def test_no_way_leads_from_the_middle_of_a_road() -> None:
    middle, beside = (geocode(CITY, Calibration(), text).best for text in ("文昌北路", "文昌北路往东100米"))
    assert middle is not None
    assert beside is not None
    assert (beside.matched, beside.lon, beside.lat) == (middle.matched, middle.lon, middle.lat)


@pytest.mark.parametrize(
    ("text", "number", "relation"),
    [
        ("长安路25号楼下饭店油烟扰民", (25, "door"), "at"),
        ("长安路25号楼上漏水", (25, "door"), None),
        ("长安路25号3号楼下面", (25, "door"), None),
        ("长安路25号楼", (25, "building"), None),
    ],
)
def test_below_a_house_is_not_a_house_of_another_sort(
    text: str, number: tuple[int, str], relation: str | None
) -> None:
    reading = read(text, Lexicon())
    assert reading.number is not None
    assert (reading.number.value, reading.number.unit) == number
    if relation:
        assert reading.relative is not None
        assert reading.relative.relation == relation


def test_words_in_the_midst_of_a_place() -> None:
    roads = Lexicon([("长安路", ROAD), ("青石巷", ROAD)])
    reading = read("我在长安路这边靠近青石巷的地方有个井盖坏了", roads)
    assert reading.crossing == ("长安路", "青石巷")


def test_roads_said_without_their_parts_cross_where_parts_do() -> None:
    made = gazetteer(
        parallel_roads(),
        [
            at("a", "", 0.0, 7000.0, "采莲东路青石中路(公交站)"),
            at("b", "", 3000.0, 7000.0, "采莲西路青石中路(公交站)"),
            at("c", "采莲东路2号", 0.0, 7000.0),
            at("d", "采莲西路2号", 3000.0, 7000.0),
            at("e", "青石中路2号", 0.0, 7000.0),
        ],
    )
    answer = geocode(made, Calibration(), "采莲路青石路路口")
    assert answer.status == "ambiguous"
    assert {candidate.matched for candidate in answer.candidates} == {
        "采莲东路/青石中路",
        "采莲西路/青石中路",
    }
    one = geocode(made, Calibration(), "采莲东路青石路路口")
    assert one.best is not None
    assert (one.best.matched, one.best.reason, one.status) == ("采莲东路/青石中路", "part", "doubtful")
    assert geocode(made, Calibration(), "采莲东路与青石中路交叉口").best is not None


def test_places_of_one_name_beside_each_other_are_no_riddle() -> None:
    def stops(away: float) -> Gazetteer:
        named = ("采莲站(公交站)", "采莲站(地铁站)")
        return gazetteer(
            parallel_roads(), [at(name, "", n * away, 7000.0, name) for n, name in enumerate(named)]
        )

    assert geocode(stops(100.0), Calibration(), "采莲站").status != "ambiguous"
    assert geocode(stops(900.0), Calibration(), "采莲站").status == "ambiguous"


def test_the_ninth_is_not_the_seventh() -> None:
    made = gazetteer(parallel_roads(), [at("s", "第七人民医院3号楼", 0.0, 7000.0)])
    assert geocode(made, Calibration(), "第九人民医院").status == "not_found"
    best = geocode(made, Calibration(), "第七人民医院").best
    assert best is not None
    assert best.level == "place"


def test_an_office_is_its_street_s() -> None:
    streets = Lexicon([("鼓楼街道", TOWN), ("长安路", ROAD)])
    for text in ("鼓楼街道办事处", "鼓楼街道办事处长安路25号"):
        assert read(text, streets).towns == ("鼓楼街道",)


def test_what_is_said_after_a_pause_is_no_place() -> None:
    reading = read("我在长安路这边，有人占道经营", Lexicon([("长安路", ROAD)]))
    assert reading.bases == ("长安路",)


STRETCH = ("长安路", "青石巷", "采莲巷")


@pytest.mark.parametrize(
    "text",
    [
        "长安路(青石巷至采莲巷)",
        "长安路从青石巷到采莲巷",
        "长安路青石巷至采莲巷段路灯不亮",
        "长安路（青石巷-采莲巷）",
        "望川区长安路青石巷—采莲巷有积水",
    ],
)
def test_a_stretch_of_a_road(text: str) -> None:
    doors = [
        *(at(f"m{n}", f"长安路{n}号", n * 5.0, 0.0) for n in range(2, 400, 4)),
        *(at(f"q{n}", f"青石巷{n}号", 400.0, n * 5.0) for n in range(2, 60, 4)),
        *(at(f"c{n}", f"采莲巷{n}号", 1200.0, n * 5.0) for n in range(2, 60, 4)),
    ]
    made = gazetteer(parallel_roads(), doors)
    assert read(text, made.names.lexicon).stretch == STRETCH
    answer = geocode(made, Calibration(), text)
    assert answer.best is not None
    assert (answer.best.level, answer.best.why) == ("road", "stretch")
    assert answer.best.matched == "长安路(青石巷至采莲巷)"
    assert answer.status == "doubtful"
    assert abs((answer.best.lon - 120.0) / EAST - 800.0) < 60.0
    assert answer.best.error_m > 300.0


@pytest.mark.parametrize(
    "text", ["长安路青石巷路口", "长安路与青石巷、采莲巷路口", "长安路100号至200号", "长安路近青石巷"]
)
def test_what_is_no_stretch(text: str) -> None:
    roads = Lexicon([(name, ROAD) for name in STRETCH])
    assert read(text, roads).stretch is None
