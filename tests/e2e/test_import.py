"""A table in GBK with undeclared GCJ-02 on its way through the import wizard."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from gis_core.coordinates import gcj02_from_wgs84
from tests.e2e.conftest import Demo
from tests.e2e.test_wall import SLOW_MS, log_in

pytestmark = pytest.mark.e2e

POINTS = (
    "SELECT m.id, m.name, ST_X(p), ST_Y(p) FROM (SELECT id, name,"
    " ST_LineInterpolatePoint(ST_GeometryN(geom, 1), 0.5) AS p FROM road WHERE name IS NOT NULL) AS m"
    " JOIN area AS d ON d.level = 'district' AND d.code = '990102' AND ST_Covers(d.geom, p)"
    " AND NOT ST_DWithin(ST_Boundary(d.geom), p, 0.0005)"
    " ORDER BY m.id LIMIT 120"
)


def write_table(path: Path, demo: Demo) -> int:
    rows = demo.rows(POINTS)
    lon, lat = np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
    shifted = zip(*gcj02_from_wgs84(lon, lat), strict=True)
    lines = [
        f"W{row[0]},公厕{row[0]},公共厕所,{row[1]}{row[0] % 90 + 1}号,{x:.6f},{y:.6f}"
        for row, (x, y) in zip(rows, shifted, strict=True)
    ]
    path.write_bytes("\n".join(["编号,名称,类别,地址,经度,纬度", *lines]).encode("gb18030"))
    return len(rows)


def test_shifted_table_waits_for_a_decision_and_comes_in_right(
    page: Page, demo: Demo, tmp_path: Path
) -> None:
    file = tmp_path / "公厕点位.csv"
    number = write_table(file, demo)
    log_in(page, "gis")
    page.goto("/import")
    page.locator("[data-test=file]").set_input_files(file)
    evidence = page.locator("[data-test=evidence]")
    expect(evidence).to_contain_text("建议", timeout=SLOW_MS)
    expect(page.locator("[data-test=encoding]")).to_contain_text("gb18030")
    expect(page.locator("[data-test=to-mapping]")).to_be_disabled()
    evidence.locator("[data-test=reading-gcj02]").first.click()
    page.locator("[data-test=to-mapping]").click()
    page.locator("[data-test=target]").select_option("facility")
    expect(page.locator("[data-test=map-name]")).to_have_value("名称")
    before = demo.rows("SELECT count(*) FROM facility")
    page.locator("[data-test=try]").click()
    expect(page.locator("[data-test=report]")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("[data-test=count-inserted]")).to_have_text(str(number))
    assert demo.rows("SELECT count(*) FROM facility") == before
    page.locator("[data-test=run]").click()
    expect(page.locator("[data-test=done]")).to_be_visible(timeout=SLOW_MS)
    with page.expect_download() as download:
        page.locator("[data-test=csv]").click()
    assert download.value.suggested_filename.endswith("-report.csv")
    offset = (
        "SELECT max(ST_Distance(f.geom::geography, m.p::geography)) FROM facility f JOIN"
        " (SELECT id, ST_LineInterpolatePoint(ST_GeometryN(geom, 1), 0.5) AS p FROM road) m"
        " ON f.name = '公厕' || m.id"
    )
    assert 0 <= demo.rows(offset)[0][0] < 1


def test_a_broken_file_is_refused_in_words(page: Page, base_url: str, tmp_path: Path) -> None:
    file = tmp_path / "边界.geojson"
    file.write_text('{"type": "FeatureCollection", "features": [', encoding="utf-8")
    log_in(page, "gis")
    page.goto("/import")
    page.locator("[data-test=file]").set_input_files(file)
    expect(page.locator("[data-test=refusal]")).to_be_visible(timeout=SLOW_MS)
