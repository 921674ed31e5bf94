"""``./wanmi bench``: ingest, tiles, live positions, imports, layers, durability."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.showing import Folder, Json, say_aside, show

if TYPE_CHECKING:
    from benchmarks.durability import Outcome

app = typer.Typer()


class Payload(StrEnum):
    single = "single"
    batch = "batch"


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
        say=say_aside,
    )
    show(figures, report(figures), as_json)


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
        say=say_aside,
    )
    show(figures, report(figures), as_json)


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
    show(figures, report(figures), as_json)


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
    show(figures, report(figures), as_json)


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
        say=say_aside,
    )
    show(figures, report(figures), as_json)


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
    show(figures, report(figures), as_json)


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
            kills=kills, per_second=per_second, gap_s=gap, seed=seed, folder=folder, say=say_aside
        )
        show({**outcome._asdict(), "sound": outcome.sound, "killed": killed}, _rows([outcome]), as_json)
        say_aside(f"{killed}")
        if not outcome.sound:
            raise typer.Exit(1)
        return
    outcomes = measure(messages=messages, per_second=per_second, kills=kills, folder=folder, say=say_aside)
    show([{**outcome._asdict(), "sound": outcome.sound} for outcome in outcomes], _rows(outcomes), as_json)
    if not all(outcome.sound for outcome in outcomes):
        raise typer.Exit(1)


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
    show(figures, report(figures), as_json)


@app.command()
def backlog(
    devices: Annotated[int, typer.Option(min=1, help="同时恢复的设备数 devices back at once")] = 50,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """断网四小时后恢复：最新位置多久可见，积压每秒入库多少。Devices back after four hours: newest first?"""
    from benchmarks.backlog import measure, report

    figures = measure(devices=devices, folder=folder, say=say_aside)
    show(figures, report(figures), as_json)


def _rows(outcomes: "Sequence[Outcome]") -> list[tuple[str, ...]]:
    head: tuple[str, ...] = ("强杀 kill -9", "次数 kills", "已发 sent", "已确认 acknowledged")
    head += ("已入库 stored", "缺 missing", "重 doubled")
    return [head, *(tuple(str(part) for part in outcome[:7]) for outcome in outcomes)]
