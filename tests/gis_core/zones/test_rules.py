"""When a zone holds: edges of hours, midnights, weeks and dates, against a slow and plain reading."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis_core.zones import RuleWrong, ZoneRule, zone_active
from gis_core.zones.rules import CHINA, DAY_MIN

MONDAY = date(2026, 11, 16)


def rule(**parts: object) -> ZoneRule:
    return ZoneRule.parse("no_report", parts)


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def local(day: date, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CHINA) + timedelta(minutes=minute)


windows = st.builds(
    lambda days, start, length: (days, start, (start + length) % DAY_MIN),
    st.sets(st.integers(1, 7), min_size=1),
    st.integers(0, DAY_MIN - 1),
    st.integers(1, DAY_MIN - 1),
)


@given(windows, st.integers(0, 7 * DAY_MIN - 1))
def test_a_window_holds_exactly_its_minutes(window: tuple[set[int], int, int], minute: int) -> None:
    days, start, end = window
    held = set()
    for day in days:
        begin = (day - 1) * DAY_MIN + start
        length = (end - start) % DAY_MIN
        held |= {(begin + step) % (7 * DAY_MIN) for step in range(length)}
    given_rule = rule(windows=[{"days": sorted(days), "from": clock(start), "to": clock(end)}])
    assert zone_active(given_rule, local(MONDAY, minute)) == (minute in held)


@given(windows, st.integers(0, 7 * DAY_MIN - 1))
def test_the_same_moment_in_any_zone_of_time(window: tuple[set[int], int, int], minute: int) -> None:
    days, start, end = window
    given_rule = rule(windows=[{"days": sorted(days), "from": clock(start), "to": clock(end)}])
    moment = local(MONDAY, minute)
    assert zone_active(given_rule, moment) == zone_active(given_rule, moment.astimezone(UTC))
    assert zone_active(given_rule, moment) == zone_active(given_rule, moment + timedelta(days=7))


@given(st.integers(-3, 3), st.integers(0, DAY_MIN - 1))
def test_dates_and_exceptions_count_by_the_starting_day(shift: int, minute: int) -> None:
    """A night that begins on the last day goes on into the morning after it."""
    night = rule(
        windows=[{"from": "22:00", "to": "06:00"}],
        dates=[{"from": MONDAY.isoformat(), "to": (MONDAY + timedelta(days=1)).isoformat()}],
        **{"except": [(MONDAY + timedelta(days=1)).isoformat()]},
    )
    at = local(MONDAY + timedelta(days=shift), minute)
    expected = (shift == 0 and minute >= 22 * 60) or (shift == 1 and minute < 6 * 60)
    assert zone_active(night, at) == expected


def test_edges() -> None:
    all_day = rule(windows=[{"days": [7], "from": "00:00", "to": "24:00"}])
    sunday = MONDAY + timedelta(days=6)
    assert zone_active(all_day, local(sunday, 0))
    assert zone_active(all_day, local(sunday, DAY_MIN) - timedelta(microseconds=1))
    assert not zone_active(all_day, local(sunday, DAY_MIN))
    assert zone_active(rule(), local(MONDAY, 5))
    assert not zone_active(rule(dates=[{"to": "2026-11-15"}]), local(MONDAY, 0))


@pytest.mark.parametrize(
    ("kind", "wrong", "field"),
    [
        ("timing_area", {}, "timing"),
        ("timing_area", {"timing": "core", "windows": []}, "windows"),
        ("no_report", {"windows": [{"from": "24:00"}]}, "windows.from"),
        ("no_report", {"windows": [{"from": "24:01"}]}, "windows.from"),
        ("no_report", {"windows": [{"days": [0]}]}, "windows.days"),
        ("no_report", {"windows": [{"from": "10:00", "to": "10:00"}]}, "windows.from"),
        ("no_report", {"dates": [{"from": "2026-02-30"}]}, "dates.from"),
        ("no_report", {"dates": [{"from": "2026-02-02", "to": "2026-02-01"}]}, "dates.to"),
        ("fence", {"max_kmh": 0}, "max_kmh"),
        ("fence", {"keep": "near"}, "keep"),
        ("fence", {"colour": 1}, "colour"),
    ],
)
def test_a_wrong_rule_names_its_field(kind: str, wrong: dict[str, object], field: str) -> None:
    with pytest.raises(RuleWrong) as refused:
        ZoneRule.parse(kind, wrong)
    assert refused.value.members["field"] == field


def test_rules_of_imported_zones_never_hide_the_others() -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=CHINA)
    unknown = ZoneRule.stored("no_report", {"reason": "self_managed", "windows": [{"from": "11:00"}]})
    assert zone_active(unknown, noon)
    assert not zone_active(ZoneRule.stored("no_report", {"windows": "noon"}), noon)
