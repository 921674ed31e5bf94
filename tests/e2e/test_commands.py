"""Commands from the page to devices: what comes of them is told there, whether they answer or not."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Demo
from tests.e2e.test_wall import SLOW_MS, log_in
from tests.ingest.test_gateway import Client, a_location

pytestmark = pytest.mark.e2e

NUMBER = "13900139000"


def commands_of(page: Page, device_id: int) -> Locator:
    """The dialog of a unit's commands, from its card on the wall."""
    page.evaluate(f"window.wall.select({device_id})")
    page.locator("[data-test=command]").click(timeout=SLOW_MS)
    expect(page.locator("[data-test=device-commands]")).to_be_visible(timeout=SLOW_MS)
    return page.locator("[data-test=command-list] .el-table__body")


@pytest.fixture
def wall(page: Page, demo: Demo, until: object) -> Page:
    log_in(page)
    until("window.wall && window.wall.map.loaded()", 60)  # type: ignore[operator]
    page.wait_for_load_state("networkidle")
    return page


def test_a_text_is_acknowledged_by_the_device(wall: Page, demo: Demo) -> None:
    device_id, key, *_ = demo.grids[4]
    heard: list[dict[str, object]] = []

    def show(command: dict[str, object]) -> dict[str, object]:
        heard.append(command)
        return {"id": command["id"], "ok": True, "result": "收到"}

    with demo.device(key, show):
        rows = commands_of(wall, device_id)
        form = wall.locator("[data-test=device-commands]")
        form.get_by_placeholder("要显示的文字").fill("请到望川路")
        form.locator("[data-test=send-text]").click()
        expect(rows).to_contain_text("请到望川路", timeout=SLOW_MS)
        expect(rows).to_contain_text("已答复", timeout=SLOW_MS)
        expect(rows).to_contain_text("收到")
    assert [(command["kind"], command["text"]) for command in heard] == [("text", "请到望川路")]
    audited = demo.rows("SELECT detail->>'text' FROM audit WHERE action = 'unit.command' ORDER BY id DESC")
    assert audited[0] == ("请到望川路",)


def test_a_device_that_does_not_answer_times_out_in_the_list(wall: Page, demo: Demo) -> None:
    device_id, key, *_ = demo.grids[5]
    with demo.device(key, lambda command: None):
        rows = commands_of(wall, device_id)
        wall.locator("[data-test=within]").select_option("30")
        wall.locator("[data-test=locate]").click()
        expect(rows).to_contain_text("已发", timeout=SLOW_MS)
        expect(rows).to_contain_text("还剩")
        with psycopg.connect(demo.database_url) as connection:
            connection.execute("UPDATE device_command SET expires_at = now() WHERE finished_at IS NULL")
        expect(rows).to_contain_text("超时未答复", timeout=SLOW_MS)


async def known(port: int) -> None:
    """A terminal whose number was entered a moment ago tries until the gateway has heard of it."""
    async with asyncio.timeout(15):
        while True:
            async with Client(port, number=NUMBER) as client:
                try:
                    await client.come_in()
                    return
                except AssertionError:
                    await asyncio.sleep(0.5)


@contextmanager
def terminal(port: int) -> Iterator[None]:
    """A JT/T 808 terminal that shows texts and reports its place when it is asked."""

    async def serve(ready: threading.Event, stop: threading.Event) -> None:
        await known(port)
        async with Client(port, number=NUMBER) as client:
            await client.come_in()
            ready.set()
            while not stop.is_set():
                try:
                    asked = await client.answer(within=0.3)
                except TimeoutError:
                    continue
                serial = asked.header.serial.to_bytes(2)
                if asked.kind == "text":
                    client.send(0x0001, serial + b"\x83\x00\x00")
                elif asked.kind == "locate_now":
                    client.send(0x0201, serial + a_location())

    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(ready, stop)))
    thread.start()
    try:
        assert ready.wait(20)
        yield
    finally:
        stop.set()
        thread.join()


def test_a_jt808_terminal_shows_a_text_and_tells_its_place(wall: Page, demo: Demo) -> None:
    device_id, *_ = demo.grids[6]
    with psycopg.connect(demo.database_url) as connection:
        connection.execute("UPDATE device SET terminal_number = %s WHERE id = %s", (NUMBER, device_id))
    with terminal(demo.jt808_port):
        rows = commands_of(wall, device_id)
        wall.get_by_role("button", name="请立即回电指挥中心。").click()
        wall.locator("[data-test=send-text]").click()
        expect(rows).to_contain_text("已显示", timeout=SLOW_MS)
        wall.locator("[data-test=locate]").click()
        expect(rows).to_contain_text("已上报位置", timeout=SLOW_MS)


def test_commands_from_the_page_of_devices(page: Page, demo: Demo) -> None:
    _, key, *_ = demo.grids[7]
    log_in(page, "admin")
    page.goto("/admin/devices")
    with demo.device(key, lambda command: {"id": command["id"], "ok": False, "result": "屏幕损坏"}):
        page.locator(f"[data-test=command-{key}]").click(timeout=SLOW_MS)
        page.locator("[data-test=locate]").click(timeout=SLOW_MS)
        rows = page.locator("[data-test=command-list] .el-table__body")
        expect(rows).to_contain_text("失败", timeout=SLOW_MS)
        expect(rows).to_contain_text("屏幕损坏")
