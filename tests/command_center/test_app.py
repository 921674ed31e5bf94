from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gis_core.database import create_engine
from gis_core.settings import DatabaseSettings
from tests.command_center.conftest import Login


async def test_alive_and_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


async def test_pages_fall_back_to_the_web_app(client: httpx.AsyncClient) -> None:
    for page in ("/", "/desk", "/cases/17", "/index.html"):
        answer = await client.get(page)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache"), page
        assert "wall" in answer.text
    hashed = await client.get("/assets/index-3f9c.js")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-encoding"] == "gzip"
    assert (await client.get("/favicon.svg")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api",
        "/tiles/x/1/1/1.mvtx",
        "/ws/other",
        "/assets/old-1.js",
        "/a.png",
    ],
)
async def test_other_addresses_do_not(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_every_answer_has_id_and_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/", "/healthz", "/api/v1/session", "/api/v1/nothing"):
        headers = (await client.get(path)).headers
        assert len(headers["x-request-id"]) == 32, path
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "connect-src 'self' ws://wanmi.test wss://wanmi.test" in policy
        assert "http:" not in policy
    given = await client.get("/healthz", headers={"X-Request-ID": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    forged = await client.get("/healthz", headers={"X-Request-ID": "abc 1;drop"})
    assert forged.headers["x-request-id"] != "abc 1;drop"


async def test_problem_speaks_both_languages(client: httpx.AsyncClient) -> None:
    zh = (await client.get("/api/v1/session")).json()
    en = (await client.get("/api/v1/session", headers={"Accept-Language": "fr, en-GB;q=0.9"})).json()
    assert (zh["status"], zh["type"], zh["title"]) == (401, "/problems/not-logged-in", "请先登录")
    assert (en["type"], en["title"], en["instance"]) == (zh["type"], "Log in first", "/api/v1/session")


async def test_invalid_input_names_field_and_reason_but_not_the_value(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/session", json={"login": "x" * 65, "word": "hush-hush"})
    body = answer.json()
    assert answer.status_code == 422
    assert {e["field"] for e in body["errors"]} == {"body.login", "body.password", "body.word"}
    assert "hush-hush" not in answer.text
    reasons = {e["field"]: e["reason"] for e in body["errors"]}
    assert reasons["body.login"] == "太长，最多 64 个字符"
    broken = await client.post(
        "/api/v1/session", content=b"{", headers={"Content-Type": "application/json", "Accept-Language": "zh"}
    )
    assert broken.json()["errors"][0]["reason"] == "不是有效的 JSON"


async def test_bodies_are_limited_with_and_without_length(client: httpx.AsyncClient) -> None:
    large = b'{"login": "' + b"x" * (1 << 20) + b'"}'
    told = await client.post("/api/v1/session", content=large)
    assert (told.status_code, told.json()["type"]) == (413, "/problems/too-large")

    async def chunks():  # type: ignore[no-untyped-def]
        for place in range(0, len(large), 65536):
            yield large[place : place + 65536]

    untold = await client.post(
        "/api/v1/session", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert (untold.status_code, untold.json()["type"]) == (413, "/problems/too-large")


async def test_metrics_are_for_this_machine_or_a_bearer(app: FastAPI, client: httpx.AsyncClient) -> None:
    assert (await client.get("/metrics")).status_code == 401
    local = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=local, base_url="http://localhost") as here:
        answer = await here.get("/metrics")
        assert "wanmi_http_requests_total" in answer.text
        assert (await here.get("/metrics", headers={"X-Forwarded-For": "198.51.100.1"})).status_code == 401


async def test_metrics_count_by_route_not_by_path(app: FastAPI, client: httpx.AsyncClient) -> None:
    await client.get("/healthz")
    for number in range(3):
        await client.get(f"/api/v1/none-{number}")
    local = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=local, base_url="http://localhost") as here:
        text = (await here.get("/metrics")).text
    assert 'wanmi_http_requests_total{method="GET",route="/healthz",status="200"}' in text
    assert "none-1" not in text
    assert 'wanmi_problems_total{slug="not-found",status="404"}' in text


async def test_metrics_tell_what_ingest_and_gateway_wrote(app: FastAPI) -> None:
    folder: Path = app.state.data_dir / "metrics"
    folder.mkdir(parents=True)
    (folder / "ingest.prom").write_text("wanmi_ingest_fixes_total 7.0\n", encoding="utf-8")
    local = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=local, base_url="http://localhost") as here:
        lines = (await here.get("/metrics")).text.splitlines()
    assert "wanmi_ingest_fixes_total 7.0" in lines
    age = next(line for line in lines if line.startswith('wanmi_figures_age_seconds{process="ingest"}'))
    assert 0 <= float(age.split()[-1]) < 60


async def test_another_site_cannot_use_the_session(logged_in: Login) -> None:
    client = await logged_in("operator")
    foreign = await client.delete("/api/v1/session", headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["type"]) == (403, "/problems/foreign-origin")
    null = await client.delete("/api/v1/session", headers={"Origin": "null"})
    assert null.status_code == 403
    assert (await client.get("/api/v1/session")).status_code == 200
    own = await client.delete("/api/v1/session", headers={"Origin": "http://wanmi.test"})
    assert own.status_code == 204


async def test_unexpected_error_tells_nothing(app: FastAPI, client: httpx.AsyncClient) -> None:
    async def fail() -> None:
        raise RuntimeError("password of the database is hunter2")

    app.router.routes.insert(0, _route("/api/v1/fail", fail))
    answer = await client.get("/api/v1/fail", headers={"Accept-Language": "en"})
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "hunter2" not in answer.text


def _route(path: str, endpoint):  # type: ignore[no-untyped-def]
    from fastapi.routing import APIRoute

    return APIRoute(path, endpoint)


async def test_without_a_database_it_says_so(app: FastAPI, client: httpx.AsyncClient) -> None:
    kept = app.state.engine
    nowhere = DatabaseSettings(database_url="postgresql://nobody:secret@127.0.0.1:1/none")
    app.state.engine = create_engine(nowhere, application_name="test")
    try:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        client.cookies.set("wanmi_session", "x")
        answer = await client.get("/api/v1/session", headers={"Accept-Language": "en"})
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert answer.headers["retry-after"] == "5"
        assert "127.0.0.1" not in answer.text
    finally:
        await app.state.engine.dispose()
        app.state.engine = kept


async def test_older_schema_is_not_ready(app: FastAPI, client: httpx.AsyncClient) -> None:
    app.state.schema_heads = ["9999_future"]
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "schema differs")


async def test_web_app_that_is_not_built_is_named(
    app: FastAPI, client: httpx.AsyncClient, webdist: Path
) -> None:
    (webdist / "index.html").unlink()
    answer = await client.get("/")
    assert answer.status_code == 503
    assert "./wanmi up" in answer.text
