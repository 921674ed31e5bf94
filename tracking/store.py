"""Write a batch in one transaction: all of it is there after COMMIT, or nothing."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.types.json import set_json_dumps

from tracking import distress, tallies
from tracking.clock import DAY_US, POSTGRES_EPOCH_US, datetime_of, now_us
from tracking.duty_times import Keeping
from tracking.fix import Flag
from tracking.letters import note_reruns
from tracking.memory import CLOCK
from tracking.pipeline import Work
from tracking.reasons import COUNTED_ONLY
from tracking.rules import Change, Remembered
from tracking.rules.base import NOTHING
from tracking.rules.way import NEVER, Before
from tracking.sql import QUERIES

MAX_KEPT_PAYLOAD = 65_536
"""A dead letter keeps so many bytes of its message."""
CHECKPOINT_US = 3_600_000_000
"""The memory of the rules is kept as it was at the turn of each such span of fix time."""

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_COPY_END = struct.pack("!h", -1)

_COLUMNS: tuple[tuple[str, str], ...] = (
    ("device_id", ">i4"),
    ("fix_time", ">i8"),
    ("received_at", ">i8"),
    ("lon", ">f8"),
    ("lat", ">f8"),
    ("content", ">i8"),
    ("altitude_m", ">f4"),
    ("speed_mps", ">f4"),
    ("course_deg", ">f4"),
    ("accuracy_m", ">f4"),
    ("satellites", ">i2"),
    ("battery_pct", ">i2"),
    ("unit_grid_id", ">i4"),
    ("responsibility_grid_id", ">i4"),
    ("flags", ">i4"),
    ("signals", ">i8"),
    ("state_speed_mps", ">f4"),
    ("newest", "?"),
)
"""Table ``fix_incoming`` in order, each with its type on the wire."""

_ROW = np.dtype(
    [("fields", ">i2")]
    + [part for name, kind in _COLUMNS for part in ((f"{name}_length", ">i4"), (name, kind))]
)


def copy_rows(work: Work) -> bytes:
    """The fixes in PostgreSQL's binary COPY form, built as one array: no loop over rows."""
    fixes = work.fixes
    rows: NDArray[Any] = np.zeros(len(fixes), dtype=_ROW)
    rows["fields"] = len(_COLUMNS)
    for name, kind in _COLUMNS:
        rows[f"{name}_length"] = np.dtype(kind).itemsize
    rows["fix_time"] = fixes.fix_time_us - POSTGRES_EPOCH_US
    rows["received_at"] = fixes.received_us - POSTGRES_EPOCH_US
    rows["newest"] = work.newest
    rows["state_speed_mps"] = work.state_speed_mps
    for name in ("device_id", "lon", "lat", "content", "altitude_m", "speed_mps", "course_deg", "accuracy_m"):
        rows[name] = getattr(fixes, name)
    for name in ("satellites", "battery_pct", "unit_grid_id", "responsibility_grid_id", "flags", "signals"):
        rows[name] = getattr(fixes, name)
    return _COPY_HEADER + rows.tobytes() + _COPY_END


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Once a connection: the table that batches are copied into."""
    set_json_dumps(msgspec.json.encode, connection)
    with connection.transaction():
        connection.execute(QUERIES["incoming_table"])


def commit(connection: psycopg.Connection[Any], work: Work) -> int:
    """Write the batch; how many of its fixes were new. Raises psycopg.Error, then nothing is there."""
    inserted = 0
    with connection.transaction():
        if len(work.fixes):
            with connection.cursor() as cursor, cursor.copy(QUERIES["copy_fixes"]) as copy:
                copy.write(copy_rows(work))
            inserted = _insert(connection, work)
            if work.fixes.fix_time_us.min() // DAY_US < now_us() // DAY_US:
                connection.execute(QUERIES["mark_late"])
            if work.newest.any():
                connection.execute(QUERIES["upsert_states"])
        _write_checkpoints(connection, work)
        _write_rule_states(connection, work)
        _write_connections(connection, work.connections)
        _write_changes(connection, work.changes)
        _write_dead_letters(connection, work)
        note_reruns(connection, work)
        distress.write(connection, work)
        tallies.write(connection, work)
        if len(work.fixes) or work.connections or work.changes:
            connection.execute(QUERIES["announce"])
    return inserted


def _insert(connection: psycopg.Connection[Any], work: Work) -> int:
    if not (work.fixes.flags & Flag.LATE).any():
        return connection.execute(QUERIES["insert_fixes"]).rowcount
    row = connection.execute(QUERIES["insert_late_fixes"]).fetchone()
    return int(row[0]) if row else 0


def _write_checkpoints(connection: psycopg.Connection[Any], work: Work) -> None:
    """Where a device's fixes come into another hour: what the rules knew before."""
    if work.way is None:
        return
    judged, way, memory = work.judged, work.way, work.world.memory
    first = np.r_[True, judged.device_id[1:] != judged.device_id[:-1]] & (way.before_us != NEVER)
    turned = first & (judged.fix_time_us // CHECKPOINT_US != way.before_us // CHECKPOINT_US)
    told = memory.rule_states(CLOCK)
    if told and turned.any():
        # What the clock told does not follow from the fixes so far.
        turned &= np.array([device not in told for device in judged.device_id.tolist()], dtype=np.bool_)
    if not turned.any():
        return
    ids = judged.device_id[turned].tolist()
    known = memory.judged.of(judged.device_id[turned])
    write_checkpoints(
        connection,
        ids,
        known,
        [memory.rule_states_of(device_id) for device_id in ids],
    )


def write_checkpoints(
    connection: psycopg.Connection[Any],
    device_ids: Sequence[int],
    last: Before,
    states: Sequence[Mapping[str, Remembered]],
) -> None:
    """The memory of the rules about devices after their fixes up to that in ``last``."""
    connection.execute(
        QUERIES["write_checkpoints"],
        {
            "device_ids": list(device_ids),
            "throughs": [datetime_of(int(moment)) for moment in last.time_us],
            "lons": last.lon.tolist(),
            "lats": last.lat.tolist(),
            "speeds": last.speed_mps.tolist(),
            "states": [encode_states(state) for state in states],
        },
    )


def _write_rule_states(connection: psycopg.Connection[Any], work: Work) -> None:
    changed = {device_id for states in work.rule_states.values() for device_id in states}
    if not changed:
        return
    ids = sorted(changed)
    states: list[str] = []
    for device_id in ids:
        state = work.world.memory.rule_states_of(device_id)
        for rule, new in work.rule_states.items():
            if device_id in new:
                state[rule] = new[device_id]
        states.append(encode_states(state))
    connection.execute(QUERIES["update_rule_states"], {"device_ids": ids, "states": states})


def encode_states(states: Mapping[str, Remembered]) -> str:
    """As stored: only what there is to remember."""
    return msgspec.json.encode({rule: state for rule, state in states.items() if state != NOTHING}).decode()


def _write_connections(connection: psycopg.Connection[Any], connections: dict[int, bool]) -> None:
    if connections:
        ids = sorted(connections)
        parameters = {"device_ids": ids, "online": [connections[device_id] for device_id in ids]}
        connection.execute(QUERIES["update_connections"], parameters)


def _write_changes(connection: psycopg.Connection[Any], changes: Sequence[Change]) -> None:
    if not changes:
        return
    with connection.pipeline():
        for change in _without_passing(changes):
            parameters = {
                **{name: getattr(change, name) for name in ("rule", "rule_version", "severity", "device_id")},
                **{name: getattr(change, name) for name in ("lon", "lat", "last_lon", "last_lat")},
                "opened_at": datetime_of(change.opened_us),
                "seen_at": datetime_of(change.seen_us),
                "closed_at": None if change.closed_us is None else datetime_of(change.closed_us),
                "close_reason": change.close_reason,
                "evidence": msgspec.json.encode(change.evidence).decode(),
            }
            connection.execute(QUERIES[f"{change.kind}_alert"], parameters)


def _without_passing(changes: Sequence[Change]) -> list[Change]:
    """Without the updates that a later update or the end of the same batch overtakes."""
    overtaken: set[int] = set()
    pending: dict[tuple[int, str], int] = {}
    for index, change in enumerate(changes):
        subject = (change.device_id, change.rule)
        before = pending.pop(subject, None)
        if before is not None and change.kind in ("update", "close"):
            overtaken.add(before)
        if change.kind == "update":
            pending[subject] = index
    return [change for index, change in enumerate(changes) if index not in overtaken]


def _write_dead_letters(connection: psycopg.Connection[Any], work: Work) -> None:
    """One row a message and reason, however many parts of the message were bad."""
    rows: dict[tuple[int, str], tuple[str, int]] = {}
    for source, reject in work.rejects:
        if reject.reason in COUNTED_ONLY or work.arrivals[source].letter_id is not None:
            continue
        detail, count = rows.get((source, reject.reason), (reject.detail, 0))
        rows[source, reject.reason] = detail, count + 1
    if not rows:
        return
    with connection.cursor() as cursor, cursor.copy(QUERIES["copy_dead_letters"]) as copy:
        copy.set_types(("timestamptz", "text", "text", "text", "text", "bytea"))
        for (source, reason), (detail, count) in rows.items():
            arrival = work.arrivals[source]
            told = detail if count == 1 else f"{detail} (and {count - 1} more)"
            kept = arrival.payload[:MAX_KEPT_PAYLOAD]
            if _is_private(work, source):
                told, kept = "not kept: outside duty", b""
            copy.write_row(
                (
                    datetime_of(arrival.received_us),
                    _storable(arrival.topic),
                    None if arrival.device_key is None else _storable(arrival.device_key),
                    str(reason),
                    _storable(told),
                    kept,
                )
            )


def _is_private(work: Work, source: int) -> bool:
    """Whether a message holds positions outside duty, or came outside duty and may."""
    if source in work.withheld:
        return True
    arrival, directory = work.arrivals[source], work.world.directory
    device = directory.devices.get(arrival.device_key or "")
    if device is None:
        return False
    here, now = np.array([device.id], dtype=np.int32), np.array([arrival.received_us])
    return bool(directory.duty_times.judge(here, now)[0] != Keeping.KEEP)


def _storable(text: str) -> str:
    """PostgreSQL's text holds neither NUL nor lone surrogates."""
    return text[:2_000].replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
