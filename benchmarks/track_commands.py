"""``./wanmi bench``: locating, tracks, the rules, captures and known faults."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.showing import Folder, Json, say_aside, show

app = typer.Typer()

Tracks = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, help="轨迹或报文的目录 a folder of tracks or captures")
]
Seed = Annotated[int, typer.Option(help="随机种子 seed of the random numbers")]
Begins = Annotated[str, typer.Option("--file", help="文件名开头 only files whose names begin so")]


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
        polygons=polygons, fences=fences, points=points, borders=borders, folder=folder, say=say_aside
    )
    show(figures, report(figures), as_json)
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

    figures = measure(fixes=fixes, questions=questions, folder=folder, say=say_aside)
    show(figures, report(figures), as_json)


@app.command()
def oracle(
    fixes: Annotated[int, typer.Option(min=2_000, help="定位点数 fixes")] = 1_000_000,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """乱序、延迟、重复到达的报警是否与顺序到达、离线分析相同。In disorder, in order, offline: the same?"""
    from benchmarks.oracle import measure, report

    figures = measure(fixes=fixes, folder=folder, say=say_aside)
    show(figures, report(figures), as_json)
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


@app.command()
def track_measures(folder: Tracks, seed: Seed = 1, file: Begins = "") -> None:
    """错误与噪声对里程、停留的影响。What faults and noise do to mileage and stops."""
    from benchmarks.track_measures import print_table

    _need_files(folder, file)
    print_table(folder, seed, file)


def _need_files(folder: Path, begins: str) -> None:
    if not any(folder.glob(f"{begins}*.csv.gz")):
        raise typer.BadParameter(f"没有此类文件 no such files: {folder}/{begins}*.csv.gz")
