"""The simulator process."""

import signal
import threading
import time

import psycopg
import structlog

from gis_core.settings import BrokerSettings, DatabaseSettings
from ingest.simulator.fleet import Fleet
from ingest.simulator.publisher import Publisher
from ingest.simulator.settings import SimulatorSettings
from ingest.simulator.world import Turns, World, read_turns, read_world

_RETRY_S = 5.0
_SAY_EVERY_S = 300.0

_log = structlog.get_logger(__name__)


def run() -> None:
    """Drive the demo units until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    simulate(DatabaseSettings().database_url, SimulatorSettings(), stop)


def simulate(database_url: str, settings: SimulatorSettings, stop: threading.Event) -> None:
    """As ``run``, until ``stop`` is set. Waits for database and demo city when they are not there."""
    found = _wait_for_world(database_url, stop)
    if found is None:
        return
    world, turns = found
    publisher = Publisher(settings.mqtt_url or BrokerSettings().mqtt_url, max_queued=settings.max_queued)
    fleet = Fleet(world, turns, settings, time.time())
    _log.info(
        "started", units=len(fleet.devices), on_duty=int(fleet.on_duty.sum()), streets=len(world.streets.kerb)
    )
    publisher.start()
    refreshed = said = time.monotonic()
    try:
        while not stop.wait(settings.tick_s - time.time() % settings.tick_s):
            for message in fleet.step(time.time()):
                publisher.send(message)
            now = time.monotonic()
            if now - refreshed > settings.refresh_s:
                refreshed = now
                fleet.turns = _refreshed(database_url, fleet.turns)
            if now - said > _SAY_EVERY_S:
                said = now
                _log.info(
                    "driving", sent=publisher.sent, dropped=publisher.dropped, away=fleet.walkers.away()
                )
    finally:
        publisher.stop()


def _wait_for_world(database_url: str, stop: threading.Event) -> tuple[World, Turns] | None:
    while not stop.is_set():
        try:
            return read_world(database_url)
        except (psycopg.Error, LookupError) as error:
            _log.warning("waiting", reason=str(error).strip())
            stop.wait(_RETRY_S)
    return None


def _refreshed(database_url: str, known: Turns) -> Turns:
    """Today's rosters; the known ones while the database is away."""
    try:
        with psycopg.connect(database_url, application_name="wanmi simulate") as connection:
            return read_turns(connection)
    except psycopg.Error as error:
        _log.warning("rosters_not_read", reason=str(error).strip())
        return known
