"""Database and broker of a measurement's own, with the settings of a real installation."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks import scene
from command_center.assembly import PACKAGES
from command_center.processes import machine
from command_center.processes.broker import Broker
from command_center.processes.postgres import Cluster
from gis_core.migrate import migrate


class Servers(NamedTuple):
    cluster: Cluster
    broker: Broker
    folder: Path
    database_url: str


def new_servers(folder: Path) -> Servers:
    """Configured, not started; every sync to disk is on."""
    cluster = Cluster(
        folder=folder / "pg",
        port=machine.free_port(),
        superuser_password=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
        log=folder / "pg.log",
    )
    return Servers(cluster, new_broker(folder), folder, cluster.url())


def new_broker(folder: Path) -> Broker:
    """A broker whose store is in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    return Broker(
        folder=folder / "broker",
        mqtt_port=machine.free_port(),
        nats_port=machine.free_port(),
        monitor_port=machine.free_port(),
        service_passwords={"ingest": secrets.token_hex(16), "simulator": secrets.token_hex(16)},
        log=folder / "broker.log",
    )


@contextmanager
def scratch_folder(parent: Path | None) -> Iterator[Path]:
    """A folder that the account of PostgreSQL can reach, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="wanmi-bench-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prepare_database(servers: Servers, *, devices: int, side: int = 50) -> list[str]:
    """Schema, grids and devices; the devices' keys."""
    servers.cluster.ensure_database()
    migrate(servers.database_url, PACKAGES)
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        scene.make_city(connection, side=side)
        return scene.make_devices(connection, devices)
