"""Reads devices, rosters, grids and rules while batches go on being written.

A city of a hundred thousand devices takes a second or two to read; so long no fix must wait.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any

import psycopg

from gis_core.identity.secrets import Keyring
from ingest.payload_secrets import load_payload_secrets
from tracking.directory import Directory, load_directory
from tracking.locator import Locator, load_locator
from tracking.rules import Rule
from tracking.rules.loading import load_rules

PATIENCE_S = 0.2
"""What is read so quickly is in force for the very next batch."""


class Part(Flag):
    NOTHING = 0
    DIRECTORY = auto()
    """With the secrets of devices."""
    GRIDS = auto()
    RULES = auto()


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked for; None: it was not."""

    directory: Directory | None = None
    secrets: Mapping[str, str] | None = None
    locator: Locator | None = None
    rules: tuple[Rule, ...] | None = None


class Surroundings:
    """Asked and answered by one thread; reads in another, over a connection of its own."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], keyring: Keyring | None) -> None:
        self._connect, self._keyring = connect, keyring
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="surroundings")
        self._connection: psycopg.Connection[Any] | None = None
        self._asked = Part.NOTHING
        self._under_way: Future[Found] | None = None

    def ask(self, parts: Part) -> None:
        """These have changed. What is being read meanwhile may be older, so they are read after it."""
        self._asked |= parts

    def answer(self) -> Found | None:
        """What has been read since the last answer. Raises psycopg.Error; then it is to be asked again."""
        patience_s = 0.0
        if self._under_way is None:
            if not self._asked:
                return None
            self._under_way = self._reader.submit(self._read, self._asked)
            self._asked, patience_s = Part.NOTHING, PATIENCE_S
        try:
            found = self._under_way.result(patience_s)
        except TimeoutError:
            return None
        except BaseException:
            self._under_way = None
            raise
        self._under_way = None
        return found

    @property
    def reading(self) -> bool:
        """Whether something has changed that is not in force yet."""
        return bool(self._asked) or self._under_way is not None

    def read_now(self, parts: Part) -> Found:
        """As long as it takes. Raises psycopg.Error."""
        return self._reader.submit(self._read, parts).result()

    def close(self) -> None:
        """What is being read comes to nothing."""
        if self._connection is not None and self._under_way is not None:
            # A database that is away cannot be asked to stop either.
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=1.0)
        self._reader.shutdown(wait=True, cancel_futures=True)
        if self._connection is not None:
            self._connection.close()

    def _read(self, parts: Part) -> Found:
        if self._connection is None:
            self._connection = self._connect()
        directory, secrets, locator, rules = None, None, None, None
        if Part.GRIDS in parts:
            locator = load_locator(self._connection)
        if Part.DIRECTORY in parts:
            directory = load_directory(self._connection)
            directory.turns  # noqa: B018 - worked out here, not in the midst of a batch
            secrets = {} if self._keyring is None else load_payload_secrets(self._connection, self._keyring)
        if Part.RULES in parts:
            rules = load_rules(self._connection)
        return Found(directory, secrets, locator, rules)
