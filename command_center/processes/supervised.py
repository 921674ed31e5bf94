"""One supervised program: started, watched, started again after a crash, ended cleanly."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command_center.processes.children import die_with_parent
from command_center.processes.logs import open_log
from command_center.processes.postgres import last_lines
from gis_core.errors import DomainError, Text

LONGEST_DELAY_S = 30.0
GOOD_AFTER_S = 60.0
"""A program that ran this long has recovered: its next crash is answered at once again."""


class StartFailed(DomainError):
    slug = "start-failed"
    title = Text("启动失败", "A process did not start")
    detail = Text("{name} 失败。日志：{log}", "{name} failed. Log: {log}")


def next_delay(delay_s: float, ran_s: float) -> float:
    """Seconds to wait before the next start: 1, 2, 4 … 30, and 1 again after a good minute."""
    return 1.0 if ran_s >= GOOD_AFTER_S or delay_s == 0 else min(delay_s * 2, LONGEST_DELAY_S)


@dataclass
class Supervised:
    """A program and how to treat it.

    ``is_ready`` tells when others may rely on it; ``prepare`` runs before each start;
    ``on_change`` hears of every start and end.
    """

    name: str
    command: Callable[[], Sequence[str]]
    log: Path
    is_ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = lambda: None
    spawn: Callable[[], dict[str, Any]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    on_change: Callable[["Supervised", int | None, float], None] = lambda _program, _code, _delay: None
    restarts: int = 0
    pid: int | None = None
    _process: asyncio.subprocess.Process | None = None
    _task: asyncio.Task[None] | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _delay_s: float = 0.0

    async def start(self, *, timeout_s: float) -> None:
        """Start and wait until it is ready. Raises StartFailed when it ends first or takes too long."""
        process = await self._spawn()
        deadline = time.monotonic() + timeout_s
        while not await self.is_ready():
            if process.returncode is not None or time.monotonic() > deadline:
                await self._end()
                raise StartFailed(name=self.name, log=str(self.log), said=last_lines(self.log))
            await asyncio.sleep(0.05)
        self._task = asyncio.create_task(self._watch(process), name=f"watch {self.name}")

    async def stop(self) -> None:
        """End it for good, with force when it does not go by itself."""
        self._stopping.set()
        if self._task:
            await self._task
        await self._end()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Start it again whenever it ends, until we are told to stop."""
        while True:
            began = time.monotonic()
            ended = asyncio.create_task(process.wait())
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            stopping.cancel()
            if self._stopping.is_set():
                return
            code: int | None = process.returncode
            end_group(process.pid)
            again = None
            while again is None:
                again = await self._start_again(code if code is not None else 1, time.monotonic() - began)
                if self._stopping.is_set():
                    return
                code, began = 1, time.monotonic()
            process = again

    async def _start_again(self, code: int, ran_s: float) -> asyncio.subprocess.Process | None:
        """After the delay that is due; None when told to stop meanwhile or when it cannot be started."""
        self.pid = None
        self.restarts += 1
        self._delay_s = next_delay(self._delay_s, ran_s)
        self.on_change(self, code, self._delay_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._delay_s)
        if self._stopping.is_set():
            return None
        try:
            return await self._spawn()
        except (DomainError, OSError) as error:
            with open_log(self.log) as log:
                log.write(f"{error}\n".encode())
            return None

    async def _spawn(self) -> asyncio.subprocess.Process:
        await asyncio.to_thread(self.prepare)
        how = self.spawn() if self.spawn else plain_spawn()
        environment = {**how.pop("env", os.environ), **self.environment}
        with open_log(self.log) as log:
            process = await asyncio.create_subprocess_exec(
                *self.command(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                **how,
            )
        self._process, self.pid = process, process.pid
        self.on_change(self, None, 0)
        return process

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(self.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), self.stop_timeout_s)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        end_group(process.pid)
        self.pid = None


def plain_spawn() -> dict[str, Any]:
    """How the platform's own programs start: a session of their own, ended when we are."""
    return {"preexec_fn": die_with_parent(signal.SIGTERM), "start_new_session": True}


def end_group(pid: int) -> None:
    """Kill what a program that has ended left behind in its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
