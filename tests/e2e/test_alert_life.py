"""The life of an alert and of a track in the browser: noted, closed, corrected, looked up, kept as a file."""

import csv
import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo, Until
from tests.e2e.test_wall import SLOW_MS, log_in

pytestmark = pytest.mark.e2e


def open_wall(page: Page, until: Until) -> None:
    log_in(page)
    until("window.wall && window.wall.map.loaded()", 60)


def leave_grid(demo: Demo, number: int) -> tuple[int, str]:
    """A unit goes out of its grid; the alert's unit and its key."""
    device_id, key, lon, lat = demo.grids[number]
    demo.send((key, lon, lat), ago_s=90)
    for ago_s in (60, 30, 0):
        demo.send((key, lon + 0.03, lat), ago_s=ago_s)
    return device_id, key


def name_of(demo: Demo, device_id: int) -> str:
    found = demo.rows(
        "SELECT coalesce(p.name, v.plate) FROM device d LEFT JOIN person p ON p.id = d.person_id"
        f" LEFT JOIN vehicle v ON v.id = d.vehicle_id WHERE d.id = {device_id}"
    )
    return str(found[0][0])


def test_evidence_note_and_closing_in_the_sheet(page: Page, demo: Demo, until: Until) -> None:
    open_wall(page, until)
    page.get_by_role("button", name="开始值班").click()
    expect(page.get_by_role("button", name="值班中")).to_be_visible()
    device_id, _ = leave_grid(demo, 2)
    alert = page.locator("[data-test=alert]").filter(has_text=name_of(demo, device_id)).first
    expect(alert).to_contain_text("离开责任网格", timeout=SLOW_MS)
    alert.locator("[data-test=alert-details]").click()
    sheet = page.locator("[data-test=alert-sheet]")
    expect(sheet.locator("[data-test=rule-version]")).to_contain_text("第 1 版", timeout=SLOW_MS)
    expect(sheet.locator("[data-test=evidence-fixes] li").first).to_be_visible()
    assert until("window.wall.map.queryRenderedFeatures({layers: ['evidence-fix']}).length > 0")
    sheet.locator("[data-test=sheet-acknowledge]").click()
    expect(sheet.locator("[data-test=alert-story]")).to_contain_text("确认", timeout=SLOW_MS)
    sheet.locator("[data-test=sheet-note-save]").click()
    expect(sheet).to_contain_text("要写处理说明")
    sheet.locator("[data-test=sheet-note]").fill("已电话提醒")
    sheet.locator("[data-test=sheet-note-save]").click()
    expect(sheet.locator("[data-test=alert-story]")).to_contain_text("已电话提醒", timeout=SLOW_MS)
    sheet.locator("[data-test=sheet-note]").fill("已返回")
    sheet.locator("[data-test=sheet-close]").click()
    expect(sheet.locator("[data-test=alert-story]")).to_contain_text("人工关闭", timeout=SLOW_MS)
    kept = demo.rows(
        f"SELECT close_reason, note FROM alert WHERE device_id = {device_id} ORDER BY id DESC LIMIT 1"
    )
    assert kept == [("handled", "已返回")]


def test_late_fixes_are_told_as_correction_and_withdrawal(page: Page, demo: Demo, until: Until) -> None:
    device_id, _, lon, lat = demo.grids[3]
    fixes = json.dumps({"fixes": [{"time": 0, "lon": lon, "lat": lat, "value": 12.5}], "worst": 12.5})
    bounds = json.dumps(
        {
            "before": {"opened_at": "2026-01-02T01:00:00Z", "closed_at": "2026-01-02T02:00:00Z"},
            "after": {"opened_at": "2026-01-02T00:30:00Z", "closed_at": "2026-01-02T02:00:00Z"},
        }
    )
    for rule, event in (("dwell", "corrected"), ("jump", "withdrawn")):
        withdrawn = "now()" if event == "withdrawn" else "NULL"
        demo.run(
            "WITH made AS (INSERT INTO alert (rule, rule_version, severity, device_id, area_code, opened_at,"
            " last_seen_at, closed_at, close_reason, lon, lat, last_lon, last_lat, evidence, withdrawn_at)"
            f" SELECT '{rule}', 4, 'info', id, area_code, '2026-01-02T00:30Z', '2026-01-02T02:00Z',"
            f" '2026-01-02T02:00Z', 'returned', {lon}, {lat}, {lon}, {lat}, '{fixes}', {withdrawn}"
            f" FROM device WHERE id = {device_id} RETURNING id)"
            f" INSERT INTO alert_log (alert_id, event, detail) SELECT id, '{event}', '{bounds}' FROM made"
        )
    log_in(page)
    page.goto(f"/alerts?unit={device_id}")
    rows = page.locator("[data-test=alert-rows] .el-table__body")
    expect(rows).to_contain_text("已更正", timeout=SLOW_MS)
    expect(rows).to_contain_text("已撤回")
    page.locator("[data-test=fate]").click()
    page.get_by_role("option", name="已更正").click()
    expect(rows).not_to_contain_text("已撤回", timeout=SLOW_MS)
    expect(page).to_have_url(re.compile("fate=corrected"))
    page.locator(".el-table__expand-icon").first.click()
    expect(page.locator("[data-test=alert-story]")).to_contain_text("改为", timeout=SLOW_MS)
    with page.expect_download() as kept:
        page.locator("[data-test=export]").click()
    with kept.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert [(row["规则"], row["规则版本"]) for row in csv.DictReader(file)] == [("dwell", "4")]
    page.get_by_role("link", name="在大屏查看").first.click()
    expect(page.locator("[data-test=sheet-corrected]")).to_contain_text(
        "补传的定位改变了起止时间", timeout=SLOW_MS
    )


def test_filters_of_the_history_and_the_empty_list(page: Page, demo: Demo, until: Until) -> None:
    log_in(page)
    page.goto("/alerts?rule=low_battery&state=open")
    expect(page.locator("[data-test=alert-rows]")).to_contain_text("没有符合条件的告警", timeout=SLOW_MS)
    expect(page.locator("[data-test=state-open]")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="清除", exact=True).click()
    expect(page).not_to_have_url(re.compile("rule="))


def test_a_track_is_replayed_told_by_its_day_and_kept(page: Page, demo: Demo, until: Until) -> None:
    device_id, key, lon, lat = demo.grids[9]
    for step in range(20):
        demo.send((key, lon + step * 2e-4, lat), ago_s=1500 - step * 10)
    demo.send((key, lon + 40e-4, lat), ago_s=400)
    for step in range(12):
        demo.send((key, lon + 40e-4, lat), ago_s=390 - step * 30, speed_mps=0)
    open_wall(page, until)
    page.evaluate(f"window.wall.select({device_id})")
    page.locator("[data-test=track]").click(timeout=SLOW_MS)
    page.locator("[data-test=span-hour]").click()
    page.locator("[data-test=track-detail]").fill("核对里程")
    page.locator("[data-test=track-show]").click()
    bar = page.locator("[data-test=track-bar]")
    expect(bar).to_contain_text("定位点", timeout=SLOW_MS)
    expect(bar.locator("rect.gap")).to_have_count(1)
    bar.locator("[data-test=track-pace]").select_option("300")
    page.keyboard.press("Space")
    expect(bar.locator("[data-test=track-here]")).to_be_visible(timeout=SLOW_MS)
    before = bar.locator("[data-test=track-here]").inner_text()
    expect(bar.locator("[data-test=track-here]")).not_to_have_text(before, timeout=SLOW_MS)
    bar.locator("[data-test=track-day]").click()
    detail = bar.locator("[data-test=track-day-detail]")
    expect(detail.locator("[data-test=day-mileage]")).to_contain_text("±", timeout=SLOW_MS)
    expect(detail).to_contain_text("停留")
    expect(detail.locator("[data-test=day-turn]").first).to_contain_text("网格内")
    for form, begins in (
        ("gpx", "<?xml"),
        ("geojson", '{"type"'),
        ("csv", "device,time"),
        ("parquet", "PAR1"),
    ):
        bar.locator("[data-test=track-files]").click()
        with page.expect_download() as kept:
            bar.locator(f"[data-test=track-{form}]").click()
        with kept.value.path().open("rb") as file:
            assert file.read(20).decode("latin-1").startswith(begins)
    looked = demo.rows(
        f"SELECT action, detail->>'reason' FROM audit WHERE object_id = '{device_id}'"
        " AND action LIKE 'unit.track%' ORDER BY id"
    )
    assert {reason for _, reason in looked} == {"告警处置：核对里程"}
    assert [action for action, _ in looked].count("unit.track_export") == 4
