"""``./wanmi tracks``: tracks looked at without the platform."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tracking import archive_commands, letter_commands
from tracking.analyse.reading import exchanged, read_columns
from tracking.analyse.report import analyse_file
from tracking.analyse.text import in_words
from tracking.clock import micros_of, now_us

app = typer.Typer(help="轨迹分析 Tracks", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(help="轨迹 CSV，可为 .gz track file")]


@app.callback()
def tracks() -> None:
    """轨迹分析、归档与导出 Tracks: analyse a file; days of fixes, their archive, exports."""


@app.command()
def analyse(
    file: _File,
    grid: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="责任网格 GeoJSON responsibility grids")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="规则 TOML alert rules")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json/--text", help="JSON 行，或摘要 JSON lines, or words")
    ] = True,
    now: Annotated[
        datetime | None, typer.Option(help="视为当前时间 taken as the present; default: the clock")
    ] = None,
) -> None:
    """对轨迹文件做与实时相同的检查、停留与规则。The same filters, stops and rules as live, on a file."""
    present = micros_of(now.astimezone()) if now else now_us()
    columns = read_columns(file)
    if exchanged(columns):
        typer.echo(
            "注意：纬度大多超出 ±90，经度却都在其内：lon 与 lat 两列可能写反了。\n"
            "Note: most latitudes are beyond ±90 and the longitudes are not: lon and lat may be exchanged.",
            err=True,
        )
    records = analyse_file(columns, now_us=present, grid_file=grid, rules_file=rules)
    if not as_json:
        in_words(records)
        return
    encode = msgspec.json.Encoder().encode_into
    buffer = bytearray()
    line = bytearray()
    for record in records:
        line.clear()
        encode(record, line)
        buffer += line
        buffer += b"\n"
        if len(buffer) > 1 << 16:
            sys.stdout.buffer.write(buffer)
            buffer.clear()
    sys.stdout.buffer.write(buffer)
    sys.stdout.buffer.flush()


archive_commands.offer(app)
letter_commands.offer(app)
