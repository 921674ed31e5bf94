"""Geocoding over HTTP: the real web process on a made-up city, beside its cheapest answer in the same run."""

import asyncio
import json
import os
import random
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import psutil
import psycopg

from benchmarks.geocode_city import DISTRICTS, DOORS_A_ROAD, made_up_city
from benchmarks.geocode_client import CONNECTIONS, answer, head
from benchmarks.servers import new_servers, scratch_folder
from command_center.assembly import prepare_database
from command_center.processes import machine
from command_center.processes.probes import answers_http
from geocoding.grammar.characters import initials
from geocoding.index.entries import UNITS, Entry
from geocoding.index.gazetteer import Gazetteer
from geocoding.store import renew_calibration, save_entries, save_source
from gis_core.identity.secrets import new_api_token, token_hash

START_TIMEOUT_S = 300.0
SHARE = 0.5
"""Part of the highest rate at which the times of answers are measured, where no rate is asked for."""
ASKED_PER_S = {"geocode": 2000.0, "healthz": 2000.0}
"""Rates at which the times must hold; the cheapest answer shows what client and machine add to them."""
WEST, SOUTH, DEGREES = 119.6, 30.1, 0.9
"""A square around the made-up city."""
CELLS = {"street": 10, "community": 50, "unit_grid": 120, "responsibility": 60}
"""Areas of each kind along one side of the square: 14,400 unit grids."""
WRK_SCRIPT = """
local lines, n = {}, 0
for line in io.lines(os.getenv("WANMI_BENCH_PATHS")) do lines[#lines + 1] = line end
function request() n = n % #lines + 1 return wrk.format("GET", lines[n]) end
"""

_CITY = """
INSERT INTO area (code, level, name, parent_code, valid_from, source, source_key, geom)
SELECT %(prefix)s::text || to_char(i + 1, %(digits)s::text), %(level)s::text, %(name)s::text || i,
       %(parent)s, '1900-01-01', 'bench', %(level)s::text || i,
       ST_Multi(ST_MakeEnvelope(%(west)s + (i %% %(n)s) * %(step)s, %(south)s + (i / %(n)s) * %(step)s,
                                %(west)s + (i %% %(n)s + 1) * %(step)s,
                                %(south)s + (i / %(n)s + 1) * %(step)s, 4326))
  FROM generate_series(0, %(n)s * %(n)s - 1) AS i
"""
_GRIDS = """
INSERT INTO unit_grid (code, community_code, area_m2, initial_date, geom)
SELECT '990102' || to_char(i, 'FM000000') || '001', '990102' || to_char(i, 'FM000000'), 10000, '2020-01-01',
       ST_MakeEnvelope(%(west)s + (i %% %(n)s) * %(step)s, %(south)s + (i / %(n)s) * %(step)s,
                       %(west)s + (i %% %(n)s + 1) * %(step)s, %(south)s + (i / %(n)s + 1) * %(step)s, 4326)
  FROM generate_series(0, %(n)s * %(n)s - 1) AS i
"""
_RESPONSIBILITY = """
INSERT INTO responsibility_grid (code, name, area_code, valid_from, geom)
SELECT 'R' || i, '责任网格' || i, '990102001', '2020-01-01',
       ST_Multi(ST_MakeEnvelope(%(west)s + (i %% %(n)s) * %(step)s, %(south)s + (i / %(n)s) * %(step)s,
                                %(west)s + (i %% %(n)s + 1) * %(step)s,
                                %(south)s + (i / %(n)s + 1) * %(step)s, 4326))
  FROM generate_series(0, %(n)s * %(n)s - 1) AS i
"""
_READER = """
WITH org AS (INSERT INTO org_unit (code, name, kind, area_code)
             VALUES ('BENCH', '测量', 'centre', '990102') RETURNING id),
     person AS (INSERT INTO person (login, name, org_unit_id, area_code, password)
                SELECT 'bench', 'bench', id, '990102', 'no password' FROM org RETURNING id),
     held AS (INSERT INTO role_grant (person_id, role_key)
              SELECT id, (SELECT key FROM role WHERE 'map.view' = ANY (permissions) ORDER BY key LIMIT 1)
                FROM person)
INSERT INTO api_token (person_id, name, token_hash) SELECT id, 'bench', %s FROM person
"""


class Server(NamedTuple):
    """The web process, and what it takes to ask it."""

    port: int
    token: str
    process: psutil.Process
    texts: dict[str, list[str]]
    roads: list[str]

    def cpu_s(self) -> float:
        """Of all workers so far."""
        times = [one.cpu_times() for one in self._processes()]
        return float(sum(one.user + one.system for one in times))

    def memory_mib(self) -> float:
        """Resident, what they share counted for each."""
        return float(sum(one.memory_info().rss for one in self._processes())) / 2**20

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


FEW = 2
"""Connections that hardly wait for one another: the time of an answer by itself."""


@dataclass
class Times:
    """What one load came to. ``cpu_ms``: processor time of the web process for one answer."""

    per_s: float
    cpu_ms: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    failed: int = 0


def _fill(connection: psycopg.Connection[Any], gazetteer: Gazetteer) -> str:
    """Areas, grids, the addresses, its errors, a reader; the reader's token."""
    square = {"west": WEST, "south": SOUTH}
    for level, name, parent, prefix, digits in (
        ("street", "街道", "990102", "990102", "FM000"),
        ("community", "居委会", "990102001", "990102", "FM000000"),
    ):
        n = CELLS[level]
        connection.execute(
            _CITY,
            {**square, "n": n, "step": DEGREES / n, "level": level, "name": name, "parent": parent,
             "prefix": prefix, "digits": digits},
        )  # fmt: skip
    n = CELLS["unit_grid"]
    connection.execute(_GRIDS, {**square, "n": n, "step": DEGREES / n})
    n = CELLS["responsibility"]
    connection.execute(_RESPONSIBILITY, {**square, "n": n, "step": DEGREES / n})
    source = save_source(connection, "bench", quality=0.8, datum="wgs84", columns={})
    save_entries(connection, source, _entries(gazetteer))
    renew_calibration(connection, gazetteer, 2000)
    token = new_api_token()
    connection.execute(_READER, [token_hash(token)])
    connection.commit()
    connection.autocommit = True
    connection.execute("ANALYZE")
    return token


def _entries(gazetteer: Gazetteer) -> Iterator[Entry]:
    raw = gazetteer.raw
    columns = (raw.base, raw.number, raw.unit, raw.district, raw.lon, raw.lat)
    for key, (base, number, unit, district, lon, lat) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        name, area = gazetteer.bases.texts[base], gazetteer.areas.texts[district]
        yield Entry(
            str(key), name, gazetteer.base_kinds[base], number, UNITS[unit], "", number, "", area, "", "",
            lon, lat, f"{area}{name}{number}号",
        )  # fmt: skip


@contextmanager
def serving(size: int, folder: Path | None, say: Callable[[str], None], workers: int = 1) -> Iterator[Server]:
    """A database with a city of ``size`` addresses, and the web process on it, until the block ends."""
    gazetteer, texts = made_up_city(size)
    with scratch_folder(folder) as scratch:
        servers = new_servers(scratch)
        with servers.cluster.running():
            servers.cluster.ensure_database()
            prepare_database(servers.database_url)
            with psycopg.connect(servers.database_url) as connection:
                token = _fill(connection, gazetteer)
            say(f"{gazetteer.size:,} addresses in the database")
            roads = gazetteer.bases.texts[1 : 1 + size // DOORS_A_ROAD]
            del gazetteer
            port = machine.free_port()
            environment = {
                name: value for name, value in os.environ.items() if not name.startswith("WANMI_")
            } | {
                "WANMI_DATABASE_URL": servers.database_url,
                "WANMI_SECRET_KEY": secrets.token_hex(32),
                "WANMI_DATA_DIR": str(scratch / "data"),
                "WANMI_LOG_LEVEL": "WARNING",
            }
            (scratch / "data").mkdir()
            with (scratch / "web.log").open("wb") as log:
                web = subprocess.Popen(
                    [
                        sys.executable,
                        "-c",
                        f"from command_center.web_server import run;"
                        f" run('127.0.0.1', {port}, workers={workers})",
                    ],
                    env=environment, cwd=Path(__file__).parents[1], stdout=log, stderr=log,
                )  # fmt: skip
            try:
                _await_gazetteer(port, token, web, scratch / "web.log", 10 * workers)
                yield Server(port, token, psutil.Process(web.pid), texts, roads)
            finally:
                web.terminate()
                web.wait(30)


def _await_gazetteer(port: int, token: str, web: subprocess.Popen[bytes], log: Path, times: int) -> None:
    """Until so many connections in a row were answered, whichever worker took them."""
    answered = 0
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        if web.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the web process does not start: {log.read_text()[-2000:]}")
        try:
            if answers_http(f"http://127.0.0.1:{port}/healthz"):
                status, body = asyncio.run(_once(port, token, "/api/v1/geocode?q=a"))
                answered = answered + 1 if status == 200 else 0
                if answered == times:
                    return
                if status == 200:
                    continue
                if status not in (503,):
                    raise RuntimeError(f"the web process answers {status}: {body[:500]!r}")
        except OSError:
            pass
        time.sleep(0.5)


async def _once(port: int, token: str, path: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head(token, path))
        return await answer(reader)
    finally:
        writer.close()


def _asked(server: Server, paths: Sequence[str], seconds: float, per_s: float | None) -> Times:
    """The load of ``geocode_client.load`` from a process of its own."""
    before = server.cpu_s()
    told = json.dumps([server.port, server.token, list(paths), seconds, per_s])
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks.geocode_client"],
        input=told, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    took, failed = json.loads(made.stdout)
    cpu_s = server.cpu_s() - before
    times = np.array(took) * 1e3
    return Times(
        len(took) / seconds, cpu_s / len(took) * 1e3, float(np.median(times)),
        float(np.quantile(times, 0.99)), failed,
    )  # fmt: skip


def _wrk(
    server: Server, paths: Sequence[str], seconds: float, connections: int = CONNECTIONS
) -> Times | None:
    """The highest rate by ``wrk``, which costs less than a client of ours; None where it is not installed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return None
    with scratch_folder(None) as folder:
        (folder / "ask.lua").write_text(WRK_SCRIPT)
        (folder / "paths").write_text("\n".join(paths))
        before = server.cpu_s()
        made = subprocess.run(
            [wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(folder / "ask.lua"),
             "-H", f"Authorization: Bearer {server.token}", "--latency", f"http://127.0.0.1:{server.port}"],
            capture_output=True, text=True, check=True,
            env=os.environ | {"WANMI_BENCH_PATHS": str(folder / "paths")},
        ).stdout  # fmt: skip
        cpu_s = server.cpu_s() - before
    count = re.search(r"(\d+) requests in", made)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", made)
    if count is None or rate is None:
        raise RuntimeError(f"wrk said: {made}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", made)
    return Times(
        float(rate[1]), cpu_s / int(count[1]) * 1e3, _wrk_ms(made, "50%"), _wrk_ms(made, "99%"),
        int(bad[1]) if bad else 0,
    )  # fmt: skip


def _wrk_ms(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", said)
    return float(found[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[found[2]] if found else 0.0


def _paths(server: Server) -> dict[str, list[str]]:
    drawn = random.Random(11)
    texts, roads = server.texts, server.roads
    geocode = [
        *texts["known"][:300],
        *texts["between"][:200],
        *texts["mistaken"][:100],
        *texts["chatter"][:50],
    ]
    drawn.shuffle(geocode)
    some = [drawn.choice(roads) for _ in range(200)]
    chinese = [name[: drawn.choice((1, 2, 3))] for name in some]
    letters = [initials(name)[: drawn.choice((2, 3, 4))] for name in some]
    doors = [f"{name}{drawn.randrange(1, 60)}" for name in some]
    places = [
        (WEST + 0.1 + drawn.random() * (DEGREES - 0.2), SOUTH + 0.1 + drawn.random() * (DEGREES - 0.2))
        for _ in range(400)
    ]

    def suggest(asked: Sequence[str]) -> list[str]:
        return [f"/api/v1/suggest?q={quote(text)}" for text in asked]

    return {
        "healthz": ["/healthz"],
        "geocode": [f"/api/v1/geocode?q={quote(text)}" for text in geocode],
        "suggest_chinese": suggest(chinese),
        "suggest_initials": suggest(letters),
        "suggest_doors": suggest(doors),
        "reverse": [f"/api/v1/reverse?lon={lon:.6f}&lat={lat:.6f}" for lon, lat in places],
    }


def measure(
    *, size: int, workers: int = 1, seconds: float = 5.0, folder: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:  # fmt: skip
    """Highest rate of each kind of question, and its times at half that rate."""
    with serving(size, folder, say, workers) as server:
        figures: dict[str, Any] = {
            "addresses": size,
            "districts": len(DISTRICTS),
            "connections": CONNECTIONS,
            "workers": workers,
        }
        for kind, paths in _paths(server).items():
            _asked(server, paths, 1.0, None)  # warm
            full = _wrk(server, paths, seconds) or _asked(server, paths, seconds, None)
            few = _wrk(server, paths, seconds, FEW) or _asked(server, paths, seconds, None)
            half = _asked(server, paths, seconds, ASKED_PER_S.get(kind, full.per_s * SHARE))
            figures[kind] = {
                "per_s": full.per_s, "per_core_s": 1e3 / full.cpu_ms, "full_p50_ms": full.p50_ms,
                "full_p99_ms": full.p99_ms, "few_per_s": few.per_s, "few_p50_ms": few.p50_ms,
                "few_p99_ms": few.p99_ms, "at_per_s": half.per_s, "p50_ms": half.p50_ms,
                "p99_ms": half.p99_ms, "failed": full.failed + half.failed,
            }  # fmt: skip
            say(f"{kind}: {figures[kind]}")
        figures["web_memory_mib"] = server.memory_mib()
        figures["of_ceiling"] = figures["geocode"]["per_core_s"] / figures["healthz"]["per_core_s"]
        figures["load_average"] = os.getloadavg()[0]
        return figures


def report(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows for people."""
    rows: list[tuple[str, ...]] = []
    for kind, f in figures.items():
        if isinstance(f, dict):
            goal = {"geocode": "2,000/s, p99 ≤ 3 ms", "healthz": "ceiling"}.get(kind, "p99 ≤ 5 ms")
            rows.append(
                (
                    kind,
                    f"{f['per_s']:,.0f}/s ({f['per_core_s']:,.0f} a core-second,"
                    f" p99 {f['full_p99_ms']:.1f} ms); {FEW} connections {f['few_per_s']:,.0f}/s,"
                    f" p50 {f['few_p50_ms']:.2f}, p99 {f['few_p99_ms']:.2f} ms; paced by a client of ours"
                    f" at {f['at_per_s']:,.0f}/s p50 {f['p50_ms']:.2f}, p99 {f['p99_ms']:.2f} ms;"
                    f" {f['failed']} failed",
                    goal if kind != "reverse" else "",
                )
            )
    rows.append(("workers", str(figures["workers"]), ""))
    rows.append(("geocode / healthz", f"{figures['of_ceiling']:.2f}", ""))
    rows.append(("web memory", f"{figures['web_memory_mib']:,.0f} MiB", "≤ 1 GiB"))
    rows.append(("load average", f"{figures['load_average']:.1f}", ""))
    return rows
