"""What happens to every request before and after its route: id, limits, same-origin rule, headers."""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from command_center import metrics
from command_center.problems import on_unexpected, problem_response
from command_center.requests import SESSION_COOKIE
from gis_core.errors import DomainError, Text

log = structlog.get_logger(__name__)

API = "/api/v1"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_METHODS = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}
SLOW_S = 1.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_drawn = Random()  # noqa: S311 - request ids tell requests apart and guard nothing

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # Element Plus and MapLibre set style attributes
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self' {sockets} blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class TooLarge(DomainError):
    status, slug = 413, "too-large"
    title = Text("内容过大", "Content too large")
    detail = Text("内容超过 {max_bytes} 字节的上限。", "The content exceeds the limit of {max_bytes} bytes.")


class ForeignOrigin(DomainError):
    status, slug = 403, "foreign-origin"
    title = Text("来源不符", "Foreign origin")
    detail = Text("此请求来自其他网站，已拒绝。", "This request came from another site and was refused.")


def same_origin(connection: HTTPConnection, public_origin: str | None) -> bool:
    """Whether a browser's request came from a page of ours; programs, which send no Origin, pass.

    The scheme is not compared: behind a TLS proxy we see http where the browser sees https.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site") not in ("cross-site", "same-site")
    if public_origin is not None and origin == public_origin:
        return True
    return urlsplit(origin).netloc != "" and urlsplit(origin).netloc == connection.headers.get("host")


class RequestContext:
    """Outermost: gives each request an id that stands in its log lines and its answer, measures it,
    adds the security headers, and turns what nobody handled into a problem."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._tls = tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else f"{_drawn.getrandbits(128):032x}"
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(process="web", request_id=request_id)
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._measured(scope, receive, send, request_id)

    async def _measured(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        status = 0
        headers = (*self._headers(scope), (b"x-request-id", request_id.encode("ascii")))

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = list(message.get("headers", ()))
                present = {name.lower() for name, _ in given}
                message["headers"] = given + [pair for pair in headers if pair[0] not in present]
            await send(message)

        began = time.perf_counter()
        metrics.IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if status:  # the answer has begun: all we can do is break it off
                log.exception("failed while answering", path=scope["path"])
                raise
            answer = await on_unexpected(Request(scope, receive), error)
            await answer(scope, receive, send_with_headers)
        finally:
            metrics.IN_FLIGHT.dec()
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, took_s: float) -> None:
        """Counts the request; what changes something, fails or is slow gets a log line too."""
        method, route = scope["method"] if scope["method"] in _METHODS else "?", _route_of(scope)
        metrics.note_request(method, route, status, took_s)
        if method not in _SAFE or status >= 500 or took_s > SLOW_S:
            log.info("request", method=method, path=scope["path"], status=status, took_s=round(took_s, 4))

    def _headers(self, scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
        host = Headers(scope=scope).get("host", "")
        return _security_headers(host[:256], self._tls, scope["path"].startswith("/api/"))


@lru_cache(maxsize=256)
def _security_headers(host: str, tls: bool, api: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Names and values as they go out; the same for every request of a host."""
    known = re.fullmatch(r"[A-Za-z0-9.\-_\[\]:]{1,255}", host) is not None
    sockets = f"ws://{host} wss://{host}" if known else "ws: wss:"
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(sockets=sockets),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if tls:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if api:
        headers["Cache-Control"] = "no-store"
    return tuple((name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers.items())


def _route_of(scope: Scope) -> str:
    """The route's pattern, never the path itself: a label must not grow with what people ask."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str) and path:
        under_api = scope["path"].startswith(API) and not path.startswith(API)
        return API + path if under_api else path
    first = scope["path"].split("/", 2)[1]
    return f"/{first}/…" if first in ("api", "tiles", "ogc", "assets") else "/…"


class Gate:
    """Refuses bodies that are too large, and unsafe requests that another site made a browser send."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, public_origin: str | None) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._public_origin = public_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        by_cookie = SESSION_COOKIE in request.cookies or scope["path"].endswith("/session")
        if by_cookie and not same_origin(request, self._public_origin):
            await problem_response(request, ForeignOrigin())(scope, receive, send)
            return
        limit = self._limit(scope)
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            await problem_response(request, TooLarge(max_bytes=limit))(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)

    def _limit(self, scope: Scope) -> int:
        larger: Mapping[str, int] = getattr(scope["app"].state, "body_limits", {})
        for prefix, limit in larger.items():
            if scope["path"].startswith(prefix):
                return limit
        return self._max_body_bytes


def _counted(receive: Receive, limit: int) -> Receive:
    """For bodies sent in chunks, whose length nobody told beforehand."""
    taken = 0

    async def receive_counted() -> Message:
        nonlocal taken
        message: dict[str, Any] = dict(await receive())
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413)  # FastAPI would turn any other error here into a 400
        return message

    return receive_counted
