"""The command line: one verb a job, gathered from the packages and loaded only when asked for."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from command_center.processes import speech
from gis_core.errors import DomainError, Text

EXIT_REFUSED = 2
EXIT_FAILED = 1


class Verb(NamedTuple):
    """Where a verb lives and what it needs before it runs.

    ``needs``: "database" (started for as long as the verb runs when the platform does not),
    "platform" (must be running), or "" (nothing, or it sees to it itself).
    """

    module: str
    attribute: str
    help: str
    needs: str = ""
    free: tuple[str, ...] = ()
    """Verbs below it that need nothing."""


VERBS: dict[str, Verb] = {
    "up": Verb("command_center.commands", "up", "启动整个平台 Start the platform"),
    "doctor": Verb("command_center.commands", "doctor", "检查本机 What is present, missing, running"),
    "migrate": Verb("command_center.commands", "migrate", "更新数据库结构 Update the schema", "database"),
    "admin": Verb("command_center.commands", "admin", "人员与权限 People and rights", "database"),
    "audit": Verb("command_center.admin_commands", "audit", "审计链 The audit trail", "database"),
    "import": Verb("gis_core.importing.commands", "app", "导入空间数据 Import spatial files", "database"),
    "dictionaries": Verb(
        "gis_core.dictionaries.commands", "app", "部件、事件字典 Class lists by edition", "database"
    ),
    "geocode": Verb("geocoding.commands", "app", "地址库与地理编码 Addresses to places", "database"),
    "decode": Verb("ingest.decoding.command", "decode", "解码设备报文 What our decoders make of a capture"),
    "grids": Verb("gis_core.gridding.commands", "app", "单元网格划分 Unit grids", "database"),
    "tracks": Verb(
        "tracking.commands",
        "app",
        "轨迹分析、归档 Tracks: analyse, archive, export",
        "database",
        ("analyse",),
    ),
    "transform": Verb("gis_core.transform_commands", "transform", "坐标转换 Between coordinate systems"),
    "replay": Verb("ingest.commands", "replay", "回放轨迹文件 Play a track file by MQTT", "platform"),
    "bench": Verb("benchmarks.commands", "app", "性能测量 Measure"),
    "demo": Verb("command_center.commands", "demo", "演示城市 The demo city", "database"),
    "serve": Verb("command_center.commands", "serve", "单个进程 One process, as the supervisor starts it"),
}


class LazyGroup(TyperGroup):
    """Imports a verb's module when the verb is used, so that one verb does not pay for all."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name, verb in VERBS.items() if _exists(verb.module)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        verb = VERBS.get(cmd_name)
        return load(cmd_name, verb) if verb and _exists(verb.module) else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """``import addresses FILE`` is the import of the gazetteer."""
        if args[:2] == ["import", "addresses"]:
            args = ["geocode", "import", *args[2:]]
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, VERBS))
        lines = [f"  {name:<{width}}  {VERBS[name].help}" for name in self.list_commands(ctx)]
        sys.stdout.write("用法 Usage: ./wanmi VERB [--help]\n\n" + "\n".join(lines) + "\n")


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def load(name: str, verb: Verb) -> Any:
    """The command of a verb; its module offers a typer app or a plain function."""
    found = getattr(import_module(verb.module), verb.attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        found = single
    command = typer.main.get_command(found)
    command.name = name
    return command


app = typer.Typer(cls=LazyGroup, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def prepare(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="数据目录 data folder", envvar="WANMI_DATA_DIR")
    ] = None,
) -> None:
    """Give a verb the WANMI_* variables and the database it needs."""
    if data_dir:
        os.environ["WANMI_DATA_DIR"] = str(data_dir.absolute())
    verb = VERBS.get(context.invoked_subcommand or "")
    if verb is None or not verb.needs or {"-h", "--help", *verb.free} & set(sys.argv):
        return
    from command_center.processes import installation as installations

    folder = installations.default_data_dir()
    live = installations.running(folder)
    if verb.needs == "platform" and live is None and "WANMI_MQTT_URL" not in os.environ:
        raise installations.NotRunning
    installation = installations.Installation.open(folder)
    context.with_resource(installations.running_database(installation))
    for variable, value in (live["environment"] if live else installation.environment()).items():
        os.environ.setdefault(variable, value)


def main() -> None:
    """Run a verb; what was foreseen ends in a sentence and an exit code, never in a traceback."""
    try:
        app()
    except DomainError as error:
        speech.complain_of(error)
        raise SystemExit(EXIT_REFUSED if 400 <= error.status < 500 else EXIT_FAILED) from None
    except KeyboardInterrupt:
        speech.complain(Text("已中断。", "Interrupted."))
        raise SystemExit(130) from None
