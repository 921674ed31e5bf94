"""A small city with units, straight in the database, for tests of what is shown of it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tracking.partitions import days_ahead, ensure

EAST, WEST = "990102001", "990102002"
"""Two streets, side by side: east from 120.00 to 120.05, west from 119.95 to 120.00 degrees."""
EAST_BOX = (120.0, 30.45, 120.05, 30.55)
WEST_BOX = (119.95, 30.45, 120.0, 30.55)


@dataclass(frozen=True)
class City:
    engine: AsyncEngine
    url: str

    async def run(self, sql: str, **parameters: Any) -> Any:
        """One statement in a transaction of its own; its rows if it has any."""
        async with self.engine.begin() as conn:
            result = await conn.execute(text(sql), parameters)
            return result.mappings().all() if result.returns_rows else None

    async def build(self) -> None:
        """Two streets, each with a community, four unit grids, a responsibility grid and a zone."""
        await asyncio.to_thread(self._make_partitions)
        await self.run(
            "INSERT INTO org_unit (code, name, name_en, kind, area_code)"
            " VALUES ('S', '环卫所', 'Sanitation', 'department', '990102')"
        )
        for street, (west, south, east, north) in ((EAST, EAST_BOX), (WEST, WEST_BOX)):
            box = {"street": street, "west": west, "south": south, "east": east, "north": north}
            shape = "ST_MakeEnvelope(:west, :south, :east, :north, 4326)"
            await self.run(
                "INSERT INTO area"
                " (code, level, name, name_en, parent_code, valid_from, source, source_key, geom)"
                f" SELECT c, l, n, e, p, '2020-01-01', 'test', c, ST_Multi({shape}) FROM (VALUES"
                " (:street, 'street', :street || '街道', 'Street ' || :street, '990102'),"
                " (:street || '001', 'community', '一社区', 'First', :street)) AS v (c, l, n, e, p)",
                **box,
            )
            await self.run(
                "INSERT INTO unit_grid (code, community_code, area_m2, initial_date, geom)"
                " SELECT :street || '001' || '00' || i, :street || '001', 10000, '2020-01-01',"
                " ST_MakeEnvelope(:west + i * 0.01, :south, :west + (i + 1) * 0.01, :north, 4326)"
                " FROM generate_series(1, 4) AS i",
                **box,
            )
            await self.run(
                "INSERT INTO responsibility_grid (code, name, area_code, valid_from, geom)"
                f" VALUES ('G' || :street, '责任网格' || :street, :street, '2020-01-01', ST_Multi({shape}))",
                **box,
            )

    def _make_partitions(self) -> None:
        with psycopg.connect(self.url) as conn:
            ensure(conn, days_ahead(datetime.now(UTC).date(), 1))

    async def unit(
        self, key: str, area_code: str, kind: str = "inspector", *, department: str = "S", period_s: int = 30
    ) -> int:
        """A device of this area and department; a person or vehicle named after it."""
        carrier = "person_id" if kind == "inspector" else "vehicle_id"
        values = {"key": key, "area_code": area_code, "kind": kind, "department": department}
        if kind == "inspector":
            rows = await self.run(
                "INSERT INTO person (name, name_en, org_unit_id, area_code)"
                " SELECT '采集员' || :key, 'Inspector ' || :key, id, :area_code FROM org_unit"
                " WHERE code = :department RETURNING id",
                **{name: values[name] for name in ("key", "area_code", "department")},
            )
        else:
            rows = await self.run(
                "INSERT INTO vehicle (plate, kind, org_unit_id, area_code)"
                " SELECT '云A' || :key, :kind, id, :area_code FROM org_unit WHERE code = :department"
                " RETURNING id",
                **values,
            )
        made = await self.run(
            f"INSERT INTO device (key, {carrier}, unit_kind, area_code, org_unit_id, period_s)"
            " SELECT :key, :carrier, :kind, :area_code, id, :period_s FROM org_unit WHERE code = :department"
            " RETURNING id",
            **values,
            carrier=rows[0]["id"],
            period_s=period_s,
        )
        return int(made[0]["id"])

    async def fix(
        self, unit_id: int, lon: float, lat: float, *, speed_mps: float | None = 1.0, ago_s: float = 0.0
    ) -> None:
        """Store a fix and the state that follows, as ingest does."""
        moment = datetime.now(UTC) - timedelta(seconds=ago_s)
        values = {"id": unit_id, "time": moment, "lon": lon, "lat": lat, "speed": speed_mps}
        async with self.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO fix"
                    " (device_id, fix_time, received_at, lon, lat, content, speed_mps, course_deg)"
                    " VALUES (:id, :time, now(), :lon, :lat, hashtext(:lon || ',' || :lat), :speed, 90)"
                ),
                values,
            )
            await conn.execute(
                text(
                    "INSERT INTO device_state"
                    " (device_id, fix_time, received_at, lon, lat, speed_mps, course_deg, changed_xid)"
                    " VALUES (:id, :time, now(), :lon, :lat, :speed, 90, pg_current_xact_id()::text::bigint)"
                    " ON CONFLICT (device_id) DO UPDATE SET fix_time = excluded.fix_time, lon = excluded.lon,"
                    " lat = excluded.lat, speed_mps = excluded.speed_mps, changed_xid = excluded.changed_xid"
                ),
                values,
            )
            await conn.execute(text("SELECT pg_notify('wanmi_live', '')"))

    async def alert(self, unit_id: int, rule: str = "outside_grid") -> int:
        """Open an episode, as ingest does."""
        rows = await self.run(
            "WITH made AS (INSERT INTO alert (rule, severity, device_id, area_code, opened_at, last_seen_at,"
            " lon, lat, last_lon, last_lat)"
            " SELECT :rule, 'warning', id, area_code, now(), now(), 120.01, 30.5, 120.01, 30.5"
            " FROM device WHERE id = :unit RETURNING id, area_code)"
            " SELECT id, outbox_append('alert', 'opened', area_code, jsonb_build_object('id', id)),"
            " pg_notify('wanmi_live', '') FROM made",
            rule=rule,
            unit=unit_id,
        )
        return int(rows[0]["id"])
