"""Judging a login and password: one answer whatever is wrong, and a lock after wrong tries in a row.

The answer and the time it takes are the same for an unknown login, a person without a password, a
disabled or locked one, and a wrong password. Tries that run at the same time are counted one by one
before their result is used, so sending many at once gains nothing over sending them in turn.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_center.metrics import LOGINS
from gis_core.database import load_queries
from gis_core.errors import DomainError, Text
from gis_core.identity import passwords
from gis_core.identity.audit import Actor, Entry, Origin, append_audit
from gis_core.identity.secrets import Keyring
from gis_core.identity.settings import IdentitySettings

SQL = load_queries("command_center.login")
_MOST_WAITING = 400
T = TypeVar("T")


class WrongLogin(DomainError):
    status, slug = 401, "wrong-login"
    title = Text("登录失败", "Login failed")
    detail = Text(
        "登录名或密码不正确。连续输错 {lock_after} 次，该登录名将被锁定一段时间。",
        "The login or the password is wrong. After {lock_after} wrong tries in a row the login is locked"
        " for some minutes.",
    )


class TooManyTries(DomainError):
    status, slug = 429, "too-many-tries"
    title = Text("尝试过于频繁", "Too many tries")
    detail = Text(
        "来自此地址的失败登录过多，请 {retry_after_s} 秒后再试。",
        "Too many failed logins came from this address; try again in {retry_after_s} s.",
    )


class Busy(DomainError):
    status, slug = 503, "busy"
    title = Text("系统繁忙", "Busy")
    detail = Text(
        "同时登录的人太多，请稍后再试。", "Too many people are logging in at once; try again shortly."
    )


class Attempt(NamedTuple):
    login: str
    password: str
    origin: Origin


class Hasher:
    """Runs password hashing beside the event loop, as many at a time as there are threads."""

    def __init__(self, iterations: int, *, threads: int = 2) -> None:
        self._iterations = iterations
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._waiting = 0
        self._nobody = passwords.hash_password("", iterations=iterations)

    async def verify(self, password: str, stored: str | None) -> bool:
        """As ``verify_password``; without a stored hash it takes as long and says no."""
        fits = await self._run(partial(passwords.verify_password, password, stored or self._nobody))
        return fits and stored is not None

    async def hash(self, password: str) -> str:
        return await self._run(partial(passwords.hash_password, password, iterations=self._iterations))

    async def renewed(self, password: str, stored: str) -> str | None:
        """A new hash when the stored one was made with weaker parameters."""
        if not passwords.needs_rehash(stored, iterations=self._iterations):
            return None
        return await self.hash(password)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Judge:
    """Decides on attempts and keeps count of the wrong ones."""

    def __init__(
        self, engine: AsyncEngine, keyring: Keyring, identity: IdentitySettings, hasher: Hasher
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._identity = identity
        self._hasher = hasher

    async def check(self, attempt: Attempt) -> int:
        """The person's id. Raises WrongLogin, TooManyTries or Busy; what happened is then in the audit.

        No connection is held while the password is hashed.
        """
        async with self._engine.begin() as conn:
            await self._check_address(conn, attempt.origin.ip)
            found = (await conn.execute(SQL["person_by_login"], {"login": attempt.login})).mappings().first()
        usable = found is not None and found["state"] == "active" and found["password"] is not None
        stored: str | None = found["password"] if found is not None and usable else None
        fits = await self._hasher.verify(attempt.password, stored)
        renewed = await self._hasher.renewed(attempt.password, stored) if fits and stored else None
        async with self._engine.begin() as conn:
            person_id = await self._decide(conn, attempt, found["id"] if found else None, fits, renewed)
        if person_id is None:
            LOGINS.labels("refused").inc()
            raise WrongLogin(lock_after=self._identity.lock_after)
        LOGINS.labels("accepted").inc()
        return person_id

    async def _check_address(self, conn: AsyncConnection, ip: str | None) -> None:
        window_s = self._identity.ip_window_s
        failures = await conn.scalar(SQL["failures_from_ip"], {"window_s": window_s, "ip": ip})
        if (failures or 0) >= self._identity.ip_failures:
            LOGINS.labels("turned away").inc()
            raise TooManyTries(retry_after_s=window_s)

    async def _decide(
        self, conn: AsyncConnection, attempt: Attempt, person_id: int | None, fits: bool, renewed: str | None
    ) -> int | None:
        person: Any = None
        if person_id is not None:
            person = (await conn.execute(SQL["lock_person"], {"id": person_id})).mappings().one_or_none()
        if fits and person is not None and not person["locked"]:
            await conn.execute(SQL["note_success"], {"id": person_id, "renewed": renewed})
            return person_id
        lock_s = 0
        if person is not None and not person["locked"]:
            lock_s = self._lock_s(person["failed_logins"] + 1)
            await conn.execute(SQL["note_failure"], {"id": person_id, "lock_s": lock_s})
        actor = Actor(person_id, attempt.login)
        detail = {"locked": bool(person is not None and person["locked"])}
        refused = Entry(actor, "session.refused", "person", _text(person_id), detail, attempt.origin)
        await append_audit(conn, self._keyring, refused)
        if lock_s:
            locked = Entry(
                actor, "person.locked", "person", _text(person_id), {"lock_s": lock_s}, attempt.origin
            )
            await append_audit(conn, self._keyring, locked)
        return None

    def _lock_s(self, failures: int) -> int:
        """Seconds to lock after so many wrong tries in a row; 0 while it is not yet time."""
        over = failures - self._identity.lock_after
        if over < 0:
            return 0
        return min(self._identity.lock_first_s << min(over, 20), self._identity.lock_longest_s)


def _text(person_id: int | None) -> str | None:
    return None if person_id is None else str(person_id)
