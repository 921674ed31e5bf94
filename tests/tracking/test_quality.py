"""Faults put into a made drive are found, and the drive itself is left alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking import quality
from tracking.quality import QualitySettings, Track, Why
from tracking.quality.clocks import fleet_offsets, offsets_by_arrival
from tracking.quality.copies import find_copies, steps_of
from tracking.quality.track import make_track

SETTINGS = QualitySettings()
START_US = 1_700_000_000_000_000


def drive(fixes: int = 200, *, period_s: float = 10, speed_mps: float = 12, seed: int = 1) -> Track:
    """A way that winds through a town."""
    rng = np.random.default_rng(seed)
    course = np.cumsum(rng.normal(0, 0.2, fixes))
    step = speed_mps * period_s * rng.uniform(0.6, 1.2, fixes)
    lat = 30.5 + np.cumsum(step * np.cos(course)) / 111_195
    lon = 120.0 + np.cumsum(step * np.sin(course)) / 111_195 / 0.86
    time_us = START_US + (np.arange(fixes) * period_s * 1e6).astype(np.int64)
    return make_track(np.arange(fixes), time_us, lon, lat)


def found(track: Track, **known: object) -> dict[str, list[int]]:
    """Rows by reason."""
    told: dict[str, list[int]] = {}
    for finding in quality.check(track, SETTINGS, **known).findings:  # type: ignore[arg-type]
        told.setdefault(finding.why.value, []).append(finding.row)
    return told


def changed(track: Track, **columns: object) -> Track:
    return track.with_columns(**columns)


def test_a_good_drive_has_no_faults() -> None:
    assert found(drive()) == {}


@pytest.mark.parametrize("metres", [1_500, 40_000])
@pytest.mark.parametrize("length", [1, 3])
def test_out_and_back_is_a_jump(metres: float, length: int) -> None:
    track = drive()
    lat = track.lat.copy()
    lat[80 : 80 + length] += metres / 111_195
    assert found(changed(track, lat=lat)) == {"jump": list(range(80, 80 + length))}


def test_a_train_does_not_jump() -> None:
    assert found(drive(speed_mps=80)) == {}


def test_a_stale_position_that_catches_up_is_kept_and_told() -> None:
    track = drive(period_s=1, speed_mps=10)
    lon, lat = track.lon.copy(), track.lat.copy()
    lon[50:100], lat[50:100] = lon[49], lat[49]
    told = found(changed(track, lon=lon, lat=lat))
    assert told["frozen"] == list(range(50, 100))
    assert "jump" not in told


def test_parking_is_not_frozen() -> None:
    track = drive(60)
    stay = np.r_[np.arange(30), np.full(100, 30), np.arange(30, 60)]
    lon, lat = track.lon[stay], track.lat[stay]
    time_us = START_US + np.arange(len(stay)) * 10_000_000
    # It comes to rest and starts again over several fixes.
    assert "frozen" not in found(make_track(np.arange(len(stay)), time_us, lon, lat))


def test_repeats_and_other_places_in_the_same_second() -> None:
    track = drive()
    rows = np.sort(np.r_[np.arange(200), [20, 21, 90]])
    again = changed(track.take(rows), row=np.arange(len(rows)))
    assert found(again) == {"duplicate": [21, 23, 93]}
    lon = again.lon.copy()
    lon[93] += 0.02
    assert found(changed(again, lon=lon)) == {"duplicate": [21, 23], "same_second": [93]}


@pytest.mark.parametrize("hours", [-8, -1, 1, 8, 24, 24 * 365])
def test_a_clock_that_goes_off_and_right_again(hours: int) -> None:
    track = drive()
    told = track.told_us.copy()
    told[60:120] += hours * 3_600_000_000
    checked = quality.check(changed(track, told_us=told, time_us=told), SETTINGS)
    assert {finding.why for finding in checked.findings} == {Why.CLOCK_OFFSET}
    assert [finding.row for finding in checked.findings] == list(range(60, 120))
    assert checked.clock_offset_s == hours * 3_600
    assert np.array_equal(checked.track.time_us, track.time_us)


def test_a_backlog_is_late_but_its_clock_is_right() -> None:
    track = drive(400)
    order = np.r_[np.arange(100), np.arange(200, 400), np.arange(100, 200)]
    arrived = changed(track.take(order), row=np.arange(400))
    assert found(arrived) == {"out_of_order": list(range(300, 400))}


def test_against_the_time_of_arrival() -> None:
    arrival = START_US + np.arange(100) * 10_000_000
    assert not offsets_by_arrival(arrival - 2_000_000, arrival, SETTINGS).any()
    ahead = arrival + 8 * 3_600_000_000 - 2_000_000
    assert (offsets_by_arrival(ahead, arrival, SETTINGS) == 8 * 3_600).all()
    backlog = np.linspace(arrival[0] - 4 * 3_600_000_000, arrival[0], 100).astype(np.int64)
    assert not offsets_by_arrival(backlog, np.full(100, arrival[0]), SETTINGS).any()


def test_one_of_a_fleet_lives_in_another_time_zone() -> None:
    first = START_US + np.arange(20) * 60_000_000
    last = first + 10 * 3_600_000_000
    first[7] += 8 * 3_600_000_000
    last[7] += 8 * 3_600_000_000
    offsets = fleet_offsets(first, last, SETTINGS)
    assert np.flatnonzero(offsets).tolist() == [7]
    assert offsets[7] == 8 * 3_600


def test_silence_under_way_and_silence_while_parked() -> None:
    track = drive()
    under_way = track.take(np.r_[np.arange(100), np.arange(150, 200)])
    assert found(changed(under_way, row=np.arange(150))) == {"gap": [99]}
    time_us = track.time_us + np.where(np.arange(200) >= 100, 6_000_000_000, 0)
    assert found(changed(track, time_us=time_us, told_us=time_us)) == {"parked": [99]}


def test_fillers_for_unknown_speed_and_zero_island() -> None:
    track = drive()
    speed = np.full(200, 12.0)
    speed[5] = 113.9952
    lon, lat = track.lon.copy(), track.lat.copy()
    lon[9] = lat[9] = 0.0
    assert found(changed(track, speed_mps=speed, lon=lon, lat=lat)) == {
        "zero_island": [9],
        "sentinel_speed": [5],
    }


def test_a_copied_track_is_known_by_its_steps_whatever_its_time() -> None:
    tracks = [drive(seed=1), drive(seed=2), drive(seed=1)]
    tracks[2] = changed(tracks[2], time_us=tracks[2].time_us + 86_400_000_000)
    assert find_copies([steps_of(track) for track in tracks], SETTINGS) == [(0, 2, 199)]


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 40))
def test_what_is_kept_does_not_depend_on_the_order_of_arrival(random, jumps: int) -> None:  # type: ignore[no-untyped-def]
    track = drive(120, seed=jumps)
    lat = track.lat.copy()
    lat[np.arange(5, 115, 7)[: jumps // 3]] += 0.05
    track = changed(track, lat=lat)
    # Delays of less than the shortest error of a clock.
    place = [row + random.random() * 20 for row in range(120)]
    order = np.argsort(place, kind="stable")
    shuffled = changed(track.take(order), row=np.arange(120))
    one, other = quality.check(track, SETTINGS), quality.check(shuffled, SETTINGS)
    assert np.array_equal(one.track.time_us, other.track.time_us)
    assert np.array_equal(one.track.lat, other.track.lat)
