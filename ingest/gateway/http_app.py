"""OsmAnd and Traccar clients over HTTP: ``/osmand`` or ``/``, with the device's key and token."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ingest import osmand
from ingest.gateway.door import Door
from ingest.gateway.roll import Known
from ingest.osmand import Report
from tracking.reasons import Reject

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LONGEST_BODY = 262_144
STORED_WITHIN_S = 20.0


class Refused(Exception):
    """Ends a request with a status."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class HttpApp:
    """An ASGI application. A request is answered 200 when the broker has its message."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._take(scope, receive)
            status, words = 200, "OK"
        except Refused as error:
            status, words = error.status, str(error)
        self._door.counted[f"http {status}"] += 1
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": words.encode()})

    async def _take(self, scope: Scope, receive: Receive) -> None:
        if scope["path"] not in ("/", "/osmand", "/osmand/"):
            raise Refused(404, "not here: /osmand")
        if scope["method"] not in ("GET", "POST"):
            raise Refused(405, "GET or POST")
        query = scope["query_string"].decode("latin-1")
        body = (await _body(receive)).decode("utf-8", "replace").strip()
        token = _bearer(scope)
        if body[:1] in ("{", "["):
            token = token or dict(_pairs(query)).get("token", "")
            message = body
        else:
            pairs = _pairs(query) + _pairs(body)
            token = token or dict(pairs).get("token", "")
            message = urlencode([pair for pair in pairs if pair[0] != "token"])
        device = self._device(message, token)
        leaf = "osmand" if device.speed_unit == "kn" else f"osmand_{device.speed_unit}"
        await self._store(f"wanmi/v1/{device.key}/raw/{leaf}", message.encode())

    def _device(self, message: str, token: str) -> Known:
        """The one device that a request is from. Refused without its token."""
        reports = osmand.decode(message)
        named = {report.device for report in reports if isinstance(report, Report)}
        if len(named) != 1:
            refusals = [report.detail for report in reports if isinstance(report, Reject)]
            raise Refused(400, refusals[0] if refusals else "one device a request")
        device = self._door.roll.by_key.get(named.pop())
        if not self._door.roll.token_is_right(device, token) or device is None:
            raise Refused(401, "id and token do not fit")
        return device

    async def _store(self, topic: str, payload: bytes) -> None:
        done = asyncio.Event()
        if self._door.crowded or not self._door.link.publish(topic, payload, done.set):
            raise Refused(503, "busy, try again")
        try:
            async with asyncio.timeout(STORED_WITHIN_S):
                await done.wait()
        except TimeoutError as error:
            raise Refused(503, "the broker is away, try again") from error


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        part = await receive()
        body += part.get("body", b"")
        if len(body) > LONGEST_BODY:
            raise Refused(413, f"at most {LONGEST_BODY} bytes")
        if not part.get("more_body"):
            return bytes(body)


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise Refused(400, str(error)) from error


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].decode("latin-1").strip())
    return ""
