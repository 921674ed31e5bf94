"""Turns of duty as columns: which grid each of many fixes is to be in, without a loop over them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tracking.directory import Duty

NO_GRID = -1
"""Off duty."""


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """Turns by device and beginning, and the spans that they make: of turns that overlap the one that began
    last holds."""

    device_id: NDArray[np.int32]
    """Of whom there are turns, rising; the other columns name a device by its place here."""
    first_turn: NDArray[np.int64]
    """Where the turns of each begin; one more at the end."""
    starts_us: NDArray[np.int64]
    ends_us: NDArray[np.int64]
    grid_id: NDArray[np.int64]
    first_span: NDArray[np.int64]
    span_us: NDArray[np.int64]
    """When each span begins; it goes on to the next of the same device."""
    span_grid: NDArray[np.int64]
    most_spans: int

    def place_of(self, device_ids: NDArray[np.int32]) -> NDArray[np.int64]:
        """Of each device in the columns, -1 where it has no turn."""
        if not len(self.device_id):
            return np.full(len(device_ids), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.device_id, device_ids), len(self.device_id) - 1)
        return np.where(self.device_id[place] == device_ids, place, -1)

    def turns_of(self, device_id: int) -> slice:
        """Of a device that has turns."""
        place = int(self.place_of(np.array([device_id], dtype=np.int32))[0])
        return slice(int(self.first_turn[place]), int(self.first_turn[place + 1]))

    def grid_at(self, device_ids: NDArray[np.int32], time_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """The grid of the turn that covers each moment (µs), ``NO_GRID`` off duty."""
        grid = np.full(len(device_ids), NO_GRID, dtype=np.int64)
        place = self.place_of(device_ids)
        rows = np.flatnonzero(place >= 0)
        if not len(rows):
            return grid
        low, high = self.first_span[place[rows]], self.first_span[place[rows] + 1]
        moment = time_us[rows]
        # All at once by halves: the spans of a device are few.
        for _ in range(self.most_spans.bit_length()):
            middle = (low + high) // 2
            open_still = low < high
            begun = self.span_us[np.minimum(middle, len(self.span_us) - 1)] <= moment
            low = np.where(open_still & begun, middle + 1, low)
            high = np.where(open_still & ~begun, middle, high)
        within = low > self.first_span[place[rows]]
        grid[rows[within]] = self.span_grid[low[within] - 1]
        return grid


def turns_of(duties: "Mapping[int, Sequence[Duty]]") -> Turns:
    """Of turns by device, in the order of their beginnings."""
    devices = sorted(device for device, turns in duties.items() if turns)
    starts: list[int] = []
    ends: list[int] = []
    grids: list[int] = []
    spans: list[int] = []
    span_grids: list[int] = []
    first_turn, first_span = [0], [0]
    for device in devices:
        turns = duties[device]
        starts += [turn.starts_us for turn in turns]
        ends += [turn.ends_us for turn in turns]
        grids += [turn.grid_id for turn in turns]
        for moment, grid in _spans(turns):
            spans.append(moment)
            span_grids.append(grid)
        first_turn.append(len(starts))
        first_span.append(len(spans))

    def column(values: list[int]) -> NDArray[np.int64]:
        return np.array(values, dtype=np.int64)

    return Turns(
        device_id=np.array(devices, dtype=np.int32),
        first_turn=column(first_turn),
        starts_us=column(starts),
        ends_us=column(ends),
        grid_id=column(grids),
        first_span=column(first_span),
        span_us=column(spans),
        span_grid=column(span_grids),
        most_spans=int(np.diff(first_span).max(initial=0)),
    )


def _spans(turns: "Sequence[Duty]") -> Iterable[tuple[int, int]]:
    """Moments at which the grid of a device changes, and to which."""
    if all(earlier.ends_us <= later.starts_us for earlier, later in pairwise(turns)):
        for number, turn in enumerate(turns):
            yield turn.starts_us, turn.grid_id
            if number + 1 == len(turns) or turns[number + 1].starts_us > turn.ends_us:
                yield turn.ends_us, NO_GRID
        return
    moments = sorted({moment for turn in turns for moment in (turn.starts_us, turn.ends_us)})
    for moment in moments:
        covering = [turn for turn in turns if turn.starts_us <= moment < turn.ends_us]
        yield moment, covering[-1].grid_id if covering else NO_GRID
