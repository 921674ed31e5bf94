"""The live protocol from outside: what a client is told equals what a reload would show."""

import asyncio
import random

import httpx
import pytest
import websockets
from fastapi import FastAPI

from command_center.live.frames import FrameKind, State
from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login
from tests.command_center.live.conftest import EVERYWHERE, Open


async def test_snapshot_and_deltas_equal_a_reload(city: City, logged_in: Login, open_wall: Open) -> None:
    """Moves, stops, alerts, units leaving the view and units falling silent, in random order."""
    chance = random.Random(20260101)
    units = [
        await city.unit(f"u{n}", chance.choice([EAST, WEST]), period_s=1 if n < 4 else 30) for n in range(12)
    ]
    client = await logged_in("operator")
    view = [119.98, 30.48, 120.02, 30.52]
    async with open_wall(client) as wall, open_wall(client) as other:
        await wall.look(view, 13)
        opened: list[int] = []
        for _ in range(5):
            for unit in chance.sample(units, 6):
                lon, lat = 120 + chance.uniform(-0.06, 0.06), 30.5 + chance.uniform(-0.06, 0.06)
                await city.fix(unit, lon, lat, speed_mps=chance.choice([None, 0.0, 0.4, 3.0]))
            if chance.random() < 0.6:
                opened.append(await city.alert(chance.choice(units), f"rule{len(opened)}"))
            if opened and chance.random() < 0.5:
                alert = opened.pop(0)
                assert (
                    await client.post(f"/api/v1/alerts/{alert}/close", json={"note": "好"})
                ).status_code == 200
            await wall.frame()
        for _ in range(5):  # the fast ones fall silent
            await wall.frame()
        reload = await other.look(view, 13)
        await wall.frame(lambda frame: frame.seq >= reload.seq)
        await other.frame(lambda frame: frame.seq >= wall.frames[-1].seq)
        assert wall.units == other.units
        assert wall.units
        assert any(State.GONE in frame.columns.state for frame in wall.frames)
        kinds = [frame.kind for frame in wall.frames]
        assert kinds[0] == FrameKind.FULL
        assert kinds.count(FrameKind.DELTA) >= 8
        listed = (await client.get("/api/v1/alerts")).json()["alerts"]
        assert wall.alerts == {alert["id"]: alert for alert in listed}


async def test_only_what_changed_is_told(city: City, logged_in: Login, open_wall: Open) -> None:
    still, moving = await city.unit("still", EAST), await city.unit("moving", EAST)
    await city.fix(still, 120.01, 30.5, speed_mps=0)
    await city.fix(moving, 120.01, 30.5)
    async with open_wall(await logged_in("operator")) as wall:
        full = await wall.look(EVERYWHERE)
        await wall.until(lambda: {still, moving} <= wall.units.keys())
        await wall.frame(lambda frame: frame.kind == FrameKind.DELTA and not len(frame.columns.id))
        await city.fix(moving, 120.02, 30.5)
        delta = await wall.frame(lambda frame: moving in frame.columns.id)
        assert delta.kind == FrameKind.DELTA
        assert delta.columns.id.tolist() == [moving]
        assert delta.columns.lon.tolist() == [1_200_200_000]
        assert delta.columns.course.tolist() == [9000]
        assert delta.columns.age.tolist()[0] <= 2
        assert delta.seq > full.seq
        quiet = await wall.frame()
        assert len(quiet.columns.id) == 0


async def test_states(city: City, logged_in: Login, open_wall: Open) -> None:
    speeds = {"offline": (1.0, 100), "standing": (0.49, 0), "moving": (0.5, 0), "mute": (None, 0)}
    ids = {}
    for name, (speed, ago) in speeds.items():
        ids[name] = await city.unit(name, EAST, "sanitation")
        await city.fix(ids[name], 120.01, 30.5, speed_mps=speed, ago_s=ago)
    ids["silent"] = await city.unit("silent", EAST)
    ids["alert"] = await city.unit("alert", EAST)
    await city.fix(ids["alert"], 120.01, 30.5)
    await city.alert(ids["alert"])
    async with open_wall(await logged_in("operator")) as wall:
        await wall.look(EVERYWHERE)
        await wall.until(lambda: len(wall.units) == 5 and wall.units[ids["alert"]][-1] == State.ALERT)
        assert {name: wall.units[unit][-1] for name, unit in ids.items() if unit in wall.units} == {
            "offline": State.OFFLINE,
            "standing": State.STANDING,
            "moving": State.MOVING,
            "mute": State.STANDING,
            "alert": State.ALERT,
        }
        counts = await wall.message("counts")
        assert counts["vehicles"] == {"total": 4, "on_duty": 0, "online": 3, "moving": 1}
        assert counts["inspectors"] == {"total": 2, "on_duty": 0, "online": 1, "moving": 1}
        assert counts["alerts"] == {"open": 1, "today": 1}


async def test_street_operator_is_told_of_his_street_only(
    city: City, logged_in: Login, open_wall: Open
) -> None:
    east, west = await city.unit("e", EAST), await city.unit("w", WEST)
    async with open_wall(await logged_in("operator", area_code=EAST)) as wall:
        await wall.look(EVERYWHERE)
        for n in range(3):
            await city.fix(west, 119.99 + n / 1000, 30.5)
            await city.fix(east, 120.01 + n / 1000, 30.5)
            await city.alert(west, f"r{n}")
            await wall.frame()
        mine = await city.alert(east)
        await wall.until(lambda: mine in wall.alerts)
        assert set(wall.units) == {east}
        assert set(wall.alerts) == {mine}
        assert all(west not in frame.columns.id for frame in wall.frames)
        counts = await wall.message("counts")
        assert (counts["inspectors"]["total"], counts["alerts"]["open"]) == (1, 1)


async def test_leaving_the_viewport(city: City, logged_in: Login, open_wall: Open) -> None:
    unit = await city.unit("u", EAST)
    await city.fix(unit, 120.01, 30.5)
    async with open_wall(await logged_in("operator")) as wall:
        await wall.look([120.0, 30.49, 120.02, 30.51], 16)
        await wall.until(lambda: unit in wall.units)
        await city.fix(unit, 120.4, 30.9)
        # A delta says gone; where a full frame comes instead, it is just not in it.
        await wall.until(lambda: unit not in wall.units)
        assert len((await wall.look([120.3, 30.8, 120.5, 31.0], 16)).columns.id) == 1


async def test_alerts_in_order_and_resumed(city: City, logged_in: Login, open_wall: Open) -> None:
    unit = await city.unit("u", EAST)
    client = await logged_in("operator")
    async with open_wall(client) as wall:
        first = await city.alert(unit, "a")
        await wall.until(lambda: first in wall.alerts)
        seen = wall.alert_seq
    second = await city.alert(unit, "b")
    assert (await client.post(f"/api/v1/alerts/{first}/acknowledge")).json()["acknowledged_by"] == "operator"
    assert (await client.post(f"/api/v1/alerts/{first}/close", json={"note": "已劝返"})).status_code == 200
    await asyncio.sleep(1.2)
    async with open_wall(client) as wall:
        assert {alert["id"] for alert in (await wall.message("welcome"))["alerts"]} == {second}
        await wall.send(type="resume", alert_seq=seen)
        events = [await wall.message("alert") for _ in range(3)]
        assert [(e["event"], e["alert"]["id"]) for e in events] == [
            ("opened", second),
            ("acknowledged", first),
            ("closed", first),
        ]
        assert [e["seq"] for e in events] == sorted(e["seq"] for e in events)
        assert events[-1]["alert"]["handled_by"] == "operator"
        await wall.send(type="resume", alert_seq=10_000)
        await wall.message("reset")


async def test_two_operators_one_alert(city: City, logged_in: Login) -> None:
    alert = await city.alert(await city.unit("u", EAST))
    a, b = await logged_in("operator", login="a"), await logged_in("operator", login="b")
    path = f"/api/v1/alerts/{alert}"
    answers = await asyncio.gather(*(c.post(f"{path}/acknowledge", json={}) for c in (a, b)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    answers = await asyncio.gather(*(c.post(f"{path}/close", json={"note": "x"}) for c in (a, b)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert refused["type"] == "/problems/alert-already-closed"
    actions = await city.run("SELECT action FROM audit WHERE object_kind = 'alert' ORDER BY id")
    assert [row["action"] for row in actions] == ["alert.acknowledge", "alert.close"]
    events = await city.run("SELECT event FROM outbox ORDER BY seq")
    assert [row["event"] for row in events] == ["opened", "acknowledged", "closed"]


async def test_directory_and_city_news(city: City, logged_in: Login, open_wall: Open) -> None:
    async with open_wall(await logged_in("operator")) as wall:
        await wall.look(EVERYWHERE)
        unit = await city.unit("new", EAST)
        await wall.message("units_changed")
        await city.fix(unit, 120.01, 30.5)
        await wall.until(lambda: unit in wall.units)
        await city.run("SELECT bump_layers(ARRAY['road', 'zone'])")
        assert set((await wall.message("layers_changed"))["layers"]) == {"road", "zone"}
        await city.run("UPDATE device SET enabled = false")
        await wall.until(lambda: unit not in wall.units)
        await wall.send(type="ping")
        await wall.message("pong")


async def test_who_may_not_listen(logged_in: Login, open_wall: Open) -> None:
    async with open_wall(None) as wall:
        assert await wall.closed() == 4401
    async with open_wall(await logged_in("gis")) as wall:
        assert await wall.closed() == 4403


async def test_logout_and_loss_of_rights_close_the_socket(
    city: City, logged_in: Login, open_wall: Open
) -> None:
    client = await logged_in("operator")
    async with open_wall(client) as wall:
        await wall.message("welcome")
        await client.delete("/api/v1/session", headers={"Origin": "http://wanmi.test"})
        assert await wall.closed() == 4401
    client = await logged_in("leader")
    async with open_wall(client) as wall:
        await wall.message("welcome")
        await city.run("DELETE FROM role_grant")
        assert await wall.closed() == 4403


async def test_narrower_rights_narrow_the_view(city: City, logged_in: Login, open_wall: Open) -> None:
    east, west = await city.unit("e", EAST), await city.unit("w", WEST)
    await city.fix(east, 120.01, 30.5)
    await city.fix(west, 119.99, 30.5)
    async with open_wall(await logged_in("operator")) as wall:
        await wall.look(EVERYWHERE)
        await wall.until(lambda: set(wall.units) == {east, west})
        await city.run("UPDATE role_grant SET area_code = :area", area=EAST)
        await wall.until(lambda: set(wall.units) == {east})


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        '{"type":"fly"}',
        '{"type":"view","bbox":[1,2,3]}',
        '{"type":"view","bbox":[1,2,3,1e999]}',
        '{"type":"view","bbox":[2,2,1,3],"zoom":3}',
        '{"type":"resume","alert_seq":-1}',
        b"\x00\x01",
    ],
)
async def test_nonsense_is_refused(message: str | bytes, logged_in: Login, open_wall: Open) -> None:
    async with open_wall(await logged_in("operator")) as wall:
        await wall.message("welcome")
        await wall.socket.send(message)
        assert await wall.closed() == 1008


async def test_another_sites_page_is_refused(logged_in: Login, socket_url: str) -> None:
    client = await logged_in("operator")
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    async with websockets.connect(
        socket_url, additional_headers={"Cookie": cookie}, origin="https://elsewhere.example"
    ) as socket:
        with pytest.raises(websockets.ConnectionClosed) as end:
            await socket.recv()
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 1008


async def test_hub_survives_lost_connections(
    app: FastAPI, city: City, logged_in: Login, open_wall: Open
) -> None:
    unit = await city.unit("u", EAST)
    async with open_wall(await logged_in("operator")) as wall:
        await wall.look(EVERYWHERE)
        await city.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'wanmi hub%'"
            " AND datname = current_database()"
        )
        await wall.message("reset")
        assert app.state.live_hub.ready
        await city.fix(unit, 120.01, 30.5)
        alert = await city.alert(unit)
        await wall.until(lambda: unit in wall.units and alert in wall.alerts)


async def test_overview_and_search_by_name(city: City, logged_in: Login) -> None:
    unit = await city.unit("k7", EAST)
    await city.fix(unit, 120.01, 30.5)
    client: httpx.AsyncClient = await logged_in("operator")
    for wanted in ("采集员k7", "k7", "Inspector"):
        found = (await client.get("/api/v1/search", params={"q": wanted})).json()
        assert (found[0]["kind"], found[0]["id"], found[0]["lon"]) == ("unit", unit, 120.01)
    street = (await client.get("/api/v1/search", params={"q": EAST})).json()[0]
    assert (street["kind"], street["id"], street["bbox"]) == ("area", EAST, [120.0, 30.45, 120.05, 30.55])
    assert (await client.get("/api/v1/search", params={"q": "100%_"})).json() == []
    overview = (await client.get("/api/v1/overview")).json()
    assert (overview["unit_grids"], overview["fixes_today"]) == (8, 1)
    areas = (await client.get("/api/v1/areas")).json()
    assert [(area["code"], area["level"]) for area in areas][:2] == [(EAST, "street"), (WEST, "street")]
    detail = (await client.get(f"/api/v1/units/{unit}")).json()
    assert (detail["state"], detail["area"]) == ("moving", {"street": EAST + "街道", "community": "一社区"})
