"""What an operator does at the wall, in a real browser against the real platform."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo, Until

pytestmark = pytest.mark.e2e

SLOW_MS = 20_000


def log_in(page: Page, role: str = "operator") -> None:
    page.goto("/login")
    page.locator(f"[data-test=demo-{role}]").first.click()
    expect(page).not_to_have_url(re.compile("/login"), timeout=SLOW_MS)


@pytest.fixture
def wall(page: Page, demo: Demo, until: Until) -> Page:
    """The wall with every unit on duty but the first heard just now, inside its grid."""
    demo.send(*[(key, lon, lat) for _, key, lon, lat in demo.grids[1:]])
    log_in(page)
    until(
        f"window.wall && window.wall.map.loaded() && window.wall.units().length >= {len(demo.grids) - 1}", 60
    )
    return page


def test_demo_chip_leads_to_a_wall_with_units_and_figures(wall: Page, demo: Demo, until: Until) -> None:
    assert until("window.wall.counts().moving + window.wall.counts().alert") >= len(demo.grids) - 1
    assert until("window.wall.map.queryRenderedFeatures().filter(f => f.sourceLayer === 'road').length") > 10
    expect(wall.locator("[data-test=kpi-onDuty]")).to_contain_text(re.compile(r"[1-9]"))
    expect(wall.locator("[data-test=unit-row]").first).to_be_visible()
    expect(wall.locator("[data-test=socket-state]")).to_contain_text("实时")


def test_map_is_not_blank(wall: Page) -> None:
    picture = wall.locator(".map").screenshot(timeout=60_000)
    assert len(picture) > 60_000


def test_search_by_keyboard_chooses_a_unit(wall: Page, demo: Demo, until: Until) -> None:
    device_id, key, lon, _ = demo.grids[3]
    wall.keyboard.press("/")
    wall.keyboard.type(key)
    wall.keyboard.press("Enter")
    expect(wall.locator("[data-test=unit-card]")).to_contain_text(key, timeout=SLOW_MS)
    assert until(
        f"window.wall.map.getZoom() > 15 && Math.abs(window.wall.map.getCenter().lng - {lon}) < 0.01"
    )
    assert device_id in [unit["id"] for unit in wall.evaluate("window.wall.units()")]


def test_leaving_the_grid_raises_an_alert_that_can_be_handled(wall: Page, demo: Demo) -> None:
    device_id, key, lon, lat = demo.grids[0]
    demo.send((key, lon, lat), ago_s=90)
    for ago_s in (60, 30, 0):
        demo.send((key, lon + 0.03, lat), ago_s=ago_s)
    alert = wall.locator("[data-test=alert]").first
    expect(alert).to_contain_text("离开责任网格", timeout=SLOW_MS)
    expect(wall.locator("[data-test=alert-count]")).to_have_text("1")
    alert.locator("[data-test=acknowledge]").click()
    expect(alert).to_contain_text("已确认", timeout=SLOW_MS)
    alert.locator("[data-test=close]").click()
    alert.locator("[data-test=close-confirm]").click()
    expect(alert).to_contain_text("关闭告警要写处理说明")
    alert.locator("[data-test=close-note]").fill("已电话联系")
    alert.locator("[data-test=close-confirm]").click()
    expect(wall.locator("[data-test=alert-count]")).to_have_text("0", timeout=SLOW_MS)
    stored = "SELECT note, acknowledged_at IS NOT NULL FROM alert"
    assert demo.rows(f"{stored} WHERE device_id = {device_id} ORDER BY id LIMIT 1") == [("已电话联系", True)]


def test_track_asks_why_and_the_reason_is_audited(wall: Page, demo: Demo, until: Until) -> None:
    device_id, key, lon, lat = demo.grids[1]
    for step in range(1, 13):
        demo.send((key, lon + step * 1e-5, lat), ago_s=400 - step * 30)
    wall.evaluate(f"window.wall.select({device_id})")
    wall.locator("[data-test=track]").click()
    wall.locator("[data-test=track-reason]").select_option("other")
    wall.locator("[data-test=track-show]").click()
    expect(wall.locator("[data-test=unit-card]")).to_contain_text("请写明理由")
    wall.locator("[data-test=track-detail]").fill("核对巡查记录")
    wall.locator("[data-test=track-show]").click()
    expect(wall.locator("[data-test=track-bar]")).to_contain_text("定位点", timeout=SLOW_MS)
    assert until("window.wall.map.queryRenderedFeatures({layers: ['track-line']}).length")
    audited = demo.rows(
        "SELECT detail->>'reason' FROM audit WHERE action = 'unit.track' ORDER BY id DESC LIMIT 1"
    )
    assert audited == [("其他：核对巡查记录",)]
    wall.locator("[data-test=track-clear]").click()
    expect(wall.locator("[data-test=track-bar]")).to_have_count(0)


def test_theme_and_language_change_map_and_panels(wall: Page, until: Until) -> None:
    wall.locator("[data-test=theme]").click()
    assert until(
        "document.documentElement.classList.contains('light')"
        " && window.wall.map.getStyle().name === 'wanmi-light'"
    )
    wall.locator("[data-test=language]").click()
    expect(wall.get_by_role("heading", name="Live alerts")).to_be_visible()
    expect(wall).to_have_title("Wanmi · City Command Centre")
    wall.reload()
    expect(wall.get_by_role("heading", name="Live alerts")).to_be_visible(timeout=SLOW_MS)


def test_wrong_password_is_told_in_words(page: Page, base_url: str) -> None:
    page.goto("/login")
    page.locator("#login").fill("nobody-here")
    page.locator("#password").fill("wrong")
    page.locator("[data-test=login-submit]").click()
    expect(page.locator("[data-test=login-error]")).to_contain_text(re.compile("密码|登录"))


def test_without_login_the_wall_sends_to_the_login_page(page: Page, base_url: str) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile("/login"))


def test_auditor_reads_the_audit_log(page: Page, base_url: str) -> None:
    log_in(page, "auditor")
    page.goto("/admin/audit")
    expect(page.locator("[data-test=rows]")).to_contain_text("session.create", timeout=SLOW_MS)
