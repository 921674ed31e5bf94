"""What is learnt from a person's choice, and what must not be. All places are made up."""

import pytest

from command_center.geocode.corrections import names_learnt
from geocoding.answers import geocode
from geocoding.calibration import Calibration
from geocoding.index.gazetteer import Alias, Gazetteer, Source, build, read_sources
from tests.geocoding.test_locating import Names, at, gazetteer, off_m

ROWS = [
    *(at(str(n), f"长安路{n}号", n * 10.0, 0.0) for n in range(2, 30, 2)),
    at("sq", "长安路1号", 0.0, 0.0, "云锦广场"),
    at("mall", "听松路99号", 300.0, 0.0, "来翠商城"),
    at("house", "听松路9号", 5000.0, 0.0, "青石大厦"),
    at("stop", "", 7000.0, 0.0, "落霞站(公交站)"),
]


@pytest.fixture(scope="module")
def known() -> Gazetteer:
    return gazetteer(ROWS)


@pytest.mark.parametrize(
    ("text", "chosen", "learnt"),
    [
        ("昌安路12号", "望川区长安路12号", ("昌安路", "长安路")),
        ("来翠百货", "望川区来翠商城", ("来翠百货", "来翠商城")),
        ("我要反映云锦广场来翠有人乱设摊", "望川区来翠商城", ("云锦广场来翠", "来翠商城")),
        ("落霞站来翠", "望川区来翠商城", ("落霞站来翠", "来翠商城")),
        ("无名路青石大厦", "望川区青石大厦", ("无名路青石大厦", "青石大厦")),
        ("无名路77号青石大厦", "望川区青石大厦", None),
        ("云锦广场", "望川区云锦广场", None),
        ("长安路与听松路路口", "望川区长安路", None),
    ],
)
def test_no_place_or_road_stands_for_what_is_there(
    known: Gazetteer, text: str, chosen: str, learnt: tuple[str, str] | None
) -> None:
    assert names_learnt(known, text, chosen) == learnt


def test_the_words_learnt_are_understood_from_then_on() -> None:
    names = Names()
    names.add_areas(("望川区",), (), ())
    entries, sources, keys = read_sources([(Source(0, "s", 0.8), ROWS)], names)
    alias = Alias("云锦广场来翠", "来翠商城", "correction")
    taught = build(entries, sources, keys, names, [0.8], [alias])
    answer = geocode(taught, Calibration(), "望川区云锦广场来翠有人乱设摊")
    assert answer.best is not None
    assert answer.best.reason == "correction"
    assert off_m(answer, 300.0, 0.0) < 1
    assert off_m(geocode(taught, Calibration(), "云锦广场"), 0.0, 0.0) < 1
