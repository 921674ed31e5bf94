"""Geocoding over HTTP, on a small made-up city."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import psycopg
import pytest
import pytest_asyncio

from geocoding.answers import geocode
from geocoding.calibration import Calibration
from geocoding.imports import import_table
from geocoding.store import load_gazetteer
from geocoding.tables import TableSpec
from tests.command_center.conftest import Login
from tests.geocoding.test_store import write_city

API = "/api/v1"
Ask = Callable[..., Awaitable[httpx.Response]]


@pytest_asyncio.fixture
async def editor(logged_in: Login) -> httpx.AsyncClient:
    return await logged_in("gis")


def put_city(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        import_table(connection, TableSpec(write_city(tmp_path / "c.csv"), "demo", {"key": "编号"}))


async def until(client: httpx.AsyncClient, address: str, status: str, seconds: float = 10) -> httpx.Response:
    deadline = time.monotonic() + seconds
    while True:
        answer = await client.get(f"{API}/geocode", params={"q": address})
        if answer.status_code == 200 and answer.json()["status"] == status:
            return answer
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


async def test_addresses(editor: httpx.AsyncClient, database_url: str, tmp_path: Path) -> None:
    put_city(database_url, tmp_path)
    found = (await until(editor, "望川区长安路123号", "accepted")).json()
    assert found["combination"]["number"] == 3
    assert [e["kind"] for e in found["reading"]["elements"]] == ["district", "road", "door"]
    best = found["candidates"][0]
    assert best["level"] == "door"
    assert best["reason_text"] == "名称一致"

    standard = await editor.get(f"{API}/geocode", params={"q": "长安路123号", "format": "geocodejson"})
    feature = standard.json()["features"][0]
    assert feature["properties"]["geocoding"]["type"] == "house"
    assert feature["geometry"]["coordinates"] == [best["lon"], best["lat"]]

    many = await editor.post(f"{API}/geocode", json=[{"text": "长安路5号"}, {"text": "😀"}])
    assert [a["status"] for a in many.json()] == ["accepted", "not_found"]

    there = await editor.get(f"{API}/reverse", params={"lon": best["lon"], "lat": best["lat"]})
    assert there.json()["address"] == "望川区长安路123号"

    for typed, first in (
        ("长安", "长安路"),
        ("clj", "采莲街"),
        ("zhanganlu", "长安路"),
        ("长安路12", "长安路12号"),
    ):
        names = [s["text"] for s in (await editor.get(f"{API}/suggest", params={"q": typed})).json()]
        assert first in names[:3], (typed, names)


async def test_a_correction_is_found_within_a_second(
    editor: httpx.AsyncClient, database_url: str, tmp_path: Path
) -> None:
    put_city(database_url, tmp_path)
    await until(editor, "长安路123号", "accepted")
    told = {"text": "望川区新月弄堂路8号", "lon": 120.01, "lat": 30.51}
    answer = await editor.post(f"{API}/geocode/corrections", json=told)
    assert answer.status_code == 201, answer.text
    committed = time.monotonic()
    while True:
        found = (await editor.get(f"{API}/geocode", params={"q": "新月弄堂路8号"})).json()
        if found["candidates"]:
            break
        assert time.monotonic() - committed < 1.0
    assert found["candidates"][0]["lon"] == pytest.approx(120.01, abs=1e-5)

    alias = {"name": "老安街", "base": "长安路", "status": "former"}
    assert (await editor.post(f"{API}/geocode/aliases", json=alias)).status_code == 201
    best = (await until(editor, "老安街123号", "accepted")).json()["candidates"][0]
    assert (best["reason"], best["matched"]) == ("former", "望川区长安路123号")
    listed = (await editor.get(f"{API}/geocode/aliases", params={"q": "老安"})).json()
    assert [a["base"] for a in listed] == ["长安路"]
    assert (await editor.delete(f"{API}/geocode/aliases/{listed[0]['id']}")).status_code == 204
    report = (await editor.get(f"{API}/geocode/quality")).json()
    assert {s["key"] for s in report["sources"]} == {"demo", "correction"}


@pytest.mark.parametrize(
    "text", ["", "😀😀", "\x01\x02", "很" * 5000, "12345", "%%%", "'; DROP TABLE road; --"]
)
async def test_bad_text_is_answered(editor: httpx.AsyncClient, text: str) -> None:
    answer = await until(editor, text, "not_found")
    assert answer.json()["candidates"] == []


async def test_ten_kilobytes_are_read_and_more_refused(editor: httpx.AsyncClient) -> None:
    await until(editor, "无", "not_found")
    long = await editor.post(f"{API}/geocode", json=[{"text": "很" * 10_240}])
    assert long.json()[0]["status"] == "not_found"
    answer = await editor.get(f"{API}/geocode", params={"q": "a" * 10_241})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("told", "asked_again", "unmoved"),
    [
        ("望川区长安路123号对面", "我要反映长安路123号对面有人乱设摊", "长安路123号"),
        ("望川区长安路123号往东80米", "长安路123号往东80米", "长安路123号"),
        ("长安路与青石巷交叉口", "望川区长安路与青石巷交叉口", "长安路5号"),
        ("长安路永和餐馆", "望川区长安路永和餐馆", "长安路"),
        ("望川区长安路123号石库门里弄口往东80米", "长安路123号石库门里弄口往东80米", "长安路123号"),
        ("长安路永和餐馆旁", "长安路永和餐馆旁", "长安路"),
        ("花园小区来翠门口", "花园小区来翠", "花园小区"),
        ("花园小区来翠", "我要反映望川区花园小区来翠有人乱设摊", "花园小区"),
    ],
)
async def test_a_corrected_place_told_from_another_leaves_that_one_where_it_is(
    editor: httpx.AsyncClient, database_url: str, tmp_path: Path, told: str, asked_again: str, unmoved: str
) -> None:
    put_city(database_url, tmp_path)
    await until(editor, "长安路123号", "accepted")

    async def place(text: str) -> list[tuple[float, float]]:
        found = (await editor.get(f"{API}/geocode", params={"q": text})).json()
        return [(c["lon"], c["lat"]) for c in found["candidates"][:1]]

    before = await place(unmoved)
    spot = {"text": told, "lon": 120.0123, "lat": 30.5123}
    assert (await editor.post(f"{API}/geocode/corrections", json=spot)).status_code == 201
    deadline = time.monotonic() + 3
    while await place(asked_again) != [(120.0123, 30.5123)]:
        assert time.monotonic() < deadline, await place(asked_again)
        time.sleep(0.05)
    assert await place(told) == [(120.0123, 30.5123)]
    assert await place(unmoved) == before
    with psycopg.connect(database_url) as connection:
        best = geocode(load_gazetteer(connection), Calibration(), asked_again).best
    assert best is not None
    assert (best.lon, best.lat) == (120.0123, 30.5123)
