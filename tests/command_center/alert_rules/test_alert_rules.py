"""Rules over HTTP: who may define them, versions, and what is refused."""

import pytest

from tests.command_center.city import EAST, City
from tests.command_center.conftest import Login

RULES = "/api/v1/alert-rules"


async def test_each_change_is_a_version_and_a_disabled_rule_ends_its_alerts(
    city: City, logged_in: Login
) -> None:
    dispatcher = await logged_in("dispatcher")
    body = {
        "definition": {"kind": "speeding", "limit_kmh": 60},
        "unit_kinds": ["slag_truck"],
        "area_code": EAST,
    }
    made = await dispatcher.put(f"{RULES}/too_fast", json=body)
    assert (made.status_code, made.json()["version"]) == (200, 1)
    unit = await city.unit("truck", EAST, "slag_truck")
    await city.alert(unit, "too_fast")
    body["definition"] = {"kind": "speeding", "limit_kmh": 50, "enabled": False}
    assert (await dispatcher.put(f"{RULES}/too_fast", json=body)).json()["version"] == 2
    (rule,) = (await dispatcher.get(RULES)).json()["rules"]
    assert (rule["version"], rule["definition"]["limit_kmh"], rule["definition"]["enabled"]) == (2, 50, False)
    assert (rule["unit_kinds"], rule["zone_codes"]) == (["slag_truck"], [])
    assert [row["close_reason"] for row in await city.run("SELECT close_reason FROM alert")] == ["rule_ended"]
    kept = await city.run("SELECT version, current FROM alert_rule ORDER BY version")
    assert [(row["version"], row["current"]) for row in kept] == [(1, False), (2, True)]
    told = await city.run("SELECT object_id FROM audit WHERE action = 'alert_rule.define'")
    assert len(told) == 2
    assert (await dispatcher.get(f"{RULES}/nothing")).status_code == 404


async def test_an_operator_reads_and_does_not_define(city: City, logged_in: Login) -> None:
    operator = await logged_in("operator")
    assert (await operator.get(RULES)).status_code == 200
    body = {"definition": {"kind": "dwell"}}
    assert (await operator.put(f"{RULES}/asleep", json=body)).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"definition": {"kind": "teleport"}},
        {"definition": {"kind": "outside_grid"}},
        {"definition": {"kind": "dwell", "radius_m": 0}},
        {"definition": {"kind": "dwell", "after_seconds": 5}},
        {"definition": {"kind": "forbidden_zone"}},
        {"definition": {"kind": "forbidden_zone"}, "zone_codes": ["NOWHERE"]},
        {"definition": {"kind": "dwell"}, "unit_kinds": ["tank"]},
    ],
)
async def test_rules_that_are_none(city: City, logged_in: Login, body: dict[str, object]) -> None:
    dispatcher = await logged_in("dispatcher")
    assert (await dispatcher.put(f"{RULES}/some_rule", json=body)).status_code == 422


async def test_kinds_tell_what_may_be_set(city: City, logged_in: Login) -> None:
    dispatcher = await logged_in("dispatcher")
    kinds = {one["kind"]: one for one in (await dispatcher.get(f"{RULES}/kinds")).json()["kinds"]}
    assert {"never_arrived", "gathering", "low_battery", "off_post", "speeding"} <= kinds.keys()
    battery = kinds["low_battery"]["limits"][0]
    assert (battery["name"], battery["default"], battery["lowest"], battery["highest"]) == (
        "battery_pct",
        20,
        1,
        90,
    )
    for kind, info in kinds.items():
        body = {
            "definition": {"kind": kind},
            "zone_codes": ["990102001"] if info["zones"] == "needed" else [],
        }
        assert (await dispatcher.put(f"{RULES}/of_{kind}", json=body)).status_code == 200, kind
