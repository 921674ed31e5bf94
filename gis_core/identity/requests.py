"""What every HTTP route needs: the request's transaction, the principal, and the audit trail.

Any package's ``routes.py`` may use these. The application that mounts the routes puts ``engine``,
``keyring`` and ``identity`` (IdentitySettings) on ``app.state``.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import HTTPConnection

from gis_core.database import load_queries
from gis_core.errors import NotLoggedIn
from gis_core.identity.audit import Actor, Entry, Origin, append_audit
from gis_core.identity.principal import Principal, build_principal
from gis_core.identity.secrets import Keyring, token_hash
from gis_core.identity.settings import IdentitySettings

SESSION_COOKIE = "wanmi_session"
_SQL = load_queries("gis_core.identity")


async def get_conn(request: Request) -> AsyncIterator[AsyncConnection]:
    """One transaction for the request; the only place that commits."""
    async with request.app.state.engine.begin() as conn:
        yield conn


Conn = Annotated[AsyncConnection, Depends(get_conn, scope="function")]
"""The request's connection. Function scope: COMMIT is over before the answer leaves."""


def bearer_token(connection: HTTPConnection) -> str | None:
    """The token of an ``Authorization: Bearer`` header; None when there is no such header."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def find_principal(connection: HTTPConnection, conn: AsyncConnection) -> Principal:
    """Whoever the bearer token or the session cookie stands for. Raises NotLoggedIn.

    A bearer token that is not valid is not replaced by a cookie that is.
    """
    identity: IdentitySettings = connection.app.state.identity
    bearer = bearer_token(connection)
    token = bearer if bearer is not None else connection.cookies.get(SESSION_COOKIE)
    if not token:
        raise NotLoggedIn
    return await principal_of_token(conn, token, identity, program=bearer is not None)


async def principal_of_token(
    conn: AsyncConnection, token: str, identity: IdentitySettings, *, program: bool
) -> Principal:
    """Whoever a session's token (a bearer token with ``program``) stands for. Raises NotLoggedIn."""
    hashed = token_hash(token)
    parameters = {"token_hash": hashed, "bearer": program, "idle_s": identity.idle_s}
    rows = (await conn.execute(_SQL["principal"], parameters)).mappings().all()
    if not rows:
        raise NotLoggedIn
    if rows[0]["stale"]:
        await conn.execute(_SQL["api_token_used" if program else "session_seen"], {"token_hash": hashed})
    return build_principal([dict(row) for row in rows], program=program)


async def authenticate(connection: HTTPConnection) -> Principal:
    """As ``find_principal`` with a connection that is let go at once: for websockets and tiles.

    Raises NotLoggedIn.
    """
    async with connection.app.state.engine.begin() as conn:
        return await find_principal(connection, conn)


async def current_principal(request: Request, conn: Conn) -> Principal:
    return await find_principal(request, conn)


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


class Requires:
    """Dependency that lets only holders of ``permission`` pass."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self, principal: CurrentPrincipal) -> Principal:
        principal.require(self.permission)
        return principal


def requires(permission: str) -> Any:
    """For ``principal: Annotated[Principal, requires("units.view")]`` or a route's ``dependencies``."""
    return Depends(Requires(permission))


def client_ip(connection: HTTPConnection) -> str | None:
    """Address of the peer; forwarded headers count only where the server was told to trust them."""
    return connection.client.host if connection.client and connection.client.host[:1].isalnum() else None


def origin_of(connection: HTTPConnection) -> Origin:
    return Origin(getattr(connection.state, "request_id", None), client_ip(connection))


class AuditTrail:
    """Writes entries of this request's principal in this request's transaction.

    Call it after all other statements of the route: later writers wait for our COMMIT.
    """

    def __init__(self, conn: AsyncConnection, keyring: Keyring, principal: Principal, origin: Origin) -> None:
        self._conn = conn
        self._keyring = keyring
        self._actor = Actor(principal.person_id, principal.login)
        self._origin = origin

    async def __call__(
        self,
        action: str,
        object_kind: str | None = None,
        object_id: object = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """``action`` as ``alert.close``; ``detail`` must hold no secret and no plain personal data."""
        named = None if object_id is None else str(object_id)
        entry = Entry(self._actor, action, object_kind, named, detail, self._origin)
        await append_audit(self._conn, self._keyring, entry)


async def get_audit(request: Request, conn: Conn, principal: CurrentPrincipal) -> AuditTrail:
    return AuditTrail(conn, request.app.state.keyring, principal, origin_of(request))


Audit = Annotated[AuditTrail, Depends(get_audit)]


def language_of(connection: HTTPConnection) -> str:
    """``zh`` or ``en``: the better liked of the two in Accept-Language, Chinese when neither is named."""
    best, weight = "zh", 0.0
    for part in connection.headers.get("accept-language", "")[:256].split(","):
        tag, _, quality = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        try:
            value = float(quality.partition("=")[2]) if "=" in quality else 1.0
        except ValueError:
            continue
        if primary in ("zh", "en") and value > weight:
            best, weight = primary, value
    return best
