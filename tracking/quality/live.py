"""What can be known of a fix the moment it comes: jumps by the fixes around, frozen and copied places,
clocks that are off. The same thresholds as for whole tracks; what only the whole track tells (a longer
spike, a stale position that catches up) is left to ``tracking.quality.checks``.

Columns over a batch; what is remembered between batches is a few numbers a device, and lost at a restart:
then the first fixes after it are judged with less.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracking.batch import FixBatch
from tracking.fix import Flag
from tracking.quality.settings import QualitySettings
from tracking.quality.track import distance_m

UNKNOWN = int(np.iinfo(np.int64).min)
NEW_DEVICE_MPS = 30.0
"""Out and back at this speed is a jump while a device's own speed is not known."""
KNOWN_AFTER_STEPS = 20
COPY_SLOTS = 1 << 18
"""Steps remembered of all devices together; an older one gives way."""
COPY_MOST = 40
CLOCK_SPAN_S = 30.0
"""A clock's error is the same for so long, and in so many batches, before it is believed."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Reflag:
    """A fix that is stored already turned out to be a jump."""

    device_id: int
    fix_time_us: int
    content: int


@dataclass(slots=True)
class News:
    """What a batch tells; taken into memory once the batch is committed."""

    reflags: list[Reflag] = field(default_factory=list)
    clocks: dict[int, float] = field(default_factory=dict)
    """Error of a clock in seconds, where it changed; 0.0: right again."""
    columns: list[tuple[str, NDArray[np.int32], NDArray[Any]]] = field(default_factory=list)
    """Name, devices, values."""
    steps: tuple[NDArray[np.uint64], NDArray[np.int32]] | None = None


_COLUMNS: tuple[tuple[str, type, float], ...] = (
    ("before_us", np.int64, UNKNOWN),
    ("before_lon", np.float64, np.nan),
    ("before_lat", np.float64, np.nan),
    ("before_jump", np.int64, 0),
    ("last_us", np.int64, UNKNOWN),
    ("last_lon", np.float64, np.nan),
    ("last_lat", np.float64, np.nan),
    ("last_content", np.int64, 0),
    ("fast_mps", np.float64, 0.0),
    ("steps", np.int64, 0),
    ("same", np.int64, 0),
    ("copied", np.int64, 0),
    ("lead_s", np.float64, np.nan),
    ("lead_at_us", np.int64, 0),
    ("leads", np.int64, 0),
    ("clock_s", np.float64, 0.0),
)


class LiveQuality:
    """The memory, one row a device id. ``judge`` and ``watch_clocks`` are pure; ``remember`` is not."""

    def __init__(
        self, settings: QualitySettings | None = None, clocks: dict[int, float] | None = None
    ) -> None:
        self._settings = settings or QualitySettings()
        self._of: dict[str, NDArray[Any]] = {
            name: np.full(1024, empty, dtype=kind) for name, kind, empty in _COLUMNS
        }
        self._step_hash = np.zeros(COPY_SLOTS, dtype=np.uint64)
        self._step_owner = np.full(COPY_SLOTS, -1, dtype=np.int32)
        for device_id, offset in (clocks or {}).items():
            self._grow(device_id)
            self._of["clock_s"][device_id] = np.float64(offset)

    def _grow(self, most: int) -> None:
        have = len(self._of["steps"])
        if most >= have:
            for name, kind, empty in _COLUMNS:
                larger: NDArray[Any] = np.full(max(most + 1, 2 * have), empty, dtype=kind)
                larger[:have] = self._of[name]
                self._of[name] = larger

    def watch_clocks(self, fixes: FixBatch, news: News) -> None:
        """By the newest fix of each device in the batch, before anything is refused for its time.

        A clock is off when the same error stays for a while; a backlog's error shrinks as it drains.
        """
        if not len(fixes):
            return
        self._grow(int(fixes.device_id.max()))
        order = np.lexsort((fixes.fix_time_us, fixes.device_id))
        ids = fixes.device_id[order]
        last = order[np.r_[ids[1:] != ids[:-1], True]]
        ids, at_us = fixes.device_id[last], fixes.received_us[last]
        lead = (fixes.fix_time_us[last] - at_us) / 1e6
        off = np.abs(lead) >= self._settings.clock_min_s
        known_lead, since = self._of["lead_s"][ids], self._of["lead_at_us"][ids]
        if not (off | (self._of["clock_s"][ids] != 0) | (self._of["leads"][ids] > 0)).any():
            return
        span_s = (at_us - since) / 1e6
        with np.errstate(invalid="ignore"):
            steady = off & (np.abs(lead - known_lead) <= 10.0 + np.minimum(0.1 * span_s, 170.0))
        leads = np.where(steady, self._of["leads"][ids] + 1, off.astype(np.int64))
        sure = steady & (leads >= self._settings.clock_fixes) & (span_s >= CLOCK_SPAN_S)
        quarter = np.rint(known_lead / 900.0) * 900.0
        told = np.where(np.abs(known_lead - quarter) <= 400.0, quarter, np.rint(known_lead))
        before = self._of["clock_s"][ids]
        clock = np.where(sure, told, np.where(off, before, 0.0))
        for row in np.flatnonzero(clock != before).tolist():
            news.clocks[int(ids[row])] = float(clock[row])
        news.columns += [
            ("lead_s", ids, np.where(steady, known_lead, np.where(off, lead, np.nan))),
            ("lead_at_us", ids, np.where(steady, since, at_us)),
            ("leads", ids, leads),
            ("clock_s", ids, clock),
        ]

    def judge(self, fixes: FixBatch, news: News) -> NDArray[np.int32]:
        """Flags of the fixes, ordered by device and time; late ones get none but the clock's."""
        flags = np.zeros(len(fixes), dtype=np.int32)
        if not len(fixes):
            return flags
        self._grow(int(fixes.device_id.max()))
        clock = self._of["clock_s"][fixes.device_id] != 0
        if news.clocks:
            found = np.array([device for device, error in news.clocks.items() if error], dtype=np.int32)
            right = np.array([device for device, error in news.clocks.items() if not error], dtype=np.int32)
            clock = (clock | np.isin(fixes.device_id, found)) & ~np.isin(fixes.device_id, right)
        flags[clock] |= Flag.CLOCK
        rows = np.flatnonzero((fixes.flags & (Flag.LATE | Flag.OFF_DUTY)) == 0)
        if len(rows):
            flags[rows] |= self._in_order(fixes.take(rows), news)
        return flags

    def _in_order(self, fixes: FixBatch, news: News) -> NDArray[np.int32]:
        ids, count = fixes.device_id, len(fixes)
        first = np.r_[True, ids[1:] != ids[:-1]]
        last = np.r_[first[1:], True]
        known = {name: column[ids] for name, column in self._of.items()}

        def before(name: str, column: NDArray[Any]) -> NDArray[Any]:
            return np.where(first, known[f"last_{name}"], np.r_[column[:1], column[:-1]])

        was_us = before("us", fixes.fix_time_us)
        was_lon, was_lat = before("lon", fixes.lon), before("lat", fixes.lat)
        metres, seconds = _steps(was_us, was_lon, was_lat, fixes)
        flags, back = self._jumps(fixes, first, known, (was_us, was_lon, was_lat), metres, seconds, news)
        same, frozen = self._frozen(fixes, first, known["same"], metres)
        flags[frozen] |= Flag.FROZEN
        copied, score, devices = self._copies(fixes, was_lon, was_lat, first, news)
        flags[copied] |= Flag.COPIED
        ends = np.flatnonzero(last)
        fine = ((flags & (Flag.JUMP | Flag.LEAP)) == 0) & ~back
        speed = np.where(fine & (metres > 20) & (seconds <= 600), metres / seconds, 0.0)
        starts = np.flatnonzero(first)
        fast = np.maximum.reduceat(np.nan_to_num(speed), starts)
        alone = first & last
        news.columns += [
            ("before_us", ids[ends], np.where(alone, known["last_us"], was_us)[ends]),
            ("before_lon", ids[ends], np.where(alone, known["last_lon"], was_lon)[ends]),
            ("before_lat", ids[ends], np.where(alone, known["last_lat"], was_lat)[ends]),
            (
                "before_jump",
                ids[ends],
                np.where(alone, back, np.r_[False, (flags & Flag.JUMP)[:-1] != 0])[ends],
            ),
            ("last_us", ids[ends], fixes.fix_time_us[ends]),
            ("last_lon", ids[ends], fixes.lon[ends]),
            ("last_lat", ids[ends], fixes.lat[ends]),
            ("last_content", ids[ends], fixes.content[ends]),
            ("fast_mps", ids[ends], np.maximum(0.999 * known["fast_mps"][ends], np.minimum(fast, 70.0))),
            (
                "steps",
                ids[ends],
                known["steps"][ends] + np.add.reduceat(np.ones(count, dtype=np.int64), starts),
            ),
            ("same", ids[ends], same[ends]),
            ("copied", devices, score),
        ]
        return flags

    def _jumps(
        self,
        fixes: FixBatch,
        first: NDArray[np.bool_],
        known: dict[str, NDArray[Any]],
        was: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
        metres: NDArray[np.float64],
        seconds: NDArray[np.float64],
        news: News,
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Flags, and the fixes that came back from a jump: out of the way and back at once.

        ``c`` is each fix; ``b`` the one before it, which may be stored already; ``a`` the one before that.
        """
        settings, count = self._settings, len(fixes)
        flags = np.zeros(count, dtype=np.int32)
        far = metres >= settings.jump_min_m
        if not far.any():
            return flags, far
        a = [
            np.where(first, known[f"before_{name}"], np.r_[column[:1], column[:-1]])
            for name, column in zip(("us", "lon", "lat"), was, strict=True)
        ]
        out_m = distance_m(a[1].astype(float), a[2].astype(float), was[1].astype(float), was[2].astype(float))
        out_s = np.maximum((was[0].astype(float) - a[0].astype(float)) / 1e6, 1.0)
        direct_m, direct_s = _steps(a[0], a[1], a[2], fixes)
        limit = np.where(
            known["steps"].astype(np.int64) >= KNOWN_AFTER_STEPS,
            np.clip(
                settings.jump_own_speed * known["fast_mps"].astype(float),
                settings.jump_min_mps,
                settings.jump_max_mps,
            ),
            NEW_DEVICE_MPS,
        )
        there = a[0].astype(np.int64) != UNKNOWN
        back = (
            there
            & far
            & (out_m >= settings.jump_min_m)
            & (metres / seconds >= limit)
            & (out_m / out_s >= limit)
            & (out_m + metres >= settings.jump_detour * direct_m)
            & (direct_m / direct_s < limit)
        )
        # Between two jumps lies a fix that is none: of candidates in a row each second one counts.
        back &= ~(first & (known["before_jump"] != 0))
        rows = np.arange(count)
        begun = np.maximum.accumulate(np.where(~back | first, rows + ~back, 0))
        back &= (rows - begun) % 2 == 0
        in_batch = back & ~first
        flags[np.flatnonzero(in_batch) - 1] |= Flag.JUMP
        for row in np.flatnonzero(back & first).tolist():
            content, moment = int(known["last_content"][row]), int(known["last_us"][row])
            news.reflags.append(Reflag(int(fixes.device_id[row]), moment, content))
        leap = far & (metres / seconds >= settings.jump_max_mps) & ~back
        leap &= (flags & Flag.JUMP) == 0
        flags[leap] |= Flag.LEAP
        return flags, back

    def _frozen(
        self,
        fixes: FixBatch,
        first: NDArray[np.bool_],
        carried: NDArray[Any],
        metres: NDArray[np.float64],
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """How many fixes in a row repeat a place while the device says that it drives, up to each."""
        rows = np.arange(len(fixes))
        with np.errstate(invalid="ignore"):
            stuck = (metres == 0) & (fixes.speed_mps >= self._settings.frozen_speed_mps)
        broken = np.maximum.accumulate(np.where(~stuck, rows, -1))
        begun = np.maximum.accumulate(np.where(first, rows, 0))
        whole = broken < begun
        same = np.where(whole, rows - begun + 1 + carried.astype(np.int64)[begun], rows - broken)
        return same, same >= self._settings.frozen_fixes - 1

    def _copies(
        self,
        fixes: FixBatch,
        was_lon: NDArray[Any],
        was_lat: NDArray[Any],
        first: NDArray[np.bool_],
        news: News,
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int32]]:
        """Steps that another device took before, coordinate for coordinate."""
        lon, lat = was_lon.astype(np.float64), was_lat.astype(np.float64)
        with np.errstate(invalid="ignore"):
            moved = (np.abs(fixes.lon - lon) + np.abs(fixes.lat - lat)) > 2e-4
        with np.errstate(over="ignore"):
            parts = [(column + 0.0).view(np.uint64) for column in (lon, lat, fixes.lon, fixes.lat)]
            step = parts[0] * _MIX
            for part in parts[1:]:
                step = ((step ^ part) + (step >> np.uint64(29))) * _MIX
            step ^= step >> np.uint64(32)
        slot = (step & np.uint64(COPY_SLOTS - 1)).astype(np.intp)
        owner = self._step_owner[slot]
        hit = moved & (self._step_hash[slot] == step) & (owner >= 0) & (owner != fixes.device_id)
        starts = np.flatnonzero(first)
        devices = fixes.device_id[starts]
        hits = np.add.reduceat(hit.astype(np.int64), starts)
        misses = np.add.reduceat((moved & ~hit).astype(np.int64), starts)
        score = np.clip(self._of["copied"][devices].astype(np.int64) + hits - 2 * misses, 0, COPY_MOST)
        news.steps = (step[moved & ~hit], fixes.device_id[moved & ~hit])
        sure = np.repeat(score >= self._settings.copy_steps, np.diff(np.r_[starts, len(fixes)]))
        return hit & sure, score, devices

    def remember(self, news: News) -> None:
        """What was committed."""
        for name, ids, values in news.columns:
            self._of[name][ids] = values.astype(self._of[name].dtype)
        if news.steps is not None:
            step, owner = news.steps
            slot = (step & np.uint64(COPY_SLOTS - 1)).astype(np.intp)
            self._step_hash[slot], self._step_owner[slot] = step, owner


def _steps(
    was_us: NDArray[Any], was_lon: NDArray[Any], was_lat: NDArray[Any], fixes: FixBatch
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres (-1 where nothing is known) and seconds (at least 1) to each fix."""
    known = was_us.astype(np.int64) != UNKNOWN
    metres = distance_m(was_lon.astype(float), was_lat.astype(float), fixes.lon, fixes.lat)
    seconds = np.where(known, (fixes.fix_time_us - np.where(known, was_us, 0).astype(np.int64)) / 1e6, 1.0)
    return np.where(known, metres, -1.0), np.maximum(seconds, 1.0)
