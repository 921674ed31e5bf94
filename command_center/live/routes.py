"""``/ws/live``: positions, alerts and figures as they happen (docs/protocols/live.md)."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from sqlalchemy.exc import SQLAlchemyError

from command_center.live.clients import Client
from command_center.live.hub import Hub
from command_center.live.outbox import encode
from command_center.live.viewport import Reach, Viewport
from command_center.middleware import same_origin
from command_center.requests import authenticate
from gis_core.errors import NotLoggedIn
from gis_core.identity.principal import Principal

log = structlog.get_logger(__name__)

router = APIRouter()

RECHECK_S = 60.0
"""Session and rights are looked at this often, and at once when news of them comes."""
SEND_S = 20.0
"""A client that takes longer to take one message is given up."""

NORMAL, POLICY, TRY_LATER, NOT_LOGGED_IN, NOT_ALLOWED = 1000, 1008, 1013, 4401, 4403


class View(msgspec.Struct, tag_field="type", tag="view"):
    bbox: tuple[float, float, float, float]
    zoom: float = 12.0


class Resume(msgspec.Struct, tag_field="type", tag="resume"):
    alert_seq: Annotated[int, msgspec.Meta(ge=0)]


class Ping(msgspec.Struct, tag_field="type", tag="ping"):
    pass


REQUEST = msgspec.json.Decoder(View | Resume | Ping)


class Leave(Exception):
    """Ends a connection with a close code."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


@router.websocket("/ws/live")
async def live(socket: WebSocket) -> None:
    """Closed with 4401 without login, 4403 without ``units.view``, 1013 when the server is not ready or
    the client is too slow, 1008 for messages that are none of the protocol."""
    await socket.accept()  # a close code reaches a browser only on an open socket
    hub: Hub = socket.app.state.live_hub
    try:
        if not same_origin(socket, socket.app.state.web.public_origin):
            raise Leave(POLICY, "foreign origin")
        principal = await _principal(socket)
        if not hub.ready:
            raise Leave(TRY_LATER, "not ready")
        client = Client(principal.person_id, *_reaches(principal))
        with hub.joined(client):
            await _first_of(
                _receive(socket, hub, client), _send(socket, client), _recheck(socket, hub, client)
            )
    except Leave as leave:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(2):
                await socket.close(leave.code, leave.reason)
    except WebSocketDisconnect:
        log.debug("live_client_left")


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run side by side until one ends or fails; then end the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _principal(socket: WebSocket) -> Principal:
    try:
        principal = await authenticate(socket)
    except NotLoggedIn:
        raise Leave(NOT_LOGGED_IN, "not logged in") from None
    if not principal.may("units.view"):
        raise Leave(NOT_ALLOWED, "not allowed: units.view")
    return principal


def _reaches(principal: Principal) -> tuple[Reach, Reach]:
    return (
        Reach.of(principal.scope_parameters("units.view")),
        Reach.of(principal.scope_parameters("alerts.view")),
    )


async def _receive(socket: WebSocket, hub: Hub, client: Client) -> None:
    while True:
        try:
            request = REQUEST.decode(await socket.receive_text())
            if isinstance(request, View):
                hub.look(client, Viewport.around(*request.bbox, request.zoom))
            elif isinstance(request, Resume):
                hub.resume(client, request.alert_seq)
            elif hub.ready:  # unanswered, a client knows that what it shows is old
                client.outbox.put_reply(encode({"type": "pong"}))
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            raise Leave(POLICY, f"message not understood: {error}"[:120]) from None


async def _send(socket: WebSocket, client: Client) -> None:
    while True:
        batch = await client.outbox.drain()
        try:
            for message in batch:
                async with asyncio.timeout(SEND_S):
                    if isinstance(message, str):
                        await socket.send_text(message)
                    else:
                        await socket.send_bytes(message)
            if client.outbox.overflowed:
                async with asyncio.timeout(SEND_S):
                    await socket.send_text(encode({"type": "reset"}))
                raise Leave(TRY_LATER, "too slow")
        except TimeoutError:
            raise Leave(TRY_LATER, "too slow") from None
        except RuntimeError:  # Starlette's word for a socket that closed while we were sending
            return


async def _recheck(socket: WebSocket, hub: Hub, client: Client) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RECHECK_S):
                await client.recheck.wait()
        client.recheck.clear()
        try:
            reaches = _reaches(await _principal(socket))
        except (SQLAlchemyError, OSError) as error:
            log.warning("live_recheck_failed", error=str(error))
            continue
        if reaches != (client.units, client.alerts):
            client.units, client.alerts = reaches
            hub.refill(client)
            client.outbox.put_latest("reset", encode({"type": "reset"}))
