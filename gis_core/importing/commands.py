"""``wanmi import``: files of GIS staff into the city."""

import json
import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from gis_core.coordinates import Datum
from gis_core.identity.secrets import Keyring
from gis_core.importing.console import print_evidence, print_report
from gis_core.importing.errors import Cancelled, ImportRefused, UnknownOption
from gis_core.importing.mapping import UNKNOWN_DAY, MappingOptions
from gis_core.importing.recipes import read_recipe
from gis_core.importing.report import ImportReport, write_report
from gis_core.importing.request import ImportRequest
from gis_core.importing.run import run_import
from gis_core.importing.targets import TARGET_KEYS
from gis_core.models.area import AREA_LEVELS
from gis_core.settings import DatabaseSettings

app = typer.Typer(no_args_is_help=True)


def _pairs(values: list[str] | None, option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for value in values or ():
        name, found, field = value.partition("=")
        if not found and option == "--class":
            name, field = "", value
        elif not found:
            raise UnknownOption(option=option, value=value, allowed="NAME=FIELD")
        pairs[name.strip()] = field.strip()
    return pairs


def _one_of(value: str | None, allowed: tuple[str, ...], option: str) -> None:
    if value is not None and value not in allowed:
        raise UnknownOption(option=option, value=value, allowed=", ".join(allowed))


@app.command("import")
def import_file(
    file: Annotated[
        Path | None,
        typer.Argument(help="OSM XML/PBF, GeoPackage, GeoJSON, shapefile, KML/KMZ, CSV, .xlsx（或 .zip）"),
    ] = None,
    target: Annotated[str | None, typer.Option(help=f"数据类型 what it is: {'|'.join(TARGET_KEYS)}")] = None,
    layer: Annotated[str | None, typer.Option(help="图层 layer, where the file has several")] = None,
    source: Annotated[str | None, typer.Option(help="来源名称；再次导入按它更新 name of the source")] = None,
    level: Annotated[str | None, typer.Option(help=f"区域级别: {'|'.join(AREA_LEVELS)}")] = None,
    parent: Annotated[str | None, typer.Option(help="上级区域代码 code of the parent area")] = None,
    within: Annotated[
        str | None, typer.Option(help="只导入该区域内的要素 only features inside this area")
    ] = None,
    touching: Annotated[
        bool, typer.Option("--touching", help="与 --within 同用：也导入只有一部分在区域内的要素")
    ] = False,
    srid: Annotated[int | None, typer.Option(help="坐标系 EPSG 代码，文件没有说明或说错时用")] = None,
    datum: Annotated[
        str | None, typer.Option(help="坐标偏移 hidden shift: wgs84|gcj02|bd09；不说则按证据判断并请您决定")
    ] = None,
    accept_datum: Annotated[
        bool,
        typer.Option("--accept-datum", help="接受按证据建议的坐标系和偏移 take the proposal"),
    ] = False,
    lon_column: Annotated[str | None, typer.Option(help="表格的经度（东坐标）列 longitude column")] = None,
    lat_column: Annotated[str | None, typer.Option(help="表格的纬度（北坐标）列 column of latitudes")] = None,
    encoding: Annotated[str | None, typer.Option(help="文字编码 text encoding, e.g. gbk, big5")] = None,
    field_map: Annotated[
        list[str] | None, typer.Option("--map", help="列=字段 column=field, e.g. name=道路名称")
    ] = None,
    component_class: Annotated[
        list[str] | None, typer.Option("--class", help="部件类别：代码，或 名称=代码 CODE or NAME=CODE")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="键字段 field that identifies a feature for updates")
    ] = None,
    valid_from: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="启用日期 first day of validity; 1900-01-01 = unknown"),
    ] = None,
    valid_to: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="停用日期 first day no longer valid (areas)"),
    ] = None,
    constants: Annotated[
        list[str] | None, typer.Option("--set", help="列=值 column=value for every feature, e.g. kind=fence")
    ] = None,
    provisional_codes: Annotated[
        bool, typer.Option("--provisional-codes", help="没有代码的区域暂编代码 (上级代码 + 9xx)")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="试导入，不保存 do everything, keep nothing")
    ] = False,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="列出新增、改变、缺失的要素 list what is new, changed, missing"),
    ] = False,
    remove_missing: Annotated[
        bool,
        typer.Option("--remove-missing", help="去掉本来源中文件已没有的要素 drop what the file lacks"),
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="不用此来源上次的设置 do not use the source's last settings")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="报告为 JSON report as JSON")] = False,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", help="逐条问题写入文件 every issue into a file: .csv, .json, .geojson"),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="配方文件：一个区的全部文件及顺序 a TOML file naming a whole set")
    ] = None,
) -> None:
    """导入城市数据：全部成功或全部撤回。Bring a file into the city: all of it or nothing.

    Exit code 0: taken; 1: refused, nothing was imported; 130: stopped by Ctrl-C, nothing was imported.
    """
    common: dict[str, Any] = {
        "dry_run": dry_run,
        "diff": diff,
        "remove_missing": remove_missing,
        "remember": not forget,
    }
    if recipe is not None:
        _run_recipe(recipe, common, as_json=as_json)
        return
    try:
        if file is None:
            raise UnknownOption(option="FILE", value="", allowed="FILE | --recipe FILE.toml")
        _one_of(target, TARGET_KEYS, "--target")
        _one_of(level, AREA_LEVELS, "--level")
        _one_of(datum, get_args(Datum), "--datum")
        mapping = MappingOptions(
            field_map=_pairs(field_map, "--map"),
            key_field=key,
            level=level,
            parent_code=parent,
            constants=_pairs(constants, "--set"),
            valid_to=valid_to.date() if valid_to else None,
            provisional_codes=provisional_codes,
            valid_from=valid_from.date() if valid_from else UNKNOWN_DAY,
        )
        request = ImportRequest(
            path=file,
            target=target,
            layer=layer,
            source=source,
            within=within,
            touching=touching,
            srid=srid,
            datum=datum,  # type: ignore[arg-type]  # checked above
            accept_datum=accept_datum,
            encoding=encoding,
            lon_field=lon_column,
            lat_field=lat_column,
            own_classes=_pairs(component_class, "--class"),
            mapping=mapping,
            **common,
        )
        report = _run_with_progress(request)
    except ImportRefused as error:
        if report_file is not None and error.report is not None:
            write_report(report_file, error.report)
        _tell_refusal(error, as_json=as_json)
        raise typer.Exit(1) from error
    if report_file is not None:
        write_report(report_file, report)
    _tell(report, as_json=as_json)


def _tell(report: ImportReport, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.as_dict(), ensure_ascii=False, indent=2, default=str))
    else:
        print_report(report, Console())


def _run_recipe(path: Path, common: dict[str, Any], *, as_json: bool) -> None:
    """Each step in order; the first refusal ends it, and what came before stays."""
    try:
        for step in read_recipe(path):
            if not as_json:
                typer.echo(f"\n── {step.path.name}" + (f" : {step.layer}" if step.layer else ""))
            said = {name: value for name, value in common.items() if value or name == "remember"}
            _tell(_run_with_progress(replace(step, **said)), as_json=as_json)
    except ImportRefused as error:
        _tell_refusal(error, as_json=as_json)
        raise typer.Exit(1) from error


def _run_with_progress(request: ImportRequest) -> ImportReport:
    # The key is only needed for the audit entry; a database brought up by hand may have none.
    secret = os.environ.get("WANMI_SECRET_KEY")
    url = DatabaseSettings().database_url
    name = TextColumn("{task.description}")
    columns = (SpinnerColumn(), name, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(request.path.name, total=None)

        def advance(read: int, total: int | None) -> None:
            bar.update(task, completed=read, total=total)

        keyring = Keyring(secret) if secret else None
        try:
            return run_import(request, url, keyring=keyring, progress=advance)
        except KeyboardInterrupt as error:
            told = Cancelled().text
            typer.echo(f"{told.zh}\n{told.en}", err=True)
            raise typer.Exit(130) from error


def _tell_refusal(error: ImportRefused, *, as_json: bool) -> None:
    evidence = error.members.get("evidence")
    if as_json:
        body: dict[str, Any] = {"refused": error.slug, "zh": error.text.zh, "en": error.text.en}
        typer.echo(json.dumps(body | {"evidence": evidence}, ensure_ascii=False, indent=2))
        return
    typer.echo(f"{error.title.zh}：{error.text.zh}\n{error.title.en}: {error.text.en}", err=True)
    if evidence:
        print_evidence(evidence, Console(stderr=True))
