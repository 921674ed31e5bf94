"""``./wanmi tracks analyse`` on made files."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.tracking.test_quality import drive
from tracking.analyse.words import spoken
from tracking.commands import app
from tracking.quality import Track
from tracking.quality.track import distance_m, make_track
from tracking.stops import StopSettings, find_stops, find_trips, mileage, simplify

RUNNER = CliRunner()


def rows(device: str, track: Track) -> list[str]:
    return [
        f"{device},{spoken(int(moment))},{lon:.7f},{lat:.7f}"
        for moment, lon, lat in zip(track.time_us, track.lon, track.lat, strict=True)
    ]


def analyse(*arguments: object) -> list[dict[str, object]]:
    result = RUNNER.invoke(app, ["analyse", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tracks.csv.gz"
    lines = rows("a", drive(seed=1)) + rows("b", drive(seed=2))
    lines += ["b,not a time,120,30", "b,2023-11-14T23:00:00Z,120,95"]
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.write("\n".join(["device,time,lon,lat", *lines, lines[0]]))
    return path


def test_drops_trips_and_a_summary_of_each_device(file: Path) -> None:
    found = analyse(file)
    drops = [(one["device"], one["reason"]) for one in found if one["kind"] == "drop"]
    assert drops == [("b", "bad_row"), ("a", "duplicate"), ("b", "bad_latitude")]
    summaries = {one["device"]: one for one in found if one["kind"] == "summary"}
    assert (summaries["a"]["fixes"], summaries["a"]["kept"]) == (201, 200)
    assert [one["device"] for one in found if one["kind"] == "trip"] == ["a", "b"]
    assert summaries["b"]["inside_s"] is None


def test_grids_and_rules_of_ones_own(file: Path, tmp_path: Path) -> None:
    ring = [[119.99, 30.49], [120.003, 30.49], [120.003, 30.51], [119.99, 30.51], [119.99, 30.49]]
    shape = {
        "type": "Feature",
        "properties": {"device": "a"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    (tmp_path / "grid.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [shape]}))
    (tmp_path / "rules.toml").write_text(
        '[[rule]]\nkey = "left"\nkind = "outside_grid"\nversion = 7\n'
        '[[rule]]\nkey = "fast"\nkind = "speeding"\nlimit_kmh = 20\n[rule.pace]\nopen_after_fixes = 3\n'
    )
    found = analyse(file, "--grid", tmp_path / "grid.geojson", "--rules", tmp_path / "rules.toml")
    alerts = [(one["device"], one["rule"], one["rule_version"]) for one in found if one["kind"] == "alert"]
    assert ("a", "left", 7) in alerts
    assert ("b", "left", 7) not in alerts
    assert ("b", "fast", 1) in alerts
    summary = next(one for one in found if one["kind"] == "summary" and one["device"] == "a")
    assert summary["outside_s"] > 0  # type: ignore[operator]


def test_the_way_of_a_straight_drive_and_of_a_receiver_at_rest() -> None:
    track = drive(100)
    metres, error = mileage(track, StopSettings())
    whole = float(track.step_m().sum())
    assert abs(metres - whole) <= 2 * error + 1
    still = track.with_columns(lon=track.lon * 0 + 120, lat=track.lat * 0 + 30 + track.lat % 1e-5)
    assert mileage(still, StopSettings()) == (0.0, 0.0)
    (stop,) = find_stops(still, StopSettings())
    assert stop.duration_s == 990


def test_fewer_points_for_a_smaller_map() -> None:
    track = drive(500)
    counts = [len(simplify(track, zoom)) for zoom in (8, 12, 16)]
    assert counts == sorted(counts)
    assert counts[0] < 50 < counts[2] <= 500


def test_a_gathering_is_told_after_the_devices(tmp_path: Path) -> None:
    lines = []
    for device in range(4):
        for step in range(30):
            parted = 0.0002 * (step - 20) * (device + 1) if step > 20 else 0
            lon, lat = 120 + device * 0.0002 + step % 3 * 1e-6 + parted, 30 + step % 5 * 1e-6
            lines.append(f"d{device},{1_760_000_000 + step * 20 + device},{lon:.6f},{lat:.6f}")
    (tmp_path / "tracks.csv").write_text("\n".join(["device,time,lon,lat", *lines]))
    (tmp_path / "rules.toml").write_text(
        '[[rule]]\nkey = "crowd"\nkind = "gathering"\ncount = 4\nradius_m = 30\nafter_s = 120\n'
    )
    found = analyse(tmp_path / "tracks.csv", "--rules", tmp_path / "rules.toml")
    assert [one["kind"] for one in found][-1] == "alert"
    alert = found[-1]
    told = (alert["rule_kind"], alert["device"], alert["worst"], alert["close_reason"])
    assert told == ("gathering", "d0", 4.0, "returned")
    assert alert["opened_at"] == "2025-10-09T08:53:30Z"
    assert [one["key"] for one in alert["evidence"]] == ["d0", "d1", "d2", "d3"]  # type: ignore[index, union-attr, attr-defined]
    assert sum(one["kind"] == "alert" for one in found) == 1


@pytest.mark.parametrize("wander_m", [5, 15, 20])
@pytest.mark.parametrize("period_s", [5, 60, 240])
def test_a_parked_receiver_that_wanders_stays(wander_m: float, period_s: float) -> None:
    rng = np.random.default_rng(1)
    count = int(3_600 / period_s)
    before, after = drive(30, period_s=period_s, seed=3), drive(30, period_s=period_s, seed=4)
    lon, lat = before.lon[-1] + np.zeros(count), before.lat[-1] + np.zeros(count)
    lon, lat = (place + rng.normal(0, wander_m / 111_195, count) for place in (lon, lat))
    lon = np.r_[before.lon, lon, after.lon - after.lon[0] + before.lon[-1]]
    lat = np.r_[before.lat, lat, after.lat - after.lat[0] + before.lat[-1]]
    time_us = before.time_us[0] + (np.arange(len(lon)) * period_s * 1e6).astype(np.int64)
    track = make_track(np.arange(len(lon)), time_us, lon, lat)
    (stop,) = [stop for stop in find_stops(track, StopSettings()) if stop.duration_s > 1_800]
    assert stop.duration_s == pytest.approx(3_600, abs=4 * period_s)
    assert distance_m(*(np.array([one]) for one in (stop.lon, stop.lat, before.lon[-1], before.lat[-1]))) < 25
    driven, _ = mileage(track, StopSettings())
    moved = sum(mileage(part, StopSettings())[0] for part in (before, after))
    trips = find_trips(track, find_stops(track, StopSettings()), StopSettings())
    assert sum(trip.distance_m for trip in trips) == pytest.approx(moved, rel=0.1, abs=200)
    assert driven >= moved - 200
