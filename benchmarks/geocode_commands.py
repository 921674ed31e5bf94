"""``./wanmi bench geocode``."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.showing import Json, say_aside, show

app = typer.Typer()


@app.command()
def geocode(
    accuracy: Annotated[
        Path | None,
        typer.Option(help="精度：描述数据表的 TOML accuracy: a TOML file that names the tables"),
    ] = None,
    across: Annotated[
        Path | None,
        typer.Option(help="以各表之外的表作答，同一 TOML what the other tables say of each one's addresses"),
    ] = None,
    speed: Annotated[
        bool, typer.Option("--speed", help="速度与内存，用编造的城市 speed on a made-up city")
    ] = False,
    size: Annotated[
        int, typer.Option(min=10_000, help="编造城市的地址数 addresses of that city")
    ] = 1_000_000,
    tags: Annotated[
        Path | None, typer.Option(help="标注地址要素的 jsonl.gz addresses with tagged elements")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="地址对的 csv.gz pairs of spellings, labelled exact|partial|none")
    ] = None,
    examples: Annotated[
        Path | None, typer.Option(help="把二十条难题写入此文件 write twenty hard addresses there")
    ] = None,
    imports: Annotated[
        bool,
        typer.Option("--imports", help="导入大表，与 COPY 之比 import of a large table, beside COPY"),
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="经 HTTP：Web 工作进程数 over HTTP: workers of the web process")
    ] = 1,
    http: Annotated[
        bool, typer.Option("--http", help="经 HTTP 的速度 speed over HTTP, beside the cheapest answer")
    ] = False,
    addok: Annotated[
        Path | None,
        typer.Option(help="addok 所在环境的 python：同城对照 addok's python: the same city asked"),
    ] = None,
    as_json: Json = False,
) -> None:
    """地理编码的精度（按问法分类，附对照）与速度。Accuracy by class of question with baselines; speed."""
    if tags is not None or pairs is not None:
        from benchmarks import geocode_texts

        if tags is not None:
            sys.stdout.write(json.dumps({"tags": geocode_texts.tags(tags)}, ensure_ascii=False) + "\n")
        if pairs is not None:
            sys.stdout.write(json.dumps({"pairs": geocode_texts.pairs(pairs)}, ensure_ascii=False) + "\n")
        return
    if examples is not None and accuracy is not None:
        from benchmarks.geocode_examples import markdown

        examples.write_text(markdown(accuracy), encoding="utf-8")
        return
    if across is not None:
        from benchmarks.geocode_across import measure as measure_across

        sys.stdout.write(json.dumps(measure_across(across, say_aside), indent=1) + "\n")
        return
    from benchmarks.geocode import accuracy as measure_accuracy
    from benchmarks.geocode import accuracy_table, as_text
    from benchmarks.geocode import speed as measure_speed

    if accuracy is not None:
        figures = measure_accuracy(accuracy, say_aside)
        if as_json:
            sys.stdout.write(as_text(figures) + "\n")
        else:
            rows = accuracy_table(figures)
            table = Table(*rows[0])
            for row in rows[1:]:
                table.add_row(*row)
            Console(width=200).print(table)
            Console().print(
                {key: figures[key] for key in ("threshold", "self_examination", "calibration_error_all")}
            )
    if http:
        from benchmarks.geocode_http import measure as measure_http
        from benchmarks.geocode_http import report as http_report

        figures = measure_http(size=size, workers=workers, say=say_aside)
        show(figures, http_report(figures), as_json)
    if imports:
        from benchmarks.geocode_import import measure as measure_import
        from benchmarks.geocode_import import report as import_report

        figures = measure_import(size=size, folder=None, say=say_aside)
        show(figures, import_report(figures), as_json)
    if addok is not None:
        from benchmarks.geocode_addok import measure as measure_addok

        sys.stdout.write(as_text(measure_addok(python=addok, size=size, say=say_aside)) + "\n")
    if speed or not (accuracy or http or addok or imports):
        sys.stdout.write(as_text(measure_speed(size, say_aside)) + "\n")
