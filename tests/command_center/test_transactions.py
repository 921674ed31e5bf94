"""A request is one transaction, and its answer leaves only after COMMIT."""

import asyncio

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.problems import Unavailable
from command_center.requests import Conn
from gis_core.identity.requests import get_conn
from tests.command_center.routes import all_routes


async def deferred_table(conn: AsyncConnection) -> None:
    await conn.execute(text("CREATE TABLE slot (n int, UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)"))
    await conn.execute(text("INSERT INTO slot VALUES (1)"))


async def test_what_fails_at_commit_is_never_answered_201(app: FastAPI, client: httpx.AsyncClient) -> None:
    async def take_slot(conn: Conn) -> dict[str, str]:
        await conn.execute(text("INSERT INTO slot VALUES (1)"))  # refused by COMMIT, not here
        return {"slot": "yours"}

    app.router.routes.insert(0, APIRoute("/api/v1/slot", take_slot, methods=["POST"], status_code=201))
    async with app.state.engine.begin() as conn:
        await deferred_table(conn)
    answer = await client.post("/api/v1/slot")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert "yours" not in answer.text
    assert "slot_n_key" not in answer.text


async def test_answer_waits_for_a_slow_commit(app: FastAPI, client: httpx.AsyncClient) -> None:
    """Whoever has the answer sees the row, even when COMMIT takes its time."""

    async def add(conn: Conn) -> None:
        await conn.execute(text("INSERT INTO note VALUES (1)"))

    app.router.routes.insert(0, APIRoute("/api/v1/note", add, methods=["POST"], status_code=201))
    async with app.state.engine.begin() as conn:
        await conn.execute(text("CREATE TABLE note (n int)"))
        await conn.execute(
            text(
                "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$"
            )
        )
        await conn.execute(
            text(
                "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION slowly()"
            )
        )
    answer = asyncio.create_task(client.post("/api/v1/note"))
    await asyncio.sleep(0.15)
    assert not answer.done()
    assert (await answer).status_code == 201
    async with app.state.engine.connect() as conn:
        assert await conn.scalar(text("SELECT count(*) FROM note")) == 1


async def test_an_error_takes_everything_back(app: FastAPI, client: httpx.AsyncClient) -> None:
    async def half(conn: Conn) -> None:
        await conn.execute(text("INSERT INTO role VALUES ('half', 'h', 'h', '{}')"))
        raise Unavailable

    app.router.routes.insert(0, APIRoute("/api/v1/half", half, methods=["POST"]))
    assert (await client.post("/api/v1/half")).status_code == 503
    async with app.state.engine.connect() as conn:
        assert await conn.scalar(text("SELECT count(*) FROM role WHERE key = 'half'")) == 0


async def test_every_route_ends_its_transaction_before_the_answer(app: FastAPI) -> None:
    """FastAPI's default scope would send the answer first: no route may use it for a connection."""
    found = 0
    for route in all_routes(app):
        for dependant in route.dependencies():
            if dependant.call is get_conn:
                found += 1
                assert dependant.scope == "function", f"{route.path}: write conn: Conn"
    assert found > 20
