"""The rule "outside responsibility grid", fix by fix and over a turn of duty."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.directory import Directory, Duty
from tracking.rules.hysteresis import IDLE, NO_SUBJECT, Episode, Seen, Step, advance
from tracking.rules.outside_grid import outside_grid_definition
from tracking.settings import OutsideGridSettings

PACE = outside_grid_definition(OutsideGridSettings()).pace
MARGIN_M = 30


def seen(number: float, distance: float | None, step_s: float = 10, grid: int = 3) -> Seen:
    """``distance``: metres from the grid; None: off duty."""
    verdict = -1 if not distance else 1 if distance > MARGIN_M else 0
    subject = NO_SUBJECT if distance is None else grid
    return Seen(int(number * step_s * 1e6), 120.0, 30.0, verdict, distance or 0.0, subject)


def walk(*distances: float | None, step_s: float = 10) -> tuple[Episode, list[Step]]:
    state, steps = IDLE, list[Step]()
    for number, distance in enumerate(distances):
        state, more = advance(state, seen(number, distance, step_s), PACE)
        steps += more
    return state, steps


def kinds(steps: list[Step]) -> list[str]:
    return [step.kind for step in steps]


def test_opens_after_two_fixes_and_twenty_seconds() -> None:
    assert kinds(walk(0, 100, 100)[1]) == []
    assert kinds(walk(0, 100, 100, 100)[1]) == ["open"]
    assert kinds(walk(100, 100, step_s=20)[1]) == ["open"]
    assert kinds(walk(*[100] * 20, step_s=1)[1]) == []
    assert kinds(walk(*[100] * 22, step_s=1)[1]) == ["open"]


def test_an_episode_begins_with_the_first_fix_outside() -> None:
    _, (opened,) = walk(0, 100, 200, 150)
    assert (opened.opened_us, opened.seen_us, opened.worst) == (10_000_000, 30_000_000, 200)
    assert [point[3] for point in opened.evidence] == [100, 200, 150]


def test_within_the_margin_nothing_is_said() -> None:
    assert walk(0, 29, 29, 29, 29, 29) == (IDLE, [])
    assert kinds(walk(100, 100, 100, 20, 20, 20, 20)[1]) == ["open"]


def test_one_outlier_opens_nothing_and_one_fix_inside_closes_nothing() -> None:
    assert kinds(walk(0, 900, 0, 900, 0, 900, 0)[1]) == []
    assert kinds(walk(100, 100, 100, 0, 100, 0, 100)[1]) == ["open", "update"]


def test_returning_closes_at_the_first_fix_inside() -> None:
    state, steps = walk(100, 100, 100, 100, 0, 0)
    assert kinds(steps) == ["open", "close"]
    closed = (steps[1].closed_us, steps[1].seen_us, steps[1].close_reason)
    assert closed == (40_000_000, 30_000_000, "returned")
    assert state == IDLE


def test_updates_are_not_more_frequent_than_set() -> None:
    _, steps = walk(*[100] * 100, step_s=5)
    assert kinds(steps)[0] == "open"
    assert len(steps) == 1 + (99 * 5 - 20) // 30


def test_the_end_of_duty_closes_and_no_duty_raises_nothing() -> None:
    assert walk(None, None, None) == (IDLE, [])
    _, steps = walk(100, 100, 100, None)
    assert [(step.kind, step.close_reason) for step in steps][-1] == ("close", "off_duty")


def test_another_grid_begins_anew() -> None:
    state, _ = walk(100, 100, 100)
    after, steps = advance(state, seen(4, 500, grid=4), PACE)
    assert [(step.kind, step.close_reason) for step in steps] == [("close", "reassigned")]
    assert (after.opened, after.breaks, after.subject) == (False, 1, 4)


@given(st.lists(st.sampled_from([0.0, 10.0, 100.0, 2_000.0, None]), max_size=60), st.floats(0.5, 120))
def test_episodes_open_and_close_in_turn_and_the_state_survives_json(
    distances: list[float | None], step_s: float
) -> None:
    state, steps = walk(*distances, step_s=step_s)
    opened = False
    for step in steps:
        assert opened == (step.kind != "open")
        opened = step.kind != "close"
    assert state.opened == opened
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(state)), Episode) == state


@pytest.mark.parametrize(
    ("moment", "roster", "until"),
    [(-1, None, 0), (0, 1, 100), (99, 1, 100), (100, 2, 250), (150, 2, 250), (250, None, 1 << 62)],
)
def test_the_duty_of_a_moment(moment: int, roster: int | None, until: int) -> None:
    turns = [Duty(1, 5, 0, 150, 3, "三", None), Duty(2, 5, 100, 250, 4, "四", None)]
    duty, known_until = Directory({}, {5: turns}).duty_until(5, moment)
    assert (duty.roster_id if duty else None) == roster
    assert known_until == until
