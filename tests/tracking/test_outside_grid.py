"""The rule "outside responsibility grid", fix by fix."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.directory import Directory, Duty
from tracking.rules.base import Change
from tracking.rules.outside_grid import IDLE, Sighting, State, advance
from tracking.settings import OutsideGridSettings

SETTINGS = OutsideGridSettings()
DUTY = Duty(1, 5, 0, 10**15, 3, "网格三", "Grid 3")
OTHER = Duty(2, 5, 0, 10**15, 4, "网格四", None)


def walk(
    *distances: float | None, step_s: float = 10, duty: Duty | None = DUTY
) -> tuple[State, list[Change]]:
    """None: off duty."""
    state, changes = IDLE, []
    for number, distance in enumerate(distances):
        seen = Sighting(
            int(number * step_s * 1e6), 120.0, 30.0, distance or 0.0, 30.0, None if distance is None else duty
        )
        state, more = advance(state, seen, 5, SETTINGS)
        changes += more
    return state, changes


def kinds(changes: list[Change]) -> list[str]:
    return [change.kind for change in changes]


def test_opens_after_two_fixes_and_twenty_seconds() -> None:
    assert kinds(walk(0, 100, 100)[1]) == []
    assert kinds(walk(0, 100, 100, 100)[1]) == ["open"]
    assert kinds(walk(100, 100, step_s=20)[1]) == ["open"]
    assert kinds(walk(*[100] * 20, step_s=1)[1]) == []
    assert kinds(walk(*[100] * 22, step_s=1)[1]) == ["open"]


def test_an_episode_begins_with_the_first_fix_outside() -> None:
    _, (opened,) = walk(0, 100, 200, 150)
    assert (opened.opened_us, opened.seen_us) == (10_000_000, 30_000_000)
    assert opened.evidence["farthest_m"] == 200
    assert [fix["distance_m"] for fix in opened.evidence["fixes"]] == [100, 200, 150]


def test_within_the_margin_nothing_is_said() -> None:
    assert walk(0, 29, 29, 29, 29, 29) == (IDLE, [])
    assert kinds(walk(100, 100, 100, 20, 20, 20, 20)[1]) == ["open"]


def test_one_outlier_opens_nothing_and_one_fix_inside_closes_nothing() -> None:
    assert kinds(walk(0, 900, 0, 900, 0, 900, 0)[1]) == []
    assert kinds(walk(100, 100, 100, 0, 100, 0, 100)[1]) == ["open", "update"]


def test_returning_closes_at_the_first_fix_inside() -> None:
    state, changes = walk(100, 100, 100, 100, 0, 0)
    assert kinds(changes) == ["open", "close"]
    assert (changes[1].closed_us, changes[1].seen_us, changes[1].close_reason) == (
        40_000_000,
        30_000_000,
        "returned",
    )
    assert state == IDLE


def test_updates_are_not_more_frequent_than_set() -> None:
    _, changes = walk(*[100] * 100, step_s=5)
    assert kinds(changes)[0] == "open"
    assert len(changes) == 1 + (99 * 5 - 20) // 30


def test_the_end_of_duty_closes_and_no_duty_raises_nothing() -> None:
    assert walk(None, None, None) == (IDLE, [])
    _, changes = walk(100, 100, 100, None)
    assert [(change.kind, change.close_reason) for change in changes][-1] == ("close", "off_duty")


def test_another_grid_begins_anew() -> None:
    state, _ = walk(100, 100, 100)
    seen = Sighting(40_000_000, 120.0, 30.0, 500.0, 30.0, OTHER)
    after, changes = advance(state, seen, 5, SETTINGS)
    assert [(change.kind, change.close_reason) for change in changes] == [("close", "reassigned")]
    assert (after.opened, after.outside, after.grid_id) == (False, 1, 4)


@given(st.lists(st.sampled_from([0.0, 10.0, 100.0, 2_000.0, None]), max_size=60), st.floats(0.5, 120))
def test_episodes_open_and_close_in_turn_and_the_state_survives_json(
    distances: list[float | None], step_s: float
) -> None:
    state, changes = walk(*distances, step_s=step_s)
    opened = False
    for change in changes:
        assert opened == (change.kind != "open")
        opened = change.kind != "close"
    assert state.opened == opened
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(state)), State) == state


@pytest.mark.parametrize(
    ("moment", "roster"), [(-1, None), (0, 1), (99, 1), (100, 2), (149, 2), (150, 2), (250, None)]
)
def test_the_duty_of_a_moment(moment: int, roster: int | None) -> None:
    turns = [Duty(1, 5, 0, 150, 3, "三", None), Duty(2, 5, 100, 250, 4, "四", None)]
    duty = Directory({}, {5: turns}).duty_at(5, moment)
    assert (duty.roster_id if duty else None) == roster
