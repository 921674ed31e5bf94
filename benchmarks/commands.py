"""``./wanmi bench``: what the platform does a second, on this machine."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from benchmarks.durability import Outcome

app = typer.Typer(no_args_is_help=True)


class Payload(StrEnum):
    single = "single"
    batch = "batch"


Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]
Folder = Annotated[
    Path | None, typer.Option(help="临时数据目录（磁盘决定结果） folder for the data: its disk is measured")
]

Tracks = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, help="轨迹或报文的目录 a folder of tracks or captures")
]
Seed = Annotated[int, typer.Option(help="随机种子 seed of the random numbers")]
Begins = Annotated[str, typer.Option("--file", help="文件名开头 only files whose names begin so")]


@app.callback()
def bench() -> None:
    """性能测量，自带临时数据库与消息服务器。Measurements, with a database and a broker of their own."""


@app.command()
def fixes(
    seconds: Annotated[float, typer.Option(min=1, help="每阶段秒数 seconds a phase")] = 10,
    devices: Annotated[int, typer.Option(min=1, help="登记的设备数 devices known")] = 100_000,
    active: Annotated[int, typer.Option(min=1, help="其中上报的设备数 of which so many send")] = 20_000,
    payload: Annotated[
        Payload, typer.Option(help="报文：逐点 JSON，或紧凑批量 a JSON fix a message, or compact batches")
    ] = Payload.single,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """每秒入库定位点数，与同一客户端只接收解码之比。Fixes committed a second, beside mere receiving."""
    from benchmarks.fixes import measure, report

    figures = measure(
        seconds=seconds,
        devices=devices,
        active=min(active, devices),
        payload=payload.value,
        folder=folder,
        say=_say,
    )
    _show(figures, report(figures), as_json)


@app.command()
def steady(
    minutes: Annotated[float, typer.Option(min=1, help="时长 minutes")] = 60,
    per_second: Annotated[float, typer.Option(min=1, help="每秒定位点数 fixes a second")] = 2_000,
    devices: Annotated[int, typer.Option(min=1, help="登记的设备数 devices known")] = 100_000,
    active: Annotated[int, typer.Option(min=1, help="其中上报的设备数 of which so many send")] = 20_000,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """车队持续上报时接收进程的内存。Memory of ingest while a fleet reports for long."""
    from benchmarks.steady import measure, report

    figures = measure(
        minutes=minutes,
        per_second=per_second,
        devices=devices,
        active=min(active, devices),
        folder=folder,
        say=_say,
    )
    _show(figures, report(figures), as_json)


@app.command()
def tiles(
    database_url: Annotated[
        str,
        typer.Option(envvar="WANMI_DATABASE_URL", help="已有城市数据的数据库 a database with a city in it"),
    ],
    count: Annotated[int, typer.Option(min=60, help="瓦片数 tiles, in equal parts of z11 to z16")] = 600,
    as_json: Json = False,
) -> None:
    """每秒瓦片数：现切、磁盘、内存，与数据库往返之比。Tiles a second: cut, from disk, from memory."""
    from benchmarks.tiles import measure, report

    figures = measure(database_url=database_url, count=count)
    _show(figures, report(figures), as_json)


@app.command()
def fan_out(
    clients: Annotated[int, typer.Option(min=1, help="大屏数 walls")] = 500,
    units: Annotated[int, typer.Option(min=1, help="人员车辆数 units")] = 5_000,
    seconds: Annotated[float, typer.Option(min=2)] = 15,
    as_json: Json = False,
) -> None:
    """实时位置分发到多个大屏的延迟和开销。Delay and cost of live positions at many walls."""
    from benchmarks.fan_out import measure, report

    figures = measure(clients=clients, units=units, seconds=seconds)
    _show(figures, report(figures), as_json)


@app.command()
def city(
    database_url: Annotated[
        str | None,
        typer.Option(envvar="WANMI_DATABASE_URL", help="有城市数据的数据库 a database with a city"),
    ] = None,
    area_code: Annotated[
        str | None, typer.Option("--area", help="区划代码；不填则用演示城市 area; else the demo city")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="轮数，取最好 rounds, best counts")] = 2,
    count: Annotated[
        int, typer.Option("--components", min=0, help="部件数，0 为不测 components; 0 leaves them out")
    ] = 1_000_000,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """划分、坐标转换、导入、百万部件，各有对照。Division, transforms, imports, a million components."""
    from benchmarks.city import measure, report

    figures = measure(
        database_url=database_url,
        area_code=area_code,
        rounds=rounds,
        components=count,
        folder=folder,
        say=_say,
    )
    _show(figures, report(figures), as_json)


@app.command()
def imports(
    database_url: Annotated[
        str,
        typer.Option(
            envvar="WANMI_DATABASE_URL", help="可写的数据库，不留数据 a database; nothing stays in it"
        ),
    ],
    rows: Annotated[int, typer.Option(min=1_000)] = 50_000,
    as_json: Json = False,
) -> None:
    """每秒导入行数，与 ogr2ogr 之比；每秒转换点数。Rows imported a second, beside ogr2ogr."""
    from benchmarks.imports import measure, report

    figures = measure(database_url=database_url, rows=rows)
    _show(figures, report(figures), as_json)


def _say(text: str) -> None:
    Console(stderr=True).print(text)


def _show(figures: Any, rows: Sequence[tuple[str, ...]], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    table = Table(show_header=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


@app.command()
def durability(
    messages: Annotated[int, typer.Option(min=100, help="每轮消息数 messages a round")] = 60_000,
    per_second: Annotated[float, typer.Option(min=1, help="发送速率 messages a second")] = 2_000,
    kills: Annotated[int, typer.Option(min=1, help="每轮强杀次数 kills a round")] = 5,
    at_random: Annotated[
        bool, typer.Option("--random", help="三个进程随机强杀，可重叠 any of the three, at random moments")
    ] = False,
    gap: Annotated[float, typer.Option(min=0.5, help="随机强杀平均间隔秒 mean seconds between kills")] = 5.0,
    seed: Annotated[int, typer.Option(help="随机数种子 seed of --random")] = 1,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """负载下强杀各进程：消息服务器已确认的是否都入库且仅一次。kill -9 under load: all stored, once?"""
    from benchmarks.durability import measure, measure_storm

    if at_random:
        outcome, killed = measure_storm(
            kills=kills, per_second=per_second, gap_s=gap, seed=seed, folder=folder, say=_say
        )
        _show({**outcome._asdict(), "sound": outcome.sound, "killed": killed}, _rows([outcome]), as_json)
        _say(f"{killed}")
        if not outcome.sound:
            raise typer.Exit(1)
        return
    outcomes = measure(messages=messages, per_second=per_second, kills=kills, folder=folder, say=_say)
    _show([{**outcome._asdict(), "sound": outcome.sound} for outcome in outcomes], _rows(outcomes), as_json)
    if not all(outcome.sound for outcome in outcomes):
        raise typer.Exit(1)


def _rows(outcomes: "Sequence[Outcome]") -> list[tuple[str, ...]]:
    head: tuple[str, ...] = ("强杀 kill -9", "次数 kills", "已发 sent", "已确认 acknowledged")
    head += ("已入库 stored", "缺 missing", "重 doubled")
    return [head, *(tuple(str(part) for part in outcome[:7]) for outcome in outcomes)]


@app.command()
def geocode(
    accuracy: Annotated[
        Path | None,
        typer.Option(help="精度：描述数据表的 TOML accuracy: a TOML file that names the tables"),
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
    from benchmarks.geocode import accuracy as measure_accuracy
    from benchmarks.geocode import accuracy_table, as_text
    from benchmarks.geocode import speed as measure_speed

    if accuracy is not None:
        figures = measure_accuracy(accuracy, _say)
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

        figures = measure_http(size=size, workers=workers, say=_say)
        _show(figures, http_report(figures), as_json)
    if imports:
        from benchmarks.geocode_import import measure as measure_import
        from benchmarks.geocode_import import report as import_report

        figures = measure_import(size=size, folder=None, say=_say)
        _show(figures, import_report(figures), as_json)
    if addok is not None:
        from benchmarks.geocode_addok import measure as measure_addok

        sys.stdout.write(as_text(measure_addok(python=addok, size=size, say=_say)) + "\n")
    if speed or not (accuracy or http or addok or imports):
        sys.stdout.write(as_text(measure_speed(size, _say)) + "\n")


@app.command()
def components(
    database_url: Annotated[
        str, typer.Option(envvar="WANMI_BENCH_DATABASE_URL", help="空数据库 an empty database, filled here")
    ],
    count: Annotated[int, typer.Option("--rows", min=10_000, help="部件数 components")] = 1_000_000,
    as_json: Json = False,
) -> None:
    """百万部件：最近部件、查重、统计，与 SELECT 1 之比。A million components, beside SELECT 1."""
    from benchmarks.components import measure, report

    figures = measure(database_url=database_url, rows=count)
    _show(figures, report(figures), as_json)


@app.command()
def geofence(
    polygons: Annotated[int, typer.Option(min=1, help="铺满的面 tiling polygons")] = 20_000,
    fences: Annotated[int, typer.Option(min=1, help="复杂围栏 complex fences")] = 400,
    points: Annotated[int, typer.Option(min=1_000, help="随机点 random points")] = 1_000_000,
    borders: Annotated[int, typer.Option(min=1_000, help="边界点 points on borders")] = 100_000,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """每核每秒定位点数，与 shapely、PostGIS 之比及一致性。Points located a second; agreement with PostGIS."""
    from benchmarks.geofence import measure, report

    figures = measure(
        polygons=polygons, fences=fences, points=points, borders=borders, folder=folder, say=_say
    )
    _show(figures, report(figures), as_json)
    if figures["tiles_mismatches"] or figures["fences_mismatches"]:
        raise typer.Exit(1)


@app.command()
def tracks(
    fixes: Annotated[
        int, typer.Option(min=100_000, help="定位点数 fixes; 100,000,000 need 25 GB of disk")
    ] = 5_000_000,
    questions: Annotated[int, typer.Option(min=5, help="每类提问次数 questions of each kind")] = 50,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """轨迹查询：谁在此处、单日、一年，与 SELECT 1 之比。Tracks: who was there, a day, a year."""
    from benchmarks.tracks import measure, report

    figures = measure(fixes=fixes, questions=questions, folder=folder, say=_say)
    _show(figures, report(figures), as_json)


@app.command()
def oracle(
    fixes: Annotated[int, typer.Option(min=2_000, help="定位点数 fixes")] = 1_000_000,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """乱序、延迟、重复到达的报警是否与顺序到达、离线分析相同。In disorder, in order, offline: the same?"""
    from benchmarks.oracle import measure, report

    figures = measure(fixes=fixes, folder=folder, say=_say)
    _show(figures, report(figures), as_json)
    if any(figures[f"mismatches_{beside}"] for beside in ("disorder", "offline", "file")):
        raise typer.Exit(1)


@app.command()
def captures(folder: Tracks) -> None:
    """录制报文的解码结果，逐文件成表。What the decoders make of captures: taken, flagged, refused."""
    from benchmarks.captures import print_table

    print_table(folder)


@app.command()
def track_faults(
    folder: Tracks,
    fault: Annotated[list[str] | None, typer.Option(help="仅此类错误，可重复 only this one")] = None,
    seed: Seed = 1,
    file: Begins = "",
) -> None:
    """注入已知错误：检出率、准确率，与经验规则对照。Known faults put into tracks: how many are found."""
    from benchmarks.injected_faults import FAULTS
    from benchmarks.track_faults import print_tables

    if unknown := set(fault or ()) - set(FAULTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; {', '.join(FAULTS)}")
    _need_files(folder, file)
    print_tables(folder, fault or list(FAULTS), seed, file)


def _need_files(folder: Path, begins: str) -> None:
    if not any(folder.glob(f"{begins}*.csv.gz")):
        raise typer.BadParameter(f"没有此类文件 no such files: {folder}/{begins}*.csv.gz")


@app.command()
def track_measures(folder: Tracks, seed: Seed = 1, file: Begins = "") -> None:
    """错误与噪声对里程、停留的影响。What faults and noise do to mileage and stops."""
    from benchmarks.track_measures import print_table

    _need_files(folder, file)
    print_table(folder, seed, file)


@app.command()
def backlog(
    devices: Annotated[int, typer.Option(min=1, help="同时恢复的设备数 devices back at once")] = 50,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """断网四小时后恢复：最新位置多久可见，积压每秒入库多少。Devices back after four hours: newest first?"""
    from benchmarks.backlog import measure, report

    figures = measure(devices=devices, folder=folder, say=_say)
    _show(figures, report(figures), as_json)
