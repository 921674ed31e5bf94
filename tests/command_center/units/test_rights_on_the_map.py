"""Who sees which units, alerts, tracks and tiles."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login

API = "/api/v1"


@pytest_asyncio.fixture
async def two(city: City) -> dict[str, int]:
    """A unit with a position and an open alert in each street."""
    ids: dict[str, int] = {}
    for name, area, lon in (("east", EAST, 120.02), ("west", WEST, 119.98)):
        ids[name] = await city.unit(f"insp-{name}", area + "001")
        await city.fix(ids[name], lon, 30.5, ago_s=20)
        await city.fix(ids[name], lon + 0.001, 30.5)
        ids[f"{name}-alert"] = await city.alert(ids[name])
    return ids


async def test_street_operator_sees_his_street_only(two: dict[str, int], logged_in: Login) -> None:
    east = await logged_in("operator", area_code=EAST)

    units = (await east.get(f"{API}/units")).json()["units"]
    assert [unit["id"] for unit in units] == [two["east"]]
    alerts = (await east.get(f"{API}/alerts")).json()["alerts"]
    assert [alert["id"] for alert in alerts] == [two["east-alert"]]
    assert (await east.get(f"{API}/units/{two['east']}")).status_code == 200
    track = await east.get(f"{API}/units/{two['east']}/track", params={"reason": "核查"})
    assert len(track.json()["geometry"]["coordinates"]) == 2

    for refused in (
        await east.get(f"{API}/units/{two['west']}"),
        await east.get(f"{API}/units/{two['west']}/track", params={"reason": "核查"}),
        await east.get(f"{API}/alerts/{two['west-alert']}"),
        await east.post(f"{API}/alerts/{two['west-alert']}/acknowledge", json={}),
        await east.post(f"{API}/alerts/{two['west-alert']}/close", json={"note": "x"}),
    ):
        assert refused.status_code == 404, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
    found = (await east.get(f"{API}/search", params={"q": "insp-"})).json()
    assert [place["id"] for place in found] == [two["east"]]
    overview = (await east.get(f"{API}/overview")).json()
    assert overview["inspectors"] == {"total": 1, "on_duty": 0, "online": 1, "moving": 1}
    assert overview["alerts"] == {"open": 1, "today": 1}
    assert overview["unit_grids"] == 4


async def test_department_limits_units_too(city: City, logged_in: Login, people: Any) -> None:
    await city.run(
        "INSERT INTO org_unit (code, name, kind, area_code) VALUES ('O', '别的', 'company', '990102')"
    )
    ours = await city.unit("ours", EAST)
    await city.unit("theirs", EAST, department="O")
    department = (await city.run("SELECT id FROM org_unit WHERE code = 'S'"))[0]["id"]
    client = await logged_in(login="dept")
    person = (await city.run("SELECT id FROM person WHERE login = 'dept'"))[0]["id"]
    await city.run(
        "INSERT INTO role_grant (person_id, role_key, org_unit_id) VALUES (:p, 'department', :d)",
        p=person,
        d=department,
    )
    units = (await client.get(f"{API}/units")).json()["units"]
    assert [unit["id"] for unit in units] == [ours]


@pytest.mark.parametrize("role", ["auditor", "gis", "admin", "inspector"])
async def test_roles_without_the_permission_see_no_units(
    role: str, two: dict[str, int], logged_in: Login
) -> None:
    client = await logged_in(role)
    for path in ("/units", f"/units/{two['east']}", f"/units/{two['east']}/track?reason=why", "/alerts"):
        answer = await client.get(API + path)
        assert answer.status_code == 403, path
        assert answer.json()["permission"] in ("units.view", "units.track", "alerts.view")
    found = await client.get(f"{API}/search", params={"q": "insp-"})
    assert found.status_code == 403 if role == "auditor" else found.json() == []


async def test_leader_sees_units_but_no_tracks_and_closes_nothing(
    two: dict[str, int], logged_in: Login
) -> None:
    leader = await logged_in("leader")
    assert len((await leader.get(f"{API}/units")).json()["units"]) == 2
    assert (await leader.get(f"{API}/units/{two['east']}/track?reason=why")).status_code == 403
    assert (
        await leader.post(f"{API}/alerts/{two['east-alert']}/close", json={"note": "x"})
    ).status_code == 403


async def test_nobody_sees_anything(two: dict[str, int], client: httpx.AsyncClient) -> None:
    paths = ("/units", f"/units/{two['east']}", "/alerts", "/overview", "/layers", "/areas", "/search?q=a")
    for path in [API + path for path in paths] + ["/tiles/road/1/1/1.mvt", "/tiles/road.json"]:
        assert (await client.get(path)).status_code == 401, path


async def test_scoped_tiles_hold_rows_of_the_readers_areas_only(city: City, logged_in: Login) -> None:
    whole, east = await logged_in("leader"), await logged_in("operator", area_code=EAST)
    path = "/tiles/unit_grid/13/6826/3367.mvt"  # lon 119.97 to 120.01, both streets
    both, half = await whole.get(path), await east.get(path)
    assert EAST.encode() in both.content
    assert WEST.encode() in both.content
    assert WEST.encode() not in half.content
    assert EAST.encode() in half.content
    assert both.headers["etag"] != half.headers["etag"]
    assert "private" in half.headers["cache-control"]


async def test_layer_of_another_permission(logged_in: Login) -> None:
    gis = await logged_in("gis")
    keys = [layer["key"] for layer in (await gis.get(f"{API}/layers")).json()]
    assert "road" in keys
    assert "route" not in keys
    for path in ("/tiles/route/12/3413/1685.mvt", "/tiles/road,route/12/3413/1685.mvt", "/tiles/route.json"):
        answer = await gis.get(path)
        assert (answer.status_code, answer.json()["permission"]) == (403, "units.view")


async def test_track_is_recorded_with_its_reason(two: dict[str, int], city: City, logged_in: Login) -> None:
    operator = await logged_in("operator")
    path = f"{API}/units/{two['east']}/track"
    assert (await operator.get(path)).status_code == 422
    answer = await operator.get(path, params={"reason": "投诉核查"})
    properties = answer.json()["properties"]
    assert len(properties["times"]) == len(properties["speeds"]) == 2
    assert properties["times"][0] < properties["times"][1]
    rows = await city.run("SELECT actor, object_id, detail FROM audit WHERE action = 'unit.track'")
    assert [(row["actor"], row["object_id"]) for row in rows] == [("operator", str(two["east"]))]
    assert rows[0]["detail"]["reason"] == "投诉核查"


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"},
        {"from": "yesterday"},
    ],
)
async def test_impossible_spans(query: dict[str, str], two: dict[str, int], logged_in: Login) -> None:
    operator = await logged_in("operator")
    answer = await operator.get(f"{API}/units/{two['east']}/track", params={"reason": "why", **query})
    assert answer.status_code == 422
