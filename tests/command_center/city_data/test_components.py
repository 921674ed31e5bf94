"""Components over HTTP: codes, places, history and undo, within the editor's areas."""

import httpx

from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login

API = "/api/v1"


def point(lon: float, lat: float = 30.5) -> dict[str, object]:
    return {"type": "Point", "coordinates": [lon, lat]}


async def add(
    client: httpx.AsyncClient, lon: float = 120.021, lat: float = 30.5, **more: object
) -> httpx.Response:
    body = {"class_code": "0101", "geometry": point(lon, lat), "reason": "普查"} | more
    return await client.post(f"{API}/components", json=body)


async def test_life_of_a_component(editor: httpx.AsyncClient) -> None:
    made = await add(editor, owner="云泽水务")
    assert made.status_code == 201, made.text
    component = made.json()["component"]
    number = component["id"]
    assert component["properties"]["code"] == "9901020101000001"
    assert component["properties"]["unit_grid_code"] == EAST + "001002"
    assert component["properties"]["name"] == "上水井盖"
    moved = await editor.post(
        f"{API}/components/{number}/move", json={"geometry": point(120.031), "reason": "实测改正"}
    )
    assert moved.json()["component"]["properties"]["unit_grid_code"] == EAST + "001003"
    broken = await editor.patch(f"{API}/components/{number}", json={"state": "broken", "reason": "巡查"})
    assert broken.json()["component"]["properties"]["state"] == "broken"
    retired = await editor.post(f"{API}/components/{number}/retire", json={"reason": "拆除"})
    assert retired.json()["component"]["properties"]["state"] == "abandoned"
    again = await editor.post(f"{API}/components/{number}/retire", json={"reason": "再拆"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/component-retired")
    history = (await editor.get(f"{API}/layers/component/features/{number}/history")).json()
    assert [one["reason"] for one in history["changes"]] == ["拆除", "巡查", "实测改正", "普查"]
    assert history["changes"][2]["geometry_before"] == point(120.021)
    undone = await editor.post(f"{API}/edits/{retired.json()['edit_id']}/undo", json={"reason": "误操作"})
    assert undone.status_code == 201, undone.text
    now = (await editor.get(f"{API}/components/{number}")).json()
    assert now["properties"]["state"] == "broken"
    early = await editor.post(f"{API}/edits/{moved.json()['edit_id']}/undo", json={"reason": "误操作"})
    assert (early.status_code, early.json()["type"]) == (409, "/problems/undo-conflict")
    then = await editor.get(
        f"{API}/layers/component/features/{number}/at", params={"time": history["changes"][2]["at"]}
    )
    assert then.json()["record"]["properties"]["unit_grid_code"] == EAST + "001003"


async def test_a_code_never_comes_back(editor: httpx.AsyncClient) -> None:
    first = (await add(editor)).json()
    await editor.post(f"{API}/edits/{first['edit_id']}/undo", json={"reason": "误建"})
    second = (await add(editor)).json()
    assert second["component"]["properties"]["code"] == "9901020101000002"
    own = await add(editor, lon=120.041, code="9901020101000500")
    assert own.status_code == 201
    third = (await add(editor, lon=120.011)).json()
    assert third["component"]["properties"]["code"] == "9901020101000501"


async def test_refusals_say_why(editor: httpx.AsyncClient) -> None:
    for more, slug in (
        ({"class_code": "0199"}, "component-class-unknown"),
        ({"code": "123"}, "component-code-form"),
        ({"code": "9901030101000001"}, "component-code-form"),
        ({"lon": 121.0}, "place-outside"),
        ({"geometry": {"type": "Point", "coordinates": [200, 30]}}, "invalid-request"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[120, 30.5], [120.01, 30.51]]]}}, "shape-wrong"),
        ({"reason": " "}, "invalid-request"),
    ):
        answer = await add(editor, **more)  # type: ignore[arg-type]
        assert answer.status_code == 422, (more, answer.text)
        assert answer.json()["type"] == f"/problems/{slug}", (more, answer.text)
    await add(editor, code="9901020101000007")
    taken = await add(editor, code="9901020101000007")
    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/component-code-taken")


async def test_only_in_the_own_street(editor: httpx.AsyncClient, logged_in: Login) -> None:
    there = (await add(editor, lon=119.97)).json()
    here = (await add(editor, lon=120.02)).json()["component"]["id"]
    guest = await logged_in("gis", login="street-gis", area_code=EAST)
    assert (await add(guest, lon=119.98)).json()["type"] == "/problems/out-of-scope"
    number = there["component"]["id"]
    for method, path, body in (
        ("PATCH", f"/components/{number}", {"state": "lost", "reason": "巡查"}),
        ("POST", f"/components/{number}/retire", {"reason": "拆除"}),
        ("POST", f"/components/{here}/move", {"geometry": point(119.98), "reason": "移动"}),
        ("POST", f"/edits/{there['edit_id']}/undo", {"reason": "误建"}),
        ("GET", f"/layers/component/features/{number}/history", None),
    ):
        answer = await guest.request(method, API + path, json=body)
        assert answer.status_code == 403, (path, answer.text)
    assert (await guest.get(f"{API}/components/{here}")).json()["area_code"].startswith(EAST)
    listed = (await guest.get(f"{API}/layers/component/features")).json()["features"]
    assert [one["id"] for one in listed] == [here]
    assert {
        one["id"]
        for one in (await guest.get(f"{API}/components/nearest?lon=119.999&lat=30.5&within_m=9000")).json()
    } == {here}
    assert WEST not in str((await guest.get(f"{API}/components/statistics")).json())


async def test_nearest_duplicates_and_figures(editor: httpx.AsyncClient, district: City) -> None:
    for lon in (120.02, 120.020005, 120.03, 119.97):
        assert (await add(editor, lon=lon)).status_code == 201
    near = (await editor.get(f"{API}/components/nearest?lon=120.0201&lat=30.5&within_m=20000")).json()
    assert [round(one["lon"], 6) for one in near] == [120.020005, 120.02, 120.03, 119.97]
    assert abs(near[0]["metres"] - 9.12) < 0.05
    pairs = (await editor.get(f"{API}/components/duplicates?tolerance_m=1")).json()["pairs"]
    assert len(pairs) == 1
    assert 0.4 < pairs[0]["metres"] < 0.6
    figures = (await editor.get(f"{API}/components/statistics?level=street")).json()
    assert {(one["area_code"], one["total"]) for one in figures} == {(EAST, 3), (WEST, 1)}
    stale = await editor.patch(
        f"{API}/components/{near[0]['id']}",
        json={"state": "lost", "reason": "巡查"},
        headers={"If-Match": '"0-(0,0)"'},
    )
    assert stale.status_code == 412
