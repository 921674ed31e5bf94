"""Import of a simple layer beside plain ogr2ogr into the same PostGIS, in turns, and shifted points."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg
import pyogrio
import shapely

from gis_core.coordinates import gcj02_from_wgs84, wgs84_from_bd09, wgs84_from_gcj02
from gis_core.importing.mapping import MappingOptions
from gis_core.importing.run import ImportRequest, run_import

ROUNDS = 3
POINTS = 1_000_000


def _layer(path: Path, rows: int) -> Path:
    """Square buildings in a GeoPackage, four fields each."""
    random = np.random.default_rng(7)
    x, y = 120 + random.uniform(0, 0.1, rows), 30.5 + random.uniform(0, 0.1, rows)
    shapes = shapely.box(x, y, x + 1e-4, y + 1e-4)
    fields = {
        "id": np.arange(rows),
        "name": np.array([f"楼{at}" for at in range(rows)], dtype=object),
        "height": random.uniform(3, 90, rows).round(1),
        "kind": np.array(["residential"] * rows, dtype=object),
    }
    pyogrio.raw.write(
        path, shapely.to_wkb(shapes), field_data=list(fields.values()), fields=list(fields),
        geometry_type="Polygon", crs="EPSG:4326", driver="GPKG", layer="buildings",
    )  # fmt: skip
    return path


def _took(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and own processor seconds."""
    wall, own = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - own


def measure(*, database_url: str, rows: int = 50_000) -> dict[str, Any]:
    """Rows a second of both into empty places, taken in turns; nothing stays behind."""
    folder = Path(tempfile.mkdtemp(prefix="wanmi-bench-"))
    ours: list[tuple[float, float]] = []
    theirs: list[float] = []
    try:
        file = _layer(folder / "b.gpkg", rows)
        request = ImportRequest(file, target="building", source="bench", remember=False, dry_run=True,
                                mapping=MappingOptions(key_field="id"))  # fmt: skip
        ogr2ogr = shutil.which("ogr2ogr")
        command = [str(ogr2ogr), "-f", "PostgreSQL", f"PG:{database_url}", str(file), "buildings",
                   "-nln", "bench_ogr2ogr", "-nlt", "PROMOTE_TO_MULTI", "-overwrite",
                   "-lco", "GEOMETRY_NAME=geom",
                   "--config", "PG_USE_COPY", "YES"]  # fmt: skip
        for _ in range(ROUNDS):
            ours.append(_took(lambda: run_import(request, database_url)))
            if ogr2ogr is not None:
                theirs.append(_took(lambda: subprocess.run(command, check=True, capture_output=True))[0])
        with psycopg.connect(database_url) as connection:
            connection.execute("DROP TABLE IF EXISTS bench_ogr2ogr")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wall = median(one[0] for one in ours)
    figures: dict[str, Any] = {
        "rows": rows,
        "import_rows_per_s": rows / wall,
        "import_rows_per_own_cpu_s": rows / median(one[1] for one in ours),
        "ogr2ogr_rows_per_s": rows / median(theirs) if theirs else None,
    }
    figures["ratio"] = figures["import_rows_per_s"] / figures["ogr2ogr_rows_per_s"] if theirs else None
    return figures | shifts()


def shifts() -> dict[str, float]:
    """Points a second of one core (processor time) for the shifts, over all of China."""
    random = np.random.default_rng(7)
    lon, lat = random.uniform(74, 135, POINTS), random.uniform(18, 53.5, POINTS)
    found: dict[str, float] = {}
    for function in (gcj02_from_wgs84, wgs84_from_gcj02, wgs84_from_bd09):
        best = min(_took(lambda function=function: function(lon, lat))[1] for _ in range(ROUNDS))
        found[f"{function.__name__}_per_s"] = POINTS / best
    return found


def report(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("导入 import, rows/s", f"{figures['import_rows_per_s']:,.0f}"),
        ("　每秒自身 CPU per own CPU second", f"{figures['import_rows_per_own_cpu_s']:,.0f}"),
    ]
    if figures["ogr2ogr_rows_per_s"]:
        rows.append(("ogr2ogr (COPY), rows/s", f"{figures['ogr2ogr_rows_per_s']:,.0f}"))
        rows.append(("比 ratio", f"{figures['ratio']:.2f}"))
    rows += [(key.removesuffix("_per_s") + ", points/s a core", f"{value:,.0f}")
             for key, value in figures.items() if key.startswith(("gcj02", "wgs84"))]  # fmt: skip
    return rows
