"""Zones with papers, areas over time, and the rows of a layer over HTTP."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyogrio.raw
import pytest

from tests.command_center.city import EAST, City
from tests.command_center.conftest import Login

API = "/api/v1"


def box(west: float, south: float, east: float, north: float) -> dict[str, object]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


NIGHT = {"windows": [{"days": [5], "from": "22:00", "to": "06:00"}]}


async def test_zone_with_times_and_papers(editor: httpx.AsyncClient, tmp_path: Path) -> None:
    body = {
        "code": "NR1", "kind": "no_report", "name": "夜市", "rule": NIGHT, "reason": "批准夜市",
        "valid_from": "2026-01-01T00:00:00Z", "geometry": box(120.01, 30.46, 120.02, 30.47),
    }  # fmt: skip
    made = await editor.post(f"{API}/zones", json=body)
    assert made.status_code == 201, made.text
    number = made.json()["zone"]["id"]
    assert made.json()["zone"]["properties"]["area_code"] == EAST + "001"
    assert (await editor.post(f"{API}/zones", json=body)).status_code == 409
    for time, active in (
        ("2026-11-20T23:00:00+08:00", True),
        ("2026-11-21T05:59:00+08:00", True),
        ("2026-11-21T06:00:00+08:00", False),
        ("2026-11-21T23:00:00+08:00", False),
    ):
        here = await editor.get(f"{API}/zones/at", params={"lon": 120.015, "lat": 30.465, "time": time})
        assert here.json()["no_report"] is active, time
    for time, active in (("2026-11-20T23:00:00+08:00", True), ("2026-11-21T23:00:00+08:00", False)):
        listed = (await editor.get(f"{API}/zones", params={"q": "夜市", "time": time})).json()["zones"]
        assert [(zone["code"], zone["valid"], zone["active"]) for zone in listed] == [("NR1", True, active)]
        assert listed[0]["geometry"]["type"] == "MultiPolygon"
    paper = {"file": ("批文.pdf", b"%PDF-1.7 x", "application/pdf")}
    told = {"title": "批文", "reason": "局务会"}
    papers = await editor.post(f"{API}/zones/{number}/papers", files=paper, data=told)
    assert papers.status_code == 201, papers.text
    got = await editor.get(f"{API}/zones/{number}/papers/{papers.json()[0]['id']}")
    assert (got.content, got.headers["content-type"]) == (b"%PDF-1.7 x", "application/pdf")
    bad = {"file": ("批文.pdf", b"MZ\x90", "application/pdf")}
    refused = await editor.post(f"{API}/zones/{number}/papers", files=bad, data=told)
    assert (refused.status_code, refused.json()["type"]) == (415, "/problems/paper-type")
    paper_url = f"{API}/zones/{number}/papers/{papers.json()[0]['id']}"
    assert (await editor.delete(paper_url)).status_code == 422
    assert (await editor.delete(paper_url, params={"reason": "传错了"})).status_code == 204
    events = (await editor.get(f"{API}/zones/{number}/papers/history")).json()
    assert [one["reason"] for one in events] == ["传错了", "局务会"]
    undone = await editor.post(f"{API}/edits/{events[0]['edit_id']}/undo", json={"reason": "没有错"})
    assert undone.status_code == 201, undone.text
    assert (await editor.get(paper_url)).content == b"%PDF-1.7 x"
    wrong = await editor.patch(
        f"{API}/zones/{number}", json={"rule": {"windows": [{"from": "25:00"}]}, "reason": "改时间"}
    )
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/zone-rule-wrong")
    drawn = datetime.now(UTC).isoformat()
    moved = await editor.patch(
        f"{API}/zones/{number}",
        json={"geometry": box(120.01, 30.46, 120.03, 30.47), "reason": "扩大"},
    )
    assert moved.status_code == 200, moved.text
    past = {"q": "夜市", "time": drawn, "as_recorded": True}
    now, then = [(await editor.get(f"{API}/zones", params=one)).json() for one in ({"q": "夜市"}, past)]
    assert now["zones"][0]["area_m2"] == pytest.approx(2 * then["zones"][0]["area_m2"], rel=0.001)
    ended = await editor.post(f"{API}/zones/{number}/close", json={"reason": "夜市停办"})
    assert ended.json()["active"] is False
    assert (await editor.get(f"{API}/zones", params={"q": "夜市"})).json()["zones"] == []
    old = (await editor.get(f"{API}/zones", params={"q": "夜市", "with_ended": True})).json()["zones"]
    assert [(zone["valid"], zone["papers"]) for zone in old] == [(False, 1)]
    for params, codes in (({"q": "夜市"}, []), ({"q": "夜市", "with_ended": True}, ["NR1"])):
        file = await editor.get(f"{API}/zones/export", params={"format": "csv", **params})
        rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
        assert [row["code"] for row in rows] == codes
    elsewhere = {"with_ended": True, "area_code": "990102002"}
    assert (await editor.get(f"{API}/zones/export", params=elsewhere)).json()["features"] == []


async def test_areas_over_time(editor: httpx.AsyncClient, logged_in: Login) -> None:
    renamed = await editor.post(
        f"{API}/areas/{EAST}/changes", json={"on": "2010-05-01", "name": "芦荻街道", "reason": "更名"}
    )
    assert renamed.status_code == 409  # the street of the test city begins in 2020
    assert renamed.json()["type"] == "/problems/change-too-early"
    renamed = await editor.post(
        f"{API}/areas/{EAST}/changes", json={"on": "2024-05-01", "name": "芦荻街道", "reason": "更名"}
    )
    assert renamed.status_code == 201, renamed.text
    old = (await editor.get(f"{API}/areas?on=2023-01-01&level=street")).json()
    assert {one["name"] for one in old if one["code"] == EAST} == {EAST + "街道"}
    found = (await editor.get(f"{API}/search", params={"q": EAST + "街道"})).json()
    assert (found[0]["id"], found[0]["name"]) == (EAST, EAST + "街道")
    assert "芦荻街道" in found[0]["detail"]
    split = {
        "parts": [
            {"code": EAST, "name": "芦荻街道", "geometry": box(120.0, 30.45, 120.02, 30.55)},
            {"code": "990102003", "name": "白鹭街道", "geometry": box(120.02, 30.45, 120.05, 30.55)},
        ],
        "on": "2025-01-01",
        "reason": "拆分",
    }
    short = {
        **split,
        "parts": [split["parts"][0], {**split["parts"][1], "geometry": box(120.02, 30.45, 120.04, 30.55)}],
    }  # type: ignore[index, dict-item]
    refused = await editor.post(f"{API}/areas/{EAST}/split", json=short)
    assert refused.json()["type"] == "/problems/parts-differ"
    line = {"type": "LineString", "coordinates": [[120.02, 30.4], [120.02, 30.6]]}
    cut = (await editor.post(f"{API}/areas/{EAST}/cut", json={"line": line})).json()
    assert [part["area_m2"] > 0 for part in cut] == [True, True]
    tried = await editor.post(f"{API}/areas/{EAST}/split", params={"preview": True}, json=split)
    assert tried.status_code == 201, tried.text
    assert tried.json()["edit_id"] is None
    assert [one["geometry"]["type"] for one in tried.json()["areas"]] == ["MultiPolygon", "MultiPolygon"]
    assert tried.json()["touched"]["unit_grids"] == 4
    assert "990102003" not in {one["code"] for one in (await editor.get(f"{API}/areas")).json()}
    named = (await editor.get(f"{API}/areas/names", params={"q": EAST + "街道"})).json()
    assert [(one["code"], one["valid_to"]) for one in named] == [(EAST, "2024-05-01")]
    done = await editor.post(f"{API}/areas/{EAST}/split", json=split)
    assert done.status_code == 201, done.text
    history = (await editor.get(f"{API}/areas/990102003/history")).json()
    assert [one["kind"] for one in history["successions"]] == ["split"]
    merged = await editor.post(
        f"{API}/areas/merges",
        json={
            "codes": [EAST, "990102003"],
            "into": EAST,
            "name": "芦荻街道",
            "on": "2026-01-01",
            "reason": "合并",
        },
    )
    assert merged.status_code == 201, merged.text
    then = (await editor.get(f"{API}/areas?on=2025-06-01&level=street")).json()
    now = (await editor.get(f"{API}/areas?level=street")).json()
    assert {one["code"] for one in then} - {one["code"] for one in now} == {"990102003"}
    undone = await editor.post(f"{API}/edits/{merged.json()['edit_id']}/undo", json={"reason": "误操作"})
    assert undone.status_code == 201, undone.text
    back = (await editor.get(f"{API}/areas?level=street")).json()
    assert [(one["id"], one["bbox"]) for one in back] == [(one["id"], one["bbox"]) for one in then]
    guest = await logged_in("gis", login="street-gis", area_code="990102002")
    answer = await guest.post(f"{API}/areas/{EAST}/close", json={"on": "2026-05-01", "reason": "撤销"})
    assert answer.json()["type"] == "/problems/out-of-scope"


async def test_rows_of_a_layer(editor: httpx.AsyncClient, district: City, tmp_path: Path) -> None:
    features = f"{API}/layers/facility/features"
    made = []
    for at, name in enumerate(("望川小学", "=1+1", "卫生站")):
        body = {
            "geometry": {"type": "Point", "coordinates": [120.01 + at / 100, 30.5]},
            "properties": {"kind": "school" if at < 2 else "clinic", "name": name},
            "reason": "补录",
        }
        answer = await editor.post(features, json=body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["feature"])
    page = (await editor.get(features, params={"filter": "kind=school", "limit": 1, "count": True})).json()
    assert (page["matched"], page["features"][0]["properties"]["name"]) == (2, "望川小学")
    page = (await editor.get(features, params={"filter": "kind=school", "cursor": page["next"]})).json()
    assert [one["id"] for one in page["features"]] == [made[1]["id"]]
    assert page["next"] is None
    page = (await editor.get(features, params={"bbox": "120.025,30.4,120.04,30.6"})).json()
    assert [one["id"] for one in page["features"]] == [made[2]["id"]]
    for wrong in ("nothing=1", "kind;drop", "name"):
        refused = await editor.get(features, params={"filter": wrong})
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/filter-wrong"), wrong
    figures = (await editor.get(f"{API}/layers/facility/statistics?by=kind")).json()
    assert figures["count"] == 3
    assert figures["groups"] == [{"value": "school", "count": 2}, {"value": "clinic", "count": 1}]
    one = f"{features}/{made[0]['id']}"
    etag = (await editor.get(one)).headers["etag"]
    body = {"properties": {"name": "望川第一小学"}, "reason": "更名"}
    changed = await editor.patch(one, json=body, headers={"If-Match": etag})
    assert changed.json()["feature"]["properties"]["name"] == "望川第一小学"
    assert (await editor.patch(one, json=body, headers={"If-Match": etag})).status_code == 412
    wrong_type = await editor.patch(one, json={"properties": {"name": 5}, "reason": "更名"})
    assert wrong_type.json()["type"] == "/problems/bad-input"
    gone = await editor.request("DELETE", one, json={"reason": "已拆除"})
    assert gone.json()["feature"] is None
    undone = await editor.post(f"{API}/edits/{gone.json()['edit_id']}/undo", json={"reason": "没有拆"})
    assert undone.status_code == 201, undone.text
    assert (await editor.get(one)).json()["properties"]["name"] == "望川第一小学"
    text = (await editor.get(f"{API}/layers/facility/export?format=csv")).text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert {row["name"] for row in rows} == {"望川第一小学", "'=1+1", "卫生站"}
    assert len((await editor.get(f"{API}/layers/facility/export")).json()["features"]) == 3
    packed = tmp_path / "facility.gpkg"
    packed.write_bytes((await editor.get(f"{API}/layers/facility/export?format=gpkg")).content)
    meta, _, shapes, _ = pyogrio.raw.read(packed)
    assert (meta["crs"], len(shapes)) == ("EPSG:4326", 3)
    style = await editor.put(
        f"{API}/layers/facility/style", json={"style": {"colour": "#07c"}, "reason": "统一"}
    )
    assert style.json() == {"colour": "#07c"}
    fixed = await editor.post(
        f"{API}/layers/unit_grid/features", json={**body, "geometry": box(120, 30.5, 120.01, 30.51)}
    )
    assert fixed.json()["type"] == "/problems/layer-not-editable"
