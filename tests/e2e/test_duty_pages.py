"""Rosters, alert rules and off-duty rules as staff set them on their pages."""

import os

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo
from tests.e2e.test_wall import SLOW_MS, log_in

pytestmark = pytest.mark.e2e
PICTURES = os.environ.get("WANMI_PICTURES")


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(400)
        page.screenshot(path=f"{PICTURES}/{name}.png")


def test_a_shift_is_seen_in_the_week_and_a_rule_in_the_list(page: Page, demo: Demo) -> None:
    log_in(page, "dispatcher")
    page.goto("/rosters")
    week = page.locator("[data-test=week]")
    expect(week.locator("tbody tr").first).to_be_visible(timeout=SLOW_MS)
    turns = week.locator("tbody tr").first.locator(".turn")
    before = turns.count()
    page.get_by_role("button", name="新建班次").click()
    form = page.locator("[data-test=shift-form]")
    form.locator("input").first.fill("全天班")
    form.locator(".el-select").first.click()
    page.locator(".el-select-dropdown__item:visible").first.click()
    form.locator(".el-checkbox-button", has_text="周六").click()
    form.locator(".el-checkbox-button", has_text="周日").click()
    picture(page, "shift")
    form.get_by_role("button", name="保存").click()
    expect(form).to_be_hidden(timeout=SLOW_MS)
    expect.set_options(timeout=SLOW_MS)
    expect(turns.nth(before)).to_be_visible()
    picture(page, "week")
    page.locator("[data-test=tab-shifts]").click()
    expect(page.locator("[data-test=rows]")).to_contain_text("全天班")
    picture(page, "shifts")

    page.goto("/rules")
    page.locator("[data-test=add-rule]").click()
    page.locator(".el-select[data-test=rule-kind]").click()
    page.locator(".el-select-dropdown__item:visible", has_text="人员聚集").click()
    picture(page, "rule")
    page.locator("[data-test=rule-form]").get_by_role("button", name="保存").click()
    expect(page.locator("[data-test=rows]")).to_contain_text("gathering · v1")
    picture(page, "rules")
    assert demo.rows("SELECT definition ->> 'kind' FROM alert_rule WHERE current") == [("gathering",)]


def test_the_general_rule_and_a_devices_faults(page: Page, demo: Demo) -> None:
    log_in(page, "admin")
    page.goto("/admin/off-duty")
    rows = page.locator("[data-test=rows]")
    expect(rows).to_contain_text("其余全部（通用）", timeout=SLOW_MS)
    picture(page, "off-duty")
    page.get_by_role("button", name="修改").first.click()
    form = page.locator("[data-test=off-duty-form]")
    form.get_by_text("只保留最后位置").click()
    picture(page, "off-duty-form")
    form.get_by_role("button", name="保存").click()
    expect(rows).to_contain_text("只保留最后位置，不留轨迹", timeout=SLOW_MS)
    page.goto("/admin/devices")
    page.locator("[data-test^=faults-]").first.click()
    expect(page.locator("[data-test=device-faults]")).to_contain_text("近 7 天没有异常", timeout=SLOW_MS)
    picture(page, "faults")
