"""Dead letters decoded again, by ingest, with the time of their arrival: after a device was registered, a
decoder mended. The letter stays and tells what became of it; fixes known already are not stored twice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import psycopg

from tracking.clock import micros_of
from tracking.pipeline import Work
from tracking.reasons import COUNTED_ONLY
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("tracking", "letters.sql")
AT_ONCE = 500
MOST_REQUESTED = 100_000


class Letter(NamedTuple):
    id: int
    topic: str
    payload: bytes
    received_us: int


class Wanted(NamedTuple):
    """Which letters; None: whatever they are."""

    ids: Sequence[int] | None = None
    reason: str | None = None
    device_key: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def parameters(self) -> dict[str, Any]:
        return {**self._asdict(), "ids": None if self.ids is None else list(self.ids), "most": MOST_REQUESTED}


def requested(connection: psycopg.Connection[Any]) -> list[Letter]:
    """Letters that wait to be decoded again, the oldest first."""
    rows = connection.execute(QUERIES["requested"], {"most": AT_ONCE}).fetchall()
    return [Letter(id_, topic, bytes(payload), micros_of(at)) for id_, topic, payload, at in rows]


def note_reruns(connection: psycopg.Connection[Any], work: Work) -> None:
    """Write down what became of the letters among the messages, in the transaction of their fixes."""
    sources = {
        n: arrival.letter_id for n, arrival in enumerate(work.arrivals) if arrival.letter_id is not None
    }
    if not sources:
        return
    fixes = np.bincount(work.fixes.source, minlength=len(work.arrivals))
    reasons: dict[int, str] = {}
    for source, reject in work.rejects:
        if reject.reason not in COUNTED_ONLY:
            reasons.setdefault(source, str(reject.reason))
    connection.execute(
        QUERIES["note_rerun"],
        {
            "ids": list(sources.values()),
            "fixes": [int(fixes[source]) for source in sources],
            "reasons": [reasons.get(source) for source in sources],
        },
    )
