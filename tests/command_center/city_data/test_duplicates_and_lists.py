"""Deciding on duplicates, lists in an order, everybody's own look of a layer, figures for Excel."""

import httpx

from tests.command_center.city import EAST, City
from tests.command_center.city_data.test_components import API, add
from tests.command_center.conftest import Login

DECISIONS = f"{API}/components/duplicates/decisions"


async def pairs_of(client: httpx.AsyncClient) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await client.get(f"{API}/components/duplicates?tolerance_m=2")).json()[
        "pairs"
    ]
    return found


async def test_a_decided_pair_does_not_come_up_again(editor: httpx.AsyncClient, logged_in: Login) -> None:
    first = (await add(editor, lon=120.02, maintainer="一队")).json()["component"]["id"]
    second = (await add(editor, lon=120.02001, owner="云泽水务")).json()["component"]["id"]
    far = (await add(editor, lon=120.03)).json()["component"]["id"]
    (pair,) = await pairs_of(editor)
    assert (pair["id"], pair["other_id"], pair["class_name"]) == (first, second, "上水井盖")
    body = {"component_id": first, "other_id": second, "decision": "both", "reason": "两个井盖"}
    guest = await logged_in("gis", login="west-gis", area_code="990102002")
    assert (await guest.post(DECISIONS, json=body)).json()["type"] == "/problems/out-of-scope"
    kept = await editor.post(DECISIONS, json=body)
    assert kept.status_code == 201, kept.text
    assert await pairs_of(editor) == []
    again = await editor.post(DECISIONS, json=body)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/duplicate-decided")
    (told,) = (await editor.get(DECISIONS)).json()["decisions"]
    assert (told["decision"], told["reason"], told["edit_id"]) == ("both", "两个井盖", kept.json()["edit_id"])
    await editor.post(f"{API}/edits/{told['edit_id']}/undo", json={"reason": "看错了"})
    assert len(await pairs_of(editor)) == 1
    for wrong, slug in (
        ({"other_id": far}, "not-duplicates"),
        ({"other_id": 987654}, "not-found"),
        ({"decision": "merged"}, "invalid-request"),
        ({"decision": "merged", "keep_id": far}, "invalid-request"),
    ):
        answer = await editor.post(DECISIONS, json=body | wrong)
        assert answer.json()["type"] == f"/problems/{slug}", answer.text


async def test_merging_keeps_one_and_undo_brings_both_back(editor: httpx.AsyncClient) -> None:
    first = (await add(editor, lon=120.02, maintainer="一队")).json()["component"]["id"]
    second = (await add(editor, lon=120.02001, owner="云泽水务", maintainer="二队")).json()["component"]["id"]
    body = {"component_id": second, "other_id": first, "decision": "merged", "keep_id": first}
    made = (await editor.post(DECISIONS, json=body | {"reason": "重复普查"})).json()
    kept = (await editor.get(f"{API}/components/{first}")).json()["properties"]
    gone = (await editor.get(f"{API}/components/{second}")).json()["properties"]
    assert (kept["owner"], kept["maintainer"], kept["state"]) == ("云泽水务", "一队", "intact")
    assert kept["attributes"] == {"merged_codes": [gone["code"]]}
    assert gone["state"] == "abandoned"
    assert await pairs_of(editor) == []
    undone = await editor.post(f"{API}/edits/{made['edit_id']}/undo", json={"reason": "是两个"})
    assert undone.status_code == 201, undone.text
    back = (await editor.get(f"{API}/components/{first}")).json()["properties"]
    assert (back["owner"], back["attributes"]) == (None, {})
    assert (await editor.get(f"{API}/components/{second}")).json()["properties"]["state"] == "intact"
    assert len(await pairs_of(editor)) == 1


async def walk(client: httpx.AsyncClient, order: str, **more: str) -> list[object]:
    """The ordered column of all rows, two rows a page."""
    found, cursor = [], None
    for _ in range(10):
        query = {"order_by": order, "limit": "2", **more} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(f"{API}/layers/component/features", params=query)).json()
        found += [one["properties"][order.removeprefix("-")] for one in page["features"]]
        cursor = page["next"]
        if cursor is None:
            return found
    raise AssertionError("no end")


async def test_lists_in_the_order_of_a_column(editor: httpx.AsyncClient) -> None:
    for at, (name, owner, day) in enumerate(
        [("丙", None, "2024-01-02"), ("甲", "乙方", "2023-05-01"), ("乙", "甲方", "2024-01-02"),
         ("甲", None, "2022-03-04"), ("丁", None, "2021-01-01")]
    ):  # fmt: skip
        made = await add(editor, lon=120.02 + at / 1000, name=name, owner=owner, initial_date=day)
        assert made.status_code == 201, made.text
    assert await walk(editor, "name") == sorted(["丙", "甲", "乙", "甲", "丁"])
    assert await walk(editor, "-name") == sorted(["丙", "甲", "乙", "甲", "丁"], reverse=True)
    assert await walk(editor, "owner") == ["乙方", "甲方", None, None, None]
    assert await walk(editor, "-owner") == ["甲方", "乙方", None, None, None]
    assert await walk(editor, "-initial_date") == [
        "2024-01-02", "2024-01-02", "2023-05-01", "2022-03-04", "2021-01-01",
    ]  # fmt: skip
    assert await walk(editor, "code", filter="name=甲") == ["9901020101000002", "9901020101000004"]
    features = f"{API}/layers/component/features"
    assert (await editor.get(features, params={"order_by": "geom"})).status_code == 422
    bad = await editor.get(features, params={"order_by": "initial_date", "cursor": "WzEsMV0"})
    assert bad.status_code == 422


async def test_the_catalogue_tells_columns_and_who_may_edit(editor: httpx.AsyncClient) -> None:
    layers = {one["key"]: one for one in (await editor.get(f"{API}/layers")).json()}
    component = layers["component"]
    assert component["editable"]
    assert not layers["unit_grid"]["editable"]
    columns = {one["name"]: one for one in component["columns"]}
    assert columns["initial_date"] == {
        "name": "initial_date", "kind": "date", "title": "初始日期", "title_en": "Since", "sortable": True,
    }  # fmt: skip
    assert {one["name"] for one in component["columns"] if one["title"] == one["name"]} == set()


async def test_own_look_goes_before_the_default(editor: httpx.AsyncClient, logged_in: Login) -> None:
    async def looks(client: httpx.AsyncClient) -> tuple[object, object]:
        layers = {one["key"]: one for one in (await client.get(f"{API}/layers")).json()}
        return layers["component"]["style"], layers["component"]["own_style"]

    own = f"{API}/layers/component/own-style"
    default, none = await looks(editor)
    assert none is None
    guest = await logged_in("operator")
    assert (await guest.put(own, json={"style": {"color": "#ff0000"}})).status_code == 200
    assert await looks(guest) == (default, {"color": "#ff0000"})
    assert await looks(editor) == (default, None)
    assert (await guest.delete(own)).status_code == 204
    assert await looks(guest) == (default, None)
    assert (await guest.put(own, json={"style": {"x": "y" * 20_001}})).status_code == 422
    assert (await guest.put(f"{API}/layers/nope/own-style", json={"style": {}})).status_code == 404


async def test_figures_for_excel(editor: httpx.AsyncClient, district: City) -> None:
    await add(editor, lon=120.02)
    answer = await editor.get(f"{API}/components/statistics.csv?level=street")
    assert answer.headers["content-disposition"] == 'attachment; filename="components-street.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.text.splitlines()[1] == f"{EAST},{EAST}街道,GBT30428.2-2013,0101,上水井盖,1,1,0,0,0"


async def test_names_for_whoever_says_who_answers(editor: httpx.AsyncClient, logged_in: Login) -> None:
    found = (await editor.get(f"{API}/persons/directory")).json()
    assert found
    assert {frozenset(one) for one in found} == {
        frozenset({"id", "name", "name_en", "org_unit", "org_unit_en"})
    }
    guest = await logged_in("gis", login="far-gis", area_code="110101")
    assert {one["id"] for one in (await guest.get(f"{API}/persons/directory")).json()} < {
        one["id"] for one in found
    } | {(await guest.get(f"{API}/session")).json()["person"]["id"]}
    assert (await (await logged_in("operator")).get(f"{API}/persons/directory")).status_code == 403
