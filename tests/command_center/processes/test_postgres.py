"""The private cluster: made once, reached by password only, started again after a kill."""

import os
import secrets
import signal
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from command_center.processes import machine
from command_center.processes.postgres import Cluster, process_command


@pytest.fixture
def own_cluster(short_folder: Path) -> Cluster:
    return Cluster(
        folder=short_folder / f"pg-{secrets.token_hex(3)}",
        port=machine.free_port(),
        superuser_password=secrets.token_hex(16),
        owner_password=secrets.token_hex(16),
        log=short_folder / "own.log",
        durable=False,
    )


async def test_engine_reaches_a_migrated_database(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        version = (await connection.execute(text("SELECT postgis_lib_version()"))).scalar_one()
        assert int(version.split(".")[0]) >= 3
        assert (await connection.execute(text("SELECT count(*) FROM area"))).scalar_one() == 0
        assert (await connection.execute(text("SHOW jit"))).scalar_one() == "off"


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    wrong = cluster.url("postgres").replace(cluster.owner_password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_it_listens_on_loopback_only_with_its_socket_in_a_closed_folder(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres", superuser=True)) as connection:
        listen, socket_folder = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        ).fetchone() or ("", "")
    assert listen == "127.0.0.1"
    assert Path(socket_folder).stat().st_mode & 0o077 == 0


def test_committed_rows_outlive_a_kill_of_the_server(own_cluster: Cluster) -> None:
    with own_cluster.running():
        with psycopg.connect(own_cluster.url("postgres", superuser=True)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        pid = int((own_cluster.folder / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.3)
    assert (own_cluster.folder / "postmaster.pid").exists()
    with own_cluster.running(), psycopg.connect(own_cluster.url("postgres", superuser=True)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_stale_pid_file_with_the_number_of_another_program_does_not_stop_the_start(
    own_cluster: Cluster,
) -> None:
    with own_cluster.running():
        server_file = (own_cluster.folder / "postmaster.pid").read_text()
    ours = str(os.getpid())
    (own_cluster.folder / "postmaster.pid").write_text(server_file.replace(server_file.split()[0], ours, 1))
    with own_cluster.running():
        assert own_cluster.is_ready()


def test_a_half_made_folder_is_made_anew(own_cluster: Cluster) -> None:
    own_cluster.folder.mkdir()
    (own_cluster.folder / "PG_VERSION").write_text("15\n")
    with own_cluster.running():
        assert own_cluster.is_ready()


def test_a_folder_with_too_long_a_path_gets_its_socket_elsewhere(own_cluster: Cluster) -> None:
    deep = Path("/tmp") / ("x" * 100)
    longer = Cluster(deep, 20_001, "a", "b", deep / "log")
    assert len(str(longer.socket_folder)) < 90
    assert own_cluster.socket_folder.is_relative_to(own_cluster.folder)


def test_an_ended_process_has_no_command() -> None:
    assert "pytest" in process_command(os.getpid()) or "python" in process_command(os.getpid())
    assert process_command(2**22 + 1) == ""
