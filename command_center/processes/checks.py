"""``./wanmi test``: every check in order, ending at the first that fails. Standard library only."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from command_center.processes.bootstrap import Clone
from command_center.processes.speech import complain, in_words
from gis_core.errors import Text


def run_checks(clone: Clone) -> int:
    """Everything before pytest: the exit code of the first check that fails, 0 when all pass."""
    tool = clone.venv / "bin"
    node = clone.node_environment()
    python = {**os.environ, "PYTHONPATH": str(clone.root)}
    checks: list[tuple[Text, list[str], Path, dict[str, str]]] = [
        (Text("代码规则", "lint"), [f"{tool}/ruff", "check", ".", "wanmi"], clone.root, python),
        (Text("代码格式", "format"), [f"{tool}/ruff", "format", "--check", ".", "wanmi"], clone.root, python),
        (Text("类型", "types"), [f"{tool}/mypy"], clone.root, python),
        (Text("导入方向", "import contract"), [f"{tool}/lint-imports"], clone.root, python),
        (Text("网页类型", "front end types"), ["npm", "run", "check"], clone.web, node),
        (Text("网页测试", "front end tests"), ["npm", "test"], clone.web, node),
    ]
    for name, command, folder, environment in checks:
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stdout.write(done.stdout + done.stderr)
            complain(Text(f"✗ {name.zh}：{' '.join(command)}", f"✗ {name.en}: {' '.join(command)}"))
            return done.returncode
        sys.stdout.write(f"  · {in_words(name)} … {time.monotonic() - began:.1f} s\n")
        sys.stdout.flush()
    return 0


def become_pytest(clone: Clone, arguments: Sequence[str]) -> NoReturn:
    """Turn into pytest, so that signals and the exit code are its own.

    The whole suite goes in two processes, file by file: much of a test is waiting for a database, a broker
    or a browser. What is asked for by name goes in one.
    """
    os.chdir(clone.root)
    chosen = list(arguments) or ["-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder"]
    command = [str(clone.python), "-m", "pytest", *chosen]
    os.execve(command[0], command, {**os.environ, "PYTHONPATH": str(clone.root)})  # noqa: S606
