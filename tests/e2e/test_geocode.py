"""Addresses: what the operator types and clicks, what the GIS staff correct."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo, Until
from tests.e2e.test_wall import SLOW_MS, log_in

pytestmark = pytest.mark.e2e


def test_an_address_is_found_explained_and_corrected(
    page: Page, base_url: str, demo: Demo, until: Until
) -> None:
    [(address, lon, lat)] = demo.rows(
        "SELECT e.base || e.number || '号', e.lon, e.lat FROM gazetteer_entry e"
        " JOIN gazetteer_source s ON s.id = e.source_id WHERE s.key = 'building' AND e.number > 20"
        " AND e.unit = 'door' ORDER BY e.id LIMIT 1"
    )
    log_in(page, "gis")
    page.goto("/geocode")
    box = page.locator("[data-test=address]")
    expect(box).to_be_focused(timeout=SLOW_MS)
    box.fill(f"我要反映{address}门口乱设摊")
    box.press("Enter")
    explained = page.locator("[data-test=explained]")
    expect(explained).to_contain_text(address, timeout=SLOW_MS)
    expect(explained).to_contain_text("单元网格")
    expect(page.locator("[data-test=candidate-1]")).to_contain_text("门牌")
    box.press("Escape")
    until("window.work.map.loaded() && !window.work.map.isMoving()")

    page.locator("[data-test=map]").click(position={"x": 300, "y": 260})
    expect(page.locator("[data-test=described]")).to_contain_text("坐标", timeout=SLOW_MS)

    page.locator("[data-test=set-spot]").click()
    page.locator("[data-test=map]").click(position={"x": 340, "y": 240})
    page.locator("[data-test=keep-spot]").click()
    expect(page.locator("[role=status]", has_text="已订正")).to_be_visible(timeout=SLOW_MS)
    [(kept_lon, kept_lat)] = demo.rows(
        "SELECT e.lon, e.lat FROM gazetteer_entry e JOIN gazetteer_source s ON s.id = e.source_id"
        " WHERE s.key = 'correction'"
    )
    assert (kept_lon, kept_lat) != (lon, lat)
    assert demo.rows("SELECT count(*) FROM audit WHERE action = 'gazetteer.correct'") == [(1,)]

    page.locator("[data-test=tab-gazetteer]").click()
    expect(page.locator("[data-test=sources]")).to_contain_text("人工订正", timeout=SLOW_MS)
    expect(page.locator("[data-test=quality-duplicates]")).to_be_visible()
    [(area,)] = demo.rows("SELECT name FROM area WHERE level = 'street' ORDER BY code LIMIT 1")
    page.locator("[data-test=prefix]").fill("021-6321")
    page.locator("[data-test=prefix-area]").fill(area)
    page.locator("[data-test=prefix-add]").click()
    expect(page.locator("[data-test=prefixes]")).to_contain_text("216321", timeout=SLOW_MS)
    page.locator("[data-test=tab-locate]").click()
    page.locator("[data-test=caller]").fill("021-63211234")
    box = page.locator("[data-test=address]")
    box.fill(address)
    box.press("Enter")
    expect(page.locator("[data-test=caller-area]")).to_contain_text(area, timeout=SLOW_MS)


def test_who_only_looks_has_no_upkeep(page: Page, demo: Demo) -> None:
    log_in(page, "operator")
    page.goto("/geocode")
    expect(page.locator("[data-test=address]")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("[data-test=tab-gazetteer]")).to_have_count(0)
    for bad in ("😀😀", "x" * 1500, "\u200b", "'; DROP TABLE road; --"):
        box = page.locator("[data-test=address]")
        box.fill(bad)
        box.press("Enter")
        expect(page.locator("[data-test=status]")).to_contain_text("未找到", timeout=SLOW_MS)
