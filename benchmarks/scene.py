"""A city of squares with devices on duty: the ground for measurements and tests of ingest."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg

from benchmarks.load import Message
from ingest import batch
from tracking.fix import Fix

WEST, SOUTH = 120.0, 30.5
CELL_LON, CELL_LAT = 0.00104, 0.0009
"""About 100 m."""


def make_city(connection: psycopg.Connection[Any], *, side: int = 50, block: int = 5) -> None:
    """``side`` × ``side`` unit grids, and responsibility grids of ``block`` × ``block`` of them."""
    connection.execute(
        """
        INSERT INTO unit_grid (code, community_code, area_m2, initial_date, geom)
        SELECT '990102001' || lpad((n / 900)::text, 3, '0') || lpad((n %% 900 + 1)::text, 3, '0'),
               '990102001' || lpad((n / 900)::text, 3, '0'), 10000, '2020-01-01',
               ST_MakeEnvelope(%(west)s + x * %(dx)s, %(south)s + y * %(dy)s,
                               %(west)s + (x + 1) * %(dx)s, %(south)s + (y + 1) * %(dy)s, 4326)
          FROM (SELECT n, n %% %(side)s AS x, n / %(side)s AS y
                  FROM generate_series(0, %(side)s * %(side)s - 1) AS n) AS cell
        """,
        {"west": WEST, "south": SOUTH, "dx": CELL_LON, "dy": CELL_LAT, "side": side},
    )
    connection.execute(
        """
        INSERT INTO responsibility_grid (code, name, name_en, area_code, valid_from, geom)
        SELECT 'R' || n, '责任网格' || n, 'Grid ' || n, '990102001', '2020-01-01',
               ST_Multi(ST_MakeEnvelope(%(west)s + x * %(dx)s, %(south)s + y * %(dy)s,
                                        %(west)s + (x + 1) * %(dx)s, %(south)s + (y + 1) * %(dy)s, 4326))
          FROM (SELECT n, n %% %(side)s AS x, n / %(side)s AS y
                  FROM generate_series(0, %(side)s * %(side)s - 1) AS n) AS cell
        """,
        {
            **{"west": WEST, "south": SOUTH, "dx": CELL_LON * block, "dy": CELL_LAT * block},
            "side": side // block,
        },
    )


def make_devices(connection: psycopg.Connection[Any], count: int, *, on_duty: bool = True) -> list[str]:
    """Devices ``d0`` …, each with a turn of duty for one responsibility grid; their keys."""
    connection.execute(
        """
        WITH org AS (INSERT INTO org_unit (code, name, kind, area_code)
                     VALUES ('BENCH', '测量', 'centre', '990102') RETURNING id)
        INSERT INTO device (key, unit_kind, area_code, org_unit_id)
        SELECT 'd' || n, 'inspector', '990102001', org.id FROM org, generate_series(0, %s - 1) AS n
        """,
        [count],
    )
    if on_duty:
        connection.execute(
            """
            INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id)
            SELECT d.id, now() - interval '1 day', now() + interval '1 day',
                   g.ids[1 + substr(d.key, 2)::integer % cardinality(g.ids)]
              FROM device d, (SELECT array_agg(id ORDER BY id) AS ids FROM responsibility_grid) AS g
            """
        )
    connection.execute("ANALYZE")
    return [f"d{n}" for n in range(count)]


def fixes(
    keys: Sequence[str],
    *,
    first: int,
    count: int,
    start_s: float,
    step_s: float = 1.0,
    side: int = 50,
    block: int = 5,
) -> Iterator[Message]:
    """Messages ``first`` … of devices that wander about their grids, now and then out of them.

    Each has another device or another time; the same arguments give the same messages.
    """
    rng = np.random.default_rng(first)
    devices = len(keys)
    blocks = side // block
    corner = np.array([(n % blocks, n // blocks % blocks) for n in range(devices)]) * block
    homes = corner + np.random.default_rng(7).uniform(1.5, block - 1.5, (devices, 2))
    wander = rng.normal(0, 0.6, (count, 2))
    speeds = rng.random(count) * 2
    for n in range(count):
        number = first + n
        device = number % devices
        x, y = homes[device] + wander[n]
        moment = start_s + number // devices * step_s
        yield (
            f"wanmi/v1/{keys[device]}/fix",
            (
                f'{{"time":{moment:.3f},"lon":{WEST + x * CELL_LON:.7f},"lat":{SOUTH + y * CELL_LAT:.7f},'
                f'"speed_mps":{speeds[n]:.2f},"course_deg":{number % 360},"accuracy_m":{4 + number % 9},'
                f'"satellites":{6 + number % 8},"battery_pct":{100 - number % 90}}}'
            ).encode(),
        )


BATCH = 500
"""Fixes of a compact batch: four hours at one each half minute."""


def batches(
    keys: Sequence[str],
    *,
    first: int,
    count: int,
    start_s: float,
    step_s: float = 1.0,
    side: int = 50,
    block: int = 5,
) -> Iterator[Message]:
    """Compact batches ``first`` … of ``BATCH`` fixes, each of another device or another time."""
    rng = np.random.default_rng(first)
    devices, blocks = len(keys), side // block
    for_corner: dict[tuple[int, int], bytes] = {}

    def body(corner: tuple[int, int], variant: int) -> bytes:
        found = for_corner.get((blocks * corner[1] + corner[0], variant))
        if found is None:
            x, y = rng.uniform(0.2, block - 0.2, (2, BATCH))
            told = [
                Fix(
                    round((at * step_s) * 1e6),
                    WEST + (corner[0] * block + x[at]) * CELL_LON,
                    SOUTH + (corner[1] * block + y[at]) * CELL_LAT,
                    12.0,
                    float(at % 20),
                    float(at % 360),
                    5.0,
                    9,
                    80,
                )
                for at in range(BATCH)
            ]
            found = for_corner[blocks * corner[1] + corner[0], variant] = batch.encode(told)
        return found

    for number in range(first, first + count):
        device, turn = number % devices, number // devices
        message = body((device % blocks, device // blocks % blocks), turn % 4)
        base_ms = round((start_s + turn * BATCH * step_s) * 1000)
        yield f"wanmi/v1/{keys[device]}/fixes", message[:8] + base_ms.to_bytes(8, "little") + message[16:]
