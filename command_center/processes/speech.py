"""Talking to the person at the terminal, in their language. Standard library only."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gis_core.errors import DomainError, Text


def wanted_languages() -> tuple[str, ...]:
    """zh, en or both (when the locale names neither), by LC_ALL, LC_MESSAGES and LANG."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        said = os.environ.get(variable, "").lower()
        if said.startswith(("zh", "en")):
            return (said[:2],)
        if said:
            break
    return ("zh", "en")


def in_words(text: Text, separator: str = "  ") -> str:
    """The text in the languages of this terminal."""
    return separator.join(text.in_language(language) for language in wanted_languages())


def say(text: Text, separator: str = "\n") -> None:
    """Write it to stdout at once, a language a line."""
    _end_line()
    sys.stdout.write(in_words(text, separator) + "\n")
    sys.stdout.flush()


def complain(text: Text) -> None:
    """Write it to stderr, on a line of its own."""
    _end_line()
    sys.stderr.write(in_words(text, "\n") + "\n")
    sys.stderr.flush()


def complain_of(error: DomainError) -> None:
    """Write an error to stderr, and below it once what the failed program itself said."""
    complain(error.text)
    said = str(error.members.get("said", "")).strip()
    if said:
        sys.stderr.write("\n".join(f"    {line}" for line in said.splitlines()) + "\n")


@contextmanager
def step(text: Text) -> Iterator[None]:
    """Name a step when it begins and its seconds when it has ended well."""
    began = time.monotonic()
    name = f"  · {in_words(text)} … "
    _open_line.append(name)
    sys.stdout.write(name)
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        _close(name, "✗")
        raise
    _close(name, f"{time.monotonic() - began:.1f} s")


_open_line: list[str] = []
"""The step whose line on the terminal is not finished yet, if any."""


def _end_line() -> None:
    if _open_line:
        _open_line.clear()
        sys.stdout.write("\n")
        sys.stdout.flush()


def _close(name: str, result: str) -> None:
    """End the step's line; name the step again when something else was said meanwhile."""
    sys.stdout.write((result if _open_line else name + result) + "\n")
    sys.stdout.flush()
    _open_line.clear()
