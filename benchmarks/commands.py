"""``./wanmi bench``: what the platform does a second, on this machine."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]
Folder = Annotated[
    Path | None, typer.Option(help="临时数据目录（磁盘决定结果） folder for the data: its disk is measured")
]


@app.callback()
def bench() -> None:
    """性能测量，自带临时数据库与消息服务器。Measurements, with a database and a broker of their own."""


@app.command()
def fixes(
    seconds: Annotated[float, typer.Option(min=1, help="每阶段秒数 seconds a phase")] = 10,
    devices: Annotated[int, typer.Option(min=1, help="设备数 devices")] = 2_000,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """每秒入库定位点数，与同一客户端只接收解码之比。Fixes committed a second, beside mere receiving."""
    from benchmarks.fixes import measure, report

    figures = measure(seconds=seconds, devices=devices, folder=folder, say=_say)
    _show(figures, report(figures), as_json)


def _say(text: str) -> None:
    Console(stderr=True).print(text)


def _show(figures: Any, rows: list[tuple[str, ...]] | list[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    table = Table(show_header=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
