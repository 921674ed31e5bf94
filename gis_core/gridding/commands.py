"""``wanmi grids``: divide areas into unit grids, and report on those there are."""

import asyncio
import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from gis_core.area_codes import area_prefix
from gis_core.database import create_engine
from gis_core.errors import DomainError, NotFound, Text
from gis_core.gridding import store
from gis_core.gridding.division import GridOptions
from gis_core.gridding.jobs import divide_draft, home_communities
from gis_core.gridding.publish import Publication, publish
from gis_core.gridding.topology import examine
from gis_core.identity.audit import SYSTEM, Entry, append_audit
from gis_core.identity.secrets import Keyring
from gis_core.settings import DatabaseSettings, StorageSettings

app = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]
AreaCode = Annotated[str, typer.Argument(help="区划代码：区 6 位、街道 9 位、社区 12 位 area code")]

LABELS: dict[str, Text] = {
    "cells": Text("单元网格", "unit grids"),
    "communities": Text("社区（或街道）", "communities (or streets)"),
    "area_m2": Text("应划分面积 m²", "area to divide, m²"),
    "cells_m2": Text("网格面积合计 m²", "area of the cells, m²"),
    "coverage_valid": Text("拓扑有效", "valid coverage"),
    "gaps": Text("空隙", "gaps"),
    "overlaps": Text("重叠", "overlaps"),
    "crossings": Text("越过社区边界", "crossings of community borders"),
    "duplicate_codes": Text("重复编码", "duplicate codes"),
    "buildings": Text("建筑", "buildings"),
    "buildings_cut": Text("被切割的建筑", "buildings cut"),
    "slivers": Text("狭长网格（宽不足 25 m）", "slivers (narrower than 25 m)"),
    "too_small": Text("小于 5,000 m²", "below 5,000 m²"),
    "too_large": Text("大于 20,000 m²", "above 20,000 m²"),
    "share_5000_20000": Text("5,000–20,000 m² 之比", "share of 5,000–20,000 m²"),
    "mean_m2": Text("平均面积 m²", "mean area, m²"),
    "compactness_median": Text("紧凑度中位数", "median compactness"),
}


class DivisionFailed(DomainError):
    status, slug = 500, "division-failed"
    title = Text("划分失败", "Division failed")
    detail = Text("草案 {draft} 划分失败：{failure}。", "The division of draft {draft} failed: {failure}.")


@app.callback()
def grids() -> None:
    """单元网格：划分与拓扑检查。Unit grids: division and topology report."""


@app.command()
def divide(
    area_code: AreaCode,
    publish_it: Annotated[
        bool, typer.Option("--publish", help="划分后直接发布 publish the draft at once")
    ] = False,
    edition: Annotated[int, typer.Option(min=14, max=15, help="编码位数 digits of a code")] = 15,
    target_m2: Annotated[float, typer.Option(min=1_000, help="目标面积 m² area aimed at")] = 10_500,
    community_part: Annotated[
        str, typer.Option(help="没有社区边界时编码中的社区段 stands for a community where there is none")
    ] = "000",
    reason: Annotated[str, typer.Option(help="事由 why, for the record")] = "命令行划分",
    as_json: Json = False,
) -> None:
    """把区域划分为单元网格草案。Divide an area; the draft waits for adjustment unless --publish.

    Exit code 0: divided; 2: refused; 1: failed.
    """
    scale = target_m2 / 10_500
    options = GridOptions(
        target_m2=target_m2, smallest_m2=5_600 * scale, largest_m2=16_800 * scale, edition=edition,
        community_part=community_part,
    )  # fmt: skip
    console = Console(stderr=True)
    with console.status(f"{area_code} …"):
        row, done = asyncio.run(_divide(area_code, options, reason, publish_it=publish_it))
    figures = {"draft": row["id"], "state": row["state"], "report": row["report"]}
    if done is not None:
        figures["published"] = done._asdict()
    _show(figures, as_json)


@app.command()
def report(area_code: AreaCode, as_json: Json = False) -> None:
    """已发布单元网格的拓扑检查。Topology report of the unit grids of an area.

    Exit code 1 when there are gaps, overlaps, crossings or duplicate codes.
    """
    numbers = asyncio.run(_report(area_code))
    _show({"area_code": area_code, "report": numbers}, as_json)
    if any(numbers[key] for key in ("gaps", "overlaps", "crossings", "duplicate_codes")):
        raise typer.Exit(1)


async def _divide(
    area_code: str, options: GridOptions, reason: str, *, publish_it: bool
) -> tuple[dict[str, Any], Publication | None]:
    settings = DatabaseSettings()
    engine = create_engine(settings, application_name="wanmi grids")
    try:
        async with engine.begin() as conn:
            draft_id = await store.add_draft(conn, area_code, options, reason, None)
        await asyncio.to_thread(divide_draft, settings.database_url, draft_id)
        row = await _draft(engine, draft_id)
        if row["state"] != "open":
            raise DivisionFailed(draft=draft_id, failure=row["failure"])
        if not publish_it:
            return row, None
        async with engine.begin() as conn:
            draft = await store.lock_draft(conn, draft_id)
            done = await publish(conn, draft, SYSTEM, reason)
            detail = {"area_code": area_code, "reason": reason, **done._asdict()}
            entry = Entry(SYSTEM, "grid_draft.publish", "grid_draft", str(draft_id), detail)
            await append_audit(conn, Keyring(StorageSettings().secret_key), entry)
        return await _draft(engine, draft_id), done
    finally:
        await engine.dispose()


async def _draft(engine: AsyncEngine, draft_id: int) -> dict[str, Any]:
    async with engine.connect() as conn:
        return dict(await store.read_draft(conn, draft_id))


async def _report(area_code: str) -> dict[str, Any]:
    engine = create_engine(DatabaseSettings(), application_name="wanmi grids")
    try:
        async with engine.begin() as conn:
            pattern = area_prefix(area_code) + "%"
            rows = (await conn.execute(store.SQL["valid_unit_grids"], {"pattern": pattern})).mappings().all()
            if not rows:
                raise NotFound(key=area_code, kind="unit grid in area", kind_zh="区域单元网格")
            ground = await store.read_ground(conn, area_code)
    finally:
        await engine.dispose()
    cells = store.cells_of(rows, ground.projection)
    homes = home_communities(ground, GridOptions(community_part=store.community_part_of(ground, cells)))
    codes = [row["code"] for row in rows]
    return examine(cells.shapes, cells.communities, ground.homes, homes, ground.buildings, codes).numbers


def _show(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
        return
    table = Table(show_header=False, box=None)
    for key, value in figures.items():
        if key != "report":
            said = (
                ", ".join(f"{k} {v:,}" for k, v in value.items()) if isinstance(value, dict) else str(value)
            )
            table.add_row(key, "", said)
    numbers = figures["report"] or {}
    for key, label in LABELS.items():
        value = numbers.get(key)
        table.add_row(label.zh, label.en, f"{value:,}" if isinstance(value, int | float) else str(value))
    largest = max((row["cells"] for row in numbers.get("histogram", [])), default=0)
    for row in numbers.get("histogram", []):
        if row["cells"]:
            bar = "█" * max(1, round(30 * row["cells"] / largest))
            end = f"{row['to_m2']:,}" if row["to_m2"] else ""
            table.add_row(f"{row['from_m2']:,}–{end} m²", "", f"{bar} {row['cells']:,}")
    Console().print(table)
