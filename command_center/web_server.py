"""The web process's server: uvicorn on uvloop, one process or several workers."""

import os
import shutil
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from gis_core.logs import configure_logs
from gis_core.settings import LogSettings, StorageSettings

GRACE_S = 5
"""How long open requests may go on after SIGTERM; websockets are told to go at once."""


def run(
    host: str,
    port: int,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    workers: int = 1,
) -> None:
    """Serve until SIGTERM or SIGINT. The environment names database, broker, data folder and key.

    Forwarded headers are not believed: the peer's address is the client's address. With several
    workers Prometheus figures are added up in ``<data_dir>/metrics``.
    """
    if tls_cert is not None:
        os.environ["WANMI_TLS"] = "true"
    if workers > 1:
        figures = StorageSettings().data_dir.absolute() / "metrics"
        shutil.rmtree(figures, ignore_errors=True)
        figures.mkdir(parents=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(figures)
    uvicorn.run(
        "command_center.web_server:new_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_S,
    )


def new_app() -> FastAPI:
    """What each worker serves."""
    from command_center.app import AppSettings, create_app

    configure_logs(LogSettings(), process="web")
    return create_app(AppSettings.from_environment())
