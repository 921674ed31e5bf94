"""A community divided into unit grids, adjusted by hand and published."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo, Until
from tests.e2e.test_wall import SLOW_MS, log_in

pytestmark = pytest.mark.e2e

DIVIDED_MS = 60_000


def give_reason(page: Page, reason: str) -> None:
    page.locator("[data-test=reason]").fill(reason)
    page.locator("[data-test=reason-confirm]").click()
    expect(page.locator("[data-test=reason-bar]")).to_have_count(0, timeout=SLOW_MS)


def test_divide_merge_undo_and_publish(page: Page, demo: Demo, until: Until) -> None:
    code, name = demo.rows("SELECT code, name FROM area WHERE level = 'community' ORDER BY code LIMIT 1")[0]
    log_in(page, "gis")
    page.goto("/grids")
    page.locator(".el-select[data-test=area]").click()
    page.keyboard.type(code)
    page.locator(".el-tree-node__content:visible", has_text=name).last.click()
    page.locator("[data-test=divide]").click()
    give_reason(page, "初次划分")
    cells = page.locator("[data-test=topology] [data-test=cells]")
    expect(cells).to_be_visible(timeout=DIVIDED_MS)
    number = int(cells.inner_text().replace(",", ""))
    until(
        "window.work.map.queryRenderedFeatures({layers: ['draft']}).length > 1 && !window.work.map.isMoving()"
    )

    # The largest cell and a neighbour of it, as the database knows them; clicked where the map has them.
    pair = demo.rows(
        "SELECT ST_X(ST_PointOnSurface(a.geom)), ST_Y(ST_PointOnSurface(a.geom)),"
        " ST_X(ST_PointOnSurface(b.geom)), ST_Y(ST_PointOnSurface(b.geom))"
        " FROM publish.grid_draft_cell a JOIN publish.grid_draft_cell b ON a.id < b.id"
        " AND ST_Length(ST_Intersection(a.geom, b.geom)) > 0.0002 AND NOT a.wet AND NOT b.wet"
        " ORDER BY a.id LIMIT 1"
    )[0]
    for at, modifiers in ((pair[:2], []), (pair[2:], ["Shift"])):
        spot = page.evaluate(f"window.work.map.project([{at[0]}, {at[1]}])")
        page.locator("[data-test=map] canvas").click(
            position={"x": spot["x"], "y": spot["y"]},
            modifiers=modifiers,  # type: ignore[arg-type]
        )
    expect(page.locator("[data-test=chosen]")).to_contain_text("2")
    page.locator("[data-test=merge]").click()
    give_reason(page, "同一小区")
    expect(cells).to_have_text(f"{number - 1:,}", timeout=SLOW_MS)
    page.locator("[data-test=undo]").click()
    give_reason(page, "还是分开好")
    expect(cells).to_have_text(f"{number:,}", timeout=SLOW_MS)
    page.locator("[data-test=publish]").click()
    give_reason(page, "会议通过")
    expect(page.locator("[data-test=draft-state]")).to_have_text("已发布", timeout=SLOW_MS)
    now = f"SELECT count(*) FROM unit_grid WHERE community_code = '{code}' AND change_date IS NULL"
    assert demo.rows(now) == [(number,)]


def test_coverage_of_responsibility_grids(page: Page, demo: Demo) -> None:
    code = demo.rows("SELECT code FROM area WHERE level = 'street' ORDER BY code LIMIT 1")[0][0]
    log_in(page, "gis")
    page.goto("/grids?tab=duty")
    expect(page.locator("[data-test=duty]").first).to_be_visible(timeout=SLOW_MS)
    page.locator(".el-select[data-test=area]").click()
    page.keyboard.type(code)
    page.locator(".el-tree-node__content:visible", has_text=code).first.click()
    page.locator("[data-test=check]").click()
    expect(page.locator("[data-test=covered]")).to_contain_text("单元网格有人负责", timeout=SLOW_MS)
