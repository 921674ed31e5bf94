"""How sure answers are, also where the examination has seen nothing alike. All places are made up."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geocoding.answers import geocode
from geocoding.calibration import WRONG_M, Calibration, calibrate
from geocoding.examination import examine
from geocoding.forward import Hints
from geocoding.index.entries import Names, SourceRow
from geocoding.index.gazetteer import Gazetteer, Source, build, read_sources
from tests.geocoding.test_locating import DEG, EAST

ROADS = [f"云{chr(0x4E00 + road * 11)}路" for road in range(40)]
DISTRICTS = ("望川区", "临溪区")


def _city() -> Gazetteer:
    """Forty roads of two districts; every fourth name is that of a road in both."""
    noise = np.random.default_rng(5)
    rows = [
        SourceRow(
            f"{district}/{road}/{number}",
            f"{name}{number}号",
            120.0 + (index * 40_000.0 + number * 5.0 + noise.normal(0, 25)) * EAST,
            30.5 + (road * 200.0 + noise.normal(0, 25)) * DEG,
            district,
        )
        for index, district in enumerate(DISTRICTS)
        for road, name in enumerate(ROADS)
        if index == 0 or road % 4 == 0
        for number in range(2, 200, 7)
    ]
    names = Names()
    names.add_areas(set(DISTRICTS), (), ())
    entries, of, keys = read_sources([(Source(0, "s", 0.8), rows)], names)
    return build(entries, of, keys, names, [0.8])


CITY = _city()
EXAMINED = calibrate(examine(CITY))
ROAD = ROADS[1]


@pytest.mark.parametrize("calibration", [EXAMINED, Calibration()], ids=["examined", "believed"])
def test_a_number_that_cannot_be_is_not_sure(calibration: Calibration) -> None:
    near, far, farthest = (
        geocode(CITY, calibration, f"{ROAD}{number}号", Hints("望川区")).best
        for number in (210, 2_000, 99_999)
    )
    assert near is not None
    for odd in (far, farthest):
        if odd is not None:
            assert odd.confidence < 0.5 * near.confidence
            assert odd.confidence < 0.3
            assert odd.error_m > near.error_m


def test_the_examination_was_worth_its_name() -> None:
    assert set(EXAMINED.chance) == set(EXAMINED.bounds) >= {"line"}
    again = Calibration.from_json(EXAMINED.as_json())
    assert again == EXAMINED


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(ROADS), st.integers(1, 12_000), st.sampled_from(["", *DISTRICTS]))
def test_places_of_which_one_at_most_is_right_share_one_confidence(
    road: str, number: int, district: str
) -> None:
    answer = geocode(CITY, EXAMINED, f"{road}{number}号", Hints(district))
    apart: list[tuple[float, float]] = []
    total = 0.0
    for candidate in answer.candidates:
        x, y = candidate.lon / EAST, candidate.lat / DEG
        if all(math.hypot(x - ox, y - oy) > 2 * WRONG_M for ox, oy in apart):
            apart.append((x, y))
            total += candidate.confidence
        assert 0.0 <= candidate.confidence <= 1.0
        assert candidate.error_m >= 1.0
    assert total <= 1.001


def test_a_number_far_past_every_road_of_the_name_is_not_found() -> None:
    shared = ROADS[4]
    assert geocode(CITY, EXAMINED, f"{shared}96号").status == "ambiguous"
    assert geocode(CITY, EXAMINED, f"{shared}99999号").status == "not_found"
