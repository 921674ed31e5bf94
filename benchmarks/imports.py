"""Import of polygons and of a table of points beside plain ogr2ogr, in turns; shifts of points."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
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


def _table(path: Path, rows: int) -> Path:
    """Shops in a CSV file, six columns."""
    random = np.random.default_rng(7)
    x, y = 120 + random.uniform(0, 0.1, rows), 30.5 + random.uniform(0, 0.1, rows)
    lines = (f"{at},店{at},shop,望川路{at}号,{x[at]:.7f},{y[at]:.7f}" for at in range(rows))
    path.write_text("\n".join(["id,name,kind,address,lng,lat", *lines]), encoding="utf-8")
    return path


def _took(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and own processor seconds."""
    wall, own = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - own


def measure(*, database_url: str, rows: int = 50_000) -> dict[str, Any]:
    """Rows a second of both into empty places, taken in turns; nothing stays behind."""
    folder = Path(tempfile.mkdtemp(prefix="wanmi-bench-"))
    as_points = ("-oo", "X_POSSIBLE_NAMES=lng", "-oo", "Y_POSSIBLE_NAMES=lat", "-a_srs", "EPSG:4326")
    try:
        figures: dict[str, Any] = {"rows": rows}
        figures |= _beside_ogr2ogr(_layer(folder / "b.gpkg", rows), "building", database_url, rows)
        points = _beside_ogr2ogr(_table(folder / "p.csv", rows), "facility", database_url, rows, *as_points)
        figures |= {f"points_{name}": value for name, value in points.items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures | shifts()


def _beside_ogr2ogr(
    file: Path, target: str, database_url: str, rows: int, *options: str
) -> dict[str, float | None]:
    request = ImportRequest(file, target=target, source="bench", remember=False, dry_run=True,
                            mapping=MappingOptions(key_field="id"))  # fmt: skip
    ogr2ogr = shutil.which("ogr2ogr")
    command = [str(ogr2ogr), "-f", "PostgreSQL", f"PG:{database_url}", str(file),
               "-nln", "bench_ogr2ogr", "-overwrite", "-lco", "GEOMETRY_NAME=geom", *options,
               *([] if options else ["-nlt", "PROMOTE_TO_MULTI"]),
               "--config", "PG_USE_COPY", "YES"]  # fmt: skip
    ours: list[tuple[float, float]] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(_took(partial(run_import, request, database_url)))
        if ogr2ogr is not None:
            theirs.append(_took(partial(subprocess.run, command, check=True, capture_output=True))[0])
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_ogr2ogr")
    per_s = rows / median(one[0] for one in ours)
    peer = rows / median(theirs) if theirs else None
    return {
        "import_rows_per_s": per_s,
        "import_rows_per_own_cpu_s": rows / median(one[1] for one in ours),
        "ogr2ogr_rows_per_s": peer,
        "ratio": per_s / peer if peer else None,
    }


def shifts() -> dict[str, float]:
    """Points a second of one core (processor time) for the shifts, over all of China."""
    random = np.random.default_rng(7)
    lon, lat = random.uniform(74, 135, POINTS), random.uniform(18, 53.5, POINTS)
    found: dict[str, float] = {}
    for function in (gcj02_from_wgs84, wgs84_from_gcj02, wgs84_from_bd09):
        best = min(_took(partial(function, lon, lat))[1] for _ in range(ROUNDS))
        found[f"{function.__name__}_per_s"] = POINTS / best
    return found


def report(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for kind, prefix in (("面 polygons (.gpkg)", ""), ("点 points (.csv)", "points_")):
        rows += [
            (f"{kind} import, rows/s", f"{figures[f'{prefix}import_rows_per_s']:,.0f}"),
            ("　每秒自身 CPU per own CPU second", f"{figures[f'{prefix}import_rows_per_own_cpu_s']:,.0f}"),
        ]
        if figures[f"{prefix}ogr2ogr_rows_per_s"]:
            rows += [
                ("　ogr2ogr (COPY), rows/s", f"{figures[f'{prefix}ogr2ogr_rows_per_s']:,.0f}"),
                ("　比 ratio", f"{figures[f'{prefix}ratio']:.2f}"),
            ]
    rows += [(key.removesuffix("_per_s") + ", points/s a core", f"{value:,.0f}")
             for key, value in figures.items() if key.startswith(("gcj02", "wgs84"))]  # fmt: skip
    return rows
