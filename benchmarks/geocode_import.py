"""Import of a large address table into an empty gazetteer, beside a mere COPY of the same file."""

import csv
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.geocode_city import made_up_city
from benchmarks.servers import new_servers, scratch_folder
from command_center.assembly import PACKAGES
from gis_core.migrate import migrate

COLUMNS = ("id", "address", "district", "lon", "lat")


def measure(*, size: int, folder: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of ``./wanmi import addresses`` for ``size`` rows: the first time, and the same table again."""
    with scratch_folder(folder) as scratch:
        table = scratch / "addresses.csv"
        # By a process of its own: what is forked off a large one counts as large.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
            rows = other.submit(_write, table, size).result()
        say(f"{rows:,} addresses, {table.stat().st_size / 2**20:.0f} MiB")
        servers = new_servers(scratch)
        with servers.cluster.running():
            servers.cluster.ensure_database()
            migrate(servers.database_url, PACKAGES)
            figures: dict[str, Any] = {"rows": rows, "copy_s": _copied(servers.database_url, table)}
            for name in ("first", "again"):
                figures |= _imported(servers.database_url, table, name)
                say(f"{name}: {figures[f'{name}_s']:.1f} s")
        figures["cpus"], figures["load_average"] = os.cpu_count(), os.getloadavg()[0]
    return figures


def _write(table: Path, size: int) -> int:
    gazetteer, _ = made_up_city(size)
    raw = gazetteer.raw
    columns = [column.tolist() for column in (raw.base, raw.number, raw.district, raw.lon, raw.lat)]
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for key, (base, number, district, lon, lat) in enumerate(zip(*columns, strict=True)):
            area = gazetteer.areas.texts[district]
            text = f"{area}{gazetteer.bases.texts[base]}{number}号"
            writer.writerow((key, text, area, f"{lon:.7f}", f"{lat:.7f}"))
    return len(columns[0])


def _copied(database_url: str, table: Path) -> float:
    """Seconds to COPY the file as it is into a table without any index."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE bench_copy (id text, address text, district text, lon float8, lat float8)"
        )
        began = time.perf_counter()
        statement = "COPY bench_copy FROM STDIN (FORMAT csv, HEADER true)"
        with connection.cursor() as cursor, cursor.copy(statement) as copy, table.open("rb") as file:
            while piece := file.read(1 << 20):
                copy.write(piece)
        took = time.perf_counter() - began
        connection.execute("DROP TABLE bench_copy")
    return took


def _imported(database_url: str, table: Path, name: str) -> dict[str, Any]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    made = subprocess.run(
        [sys.executable, "-m", "command_center", "import", "addresses", str(table), "--source", "bench"],
        env={**os.environ, "WANMI_DATABASE_URL": database_url},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if made.returncode:
        raise RuntimeError(f"the import ended with {made.returncode}: {made.stderr[-2000:]}")
    return {
        f"{name}_s": took,
        f"{name}_cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory_mib": after.ru_maxrss / 1024,
    }


def report(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows for people."""
    return [
        ("地址 addresses", f"{figures['rows']:,}"),
        ("仅 COPY mere COPY", f"{figures['copy_s']:.1f} s"),
        *(
            (label, f"{figures[f'{name}_s']:.1f} s, {figures[f'{name}_cpu_s']:.1f} s of our processor time")
            for name, label in (
                ("first", "导入 import, self-examination and all"),
                ("again", "再次导入 again"),
            )
        ),
        ("内存 memory", f"{figures['memory_mib']:,.0f} MiB"),
        ("负载 load average", f"{figures['load_average']:.1f}"),
    ]
