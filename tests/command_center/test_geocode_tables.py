"""Tables of addresses over HTTP: handed in, located by the worker, reviewed, downloaded."""

import csv
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from command_center.geocode.jobs import abandoned
from tests.command_center.city import City
from tests.command_center.conftest import Login, Work
from tests.command_center.test_geocode import put_city, until

API = "/api/v1/geocode/tables"
ADDRESSES = ["望川区长安路123号", "长安路5号", "昌安路77号", "没有这个地方", "", "青石巷6666号"]


def sheet(*, encoding: str = "gb18030") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([["编号", "详细地址"], *([n, a] for n, a in enumerate(ADDRESSES))])
    return text.getvalue().encode(encoding)


async def hand_in(client: httpx.AsyncClient, data: bytes, name: str = "门店.csv") -> httpx.Response:
    return await client.post(API, files={"file": (name, data)})


async def located(client: httpx.AsyncClient, work: Work) -> dict[str, Any]:
    seen = (await hand_in(client, sheet())).json()
    answer = await client.post(f"{API}/{seen['id']}/run", json={"address_column": "详细地址"})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    await work()
    return dict((await client.get(f"{API}/{seen['id']}")).json())


async def test_a_table_is_located_reviewed_and_downloaded(
    logged_in: Login, database_url: str, tmp_path: Path, work: Work
) -> None:
    gis = await logged_in("gis")
    put_city(database_url, tmp_path)
    await until(gis, "长安路123号", "accepted")
    seen = (await hand_in(gis, sheet())).json()
    assert (seen["header"], seen["total"], seen["proposed"]) == (
        ["编号", "详细地址"],
        6,
        {"address": "详细地址"},
    )
    assert seen["samples"][0] == ["0", "望川区长安路123号"]
    table = await located(gis, work)
    assert (table["state"], table["done"], table["refusal"]) == ("done", 6, None)
    address = f"{API}/{table['id']}"
    rows = {row["address"]: row for row in (await gis.get(f"{address}/rows")).json()["rows"]}
    assert rows["长安路5号"]["status"] == "accepted"
    assert rows["没有这个地方"]["status"] == "not_found"
    assert sum(count["rows"] for count in table["counts"]) == 6
    points = (await gis.get(f"{address}/points")).json()["features"]
    assert {1, 2} <= {point["id"] for point in points}

    # Somebody knows that the misheard name is the known road, and where the unknown place is.
    heard = rows["昌安路77号"]
    assert heard["matched"] == "望川区长安路77号"
    one = await gis.post(f"{address}/rows/{heard['row_number']}/decision", json={"decision": "candidate"})
    assert (one.json()["learnt"], one.json()["alias"]) == (True, ["昌安路", "长安路"])
    assert one.json()["row"]["decided_matched"] == "望川区长安路77号"
    assert (await until(gis, "昌安路79号", "accepted")).json()["candidates"][0]["reason"] == "correction"
    spot = {"decision": "point", "lon": 120.02, "lat": 30.51}
    nowhere = rows["没有这个地方"]["row_number"]
    assert (await gis.post(f"{address}/rows/{nowhere}/decision", json=spot)).status_code == 200
    empty = rows[""]["row_number"]
    assert (
        await gis.post(f"{address}/rows/{empty}/decision", json={"decision": "nowhere"})
    ).status_code == 200
    left = (await gis.get(f"{address}/rows", params={"status": "not_found", "undecided": True})).json()[
        "rows"
    ]
    assert left == []

    got = await gis.get(f"{address}/result.csv")
    lines = list(csv.DictReader(io.StringIO(got.content.decode("utf-8-sig"))))
    assert [line["编号"] for line in lines] == [str(n) for n in range(6)]
    assert (lines[3]["lon"], lines[3]["lat"], lines[3]["status"]) == ("120.0200000", "30.5100000", "accepted")
    assert lines[4]["lon"] == ""
    book = load_workbook(io.BytesIO((await gis.get(f"{address}/result.xlsx")).content))
    assert book.worksheets[0].max_row == 7

    undone = await gis.delete(f"{address}/rows/{heard['row_number']}/decision")
    assert (undone.json()["decision"], undone.json()["matched"]) == (None, heard["matched"])
    again = (await until(gis, "昌安路79号", "accepted")).json()
    assert again["candidates"][0]["reason"] in ("correction", "homophone", "like_sound")
    assert (await gis.get("/api/v1/geocode/aliases", params={"q": "昌安"})).json() == []
    assert (await gis.delete(address)).status_code == 204
    assert not (tmp_path / "geocode" / str(table["id"])).exists()


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"", "a.csv"), (b"\n\n", "a.csv"), (b"PK\x03\x04 broken", "a.xlsx")],
)
async def test_a_file_that_is_no_table_is_refused(
    logged_in: Login, tmp_path: Path, data: bytes, name: str
) -> None:
    gis = await logged_in("gis")
    answer = await hand_in(gis, data, name)
    assert answer.status_code == 422, answer.text
    assert (await gis.get(API)).json() == {"tables": [], "next": None}
    assert not list((tmp_path / "uploads").glob("new-*"))


async def test_columns_decisions_and_strangers(logged_in: Login, city: City, work: Work) -> None:
    gis = await logged_in("gis")
    seen = (await hand_in(gis, sheet())).json()
    address = f"{API}/{seen['id']}"
    missing = await gis.post(f"{address}/run", json={"address_column": "地点"})
    assert missing.status_code == 422
    assert "详细地址" in missing.text
    assert (await gis.get(f"{address}/result.csv")).status_code == 409
    assert (await gis.post(f"{address}/rows/1/decision", json={"decision": "nowhere"})).status_code == 404
    await gis.post(f"{address}/run", json={"address_column": "详细地址"})
    assert (await gis.post(f"{address}/run", json={"address_column": "详细地址"})).status_code == 409
    assert (await gis.delete(address)).status_code == 409
    other = await logged_in("operator")
    assert (await other.get(address)).status_code == 403


async def test_a_table_whose_worker_died_is_queued_again(
    logged_in: Login, city: City, database_url: str
) -> None:
    gis = await logged_in("gis")
    seen = (await hand_in(gis, sheet())).json()
    await city.run("UPDATE geocode_table SET state = 'running', changed_at = now() - interval '1 minute'")
    assert abandoned(database_url) == [seen["id"]]
    assert abandoned(database_url) == []
