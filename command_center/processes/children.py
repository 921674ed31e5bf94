"""Starting programs so that none outlives us."""

import ctypes
import os
import pwd
import signal
from collections.abc import Callable
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: int) -> Callable[[], None]:
    """A ``preexec_fn``: the kernel sends the child ``signal_number`` when the starting thread ends.

    It runs after the child has changed its user, because that change clears the setting; it stays
    through exec of a program without set-uid. Source: prctl(2), PR_SET_PDEATHSIG.
    """
    parent = os.getpid()

    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def as_user(user: str | None) -> dict[str, Any]:
    """Arguments for subprocess that start a program as ``user`` (None: as ourselves)."""
    if user is None:
        return {}
    account = pwd.getpwnam(user)
    return {
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": os.getgrouplist(user, account.pw_gid),
    }
