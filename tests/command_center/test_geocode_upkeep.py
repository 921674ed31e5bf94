"""Upkeep of the gazetteer: who may touch what, callers' prefixes, what the quality report finds, use."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from command_center.requests import SESSION_COOKIE
from geocoding.imports import import_table
from geocoding.tables import TableSpec
from tests.command_center.city import City
from tests.command_center.conftest import Login
from tests.command_center.test_geocode import until

API = "/api/v1"


async def areas_of(city: City) -> list[tuple[str, float, float]]:
    rows = await city.run(
        "SELECT code, ST_X(ST_PointOnSurface(geom)), ST_Y(ST_PointOnSurface(geom)) FROM area"
        " WHERE level = 'street' ORDER BY code"
    )
    return [tuple(row.values()) for row in rows]


async def name_of(city: City, code: str) -> str:
    [row] = await city.run("SELECT name FROM area WHERE code = :code", code=code)
    return str(row["name"])


async def entry(city: City, base: str, number: int, lon: float, lat: float, **other: Any) -> None:
    values = {"source": "hand", "key": f"{base}{number}", "district": "", "town": "", **other}
    values["display"] = f"{base}{number}号"
    await city.run(
        "WITH s AS (INSERT INTO gazetteer_source (key) VALUES (:source)"
        "  ON CONFLICT (key) DO UPDATE SET imported_at = now() RETURNING id)"
        " INSERT INTO gazetteer_entry (source_id, source_key, part, base, kind, number, unit, mark, upto,"
        "  tail, district, town, community, display, lon, lat)"
        " SELECT id, :key, 0, :base, 32, :number, 'door', '', :number, '', :district, :town, '',"
        "  :display, :lon, :lat FROM s",
        base=base, number=number, lon=lon, lat=lat, **values,
    )  # fmt: skip


async def test_an_editor_of_one_street_keeps_to_it(logged_in: Login, city: City) -> None:
    (own, lon, lat), (other, far_lon, far_lat) = (await areas_of(city))[:2]
    await entry(city, "近路", 1, lon, lat)
    await entry(city, "远路", 1, far_lon, far_lat)
    await city.run("SELECT pg_notify('wanmi_gazetteer', 'reload')")
    narrow = await logged_in("gis", login="narrow", area_code=own)
    wide = await logged_in("gis", login="wide")
    await until(wide, "远路1号", "accepted")

    async def status(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> int:
        return (await client.request(method, f"{API}/geocode/{path}", json=body)).status_code

    def point(x: float, y: float) -> dict[str, Any]:
        return {"text": "近路3号", "lon": x, "lat": y}

    assert await status(narrow, "POST", "corrections", point(lon, lat)) == 201
    assert await status(narrow, "POST", "corrections", point(far_lon, far_lat)) == 403
    assert await status(narrow, "POST", "corrections", point(0.0, 0.0)) == 403
    nowhere = await narrow.post(f"{API}/geocode/corrections", json=point(0.0, 0.0))
    assert "不在任何已登记的区域内" in nowhere.json()["detail"]
    assert await status(narrow, "POST", "aliases", {"name": "近旁路", "base": "近路"}) == 201
    assert await status(narrow, "POST", "aliases", {"name": "远旁路", "base": "远路"}) == 403
    assert await status(wide, "POST", "aliases", {"name": "远旁路", "base": "远路"}) == 201
    listed = (await wide.get(f"{API}/geocode/aliases")).json()
    ids = {one["name"]: one["id"] for one in listed}
    assert await status(narrow, "DELETE", f"aliases/{ids['远旁路']}") == 403
    assert len((await wide.get(f"{API}/geocode/aliases")).json()) == 2
    assert await status(narrow, "DELETE", f"aliases/{ids['近旁路']}") == 204
    report = (await wide.get(f"{API}/geocode/quality")).json()
    source = next(one["id"] for one in report["sources"] if one["key"] == "hand")
    change = {"priority": 5, "quality": 0.2}
    assert await status(narrow, "PATCH", f"sources/{source}", change) == 403
    assert await status(narrow, "DELETE", f"sources/{source}") == 403
    assert await status(narrow, "POST", "city-layers") == 403
    assert await status(narrow, "PUT", "callers/6321", {"area": own}) == 200
    assert await status(narrow, "PUT", "callers/6321", {"area": other}) == 403
    assert await status(wide, "PUT", "callers/6321", {"area": other}) == 200
    assert await status(narrow, "DELETE", "callers/6321") == 403
    assert await status(wide, "PATCH", f"sources/{source}", change) == 204
    assert await status(wide, "DELETE", f"sources/{source}") == 204


async def test_upkeep_is_not_for_those_who_only_look(logged_in: Login, city: City) -> None:
    viewer = await logged_in("operator")
    for method, path, body in (
        ("POST", "corrections", {"text": "近路3号", "lon": 120.0, "lat": 30.5}),
        ("GET", "aliases", None), ("POST", "aliases", {"name": "近旁路", "base": "近路"}),
        ("DELETE", "aliases/1", None), ("PATCH", "sources/1", {"priority": 1, "quality": 1.0}),
        ("DELETE", "sources/1", None), ("POST", "city-layers", None), ("GET", "quality", None),
        ("GET", "callers", None), ("PUT", "callers/63", {"area": "x"}), ("DELETE", "callers/63", None),
        ("GET", "tables", None),
    ):  # fmt: skip
        answer = await viewer.request(method, f"{API}/geocode/{path}", json=body)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-allowed"), path
    assert (await viewer.get(f"{API}/suggest", params={"q": "a"})).status_code in (200, 503)


async def test_a_caller_s_number_chooses_between_places_of_one_name(logged_in: Login, city: City) -> None:
    (own, lon, lat), (other, far_lon, far_lat) = (await areas_of(city))[:2]
    for number in range(1, 40, 2):
        for x, y, key in ((lon, lat, "a"), (far_lon, far_lat, "b")):
            await entry(city, "同名路", number, x + number * 1e-4, y, key=f"{key}{number}")
    await city.run("SELECT pg_notify('wanmi_gazetteer', 'reload')")
    gis = await logged_in("gis")
    both = (await until(gis, "同名路11号", "ambiguous")).json()
    assert len(both["candidates"]) == 2
    assert "caller_area" not in both
    assert (await gis.put(f"{API}/geocode/callers/6321", json={"area": own})).status_code == 200
    assert (await gis.put(f"{API}/geocode/callers/6329", json={"area": other})).status_code == 200
    for number, x, code in (("021-63211234", lon, own), ("63291234", far_lon, other)):
        asked = {"q": "同名路11号", "caller": number}
        for _ in range(100):
            found = (await gis.get(f"{API}/geocode", params=asked)).json()
            if "caller_area" in found:
                break
            await asyncio.sleep(0.02)
        assert found["caller_area"] == await name_of(city, code)
        assert found["candidates"][0]["lon"] == pytest.approx(x + 11e-4, abs=1e-5)
        [many] = (await gis.post(f"{API}/geocode", json=[{"text": "同名路11号", "caller": number}])).json()
        assert many["candidates"][0]["lon"] == found["candidates"][0]["lon"]
    told = await gis.get(f"{API}/geocode", params=asked | {"lon": lon, "lat": lat})
    assert "caller_area" not in told.json()
    listed = (await gis.get(f"{API}/geocode/callers")).json()
    assert [one["prefix"] for one in listed] == ["6321", "6329"]
    assert (await gis.put(f"{API}/geocode/callers/63", json={"area": "没有"})).status_code == 404
    assert (await gis.put(f"{API}/geocode/callers/abc", json={"area": own})).status_code == 422
    assert (await gis.delete(f"{API}/geocode/callers/6321")).status_code == 204
    assert (await gis.delete(f"{API}/geocode/callers/6321")).status_code == 404


async def test_the_report_names_duplicates_conflicts_and_points_outside(logged_in: Login, city: City) -> None:
    (own, lon, lat), (_, far_lon, far_lat) = (await areas_of(city))[:2]
    street = await name_of(city, own)
    await entry(city, "近路", 5, lon, lat, key="1", town=street)
    await entry(city, "近路", 5, lon + 0.001, lat, key="2", town=street)
    await entry(city, "近路", 7, far_lon, far_lat, key="3", town=street)
    await entry(city, "近路", 5, far_lon, far_lat, key="4", source="other")
    gis = await logged_in("gis")
    await until(gis, "无此地", "not_found")
    report = (await gis.get(f"{API}/geocode/quality")).json()
    [twice] = report["duplicates"]
    assert (twice["base"], twice["number"], twice["times"], twice["source"]) == ("近路", 5, 2, "hand")
    assert twice["spread_m"] == pytest.approx(96, abs=2)
    assert {(one["source"], one["other_source"]) for one in report["conflicts"]} == {("hand", "other")}
    [outside] = report["outside"]
    assert (outside["display"], outside["district"]) == ("近路7号", street)
    assert outside["outside_m"] > 100


async def test_what_is_chosen_comes_first_from_then_on(logged_in: Login, city: City) -> None:
    (_, lon, lat), *_ = await areas_of(city)
    for name, doors in (("云锦路", 30), ("云松路", 3)):
        for number in range(1, doors):
            await entry(city, name, number, lon + number * 1e-4, lat)
    await city.run("SELECT pg_notify('wanmi_gazetteer', 'reload')")
    gis = await logged_in("gis")
    await until(gis, "云松路2号", "accepted")

    async def offered(typed: str) -> list[str]:
        found = (await gis.get(f"{API}/suggest", params={"q": typed})).json()
        return [one["text"] for one in found]

    assert await offered("云") == await offered("y") == ["云锦路", "云松路"]
    for chosen in ("云松路", "云松路2号", "云松路1号"):
        assert (await gis.post(f"{API}/geocode/choices", json={"base": chosen})).status_code == 204
    for _ in range(100):
        if (await offered("云"))[0] == "云松路":
            break
        await asyncio.sleep(0.02)
    assert await offered("云") == await offered("y") == ["云松路", "云锦路"]
    unknown = await gis.post(f"{API}/geocode/choices", json={"base": "没有这个地方"})
    assert unknown.status_code == 404


def test_what_somebody_set_outlasts_the_next_import(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "doors.csv"
    path.write_text("编号,地址,经度,纬度\n1,长安路5号,120.0,30.5\n", encoding="utf-8")
    with psycopg.connect(database_url) as connection:
        import_table(connection, TableSpec(path, "doors"), calibrated=False)
        connection.execute("UPDATE gazetteer_source SET quality = 0.25, priority = 3")
        import_table(connection, TableSpec(path, "doors"), calibrated=False)
        kept = connection.execute("SELECT quality, priority FROM gazetteer_source").fetchone()
        assert kept == (0.25, 3)
        import_table(connection, TableSpec(path, "doors", quality=0.5, priority=7), calibrated=False)
        told = connection.execute("SELECT quality, priority FROM gazetteer_source").fetchone()
        assert told == (0.5, 7)


@pytest.mark.parametrize("path", ["geocode?q=a", "reverse?lon=1&lat=1", "suggest?q=a"])
async def test_questions_need_a_login(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"{API}/{path}")).status_code == 401
    client.cookies.set(SESSION_COOKIE, "made up")
    assert (await client.get(f"{API}/{path}")).status_code == 401
