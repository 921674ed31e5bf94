"""Turns of duty as columns say what the turns themselves say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracking.directory import Directory, Duty
from tracking.turns import NO_GRID

TURNS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(1, 5)), max_size=6)


@given(st.dictionaries(st.integers(0, 9), TURNS, max_size=5), st.integers(0, 10), st.integers(-5, 100))
def test_the_grid_of_a_moment_is_that_of_the_turn(
    told: dict[int, list[tuple[int, int, int]]], device: int, moment: int
) -> None:
    duties = {
        number: [
            Duty(place, number, start, start + length, grid, "", None)
            for place, (start, length, grid) in enumerate(sorted(turns, key=lambda turn: turn[0]))
        ]
        for number, turns in told.items()
    }
    directory = Directory(duties=duties)
    duty = directory.duty_at(device, moment)
    found = directory.turns.grid_at(np.array([device], dtype=np.int32), np.array([moment]))
    assert found.tolist() == [NO_GRID if duty is None else duty.grid_id]


def test_nobody_has_a_turn() -> None:
    found = Directory().turns.grid_at(np.array([3, 4], dtype=np.int32), np.array([1, 2]))
    assert found.tolist() == [NO_GRID, NO_GRID]
