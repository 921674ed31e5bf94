"""The verb ``demo make``."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from command_center.demo.city import make_city
from command_center.demo.load import load_city
from command_center.demo.load_people import Login, load_people
from command_center.demo.people import hire
from command_center.demo.plan import CITY, DISTRICT, SOURCE
from command_center.processes.broker import DeviceCredentials, replace_private
from geocoding.city_rows import import_city
from gis_core.errors import DomainError, Text
from gis_core.identity.secrets import Keyring
from gis_core.settings import DatabaseSettings, StorageSettings

LOGINS_FILE = "demo-logins.json"
_ANALYZED = (
    "area, unit_grid, responsibility_grid, road, building, land_cover, component, facility, zone,"
    " roster, device"
)


class DemoCityExists(DomainError):
    status, slug = 409, "demo-city-exists"
    title = Text("演示城市已存在", "The demo city is already there")
    detail = Text(
        "数据库中已有演示城市“{name_zh}”。要重新生成，请使用空的数据目录（--data-dir）。",
        "The database already holds the demo city {name}. To make another, use an empty data folder"
        " (--data-dir).",
    )


def make(
    seed: Annotated[int, typer.Option(help="随机种子 same seed, same city")] = 1,
    components: Annotated[int, typer.Option(help="部件数 city components")] = 30_000,
    inspectors: Annotated[int, typer.Option(min=1, help="采集员数 inspectors")] = 200,
    vehicles: Annotated[int, typer.Option(min=10, help="车辆数 vehicles")] = 120,
) -> None:
    """生成演示城市 Make the demo city with its people, devices and rosters, in one transaction."""
    console = Console()
    began = time.monotonic()
    storage = StorageSettings()
    with psycopg.connect(DatabaseSettings().database_url) as connection:
        if connection.execute("SELECT 1 FROM area WHERE source = %s LIMIT 1", (SOURCE,)).fetchone():
            raise DemoCityExists(name=CITY.en, name_zh=CITY.zh)
        with console.status("…") as status:
            city = make_city(
                seed, components=components, report=lambda step: status.update(f"{CITY.zh} · {step}")
            )
            status.update("COPY")
            loaded = load_city(connection, city)
            logins, people = load_people(
                connection,
                hire(seed, city, inspectors=inspectors, vehicles=vehicles),
                seed,
                duty_ids=loaded["responsibility_grid"],
                route_ids=loaded["route"],
                keyring=Keyring(storage.secret_key),
                credentials=DeviceCredentials(storage.data_dir / "broker"),
            )
            logins_file = storage.data_dir / LOGINS_FILE
            write_logins(logins_file, logins)
            try:
                connection.commit()
            except BaseException:
                logins_file.unlink()
                raise
            status.update("ANALYZE")
            connection.execute(f"ANALYZE {_ANALYZED}")
            status.update("地址库 gazetteer")
            addresses = import_city(connection)
    counts = {**loaded["counts"], **people, "address": sum(read.entries for read in addresses.values())}
    console.print(
        f"{CITY.zh}{DISTRICT.zh} {DISTRICT.en}, {CITY.en}: "
        + ", ".join(f"{table} {count:,}" for table, count in counts.items())
        + f" · {time.monotonic() - began:.1f} s"
    )
    console.print(_logins_table(logins))


def write_logins(path: Path, logins: list[Login]) -> None:
    """For the login page in demo mode; readable by our account alone."""
    replace_private(path, json.dumps([asdict(login) for login in logins], ensure_ascii=False, indent=1))


def _logins_table(logins: list[Login]) -> Table:
    table = Table(title="演示账号 Demo logins")
    for column in ("登录名 login", "密码 password", "角色 role", "区域 area"):
        table.add_column(column)
    for login in logins:
        table.add_row(login.login, login.password, f"{login.role} {login.role_en}", login.area or "*")
    return table
