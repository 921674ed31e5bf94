"""The hub: one a web process. It reads what changed once, and tells every client what concerns it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.live.city_state import CityState
from command_center.live.clients import Client, Clients
from command_center.live.viewport import Viewport
from gis_core.database import create_engine
from gis_core.settings import DatabaseSettings

log = structlog.get_logger(__name__)

TICK_S = 1.0
HINT_REST_S = 0.1
"""Shortest time between two looks for alerts, however many hints come."""
COUNTS_EVERY_TICKS = 2
DIRECTORY_EVERY_TICKS = 30
LONGEST_WAIT_S = 5.0
"""Between tries to reach a database that is away."""

START_WAIT_S = 3.0

CHANNELS = ("wanmi_live", "wanmi_city", "wanmi_directory", "wanmi_session")

DATABASE_AWAY = (psycopg.Error, SQLAlchemyError, OSError)


class Hub:
    """Holds the state of the city and its clients, in one task on the event loop.

    Every second: changed states are read and frames delivered. Notifications are hints that shorten
    the wait for alerts, city data and rights; nothing depends on them. While the database is away
    clients hear nothing, and afterwards everything is read anew.
    """

    def __init__(
        self,
        database: DatabaseSettings,
        layer_versions: Callable[[], Awaitable[dict[str, str]]],
        on_session_news: Callable[[], None],
    ) -> None:
        """``layer_versions`` answers the version of each layer's data as it is now;
        ``on_session_news`` is called when sessions or rights changed, or may have unheard."""
        self._database = database
        self._engine = create_engine(database, application_name="wanmi hub").execution_options(
            isolation_level="AUTOCOMMIT"
        )
        self._layer_versions = layer_versions
        self._on_session_news = on_session_news
        self._known_versions: dict[str, str] = {}
        self._state = CityState()
        self._clients = Clients()
        self._seq = 0
        self._ready = False
        self._began = asyncio.Event()
        self._hints: set[str] = set()
        self._hinted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def ready(self) -> bool:
        """Whether the state of the city is known and fresh."""
        return self._ready

    @property
    def fixes_per_s(self) -> float:
        return self._state.fixes_per_s

    @property
    def client_count(self) -> int:
        return len(self._clients.all)

    async def start(self) -> None:
        """Begin; waits a moment for the first state, but not for a database that is away."""
        self._tasks = [
            asyncio.create_task(self._keep_up(self._follow), name="hub"),
            asyncio.create_task(self._keep_up(self._listen), name="hub-listen"),
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_WAIT_S):
                await self._began.wait()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._engine.dispose()

    @contextlib.contextmanager
    def joined(self, client: Client) -> Iterator[None]:
        """While inside, the client gets its welcome and all news; in one step, so none is missed."""
        self._clients.welcome(client, self._state.alert_seq, self._state.open_alerts.values())
        self._clients.all.add(client)
        try:
            yield
        finally:
            self._clients.all.discard(client)

    def look(self, client: Client, view: Viewport) -> None:
        client.view = view
        self.refill(client)

    def refill(self, client: Client) -> None:
        """A full frame now; for a new viewport or new rights."""
        self._clients.deliver_full(client, self._state.table, self._seq, asyncio.get_running_loop().time())

    def resume(self, client: Client, after: int) -> None:
        self._clients.resume(client, after, self._state.alert_seq)

    async def _keep_up(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` for ever; when the database fails, again after a growing wait."""
        wait = 0.25
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await work()
            except DATABASE_AWAY as error:
                log.warning("hub_lost_database", work=work.__name__, error=str(error).splitlines()[0])
            except Exception:
                log.exception("hub_failed", work=work.__name__)
            if asyncio.get_running_loop().time() - began > 30:
                wait = 0.25
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT_S, wait * 2)

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self._database.database_url, autocommit=True, application_name="wanmi hub listen"
        ) as conn:
            for channel in CHANNELS:
                await conn.execute(f"LISTEN {channel}")
            self._hint("wanmi_city")
            self._recheck("")
            while True:
                async for note in conn.notifies(timeout=30):
                    if note.channel == "wanmi_session":
                        self._recheck(note.payload)
                    else:
                        self._hint(note.channel)
                await conn.execute("SELECT 1")  # finds out a connection that died silently

    def _hint(self, channel: str) -> None:
        self._hints.add(channel)
        self._hinted.set()

    def _recheck(self, person_id: str) -> None:
        """Sessions or rights of a person (empty: of anybody) changed."""
        self._on_session_news()
        for client in self._clients.all:
            if person_id in ("", str(client.person_id)):
                client.recheck.set()

    async def _follow(self) -> None:
        try:
            async with self._engine.connect() as conn:
                await self._state.read_all(conn)
                self._begin_anew()
                await self._tick_for_ever(conn)
        finally:
            self._ready = False

    def _begin_anew(self) -> None:
        """What happened before this moment was not told: those who are here reload."""
        self._clients.begin_history(self._state.alert_seq)
        self._clients.tell_all("reset")
        for client in self._clients.all:
            client.full_at = 0.0
        self._ready = True
        self._began.set()
        log.info("hub_follows", units=len(self._state.table.id), alert_seq=self._state.alert_seq)

    async def _tick_for_ever(self, conn: AsyncConnection) -> None:
        loop = asyncio.get_running_loop()
        next_tick, ticks = loop.time(), 0
        while True:
            if loop.time() >= next_tick:
                await self._tick(conn, ticks)
                ticks += 1
                next_tick = max(next_tick + TICK_S, loop.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_tick):
                    await self._hinted.wait()
            if self._hinted.is_set():
                await self._take_hints(conn)
                await asyncio.sleep(HINT_REST_S)

    async def _tick(self, conn: AsyncConnection, ticks: int) -> None:
        await self._tell_alerts(conn)
        if ticks % DIRECTORY_EVERY_TICKS == DIRECTORY_EVERY_TICKS - 1:
            await self._read_directory(conn)
        step = await self._state.step(conn)
        self._seq += 1
        self._clients.deliver_frames(self._state.table, step, self._seq, asyncio.get_running_loop().time())
        if ticks % COUNTS_EVERY_TICKS == 0:
            await self._state.read_figures(conn)
            self._clients.tell_counts(self._state.count)

    async def _take_hints(self, conn: AsyncConnection) -> None:
        self._hinted.clear()
        hints, self._hints = self._hints, set()
        if "wanmi_city" in hints:
            await self._tell_layers()
        if "wanmi_directory" in hints:
            await self._read_directory(conn)
        if "wanmi_live" in hints:
            await self._tell_alerts(conn)

    async def _tell_alerts(self, conn: AsyncConnection) -> None:
        for event, placed in await self._state.read_events(conn):
            self._clients.deliver_alert(event.seq, event.event, placed)

    async def _tell_layers(self) -> None:
        versions = await self._layer_versions()
        changed = dict(versions.items() - self._known_versions.items())
        if changed and self._known_versions:
            for client in self._clients.all:
                client.outbox.put_layers(changed)
        self._known_versions = versions

    async def _read_directory(self, conn: AsyncConnection) -> None:
        if await self._state.read_directory(conn):
            self._clients.tell_all("units_changed")
            for client in self._clients.all:
                client.full_at = 0.0  # rows were renumbered: deltas start from a full frame
