"""Questions asked by the thousand keep FastAPI's contract: who asks, what is refused, what is documented."""

import asyncio
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from command_center.geocode.quick import QuickRoute
from command_center.geocode.routes import RequiresKnown
from gis_core.identity.principal import Principal
from tests.command_center.conftest import Login

API = "/api/v1"
Reader = Annotated[Principal, Depends(RequiresKnown("map.view"))]


async def answer(
    request: Request,
    reader: Reader,
    q: Annotated[str, Query(max_length=5, alias="text")],
    lon: Annotated[float | None, Query(ge=-180, le=180)] = None,
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
) -> Response:
    return Response(f"{reader.login} {q} {lon} {limit}")


@pytest.mark.parametrize(
    "query",
    ["text=a", "text=a&lon=1.5&limit=7", "text=a&text=b", "", "text=", "text=abcdef", "text=a&lon=181",
     "text=a&lon=nan", "text=a&lon=", "text=a&limit=x&lon=y", "text=%E8%B7%AF&other=1", "q=a"],
)  # fmt: skip
async def test_answers_and_refuses_as_an_ordinary_route(app: FastAPI, logged_in: Login, query: str) -> None:
    for kind, path in ((QuickRoute, "/quick"), (None, "/plain")):
        router = APIRouter() if kind is None else APIRouter(route_class=kind)
        router.add_api_route(path, answer, methods=["GET"])
        app.include_router(router, prefix=API)
        # Before the web pages, which take every other address.
        app.router.routes.insert(0, app.router.routes.pop())
    client = await logged_in("gis")

    def told(response: httpx.Response) -> tuple[int, Any]:
        members = response.json() if response.status_code == 422 else {}
        return response.status_code, members.get("errors", response.text)

    quick = await client.get(f"{API}/quick?{query}")
    assert told(quick) == told(await client.get(f"{API}/plain?{query}"))


@pytest.mark.parametrize("path", ["geocode", "suggest", "reverse"])
async def test_documented_like_any_other(app: FastAPI, path: str) -> None:
    told = app.openapi()["paths"][f"{API}/{path}"]["get"]
    assert {p["name"] for p in told["parameters"]} >= {"lon", "lat"}
    assert "summary" in told


def test_a_route_nobody_guards_is_no_quick_route() -> None:
    async def open_to_all(request: Request, q: str) -> Response:
        return Response(q)

    async def with_body(request: Request, reader: Reader, body: dict[str, str]) -> Response:
        return Response(str(body))

    for endpoint in (open_to_all, with_body):
        with pytest.raises(TypeError):
            APIRouter(route_class=QuickRoute).add_api_route("/x", endpoint)


async def test_a_session_that_ends_is_no_longer_trusted(logged_in: Login) -> None:
    client = await logged_in("gis")
    cookie = dict(client.cookies)
    assert (await client.get(f"{API}/suggest", params={"q": "a"})).status_code != 401
    assert (await client.delete(f"{API}/session")).status_code == 204
    client.cookies.update(cookie)
    for _ in range(200):  # The news of it comes through the database.
        if (await client.get(f"{API}/suggest", params={"q": "a"})).status_code == 401:
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("a session that ended still answers")


async def test_what_is_allowed_is_listed_in_the_readers_language(logged_in: Login) -> None:
    viewer = await logged_in("gis")
    for language, listed in (("zh", "'wanmi'、'geocodejson'"), ("en", "'wanmi' or 'geocodejson'")):
        answer = await viewer.get(
            f"{API}/geocode", params={"q": "a", "format": "xml"}, headers={"Accept-Language": language}
        )
        assert answer.status_code == 422
        assert listed in answer.json()["errors"][0]["reason"]
