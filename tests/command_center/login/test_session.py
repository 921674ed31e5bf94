import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from command_center.app import AppSettings, create_app
from gis_core.identity.audit import verify_chain
from gis_core.identity.settings import IdentitySettings
from tests.command_center.conftest import ORIGIN, PASSWORD, Login, People

NewClient = Callable[[], httpx.AsyncClient]


async def try_login(client: httpx.AsyncClient, login: str, password: str) -> httpx.Response:
    return await client.post("/api/v1/session", json={"login": login, "password": password})


async def actions(app: FastAPI) -> list[str]:
    async with app.state.engine.connect() as conn:
        return list((await conn.execute(text("SELECT action FROM audit ORDER BY id"))).scalars())


async def test_log_in_look_and_log_out(app: FastAPI, people: People, client: httpx.AsyncClient) -> None:
    await people.add("operator", "operator", area_code="990102001")
    answer = await try_login(client, "operator", PASSWORD)
    assert answer.status_code == 201
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    body = answer.json()
    assert body["person"]["login"] == "operator"
    assert body["person"]["org_unit"] == "指挥中心"
    assert body["areas"] == ["990102001"]
    assert body["permissions"] == [
        *("alerts.handle", "alerts.view", "map.view", "units.command", "units.track", "units.view")
    ]
    assert body["demo"] is False
    token = client.cookies["wanmi_session"]
    async with app.state.engine.connect() as conn:
        stored = await conn.scalar(text("SELECT token_hash FROM login_session"))
    assert token.encode() not in stored
    assert (await client.get("/api/v1/session")).json() == body
    assert (await client.delete("/api/v1/session")).status_code == 204
    assert "wanmi_session" not in client.cookies
    client.cookies.set("wanmi_session", token)
    replayed = await client.get("/api/v1/session")
    assert replayed.status_code == 401
    assert await actions(app) == ["session.create", "session.delete"]


async def test_whole_city_has_no_area_list(people: People, client: httpx.AsyncClient) -> None:
    await people.add("leader", "leader")
    assert (await try_login(client, "leader", PASSWORD)).json()["areas"] is None


async def test_every_refusal_looks_the_same(app: FastAPI, people: People, client: httpx.AsyncClient) -> None:
    await people.add("known", "operator")
    await people.add("locked", "operator")
    await people.add("disabled", "operator")
    async with app.state.engine.begin() as conn:
        await conn.execute(
            text("UPDATE person SET locked_until = now() + interval '1 hour' WHERE login = 'locked'")
        )
        await conn.execute(text("UPDATE person SET state = 'disabled' WHERE login = 'disabled'"))
    tries = [("known", "wrong"), ("nobody", PASSWORD), ("locked", PASSWORD), ("disabled", PASSWORD)]
    answers = [await try_login(client, *pair) for pair in tries]
    bodies = [{k: v for k, v in a.json().items() if k != "request_id"} for a in answers]
    assert {a.status_code for a in answers} == {401}
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["type"] == "/problems/wrong-login"
    assert await actions(app) == ["session.refused"] * 4


async def test_unknown_login_takes_as_long_as_a_wrong_password(
    app_settings: AppSettings, database_url: str
) -> None:
    slow = AppSettings(
        app_settings.database,
        app_settings.storage,
        IdentitySettings(password_iterations=200_000, ip_failures=1000),
        app_settings.web,
    )
    app = create_app(slow)
    async with app.router.lifespan_context(app):
        await People(app).add("known", "operator")
        async with app.state.engine.begin() as conn:
            stored = await app.state.hasher.hash(PASSWORD)
            await conn.execute(text("UPDATE person SET password = :p"), {"p": stored})
        transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            took: dict[str, list[float]] = {"known": [], "nobody": []}
            for login in ["known", "nobody"] * 4:
                began = time.perf_counter()
                await try_login(client, login, "wrong")
                took[login].append(time.perf_counter() - began)
    known, nobody = min(took["known"]), min(took["nobody"])
    assert abs(known - nobody) < 0.5 * known


async def test_lock_after_five_wrong_tries_in_a_row(
    app: FastAPI, people: People, client: httpx.AsyncClient
) -> None:
    await people.add("operator", "operator")
    for _ in range(4):
        assert (await try_login(client, "operator", "wrong")).status_code == 401
    assert (await try_login(client, "operator", PASSWORD)).status_code == 201
    for _ in range(5):
        assert (await try_login(client, "operator", "wrong")).status_code == 401
    assert (await try_login(client, "operator", PASSWORD)).status_code == 401
    async with app.state.engine.begin() as conn:
        left = "SELECT EXTRACT(epoch FROM locked_until - now()) FROM person"
        assert 50 < float(await conn.scalar(text(left))) <= 60
        await conn.execute(text("UPDATE person SET locked_until = now() - interval '1 second'"))
    assert (await try_login(client, "operator", "wrong")).status_code == 401
    async with app.state.engine.begin() as conn:
        assert 110 < float(await conn.scalar(text(left))) <= 120, "a sixth wrong try locks twice as long"
        await conn.execute(text("UPDATE person SET locked_until = now() - interval '1 second'"))
    assert (await try_login(client, "operator", PASSWORD)).status_code == 201
    async with app.state.engine.connect() as conn:
        assert await conn.scalar(text("SELECT failed_logins FROM person")) == 0
        assert (await verify_chain(conn, app.state.keyring)).broken_at is None
    assert (await actions(app)).count("person.locked") == 2


async def test_guesses_at_the_same_time_gain_nothing(
    app: FastAPI, people: People, client: httpx.AsyncClient
) -> None:
    await people.add("operator", "operator")
    wrong = [try_login(client, "operator", f"wrong-{n}") for n in range(12)]
    assert {a.status_code for a in await asyncio.gather(*wrong)} == {401}
    assert (await try_login(client, "operator", PASSWORD)).status_code == 401
    async with app.state.engine.connect() as conn:
        assert await conn.scalar(text("SELECT failed_logins FROM person")) == 5


async def test_fifty_people_log_in_at_once(people: People, new_client: NewClient) -> None:
    for number in range(50):
        await people.add(f"p{number}", "leader")
    clients = [new_client() for _ in range(50)]
    began = time.perf_counter()
    answers = await asyncio.gather(*(try_login(c, f"p{n}", PASSWORD) for n, c in enumerate(clients)))
    assert [a.status_code for a in answers] == [201] * 50
    assert time.perf_counter() - began < 10


async def test_an_address_with_many_failures_is_turned_away(
    client: httpx.AsyncClient, people: People
) -> None:
    await people.add("operator", "operator")
    for number in range(30):
        assert (await try_login(client, f"guess{number}", "wrong")).status_code == 401
    turned = await try_login(client, "operator", PASSWORD)
    assert turned.status_code == 429
    assert turned.headers["retry-after"] == "300"


async def test_idle_and_old_sessions_are_over(app: FastAPI, logged_in: Login) -> None:
    client = await logged_in("operator")
    async with app.state.engine.begin() as conn:
        await conn.execute(text("UPDATE login_session SET last_seen_at = now() - interval '7:59'"))
    assert (await client.get("/api/v1/session")).status_code == 200
    async with app.state.engine.begin() as conn:
        seen = await conn.scalar(text("SELECT now() - last_seen_at < interval '1 minute' FROM login_session"))
        assert seen is True
        await conn.execute(text("UPDATE login_session SET last_seen_at = now() - interval '8:00:01'"))
    assert (await client.get("/api/v1/session")).status_code == 401
    async with app.state.engine.begin() as conn:
        await conn.execute(text("UPDATE login_session SET last_seen_at = now(), expires_at = now()"))
    assert (await client.get("/api/v1/session")).status_code == 401


async def test_change_password(app: FastAPI, logged_in: Login, new_client: NewClient) -> None:
    client = await logged_in("operator")
    other = new_client()
    assert (await try_login(other, "operator", PASSWORD)).status_code == 201

    async def change(current: str, new: str) -> httpx.Response:
        return await client.post("/api/v1/session/password", json={"current": current, "new": new})

    weak = await change(PASSWORD, "short")
    assert (weak.status_code, weak.json()["type"]) == (422, "/problems/weak-password")
    wrong = await change("not-it", "New-Harbour-88")
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/wrong-current-password")
    assert (await change(PASSWORD, "New-Harbour-88")).status_code == 204
    assert (await client.get("/api/v1/session")).status_code == 200
    assert (await other.get("/api/v1/session")).status_code == 401
    assert (await try_login(other, "operator", PASSWORD)).status_code == 401
    assert (await try_login(other, "operator", "New-Harbour-88")).status_code == 201
    assert "password.change" in await actions(app)


async def test_old_hash_is_renewed_at_log_in(app: FastAPI, people: People, client: httpx.AsyncClient) -> None:
    await people.add("operator", "operator")
    async with app.state.engine.begin() as conn:
        await conn.execute(
            text("UPDATE person SET password = :p"),
            {"p": _weak_hash()},
        )
    assert (await try_login(client, "operator", PASSWORD)).status_code == 201
    async with app.state.engine.connect() as conn:
        assert (await conn.scalar(text("SELECT password FROM person"))).split("$")[1] == "1000"


def _weak_hash() -> str:
    from gis_core.identity.passwords import hash_password

    return hash_password(PASSWORD, iterations=10)


async def test_bearer_tokens(app: FastAPI, logged_in: Login, new_client: NewClient) -> None:
    client = await logged_in("operator")
    too_much = await client.post("/api/v1/tokens", json={"name": "x", "permissions": ["people.manage"]})
    assert too_much.status_code == 403
    made = await client.post("/api/v1/tokens", json={"name": "export", "permissions": ["map.view"]})
    assert made.status_code == 201
    token = made.json()["token"]
    assert token.startswith("wmt_")
    assert token not in (await client.get("/api/v1/tokens")).text
    program = new_client()
    program.headers["Authorization"] = f"Bearer {token}"
    assert (await program.get("/api/v1/session")).json()["permissions"] == ["map.view"]
    for method, path in (("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/session")):
        refused = await program.request(method, path, json={"name": "more"})
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/session-only")
    wrong = await client.get("/api/v1/session", headers={"Authorization": "Bearer wmt_other"})
    assert wrong.status_code == 401, "a wrong token is not mended by the cookie"
    token_id = made.json()["id"]
    stranger = await logged_in("leader")
    assert (await stranger.delete(f"/api/v1/tokens/{token_id}")).status_code == 404
    assert (await client.delete(f"/api/v1/tokens/{token_id}")).status_code == 204
    assert (await program.get("/api/v1/session")).status_code == 401


async def test_disabled_person_is_out_at_once(app: FastAPI, logged_in: Login) -> None:
    client = await logged_in("operator")
    async with app.state.engine.begin() as conn:
        await conn.execute(text("UPDATE person SET state = 'disabled'"))
    assert (await client.get("/api/v1/session")).status_code == 401


@pytest.mark.parametrize("login", ["", "x\x00y", "x" * 65, "a\nb"])
async def test_odd_logins_are_invalid(client: httpx.AsyncClient, login: str) -> None:
    assert (await try_login(client, login, PASSWORD)).status_code == 422


async def test_demo_logins_only_in_demo_mode(app_settings: AppSettings, client: httpx.AsyncClient) -> None:
    folder: Path = app_settings.storage.data_dir
    offered = [
        {"login": "duty", "password": "p", "role_key": "operator", "role": "值班员", "role_en": "Operator"}
    ]
    (folder / "demo-logins.json").write_text(json.dumps(offered), encoding="utf-8")
    assert (await client.get("/api/v1/demo-logins")).status_code == 404
    demo = AppSettings(
        app_settings.database,
        app_settings.storage,
        app_settings.identity,
        app_settings.web.model_copy(update={"demo": True}),
    )
    made = create_app(demo)
    async with (
        made.router.lifespan_context(made),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=made), base_url=ORIGIN) as visitor,
    ):
        assert (await visitor.get("/api/v1/demo-logins")).json() == offered
