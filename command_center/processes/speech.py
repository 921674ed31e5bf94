"""Talking to the person at the terminal, in their language. Standard library only."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gis_core.errors import Text


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
    sys.stdout.write(in_words(text, separator) + "\n")
    sys.stdout.flush()


def complain(text: Text) -> None:
    """Write it to stderr."""
    sys.stderr.write(in_words(text, "\n") + "\n")
    sys.stderr.flush()


@contextmanager
def step(text: Text) -> Iterator[None]:
    """Name a step when it begins and its seconds when it has ended well."""
    began = time.monotonic()
    sys.stdout.write(f"  · {in_words(text)} … ")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        sys.stdout.write("✗\n")
        sys.stdout.flush()
        raise
    sys.stdout.write(f"{time.monotonic() - began:.1f} s\n")
    sys.stdout.flush()
