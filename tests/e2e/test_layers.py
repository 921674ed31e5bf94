"""What GIS staff do with the city's layers: look, change with a reason, take back, draw."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo, Until
from tests.e2e.test_wall import SLOW_MS, log_in

pytestmark = pytest.mark.e2e


@pytest.fixture
def layers(page: Page, base_url: str) -> Page:
    log_in(page, "gis")
    page.goto("/layers")
    expect(page.locator("[data-test=row]").first).to_be_visible(timeout=SLOW_MS)
    return page


def test_a_change_carries_its_reason_and_can_be_taken_back(layers: Page, demo: Demo, until: Until) -> None:
    layers.locator("[data-test=row]").first.click()
    sheet = layers.locator("[data-test=sheet]")
    expect(sheet.locator("[data-test=code]")).to_contain_text("990102", timeout=SLOW_MS)
    assert until("window.work.map.queryRenderedFeatures({layers: ['active']}).length")
    before = sheet.locator("[data-test=value-state]").inner_text()
    wanted, shown = ("lost", "丢失") if before != "丢失" else ("broken", "破损")
    sheet.locator("[data-test=edit]").click()
    sheet.locator("[data-test=edit-state]").select_option(wanted)
    sheet.locator("[data-test=save]").click()
    sheet.locator("[data-test=reason-confirm]").click()
    expect(sheet).to_contain_text("请写明理由")
    sheet.locator("[data-test=reason]").fill("巡查发现")
    sheet.locator("[data-test=reason-confirm]").click()
    expect(sheet.locator("[data-test=value-state]")).to_have_text(shown, timeout=SLOW_MS)
    expect(sheet.locator("[data-test=change]").first).to_contain_text("巡查发现", timeout=SLOW_MS)
    assert demo.rows("SELECT reason, origin FROM edit ORDER BY id DESC LIMIT 1") == [("巡查发现", "page")]
    sheet.locator("[data-test=undo-change]").first.click()
    sheet.locator("[data-test=reason]").fill("看错了")
    sheet.locator("[data-test=reason-confirm]").click()
    expect(sheet.locator("[data-test=value-state]")).to_have_text(before, timeout=SLOW_MS)


def test_a_component_drawn_on_the_map_gets_its_code(layers: Page, demo: Demo, until: Until) -> None:
    layers.locator("[data-test=row]").first.click()
    until("window.work.map.getZoom() > 16.5 && !window.work.map.isMoving() && window.work.map.loaded()")
    known = demo.rows("SELECT max(id) FROM component")[0][0]
    layers.locator("[data-test=add]").click()
    layers.locator("[data-test=map]").click(position={"x": 250, "y": 120})
    layers.locator("[data-test=make-class_code]").select_option("0101")
    layers.locator("[data-test=reason]").fill("普查补录")
    layers.locator("[data-test=reason-confirm]").click()
    first = layers.locator("[data-test=sheet] [data-test=change]").first
    expect(first).to_contain_text("普查补录", timeout=SLOW_MS)
    made = demo.rows(f"SELECT code FROM component WHERE id > {known}")
    assert len(made) == 1
    assert re.fullmatch(r"9901020101\d{6}", made[0][0])


def test_a_building_gets_a_hole_and_a_part_goes_and_comes_back(
    layers: Page, demo: Demo, until: Until
) -> None:
    layers.locator("[data-test=layer-building]").click()
    expect(layers.locator("[data-test=matched]")).not_to_have_text("", timeout=SLOW_MS)
    layers.locator("[data-test=row]").first.click()
    until("window.work.map.getZoom() > 17 && !window.work.map.isMoving() && window.work.map.loaded()")
    number = demo.rows("SELECT min(id) FROM building")[0][0]
    layers.keyboard.press("v")
    box = layers.locator("[data-test=map]").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def square(x: float, y: float, half: float) -> None:
        for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)):
            layers.mouse.move(x + dx * half, y + dy * half, steps=2)
            layers.mouse.click(x + dx * half, y + dy * half)
            layers.wait_for_timeout(350)  # else two clicks are a double click

    layers.locator("[data-test=add-hole]").click()
    square(*middle, 8)
    layers.locator("[data-test=add-part]").click()
    square(middle[0] + 180, middle[1] - 100, 20)
    layers.locator("[data-test=reason]").fill("按竣工图")
    layers.locator("[data-test=reason-confirm]").click()
    expect(layers.locator("[data-test=change]").first).to_contain_text("按竣工图", timeout=SLOW_MS)
    shape = (
        f"SELECT ST_NumGeometries(geom), ST_NRings(geom), ST_IsValid(geom) FROM building WHERE id = {number}"
    )
    assert demo.rows(shape) == [(2, 3, True)]
    layers.keyboard.press("Delete")
    layers.locator("[data-test=reason]").fill("已拆除")
    layers.locator("[data-test=reason-confirm]").click()
    layers.locator("[data-test=bring-back]").click(timeout=SLOW_MS)
    assert demo.rows(shape) == []
    layers.locator("[data-test=reason]").fill("没有拆")
    layers.locator("[data-test=reason-confirm]").click()
    expect(layers.locator("[data-test=reason-bar]")).to_have_count(0, timeout=SLOW_MS)
    assert demo.rows(shape) == [(2, 3, True)]


def test_filter_legend_and_export(layers: Page) -> None:
    layers.locator("[data-test=color-by]").select_option("state")
    expect(layers.locator("[data-test=legend]")).to_contain_text("完好", timeout=SLOW_MS)
    layers.locator("[data-test=filter]").fill("没有这样的名字")
    layers.locator("[data-test=filter]").press("Enter")
    expect(layers.locator("[data-test=matched]")).to_have_text("共 0 条", timeout=SLOW_MS)
    layers.locator("[data-test=layer-road]").click()
    expect(layers.locator("[data-test=row]").first).to_be_visible(timeout=SLOW_MS)
    with layers.expect_download() as download:
        layers.locator("[data-test=export-csv]").click()
    assert download.value.suggested_filename == "road.csv"


def test_who_may_not_import_is_told_so(page: Page, base_url: str) -> None:
    log_in(page, "operator")
    page.goto("/import")
    expect(page.locator("[data-test=denied]")).to_contain_text("city.import", timeout=SLOW_MS)
