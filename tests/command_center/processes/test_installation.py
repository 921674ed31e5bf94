"""Secrets and ports stay the same between starts; one user at a time; commands find the database."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from command_center.processes import installation as installations
from command_center.processes import machine
from command_center.processes.installation import Installation, InUse, running_database
from command_center.processes.postgres import FolderOutOfReach


@pytest.fixture
def folder(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("WANMI_DATABASE_URL", "WANMI_MQTT_URL", "WANMI_DATA_DIR", "WANMI_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    return short_folder / f"var-{os.urandom(3).hex()}"


def test_the_second_opening_finds_the_same_secrets_and_ports(folder: Path) -> None:
    first, second = Installation.open(folder), Installation.open(folder)
    assert first == second
    assert len(set(first.secrets.values())) == len(first.secrets)
    assert len(set(first.ports.values())) == len(first.ports)
    assert (folder / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_port_taken_by_somebody_else_is_given_up(folder: Path) -> None:
    first = Installation.open(folder)
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", first.ports["mqtt"]))
        somebody.listen()
        second = Installation.open(folder)
    assert second.ports["mqtt"] != first.ports["mqtt"]
    assert second.ports["postgres"] == first.ports["postgres"]


def test_variables_from_outside_win_and_take_the_part_out_of_our_hands(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Installation.open(folder).own_parts == {"database", "broker"}
    monkeypatch.setenv("WANMI_DATABASE_URL", "postgresql://elsewhere/wanmi")
    opened = Installation.open(folder)
    assert opened.own_parts == {"broker"}
    assert opened.environment()["WANMI_DATABASE_URL"] == "postgresql://elsewhere/wanmi"


def test_a_folder_is_used_by_one_at_a_time(folder: Path) -> None:
    opened = Installation.open(folder)
    assert not installations.is_locked(folder)
    with opened.locked():
        assert installations.is_locked(folder)
        with pytest.raises(InUse) as refused, opened.locked():
            pass
        assert refused.value.members["pid"] == str(os.getpid())
    assert not installations.is_locked(folder)


def test_a_command_alone_gets_a_migrated_database_for_as_long(folder: Path) -> None:
    opened = Installation.open(folder)
    with running_database(opened), psycopg.connect(opened.cluster.url()) as connection:
        assert connection.execute("SELECT count(*) FROM area").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(opened.cluster.url())


@pytest.mark.skipif(not machine.is_root(), reason="only root runs PostgreSQL as somebody else")
def test_a_folder_that_postgres_cannot_reach_is_refused_in_words(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(FolderOutOfReach, match="postgres"):
        Installation.open(closed / "var")


def test_verbs_that_need_the_running_platform_say_so(folder: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    said = subprocess.run(
        [sys.executable, "-m", "command_center", "--data-dir", str(folder), "replay", "x"],
        cwd=root,
        env={**os.environ, "LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert "Traceback" not in said.stderr


def test_doctor_says_what_is_here_as_json(folder: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-m", "command_center", "doctor", "--json", "--data-dir", str(folder)]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    report = json.loads(said.stdout)
    assert not report["running"]
    assert {"Python", "PostgreSQL", "PostGIS", "nats-server"} <= {one["name"] for one in report["findings"]}
