"""``./wanmi bench``: what the platform does a second, on this machine."""

import typer

from benchmarks import geocode_commands, platform_commands, track_commands

app = typer.Typer(no_args_is_help=True)


@app.callback()
def bench() -> None:
    """性能测量，自带临时数据库与消息服务器。Measurements, with a database and a broker of their own."""


for part in (platform_commands, track_commands, geocode_commands):
    app.add_typer(part.app)
