"""Whether we live, whether we can work, and how the parts are (for administrators)."""

import asyncio
import shutil
import time
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from command_center.requests import Conn, requires
from gis_core.database import load_queries
from gis_core.identity.principal import Principal

log = structlog.get_logger(__name__)
_SQL = load_queries("command_center")

probes = APIRouter(tags=["系统 System"])
router = APIRouter(tags=["系统 System"])


class DatabaseHealth(BaseModel):
    version: str
    postgis: str
    bytes: int
    connections: int
    max_connections: int
    answer_s: float
    schema_revisions: list[str]


class BrokerHealth(BaseModel):
    configured: bool
    reachable: bool


class IngestHealth(BaseModel):
    last_received_at: datetime | None
    lag_s: float | None
    """Time since the last message was taken; None before the first."""
    devices_heard_last_minute: int
    dead_letters_today: int


class DiskHealth(BaseModel):
    total_bytes: int
    free_bytes: int


class SystemHealth(BaseModel):
    time: datetime
    database: DatabaseHealth
    broker: BrokerHealth
    ingest: IngestHealth
    disk: DiskHealth
    sessions: int
    started_at: datetime


@probes.get("/healthz", summary="进程存活 / The process lives")
async def read_alive() -> dict[str, str]:
    return {"status": "alive"}


@probes.get(
    "/readyz",
    summary="可以提供服务 / Ready to serve",
    responses={503: {"description": "未就绪 / Not ready"}},
)
async def read_ready(request: Request) -> JSONResponse:
    """200 when the database answers and its schema is the one this program was written for."""
    try:
        async with request.app.state.engine.connect() as conn:
            found = sorted((await conn.execute(_SQL["schema_revisions"])).scalars())
    except (SQLAlchemyError, OSError) as error:
        log.warning("not ready", exc_info=error)
        return JSONResponse({"status": "no database"}, 503)
    wanted = sorted(request.app.state.schema_heads)
    if found != wanted:
        return JSONResponse({"status": "schema differs", "found": found, "wanted": wanted}, 503)
    return JSONResponse({"status": "ready"})


@router.get("/system", summary="系统健康 / Health of the parts")
async def read_system(
    request: Request, conn: Conn, principal: Annotated[Principal, requires("system.view")]
) -> SystemHealth:
    """Database, broker, ingest lag, disk space and open sessions."""
    began = time.perf_counter()
    await conn.execute(text("SELECT 1"))
    answer_s = time.perf_counter() - began
    figures: dict[str, Any] = dict((await conn.execute(_SQL["system_figures"])).mappings().one())
    revisions = sorted((await conn.execute(_SQL["schema_revisions"])).scalars())
    usage = shutil.disk_usage(request.app.state.data_dir)
    mqtt_url: str | None = request.app.state.mqtt_url
    return SystemHealth(
        time=datetime.now(UTC),
        started_at=request.app.state.started_at,
        database=DatabaseHealth(
            answer_s=answer_s, schema_revisions=revisions, **_take(figures, DatabaseHealth)
        ),
        broker=BrokerHealth(configured=mqtt_url is not None, reachable=await _reachable(mqtt_url)),
        ingest=IngestHealth(**_take(figures, IngestHealth)),
        disk=DiskHealth(total_bytes=usage.total, free_bytes=usage.free),
        sessions=figures["sessions"],
    )


def _take(figures: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    return {name: figures[name] for name in model.model_fields if name in figures}


async def _reachable(mqtt_url: str | None) -> bool:
    """Whether something accepts connections at the broker's address within a second."""
    parts = urlsplit(mqtt_url or "")
    if parts.hostname is None:
        return False
    port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(parts.hostname, port), 1.0)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
