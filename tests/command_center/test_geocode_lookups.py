"""Components and unit grids by place and by code: in use, and within the areas of who asks."""

import csv
import io
from typing import Any

import httpx
import pytest
import pytest_asyncio

from geocoding.batch import COLUMNS
from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login, Work
from tests.command_center.test_geocode import until

API = "/api/v1"
TABLES = f"{API}/geocode/tables"
LID, RETIRED = "9901020101000001", "9901020101000002"


@pytest_asyncio.fixture
async def street(city: City) -> City:
    """A lid in use in the eastern street, and beside it one that was given up."""
    await city.run(
        "INSERT INTO component_class (edition, code, class_name, name)"
        " VALUES ('GBT30428.2-2013', '0101', '公用设施', '上水井盖')"
    )
    for code, state, off in ((LID, "intact", 0.0005), (RETIRED, "abandoned", 0.0)):
        await city.run(
            "INSERT INTO component (code, edition, class_code, name, area_code, state, initial_date, source,"
            " source_key, geom)"
            " SELECT k, 'GBT30428.2-2013', '0101', '井盖' || k, code, :state, '2020-01-01', 't', k,"
            " ST_Translate(ST_PointOnSurface(geom), :off, 0)"
            " FROM area, CAST(:component AS text) AS k WHERE code = :east",
            component=code, state=state, off=off, east=EAST,
        )  # fmt: skip
    return city


async def middle(city: City) -> dict[str, float]:
    [row] = await city.run(
        "SELECT ST_X(p) AS lon, ST_Y(p) AS lat FROM (SELECT ST_PointOnSurface(geom) AS p FROM area"
        " WHERE code = :east) AS there",
        east=EAST,
    )
    return dict(row)


async def cell_of(city: City, street: str) -> str:
    [row] = await city.run(
        "SELECT code FROM unit_grid WHERE community_code = :c ORDER BY code LIMIT 1", c=f"{street}001"
    )
    return str(row["code"])


async def clients(logged_in: Login) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    everywhere = await logged_in("gis", login="everywhere")
    elsewhere = await logged_in("gis", login="elsewhere", area_code=WEST)
    await until(everywhere, "无此地址", "not_found")
    return everywhere, elsewhere


async def test_the_nearest_component_is_in_use_and_of_the_reader_s_areas(
    logged_in: Login, street: City
) -> None:
    everywhere, elsewhere = await clients(logged_in)
    there = await middle(street)
    seen = (await everywhere.get(f"{API}/reverse", params=there)).json()["component"]
    assert (seen["code"], seen["name"]) == (LID, f"井盖{LID}")
    assert seen["distance_m"] == pytest.approx(48, abs=4)
    hidden = await elsewhere.get(f"{API}/reverse", params=there)
    assert (hidden.status_code, hidden.json()["component"]) == (200, None)


async def test_codes_are_found_by_those_who_may_see_what_they_name(logged_in: Login, street: City) -> None:
    everywhere, elsewhere = await clients(logged_in)
    cell, own_cell = await cell_of(street, EAST), await cell_of(street, WEST)

    async def asked(client: httpx.AsyncClient, code: str) -> tuple[str, list[str]]:
        answer = (await client.get(f"{API}/geocode", params={"q": code})).json()
        return answer["status"], [c["level"] for c in answer["candidates"]]

    assert await asked(everywhere, LID) == ("accepted", ["component"])
    assert await asked(everywhere, RETIRED) == ("not_found", [])
    assert await asked(everywhere, cell) == ("accepted", ["grid"])
    assert await asked(elsewhere, LID) == ("not_found", [])
    assert await asked(elsewhere, cell) == ("not_found", [])
    assert await asked(elsewhere, own_cell) == ("accepted", ["grid"])

    many = [{"text": text} for text in (LID, cell, own_cell)]
    for client, statuses in (
        (everywhere, ["accepted", "accepted", "accepted"]),
        (elsewhere, ["not_found", "not_found", "accepted"]),
    ):
        found = (await client.post(f"{API}/geocode", json=many)).json()
        assert [one["status"] for one in found] == statuses


async def test_a_table_is_located_within_the_areas_of_who_had_it_done(
    logged_in: Login, street: City, work: Work
) -> None:
    everywhere, elsewhere = await clients(logged_in)
    text = io.StringIO()
    codes = [LID, await cell_of(street, WEST)]
    csv.writer(text).writerows([["地址"], *([code] for code in codes)])

    async def statuses(client: httpx.AsyncClient) -> list[Any]:
        sent = {"file": ("codes.csv", text.getvalue().encode())}
        table = (await client.post(TABLES, files=sent)).json()["id"]
        await client.post(f"{TABLES}/{table}/run", json={"address_column": "地址"})
        await work()
        result = csv.reader(io.StringIO((await client.get(f"{TABLES}/{table}/result.csv")).text))
        at = COLUMNS.index("status") - len(COLUMNS)
        return [row[at] for row in list(result)[1:]]

    assert await statuses(everywhere) == ["accepted", "accepted"]
    assert await statuses(elsewhere) == ["not_found", "accepted"]


async def test_a_look_up_outlives_its_connection(logged_in: Login, street: City) -> None:
    everywhere, _ = await clients(logged_in)
    there = await middle(street)
    for _ in range(2):
        assert (await everywhere.get(f"{API}/reverse", params=there)).json()["component"]["code"] == LID
        await street.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'wanmi geocode' AND datname = current_database()"
        )
    assert (await everywhere.get(f"{API}/reverse", params=there)).json()["component"]["code"] == LID


async def test_an_area_does_not_lie_in_the_grid_of_its_middle(logged_in: Login, street: City) -> None:
    await street.run("UPDATE area SET name = '东华街道' WHERE code = :east", east=EAST)
    await street.run("UPDATE area SET name = '和平社区' WHERE code = :first", first=f"{EAST}001")
    await street.run("SELECT pg_notify('wanmi_gazetteer', 'reload')")
    everywhere, _ = await clients(logged_in)
    for text, told in (
        ("东华街道", {"street": "东华街道", "community": "", "grid_code": ""}),
        ("和平社区", {"street": "东华街道", "community": "和平社区", "grid_code": ""}),
    ):
        answer = (await until(everywhere, text, "doubtful")).json()["candidates"][0]
        assert answer["level"] == "area"
        assert {key: answer[key] for key in told} == told
        assert answer["responsibility_grid"] == ""


async def test_a_point_set_by_hand_is_as_exact_as_a_hand(logged_in: Login, street: City) -> None:
    everywhere, _ = await clients(logged_in)
    spot = {"text": "长安路25号对面", "lon": 120.0123, "lat": 30.5123}
    assert (await everywhere.post(f"{API}/geocode/corrections", json=spot)).status_code == 201
    best = (await until(everywhere, spot["text"], "accepted")).json()["candidates"][0]
    assert best["error_m"] <= 15.0
    assert best["street"] != ""


async def test_too_many_addresses_are_refused_in_the_asker_s_language(logged_in: Login, street: City) -> None:
    everywhere, _ = await clients(logged_in)
    for body, reason in (
        ([{"text": "长安路5号"}] * 2001, "太多，最多 2000 项"),
        ({"text": "长安路5号"}, "应为列表"),
        ([{"text": 5}], "应为文字"),
        (["长安路5号"], "应为对象"),
    ):
        refused = await everywhere.post(f"{API}/geocode", json=body, headers={"Accept-Language": "zh-CN"})
        assert refused.status_code == 422
        assert [error["reason"] for error in refused.json()["errors"]] == [reason]
