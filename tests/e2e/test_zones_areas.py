"""A zone drawn with recurring hours, and a street renamed after a look at what it touches."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo, Until
from tests.e2e.test_grids import give_reason
from tests.e2e.test_wall import SLOW_MS, log_in

pytestmark = pytest.mark.e2e


def test_zone_is_drawn_and_a_street_renamed(page: Page, demo: Demo, until: Until) -> None:
    street, old, lon, lat = demo.rows(
        "SELECT code, name, ST_X(ST_PointOnSurface(geom)), ST_Y(ST_PointOnSurface(geom)) FROM area"
        " WHERE level = 'street' AND valid_to IS NULL AND geom IS NOT NULL ORDER BY code LIMIT 1"
    )[0]
    log_in(page, "gis")
    page.goto("/zones")
    until("!!window.work && window.work.map.isStyleLoaded()")
    page.evaluate(f"window.work.map.jumpTo({{center: [{lon}, {lat}], zoom: 17}})")
    page.locator("[data-test=zone-new]").click()
    canvas = page.locator("[data-test=map] canvas").first
    box = canvas.bounding_box()
    assert box is not None
    middle_x, middle_y = box["width"] / 2, box["height"] / 2
    for x, y in ((-90, -60), (90, -60), (90, 60)):
        canvas.click(position={"x": middle_x + x, "y": middle_y + y})
    canvas.dblclick(position={"x": middle_x - 90, "y": middle_y + 60})
    page.locator("[data-test=zone-name]").fill("周末夜市")
    page.locator("[data-test=add-window]").click()
    for day in (0, 1, 2, 3, 4):
        page.locator("[data-test=windows] .days button").nth(day).click()
    page.locator("[data-test=windows] .days button").nth(5).click()
    hours = page.locator("[data-test=windows] input[type=time]")
    hours.nth(0).fill("18:00")
    hours.nth(1).fill("02:00")
    page.locator("[data-test=zone-save]").click()
    give_reason(page, "批准夜市")
    expect(page.locator("[data-test=zone-sheet]")).to_contain_text("18:00–次日02:00", timeout=SLOW_MS)
    page.locator("[data-test=zone-active]").check()
    listed = page.locator("[data-test=zone]", has_text="周末夜市")
    for moment, count in (("2030-01-05T23:00", 1), ("2030-01-05T12:00", 0)):
        page.locator("[data-test=zone-time]").fill(moment)
        expect(listed).to_have_count(count, timeout=SLOW_MS)

    page.goto("/areas")
    page.locator("[data-test=area-find]").fill(old)
    page.locator("[data-test=area-found]", has_text=street).first.click()
    page.locator("[data-test=area-rename]").click()
    page.locator("[data-test=area-name]").fill(f"新{old}")
    page.locator("[data-test=area-try]").click()
    expect(page.locator("[data-test=area-preview]")).to_be_visible(timeout=SLOW_MS)
    assert demo.rows(f"SELECT name FROM area WHERE code = '{street}' AND valid_to IS NULL")[0][0] == old
    page.locator("[data-test=area-apply]").click()
    give_reason(page, "地名委员会批复")
    expect(page.locator("[data-test=area-done]")).to_be_visible(timeout=SLOW_MS)
    assert demo.rows(f"SELECT count(*) FROM area WHERE code = '{street}' AND name = '新{old}'")[0][0] == 1
    page.locator("[data-test=area-undo]").click()
    give_reason(page, "只是演练")
    expect(page.locator("[data-test=area-found]", has_text=street).first).to_contain_text(
        old, timeout=SLOW_MS
    )
