"""When a device's positions may be kept: its turns of duty with their grace, and what its group's rule
says of the time outside them. Judged by the time of the fix, with the rosters as they are when it comes."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from tracking.clock import datetime_of
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("tracking", "duty_times.sql")
KNOWN_BACK_US = 3 * 86_400_000_000
"""Turns of so long ago are read with the directory; older ones when a fix asks for them."""
NEVER = int(np.iinfo(np.int64).max)
_COPY_HEADER = 19


class Keeping(IntEnum):
    """What becomes of a position. The values are those of the statements."""

    KEEP = 0
    DROP = 1
    STATE = 2
    """The last state only, no history."""


class OlderTurnsNeeded(Exception):
    """Fixes of these devices are older than the turns that were read: ``learn_older``, then try again."""

    def __init__(self, device_ids: list[int]) -> None:
        super().__init__(f"{len(device_ids)} devices")
        self.device_ids = device_ids


def _none(kind: Any) -> NDArray[Any]:
    return np.zeros(0, dtype=kind)


@dataclass(frozen=True, slots=True, eq=False)
class DutyTimes:
    """Columns by device id, and the spans of duty of all devices in one sorted column."""

    outside: NDArray[np.int8] = field(default_factory=lambda: _none(np.int8))
    unrostered: NDArray[np.int8] = field(default_factory=lambda: _none(np.int8))
    first_us: NDArray[np.int64] = field(default_factory=lambda: _none(np.int64))
    """Beginning of a device's first turn ever, ``NEVER`` where there is none."""
    since_us: int = 0
    starts: NDArray[np.int64] = field(default_factory=lambda: _none(np.int64))
    """Device and second since ``since_us`` in one number, rising."""
    ends: NDArray[np.int64] = field(default_factory=lambda: _none(np.int64))
    older: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """Spans (µs) of single devices before ``since_us``."""

    def judge(
        self, device_ids: NDArray[np.int32], time_us: NDArray[np.int64], *, strict: bool = True
    ) -> NDArray[np.int8]:
        """``Keeping`` of each position. Raises OlderTurnsNeeded; if not ``strict``, times of which no turns
        were read count as kept."""
        found = np.zeros(len(device_ids), dtype=np.int8)
        if not len(self.outside) or not len(device_ids):
            return found
        known = np.minimum(device_ids, len(self.outside) - 1)
        told = device_ids < len(self.outside)
        rostered = told & (time_us >= self.first_us[known])
        found = np.where(told & ~rostered, self.unrostered[known], found).astype(np.int8)
        asked = np.flatnonzero(rostered & (self.outside[known] != Keeping.KEEP))
        if len(asked):
            ids, moments = device_ids[asked], time_us[asked]
            on_duty = self._on_duty(ids.astype(np.int64), moments)
            self._look_at_older(ids, moments, on_duty, strict=strict)
            found[asked] = np.where(on_duty, Keeping.KEEP, self.outside[ids])
        return found

    def knows(self, device_ids: NDArray[np.int32], time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the turns of these times were read, or make no difference."""
        recent = time_us >= self.since_us
        return np.array(
            [
                lately or device >= len(self.outside) or not self.outside[device] or device in self.older
                for lately, device in zip(recent.tolist(), device_ids.tolist(), strict=True)
            ],
            dtype=np.bool_,
        )

    def span_end_us(self, device_id: int, moment_us: int) -> int | None:
        """End of the span of duty that a moment lies in; None where duty makes no difference, or it lies
        in none that was read."""
        if device_id >= len(self.outside) or self.outside[device_id] == Keeping.KEEP:
            return None
        spans = self.older.get(device_id, []) if moment_us < self.since_us else []
        place = bisect_right(spans, moment_us, key=lambda span: span[0]) - 1
        if place >= 0 and moment_us < spans[place][1]:
            return spans[place][1]
        moment = _key(np.array([device_id]), np.array([moment_us]), self.since_us)[0]
        span = int(np.searchsorted(self.starts, moment, side="right")) - 1
        if span < 0 or self.starts[span] >> 32 != device_id or moment >= self.ends[span]:
            return None
        return int(self.ends[span] & 0xFFFF_FFFF) * 1_000_000 + self.since_us

    def _on_duty(self, ids: NDArray[np.int64], time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Within a span that was read with the directory."""
        if not len(self.starts):
            return np.zeros(len(ids), dtype=np.bool_)
        moment = _key(ids, time_us, self.since_us)
        span = np.searchsorted(self.starts, moment, side="right") - 1
        begun = span >= 0
        span = np.maximum(span, 0)
        return np.asarray(begun & (self.starts[span] >> 32 == ids) & (moment < self.ends[span]))

    def _look_at_older(
        self,
        ids: NDArray[np.int32],
        time_us: NDArray[np.int64],
        on_duty: NDArray[np.bool_],
        *,
        strict: bool,
    ) -> None:
        old = np.flatnonzero(time_us < self.since_us)
        unknown = sorted({int(device) for device in ids[old].tolist()} - self.older.keys())
        if unknown and strict:
            raise OlderTurnsNeeded(unknown)
        for row in old.tolist():
            if int(ids[row]) not in self.older:
                on_duty[row] = True
                continue
            spans, moment = self.older[int(ids[row])], int(time_us[row])
            place = bisect_right(spans, moment, key=lambda span: span[0]) - 1
            on_duty[row] = place >= 0 and moment < spans[place][1]

    def learn_older(self, connection: psycopg.Connection[Any], device_ids: Iterable[int]) -> None:
        """Read all turns of these devices that began before ``since_us``."""
        wanted = list(device_ids)
        self.older.update((device, []) for device in wanted)
        until = datetime_of(self.since_us)
        rows = connection.execute(QUERIES["older_spans"], {"device_ids": wanted, "until": until})
        for device_id, start_us, end_us in rows:
            self.older[device_id].append((start_us, end_us))


EVERYTHING_KEPT = DutyTimes()


def _key(ids: NDArray[np.int64], time_us: NDArray[np.int64], since_us: int) -> NDArray[np.int64]:
    """Device and second (of up to 136 years from ``since_us``) in one number."""
    return ids << 32 | np.clip((time_us - since_us) // 1_000_000, 0, 2**32 - 1)


def load_duty_times(connection: psycopg.Connection[Any], now_us: int) -> DutyTimes:
    """Rules and turns as they are now. One writer of ``fix`` calls this whenever the directory changes."""
    since_us = (now_us - KNOWN_BACK_US) // 1_000_000 * 1_000_000
    moment = {"since": datetime_of(since_us), "now": datetime_of(now_us)}
    rules = _read(connection, "off_duty_devices", moment, ("device", "outside", "unrostered"), ("first_us",))
    if not len(rules):
        return EVERYTHING_KEPT
    most = int(rules["device"].max()) + 1
    outside, unrostered = np.zeros(most, dtype=np.int8), np.zeros(most, dtype=np.int8)
    first_us = np.full(most, NEVER, dtype=np.int64)
    device = rules["device"].astype(np.int64)
    outside[device], unrostered[device] = rules["outside"], rules["unrostered"]
    first_us[device] = rules["first_us"]
    spans = _read(connection, "duty_spans", moment, ("device",), ("start_us", "end_us"))
    ids = spans["device"].astype(np.int64)
    starts = _key(ids, spans["start_us"].astype(np.int64), since_us)
    ends = _key(ids, spans["end_us"].astype(np.int64), since_us)
    order = np.argsort(starts, kind="stable")
    return DutyTimes(outside, unrostered, first_us, since_us, starts[order], ends[order])


def _read(
    connection: psycopg.Connection[Any],
    query: str,
    parameters: dict[str, Any],
    small: tuple[str, ...],
    large: tuple[str, ...],
) -> NDArray[Any]:
    """Rows of a COPY in binary form (int4 columns, then int8), none of them null: no loop over rows."""
    columns = [(name, ">i4") for name in small] + [(name, ">i8") for name in large]
    row = np.dtype(
        [("fields", ">i2")]
        + [part for name, kind in columns for part in ((f"{name}_length", ">i4"), (name, kind))]
    )
    with connection.cursor() as cursor, cursor.copy(QUERIES[query], parameters) as copy:
        data = b"".join(bytes(piece) for piece in copy)
    return np.frombuffer(
        data, dtype=row, count=(len(data) - _COPY_HEADER - 2) // row.itemsize, offset=_COPY_HEADER
    )
