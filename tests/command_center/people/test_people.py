import asyncio

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from gis_core.identity.audit import verify_chain
from tests.command_center.conftest import PASSWORD, Login, People

PERSON = {"name": "测试员甲", "org_unit_id": 1, "area_code": "990102"}


async def make(client: httpx.AsyncClient, **more: object) -> httpx.Response:
    return await client.post("/api/v1/persons", json=PERSON | more)


async def test_new_person_has_masked_mobile_and_no_rights(app: FastAPI, logged_in: Login) -> None:
    admin = await logged_in("admin")
    made = await make(admin, login="clerk", password="Still-Water-9", mobile="138 1234 5678")
    assert made.status_code == 201
    body = made.json()
    assert (body["mobile"], body["grants"], body["state"]) == ("138****5678", [], "active")
    async with app.state.engine.connect() as conn:
        row = (await conn.execute(text("SELECT mobile, password FROM person WHERE login = 'clerk'"))).one()
        detail = await conn.scalar(text("SELECT detail::text FROM audit WHERE action = 'person.create'"))
    assert b"12345678" not in row.mobile
    assert row.password.startswith("pbkdf2-sm3$1000$")
    for secret in ("Still-Water", "138", "测试员甲"):
        assert secret not in detail
    for words in ("测试", "CLERK", "+86 13812345678"):
        found = (await admin.get("/api/v1/persons", params={"q": words})).json()["persons"]
        assert [p["id"] for p in found] == [body["id"]], words
    assert (await admin.get("/api/v1/persons", params={"q": "1381234"})).json()["persons"] == []
    assert (await admin.get("/api/v1/persons", params={"q": "%"})).json()["persons"] == []


@pytest.mark.parametrize(
    ("more", "slug"),
    [
        ({"login": "x1", "password": "weak"}, "weak-password"),
        ({"password": "Still-Water-9"}, "bad-input"),
        ({"mobile": "12"}, "bad-input"),
        ({"org_unit_id": 99}, "bad-input"),
        ({"area_code": "1"}, "invalid-request"),
        ({"role": "admin"}, "invalid-request"),
        ({"name": "a\u0000b"}, "invalid-request"),
    ],
)
async def test_bad_person_is_refused(logged_in: Login, more: dict[str, object], slug: str) -> None:
    answer = await make(await logged_in("admin"), **more)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")


async def test_login_is_taken_once(logged_in: Login) -> None:
    admin = await logged_in("admin")
    answers = await asyncio.gather(*(make(admin, login="clerk") for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]


async def test_pages_go_over_everybody_once(people: People, logged_in: Login) -> None:
    admin = await logged_in("admin")
    for number in range(11):
        await people.add(f"p{number}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 5} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get("/api/v1/persons", params=params)).json()
        seen += [person["login"] for person in page["persons"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["admin", *(f"p{number}" for number in range(11))]
    assert (await admin.get("/api/v1/persons", params={"cursor": "bogus!"})).status_code == 422


async def test_if_match_keeps_two_managers_apart(people: People, logged_in: Login) -> None:
    admin = await logged_in("admin")
    path = f"/api/v1/persons/{await people.add('clerk')}"
    tag = (await admin.get(path)).headers["etag"]
    first = await admin.patch(path, json={"name": "甲"}, headers={"If-Match": tag})
    assert first.status_code == 200
    second = await admin.patch(path, json={"name": "乙"}, headers={"If-Match": tag})
    assert (second.status_code, second.json()["type"]) == (412, "/problems/changed-meanwhile")
    again = await admin.patch(path, json={"name": "乙"}, headers={"If-Match": first.headers["etag"]})
    assert again.json()["name"] == "乙"


async def test_grant_takes_effect_and_is_withdrawn_at_once(people: People, logged_in: Login) -> None:
    admin, clerk = await logged_in("admin"), await logged_in("inspector", login="clerk")
    clerk_id = (await clerk.get("/api/v1/session")).json()["person"]["id"]
    assert (await clerk.get("/api/v1/units")).status_code == 403
    body = {"role_key": "operator", "area_code": "990102001"}
    granted = await admin.post(f"/api/v1/persons/{clerk_id}/grants", json=body)
    assert granted.status_code == 201
    assert (await clerk.get("/api/v1/units")).status_code == 200
    gone = await admin.delete(f"/api/v1/persons/{clerk_id}/grants/{granted.json()['id']}")
    assert gone.status_code == 204
    assert (await clerk.get("/api/v1/units")).status_code == 403


async def test_future_and_past_grants_do_not_hold(people: People, logged_in: Login) -> None:
    admin, clerk = await logged_in("admin"), await logged_in(login="clerk")
    clerk_id = (await clerk.get("/api/v1/session")).json()["person"]["id"]
    for span in (
        {"valid_from": "2090-01-01T00:00:00Z"},
        {"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2020-02-01T00:00:00Z"},
    ):
        made = await admin.post(f"/api/v1/persons/{clerk_id}/grants", json={"role_key": "operator"} | span)
        assert made.status_code == 201
    assert (await clerk.get("/api/v1/session")).json()["permissions"] == []


async def test_nobody_raises_himself(people: People, logged_in: Login) -> None:
    admin = await logged_in("admin")
    own = f"/api/v1/persons/{(await admin.get('/api/v1/session')).json()['person']['id']}"
    grants = (await admin.get(own)).json()["grants"]
    for method, path, body in (
        ("POST", f"{own}/grants", {"role_key": "operator"}),
        ("DELETE", f"{own}/grants/{grants[0]['id']}", None),
        ("PATCH", own, {"state": "disabled"}),
        ("POST", f"{own}/password", {"password": "Still-Water-9"}),
    ):
        answer = await admin.request(method, path, json=body)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/own-rights"), path


async def test_managing_and_auditing_stay_apart(people: People, logged_in: Login) -> None:
    admin = await logged_in("admin")
    auditor, other_admin = await people.add("auditor", "auditor"), await people.add("second", "admin")
    for person_id, role in ((auditor, "admin"), (other_admin, "auditor")):
        answer = await admin.post(f"/api/v1/persons/{person_id}/grants", json={"role_key": role})
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/duties-apart")


async def test_manager_of_a_street_gives_no_more_than_he_has(
    app: FastAPI, people: People, logged_in: Login
) -> None:
    manager = await logged_in("admin", area_code="990102001")
    chief, clerk = await people.add("chief", "operator"), await people.add("clerk")
    async with app.state.engine.begin() as conn:
        await conn.execute(text("UPDATE person SET area_code = '990102001'"))
    for area, status in (
        (None, 403),
        ("990102", 403),
        ("990102002", 403),
        ("990102001", 201),
        ("990102001003", 201),
    ):
        answer = await manager.post(
            f"/api/v1/persons/{clerk}/grants", json={"role_key": "operator", "area_code": area}
        )
        assert answer.status_code == status, area
    reset = await manager.post(f"/api/v1/persons/{chief}/password", json={"password": "Still-Water-9"})
    assert reset.status_code == 403, "he could log in as one who reaches further"
    assert (await manager.patch(f"/api/v1/persons/{chief}", json={"state": "disabled"})).status_code == 403


async def test_department_grant_covers_departments_below(
    app: FastAPI, people: People, logged_in: Login
) -> None:
    admin = await logged_in("admin")
    made: list[int] = []
    for code, parent in (("top", None), ("below", 0), ("beside", None)):
        body = {
            "code": code,
            "name": code,
            "kind": "department",
            "area_code": "990102",
            "parent_id": made[parent] if parent is not None else None,
        }
        made.append((await admin.post("/api/v1/org-units", json=body)).json()["id"])
    for code, unit in zip(("top", "below", "beside"), made, strict=True):
        assert (await make(admin, name=code, org_unit_id=unit)).status_code == 201
    await people.add("head", "admin", org_unit_id=made[0])
    head = await logged_in(login="unused")
    answer = await head.post("/api/v1/session", json={"login": "head", "password": PASSWORD})
    assert answer.status_code == 201
    seen = (await head.get("/api/v1/persons")).json()["persons"]
    assert [person["name"] for person in seen] == ["top", "below"]


async def test_disabling_and_reset_end_sessions(people: People, logged_in: Login) -> None:
    admin = await logged_in("admin")
    clerk = await logged_in("operator", login="clerk")
    clerk_id = (await clerk.get("/api/v1/session")).json()["person"]["id"]
    path = f"/api/v1/persons/{clerk_id}"
    assert (await admin.post(f"{path}/password", json={"password": "Fresh-Reed-31"})).status_code == 204
    assert (await clerk.get("/api/v1/session")).status_code == 401
    again = await clerk.post("/api/v1/session", json={"login": "clerk", "password": "Fresh-Reed-31"})
    assert again.status_code == 201
    assert (await admin.patch(path, json={"state": "disabled"})).json()["state"] == "disabled"
    assert (await clerk.get("/api/v1/session")).status_code == 401
    assert (
        await clerk.post("/api/v1/session", json={"login": "clerk", "password": "Fresh-Reed-31"})
    ).status_code == 401


async def test_each_change_stands_in_the_trail(app: FastAPI, people: People, logged_in: Login) -> None:
    admin = await logged_in("admin")
    clerk = (await make(admin, login="clerk")).json()["id"]
    path = f"/api/v1/persons/{clerk}"
    await admin.patch(path, json={"post_id": None, "mobile": "13912345678"})
    await admin.post(f"{path}/password", json={"password": "Fresh-Reed-31"})
    grant = (await admin.post(f"{path}/grants", json={"role_key": "leader"})).json()["id"]
    await admin.delete(f"{path}/grants/{grant}")
    await admin.post(f"{path}/unlock")
    auditor = await logged_in("auditor")
    page = (await auditor.get("/api/v1/audit", params={"object_kind": "person", "object_id": clerk})).json()
    assert [entry["action"] for entry in page["entries"]] == [
        "person.unlock",
        "grant.delete",
        "grant.create",
        "password.reset",
        "person.change",
        "person.create",
    ]
    assert {entry["actor"] for entry in page["entries"]} == {"admin"}
    assert {entry["ip"] for entry in page["entries"]} == {"192.0.2.7"}
    assert "139" not in str(page["entries"][4]["detail"])
    only = (await auditor.get("/api/v1/audit", params={"action": "grant.*", "limit": 1})).json()
    assert ([e["action"] for e in only["entries"]], only["next"] is None) == (["grant.delete"], False)
    following = await auditor.get("/api/v1/audit", params={"action": "grant.*", "cursor": only["next"]})
    assert [e["action"] for e in following.json()["entries"]] == ["grant.create"]
    async with app.state.engine.connect() as conn:
        assert (await verify_chain(conn, app.state.keyring)).broken_at is None


async def test_audit_chain_holds_under_many_writers(app: FastAPI, logged_in: Login) -> None:
    admin = await logged_in("admin")
    answers = await asyncio.gather(*(make(admin, login=f"many{number}") for number in range(40)))
    assert {a.status_code for a in answers} == {201}
    async with app.state.engine.connect() as conn:
        verdict = await verify_chain(conn, app.state.keyring)
    assert (verdict.broken_at, verdict.entries) == (None, 41)
