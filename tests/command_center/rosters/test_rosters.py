"""Rosters and off-duty rules over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login
from tracking.rules.definitions import CIVIL_TIME

ROSTERS = "/api/v1/rosters"
RULES = "/api/v1/off-duty-rules"


def shift(**values: Any) -> dict[str, Any]:
    told = {"name": "全天班", "days": [1, 2, 3, 4, 5, 6, 7], "since": "00:00", "until": "00:00"}
    return {**told, "first_day": "2020-01-01", **values}


async def test_a_shift_its_week_and_a_cancelled_day(city: City, logged_in: Login) -> None:
    unit = await city.unit("0001", EAST)
    dispatcher = await logged_in("dispatcher", area_code=EAST)
    made = (await dispatcher.post(f"{ROSTERS}/shifts", json=shift(device_id=unit))).json()
    assert (made["devices"], made["holder"], made["area_code"]) == (1, "采集员0001", EAST)
    week = (await dispatcher.get(f"{ROSTERS}/week")).json()
    assert [len(one["turns"]) for one in week["units"]] == [7 - datetime.now(CIVIL_TIME).weekday()]
    turns = week["units"][0]["turns"]
    assert turns[-1]["shift"] == "全天班"
    now = datetime.now(UTC)
    coming = next(turn for turn in turns if datetime.fromisoformat(turn["ends_at"]) > now)
    assert (await dispatcher.delete(f"{ROSTERS}/turns/{coming['id']}")).status_code == 204
    again = (await dispatcher.delete(f"{ROSTERS}/turns/{coming['id']}")).status_code
    assert again in (404, 409)
    assert len((await dispatcher.get(f"{ROSTERS}/shifts")).json()["shifts"][0]["skipped"]) == 1
    changed = await dispatcher.patch(f"{ROSTERS}/shifts/{made['id']}", json={"until": "08:00", "days": [1]})
    assert changed.json()["until"] == "08:00:00"
    wrong = await dispatcher.patch(f"{ROSTERS}/shifts/{made['id']}", json={"days": [8]})
    assert wrong.status_code == 422
    assert (await dispatcher.delete(f"{ROSTERS}/shifts/{made['id']}")).status_code == 204
    left = await city.run("SELECT count(*) AS n FROM roster WHERE ends_at > now()")
    assert left[0]["n"] == 0


async def test_rights_by_area_and_single_turns(city: City, logged_in: Login) -> None:
    mine, other = await city.unit("0001", EAST), await city.unit("0002", WEST)
    dispatcher = await logged_in("dispatcher", area_code=EAST)
    assert (await dispatcher.post(f"{ROSTERS}/shifts", json=shift(device_id=other))).status_code == 403
    start = datetime.now(UTC) + timedelta(hours=1)
    turn = {
        "device_id": mine,
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=8)).isoformat(),
    }
    assert (await dispatcher.post(f"{ROSTERS}/turns", json=turn)).status_code == 201
    assert (await dispatcher.post(f"{ROSTERS}/turns", json={**turn, "device_id": other})).status_code == 403
    assert (
        await dispatcher.post(f"{ROSTERS}/turns", json={**turn, "ends_at": turn["starts_at"]})
    ).status_code == 422
    assert [unit["id"] for unit in (await dispatcher.get(f"{ROSTERS}/week")).json()["units"]] == [mine]
    leader = await logged_in("leader")
    assert len((await leader.get(f"{ROSTERS}/week", params={"q": "0002"})).json()["units"]) == 1
    assert (await leader.post(f"{ROSTERS}/turns", json=turn)).status_code == 403


async def test_a_sheet_out_and_in_again(city: City, logged_in: Login) -> None:
    unit = await city.unit("0001", EAST)
    dispatcher = await logged_in("dispatcher")
    await dispatcher.post(f"{ROSTERS}/shifts", json=shift(device_id=unit, name="=早班"))
    sheet = (await dispatcher.get(f"{ROSTERS}/shifts.csv")).text
    assert "'=早班,0001" in sheet

    async def send(text: str, *, trial: bool = False) -> dict[str, Any]:
        answer = await dispatcher.post(
            f"{ROSTERS}/shifts.csv", params={"trial": trial}, files={"file": ("a.csv", text.encode())}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    assert await send(sheet.replace("=早班", "晚班"), trial=True) == {"stored": False, "rows": 1, "bad": []}
    assert (await send(sheet.replace("'=早班", "晚班")))["stored"]
    shifts = (await dispatcher.get(f"{ROSTERS}/shifts")).json()["shifts"]
    assert [one["name"] for one in shifts] == ["晚班"]
    bad = await send(
        sheet + "x,班,9999,,,,1-5,08:00,16:00,2026-01-01,,7,,1\r\n,班,9999,,,,1-5,8:00,9:00,2026-01-01\r\n"
    )
    assert [(cell["row"], cell["column"]) for cell in bad["bad"]] == [(3, "id"), (4, "device")]
    assert not bad["stored"]


async def test_rules_for_positions_outside_duty(city: City, logged_in: Login) -> None:
    unit = await city.unit("0001", EAST)
    await city.run(
        "INSERT INTO device_tally VALUES (:id, (now() AT TIME ZONE 'UTC')::date, 'off_duty', 7, now())",
        id=unit,
    )
    admin = await logged_in("admin")
    rules = (await admin.get(RULES)).json()["rules"]
    general = next(rule for rule in rules if rule["unit_kind"] is None)
    assert (general["outside"], general["devices"], general["dropped_7d"]) == ("drop", 1, 7)
    made = await admin.post(RULES, json={"outside": "state", "unit_kind": "inspector", "area_code": EAST})
    assert (made.status_code, made.json()["devices"]) == (201, 1)
    assert (
        await admin.post(RULES, json={"outside": "keep", "unit_kind": "inspector", "area_code": EAST})
    ).status_code == 409
    changed = await admin.put(f"{RULES}/{made.json()['id']}", json={"outside": "keep", "before_s": 60})
    assert (changed.json()["outside"], changed.json()["before_s"]) == ("keep", 60)
    assert (await admin.delete(f"{RULES}/{general['id']}")).status_code == 409
    assert (await admin.delete(f"{RULES}/{made.json()['id']}")).status_code == 204
    street = await logged_in("admin", login="street", area_code=EAST)
    assert (await street.post(RULES, json={"outside": "keep"})).status_code == 403
    edits = await city.run("SELECT count(*) AS n FROM edit_row WHERE relation = 'off_duty_rule'")
    assert edits[0]["n"] == 2


async def test_the_faults_of_a_device(city: City, logged_in: Login) -> None:
    unit = await city.unit("0001", EAST)
    await city.run(
        "INSERT INTO device_tally VALUES (:id, (now() AT TIME ZONE 'UTC')::date, 'jump', 3, now()),"
        " (:id, (now() AT TIME ZONE 'UTC')::date, 'in_future', 9, now())",
        id=unit,
    )
    await city.run("INSERT INTO device_clock VALUES (:id, 28800)", id=unit)
    admin = await logged_in("admin")
    told = (await admin.get(f"/api/v1/devices/{unit}/quality")).json()
    assert told["clock_offset_s"] == 28_800
    assert [(one["reason"], one["count"], one["refused"], one["raw"]) for one in told["tallies"]] == [
        ("in_future", 9, True, True),
        ("jump", 3, False, False),
    ]
    listed = (await admin.get("/api/v1/devices")).json()["devices"][0]
    assert (listed["clock_offset_s"], listed["faults_today"]) == (28_800, 12)
