"""Rules about battery, ignition, jumps and arrival, with the engine that all rules have."""

from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_core.errors import BadInput
from tracking.batch import FixBatch, from_fixes
from tracking.directory import Device, Directory, Duty
from tracking.fix import Fix
from tracking.locator import Locator, make_locator
from tracking.outages import Outages
from tracking.rules.base import Change, Last, Remembered, Scene
from tracking.rules.catalogue import CATALOGUE, check_limits
from tracking.rules.definitions import RuleDefinition
from tracking.rules.hysteresis import Hysteresis
from tracking.rules.kinds import KINDS
from tracking.rules.live import TIMED, LiveRule, live_kinds
from tracking.rules.loading import load_rules
from tracking.rules.never_arrived import NeverArrived
from tracking.rules.places import Places
from tracking.rules.roads import RoadLimits
from tracking.rules.way import Before, nothing_before, way_of
from tracking.signals import ACC_OFF, ACC_ON

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
METRE = 1 / 111_195.0
START = 1_760_000_000 * SECOND
AT_ONCE = Hysteresis(1, 0.0, 1, 60.0)
GRID = shapely.box(119.999, 29.999, 120.001, 30.001)
LOCATOR = make_locator([], [(7, shapely.to_wkb(GRID))])


def directory(devices: int = 1, turns: list[Duty] | None = None) -> Directory:
    found = Directory(duties={1: turns} if turns else {})
    found.learn(Device(n, f"d{n}", True, "990102001") for n in range(1, devices + 1))
    return found


def located(fixes: list[Fix], locator: Locator = LOCATOR) -> FixBatch:
    batch = from_fixes(fixes, [0] * len(fixes), [1] * len(fixes), [0] * len(fixes))
    return batch.with_columns(
        responsibility_grid_id=locator.responsibility_grids.locate(batch.lon, batch.lat)
    )


def scene(fixes: FixBatch, known: Directory, before: Fix | None = None) -> Scene:
    start = nothing_before(len(fixes))
    if before is not None:
        count = len(fixes)
        start = Before(
            np.full(count, before.fix_time_us), np.full(count, before.lon), np.full(count, before.lat),
            np.full(count, np.nan, dtype=np.float32),
        )  # fmt: skip
    return Scene(known, LOCATOR, way_of(fixes, start, within_s=600, noise_m=15))


def judged(rule: LiveRule, fixes: list[Fix], known: Directory) -> list[Change]:
    batch = located(fixes)
    return rule.judge(batch, scene(batch, known), {}).changes


def fix(at_s: float, north_m: float = 0.0, **more: Any) -> Fix:
    return Fix(START + round(at_s * SECOND), 120.0, 30.0 + north_m * METRE, **more)


def kinds(changes: list[Change]) -> list[str]:
    return [change.kind for change in changes]


def test_low_battery_opens_once_and_closes_when_charged() -> None:
    levels = [50, 21, 20, None, 19, 22, 18, 30, 40]
    rule = LiveRule(RuleDefinition("b", "low_battery", pace=AT_ONCE))
    changes = judged(rule, [fix(10 * n, battery_pct=level) for n, level in enumerate(levels)], directory())
    assert kinds(changes) == ["open", "close"]
    assert (changes[0].opened_us, changes[1].closed_us) == (START + 20 * SECOND, START + 70 * SECOND)
    assert changes[1].evidence["worst"] == 82


def test_a_vehicle_that_moves_with_its_ignition_off() -> None:
    rule = LiveRule(RuleDefinition("i", "ignition_off"))
    told = [ACC_ON, ACC_ON, ACC_OFF, ACC_OFF, ACC_OFF, ACC_OFF, 0, ACC_ON, ACC_ON]
    changes = judged(
        rule, [fix(10 * n, 100 * n, signals=signals) for n, signals in enumerate(told)], directory()
    )
    assert kinds(changes) == ["open", "close"]
    parked = [fix(10 * n, 3 * (n % 2), signals=ACC_OFF) for n in range(9)]
    assert not judged(rule, parked, directory())


def test_a_spike_is_one_episode() -> None:
    rule = LiveRule(RuleDefinition("j", "jump", pace=AT_ONCE))
    walk = [fix(10 * n, 9_000.0 if n == 4 else 10 * n) for n in range(9)]
    assert kinds(judged(rule, walk, directory())) == ["open", "close"]


TURNS = [Duty(n, 1, START + n * 12 * HOUR, START + (n * 12 + 8) * HOUR, 7, "网格", "Grid") for n in range(3)]
RULE = RuleDefinition("late", "never_arrived", after_s=900, buffer_m=20)


def episodes(changes: list[Change]) -> list[tuple[int, int | None, str | None]]:
    """Beginning and end in minutes from the start."""
    found: list[tuple[int, int | None, str | None]] = []
    for change in changes:
        if change.kind == "withdraw":
            found.pop()
        elif change.kind == "open":
            found.append(((change.opened_us - START) // MINUTE, None, None))
        elif change.closed_us is not None:
            found[-1] = (found[-1][0], (change.closed_us - START) // MINUTE, change.close_reason)
    return found


@pytest.mark.parametrize(
    ("fixes", "expected"),
    [
        ([(-600, 0), (60, 0)], []),
        ([(60, 5_000), (600, 0)], []),
        ([(60, 5_000), (1_200, 5_000), (3_000, 0), (3_060, 0)], [(15, 50, "returned")]),
        ([(60, 5_000), (9 * 3_600, 5_000)], [(15, 480, "off_duty")]),
        ([(60, 0), (25 * 3_600, 0)], [(735, 1_200, "off_duty"), (1_455, 1_500, "returned")]),
        ([(5_000, 0)], [(15, 83, "returned")]),
    ],
)
def test_who_is_not_in_his_grid_in_time(
    fixes: list[tuple[float, float]], expected: list[tuple[int, int, str]]
) -> None:
    told = judged(NeverArrived(RULE), [fix(at, north) for at, north in fixes], directory(turns=TURNS))
    assert episodes(told) == expected


@settings(deadline=None)
@given(
    places=st.lists(
        st.tuples(st.integers(0, 36 * 60), st.booleans()), min_size=1, max_size=12, unique_by=lambda p: p[0]
    ),
    ticks=st.lists(st.integers(0, 37 * 60), max_size=8),
)
def test_the_clock_and_the_fixes_tell_the_same(places: list[tuple[int, bool]], ticks: list[int]) -> None:
    """Fix by fix with the clock in between, or all at once: the same episodes."""
    known, rule = directory(turns=TURNS), NeverArrived(RULE)
    fixes = [fix(60 * at, 0 if inside else 5_000) for at, inside in sorted(places)]
    whole = judged(rule, fixes, known)
    live: list[Change] = []
    state: dict[int, Remembered] = {}
    before: Fix | None = None
    woken = [(START + minute * MINUTE, 1, None) for minute in ticks]
    moments = sorted([*((one.fix_time_us, 0, one) for one in fixes), *woken], key=lambda each: each[:2])
    for moment, _, one in moments:
        if one is not None:
            batch = located([one])
            judgement = rule.judge(batch, scene(batch, known, before), state)
            before = one
        elif before is None:
            continue
        else:
            last = Last(
                np.array([1], dtype=np.int32), np.array([before.fix_time_us]), np.array([before.lon]),
                np.array([before.lat]), np.array([np.nan], dtype=np.float32),
            )  # fmt: skip
            judgement = rule.wake(moment, scene(located([]), known), state, last)
        live += judgement.changes
        state |= judgement.states
    ended = fixes[-1].fix_time_us
    until = (ended - START) // MINUTE
    closed = [one for one in episodes(live) if one[1] is not None and one[1] <= until]
    assert closed == [one for one in episodes(whole) if one[1] is not None]


def test_every_kind_can_be_set_within_bounds() -> None:
    assert CATALOGUE.keys() == live_kinds()
    assert {*KINDS, *TIMED} <= CATALOGUE.keys()
    for kind, info in CATALOGUE.items():
        check_limits(RuleDefinition("x", kind, pace=info.pace))  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        check_limits(RuleDefinition("x", "gathering", count=1))
    with pytest.raises(BadInput):
        check_limits(RuleDefinition("x", "dwell", pace=Hysteresis(0, 0, 1)))


def test_the_limit_is_that_of_the_road_it_drives_on() -> None:
    east, north = [(120.0, 30.0), (120.01, 30.0)], [(120.005, 29.995), (120.005, 30.005)]
    roads = RoadLimits(
        np.array([shapely.LineString(east), shapely.LineString(north)]), np.array([60.0, 30.0])
    )
    told = roads.limits_kmh(
        np.array([120.002, 120.005, 120.005, 120.005, 120.002]),
        np.array([30.0, 30.0, 30.0, 30.002, 30.002]),
        np.array([90.0, 270.0, 2.0, np.nan, 90.0]),
        25.0,
    )
    assert told.tolist()[:4] == [60.0, 60.0, 30.0, 30.0]
    assert np.isnan(told[4])
    rule = RuleDefinition("v", "speeding", limit_kmh=80, pace=AT_ONCE)
    drive = [
        Fix(START + n * 10 * SECOND, 120.0 + n * 0.0018, 30.0, speed_mps=17.4, course_deg=90.0)
        for n in range(5)
    ]
    fast = LiveRule(rule, Places(np.zeros(0, dtype=object), [], roads))
    assert kinds(judged(fast, drive, directory())) == ["open"]
    zone = Places(np.array([shapely.box(119, 29, 121, 31)]), [{"limit_kmh": 70}], roads)
    assert not judged(LiveRule(rule, zone), drive, directory())


def test_roads_of_a_class_are_read_once_until_they_change(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO road (name, road_class, source, source_key, geom)
               VALUES ('路', 'primary', 't', '1',
                       ST_GeomFromText('MULTILINESTRING((120 30, 120.01 30))', 4326));
               INSERT INTO alert_rule (key, version, definition)
               VALUES ('fast', 1, '{"key": "fast", "kind": "speeding",
                                    "road_limits": {"primary": 50, "trunk": 0}}')"""
        )
        (line,) = load_rules(connection)
        roads = line.versions[0].places.roads
        assert roads is not None
        assert (len(roads), roads.lowest_kmh) == (1, 50.0)
        assert load_rules(connection)[0].versions[0].places.roads is roads
        connection.execute("SELECT bump_layers(ARRAY['road'])")
        assert load_rules(connection)[0].versions[0].places.roads is not roads


def test_who_is_near_the_next_grid_has_not_left_the_turn_before() -> None:
    """Two turns without a break; the unit is in the second grid while the first turn goes on."""
    other = make_locator(
        [], [(7, shapely.to_wkb(GRID)), (8, shapely.to_wkb(shapely.box(119.999, 30.01, 120.001, 30.02)))]
    )
    turns = [
        Duty(1, 1, START, START + HOUR, 7, "一", None),
        Duty(2, 1, START + HOUR, START + 2 * HOUR, 8, "二", None),
    ]
    fixes = located([fix(60 * minute, 1_500) for minute in (20, 40, 61, 62)], other)
    known = directory(turns=turns)
    judged_scene = Scene(known, other, way_of(fixes, nothing_before(len(fixes)), within_s=600, noise_m=15))
    changes = NeverArrived(RULE).judge(fixes, judged_scene, {}).changes
    assert episodes(changes) == [(15, 60, "off_duty")]


def test_an_outage_over_a_whole_turn_counts_as_soon_as_it_is_known() -> None:
    """The turns that count are kept from one look to the next; an outage changes them."""
    rule, known = NeverArrived(RULE), directory(turns=TURNS[:1])
    columns = (START - HOUR, 120.0, 31.0, 0.0)
    kinds_of = (np.int64, np.float64, np.float64, np.float32)
    last = Last(
        np.array([1], np.int32),
        *(np.array([value], kind) for value, kind in zip(columns, kinds_of, strict=True)),
    )
    plain = scene(located([]), known)
    unheard = replace(plain, outages=Outages(np.array([START - MINUTE]), np.array([START + 9 * HOUR])))
    late = START + 10 * HOUR
    assert kinds(rule.wake(late, plain, {}, last).changes) == ["open", "close"]
    assert rule.wake(late, unheard, {}, last).changes == []
    assert kinds(rule.wake(late, plain, {}, last).changes) == ["open", "close"]
