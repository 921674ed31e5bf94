"""A day in a file is the day; nothing is dropped that the file does not hold."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
import shapely

from tests.tracking.test_settling import DAYS, TODAY, filled, midnight, write
from tracking import archive, geoparquet, models, settling
from tracking.archive import ArchiveSettings, NotArchived, NotSettled
from tracking.clock import micros_of
from tracking.fix import Fix

__all__ = ["filled"]
EVERYTHING = "SELECT * FROM fix ORDER BY device_id, fix_time, content"


def test_the_archive_knows_every_column_of_a_fix() -> None:
    assert [column.name for column in geoparquet.COLUMNS] == [column.name for column in models.fix.columns]


def test_a_day_goes_to_its_file_and_comes_back(filled: psycopg.Connection[Any], tmp_path: Path) -> None:
    keep = ArchiveSettings(archive_after_days=1, keep_days=2, archive_dir=tmp_path)
    with pytest.raises(NotSettled):
        archive.archive_day(filled, DAYS[0], keep.folder)
    said = Fix(micros_of(midnight(DAYS[0])) + 5, 120.1, 30.4, 12.5, 3.25, 90.0, 5.0, 9, 77)
    write(filled, [("d0", said)])
    filled.execute("UPDATE fix SET signals = 5 WHERE altitude_m = 12.5")
    before = filled.execute(EVERYTHING).fetchall()
    settling.settle_due(filled)

    first = archive.retain(filled, keep, today=TODAY)
    assert [one.day for one in first.archived] == DAYS
    assert first.dropped == DAYS[:2]
    left = filled.execute(EVERYTHING).fetchall()
    assert len(left) == 4 * 144
    file = keep.folder / first.archived[0].file
    table = pq.read_table(file)
    geo = json.loads(table.schema.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    points = shapely.from_wkb(table.column("geometry").to_pylist())
    box = geo["columns"]["geometry"]["bbox"]
    assert shapely.covers(shapely.box(*box), points).all()
    assert shapely.Point(120.1, 30.4) in points

    late = Fix(micros_of(midnight(DAYS[0])) + 9, 120.2, 30.4)
    write(filled, [("d1", late)])
    assert archive.restore_day(filled, DAYS[1], keep.folder) == 4 * 144
    again = archive.retain(filled, keep, today=TODAY)
    assert {one.day: one.fixes for one in again.archived} == {DAYS[0]: 4 * 144 + 2, DAYS[1]: 4 * 144}
    assert again.dropped == []  # brought back a moment ago: both stay for a while
    assert len(filled.execute(EVERYTHING).fetchall()) == len(before) + 1
    filled.execute("DELETE FROM fix WHERE lon = 120.2")
    assert filled.execute(EVERYTHING).fetchall() == before


def test_nothing_is_dropped_that_the_file_does_not_hold(
    filled: psycopg.Connection[Any], tmp_path: Path
) -> None:
    settling.settle_due(filled)
    day = DAYS[0]
    with pytest.raises(NotArchived):
        archive.drop_day(filled, day, tmp_path)
    told = archive.archive_day(filled, day, tmp_path)
    write(filled, [("d0", Fix(micros_of(midnight(day)) + 1, 120.0, 30.5))])
    with pytest.raises(NotArchived, match="fixes came since"):
        archive.drop_day(filled, day, tmp_path)
    settling.settle_due(filled)
    assert archive.archive_day(filled, day, tmp_path).fixes == told.fixes + 1
    assert archive.verify_day(filled, day, tmp_path) == told.fixes + 1
    damaged = bytearray((tmp_path / told.file).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / told.file).write_bytes(damaged)
    with pytest.raises(NotArchived, match="altered"):
        archive.drop_day(filled, day, tmp_path)


def test_columns_go_through_a_file_unchanged(filled: psycopg.Connection[Any], tmp_path: Path) -> None:
    settling.settle_due(filled)
    archive.archive_day(filled, DAYS[2], tmp_path)
    file = tmp_path / f"fixes_{DAYS[2]:%Y%m%d}.parquet"
    one = geoparquet.read(file, device_id=2)
    assert set(one["device_id"].tolist()) == {2}
    geoparquet.write(tmp_path / "copy.parquet", one)
    assert geoparquet.equal(geoparquet.read(tmp_path / "copy.parquet"), one)
    assert one["fix_time"][0] == micros_of(midnight(DAYS[2]))
    assert one["fix_time"][-1] < micros_of(midnight(DAYS[2]) + timedelta(days=1))
