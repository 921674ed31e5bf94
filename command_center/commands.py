"""The verbs of the platform as a whole: up, doctor, migrate, serve; and doors to demo and admin."""

import asyncio
import os
from importlib import import_module
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import typer

from command_center.processes import tls
from command_center.processes.installation import SHARED_ROOT, Installation, default_data_dir, home
from command_center.processes.speech import say
from command_center.processes.supervisor import Supervisor, UpOptions
from gis_core.errors import DomainError, Text
from gis_core.logs import configure_logs
from gis_core.settings import DatabaseSettings, LogSettings

serve = typer.Typer(no_args_is_help=True)
demo = typer.Typer(no_args_is_help=True)
admin = typer.Typer(no_args_is_help=True)


class HalfCertificate(DomainError):
    status, slug = 422, "half-certificate"
    title = Text("证书不全", "Half a certificate")
    detail = Text(
        "--tls-cert 与 --tls-key 必须同时给出。", "--tls-cert and --tls-key must be given together."
    )


def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="网页端口 port of the web app")] = 8080,
    host: Annotated[
        str, typer.Option(help="监听地址；非本机地址须 TLS  address; beyond loopback TLS only")
    ] = "127.0.0.1",
    data_dir: Annotated[Path | None, typer.Option(help="数据目录 data folder (default: var)")] = None,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="不生成演示城市 without the demo city")] = False,
    no_simulate: Annotated[bool, typer.Option("--no-simulate", help="不模拟设备 nobody moves")] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="证书链 PEM certificate chain")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="私钥 PEM key")] = None,
) -> None:
    """启动数据库、消息服务器和平台各进程，Ctrl-C 停止。Start everything; Ctrl-C ends everything."""
    installation = Installation.open(data_dir or default_data_dir())
    options = UpOptions(
        host=host,
        port=port,
        demo=not no_demo,
        simulate=not no_simulate,
        certificate=_certificate(installation, host, tls_cert, tls_key),
    )
    if installation.data_dir.is_relative_to(SHARED_ROOT) and data_dir is None:
        say(
            Text(
                f"PostgreSQL 的用户进不了 {home()}，数据放在 {installation.data_dir}。",
                f"PostgreSQL's account cannot reach {home()}: data goes to {installation.data_dir}.",
            )
        )
    with installation.locked():
        raise typer.Exit(asyncio.run(Supervisor(installation, options).run()))


def _certificate(
    installation: Installation, host: str, chain: Path | None, key: Path | None
) -> tls.Certificate | None:
    if (chain is None) != (key is None):
        raise HalfCertificate
    if chain and key:
        return tls.given(chain, key)
    return None if _is_loopback(host) else tls.made(installation.data_dir / "tls", host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def doctor(
    data_dir: Annotated[Path | None, typer.Option(help="数据目录 data folder")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """检查本机有什么、缺什么、什么在运行、怎么修复。What is present, missing, running, and how to mend it."""
    from command_center.processes.doctor import examine

    raise typer.Exit(examine(data_dir or default_data_dir(), as_json=as_json))


def migrate() -> None:
    """把数据库更新到最新结构。Bring the database to the newest schema."""
    from command_center.assembly import prepare_database

    prepare_database(DatabaseSettings().database_url)


@serve.command("web")
def serve_web(
    port: Annotated[int, typer.Option(min=1, max=65535)],
    host: str = "127.0.0.1",
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
) -> None:
    """HTTP and websocket."""
    _begin("web")
    from command_center.web_server import run

    run(host, port, tls_cert=tls_cert, tls_key=tls_key)


@serve.command("ingest")
def serve_ingest() -> None:
    """Messages of devices."""
    _begin("ingest")
    from ingest.runner import run

    run()


@serve.command("gateway")
def serve_gateway() -> None:
    """JT/T 808, NMEA and OsmAnd terminals; commands to devices."""
    _begin("gateway")
    if "WANMI_MQTT_GATEWAY_URL" in os.environ:
        os.environ["WANMI_MQTT_URL"] = os.environ["WANMI_MQTT_GATEWAY_URL"]
    from ingest.gateway.runner import run

    run()


@serve.command("worker")
def serve_worker() -> None:
    """Clocks and housekeeping."""
    _begin("worker")
    from command_center.worker import run

    run()


@serve.command("simulate")
def serve_simulate() -> None:
    """Demo: people and vehicles that move, speaking MQTT."""
    _begin("simulate")
    if "WANMI_MQTT_SIMULATOR_URL" in os.environ:
        os.environ["WANMI_MQTT_URL"] = os.environ["WANMI_MQTT_SIMULATOR_URL"]
    from ingest.simulator import run

    run()


def _begin(process: str) -> None:
    configure_logs(LogSettings(), process=process)


def _offer(group: typer.Typer, name: str, module: str, attribute: str) -> None:
    """Hang a command of another module under a group."""
    parent = module.rpartition(".")[0]
    if find_spec(parent) and find_spec(module):
        command: Any = getattr(import_module(module), attribute)
        group.command(name)(command)


for _group in (demo, admin, serve):
    _group.callback()(lambda: None)
_offer(demo, "make", "command_center.demo.commands", "make")
_offer(admin, "create", "command_center.admin_commands", "create")
_offer(admin, "device-secret", "command_center.devices.commands", "device_secret")
