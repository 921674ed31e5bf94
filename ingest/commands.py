"""``./wanmi replay``: recorded tracks on the live map."""

import os
import time
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gis_core.errors import BadInput
from gis_core.identity.secrets import Keyring
from gis_core.settings import BrokerSettings, DatabaseSettings, StorageSettings
from ingest import replay as player
from ingest.track_file import TrackPoint, read_track_file
from tracking.clock import datetime_of, now_us
from tracking.settings import TrackingSettings


class Kind(StrEnum):
    sanitation = "sanitation"
    slag_truck = "slag_truck"
    enforcement = "enforcement"


def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="轨迹 CSV，可为 .gz track file")],
    speed: Annotated[float, typer.Option(min=0.01, max=10_000, help="倍速 times as fast")] = 1.0,
    broker: Annotated[
        str | None, typer.Option(envvar="WANMI_MQTT_SIMULATOR_URL", help="mqtt://user:password@host:port")
    ] = None,
    device_prefix: Annotated[str, typer.Option(help="设备号前缀 prefix of device keys")] = "replay-",
    register: Annotated[
        bool, typer.Option(help="登记尚未登记的设备 register devices that are not yet")
    ] = True,
    kind: Annotated[Kind, typer.Option(help="车辆类型 kind of vehicle")] = Kind.enforcement,
    org_unit: Annotated[
        str | None, typer.Option(help="所属部门代码 code of the organisation they belong to")
    ] = None,
    original_time: Annotated[
        bool, typer.Option("--original-time/--now", help="保留原时间，或从现在开始 keep times, or begin now")
    ] = False,
    vehicles: Annotated[
        int | None, typer.Option(min=1, help="只回放前 N 辆 only the first N vehicles")
    ] = None,
) -> None:
    """把轨迹文件经 MQTT 回放到平台上，位置不变。Play a track file through MQTT, where it happened."""
    console = Console(stderr=True)
    points, refused = read_track_file(file)
    points = _first_vehicles(points, vehicles)
    if original_time:
        _require_storable(points)
    names = list(dict.fromkeys(point.vehicle for point in points))
    keys = [player.device_key(device_prefix, name) for name in names]
    with psycopg.connect(DatabaseSettings().database_url, autocommit=True) as connection:
        if register:
            made = player.register(
                connection,
                Keyring(StorageSettings().secret_key),
                keys,
                kind=kind.value,
                org_code=org_unit,
                place=(points[0].lon, points[0].lat),
                period_s=player.typical_period_s(points, speed),
            )
            console.print(f"登记设备 registered: {made} / {len(keys)}")
        else:
            player.require_registered(connection, keys)
    span = timedelta(microseconds=(points[-1].time_us - points[0].time_us) / speed)
    console.print(
        f"{len(points):,} 点 fixes, {len(names)} 辆 vehicles, 历时 takes {str(span).split('.')[0]}"
        + (f"; 不可用行 rows refused: {refused:,}" if refused else "")
    )
    url = broker or os.environ.get("WANMI_MQTT_SIMULATOR_URL") or BrokerSettings().mqtt_url
    _play(console, player.Player(url, prefix=device_prefix, speed=speed, original_time=original_time), points)


def _play(console: Console, playing: player.Player, points: list[TrackPoint]) -> None:
    began = time.monotonic()
    interrupted = False
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(points), rate="")

        def tell(sent: int) -> None:
            rate = sent / max(time.monotonic() - began, 0.001)
            progress.update(task, completed=sent, rate=f"{rate:,.1f}/s")

        try:
            playing.play(points, tell)
        except KeyboardInterrupt:
            interrupted = True
    seconds = time.monotonic() - began
    console.print(
        f"已发送 sent {playing.sent:,}, 已确认 acknowledged {playing.acknowledged:,}, "
        f"{seconds:.1f} s, {playing.sent / max(seconds, 0.001):,.1f}/s"
    )
    if interrupted:
        raise typer.Exit(130)


def _first_vehicles(points: list[TrackPoint], count: int | None) -> list[TrackPoint]:
    if count is None:
        return points
    chosen = set(list(dict.fromkeys(point.vehicle for point in points))[:count])
    return [point for point in points if point.vehicle in chosen]


def _require_storable(points: list[TrackPoint]) -> None:
    """Original times must be of the span that is kept. Raises BadInput."""
    days = TrackingSettings().oldest_days
    if now_us() - points[0].time_us > timedelta(days=days) // timedelta(microseconds=1):
        first = datetime_of(points[0].time_us).date()
        raise BadInput(
            field="--original-time",
            reason_zh=f"{first} 早于 {days} 天，会被拒绝；可用 WANMI_TRACKING_OLDEST_DAYS 放宽",
            reason=f"{first} is more than {days} days ago and would be refused; "
            "WANMI_TRACKING_OLDEST_DAYS of the ingest process widens that",
        )
