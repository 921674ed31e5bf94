"""``wanmi dictionaries``: class lists of components and events, edition beside edition."""

from pathlib import Path
from typing import Annotated

import psycopg
import typer

from gis_core.dictionaries.component_classes import load_component_classes
from gis_core.dictionaries.lists import Kind, read_class_list, shipped_events, store_class_list
from gis_core.errors import BadInput
from gis_core.settings import DatabaseSettings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def dictionaries() -> None:
    """部件、事件字典。Class lists of components and events."""


@app.command("load")
def load() -> None:
    """装入随附的部件、事件字典。Bring in the lists that come with Wanmi."""
    with psycopg.connect(DatabaseSettings().database_url) as connection:
        changed = load_component_classes(connection)
        events = shipped_events()
        number = store_class_list(connection, events)
    typer.echo(
        f"部件 components: {changed} · 事件 events: {number} ({len(events.conditions)} 立案条件 conditions)"
    )


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="CSV，UTF-8 或 GB18030", exists=True, dir_okay=False)],
    edition: Annotated[str | None, typer.Option(help="版本 edition key, e.g. SUZHOU-2026")] = None,
    kind: Annotated[str, typer.Option(help="component|event")] = "component",
    only: Annotated[str | None, typer.Option(help="只取文件中这个版本的行 only rows of this edition")] = None,
) -> None:
    """导入一个版本的字典；其他版本不变。Bring in one edition; the others stay as they are."""
    if kind not in ("component", "event"):
        raise BadInput(field="--kind", reason_zh="应为 component 或 event", reason="component or event")
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    wanted: Kind = "event" if kind == "event" else "component"
    found = read_class_list(text, wanted, edition, only=only)
    with psycopg.connect(DatabaseSettings().database_url) as connection:
        number = store_class_list(connection, found)
    typer.echo(f"{kind}: {number} 小类 classes, {len(found.conditions)} 立案条件 conditions")
