"""The wizard's way: hand a file in, look, try, take; what is refused and for whom."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
import shapely
from fastapi import FastAPI

from command_center.imports.files import plain_name
from command_center.imports.jobs import clear_old_uploads
from command_center.imports.settings import ImportSettings
from tests.command_center.city import EAST, WEST, City
from tests.command_center.conftest import Login, Work
from tests.gis_core.importing import city_files

BUILDINGS = [
    (shapely.box(120.001 + at / 1e3, 30.5, 120.0015 + at / 1e3, 30.5005), {"id": at, "楼名": f"楼{at}"})
    for at in range(5)
]


async def hand_in(client: httpx.AsyncClient, path: Path, name: str | None = None) -> dict[str, Any]:
    answer = await client.post("/api/v1/imports", files={"file": (name or path.name, path.read_bytes())})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def step(client: httpx.AsyncClient, work: Work, task: int, what: str, **options: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/v1/imports/{task}/{what}", json=options)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "queued"
    await work()
    return dict((await client.get(f"/api/v1/imports/{task}")).json())


async def test_from_upload_to_city(city: City, logged_in: Login, work: Work, tmp_path: Path) -> None:
    gis = await logged_in("gis")
    file = city_files.shapefile_zip(
        tmp_path / "楼.zip", [shape for shape, _ in BUILDINGS],
        {"id": [0, 1, 2, 3, 4], "楼名": [f"楼{at}" for at in range(5)]}, srid=4549, name="建筑",
    )  # fmt: skip
    seen = await hand_in(gis, file)
    [layer] = seen["inspection"]["layers"]
    assert seen["state"] == "uploaded"
    assert (layer["name"], layer["target"], layer["srid"], layer["key"]) == ("建筑", "building", 4549, "id")
    assert layer["encoding"] == "gb18030"
    assert {"name": "楼名", "samples": ["楼0", "楼1", "楼2"]} in layer["fields"]
    assert layer["mappings"]["building"]["name"] == "楼名"
    assert layer["evidence"]["proposal"]["datum"] == "wgs84"
    tried = await step(gis, work, seen["id"], "dry-run", source="楼")
    assert (tried["state"], tried["read"], tried["total"], tried["import_run_id"]) == ("tried", 5, 5, None)
    assert tried["report"]["counts"]["building"]["inserted"] == 5
    assert {one["kind"] for one in tried["report"]["differences"]} == {"inserted"}
    assert (await city.run("SELECT count(*) AS n FROM building"))[0]["n"] == 0
    done = await step(gis, work, seen["id"], "run", source="楼")
    assert (done["state"], done["report"]["counts"]["building"]["inserted"]) == ("done", 5)
    rows = await city.run("SELECT name, area_code FROM building ORDER BY source_key")
    assert rows[0] == {"name": "楼0", "area_code": f"{EAST}001"}
    again = await gis.post(f"/api/v1/imports/{seen['id']}/run", json={})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/import-busy")
    [run] = (await gis.get("/api/v1/import-runs", params={"source": "楼"})).json()["runs"]
    assert (run["id"], run["person"], run["file_name"]) == (done["import_run_id"], "gis", "楼.zip")
    actions = [row["action"] for row in await city.run("SELECT action FROM audit ORDER BY id")]
    assert [one for one in actions if "import" in one] == [
        "import.upload", "import.try", "import.start", "city.import",
    ]  # fmt: skip
    listed = (await gis.get("/api/v1/imports")).json()["imports"]
    assert [one["state"] for one in listed] == ["done"]


async def test_a_shifted_table_waits_for_a_decision(
    city: City, logged_in: Login, work: Work, tmp_path: Path
) -> None:
    gis = await logged_in("gis")
    table = tmp_path / "高德地址.csv"
    table.write_text("id,name,lng,lat\n1,甲,120.0124,30.4976\n", encoding="gbk")
    seen = await hand_in(gis, table)
    [layer] = seen["inspection"]["layers"]
    assert (layer["coordinate_columns"], layer["encoding"]) == (["lng", "lat"], "gb18030")
    assert layer["evidence"]["proposal"]["datum"] == "gcj02"
    refused = await step(gis, work, seen["id"], "dry-run", target="facility")
    assert (refused["state"], refused["refusal"]["slug"]) == ("refused", "datum-unclear")
    assert refused["report"]["evidence"]["hypotheses"]
    done = await step(gis, work, seen["id"], "run", target="facility", datum="gcj02")
    assert (done["state"], done["report"]["datum"]) == ("done", "gcj02")


async def test_each_reading_of_the_numbers_on_the_map(city: City, logged_in: Login, tmp_path: Path) -> None:
    gis = await logged_in("gis")
    table = tmp_path / "点.csv"
    rows = [f"{at},{120.001 + at / 1e4:.6f},{30.5 + at / 1e4:.6f}" for at in range(1_000)]
    table.write_text("\n".join(["id,lng,lat", *rows]), encoding="utf-8")
    task = (await hand_in(gis, table))["id"]
    answer = await gis.post(f"/api/v1/imports/{task}/preview", json={})
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert [one["datum"] for one in seen["readings"]] == ["wgs84", "gcj02", "bd09"]
    assert seen["shown"] == len(seen["readings"][0]["features"]["features"]) == 200
    first = [one["features"]["features"][-1]["geometry"]["coordinates"] for one in seen["readings"]]
    assert first[0] == [120.1009, 30.5999]
    moved = [np.hypot((x - first[0][0]) * 96_000, (y - first[0][1]) * 111_000) for x, y in first[1:]]
    assert 200 < moved[0] < 800 < moved[1] < 2_000
    stranger = await logged_in("gis", login="east", area_code=EAST)
    assert (await stranger.post(f"/api/v1/imports/{task}/preview", json={})).status_code == 404
    wrong = await gis.post(
        f"/api/v1/imports/{task}/preview", json={"lon_column": "没有", "lat_column": "lat"}
    )
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/import-unreadable")


async def test_a_cancelled_import_leaves_nothing(
    city: City, logged_in: Login, work: Work, database_url: str, tmp_path: Path
) -> None:
    gis = await logged_in("gis")
    task = (await hand_in(gis, city_files.geojson(tmp_path / "b.geojson", BUILDINGS)))["id"]
    idle = await gis.post(f"/api/v1/imports/{task}/cancel")
    assert (idle.status_code, idle.json()["type"]) == (409, "/problems/import-not-under-way")
    assert (await gis.post(f"/api/v1/imports/{task}/run", json={"target": "building"})).status_code == 202
    assert (await gis.post(f"/api/v1/imports/{task}/cancel")).json()["state"] == "refused"
    await work()
    assert (await gis.get(f"/api/v1/imports/{task}")).json()["refusal"]["slug"] == "cancelled"
    # Now one that is in the middle of writing: somebody else's lock keeps it there.
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("LOCK TABLE building IN EXCLUSIVE MODE")
        await gis.post(f"/api/v1/imports/{task}/run", json={"target": "building"})
        working = asyncio.create_task(work())
        for _ in range(100):
            if (await gis.get(f"/api/v1/imports/{task}")).json()["read"]:
                break
            await asyncio.sleep(0.05)
        asked = await gis.post(f"/api/v1/imports/{task}/cancel")
        assert (asked.status_code, asked.json()["state"]) == (202, "running")
        await asyncio.wait_for(working, 20)
    ended = (await gis.get(f"/api/v1/imports/{task}")).json()
    assert (ended["state"], ended["refusal"]["slug"], ended["read"]) == ("refused", "cancelled", 5)
    assert (await city.run("SELECT count(*) AS n FROM building"))[0]["n"] == 0
    runs = (await gis.get("/api/v1/import-runs")).json()["runs"]
    assert [one["state"] for one in runs] == ["refused"]
    assert (await step(gis, work, task, "run", target="building"))["state"] == "done"


async def test_issues_by_page_and_reports(city: City, logged_in: Login, work: Work, tmp_path: Path) -> None:
    gis = await logged_in("gis")
    file = city_files.geojson(
        tmp_path / "b.geojson", [*BUILDINGS, *[(None, {"id": at}) for at in range(5, 12)]]
    )
    seen = await hand_in(gis, file)
    task = seen["id"]
    tried = await step(gis, work, task, "dry-run", target="building")
    assert len(tried["issues"]["issues"]) == 7
    page = (await gis.get(f"/api/v1/imports/{task}/issues", params={"limit": 5})).json()
    rest = (
        await gis.get(f"/api/v1/imports/{task}/issues", params={"limit": 5, "cursor": page["next"]})
    ).json()
    assert [len(page["issues"]), len(rest["issues"]), rest["next"]] == [5, 2, None]
    none = await gis.get(f"/api/v1/imports/{task}/issues", params={"severity": "note"})
    assert none.json() == {"issues": [], "next": None}
    table = await gis.get(f"/api/v1/imports/{task}/report.csv")
    assert "geometry-missing" in table.text
    assert "b-report.csv" in table.headers["content-disposition"]
    assert len((await gis.get(f"/api/v1/imports/{task}/report.geojson")).json()["features"]) == 7
    await step(gis, work, task, "run", target="building")
    [run] = (await gis.get("/api/v1/import-runs")).json()["runs"]
    issues = (await gis.get(f"/api/v1/import-runs/{run['id']}/issues", params={"limit": 6})).json()
    assert (len(issues["issues"]), issues["next"] is not None) == (6, True)
    assert (await gis.delete(f"/api/v1/imports/{task}")).status_code == 204
    assert not (tmp_path / "uploads" / str(task)).exists()


async def test_bad_files_and_bad_options(logged_in: Login, work: Work, tmp_path: Path) -> None:
    gis = await logged_in("gis")
    garbage = tmp_path / "a.gpkg"
    garbage.write_bytes(b"garbage" * 100)
    seen = await hand_in(gis, garbage)
    assert (seen["state"], seen["refusal"]["slug"]) == ("refused", "damaged-file")
    form = "multipart/form-data; boundary=b"
    for body, kind in ((b"x", "text/plain"), (b"--b\r\nnonsense", form), (b"--b--\r\n", form)):
        answer = await gis.post("/api/v1/imports", content=body, headers={"content-type": kind})
        assert answer.status_code == 422, answer.text
    cut = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nlon,lat'
    answer = await gis.post(
        "/api/v1/imports", content=cut, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 422
    assert [one.name for one in (tmp_path / "uploads").iterdir()] == [str(seen["id"])]
    wrong = await gis.post(f"/api/v1/imports/{seen['id']}/run", json={"datum": "mars"})
    assert wrong.status_code == 422
    unknown = await gis.post(f"/api/v1/imports/{seen['id']}/run", json={"nonsense": 1})
    assert unknown.status_code == 422
    assert (await gis.get("/api/v1/imports/4711")).status_code == 404
    missing = tmp_path / "b.geojson"
    city_files.geojson(missing, BUILDINGS)
    other = await hand_in(gis, missing)
    bad = await step(gis, work, other["id"], "run", target="building", map={"name": "没有"})
    assert (bad["state"], bad["refusal"]["slug"], "楼名" in bad["refusal"]["zh"]) == (
        "refused",
        "unknown-field",
        True,
    )


async def test_one_street_cannot_import_into_another(
    city: City, logged_in: Login, work: Work, tmp_path: Path
) -> None:
    west = await logged_in("gis", login="west", area_code=WEST)
    file = city_files.geojson(
        tmp_path / "b.geojson", [*BUILDINGS, (shapely.box(119.98, 30.5, 119.981, 30.501), {"id": 9})]
    )
    seen = await hand_in(west, file)
    done = await step(west, work, seen["id"], "run", target="building")
    assert (done["state"], done["report"]["counts"]["building"]["inserted"]) == ("done", 1)
    assert {one["code"] for one in done["report"]["reasons"]} == {"outside-your-area"}
    east = await west.post(f"/api/v1/imports/{(await hand_in(west, file))['id']}/run", json={"within": EAST})
    assert (east.status_code, east.json()["type"]) == (403, "/problems/out-of-scope")
    stranger = await logged_in("gis", login="east", area_code=EAST)
    assert (await stranger.get(f"/api/v1/imports/{seen['id']}")).status_code == 404
    assert (await stranger.get("/api/v1/imports")).json()["imports"] == []
    whole = await logged_in("gis", login="whole")
    assert len((await whole.get("/api/v1/imports")).json()["imports"]) == 2


async def test_large_uploads_go_past_the_usual_limit_and_stop_at_their_own(
    app: FastAPI, logged_in: Login, tmp_path: Path
) -> None:
    gis = await logged_in("gis")
    file = tmp_path / "big.csv"
    file.write_text("id,lon,lat\n" + "1,120.01,30.5\n" * 120_000, encoding="utf-8")
    assert file.stat().st_size > app.state.web.max_body_bytes
    assert (await hand_in(gis, file))["file_bytes"] == file.stat().st_size
    app.state.body_limits["/api/v1/imports"] = 1 << 20
    answer = await gis.post("/api/v1/imports", files={"file": ("big.csv", file.read_bytes())})
    assert answer.status_code == 413
    assert [one for one in (tmp_path / "uploads").iterdir() if one.name.startswith("new-")] == []


async def test_tasks_of_a_dead_worker_end(city: City, logged_in: Login, tmp_path: Path, work: Work) -> None:
    gis = await logged_in("gis")
    seen = await hand_in(gis, city_files.geojson(tmp_path / "b.geojson", BUILDINGS))
    await city.run("UPDATE import_task SET state = 'running', changed_at = now() - interval '2 minutes'")
    found = (await gis.get(f"/api/v1/imports/{seen['id']}")).json()
    assert (found["state"], found["refusal"]["slug"]) == ("refused", "interrupted")
    assert (await step(gis, work, seen["id"], "run", target="building"))["state"] == "done"


async def test_old_uploads_are_cleared_away(
    app: FastAPI, city: City, logged_in: Login, database_url: str, tmp_path: Path
) -> None:
    gis = await logged_in("gis")
    for age in ("1 day", "15 days"):
        seen = await hand_in(gis, city_files.geojson(tmp_path / "b.geojson", BUILDINGS))
        await city.run(
            f"UPDATE import_task SET changed_at = now() - interval '{age}' WHERE id = {seen['id']}"
        )
    assert await asyncio.to_thread(clear_old_uploads, database_url, tmp_path, ImportSettings()) == 1
    assert [one.name for one in (tmp_path / "uploads").iterdir()] == [str(seen["id"] - 1)]


async def test_targets_are_told(logged_in: Login) -> None:
    gis = await logged_in("gis")
    found = {one["key"]: one for one in (await gis.get("/api/v1/imports/targets")).json()}
    assert found["area"]["needs"] == ["code"]
    assert "height_m" in found["building"]["columns"]


@pytest.mark.parametrize(
    ("given", "plain"),
    [("C:\\部件\\普查.xlsx", "普查.xlsx"), ("../../etc/passwd", "passwd"), ("..", "file"),
     ("\0a.csv", "a.csv"),
     ("很" * 200 + ".csv.gz", "很" * 51 + ".csv.gz")],
)  # fmt: skip
def test_names_of_uploads(given: str, plain: str) -> None:
    assert plain_name(given) == plain


async def test_openapi_says_how_to_hand_in(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/api/openapi.json")).json()["paths"]
    assert "multipart/form-data" in json.dumps(paths["/api/v1/imports"]["post"]["requestBody"])
