"""A supervised program is started again, ended cleanly, and leaves nothing behind. Real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from command_center.processes.logs import rotate
from command_center.processes.supervised import StartFailed, Supervised, next_delay

SLEEPER = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
)
WITH_GRANDCHILD = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('here', child.pid, flush=True); time.sleep(600)"
)


def program(code: str, log: Path, **options: object) -> Supervised:
    async def is_ready() -> bool:
        return log.exists() and "here" in log.read_text()

    return Supervised("probe", lambda: [sys.executable, "-c", code], log, is_ready, **options)  # type: ignore[arg-type]


async def until(happened: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    ends: list[tuple[int, float]] = []

    def note(_program: Supervised, code: int | None, delay_s: float) -> None:
        if code is not None:
            ends.append((code, delay_s))

    supervised = program(SLEEPER, tmp_path / "log", on_change=note)
    await supervised.start(timeout_s=10)
    first = supervised.pid or 0
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervised.pid not in (first, None))
    assert ends == [(-signal.SIGKILL, 1.0)]
    assert supervised.restarts == 1
    second = supervised.pid or 0
    await supervised.stop()
    assert not alive(second)


async def test_what_a_killed_program_started_is_ended_too(tmp_path: Path) -> None:
    log = tmp_path / "log"
    supervised = program(WITH_GRANDCHILD, log)
    await supervised.start(timeout_s=10)
    grandchild = int(log.read_text().split()[1])
    assert alive(grandchild)
    os.kill(supervised.pid or 0, signal.SIGKILL)
    await until(lambda: not alive(grandchild))
    await supervised.stop()


async def test_a_program_that_ignores_the_signal_is_ended_by_force(tmp_path: Path) -> None:
    supervised = program(STUBBORN, tmp_path / "log", stop_timeout_s=0.3)
    await supervised.start(timeout_s=10)
    pid = supervised.pid or 0
    await supervised.stop()
    assert not alive(pid)


async def test_a_program_that_ends_before_it_is_ready_is_a_failed_start(tmp_path: Path) -> None:
    supervised = program("raise SystemExit('no such port')", tmp_path / "log")
    with pytest.raises(StartFailed) as failure:
        await supervised.start(timeout_s=10)
    assert "no such port" in failure.value.members["said"]


def test_delays_double_to_half_a_minute_and_start_over_after_a_good_minute() -> None:
    delay, delays = 0.0, []
    for _ in range(7):
        delay = next_delay(delay, ran_s=0.1)
        delays.append(delay)
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    assert next_delay(delay, ran_s=61) == 1


def test_programs_end_when_their_supervisor_is_killed_by_force(tmp_path: Path) -> None:
    supervisor = textwrap.dedent(
        f"""
        import asyncio
        from pathlib import Path
        from tests.command_center.processes.test_supervised import SLEEPER, program

        async def main():
            supervised = program(SLEEPER, Path({str(tmp_path / "log")!r}))
            await supervised.start(timeout_s=10)
            print(supervised.pid, flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
        """
    )
    root = Path(__file__).resolve().parents[3]
    started = subprocess.Popen(
        [sys.executable, "-c", supervisor], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout
    child = int(started.stdout.readline())
    assert alive(child)
    started.kill()
    started.communicate()
    deadline = time.monotonic() + 5
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_log_is_cut_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        for generation in range(5):
            writer.write(f"{generation}\n".encode() * 100)
            assert rotate(log, max_bytes=150, kept=3)
        writer.write(b"last\n")
    assert log.read_text() == "last\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("web.1.log", "web.2.log", "web.3.log", "web.log")
    ]
    assert (tmp_path / "web.1.log").read_text().startswith("4")
    assert not rotate(log, max_bytes=150)
