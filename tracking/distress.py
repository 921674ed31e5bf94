"""A call for help: the SOS button of a phone or terminal. It opens an alert at once, whatever the hour, the
roster, the order of arrival or the position; only a person ends it.

It is no rule: nothing about it is to be set, and no later fix takes it back.
"""

from typing import Any

import msgspec
import numpy as np
import psycopg

from tracking.clock import datetime_of
from tracking.pipeline import Work
from tracking.signals import SOS, names
from tracking.sql import psycopg_queries

RULE = "sos"
QUERIES = psycopg_queries("tracking", "distress.sql")


def write(connection: psycopg.Connection[Any], work: Work) -> None:
    """Open or update alerts for the calls of a batch, in its transaction. A call that came before, or whose
    button is still held after somebody handled it, opens none."""
    fixes = work.fixes
    for call in work.distress:
        _hear(
            connection, call.device_id, (call.time_us, None, None), (call.time_us, None, None), call.signals
        )
    calling = np.flatnonzero(fixes.signals & SOS)
    if not len(calling):
        return
    ids = fixes.device_id[calling]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(ids)], strict=True):
        first, last = int(calling[start]), int(calling[end - 1])
        _hear(connection, int(ids[start]), _place(work, first), _place(work, last), int(fixes.signals[last]))


def _place(work: Work, row: int) -> tuple[int, float, float]:
    fixes = work.fixes
    return int(fixes.fix_time_us[row]), float(fixes.lon[row]), float(fixes.lat[row])


def _hear(
    connection: psycopg.Connection[Any],
    device_id: int,
    first: tuple[int, float | None, float | None],
    last: tuple[int, float | None, float | None],
    signals: int,
) -> None:
    told: dict[str, Any] = {"signals": names(signals), "without_position": first[1] is None}
    parameters = {
        "device_id": device_id,
        "opened_at": datetime_of(first[0]),
        "seen_at": datetime_of(last[0]),
        **{"lon": first[1], "lat": first[2], "last_lon": last[1], "last_lat": last[2]},
        "evidence": msgspec.json.encode(told).decode(),
    }
    known = connection.execute(QUERIES["hear"], parameters).fetchone()
    assert known is not None
    already, open_id, held = known
    if already:
        return
    if open_id is not None:
        connection.execute(QUERIES["go_on"], {**parameters, "open_id": open_id})
    elif not held:
        connection.execute(QUERIES["open"], parameters)
