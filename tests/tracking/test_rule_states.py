"""The memory of a rule in columns holds what a dictionary would; dwelling of many is that of each alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.test_rule_engine import DIRECTORY, NO_GRIDS, START_US
from tracking.batch import FixBatch
from tracking.rules import Scene
from tracking.rules.definitions import RuleDefinition
from tracking.rules.dwell import FEW, Dwell
from tracking.rules.hysteresis import Episode
from tracking.rules.places import NO_PLACES
from tracking.rules.states import NOTHING, Remembered, RuleStates, Stays, stays_of, with_episode
from tracking.rules.way import NEVER, nothing_before, way_of

STAY = st.none() | st.tuples(st.integers(0, 10**15), st.floats(-180, 180), st.floats(-90, 90))
STATE = st.builds(Remembered, st.sampled_from([Episode(), Episode(breaks=1), Episode(opened=True)]), STAY)
CHANGES = st.lists(
    st.tuples(st.just("put"), st.dictionaries(st.integers(0, 3_000), STATE, max_size=4))
    | st.tuples(st.just("stays"), st.dictionaries(st.integers(0, 3_000), STAY, max_size=4)),
    max_size=8,
)


@given(CHANGES)
def test_columns_hold_what_a_dictionary_would(changes: list[tuple[str, dict]]) -> None:
    states, known = RuleStates(), dict[int, Remembered]()
    for what, told in changes:
        if what == "put":
            states.put(told)
            known |= told
        else:
            rows = [stay or (NEVER, np.nan, np.nan) for stay in told.values()]
            columns = np.array(rows, dtype=object).reshape(-1, 3).T
            states.put_stays(
                Stays(
                    np.array(list(told), dtype=np.int32),
                    columns[0].astype(np.int64),
                    *(column.astype(np.float64) for column in columns[1:]),
                )
            )
            known |= {one: Remembered(known.get(one, NOTHING).episode, stay) for one, stay in told.items()}
    kept = {device: state for device, state in known.items() if state != NOTHING}
    assert dict(states) == kept
    assert len(states) == len(kept)
    asked = np.array([*known, 5_000], dtype=np.int32)
    assert with_episode(states, asked).tolist() == with_episode(kept, asked).tolist()
    assert stays_of(states, asked).told() == stays_of(kept, asked).told()


def fleet(seed: int, devices: int, most: int) -> FixBatch:
    """Devices that go and rest, some fixes of each, ordered by device and time."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, most + 1, devices)
    device = np.repeat(np.arange(1, devices + 1), counts)
    count = len(device)
    steps = rng.choice([0.0, 0.0, 0.0002, 0.002], count)
    zeros, nan = np.zeros(count, dtype=np.int32), np.full(count, np.nan, dtype=np.float32)
    return FixBatch(
        source=zeros,
        device_id=device.astype(np.int32),
        fix_time_us=START_US + np.arange(count) * 10_000_000,
        received_us=START_US + np.arange(count) * 10_000_000,
        lon=120 + np.cumsum(steps),
        lat=np.full(count, 30.5),
        altitude_m=nan,
        speed_mps=nan,
        course_deg=nan,
        accuracy_m=nan,
        satellites=zeros.astype(np.int16),
        battery_pct=zeros.astype(np.int16),
        flags=zeros,
        content=zeros.astype(np.int64),
        unit_grid_id=zeros,
        responsibility_grid_id=zeros,
        signals=zeros.astype(np.int64),
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000))
def test_the_dwelling_of_many_is_that_of_each(seed: int) -> None:
    fixes = fleet(seed, 3 * FEW, 6)
    rule = RuleDefinition("dwell", "dwell", after_s=20)
    rng = np.random.default_rng(seed)
    states = {
        device: Remembered(stay=(START_US - 60_000_000, 120.0 + float(rng.random()) * 0.01, 30.5))
        for device in rng.choice(np.arange(1, 3 * FEW), 20, replace=False).tolist()
    }

    def look(rows: np.ndarray) -> tuple[list, list]:
        some = fixes.take(rows)
        way = way_of(some, nothing_before(len(some)), within_s=600, noise_m=15)
        seen = Dwell().look(rule, NO_PLACES, some, Scene(DIRECTORY, NO_GRIDS, way), states)
        assert seen.stays is not None
        return seen.value.tolist(), seen.stays.told()

    together = look(np.arange(len(fixes)))
    alone = [look(np.flatnonzero(fixes.device_id == device)) for device in range(1, 3 * FEW + 1)]
    assert together[0] == [value for values, _ in alone for value in values]
    assert together[1] == [stay for _, stays in alone for stay in stays]
    assert any(together[0])
