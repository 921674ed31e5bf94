"""What all tests share: a real PostgreSQL with PostGIS and a real broker, private to the session."""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import cast
from uuid import uuid4

import psutil
import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from command_center.assembly import PACKAGES
from command_center.processes import machine
from command_center.processes.broker import Broker
from command_center.processes.postgres import Cluster
from gis_core.database import create_engine
from gis_core.migrate import migrate
from gis_core.settings import DatabaseSettings
from tests.mosquitto import Mosquitto


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pages come last: Playwright's loop goes on running, and asyncio starts no second one beside it.

    With several processes each file stays in one of them; the pages in two groups, as each group starts a
    platform of its own.
    """
    items.sort(key=lambda item: "e2e" in item.path.parts)
    for item in items:
        wall = "wall" if item.path.stem == "test_wall" else "pages"
        group = f"e2e-{wall}" if "e2e" in item.path.parts else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


MEMORY = Path("/dev/shm")
LEAST_MEMORY_BYTES = 4 * 2**30


def _scratch() -> Path:
    """Where the servers of the tests keep their files: in memory where there is room, as a database is a
    thousand files and each test copies one."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK | os.X_OK):
        return Path("/tmp")
    room = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return MEMORY if room >= LEAST_MEMORY_BYTES else Path("/tmp")


def _sweep(scratch: Path) -> None:
    """Remove what tests left that were killed: in memory it would stay until the machine ends."""
    for left in scratch.glob("wt-*-*"):
        pid = left.name.split("-")[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder with a short path that the account of PostgreSQL can pass through."""
    scratch = _scratch()
    _sweep(scratch)
    folder = Path(tempfile.mkdtemp(prefix=f"wt-{os.getpid()}-", dir=scratch))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(short_folder: Path) -> Iterator[Cluster]:
    """One cluster for the session, without syncs to disk."""
    made = Cluster(
        folder=short_folder / "pg",
        port=machine.free_port(),
        superuser_password=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
        log=short_folder / "pg.log",
        durable=False,
    )
    with made.running():
        yield made


@pytest.fixture(scope="session")
def template_db(cluster: Cluster) -> str:
    """Name of a migrated database that tests copy and never connect to."""
    cluster.ensure_database("wanmi_template")
    migrate(cluster.url("wanmi_template"), PACKAGES)
    return "wanmi_template"


@pytest.fixture
def database_url(cluster: Cluster, template_db: str) -> Iterator[str]:
    """libpq URL of a fresh migrated database of this test's own (0.05 s in memory, 0.4 s on a disk)."""
    name = f"t_{uuid4().hex[:12]}"
    with psycopg.connect(cluster.url("postgres", superuser=True), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER wanmi TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template_db)
            )
        )
        yield cluster.url(name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Async engine on this test's own database."""
    made = create_engine(DatabaseSettings(database_url=database_url), application_name="test")
    yield made
    await made.dispose()


@pytest.fixture(scope="session")
def secret_key() -> str:
    return secrets.token_hex(32)


@pytest.fixture
def make_broker() -> Iterator[Callable[[], Broker]]:
    """Makes brokers that are configured but not started; ``with broker.running():`` starts one."""
    folders: list[Path] = []

    def make() -> Broker:
        folders.append(Path(tempfile.mkdtemp(prefix="wb-", dir="/tmp")))
        return new_broker(folders[-1])

    yield make
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def broker(short_folder: Path) -> Iterator[Broker]:
    """One broker for the session. ``broker.url("ingest")`` and ``broker.url("simulator")`` log in."""
    with new_broker(short_folder).running() as made:
        yield made


@pytest.fixture
def device_url(broker: Broker) -> Callable[[str], str]:
    """Gives a device its token and answers the MQTT URL it logs in with."""
    return lambda key: broker.url(key, broker.credentials.issue(key))


@pytest.fixture
def mosquitto(short_folder: Path) -> Mosquitto:
    """A Mosquitto, configured and not started: another broker than our own."""
    if machine.find_program("mosquitto") is None:
        pytest.fail("mosquitto is not installed: ./wanmi doctor")
    return Mosquitto(short_folder / f"mosquitto-{uuid4().hex[:8]}")


def new_broker(folder: Path) -> Broker:
    """Ours, or the one that ``WANMI_TEST_BROKER`` names."""
    if os.environ.get("WANMI_TEST_BROKER") == "mosquitto":
        return cast(Broker, Mosquitto(folder / "mosquitto"))
    return Broker(
        folder=folder / "broker",
        mqtt_port=machine.free_port(),
        nats_port=machine.free_port(),
        monitor_port=machine.free_port(),
        service_passwords={name: secrets.token_hex(16) for name in ("ingest", "simulator", "gateway")},
        log=folder / "broker.log",
    )
