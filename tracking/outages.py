"""When the platform itself could not hear its devices: no silence of theirs counts for so long.

An outage is a fact with a beginning and an end, like a turn of duty: late fixes are judged by it as well.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from tracking.clock import datetime_of, micros_of
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("tracking", "outages.sql")
RECONNECT_US = 300_000_000
"""So long devices have to find their way back afterwards."""
MISSED_US = 180_000_000
"""Ingest that has not been alive for longer than this was away."""
_ONGOING = 1 << 61


@dataclass(frozen=True, slots=True, eq=False)
class Outages:
    """By their beginnings; one that goes on has an end far away."""

    starts_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    ends_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def ongoing(self) -> bool:
        return bool(len(self.ends_us)) and int(self.ends_us[-1]) == _ONGOING

    def later(self, since_us: NDArray[np.int64], until_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """When a wait from ``since_us``, which would be over at ``until_us``, is over if no time of an outage
        counts."""
        if not len(self.ends_us) or not len(since_us):
            return until_us
        for number in np.flatnonzero(self.ends_us > since_us.min()).tolist():
            start, end = self.starts_us[number], self.ends_us[number]
            within = (start < until_us) & (end > since_us)
            until_us = until_us + np.where(within, end - np.maximum(start, since_us), 0)
        return until_us


NO_OUTAGES = Outages()


def load_outages(connection: psycopg.Connection[Any]) -> Outages:
    """Those on record; of two that overlap the later counts from the end of the earlier."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end in connection.execute(QUERIES["outages"]):
        starts.append(max(micros_of(start), ends[-1] if ends else 0))
        ends.append(max(starts[-1], _ONGOING if end is None else micros_of(end)))
    return Outages(np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))


def begin(connection: psycopg.Connection[Any], since_us: int) -> None:
    """From then on the devices cannot be heard. One that goes on already stays."""
    connection.execute(QUERIES["begin"], {"since": datetime_of(since_us)})


def finish(connection: psycopg.Connection[Any], now_us: int) -> None:
    """They can be heard again."""
    connection.execute(QUERIES["finish"], {"until": datetime_of(now_us + RECONNECT_US)})


def keep_alive(connection: psycopg.Connection[Any], now_us: int) -> None:
    """Note that ingest is at work and hears its devices."""
    connection.execute(QUERIES["alive"], {"now": datetime_of(now_us)})


def resume(connection: psycopg.Connection[Any], now_us: int) -> None:
    """Ingest begins its work: what has passed since it was last alive was an outage."""
    found = connection.execute(QUERIES["alive_at"]).fetchone()
    if found is not None and now_us - micros_of(found[0]) > MISSED_US:
        until = datetime_of(now_us + RECONNECT_US)
        connection.execute(QUERIES["add"], {"since": found[0], "until": until})
    keep_alive(connection, now_us)
