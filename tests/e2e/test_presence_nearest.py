"""Who was there and who is near, on the wall, in a real browser."""

import csv

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo, Until
from tests.e2e.test_wall import SLOW_MS, log_in

pytestmark = pytest.mark.e2e


def open_wall(page: Page, demo: Demo, until: Until, role: str = "operator") -> None:
    """The wall with the units from the ninth on heard just now, in sight of the first of them."""
    here = demo.grids[8:]
    demo.run("UPDATE device SET period_s = 900")  # so long as a slow machine needs, nobody is offline
    demo.send(*[(key, lon, lat) for _, key, lon, lat in here])
    log_in(page, role)
    _, _, lon, lat = here[0]
    page.goto(f"/?view={lon},{lat},15")
    until("window.wall && window.wall.map.loaded()", 60)


def click_at(page: Page, lon: float, lat: float) -> None:
    """A click on the map there."""
    x, y = page.evaluate(
        f"(() => {{ const p = window.wall.map.project([{lon}, {lat}]); return [p.x, p.y] }})()"
    )
    box = page.locator(".map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_timeout(300)


def test_who_was_in_a_drawn_polygon(page: Page, demo: Demo, until: Until) -> None:
    open_wall(page, demo, until)
    unit, key, lon, lat = demo.grids[8]
    for step in range(4):
        demo.send((key, lon + step * 1e-5, lat), ago_s=120 - step * 30)
    page.keyboard.press("w")
    panel = page.locator("[data-test=presence]")
    panel.locator("[data-test=presence-go]").click()
    expect(panel).to_contain_text("请先选定范围")
    panel.locator("[data-test=presence-draw]").click()
    click_at(page, lon - 0.001, lat - 0.001)
    page.keyboard.press("Escape")
    expect(panel.locator("[data-test=presence-draw]")).to_have_attribute("aria-pressed", "false")
    panel.locator("[data-test=presence-draw]").click()
    for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        click_at(page, lon + dx * 0.001, lat + dy * 0.001)
    page.keyboard.press("Enter")
    expect(panel.locator("[data-test=presence-place]")).to_contain_text("所画范围")
    panel.locator("[data-test=track-reason]").select_option("other")
    panel.locator("[data-test=presence-go]").click()
    expect(panel).to_contain_text("请写明理由")
    panel.locator("[data-test=track-detail]").fill("店铺失窃")
    panel.locator("[data-test=presence-go]").click()
    visits = panel.locator("[data-test=visit]")
    expect(visits.first).to_be_visible(timeout=SLOW_MS)
    name = demo.rows(f"SELECT p.name FROM device d JOIN person p ON p.id = d.person_id WHERE d.id = {unit}")
    mine = visits.filter(has_text=name[0][0])
    expect(mine).to_contain_text("次定位")
    with page.expect_download() as kept:
        panel.locator("[data-test=presence-csv]").click()
    with kept.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert str(unit) in [row["编号"] for row in csv.DictReader(file)]
    mine.click()
    expect(page.locator("[data-test=track-bar]")).to_contain_text("定位点", timeout=SLOW_MS)
    looked = demo.rows(
        "SELECT action, detail->>'reason' FROM audit WHERE action IN"
        " ('tracks.within', 'tracks.within_export', 'unit.track') ORDER BY id DESC LIMIT 3"
    )
    assert looked == [
        (action, "其他：店铺失窃") for action in ("unit.track", "tracks.within_export", "tracks.within")
    ]


def test_nobody_was_there_and_a_span_too_long(page: Page, demo: Demo, until: Until) -> None:
    open_wall(page, demo, until)
    _, _, lon, lat = demo.grids[8]
    page.locator("[data-test=presence-button]").click()
    panel = page.locator("[data-test=presence]")
    panel.locator("[data-test=presence-circle]").click()
    click_at(page, lon - 0.001, lat + 0.001)
    panel.locator("[data-test=presence-radius]").fill("20")
    expect(panel.locator("[data-test=presence-place]")).to_contain_text("半径 20 米")
    panel.locator("[data-test=span-own]").click()
    panel.locator("[data-test=span-from]").fill("2025-01-01T00:00")
    panel.locator("[data-test=span-from]").blur()
    panel.locator("[data-test=presence-go]").click()
    expect(panel.locator(".error")).to_contain_text("时段最长 31 天")
    panel.locator("[data-test=span-min10]").click()
    panel.locator("[data-test=presence-go]").click()
    expect(panel).to_contain_text("这段时间没有人到过这里", timeout=SLOW_MS)
    expect(panel.locator("[data-test=presence-csv]")).to_be_disabled()


def test_an_area_is_taken_by_a_click_and_archived_days_are_told(page: Page, demo: Demo, until: Until) -> None:
    open_wall(page, demo, until)
    _, _, lon, lat = demo.grids[8]
    page.locator("[data-test=presence-button]").click()
    panel = page.locator("[data-test=presence]")
    panel.locator("[data-test=presence-take]").click()
    panel.locator("[data-test=presence-layer]").select_option("area_community")
    click_at(page, lon, lat)
    expect(panel.locator("[data-test=presence-place]")).to_contain_text("社区", timeout=SLOW_MS)
    demo.run(
        "INSERT INTO settled_day (day, dropped_at) VALUES ((now() - interval '1 day')::date, now())"
        " ON CONFLICT (day) DO UPDATE SET dropped_at = now()"
    )
    try:
        panel.locator("[data-test=span-own]").click()
        panel.locator("[data-test=span-from]").fill(
            demo.rows("SELECT to_char(now() - interval '2 days', 'YYYY-MM-DD\"T\"HH24:MI')")[0][0]
        )
        panel.locator("[data-test=span-from]").blur()
        panel.locator("[data-test=presence-go]").click()
        expect(panel.locator("[data-test=presence-archived]")).to_contain_text(
            "已归档，未查", timeout=SLOW_MS
        )
    finally:
        demo.run("UPDATE settled_day SET dropped_at = NULL")


def test_nearest_units_by_road_and_straight_and_a_command_from_there(
    page: Page, demo: Demo, until: Until
) -> None:
    open_wall(page, demo, until)
    unit, key, lon, lat = demo.grids[8]
    page.keyboard.press("n")
    panel = page.locator("[data-test=nearest]")
    expect(panel).to_contain_text("在地图上点一下位置")
    click_at(page, lon, lat - 0.0004)
    first = panel.locator("[data-test=near-unit]").first
    expect(first).to_be_visible(timeout=SLOW_MS)
    until("window.wall.map.queryRenderedFeatures({layers: ['near-road']}).length > 0")
    expect(panel.locator("[data-test=near-unit]").filter(has_text="分钟").first).to_be_visible()
    panel.locator("[data-test=nearest-straight]").click()
    expect(first).to_contain_text("直线", timeout=SLOW_MS)
    until("window.wall.map.queryRenderedFeatures({layers: ['near-straight']}).length > 0")
    name = demo.rows(f"SELECT p.name FROM device d JOIN person p ON p.id = d.person_id WHERE d.id = {unit}")[
        0
    ][0]
    expect(first).to_contain_text(name)
    with demo.device(key, lambda command: {"id": command["id"], "ok": True, "result": "located"}):
        first.locator("[data-test=near-locate]").click()
        expect(panel).to_contain_text("已要求")
        first.locator("[data-test=near-text]").click()
        expect(page.locator("[data-test=command-list]")).to_contain_text("已上报位置", timeout=SLOW_MS)
    page.keyboard.press("Escape")
    first.locator("[data-test=near-call]").click()
    expect(first.locator(".call")).to_be_visible()
    assert demo.rows(
        f"SELECT count(*) > 0 FROM audit WHERE action = 'unit.call' AND object_id = '{unit}'"
    ) == [(True,)]
    panel.locator("[data-test=nearest-busy]").click()
    expect(panel).to_contain_text("附近没有符合条件", timeout=SLOW_MS)


def test_who_may_not_look_at_tracks_has_no_button(page: Page, demo: Demo, until: Until) -> None:
    open_wall(page, demo, until, "leader")
    expect(page.locator("[data-test=nearest-button]")).to_be_visible()
    expect(page.locator("[data-test=presence-button]")).to_have_count(0)
    page.keyboard.press("w")
    expect(page.locator("[data-test=presence]")).to_have_count(0)
