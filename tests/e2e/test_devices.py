"""The devices page: how a device speaks."""

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo
from tests.e2e.test_wall import SLOW_MS, log_in


def test_settings_of_a_device(page: Page, demo: Demo) -> None:
    key = demo.grids[1][1]
    log_in(page, "admin")
    page.goto("/admin/devices")
    page.locator(f"[data-test=settings-{key}]").click(timeout=SLOW_MS)
    form = page.locator("[data-test=device-settings]")
    form.get_by_placeholder("无").first.fill("013800138000")
    form.locator("input[type=password]").fill("s3cret")
    form.get_by_role("button", name="保存").click()
    expect(page.get_by_text("13800138000")).to_be_attached(timeout=SLOW_MS)
    sealed = demo.rows("SELECT payload_secret FROM device WHERE terminal_number = '13800138000'")
    assert b"s3cret" not in bytes(sealed[0][0])
