"""Ending an import that is under way: nothing of it stays."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from gis_core.importing.errors import Cancelled


class Stop:
    """Asked from one thread, obeyed by the import in another: between two batches, or in the middle of a
    statement, which the server then gives up."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._connection: Connection[Any] | None = None

    def ask(self) -> None:
        """May come more than once; without effect once all is written."""
        self._asked.set()
        with self._lock:
            if self._connection is not None:
                self._connection.cancel_safe(timeout=5)

    def check(self) -> None:
        """Raises Cancelled where somebody asked."""
        if self._asked.is_set():
            raise Cancelled

    @contextmanager
    def ends(self, connection: Connection[Any]) -> Iterator[None]:
        """While this lasts, asking cancels the connection's statement. Raises Cancelled at its end too."""
        self.check()
        with self._lock:
            self._connection = connection
        try:
            yield
        finally:
            with self._lock:
                self._connection = None
        self.check()
