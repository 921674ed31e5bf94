"""The gazetteer of a running process, kept up with the database."""

import gc
import threading
import time
from typing import Any

import psycopg
import structlog

from geocoding.areas import Areas
from geocoding.calibration import Calibration
from geocoding.callers import Callers, load_callers
from geocoding.index.gazetteer import Gazetteer
from geocoding.reverse import ReverseIndex
from geocoding.store import (
    calibration_outdated,
    changed_bases,
    load_calibration,
    load_gazetteer,
    load_uses,
    renew_calibration,
    sql,
    take_up,
)
from geocoding.suggest import SuggestIndex
from gis_core.errors import DomainError, Text

log = structlog.get_logger(__name__)

MOST_LAID_OVER = 20_000
"""Changed bases beyond which the index is built anew."""
LOADED_AT_ONCE = 20_000
"""A gazetteer with fewer entries is read anew in a fraction of a second."""
POLL_S = 5.0
RETRY_S = 2.0
NAMED_LAYERS = frozenset(("road", "facility", "land_cover"))
"""Layers of the city whose names and lines are in the index; the areas are too."""
STAMPED_LAYERS = frozenset(("unit_grid", "responsibility_grid", "zone"))
"""Layers that an answer's point is looked up in."""
REST = 10.0
"""After the layers were read anew they are left alone for so many times as long: an editor saves every few
seconds."""
USED = "used"
"""News that a suggestion was chosen: ``used:长安路``."""


class GazetteerNotReady(DomainError):
    status, slug = 503, "gazetteer-not-ready"
    title = Text("地址库正在加载", "The gazetteer is loading")
    detail = Text(
        "地址库正在加载，请几秒后再试。", "The gazetteer is being read; try again in a few seconds."
    )


class State:
    """All that answers need, replaced as a whole."""

    def __init__(
        self, gazetteer: Gazetteer, calibration: Calibration, areas: Areas, uses: dict[str, int],
        callers: Callers,
    ) -> None:  # fmt: skip
        self.gazetteer = gazetteer
        self.calibration = calibration
        self.areas = areas
        self.callers = callers
        self.reverse = ReverseIndex(gazetteer)
        self.suggest = SuggestIndex(gazetteer, uses)


class Keeper:
    """Loads the gazetteer in a thread and follows the news of its channel.

    Small changes are laid over the index (findable well within a second of their commit); removals and
    changes of the city's areas or roads load it anew, while the old one goes on answering.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._state: State | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gazetteer", daemon=True)
        self._since_xid = 0
        self._layers_changed = False
        self._rested_at = 0.0
        self._last: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    @property
    def state(self) -> State:
        """Raises GazetteerNotReady until the first load is over."""
        state = self._state
        if state is None:
            raise GazetteerNotReady
        return state

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(
                    self._url, autocommit=True, application_name="wanmi gazetteer"
                ) as connection:
                    self._follow(connection)
            except psycopg.Error as error:
                log.warning("gazetteer connection lost", error=str(error))
                self._stop.wait(RETRY_S)
            except Exception:
                # What was read last goes on answering; one thing that cannot be read must not end the rest.
                log.exception("gazetteer not read")
                self._stop.wait(RETRY_S)

    def _follow(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("LISTEN wanmi_gazetteer")
        connection.execute("LISTEN wanmi_city")
        self._load(connection)
        poll_at = 0.0
        while not self._stop.is_set():
            notes = connection.notifies(timeout=0.5, stop_after=1)
            heard = {what for note in notes for what in note.payload.split(",")}
            changed = bool(NAMED_LAYERS & heard) or any(what.startswith("area") for what in heard)
            self._layers_changed = self._layers_changed or changed
            rested = time.monotonic() >= self._rested_at
            if "reload" in heard or (self._layers_changed and rested):
                self._load(connection)
            elif self._state is not None:
                self._heed(connection, self._state, heard)
            if heard or time.monotonic() >= poll_at:
                self._take_up(connection)
                poll_at = time.monotonic() + POLL_S

    def _heed(self, connection: psycopg.Connection[Any], state: State, heard: set[str]) -> None:
        """Take up what changes nothing in the index."""
        if STAMPED_LAYERS & heard:
            state.areas = Areas(connection)
        if "calibrated" in heard:
            state.calibration = load_calibration(connection)
        if "callers" in heard:
            state.callers = load_callers(connection)
        for what in heard:
            kind, _, base = what.partition(":")
            if kind == USED:
                state.suggest.used(base)

    def _load(self, connection: psycopg.Connection[Any]) -> None:
        started = time.monotonic()
        row = connection.execute(sql("horizon")).fetchone()
        self._since_xid = int(row[0]) if row else 0
        gazetteer = load_gazetteer(connection)
        self._state = State(
            gazetteer, load_calibration(connection), Areas(connection), load_uses(connection),
            load_callers(connection),
        )  # fmt: skip
        # A million entries are millions of objects that never go: spare every later collection the walk.
        gc.collect()
        gc.freeze()
        took_s = time.monotonic() - started
        self._layers_changed, self._rested_at = False, time.monotonic() + REST * took_s
        log.info("gazetteer loaded", entries=gazetteer.size, seconds=round(took_s, 2))
        if calibration_outdated(connection):
            # After an upgrade of the engine; until it is done the priors judge.
            self._state.calibration = renew_calibration(connection, gazetteer)
            log.info("gazetteer calibrated anew", seconds=round(time.monotonic() - started, 2))

    def _take_up(self, connection: psycopg.Connection[Any]) -> None:
        state = self._state
        if state is None:
            return
        bases, horizon = changed_bases(connection, self._since_xid)
        if bases == self._last and horizon == self._since_xid:
            return
        small = state.gazetteer.size < LOADED_AT_ONCE
        if bases and (small or len(bases) + len(state.gazetteer.overlay) > MOST_LAID_OVER):
            self._load(connection)
            return
        if bases:
            take_up(connection, state.gazetteer, bases)
            state.suggest.add(bases)
        self._since_xid, self._last = horizon, bases
