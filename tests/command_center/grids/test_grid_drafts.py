"""Drafts of unit grids over HTTP: from an area to published grids, and who may do it."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest_asyncio

from tests.command_center.conftest import Login
from tests.gis_core.gridding.conftest import NORTH, STREET, build_street

DRAFTS = "/api/v1/grid-drafts"


@pytest_asyncio.fixture
async def editor(database_url: str, logged_in: Login) -> httpx.AsyncClient:
    def build() -> None:
        with psycopg.connect(database_url) as conn:
            build_street(conn)

    await asyncio.to_thread(build)
    return await logged_in("gis", area_code=STREET)


async def divided(editor: httpx.AsyncClient) -> dict[str, Any]:
    answer = await editor.post(DRAFTS, json={"area_code": STREET, "reason": "新建"})
    assert answer.status_code == 202, answer.text
    draft = answer.json()
    assert draft["state"] == "dividing"
    for _ in range(300):
        draft = (await editor.get(f"{DRAFTS}/{draft['id']}")).json()
        if draft["state"] != "dividing":
            break
        await asyncio.sleep(0.2)
    assert draft["state"] == "open", draft
    return dict(draft)


async def test_from_an_area_to_published_grids(editor: httpx.AsyncClient, logged_in: Login) -> None:
    draft = await divided(editor)
    place = f"{DRAFTS}/{draft['id']}"
    assert draft["report"]["gaps"] == draft["report"]["overlaps"] == 0
    assert draft["progress"] == 1
    cells = (await editor.get(f"{place}/cells", params={"bbox": "119.9,30.4,120.1,30.6"})).json()["features"]
    assert len(cells) == draft["cells"]
    ring = cells[0]["geometry"]["coordinates"][0]
    west, east = min(x for x, _ in ring) - 0.0001, max(x for x, _ in ring) + 0.0001
    middle = (min(y for _, y in ring) + max(y for _, y in ring)) / 2
    split = {
        "version": 0, "kind": "split", "cells": [cells[0]["id"]], "reason": "围墙",
        "line": [[west, middle], [east, middle]],
    }  # fmt: skip
    changed = await editor.post(f"{place}/operations", json=split)
    assert changed.status_code == 201, changed.text
    assert changed.json()["version"] == 1
    assert changed.json()["cells"] == draft["cells"] + 1
    assert [o["kind"] for o in changed.json()["operations"]] == ["divide", "split"]
    stale = await editor.post(f"{place}/operations", json=split)
    assert (stale.status_code, stale.json()["type"]) == (409, "/problems/stale-draft")
    report = (await editor.get(f"{place}/report")).json()
    assert report["version"] == 1
    assert report["numbers"]["cells"] == draft["cells"] + 1
    undone = await editor.post(f"{place}/operations", json={"version": 1, "kind": "undo", "reason": "误操作"})
    assert undone.json()["cells"] == draft["cells"]
    done = await editor.post(f"{place}/publish", json={"version": 2, "reason": "启用"})
    assert done.status_code == 200, done.text
    assert done.json()["issued"] == draft["cells"]
    closed = await editor.post(f"{place}/publish", json={"version": 2, "reason": "启用"})
    assert (closed.status_code, closed.json()["type"]) == (409, "/problems/draft-not-open")
    auditor = await logged_in("auditor")
    actions = {entry["action"] for entry in (await auditor.get("/api/v1/audit")).json()["entries"]}
    assert {"grid_draft.create", "grid_draft.split", "grid_draft.undo", "grid_draft.publish"} <= actions
    await responsibility(editor)


async def responsibility(editor: httpx.AsyncClient) -> None:
    """Grids of what was published: members, people, points, a route, and what is left without anybody."""
    grids = "/api/v1/responsibility-grids"
    gap = (await editor.get(f"{grids}/coverage", params={"area_code": STREET})).json()
    codes = [row["code"] for row in gap["uncovered"]]
    assert len(codes) == gap["unit_grids"]
    north = [code for code in codes if code.startswith(NORTH)]
    body = {"name": "一号责任网格", "unit_grids": north, "reason": "首次划定"}
    made = await editor.post(grids, json=body)
    assert made.status_code == 201, made.text
    grid = made.json()
    assert (grid["code"], grid["area_code"]) == (f"{NORTH}-01", NORTH)
    place = f"{grids}/{grid['id']}"
    session = (await editor.get("/api/v1/session")).json()
    duty = {"person_id": session["person"]["id"], "valid_from": "2020-01-01"}
    patched = await editor.patch(place, json={"people": [duty], "unit_grids": north[:1], "reason": "调整"})
    assert patched.status_code == 200, patched.text
    assert patched.json()["members"] == north[:1]
    assert patched.json()["people_now"] == 1
    far = [north[0], north[-1]]
    apart = await editor.patch(place, json={"unit_grids": far, "reason": "x"})
    assert (apart.status_code, apart.json()["type"]) == (422, "/problems/not-connected")
    unknown = await editor.post(grids, json=body | {"unit_grids": ["990102001001999"]})
    assert unknown.json()["type"] == "/problems/unknown-unit-grids"
    gap = (await editor.get(f"{grids}/coverage", params={"area_code": STREET})).json()
    assert gap["covered"] == 1
    for name, lon in (("东口", 120.0011), ("西口", 120.0009)):
        point = {"name": name, "lon": lon, "lat": 30.5035, "reason": "易积水"}
        assert (await editor.post(f"{place}/patrol-points", json=point)).status_code == 201
    route = (await editor.post(f"{place}/patrol-routes/proposal", json={})).json()
    assert 15 < route["length_m"] < 40
    kept = {"name": "早班", "origin": "proposed", "line": route["line"], "point_ids": route["point_ids"]}
    answer = await editor.post(f"{place}/patrol-routes", json=kept | {"reason": "按规划"})
    assert answer.status_code == 201, answer.text
    await history_of_a_grid(editor, place, north)
    near = {"bbox": "120.0,30.5,120.01,30.51"}
    assert len((await editor.get(grids, params=near)).json()["responsibility_grids"]) == 1
    away = {"bbox": "121.0,30.5,121.01,30.51"}
    assert (await editor.get(grids, params=away)).json()["responsibility_grids"] == []
    choice = (await editor.post(f"{grids}/choices", json={"unit_grids": far})).json()
    assert [len(part) for part in choice["parts"]] == [1, 1]
    assert [held["code"] for held in choice["held"]] == [f"{NORTH}-01"]
    assert (await editor.delete(place, params={"reason": "撤并"})).status_code == 204
    assert (await editor.get(grids)).json()["responsibility_grids"] == []


async def history_of_a_grid(editor: httpx.AsyncClient, place: str, north: list[str]) -> None:
    """What came and went by code and name; members and people as they were; an undo that brings all back."""
    history = (await editor.get(f"{place}/history")).json()
    assert history[-1]["reason"] == "首次划定"
    first = {(step["relation"], step["operation"]): step for step in history[-1]["changes"]}
    assert first["responsibility_grid_unit", "insert"]["names"] == sorted(north)[:50]
    change = next(entry for entry in history if entry["reason"] == "调整")
    steps = {(step["relation"], step["operation"]): step for step in change["changes"]}
    assert steps["responsibility_grid_unit", "delete"]["names"] == sorted(north[1:])[:50]
    assert steps["responsibility_grid_person", "insert"]["count"] == 1
    then = await editor.get(f"{place}/members", params={"at": history[-1]["at"]})
    assert (then.json()["members"], then.json()["people"]) == (sorted(north), [])
    now = (await editor.get(f"{place}/members")).json()
    assert (now["members"], len(now["people"])) == (north[:1], 1)
    undo = await editor.post(f"/api/v1/edits/{change['edit_id']}/undo", json={"reason": "还原"})
    assert undo.status_code == 201, undo.text
    grid = (await editor.get(place)).json()
    assert (grid["members"], grid["people"]) == (sorted(north), [])
    again = await editor.post(f"/api/v1/edits/{undo.json()['id']}/undo", json={"reason": "再改"})
    assert again.status_code == 201, again.text
    assert (await editor.get(place)).json()["members"] == north[:1]


async def test_only_editors_of_the_area_divide(editor: httpx.AsyncClient, logged_in: Login) -> None:
    other = await editor.post(DRAFTS, json={"area_code": "990102002", "reason": "x"})
    assert (other.status_code, other.json()["type"]) == (403, "/problems/out-of-scope")
    operator = await logged_in("operator")
    assert (await operator.get(DRAFTS)).status_code == 403
    silent = await editor.post(DRAFTS, json={"area_code": STREET, "reason": " "})
    assert silent.status_code == 422
    stranger = await logged_in("gis", login="stranger", area_code="990102002")
    answer = await editor.post(DRAFTS, json={"area_code": STREET, "reason": "x"})
    assert (await stranger.get(f"{DRAFTS}/{answer.json()['id']}")).status_code == 404
    assert (await stranger.get(DRAFTS)).json()["drafts"] == []


async def test_unit_grids_as_they_were_on_a_day(database_url: str, editor: httpx.AsyncClient) -> None:
    grid = (
        "INSERT INTO unit_grid (code, community_code, area_m2, initial_date, change_date, geom)"
        " VALUES (%s, %s, 1, %s, %s, ST_MakeEnvelope(%s, 30.5, %s, 30.501, 4326))"
    )
    with psycopg.connect(database_url) as conn:
        conn.execute(grid, (NORTH + "001", NORTH, "2020-01-01", "2024-06-01", 120.0, 120.002))
        conn.execute(grid, (NORTH + "002", NORTH, "2024-06-01", None, 120.0, 120.001))
        conn.execute(grid, (NORTH + "003", NORTH, "2024-06-01", None, 120.001, 120.002))
        conn.execute(grid, ("990102099001001", "990102099001", "2020-01-01", None, 120.5, 120.501))

    async def codes(**wanted: str | int) -> list[str]:
        page = (await editor.get("/api/v1/unit-grids", params=wanted)).json()
        return [feature["properties"]["code"][-3:] for feature in page["features"]]

    assert await codes(on="2019-12-31") == []
    assert await codes(on="2024-05-31", area_code=STREET) == ["001"]
    assert await codes(on="2024-06-01", area_code=STREET) == ["002", "003"]
    assert await codes(bbox="119.9,30.4,120.0005,30.6", area_code=NORTH) == ["002"]
    assert await codes(code=NORTH + "003") == ["003"]
    first = (await editor.get("/api/v1/unit-grids", params={"limit": 1, "area_code": STREET})).json()
    rest = {"limit": 1, "area_code": STREET, "cursor": first["next"]}
    assert (await editor.get("/api/v1/unit-grids", params=rest)).json()["next"] is None
