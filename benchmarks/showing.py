"""What all ``./wanmi bench`` verbs share: their options, and how figures are shown."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]
Folder = Annotated[
    Path | None, typer.Option(help="临时数据目录（磁盘决定结果） folder for the data: its disk is measured")
]


def say_aside(text: str) -> None:
    Console(stderr=True).print(text)


def show(figures: Any, rows: Sequence[tuple[str, ...]], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    table = Table(show_header=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
