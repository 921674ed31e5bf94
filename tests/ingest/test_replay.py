"""Recorded tracks played through broker and ingest."""

import gzip
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from command_center.processes.broker import Broker
from ingest.commands import replay
from ingest.track_file import TrackFileError, read_track_file
from tests.ingest.support import ask, ingesting, wait_for

ROWS = """vehicle,time,lon,lat,speed_kmh,direction_deg
a/1,2020-07-18T10:49:00+08:00,119.95,31.50,36,90
b 2,2020-07-18T10:49:10+08:00,119.96,31.51,,
a/1,2020-07-18T10:49:30+08:00,119.97,31.52,-1,400
x,2020-07-18T10:49:31+08:00,500,31.52,,
"""


@pytest.fixture
def track(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.csv.gz"
    path.write_bytes(gzip.compress(ROWS.encode()))
    return path


def test_a_file_is_read_with_its_units(track: Path) -> None:
    points, refused = read_track_file(track)
    assert [(p.vehicle, p.speed_mps, p.course_deg) for p in points] == [
        ("a/1", 10.0, 90.0),
        ("b 2", None, None),
        ("a/1", None, None),
    ]
    assert refused == 1
    assert points[0].time_us == 1595040540_000_000


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "vehicle,time,lon,lat\nx,when,1,2\n"])
def test_a_file_that_is_no_track_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(TrackFileError):
        read_track_file(path)


def test_replay_registers_and_arrives_where_it_happened(
    track: Path,
    database_url: str,
    broker: Broker,
    tmp_path: Path,
    secret_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANMI_DATABASE_URL", database_url)
    monkeypatch.setenv("WANMI_SECRET_KEY", secret_key)
    app = typer.Typer()
    app.command()(replay)
    began = time.time()
    with ingesting(database_url, broker.url("ingest"), tmp_path):
        done = CliRunner().invoke(app, [str(track), "--speed", "60", "--broker", broker.url("simulator")])
        assert done.exit_code == 0, done.output
        wait_for(lambda: ask(database_url, "SELECT count(*) FROM fix")[0][0] == 3, 10)
    rows = ask(
        database_url,
        """SELECT d.key, v.kind, f.lon, f.lat, extract(epoch FROM f.fix_time)
             FROM fix f JOIN device d ON d.id = f.device_id JOIN vehicle v ON v.id = d.vehicle_id
            ORDER BY f.fix_time""",
    )
    assert [row[:4] for row in rows] == [
        ("replay-a-1", "enforcement", 119.95, 31.50),
        ("replay-b-2", "enforcement", 119.96, 31.51),
        ("replay-a-1", "enforcement", 119.97, 31.52),
    ]
    times = [float(row[4]) for row in rows]
    assert times[1] - times[0] == pytest.approx(10 / 60, abs=0.01)
    assert times[2] - times[0] == pytest.approx(30 / 60, abs=0.01)
    assert began < times[0] < time.time()
    assert ask(database_url, "SELECT count(*) FROM audit WHERE action = 'device.register'") == [(1,)]
