"""Alerts over HTTP: what the list and its file are about, and notes on those that have ended."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login

API = "/api/v1/alerts"


async def two_and_one(city: City) -> tuple[int, int, int]:
    """An open one and one that ended yesterday in the east, one in the west."""
    east, west = await city.unit("east", EAST), await city.unit("west", WEST)
    ended = await city.alert(east, "speeding")
    await city.run(
        "UPDATE alert SET opened_at = now() - interval '1 day', closed_at = now() - interval '23 hours',"
        " close_reason = 'returned', severity = 'critical', rule_version = 3 WHERE id = :id",
        id=ended,
    )
    return await city.alert(east), ended, await city.alert(west)


async def test_the_list_is_filtered_and_keeps_to_ones_areas(city: City, logged_in: Login) -> None:
    still_open, ended, theirs = await two_and_one(city)
    operator, whole = await logged_in("operator", area_code=EAST), await logged_in("dispatcher")
    now = datetime.now(UTC)

    async def found(**asked: object) -> list[int]:
        answer = await operator.get(API, params={"state": "all", **asked})  # type: ignore[dict-item]
        return [alert["id"] for alert in answer.json()["alerts"]]

    assert await found() == [still_open, ended]
    assert await found(state="closed") == [ended]
    assert await found(rule=["speeding", "dwell"]) == [ended]
    assert await found(severity="critical") == [ended]
    assert await found(area=WEST) == []
    hour_ago, two_days_ago = (now - timedelta(hours=n) for n in (1, 48))
    assert await found(**{"from": hour_ago.isoformat()}) == [still_open]
    assert await found(**{"from": two_days_ago.isoformat(), "to": hour_ago.isoformat()}) == [ended]
    assert await found(fate="acknowledged") == []
    await operator.post(f"{API}/{still_open}/acknowledge")
    assert await found(fate="acknowledged") == [still_open]
    assert await found(fate="corrected") == await found(fate="withdrawn") == []
    await city.run("INSERT INTO alert_log (alert_id, event) VALUES (:id, 'corrected')", id=ended)
    assert await found(fate="corrected") == [ended]
    everywhere = (await whole.get(API, params={"state": "all", "area": WEST})).json()["alerts"]
    assert [alert["id"] for alert in everywhere] == [theirs]
    assert (await operator.get(f"{API}/{ended}")).json()["rule_version"] == 3


async def test_the_file_has_what_the_list_has_and_is_recorded(city: City, logged_in: Login) -> None:
    still_open, ended, _ = await two_and_one(city)
    await city.run("UPDATE alert SET note = '=1+1' WHERE id = :id", id=ended)
    operator = await logged_in("operator", area_code=EAST)
    answer = await operator.get(f"{API}/export", params={"state": "all"})
    assert answer.status_code == 200
    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [int(row["编号"]) for row in rows] == [still_open, ended]
    assert (rows[1]["结束原因"], rows[1]["处理说明"]) == ("returned", "'=1+1")
    (entry,) = await city.run("SELECT detail FROM audit WHERE action = 'alert.export'")
    assert entry["detail"]["alerts"] == 2
    english = await operator.get(f"{API}/export", headers={"Accept-Language": "en"})
    assert "opened_at" in english.text
    assert (await (await logged_in("gis")).get(f"{API}/export")).status_code == 403


async def test_a_note_may_be_written_after_the_end(city: City, logged_in: Login) -> None:
    _, ended, theirs = await two_and_one(city)
    operator = await logged_in("operator", area_code=EAST)
    noted = (await operator.post(f"{API}/{ended}/notes", json={"note": "司机已说明"})).json()
    assert (noted["note"], noted["handled_by"], noted["close_reason"]) == (
        "司机已说明",
        "operator",
        "returned",
    )
    (entry,) = await city.run("SELECT object_id, detail FROM audit WHERE action = 'alert.note'")
    assert (entry["object_id"], entry["detail"]) == (str(ended), {"note": "司机已说明"})
    assert (await operator.post(f"{API}/{theirs}/notes", json={"note": "x"})).status_code == 404
    assert (await operator.post(f"{API}/{ended}/notes", json={"note": ""})).status_code == 422


@pytest.mark.parametrize("role", ["leader", "gis"])
async def test_others_may_not_write_notes(city: City, logged_in: Login, role: str) -> None:
    still_open, *_ = await two_and_one(city)
    client = await logged_in(role)
    assert (await client.post(f"{API}/{still_open}/notes", json={"note": "x"})).status_code == 403
