"""Prometheus figures of the platform: the web process's own, and those the others leave in files.

Ingest and gateway write theirs to ``<data_dir>/metrics/NAME.prom``, whole files at a time.

With several workers each keeps its figures in ``PROMETHEUS_MULTIPROC_DIR`` (set by ``web_server``) and
whichever answers adds them up. ``/metrics`` is for this machine, or for a bearer token with
``system.view``; a reverse proxy on this machine must not forward it (a request with an
``X-Forwarded-For`` header does not count as local).
"""

import asyncio
import ipaddress
import os
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from command_center.requests import authenticate

REQUESTS = Counter("wanmi_http_requests", "HTTP requests", ["method", "route", "status"])
LATENCY = Histogram(
    "wanmi_http_request_seconds",
    "Time from the first byte in to the last byte out",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

_request_count = lru_cache(maxsize=4096)(REQUESTS.labels)
_request_time = lru_cache(maxsize=4096)(LATENCY.labels)
"""Finding the series of three labels costs more than counting in it."""
IN_FLIGHT = Gauge("wanmi_http_requests_in_flight", "Requests being answered", multiprocess_mode="livesum")
PROBLEMS = Counter("wanmi_problems", "Answers that were problems", ["slug", "status"])
LOGINS = Counter("wanmi_logins", "Tries to log in", ["outcome"])

router = APIRouter(tags=["系统 System"])


def note_request(method: str, route: str, status: int, took_s: float) -> None:
    """Count one answered request."""
    _request_count(method, route, status).inc()
    _request_time(method, route).observe(took_s)


@router.get("/metrics", summary="Prometheus 指标 / Prometheus metrics", response_class=Response)
async def read_metrics(request: Request) -> Response:
    """Figures in Prometheus text format: for this machine, or for a bearer of ``system.view``."""
    if not _is_local(request):
        principal = await authenticate(request)
        principal.require("system.view")
    own = generate_latest(_registry())
    others = await asyncio.to_thread(_figures_of_others, request.app.state.data_dir / "metrics")
    return Response(own + others, media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _figures_of_others(folder: Path) -> bytes:
    """What ingest and gateway wrote last, with the age of each file so that a dead writer shows."""
    ages = _Ages()
    texts = []
    for file in sorted(folder.glob("*.prom")):
        texts.append(file.read_bytes())
        ages.family.add_metric([file.stem], max(0.0, time.time() - file.stat().st_mtime))
    registry = CollectorRegistry()
    registry.register(ages)
    return b"".join([*texts, generate_latest(registry)]) if texts else b""


class _Ages(Collector):
    """Figures made anew for each answer; a Gauge would be shared between workers and kept."""

    def __init__(self) -> None:
        self.family = GaugeMetricFamily(
            "wanmi_figures_age_seconds", "Since a process wrote its figures", labels=["process"]
        )

    def collect(self) -> Iterable[Metric]:
        yield self.family


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together
