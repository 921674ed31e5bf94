"""Write a batch in one transaction: all of it is there after COMMIT, or nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.types.json import set_json_dumps

from tracking import distress, gathering_marks, late, tallies
from tracking.batch import FixBatch
from tracking.clock import POSTGRES_EPOCH_US, datetime_of
from tracking.copy_form import Column, copy_form
from tracking.duty_times import Keeping
from tracking.fix import Flag
from tracking.letters import note_reruns
from tracking.pipeline import Work
from tracking.reasons import COUNTED_ONLY
from tracking.rules import Change, Remembered
from tracking.rules.states import NOTHING
from tracking.rules.way import NEVER, Before
from tracking.sql import QUERIES

MAX_KEPT_PAYLOAD = 65_536
"""A dead letter keeps so many bytes of its message."""
CHECKPOINT_US = 3_600_000_000
"""The memory of the rules is kept as it was at the turn of each such span of fix time."""


def fix_columns(fixes: FixBatch) -> list[Column]:
    """As the statements that copy fixes name them."""
    return [
        Column(">i4", fixes.device_id),
        Column(">i8", fixes.fix_time_us - POSTGRES_EPOCH_US),
        Column(">i8", fixes.received_us - POSTGRES_EPOCH_US),
        Column(">f8", fixes.lon),
        Column(">f8", fixes.lat),
        Column(">i8", fixes.content),
        *(
            _told(column)
            for column in (fixes.altitude_m, fixes.speed_mps, fixes.course_deg, fixes.accuracy_m)
        ),
        *(Column(">i2", column, column == -1) for column in (fixes.satellites, fixes.battery_pct)),
        *(_named(column) for column in (fixes.unit_grid_id, fixes.responsibility_grid_id)),
        Column(">i4", fixes.flags),
        Column(">i8", fixes.signals, fixes.signals == 0),
    ]


def state_columns(fixes: FixBatch, speed_mps: NDArray[np.float32]) -> list[Column]:
    """As the table ``state_incoming`` has them. ``speed_mps``: by the way where the device tells none."""
    return [
        Column(">i4", fixes.device_id),
        Column(">i8", fixes.fix_time_us - POSTGRES_EPOCH_US),
        Column(">i8", fixes.received_us - POSTGRES_EPOCH_US),
        Column(">f8", fixes.lon),
        Column(">f8", fixes.lat),
        *(_told(column) for column in (fixes.altitude_m, speed_mps, fixes.course_deg, fixes.accuracy_m)),
        Column(">i2", fixes.battery_pct, fixes.battery_pct == -1),
        *(_named(column) for column in (fixes.unit_grid_id, fixes.responsibility_grid_id)),
        Column(">i4", fixes.flags),
        Column(">i8", fixes.signals, fixes.signals == 0),
    ]


def _told(column: NDArray[np.float32]) -> Column:
    return Column(">f4", column, np.isnan(column))


def _named(column: NDArray[np.int32]) -> Column:
    return Column(">i4", column, column == 0)


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Once a connection: the tables that batches are copied into."""
    set_json_dumps(msgspec.json.encode, connection)
    with connection.transaction():
        connection.execute(QUERIES["incoming_fixes"])
        connection.execute(QUERIES["incoming_states"])


def commit(connection: psycopg.Connection[Any], work: Work) -> int:
    """Write the batch; how many of its fixes were new. Raises psycopg.Error, then nothing is there."""
    try:
        return _commit(connection, work, all_may_repeat=False)
    except psycopg.errors.UniqueViolation:
        # Newer than all that we know of its device and there all the same: the table knows better.
        return _commit(connection, work, all_may_repeat=True)


def _commit(connection: psycopg.Connection[Any], work: Work, *, all_may_repeat: bool) -> int:
    inserted = 0
    with connection.transaction():
        if len(work.fixes):
            inserted = _insert(connection, work, all_may_repeat=all_may_repeat)
            gathering_marks.mark_late(connection, work)
            late.mark(connection, work.fixes)
        _write_checkpoints(connection, work)
        _write_states(connection, work)
        _write_connections(connection, work.connections)
        write_changes(connection, work.changes)
        _write_dead_letters(connection, work)
        note_reruns(connection, work)
        distress.write(connection, work)
        tallies.write(connection, work)
        if len(work.fixes) or work.connections or work.changes:
            connection.execute(QUERIES["announce"])
    return inserted


def _insert(connection: psycopg.Connection[Any], work: Work, *, all_may_repeat: bool) -> int:
    """A fix newer than all that is known of its device cannot be there already: it goes in as it is. A late
    one may be a repeat."""
    fixes = work.fixes
    kept = (fixes.flags & Flag.OFF_DUTY) == 0
    late = kept & ((fixes.flags & Flag.LATE) != 0)
    if all_may_repeat:
        late = kept
    inserted = 0
    in_time = kept & ~late
    if in_time.any():
        fresh = fixes if in_time.all() else fixes.take(in_time)
        _copy(connection, "copy_fixes", fix_columns(fresh))
        inserted += len(fresh)
    if late.any():
        _copy(connection, "copy_incoming_fixes", fix_columns(fixes if late.all() else fixes.take(late)))
        row = connection.execute(QUERIES["insert_late_fixes"]).fetchone()
        inserted += int(row[0]) if row else 0
    return inserted


def _copy(connection: psycopg.Connection[Any], statement: str, columns: Sequence[Column]) -> None:
    with connection.cursor() as cursor, cursor.copy(QUERIES[statement]) as copy:
        copy.write(copy_form(columns))


def _write_checkpoints(connection: psycopg.Connection[Any], work: Work) -> None:
    """Where a device's fixes come into another hour: what the rules knew before."""
    if work.way is None:
        return
    judged, way, memory = work.judged, work.way, work.world.memory
    first = np.r_[True, judged.device_id[1:] != judged.device_id[:-1]] & (way.before_us != NEVER)
    turned = first & (judged.fix_time_us // CHECKPOINT_US != way.before_us // CHECKPOINT_US)
    # What the clock told does not follow from the fixes so far.
    turned &= memory.told_us(judged.device_id) == NEVER
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


def _write_states(connection: psycopg.Connection[Any], work: Work) -> None:
    """The last state of devices that have a newer fix, and what the rules remember of devices."""
    changed = _changed_states(work)
    if work.newest.any():
        newest = work.fixes.take(work.newest)
        _copy(connection, "copy_incoming_states", state_columns(newest, work.state_speed_mps[work.newest]))
        told = {device: changed.pop(device) for device in newest.device_id.tolist() if device in changed}
        connection.execute(QUERIES["upsert_states"], {"states": _as_rows(told)})
    if changed:
        connection.execute(QUERIES["update_rule_states"], {"states": _as_rows(changed)})


def _as_rows(changed: Mapping[int, Mapping[str, Any]]) -> str:
    """One document for all: cheaper than an array of texts."""
    rows = [{"device_id": device_id, "state": state} for device_id, state in changed.items()]
    return msgspec.json.encode(rows).decode()


def _changed_states(work: Work) -> dict[int, dict[str, Any]]:
    """By device and rule; None: nothing is to be remembered any more."""
    changed: dict[int, dict[str, Any]] = defaultdict(dict)
    for rule, stays in work.stays.items():
        for device_id, stay in zip(stays.device_id.tolist(), stays.told(), strict=True):
            changed[device_id][rule] = None if stay is None else {"stay": stay}
    for rule, states in work.rule_states.items():
        for device_id, state in states.items():
            changed[device_id][rule] = None if state == NOTHING else state
    return changed


def encode_states(states: Mapping[str, Remembered]) -> str:
    """As stored: only what there is to remember."""
    return msgspec.json.encode({rule: state for rule, state in states.items() if state != NOTHING}).decode()


def _write_connections(connection: psycopg.Connection[Any], connections: dict[int, bool]) -> None:
    if connections:
        ids = sorted(connections)
        parameters = {"device_ids": ids, "online": [connections[device_id] for device_id in ids]}
        connection.execute(QUERIES["update_connections"], parameters)


def write_changes(connection: psycopg.Connection[Any], changes: Sequence[Change]) -> None:
    """Open, update, close and withdraw alerts, with their news. Within the caller's transaction."""
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
