"""The whole platform for the browser: demo city, broker, web and ingest as processes of their own."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Page, Request

from command_center.assembly import prepare_database
from command_center.processes import machine
from command_center.processes.broker import Broker
from command_center.processes.postgres import Cluster

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or machine.find_chromium()
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
STARTED_S = 180.0


@pytest.fixture(scope="session", autouse=True)
def _needs() -> None:
    """``./wanmi test`` sees to both; pages that nobody looked at must not count as passed."""
    if CHROMIUM is None or not Path(CHROMIUM).exists():
        pytest.fail("Chromium is not installed: ./wanmi doctor")
    if not (ROOT / "command_center/webdist/index.html").is_file():
        pytest.fail("the front end is not built: ./wanmi test builds it")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": str(CHROMIUM), "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "locale": "zh-CN",
        "timezone_id": "Asia/Shanghai",
        "viewport": {"width": 1280, "height": 720},
        # Maps are drawn by the processor here: a quarter of the pixels, the same page.
        "device_scale_factor": 0.5,
    }


@dataclass(frozen=True)
class Demo:
    """A running platform with a small demo city. ``grids``: device id, key, centre of its grid on duty."""

    url: str
    database_url: str
    mqtt_url: str
    grids: list[tuple[int, str, float, float]]
    broker: Broker
    jt808_port: int

    def send(self, *fixes: tuple[str, float, float], ago_s: float = 0.0, speed_mps: float = 1.2) -> None:
        """Publish one fix for each (device key, lon, lat), taken ``ago_s`` seconds ago; returns after the
        broker has them all."""
        broker = urlsplit(self.mqtt_url)
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(unquote(broker.username or ""), unquote(broker.password or ""))
        client.connect(broker.hostname or "127.0.0.1", broker.port or 1883)
        client.loop_start()
        at = (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat()
        for key, lon, lat in fixes:
            said = {
                "time": at,
                "lon": lon,
                "lat": lat,
                "speed_mps": speed_mps,
                "course_deg": 45,
                "accuracy_m": 5,
            }
            client.publish(f"wanmi/v1/{key}/fix", json.dumps(said), qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    @contextmanager
    def device(self, key: str, answer: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Iterator[None]:
        """A device that hears its commands; what ``answer`` makes of one goes back, unless it is None."""
        login = urlsplit(self.broker.url(key, self.broker.credentials.issue(key)))
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(unquote(login.username or ""), unquote(login.password or ""))
        heard = Event()

        def reply(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            if (told := answer(json.loads(message.payload))) is not None:
                client.publish(f"wanmi/v1/{key}/command/ack", json.dumps(told), qos=1)

        client.on_message = reply
        client.on_subscribe = lambda *_: heard.set()
        client.connect(login.hostname or "127.0.0.1", login.port or 1883)
        client.subscribe(f"wanmi/v1/{key}/command")
        client.loop_start()
        try:
            assert heard.wait(10)
            yield
        finally:
            client.disconnect()
            client.loop_stop()

    def run(self, statement: str) -> None:
        with psycopg.connect(self.database_url) as connection:
            connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def demo(cluster: Cluster, broker: Broker, secret_key: str, short_folder: Path) -> Iterator[Demo]:
    cluster.ensure_database("wanmi_e2e")
    database_url = cluster.url("wanmi_e2e")
    prepare_database(database_url)
    folder = short_folder / "e2e"
    folder.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WANMI_")},
        "WANMI_DATABASE_URL": database_url,
        "WANMI_MQTT_URL": broker.url("ingest"),
        "WANMI_MQTT_CLIENT_ID": "e2e-ingest",
        "WANMI_DATA_DIR": str(folder),
        "WANMI_SECRET_KEY": secret_key,
        "WANMI_DEMO": "true",
    }
    program = [sys.executable, "-m", "command_center"]
    small = ["--components", "2000", "--inspectors", "40", "--vehicles", "20"]
    subprocess.run(
        [*program, "demo", "make", *small], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE roster SET starts_at = now() - interval '1 day', ends_at = now() + interval '1 day'"
        )
        grids = connection.execute(
            "SELECT DISTINCT ON (d.id) d.id, d.key, ST_X(c.p), ST_Y(c.p)"
            " FROM device d JOIN roster r ON r.device_id = d.id"
            " JOIN responsibility_grid g ON g.id = r.responsibility_grid_id,"
            " LATERAL (SELECT ST_PointOnSurface(g.geom) AS p) c"
            " ORDER BY d.id, r.id"
        ).fetchall()
        connection.execute(
            "DELETE FROM roster WHERE id NOT IN (SELECT min(id) FROM roster GROUP BY device_id)"
        )
    port = machine.free_port()
    processes = []
    with (folder / "processes.log").open("wb") as log:
        users = {"gateway": {"WANMI_MQTT_URL": broker.url("gateway")}}
        for name, *more in (["web", "--port", str(port)], ["ingest"], ["gateway"], ["worker"]):
            told = environment | users.get(name, {})
            processes.append(
                subprocess.Popen([*program, "serve", name, *more], cwd=ROOT, env=told, stdout=log, stderr=log)
            )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, folder / "processes.log")
        ports = _ports_of_gateway(folder)
        yield Demo(url, database_url, broker.url("simulator"), grids, broker, ports["jt808"])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def _wait_until_ready(url: str, log: Path) -> None:
    give_up = time.monotonic() + STARTED_S
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(log.read_text()[-2000:])


def _ports_of_gateway(folder: Path) -> dict[str, int]:
    give_up = time.monotonic() + STARTED_S
    while not (found := list(folder.rglob("gateway.json"))):
        assert time.monotonic() < give_up, "the gateway has told no ports"
        time.sleep(0.2)
    told: dict[str, int] = json.loads(found[0].read_text())
    return told


@pytest.fixture(scope="session")
def base_url(demo: Demo) -> str:
    return demo.url


@pytest.fixture(autouse=True)
def quiet(page: Page, base_url: str) -> Iterator[None]:
    """Fails a test whose page raised an error or asked anybody but our own server."""
    bad: list[str] = []

    def ask(request: Request) -> None:
        if not request.url.startswith((base_url, base_url.replace("http", "ws"), "blob:", "data:")):
            bad.append(request.url)

    page.on("pageerror", lambda error: bad.append(str(error)))
    page.on("request", ask)
    yield
    assert not bad


Until = Callable[..., Any]


@pytest.fixture
def until(page: Page) -> Until:
    """``until("expression")``: waits for a true value of it in the page and returns that.

    Polls from outside: the page's Content-Security-Policy forbids what Playwright's own wait does.
    """

    def wait(expression: str, timeout_s: float = 30.0) -> Any:
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            if value := page.evaluate(expression):
                return value
            page.wait_for_timeout(100)
        raise AssertionError(f"never true: {expression}")

    return wait
