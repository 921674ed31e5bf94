"""Commands to units over HTTP: who may, what is kept, what is refused."""

import pytest
from fastapi import FastAPI

from command_center.units.commands import MOST_OPEN
from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login

API = "/api/v1"


async def test_an_operator_sends_commands_to_his_units(city: City, logged_in: Login) -> None:
    ours, theirs = await city.unit("ours", EAST), await city.unit("theirs", WEST)
    operator = await logged_in("operator", area_code=EAST)
    made = await operator.post(f"{API}/units/{ours}/commands", json={"kind": "text", "text": "请回电"})
    assert (made.status_code, made.json()["state"]) == (201, "waiting")
    assert (await operator.post(f"{API}/units/{ours}/commands", json={"kind": "locate"})).status_code == 201
    listed = (await operator.get(f"{API}/units/{ours}/commands")).json()["commands"]
    assert [(command["kind"], command["body"]) for command in listed] == [
        ("locate", {}),
        ("text", {"text": "请回电"}),
    ]
    assert (await operator.post(f"{API}/units/{theirs}/commands", json={"kind": "locate"})).status_code == 404
    for _ in range(MOST_OPEN - 2):
        await operator.post(f"{API}/units/{ours}/commands", json={"kind": "locate"})
    assert (await operator.post(f"{API}/units/{ours}/commands", json={"kind": "locate"})).status_code == 409


@pytest.mark.parametrize("role", ["leader", "department", "gis"])
async def test_others_may_not(city: City, logged_in: Login, role: str) -> None:
    unit = await city.unit("ours", EAST)
    client = await logged_in(role)
    assert (await client.post(f"{API}/units/{unit}/commands", json={"kind": "locate"})).status_code == 403
    assert (await client.post(f"{API}/units/{unit}/calls")).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "text"},
        {"kind": "locate", "text": "x"},
        {"kind": "reboot"},
        {"kind": "locate", "within_s": 1},
    ],
)
async def test_commands_that_are_none(city: City, logged_in: Login, body: dict[str, object]) -> None:
    unit = await city.unit("ours", EAST)
    client = await logged_in("operator")
    assert (await client.post(f"{API}/units/{unit}/commands", json=body)).status_code == 422


async def test_the_number_to_ring_is_told_to_who_may_and_that_is_recorded(
    app: FastAPI, city: City, logged_in: Login
) -> None:
    ours, theirs = await city.unit("ours", EAST), await city.unit("theirs", WEST)
    operator = await logged_in("operator", area_code=EAST)
    assert (await operator.post(f"{API}/units/{ours}/calls")).json() == {"mobile": None}
    sealed = app.state.keyring.encrypt("13812345678", "person.mobile")
    await city.run("UPDATE person SET mobile = :sealed WHERE name = '采集员ours'", sealed=sealed)
    assert (await operator.post(f"{API}/units/{ours}/calls")).json() == {"mobile": "13812345678"}
    assert (await operator.post(f"{API}/units/{theirs}/calls")).status_code == 404
    rung = await city.run("SELECT object_id FROM audit WHERE action = 'unit.call'")
    assert [entry["object_id"] for entry in rung] == [str(ours)] * 2
