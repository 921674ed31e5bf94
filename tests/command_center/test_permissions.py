"""Every route, now and later: nothing without login, nothing without its permission."""

import re
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from command_center.requests import SESSION_COOKIE
from gis_core.identity.principal import PERMISSIONS
from gis_core.identity.requests import Requires
from tests.command_center.conftest import PASSWORD, Login, People
from tests.command_center.routes import Route, all_routes

PUBLIC = {
    ("POST", "/api/v1/session"),
    ("GET", "/api/v1/demo-logins"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}
"""What anybody may ask. An entry here is a decision: say why in the review."""

ANYBODY_LOGGED_IN = {
    ("GET", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/api/v1/session/password"),
    ("GET", "/api/v1/tokens"),
    ("POST", "/api/v1/tokens"),
    ("DELETE", "/api/v1/tokens/{token_id}"),
    ("GET", "/api/v1/layers"),  # answers with what the caller may see
}
"""A person's own affairs."""

CHECKED_WITHIN = {
    ("POST", "/api/v1/imports"): "city.import",  # before the file is read; holds no connection
    ("POST", "/api/v1/geocode/tables"): "city.edit",  # as above
    ("GET", "/metrics"): "system.view",
    ("GET", "/tiles/{layers}/{z}/{x}/{y}.mvt"): "map.view",
    ("GET", "/tiles/{layers}.json"): "map.view",
}
"""The permission depends on what is asked for; the one that the sample address needs."""

SAMPLE = {"layers": "road", "z": "12", "x": "3413", "y": "1700"}


def address(route: Route) -> str:
    return re.sub(r"{(\w+)}", lambda found: SAMPLE.get(found[1], "987654"), route.path)


def permission_of(route: Route) -> str | None:
    wanted = {d.call.permission for d in route.dependencies() if isinstance(d.call, Requires)}
    assert len(wanted) <= 1, f"{route.path} asks for several permissions"
    return wanted.pop() if wanted else CHECKED_WITHIN.get((route.method, route.path))


async def test_every_route_needs_a_login(app: FastAPI, client: httpx.AsyncClient) -> None:
    open_routes = []
    for route in all_routes(app):
        if (route.method, route.path) in PUBLIC:
            continue
        answer = await client.request(route.method, address(route))
        if answer.status_code != 401 or answer.json()["type"] != "/problems/not-logged-in":
            open_routes.append((route.method, route.path, answer.status_code))
    assert not open_routes


async def test_every_route_names_a_known_permission(app: FastAPI) -> None:
    for route in all_routes(app):
        if (route.method, route.path) not in PUBLIC | ANYBODY_LOGGED_IN:
            assert permission_of(route) in PERMISSIONS, f"{route.method} {route.path}"


async def test_lists_of_exceptions_are_true(app: FastAPI) -> None:
    known = {(route.method, route.path) for route in all_routes(app)}
    assert known >= PUBLIC | ANYBODY_LOGGED_IN | CHECKED_WITHIN.keys()


async def test_every_other_permission_is_not_enough(
    app: FastAPI, people: People, new_client: Callable[[], httpx.AsyncClient]
) -> None:
    """A person with all permissions but the one the route needs is refused, and told which it is."""
    too_weak: dict[str, httpx.AsyncClient] = {}
    for permission in sorted(PERMISSIONS):
        async with app.state.engine.begin() as conn:
            await conn.execute(
                text("INSERT INTO role (key, name, name_en, permissions) VALUES (:key, :key, :key, :others)"),
                {"key": f"all but {permission}", "others": sorted(PERMISSIONS - {permission})},
            )
        login = permission.replace(".", "-")
        await people.add(login, f"all but {permission}")
        too_weak[permission] = new_client()
        answer = await too_weak[permission].post(
            "/api/v1/session", json={"login": login, "password": PASSWORD}
        )
        assert answer.status_code == 201
    let_in = []
    for route in all_routes(app):
        permission_needed = permission_of(route)
        if permission_needed is None:
            continue
        answer = await too_weak[permission_needed].request(route.method, address(route))
        body = answer.json() if answer.status_code == 403 else {}
        if body.get("type") != "/problems/not-allowed" or permission_needed not in body["detail"]:
            let_in.append((route.method, route.path, answer.status_code, answer.text[:200]))
    assert not let_in


async def test_nobody_gets_through_with_a_made_up_cookie(client: httpx.AsyncClient) -> None:
    for token in ("", "x", "a" * 5000, "\u00e9".encode().decode("latin-1")):
        answer = await client.get(
            "/api/v1/session", headers={"Cookie": f"{SESSION_COOKIE}={token}".encode("latin-1")}
        )
        assert answer.status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic eDp5", "bearer x y", "Bearer \u0001"])
async def test_odd_authorization_headers(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/api/v1/session", headers={"Authorization": header.encode()})
    assert answer.status_code == 401


async def test_openapi_is_complete(app: FastAPI, client: httpx.AsyncClient) -> None:
    """Each route has a summary in both languages and says how it refuses."""
    document = (await client.get("/api/openapi.json")).json()
    assert "Problem" in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            summary = operation.get("summary", "")
            assert re.search(r"[一-鿿]", summary), f"{method} {path}: {summary!r}"
            assert re.search(r"[A-Za-z]{3}", summary), f"{method} {path}: {summary!r}"
            if path.startswith("/api/"):
                assert {"401", "403", "422"} <= operation["responses"].keys(), f"{method} {path}"
                refused = operation["responses"]["403"]["content"]
                assert refused.keys() == {"application/problem+json"}, f"{method} {path}"


async def test_scope_of_grants(app: FastAPI, people: People, logged_in: Login) -> None:
    """A manager of one street neither sees nor changes people elsewhere."""
    other = await people.add("elsewhere", "operator")
    async with app.state.engine.begin() as conn:
        await conn.execute(text("UPDATE person SET area_code = '990102002'"))
    manager = await logged_in("admin", area_code="990102001")
    async with app.state.engine.begin() as conn:
        await conn.execute(text("UPDATE person SET area_code = '990102001' WHERE login = 'admin'"))
    seen = (await manager.get("/api/v1/persons")).json()["persons"]
    assert [person["login"] for person in seen] == ["admin"]
    for method, path in (
        ("GET", f"/api/v1/persons/{other}"),
        ("PATCH", f"/api/v1/persons/{other}"),
        ("POST", f"/api/v1/persons/{other}/unlock"),
    ):
        assert (await manager.request(method, path, json={})).status_code == 404
