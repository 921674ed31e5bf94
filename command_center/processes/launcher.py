"""What ``./wanmi`` does before the platform's own Python environment takes over. Standard library only."""

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from command_center.processes import speech
from command_center.processes.bootstrap import Clone
from command_center.processes.packages import PackagesMissing
from gis_core.errors import DomainError, Text

EXIT_FAILED = 1
EXIT_PACKAGES_MISSING = 3
EXIT_INTERRUPTED = 130


def launch(root: str, arguments: Sequence[str]) -> None:
    """Make the clone ready for the verb and hand over to it; never returns."""
    clone = Clone(Path(root))
    known = [word for word in arguments if word in ("up", "test", "doctor")]
    verb = known[0] if known else next((word for word in arguments if not word.startswith("-")), "")
    try:
        if verb == "test":
            from command_center.processes.checks import become_pytest, run_checks

            clone.make_ready(for_tests=True)
            code = run_checks(clone)
            if code:
                raise SystemExit(code)
            become_pytest(clone, arguments[list(arguments).index("test") + 1 :])
        if verb == "doctor" and not clone.python.exists():
            from command_center.processes.doctor import examine_bare

            raise SystemExit(examine_bare(as_json="--json" in arguments))
        if verb not in ("doctor", "") or not clone.python.exists():
            # The output of other verbs is read by programs: what is installed first is told beside it.
            with redirect_stdout(sys.stdout if verb == "up" else sys.stderr):
                clone.make_ready(front_end_too=verb == "up" and "--help" not in arguments)
    except PackagesMissing as error:
        speech.complain_of(error)
        raise SystemExit(EXIT_PACKAGES_MISSING) from None
    except DomainError as error:
        speech.complain_of(error)
        raise SystemExit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        speech.complain(Text("\n已中断。", "\nInterrupted."))
        raise SystemExit(EXIT_INTERRUPTED) from None
    sys.stdout.flush()
    command = [str(clone.python), "-m", "command_center", *(arguments or ["--help"])]
    os.environ["PYTHONPATH"] = root
    os.execv(command[0], command)  # noqa: S606
