"""Faults that only show against what the device, and the others of its file, do otherwise."""

import numpy as np
import pytest

from tests.tracking.test_quality import SETTINGS, START_US, changed, drive, found
from tracking import quality
from tracking.quality.copies import find_copies, steps_of
from tracking.quality.strays import ROLLOVER_US
from tracking.quality.surroundings import Surroundings
from tracking.quality.track import Track, make_track, own_speed


def there_and_again(fixes: int = 960, period_s: float = 60.0) -> Track:
    """A line driven to and fro at 10 m/s, with a halt now and then: at its ends the way goes out and back."""
    steps = np.full(fixes, 600.0)
    steps[[100, 101, 500, 501, 700, 701]] = 50.0
    metres = np.abs((np.cumsum(steps) + 16_000) % 32_000 - 16_000)
    bend = 2_000 * np.sin(metres / 3_000)
    time_us = START_US + (np.arange(fixes) * period_s * 1e6).astype(np.int64)
    lat, lon = 30.5 + metres / 111_195, 120.0 + bend / 111_195 / 0.86
    return make_track(np.arange(fixes), time_us, lon, lat)


def test_a_line_driven_to_and_fro_has_no_jumps() -> None:
    assert found(there_and_again()) == {}


def test_a_slow_jump_shows_where_the_device_never_is() -> None:
    track = there_and_again()
    lon = track.lon.copy()
    lon[500] += 750 / 111_195 / 0.86  # 12.5 m/s there and back, of a device that does 10
    assert found(changed(track, lon=lon)) == {"jump": [500]}


def test_what_others_of_the_file_drive_is_no_jump() -> None:
    track = there_and_again()
    lon = track.lon.copy()
    lon[500] += 750 / 111_195 / 0.86
    odd = changed(track, lon=lon)
    others = [changed(odd, told_us=odd.told_us + day * 86_400_000_000) for day in (1, 2)]
    alone = quality.check(odd, SETTINGS)
    among = quality.check(odd, SETTINGS, around=(Surroundings([odd, *others]), 0))
    assert [finding.row for finding in alone.findings] == [500]
    assert among.findings == []


def test_jumps_do_not_make_a_device_fast() -> None:
    track = there_and_again(720)
    lat = track.lat.copy()
    lat[5:700:15] += 0.2
    assert own_speed(changed(track, lat=lat))[1] == pytest.approx(own_speed(track)[1], rel=0.3)


def test_a_place_told_again_that_catches_up_in_one_step() -> None:
    track = there_and_again()
    lon, lat = track.lon.copy(), track.lat.copy()
    lon[101:104], lat[101:104] = lon[100], lat[100]
    assert found(changed(track, lon=lon, lat=lat)) == {"frozen": [101, 102, 103], "catch_up": [104]}


def test_a_leap_that_is_not_taken_back() -> None:
    track = drive()
    lat = track.lat.copy()
    lat[120:] += 5_000 / 111_195
    told = found(changed(track, lat=lat))
    assert [row for why in ("impossible_speed", "catch_up") for row in told.get(why, [])] == [120]
    assert "jump" not in told


@pytest.mark.parametrize("ahead_days", [2, 300])
def test_a_single_date_ahead_is_its_own_fault_alone(ahead_days: int) -> None:
    track = drive()
    told = track.told_us.copy()
    told[[40, 90]] += ahead_days * 86_400_000_000
    broken = changed(track, told_us=told, time_us=told)
    assert found(broken) == {"clock_offset": [40, 90]}
    assert found(broken, now_us=int(told.max()) + 1) == {"clock_offset": [40, 90]}


def test_a_wrong_time_within_the_track_is_known_by_its_place() -> None:
    track = drive(400)
    told = track.told_us.copy()
    told[50] = told[350] + 3_000_000
    assert found(changed(track, told_us=told, time_us=told)) == {"clock_offset": [50]}


@pytest.mark.parametrize("rows", [slice(30, 200), slice(60, 120), slice(0, 30)])
def test_a_date_before_a_week_rollover_is_mended(rows: slice) -> None:
    track = drive()
    told = track.told_us.copy()
    told[rows] -= ROLLOVER_US
    checked = quality.check(changed(track, told_us=told, time_us=told), SETTINGS)
    assert [finding.why.value for finding in checked.findings] == ["clock_offset"] * len(told[rows])
    assert np.array_equal(checked.track.time_us, track.time_us)


def test_a_late_row_after_a_night_is_no_clock() -> None:
    track = drive(400)
    pause = np.where(np.arange(400) >= 200, int(8.5 * 3_600_000_000), 0)
    night = changed(track, time_us=track.time_us + pause, told_us=track.told_us + pause)
    order = np.r_[np.arange(190), np.arange(191, 210), 190, np.arange(210, 400)]
    arrived = changed(night.take(order), row=np.arange(400))
    assert found(arrived) == {"out_of_order": [209], "parked": [198]}


def test_told_speeds_that_the_way_belies() -> None:
    track = drive()
    speed = np.full(200, 12.0)
    speed[[20, 60]] = 90.0, 45.0
    assert found(changed(track, speed_mps=speed)) == {"impossible_speed": [20, 60]}
    fast = drive(speed_mps=75)
    assert found(changed(fast, speed_mps=np.full(200, 83.0))) == {}


def test_of_two_places_in_one_second_stays_the_one_on_the_road() -> None:
    track = there_and_again()
    rows = np.sort(np.r_[np.arange(len(track)), 300])
    lon = track.lon[rows]
    lon[300] += 250 / 111_195 / 0.86
    assert found(changed(track.take(rows), lon=lon, row=np.arange(len(rows)))) == {"same_second": [300]}


def test_a_stretch_of_another_track_and_a_way_told_twice() -> None:
    one, other = drive(300, seed=1), drive(300, seed=2)
    lon, lat = other.lon.copy(), other.lat.copy()
    lon[100:150], lat[100:150] = one.lon[200:250], one.lat[200:250]
    patched = changed(other, lon=lon, lat=lat)
    assert find_copies([steps_of(one), steps_of(patched)], SETTINGS) == [(0, 1, 49)]
    twice = one.take(np.tile(np.arange(300), 2))
    later = np.r_[one.told_us, one.told_us + 86_400_000_000]
    assert find_copies([steps_of(changed(twice, told_us=later))], SETTINGS) == [(0, 0, 299)]
    assert find_copies([steps_of(twice)], SETTINGS) == []  # a backlog sent again
