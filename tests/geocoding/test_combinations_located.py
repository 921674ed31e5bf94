"""Each numbered combination asked of a small city: which one it is, how finely it is answered, and where."""

import math
from collections.abc import Iterator

import pytest
import shapely
from shapely import affinity

from geocoding.answers import Candidate, geocode
from geocoding.calibration import Calibration
from geocoding.combinations import combinations
from geocoding.forward import Hints
from geocoding.index.entries import Names, SourceRow
from geocoding.index.gazetteer import Gazetteer, KnownArea, Source, build, read_sources
from tests.geocoding.test_locating import DEG, EAST

TOWNS = ("东华街道", "西园街道")
COMMUNITIES = ("和平社区", "团结社区")
Spot = tuple[float, float]


def _row(text: str, spot: Spot, town: str = "", community: str = "", name: str = "") -> SourceRow:
    return SourceRow(
        f"{text}/{name}/{spot}", text, 120.0 + spot[0] * EAST, 30.5 + spot[1] * DEG,
        "望川区", town, community, name,
    )  # fmt: skip


def _city() -> Gazetteer:
    """One road through both street offices, a courtyard of one name in each, places and organisations."""
    rows = [
        _row(f"长安路{number}号", (number * 5.0, 0.0), TOWNS[number >= 200], COMMUNITIES[number >= 200])
        for number in range(1, 400, 6)
    ]
    rows += [
        _row("长安路25号3号楼", (140.0, 30.0)),
        _row("长安路8号楼", (60.0, 45.0)),
        _row("长安路61号", (305.0, 0.0), name="永和餐馆"),
        _row("长安路120弄", (600.0, 40.0)),
        _row("长安路120弄8号", (610.0, 90.0)),
        _row("长安路120弄9号", (615.0, 110.0)),
        _row("鼓楼", (3000.0, 500.0)),
        _row("南营", (5000.0, 500.0)),
        _row("南营12号", (5040.0, 520.0)),
        _row("南营12号2号楼", (5060.0, 530.0)),
        _row("花园小区", (6000.0, 800.0)),
        _row("花园小区5号楼", (6050.0, 820.0)),
        _row("", (7000.0, 0.0), name="市第一中学"),
        _row("市第一中学2号楼", (7030.0, 40.0)),
        _row("静园", (800.0, 700.0), TOWNS[0], COMMUNITIES[0]),
        _row("静园", (1800.0, 700.0), TOWNS[1], COMMUNITIES[1]),
    ]
    names = Names()
    names.add_areas({"望川区"}, TOWNS, COMMUNITIES)
    entries, of, keys = read_sources([(Source(0, "survey", 0.95), rows)], names)
    return build(entries, of, keys, names, [0.95])


CITY = _city()
MIDDLE = (1000.0, 0.0)
"""Of the road, which is two kilometres long."""
ASKED: list[tuple[int, str, Spot]] = [
    (1, "东华街道长安路", MIDDLE),
    (2, "东华街道和平社区长安路", MIDDLE),
    (3, "长安路25号", (125.0, 0.0)),
    (4, "长安路25号3号楼", (140.0, 30.0)),
    (5, "长安路8号楼", (60.0, 45.0)),
    (6, "长安路永和餐馆", (305.0, 0.0)),
    (7, "鼓楼", (3000.0, 500.0)),
    (8, "南营12号", (5040.0, 520.0)),
    (9, "南营12号2号楼", (5060.0, 530.0)),
    (10, "花园小区5号楼", (6050.0, 820.0)),
    (11, "南营长安路25号", (125.0, 0.0)),
    (12, "市第一中学", (7000.0, 0.0)),
    (13, "市第一中学2号楼", (7030.0, 40.0)),
    (14, "东华街道静园", (800.0, 700.0)),
    (14, "西园街道静园", (1800.0, 700.0)),
    (15, "东华街道和平社区静园", (800.0, 700.0)),
    (15, "西园街道团结社区静园", (1800.0, 700.0)),
    (16, "长安路120弄8号", (610.0, 90.0)),
]


@pytest.mark.parametrize(("number", "text", "spot"), ASKED, ids=[f"{n}-{text}" for n, text, _ in ASKED])
def test_a_combination_is_answered_as_finely_as_it_says(number: int, text: str, spot: Spot) -> None:
    answer = geocode(CITY, Calibration(), text, Hints("望川区"))
    assert answer.combination is not None
    assert answer.combination.number == number
    assert answer.best is not None
    assert answer.best.level == answer.combination.resolution
    assert _off_m(answer.best, spot) < (400.0 if answer.best.level == "road" else 1.0)


def _off_m(candidate: Candidate, spot: Spot) -> float:
    return math.hypot((candidate.lon - 120.0) / EAST - spot[0], (candidate.lat - 30.5) / DEG - spot[1])


def test_all_are_asked_but_the_codes() -> None:
    """Unit grids and components are asked of a database in ``test_store``."""
    standard = {c.number for c in combinations() if c.number <= 18}
    assert standard - {number for number, _, _ in ASKED} == {17, 18}


def test_a_road_is_answered_where_it_runs_through_the_area_said(with_areas: Gazetteer) -> None:
    for text, spot in (
        ("东华街道长安路", (500.0, 0.0)),
        ("西园街道长安路", (1500.0, 0.0)),
        ("西园街道团结社区长安路", (1500.0, 0.0)),
        ("西园街道无名社区长安路", (1500.0, 0.0)),
    ):
        answer = geocode(with_areas, Calibration(), text, Hints("望川区"))
        assert answer.best is not None
        assert (answer.best.level, answer.best.why) == ("road", "middle_inside")
        assert _off_m(answer.best, spot) < 50.0


def test_areas_are_answered_as_areas(with_areas: Gazetteer) -> None:
    for text, spot in (
        ("望川区", (1000.0, 0.0)),
        ("西园街道", (1500.0, 0.0)),
        ("东华街道和平社区", (500.0, 0.0)),
    ):
        answer = geocode(with_areas, Calibration(), text)
        assert answer.combination is not None
        assert answer.combination.number == 21
        assert answer.status == "doubtful"
        assert answer.best is not None
        assert answer.best.level == "area"
        assert _off_m(answer.best, spot) < 1.0
        assert answer.best.error_m > 400.0


def test_opposite_is_across_the_road(with_areas: Gazetteer) -> None:
    here, there = (
        geocode(with_areas, Calibration(), text, Hints("望川区")).best
        for text in ("长安路25号", "长安路25号对面")
    )
    assert here is not None
    assert there is not None
    assert _off_m(there, (125.0, 40.0)) < 1.0
    assert there.error_m > here.error_m
    assert there.matched == here.matched + "对面"


@pytest.mark.parametrize(
    ("text", "title", "spot"),
    [
        ("长安路25号往东50米", "长安路25号往东50米", (175.0, 0.0)),
        ("长安路25号西北侧", "长安路25号西北侧", (125.0 - 21.2, 21.2)),
        ("长安路25号门口", "长安路25号", (125.0, 0.0)),
        ("长安路25号旁", "长安路25号", (125.0, 0.0)),
    ],
)
def test_the_title_says_where_from_the_door_the_point_is(
    with_areas: Gazetteer, text: str, title: str, spot: tuple[float, float]
) -> None:
    best = geocode(with_areas, Calibration(), text, Hints("望川区")).best
    assert best is not None
    assert best.matched == f"望川区{title}"
    assert _off_m(best, spot) < 1.0


@pytest.fixture
def with_areas() -> Iterator[Gazetteer]:
    """Polygons of the areas, and the line of the road 20 m north of its doors."""
    CITY.known_areas = {
        name: [KnownArea(level, name, shapely.box(*box))]
        for level, name, box in (
            ("district", "望川区", (0, -500, 2000, 500)),
            ("street", TOWNS[0], (0, -500, 1000, 500)),
            ("street", TOWNS[1], (1000, -500, 2000, 500)),
            ("community", COMMUNITIES[0], (0, -500, 1000, 500)),
            ("community", COMMUNITIES[1], (1000, -500, 2000, 500)),
        )
    }
    plane = CITY.columns.plane
    west, north = plane.metres(120.0, 30.5)
    for areas in CITY.known_areas.values():
        areas[0] = areas[0]._replace(shape=affinity.translate(areas[0].shape, west, north))
    CITY.roads = {"长安路": shapely.LineString([(west, north + 20.0), (west + 2000.0, north + 20.0)])}
    yield CITY
    CITY.known_areas, CITY.roads = {}, {}
