"""All units of the city as one table of columns, and what one step in time changes in it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from command_center.live.frames import UNKNOWN, Columns, Frame, FrameKind, State
from command_center.live.viewport import DEGREE, Reach, Viewport
from tracking.live import ChangedState, LiveUnit
from tracking.models import UNIT_KINDS
from tracking.units import MOVING_MPS, OFFLINE_PERIODS, GroupCount

MOVING_CODE = round(MOVING_MPS * 100)


@dataclass(frozen=True, slots=True)
class Step:
    """Rows that changed in a step, and where they were before it (``seen``: whether they had a position)."""

    rows: NDArray[np.intp]
    lon: NDArray[np.int32]
    lat: NDArray[np.int32]
    seen: NDArray[np.bool_]


class UnitTable:
    """One row a unit, in the order of ids; only ``advance`` changes it.

    Frames are cut from the table as it stood after the last ``advance``, so a full frame and the
    deltas that follow it fit together.
    """

    def __init__(self, units: Sequence[LiveUnit]) -> None:
        count = len(units)
        self._units = units
        self.id = np.array([unit.id for unit in units], dtype=np.uint32)
        self.kind = np.array([UNIT_KINDS.index(unit.kind) for unit in units], dtype=np.uint8)
        self._patience = np.array([OFFLINE_PERIODS * unit.period_s for unit in units], dtype=np.float64)
        self.lon = np.zeros(count, dtype=np.int32)
        self.lat = np.zeros(count, dtype=np.int32)
        self.course = np.full(count, UNKNOWN, dtype=np.uint16)
        self.speed = np.full(count, UNKNOWN, dtype=np.uint16)
        self.fix_time = np.full(count, -np.inf)
        self.state = np.zeros(count, dtype=np.uint8)
        self.online = np.zeros(count, dtype=np.bool_)
        self.now = 0.0
        self._hidden = np.zeros(count, dtype=np.bool_)
        self._to_hide = self._hidden
        self._reached: dict[Reach, NDArray[np.bool_]] = {}

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Units that ever reported, and are not hidden as off duty."""
        seen: NDArray[np.bool_] = np.isfinite(self.fix_time) & ~self._hidden
        return seen

    def rows_of(self, device_ids: Collection[int]) -> NDArray[np.intp]:
        """Rows of those of the devices that are in the table."""
        wanted = np.fromiter(device_ids, dtype=np.uint32, count=len(device_ids))
        return np.flatnonzero(np.isin(self.id, wanted))

    def hide(self, device_ids: Collection[int]) -> None:
        """From the next ``advance`` on these are told as gone, and all others as there."""
        self._to_hide = np.isin(self.id, np.fromiter(device_ids, dtype=np.uint32, count=len(device_ids)))

    def advance(self, changes: Sequence[ChangedState], now: float, in_alert: Collection[int]) -> Step:
        """Take in what was stored and judge every state at ``now`` (seconds since 1970).

        A fix older than the known one changes nothing.
        """
        before = (self.lon.copy(), self.lat.copy(), self.seen)
        changed = self._take_in(changes) | (self._to_hide != self._hidden)
        self._hidden = self._to_hide
        self.now = now
        self.online = now - self.fix_time <= self._patience
        moving = (self.speed >= MOVING_CODE) & (self.speed != UNKNOWN)
        state = np.where(self.online, np.where(moving, State.MOVING, State.STANDING), State.OFFLINE)
        state[self.rows_of(in_alert)] = State.ALERT
        changed |= state != self.state
        self.state = state.astype(np.uint8)
        rows = np.flatnonzero(changed)
        return Step(rows, before[0][rows], before[1][rows], before[2][rows])

    def _take_in(self, changes: Sequence[ChangedState]) -> NDArray[np.bool_]:
        changed = np.zeros(len(self.id), dtype=np.bool_)
        if not changes or not len(self.id):
            return changed
        ids, lon, lat, course, speed, fix_time = (
            np.array(column, dtype=float) for column in zip(*changes, strict=True)
        )
        place = np.searchsorted(self.id, ids.astype(np.uint32))
        place[place == len(self.id)] = 0
        news = (self.id[place] == ids) & (fix_time >= self.fix_time[place])
        rows = place[news]
        columns = (
            (self.lon, np.rint(lon * DEGREE)),
            (self.lat, np.rint(lat * DEGREE)),
            (self.course, np.where(np.isnan(course), UNKNOWN, np.rint(course % 360 * 100) % 36000)),
            (self.speed, np.where(np.isnan(speed), UNKNOWN, np.rint(np.clip(speed, 0, 655.34) * 100))),
            (self.fix_time, fix_time),
        )
        for known, told in columns:
            value = told[news].astype(known.dtype)
            changed[rows] |= known[rows] != value
            known[rows] = value
        return changed

    def reached(self, reach: Reach) -> NDArray[np.bool_]:
        """Rows in somebody's areas and departments."""
        mask = self._reached.get(reach)
        if mask is None:
            mask = np.fromiter(
                (reach.covers(unit.area_code, unit.org_unit_id) for unit in self._units),
                dtype=np.bool_,
                count=len(self._units),
            )
            self._reached[reach] = mask
        return mask

    def full(self, reach: Reach, view: Viewport, seq: int) -> Frame:
        """All units somebody may see in a viewport."""
        rows = np.flatnonzero(self.reached(reach) & self.seen & view.holds(self.lon, self.lat))
        return Frame(FrameKind.FULL, seq, self.now * 1000, self._columns(rows, self.state[rows]))

    def delta(self, step: Step, reach: Reach, view: Viewport, seq: int) -> Frame:
        """What ``step`` changed for somebody in a viewport; units that left it are told as gone."""
        reached = self.reached(reach)[step.rows]
        inside = reached & self.seen[step.rows] & view.holds(self.lon[step.rows], self.lat[step.rows])
        was_inside = reached & step.seen & view.holds(step.lon, step.lat)
        told = inside | was_inside
        state = np.where(inside, self.state[step.rows], State.GONE)[told]
        return Frame(FrameKind.DELTA, seq, self.now * 1000, self._columns(step.rows[told], state))

    def _columns(self, rows: NDArray[np.intp], state: NDArray[np.generic]) -> Columns:
        age = np.clip(self.now - self.fix_time[rows], 0, UNKNOWN)
        return Columns(
            self.id[rows],
            self.lon[rows],
            self.lat[rows],
            self.course[rows],
            self.speed[rows],
            age.astype(np.uint16),
            self.kind[rows],
            state.astype(np.uint8),
        )

    def count(self, reach: Reach, on_duty: NDArray[np.bool_]) -> tuple[GroupCount, GroupCount]:
        """Inspectors and vehicles somebody may see."""
        reached = self.reached(reach)
        moving = self.online & (self.speed >= MOVING_CODE) & (self.speed != UNKNOWN)

        def group(mask: NDArray[np.bool_]) -> GroupCount:
            return GroupCount(
                int(mask.sum()),
                int((mask & on_duty).sum()),
                int((mask & self.online).sum()),
                int((mask & moving).sum()),
            )

        inspector = self.kind == UNIT_KINDS.index("inspector")
        return group(reached & inspector), group(reached & ~inspector)
