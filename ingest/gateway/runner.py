"""The gateway process."""

import asyncio
import json
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
import uvicorn
from psycopg import AsyncConnection

from gis_core.identity.secrets import Keyring
from gis_core.settings import BrokerSettings, DatabaseSettings, StorageSettings
from ingest.gateway.commands import QUERIES, Commands
from ingest.gateway.door import Door
from ingest.gateway.figures import Figures
from ingest.gateway.http_app import HttpApp
from ingest.gateway.jt808_server import Jt808Server
from ingest.gateway.link import BrokerLink
from ingest.gateway.nmea_server import NmeaServer
from ingest.gateway.roll import Known, Roll
from ingest.gateway.settings import GatewaySettings

SWEEP_S = 5.0
DATABASE_AWAY_S = 2.0
LISTEN = ("LISTEN wanmi_directory", "LISTEN wanmi_command")

_log = structlog.get_logger(__name__)


class HttpServer(uvicorn.Server):
    """Leaves the signals to the process it is a part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Gateway:
    """The servers, the broker and the database, put together."""

    def __init__(self, settings: GatewaySettings, database_url: str, mqtt_url: str, keyring: Keyring) -> None:
        self._settings = settings
        self._database_url = database_url
        self._keyring = keyring
        client = f"wanmi-gateway-{secrets.token_hex(4)}"
        link = BrokerLink(mqtt_url, client, ["wanmi/v1/+/command/ack"], self._heard)
        self.door = Door(settings, Roll(keyring), link)
        self.commands = Commands(self.door)
        self.figures = Figures(self.door)
        self.jt808 = Jt808Server(self.door)
        self.nmea = NmeaServer(self.door)
        self._roll_read = asyncio.Event()
        self.ready = asyncio.Event()
        """Set when devices are known and all ports listen."""
        self.ports: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set."""
        self.door.link.start()
        http = HttpServer(
            uvicorn.Config(
                HttpApp(self.door),
                host=self._settings.host,
                port=self._settings.http_port,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                limit_concurrency=self._settings.connections,
                timeout_keep_alive=30,
            )
        )
        tasks = [asyncio.create_task(job) for job in (self._follow_database(), self._sweep(), http.serve())]
        try:
            await self._listen(http)
            await stop.wait()
        finally:
            await self.jt808.stop()
            await self.nmea.stop()
            http.should_exit = True
            await self.door.link.stop()
            for task in tasks[:2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            _log.info("gateway_stopped", counted=dict(self.door.counted))

    def _heard(self, topic: str, payload: bytes) -> None:
        self.commands.heard(topic, payload)

    async def _listen(self, http: uvicorn.Server) -> None:
        await self._roll_read.wait()
        self.ports = {"jt808": await self.jt808.start(), "nmea": await self.nmea.start()}
        while not http.started:
            await asyncio.sleep(0.02)
        self.ports["http"] = int(http.servers[0].sockets[0].getsockname()[1])
        if self._settings.data_dir is not None:
            file = self._settings.data_dir / "run" / "gateway.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"host": self._settings.host, **self.ports}))
        _log.info("gateway_listening", host=self._settings.host, **self.ports)
        self.ready.set()

    async def _follow_database(self) -> None:
        """Devices and commands, read when they change and every so often; through any loss of it."""
        while True:
            try:
                async with await AsyncConnection.connect(
                    self._database_url, autocommit=True, application_name="wanmi gateway"
                ) as connection:
                    for listen in LISTEN:
                        await connection.execute(listen)
                    _log.info("database_connected")
                    await self._follow(connection)
            except psycopg.OperationalError as error:
                _log.warning("database_away", error=str(error).strip())
                await asyncio.sleep(DATABASE_AWAY_S)

    async def _follow(self, connection: AsyncConnection[Any]) -> None:
        loop = asyncio.get_running_loop()
        due = 0.0
        while True:
            if loop.time() >= due:
                rows = await (await connection.execute(QUERIES["gateway_devices"])).fetchall()
                self.door.roll = Roll.of(self._keyring, (Known(*row) for row in rows))
                self._roll_read.set()
                due = loop.time() + self._settings.directory_every_s
            await self.commands.work(connection)
            async for notice in connection.notifies(timeout=self._settings.command_every_s, stop_after=1):
                if notice.channel == "wanmi_directory":
                    due = 0.0

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.jt808.sweep()
            self.nmea.sweep()
            if self._settings.data_dir is not None:
                try:
                    self.figures.write(self._settings.data_dir / "metrics" / "gateway.prom")
                except OSError as error:
                    _log.warning("figures_not_written", error=str(error))


async def serve(settings: GatewaySettings) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = Gateway(
        settings,
        DatabaseSettings().database_url,
        BrokerSettings().mqtt_url,
        Keyring(StorageSettings().secret_key),
    )
    await gateway.run(stop)


def run() -> None:
    """``serve gateway``, with settings from the environment."""
    import uvloop

    uvloop.run(serve(GatewaySettings()))
