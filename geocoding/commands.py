"""``./wanmi geocode``: import of address tables, single addresses, whole tables, self-examination."""

import gc
import json
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import psycopg
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from geocoding.answers import WHY, Answer, explain, geocode
from geocoding.areas import Areas
from geocoding.batch import BatchReport, count_rows
from geocoding.batch import run as run_batch
from geocoding.callers import import_callers, load_callers
from geocoding.city_rows import import_city
from geocoding.forward import Hints
from geocoding.grammar.vocabulary import canonical
from geocoding.imports import import_table
from geocoding.store import DatabaseCodes, load_calibration, load_gazetteer, renew_calibration
from geocoding.tables import FIELDS, TableSpec
from gis_core.coordinates import Datum
from gis_core.errors import BadInput, Text
from gis_core.settings import DatabaseSettings

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]


@app.callback()
def geocode_verbs() -> None:
    """地址库与地理编码。The gazetteer and geocoding."""


def _connect() -> psycopg.Connection[Any]:
    return psycopg.connect(DatabaseSettings().database_url, application_name="wanmi geocode")


def _mapping(values: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for value in values or ():
        name, found, column = value.partition("=")
        if not found or name.strip() not in FIELDS:
            allowed = "、".join(FIELDS)
            raise BadInput(
                field="--map",
                reason_zh=f"应写成 字段=列名，字段可以是：{allowed}",
                reason=f"write FIELD=COLUMN; the fields are: {', '.join(FIELDS)}",
            )
        pairs[name.strip()] = column.strip()
    return pairs


@app.command("import")
def import_addresses(
    file: Annotated[Path, typer.Argument(help="CSV（UTF-8 或 GBK，可 .gz）或 Excel")],
    source: Annotated[str, typer.Option(help="来源名称；再次导入按它更新 name of the source")],
    columns: Annotated[
        list[str] | None, typer.Option("--map", help="字段=列名 FIELD=COLUMN, e.g. address=地址")
    ] = None,
    datum: Annotated[str, typer.Option(help="坐标 wgs84|gcj02|bd09")] = "wgs84",
    quality: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="坐标可信度 trust in its points（新来源 new source: 0.7）"),
    ] = None,
    priority: Annotated[
        int | None, typer.Option(min=0, max=1000, help="次序，同等可信时小者先 the lower comes first")
    ] = None,
    dated: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="数据现势日期 state of the data")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Excel 工作表名 sheet of a workbook")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="表是全量：删除表中已没有的 remove what it no longer has")
    ] = False,
    as_json: Json = False,
) -> None:
    """导入地址表或地名表。Import a table of addresses or places."""
    if datum not in get_args(Datum):
        raise BadInput(field="--datum", reason_zh="应为 wgs84、gcj02 或 bd09", reason="wgs84, gcj02 or bd09")
    spec = TableSpec(
        file, source, _mapping(columns), datum, quality, priority=priority,  # type: ignore[arg-type]
        dated=dated.date() if dated else None, sheet=sheet,
    )  # fmt: skip
    with _progress() as bar, _connect() as connection:
        task = bar.add_task("读取 reading", total=None)
        report = import_table(
            connection,
            spec,
            replace=replace,
            progress=lambda step, count: bar.update(task, description=f"{step} {count:,}"),
        )
    if as_json:
        sys.stdout.write(json.dumps(asdict(report), ensure_ascii=False) + "\n")
        return
    table = Table("项目 item", "数量 count")
    for key, value in asdict(report).items():
        if not isinstance(value, dict):
            table.add_row(key, f"{value:,}")
    for reason, count in report.refused.items():
        table.add_row(f"refused: {reason}", f"{count:,}")
    _print(table)
    if report.calibration:
        _print(report.calibration)


@app.command("import-city")
def import_own_layers(as_json: Json = False) -> None:
    """由建筑、设施图层的地址更新地址库。Bring the gazetteer up to the addresses of the city's own layers."""
    with _progress() as bar, _connect() as connection:
        task = bar.add_task("读取 reading", total=None)
        reports = import_city(
            connection, progress=lambda step, count: bar.update(task, description=f"{step} {count:,}")
        )
    if as_json:
        told = {source: asdict(report) for source, report in reports.items()}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    table = Table("来源 source", "行 rows", "条目 entries", "新增 new", "更新 changed", "移除 removed")
    for source, report in reports.items():
        counts = (report.rows, report.entries, report.inserted, report.updated, report.removed)
        table.add_row(source, *(f"{count:,}" for count in counts))
    _print(table)


@app.command()
def batch(
    source: Annotated[Path, typer.Argument(help="输入 CSV 或 Excel")],
    output: Annotated[Path, typer.Argument(help="输出 CSV 或 Excel")],
    address_column: Annotated[str, typer.Option(help="地址列 column with the address")],
    district_column: Annotated[str | None, typer.Option(help="区县列 column with the district")] = None,
    sheet: Annotated[str | None, typer.Option(help="Excel 工作表名 sheet of a workbook")] = None,
    areas: Annotated[
        str | None,
        typer.Option(
            help="网格与部件代码只在这些区划内查 look codes up in these areas only: 310101%,310104%"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """整表地理编码；中断后再次运行会接着做。Geocode a table; run again to go on after a stop."""
    total = count_rows(source)
    within = None if areas is None else [pattern for pattern in areas.split(",") if pattern]
    with _progress(counted=total is not None) as bar, _connect() as connection:
        task = bar.add_task("加载地址库 loading the gazetteer", total=total)
        gazetteer, calibration = load_gazetteer(connection), load_calibration(connection)
        gc.freeze()
        report = run_batch(
            source, output, gazetteer, calibration, Areas(connection), address_column=address_column,
            district_column=district_column, sheet=sheet, codes=DatabaseCodes(connection, within),
            within=within,
            progress=lambda done: bar.update(task, completed=done, description=f"{done:,} 条 rows"),
        )  # fmt: skip
    _remark(report)
    if as_json:
        sys.stdout.write(json.dumps(asdict(report), ensure_ascii=False) + "\n")
        return
    table = Table("状态 status", "条数 rows")
    for status, count in sorted(report.statuses.items()):
        table.add_row(status, f"{count:,}")
    table.add_row("续做之前 done before", f"{report.resumed_at:,}")
    _print(table)


@app.command()
def find(
    address: Annotated[list[str], typer.Argument(help="一条或多条地址 one or more addresses")],
    district: Annotated[str, typer.Option(help="区县 a hint: the district")] = "",
    caller: Annotated[str, typer.Option(help="主叫号码 a hint: the caller's number")] = "",
    as_json: Json = False,
) -> None:
    """查一条地址，并说明如何读出。Locate addresses and explain how they were read."""
    with _connect() as connection:
        gazetteer, calibration = load_gazetteer(connection), load_calibration(connection)
        areas, codes = Areas(connection), DatabaseCodes(connection)
        heard = load_callers(connection).area_of(caller) if caller and not district else None
        hints = Hints(canonical(district), (heard.lon, heard.lat) if heard else None)
        answers = [geocode(gazetteer, calibration, text, hints, codes=codes) for text in address]
        areas.stamp(answers)
    for answer in answers:
        if as_json:
            sys.stdout.write(json.dumps(as_members(answer), ensure_ascii=False) + "\n")
        else:
            _print_answer(answer)


@app.command("callers")
def import_caller_prefixes(
    file: Annotated[Path, typer.Argument(help="CSV 或 Excel：号码段与区域 prefixes and areas")],
    prefix_column: Annotated[str, typer.Option(help="号码段列 column with the prefix")] = "号码段",
    area_column: Annotated[str, typer.Option(help="区域列（编码或名称）column with the area")] = "区域",
) -> None:
    """导入主叫号码段所在区域。Take the areas that callers' telephones stand in from a table."""
    with _connect() as connection:
        count = import_callers(connection, file, prefix_column, area_column)
    _print(f"{count:,} 个号码段 prefixes")


@app.command()
def calibrate(as_json: Json = False) -> None:
    """让地址库自检，重定可信度。Let the gazetteer examine itself anew."""
    with _connect() as connection:
        made = renew_calibration(connection, load_gazetteer(connection))
    if as_json:
        sys.stdout.write(json.dumps(made.report | {"threshold": made.threshold}) + "\n")
    else:
        _print(made.report | {"threshold": made.threshold})


def as_members(answer: Answer) -> dict[str, Any]:
    """An answer as JSON members, with its explanation."""
    combination = answer.combination
    return {
        "text": answer.text,
        "status": answer.status,
        "combination": {
            "number": combination.number,
            "name": combination.name,
            "name_en": combination.name_en,
        }
        if combination
        else None,
        "reading": explain(answer),
        "candidates": [asdict(candidate) for candidate in answer.candidates],
    }


def _print_answer(answer: Answer) -> None:
    name = answer.combination.name if answer.combination else "—"
    _print(f"[bold]{answer.text}[/bold]  →  {answer.status}  ({name})")
    _print("  " + " ".join(f"{e['text']}/{e['kind']}" for e in explain(answer)["elements"]))
    table = Table("匹配 matched", "级别 level", "可信度", "误差 m", "经度 lon", "纬度 lat", "原因 why")
    for c in answer.candidates[:5]:
        why = WHY[c.why].zh if c.why in WHY else c.why
        table.add_row(
            c.matched, c.level, f"{c.confidence:.2f}", f"{c.error_m:.0f}", f"{c.lon:.6f}", f"{c.lat:.6f}", why
        )
    _print(table)


def _remark(report: BatchReport) -> None:
    """Say what the user should know of his table, apart from the result."""
    if len(report.sheets) > 1:
        others = "、".join(report.sheets)
        _note(
            Text(
                f"工作簿有多张表（{others}），读的是“{report.sheet}”；用 --sheet 选别的。",
                f"The workbook has several sheets; “{report.sheet}” was read. Choose another by --sheet.",
            )
        )
    if report.too_long:
        _note(
            Text(
                f"{report.too_long:,} 行比表头长，多出的单元格未输出（首见第 {report.first_too_long} 行）。",
                f"{report.too_long:,} rows have more cells than the header; the rest of them is left out"
                f" (first row: {report.first_too_long}).",
            )
        )


def _note(text: Text) -> None:
    Console(stderr=True, highlight=False).print(f"{text.zh}\n{text.en}", markup=False)


def _progress(*, counted: bool = False) -> Progress:
    known = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn()) if counted else ()
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), *known, TimeElapsedColumn(),
        console=Console(stderr=True),
    )  # fmt: skip


def _print(what: object) -> None:
    Console(highlight=False).print(what)
