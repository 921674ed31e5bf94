"""The hub outlives a restart of PostgreSQL."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path

from command_center.assembly import PACKAGES
from command_center.live.hub import Hub
from command_center.processes import machine
from command_center.processes.postgres import Cluster
from gis_core.migrate import migrate
from gis_core.settings import DatabaseSettings


async def test_hub_follows_again_after_a_restart_of_the_database(short_folder: Path) -> None:
    cluster = Cluster(
        folder=short_folder / "pg-restart",
        port=machine.free_port(),
        superuser_password=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
        log=short_folder / "pg-restart.log",
        durable=False,
    )

    async def no_layers() -> dict[str, str]:
        return {}

    hub = Hub(DatabaseSettings(database_url=cluster.url("wanmi")), no_layers, lambda: None)
    try:
        with cluster.running():
            await asyncio.to_thread(cluster.ensure_database, "wanmi")
            await asyncio.to_thread(migrate, cluster.url("wanmi"), PACKAGES)
            await hub.start()
            assert hub.ready
            closing = asyncio.create_task(_until(lambda: not hub.ready))
            await asyncio.sleep(0)
        await closing
        with cluster.running():
            await _until(lambda: hub.ready)
    finally:
        await hub.stop()


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():
            await asyncio.sleep(0.05)
