"""Fixes as columns: one numpy array a field, so that checks cost nanoseconds a fix."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracking.fix import Fix
from tracking.signals import ALARM_MASK

_MIX = np.uint64(0x9E3779B97F4A7C15)
_FINAL = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True, slots=True, eq=False)
class FixBatch:
    """Columns of equal length. NaN (float) and -1 (satellites, battery) mean not reported.

    ``source``: index of the message a fix came in. ``unit_grid_id`` and ``responsibility_grid_id``
    are 0 where the fix lies in none.
    """

    source: NDArray[np.int32]
    device_id: NDArray[np.int32]
    fix_time_us: NDArray[np.int64]
    received_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    altitude_m: NDArray[np.float32]
    speed_mps: NDArray[np.float32]
    course_deg: NDArray[np.float32]
    accuracy_m: NDArray[np.float32]
    satellites: NDArray[np.int16]
    battery_pct: NDArray[np.int16]
    flags: NDArray[np.int32]
    content: NDArray[np.int64]
    unit_grid_id: NDArray[np.int32]
    responsibility_grid_id: NDArray[np.int32]
    signals: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.device_id)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "FixBatch":
        """The rows of a mask, or in the order of an index."""
        return FixBatch(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def with_columns(self, **columns: Any) -> "FixBatch":
        """A copy with some columns (numpy arrays of the declared type and length) in place of its own."""
        return replace(self, **columns)


@dataclass(frozen=True, slots=True, eq=False)
class FixColumns:
    """Many fixes of one device that came in one message; as ``FixBatch`` has them."""

    fix_time_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    altitude_m: NDArray[np.float32]
    speed_mps: NDArray[np.float32]
    course_deg: NDArray[np.float32]
    accuracy_m: NDArray[np.float32]
    satellites: NDArray[np.int16]
    battery_pct: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.fix_time_us)


def runs_of(device_id: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the rows of each device begin and end, in a column ordered by device."""
    if not len(device_id):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    starts = np.flatnonzero(np.r_[True, device_id[1:] != device_id[:-1]])
    return starts, np.append(starts[1:], len(device_id))


def joined(batch: FixBatch, many: Sequence[tuple[FixColumns, int, int, int]]) -> FixBatch:
    """A batch, with messages of many fixes behind it: each with its source, device and time of arrival."""
    if not many:
        return batch
    counts = [len(columns) for columns, *_ in many]
    sources, devices, received = zip(*(told for _, *told in many), strict=True)
    told: dict[str, NDArray[Any]] = {
        "source": np.repeat(np.array(sources, dtype=np.int32), counts),
        "device_id": np.repeat(np.array(devices, dtype=np.int32), counts),
        "received_us": np.repeat(np.array(received, dtype=np.int64), counts),
        **{
            field.name: np.concatenate([getattr(columns, field.name) for columns, *_ in many])
            for field in fields(FixColumns)
        },
    }
    nothing: NDArray[Any] = np.zeros(sum(counts), dtype=np.int64)
    whole = FixBatch(
        **{
            field.name: np.concatenate(
                (
                    getattr(batch, field.name),
                    told.get(field.name, nothing).astype(getattr(batch, field.name).dtype, copy=False),
                )
            )
            for field in fields(FixBatch)
        }
    )
    return whole.with_columns(content=content_hash(whole))


def from_fixes(
    fixes: Sequence[Fix], source: Sequence[int], device_id: Sequence[int], received_us: Sequence[int]
) -> FixBatch:
    """Columns of decoded fixes, with their content hash, not yet located."""
    count = len(fixes)
    nan = float("nan")

    def floats(values: list[float | None]) -> NDArray[np.float32]:
        with np.errstate(over="ignore"):
            return np.array([nan if v is None else v for v in values], dtype=np.float64).astype(np.float32)

    def small(values: list[int | None]) -> NDArray[np.int16]:
        return np.array([-1 if v is None else v for v in values], dtype=np.int16)

    batch = FixBatch(
        source=np.array(source, dtype=np.int32),
        device_id=np.array(device_id, dtype=np.int32),
        fix_time_us=np.array([fix.fix_time_us for fix in fixes], dtype=np.int64),
        received_us=np.array(received_us, dtype=np.int64),
        lon=np.array([fix.lon for fix in fixes], dtype=np.float64),
        lat=np.array([fix.lat for fix in fixes], dtype=np.float64),
        altitude_m=floats([fix.altitude_m for fix in fixes]),
        speed_mps=floats([fix.speed_mps for fix in fixes]),
        course_deg=floats([fix.course_deg for fix in fixes]),
        accuracy_m=floats([fix.accuracy_m for fix in fixes]),
        satellites=small([fix.satellites for fix in fixes]),
        battery_pct=small([fix.battery_pct for fix in fixes]),
        flags=np.array([fix.flags for fix in fixes], dtype=np.int32),
        content=np.zeros(count, dtype=np.int64),
        unit_grid_id=np.zeros(count, dtype=np.int32),
        responsibility_grid_id=np.zeros(count, dtype=np.int32),
        signals=np.array([fix.signals for fix in fixes], dtype=np.int64),
    )
    return batch.with_columns(content=content_hash(batch))


def content_hash(batch: FixBatch) -> NDArray[np.int64]:
    """64-bit hash of what the device said, apart from its time; equal for a repeated message.

    Stored in the key of ``fix``: a change of this function would let old repeats in. Mixing after
    splitmix64 (Steele, Lea, Flood 2014).
    """
    said: tuple[NDArray[Any], ...] = (
        *((batch.lon + 0.0).view(np.uint64), (batch.lat + 0.0).view(np.uint64)),
        *(
            np.where(np.isnan(column), np.float32("nan"), column + np.float32(0.0)).view(np.uint32)
            for column in (batch.altitude_m, batch.speed_mps, batch.course_deg, batch.accuracy_m)
        ),
        *(batch.satellites.view(np.uint16), batch.battery_pct.view(np.uint16)),
    )
    state = np.zeros(len(batch), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in said:
            state = (state ^ column.astype(np.uint64)) + _MIX
            state = (state ^ (state >> np.uint64(30))) * _FINAL[0]
            state = (state ^ (state >> np.uint64(27))) * _FINAL[1]
            state ^= state >> np.uint64(31)
        # An alarm at the same second and place is news; without one the hash is what it always was.
        alarms = (batch.signals & ALARM_MASK).astype(np.uint64)
        state = np.where(alarms != 0, (state ^ alarms) * _FINAL[0], state)
    return state.view(np.int64)
