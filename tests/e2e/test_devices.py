"""The devices page: how a device speaks, and commands with what became of them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Page, expect

from command_center.processes.broker import Broker
from tests.e2e.conftest import ROOT, Demo
from tests.e2e.test_wall import SLOW_MS, log_in, wall  # noqa: F401 - a fixture


@pytest.fixture
def gateway(demo: Demo, broker: Broker, secret_key: str) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WANMI_")}
    environment |= {
        "WANMI_DATABASE_URL": demo.database_url,
        "WANMI_MQTT_URL": broker.url("gateway"),
        "WANMI_SECRET_KEY": secret_key,
        "WANMI_GATEWAY_COMMAND_EVERY_S": "0.5",
    }
    program = [sys.executable, "-c", "from ingest.gateway.runner import run; run()"]
    process = subprocess.Popen(program, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    yield
    process.terminate()
    process.wait(20)


@pytest.fixture
def phone(demo: Demo, device_url: Callable[[str], str]) -> Iterator[mqtt.Client]:
    """A device that answers texts and keeps silent to all else."""
    key = demo.grids[3][1]
    url = urlsplit(device_url(key))
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=key)
    client.username_pw_set(key, unquote(url.password or ""))

    def answer(heard: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        asked = json.loads(message.payload)
        if asked["kind"] == "text":
            told = {"id": asked["id"], "ok": True, "result": "已读"}
            heard.publish(f"wanmi/v1/{key}/command/ack", json.dumps(told), qos=1)

    client.on_message = answer
    client.on_connect = lambda connected, *_: connected.subscribe(f"wanmi/v1/{key}/command")
    client.connect(url.hostname or "127.0.0.1", url.port or 1883)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("WANMI_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_settings_of_a_device(page: Page, demo: Demo) -> None:
    key = demo.grids[1][1]
    log_in(page, "admin")
    page.goto("/admin/devices")
    page.locator(f"[data-test=settings-{key}]").click(timeout=SLOW_MS)
    form = page.locator("[data-test=device-settings]")
    form.get_by_placeholder("无").first.fill("013800138000")
    form.locator("input[type=password]").fill("s3cret")
    picture(page, "settings")
    form.get_by_role("button", name="保存").click()
    expect(page.get_by_text("13800138000")).to_be_attached(timeout=SLOW_MS)
    sealed = demo.rows("SELECT payload_secret FROM device WHERE terminal_number = '13800138000'")
    assert b"s3cret" not in bytes(sealed[0][0])


@pytest.mark.usefixtures("gateway", "phone")
def test_commands_to_a_unit_and_what_became_of_them(wall: Page, demo: Demo) -> None:  # noqa: F811
    unit = demo.grids[3][0]
    wall.evaluate(f"window.wall.select({unit})")
    wall.locator("[data-test=command]").click(timeout=SLOW_MS)
    form = wall.locator("[data-test=device-commands]")
    form.get_by_placeholder("要显示的文字").fill("请到望川路")
    form.get_by_role("button", name="下发文字").click()
    expect(wall.get_by_text("已答复")).to_be_visible(timeout=SLOW_MS)
    form.locator(".el-input-number input").fill("5")
    form.locator("[data-test=locate]").click()
    expect(wall.get_by_text("超时未答复")).to_be_visible(timeout=SLOW_MS)
    picture(wall, "commands")
