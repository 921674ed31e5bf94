"""A unit's day, its track as a file, who was in a place, and who is near."""

import csv
import io
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login
from tracking.tracks import CIVIL_TIME

API = "/api/v1"
REASON = {"reason": "核查巡查情况"}


DRIVE_S = 600


async def drive(city: City, unit: int, *, west: float = 120.01, ago_s: float = 0.0) -> None:
    """Five minutes at rest, then twenty steps of 190 m each ten seconds; ``ago_s``: how much longer ago."""
    for step in range(30):
        await city.fix(unit, west, 30.5, ago_s=ago_s + DRIVE_S - step * 10, speed_mps=None)
    for step in range(20):
        await city.fix(unit, west + step * 0.002, 30.5, ago_s=ago_s + 300 - step * 10, speed_mps=None)


async def roster(city: City, unit: int, street: str, ago_s: float = 0.0) -> None:
    await city.run(
        "INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id)"
        " SELECT :unit, now() - make_interval(secs => 3600 + :ago_s),"
        "        now() + make_interval(secs => 3600 - :ago_s), id FROM responsibility_grid"
        " WHERE code = 'G' || :street",
        unit=unit,
        street=street,
        ago_s=ago_s,
    )


def within_one_day(now: datetime) -> float:
    """How much longer ago a drive must be to lie in one day of China: it would else begin yesterday."""
    here = now.astimezone(CIVIL_TIME)
    since_midnight_s = (here - datetime.combine(here.date(), time(), CIVIL_TIME)).total_seconds()
    return since_midnight_s + 60 if since_midnight_s < DRIVE_S + 120 else 0.0


async def test_a_day_with_its_stop_trip_and_patrol_points(city: City, logged_in: Login) -> None:
    unit = await city.unit("ours", EAST)
    now = datetime.now(UTC)
    ago_s = within_one_day(now)
    await drive(city, unit, ago_s=ago_s)
    await roster(city, unit, EAST, ago_s)
    await city.run("UPDATE fix SET responsibility_grid_id = (SELECT min(id) FROM responsibility_grid)")
    await city.run(
        "INSERT INTO patrol_point (responsibility_grid_id, area_code, name, geom)"
        " SELECT id, area_code, n, ST_Point(x, 30.5001, 4326) FROM responsibility_grid,"
        " (VALUES ('广场', 120.02), ('码头', 120.9)) AS p (n, x) WHERE code = 'G' || :street",
        street=EAST,
    )
    operator = await logged_in("operator", area_code=EAST)
    day = f"{API}/units/{unit}/day"
    ended = (now - timedelta(seconds=ago_s)).astimezone(CIVIL_TIME)
    answer = (await operator.get(day, params={"date": f"{ended:%Y-%m-%d}", **REASON})).json()
    assert (answer["fixes"], len(answer["stops"]), len(answer["trips"])) == (50, 1, 1)
    assert answer["mileage_m"] == pytest.approx(19 * 191.6, rel=0.02)
    (turn,) = answer["turns"]
    assert (turn["inside_s"], turn["outside_s"]) == (pytest.approx(490, abs=2), 0)
    assert [point["reached_at"] is not None for point in turn["patrol_points"]] == [True, False]
    looked = await city.run("SELECT detail FROM audit WHERE action = 'unit.track'")
    assert looked[0]["detail"]["reason"] == REASON["reason"]
    assert (await operator.get(day, params={"date": "2026-01-01"})).status_code == 422
    theirs = await city.unit("theirs", WEST)
    params = {"date": "2026-01-01", **REASON}
    assert (await operator.get(f"{API}/units/{theirs}/day", params=params)).status_code == 404


@pytest.mark.parametrize(
    ("form", "begins"),
    [("gpx", b"<?xml"), ("geojson", b'{"type"'), ("csv", b"device,time"), ("parquet", b"PAR1")],
)
async def test_a_track_as_a_file(city: City, logged_in: Login, form: str, begins: bytes) -> None:
    unit = await city.unit("ours", EAST)
    await drive(city, unit)
    operator = await logged_in("operator", area_code=EAST)
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    answer = await operator.get(f"{API}/units/{unit}/track.{form}", params={**span, **REASON})
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert (await operator.get(f"{API}/units/{unit}/track.{form}", params=span)).status_code == 422
    made = await city.run("SELECT detail FROM audit WHERE action = 'unit.track_export'")
    assert (made[0]["detail"]["form"], made[0]["detail"]["fixes"]) == (form, 50)


async def test_a_year_at_a_glance(city: City, logged_in: Login) -> None:
    unit = await city.unit("ours", EAST)
    await drive(city, unit)
    operator = await logged_in("operator", area_code=EAST)
    today = datetime.now(CIVIL_TIME).date()
    span = {"from": (today - timedelta(days=365)).isoformat(), "to": (today + timedelta(days=1)).isoformat()}
    answer = (await operator.get(f"{API}/units/{unit}/overview", params={**span, **REASON})).json()
    assert sum(day["fixes"] for day in answer["days"]) == 50
    assert answer["mileage_m"] == pytest.approx(sum(day["mileage_m"] for day in answer["days"]))
    assert answer["days"][-1]["line"][0] != answer["days"][-1]["line"][-1]
    assert (await operator.get(f"{API}/units/{unit}/overview", params=span)).status_code == 422


async def test_who_was_there_within_ones_own_streets(city: City, logged_in: Login) -> None:
    ours, theirs = await city.unit("ours", EAST), await city.unit("theirs", WEST)
    for unit in (ours, theirs):
        await drive(city, unit)
    now = datetime.now(UTC)
    ring = [[120.019, 30.49], [120.021, 30.49], [120.021, 30.51], [120.019, 30.51], [120.019, 30.49]]
    body = {
        "polygon": {"type": "Polygon", "coordinates": [ring]},
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": now.isoformat(),
        **REASON,
    }
    east, whole = await logged_in("operator", area_code=EAST), await logged_in("dispatcher")
    found = (await east.post(f"{API}/tracks/within", json=body)).json()
    assert [unit["unit_id"] for unit in found["units"]] == [ours]
    for place in (found["units"][0]["first_at"], found["units"][0]["last_at"]):
        assert place == [pytest.approx(120.02), pytest.approx(30.5)]
    assert len((await whole.post(f"{API}/tracks/within", json=body)).json()["units"]) == 2
    bad = {**body, "polygon": {"type": "Point", "coordinates": [120, 30]}}
    assert (await whole.post(f"{API}/tracks/within", json=bad)).status_code == 422
    gis = await logged_in("gis")
    assert (await gis.post(f"{API}/tracks/within", json=body)).status_code == 403
    exported = await east.post(f"{API}/tracks/within/export", json=body)
    rows = list(csv.DictReader(io.StringIO(exported.content.decode("utf-8-sig"))))
    assert [(row["编号"], row["类别"]) for row in rows] == [(str(ours), "采集员")]
    first = datetime.fromisoformat(found["units"][0]["first_seen"]).astimezone(CIVIL_TIME)
    assert rows[0]["首次"].startswith(f"{first:%Y-%m-%d %H:%M:%S}")
    assert (await gis.post(f"{API}/tracks/within/export", json=body)).status_code == 403
    assert (await east.post(f"{API}/tracks/within/export", json=body | {"reason": ""})).status_code == 422
    looked = await city.run("SELECT action, detail FROM audit WHERE action LIKE 'tracks.within%' ORDER BY id")
    assert [entry["action"] for entry in looked] == [*["tracks.within"] * 2, "tracks.within_export"]
    assert {entry["detail"]["reason"] for entry in looked} == {REASON["reason"]}


async def test_the_nearest_who_can_go(city: City, logged_in: Login) -> None:
    near, alarmed, far = [await city.unit(name, EAST) for name in ("near", "alarmed", "far")]
    for unit, lon in ((near, 120.011), (alarmed, 120.0101), (far, 120.03)):
        await city.fix(unit, lon, 30.5)
    await city.alert(alarmed)
    silent = await city.unit("silent", EAST)
    await city.fix(silent, 120.01, 30.5, ago_s=3_600)
    operator = await logged_in("operator", area_code=EAST)
    found = (await operator.get(f"{API}/units/nearest", params={"lon": 120.01, "lat": 30.5})).json()["units"]
    assert [unit["unit_id"] for unit in found] == [near, far]
    assert found[0]["distance_m"] == pytest.approx(96, abs=1)
    await city.run(
        """INSERT INTO road (name, road_class, oneway, source, source_key, geom)
           SELECT n, 'primary', w, 'test', n, ST_Multi(ST_GeomFromText(g, 4326))
             FROM (VALUES ('long way round', false,
                           'LINESTRING(120.01 30.5,120.01 30.52,120.011 30.52,120.011 30.501)'),
                          ('straight', true, 'LINESTRING(120.03 30.5,120.01 30.5)')) AS r (n, w, g)"""
    )
    asked = {"lon": 120.01, "lat": 30.5, "by_road": True, "state": "any"}
    found = (await operator.get(f"{API}/units/nearest", params=asked)).json()["units"]
    assert [unit["unit_id"] for unit in found] == [alarmed, near, far]
    assert [unit["busy"] for unit in found] == [True, False, False]
    assert found[2]["road_m"] == pytest.approx(1_919, abs=3)
    assert found[2]["way"] == [pytest.approx([120.03, 30.5]), pytest.approx([120.01, 30.5])]
    assert found[2]["road_s"] is None


async def test_minutes_are_told_only_where_enough_of_a_kind_are_moving(city: City, logged_in: Login) -> None:
    await city.run(
        """INSERT INTO road (name, road_class, oneway, source, source_key, geom)
           SELECT 'r', 'primary', false, 'test', 'r',
                  ST_Multi(ST_GeomFromText('LINESTRING(120.01 30.5,120.03 30.5)', 4326))"""
    )
    operator = await logged_in("operator", area_code=EAST)
    asked = {"lon": 120.01, "lat": 30.5, "by_road": True, "n": 1}
    for number in range(5):
        unit = await city.unit(f"walker{number}", EAST)
        await city.fix(unit, 120.02 + number * 1e-3, 30.5, speed_mps=1.0 + number / 10)
        answer = (await operator.get(f"{API}/units/nearest", params=asked)).json()
        enough = number == 4
        assert bool(answer["paces"]) is enough
        assert (answer["units"][0]["road_s"] is not None) is enough
    (pace,) = answer["paces"]
    assert (pace["kind"], pace["units"], pace["speed_mps"]) == ("inspector", 5, pytest.approx(1.2))
    assert answer["units"][0]["road_s"] == pytest.approx(answer["units"][0]["road_m"] / 1.2, abs=0.2)
