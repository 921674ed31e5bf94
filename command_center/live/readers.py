"""Principals known for a moment, for answers that come by the dozen."""

import asyncio
import time
from collections import OrderedDict

from starlette.requests import HTTPConnection

from command_center.requests import SESSION_COOKIE, authenticate
from gis_core.identity.principal import Principal

TRUSTED_S = 5.0
MOST = 4096


class KnownReaders:
    """Spares a map that asks for thirty tiles at once thirty looks at its session.

    A principal is trusted for five seconds, and no longer than until news of any session or grant.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str | None, str | None], tuple[float, asyncio.Task[Principal]]] = (
            OrderedDict()
        )

    def forget(self) -> None:
        self._known.clear()

    async def principal(self, connection: HTTPConnection) -> Principal:
        """As ``authenticate``; raises NotLoggedIn, which is never remembered."""
        key = (connection.headers.get("authorization"), connection.cookies.get(SESSION_COOKIE))
        now = time.monotonic()
        kept = self._known.get(key)
        if kept is None or now - kept[0] > TRUSTED_S:
            kept = self._known[key] = (now, asyncio.create_task(authenticate(connection)))
            self._known.move_to_end(key)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        try:
            return await asyncio.shield(kept[1])
        except BaseException:
            if self._known.get(key) is kept and kept[1].done():
                del self._known[key]
            raise
