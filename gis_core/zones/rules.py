"""The rule of a zone: of what sort it is, and in which hours of which days it holds.

Stored as JSON in ``zone.rule``::

    {"timing": "core"}                                             timing area: core, general, outer
    {"windows": [{"days": [1, 5], "from": "22:00", "to": "06:00"}], "dates": [{"from": "2026-05-01",
     "to": "2026-10-07"}], "except": ["2026-10-01"]}               a no-report zone
    {"keep": "inside", "max_kmh": 40, "kinds": ["slag_truck"]}     a fence

Days are ISO weekdays, Monday 1. Times are those of China, which has had no summer time since 1991. A
window that ends at or before its start ends on the next day; it belongs to the day it starts on, also
as to ``dates`` and ``except``. No windows: all day. No dates: every day.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gis_core.errors import DomainError, Text

CHINA = ZoneInfo("Asia/Shanghai")
KINDS = ("timing_area", "no_report", "fence")
TIMINGS = ("core", "general", "outer")
"""Strictest first: where timing areas overlap, the first holds."""
DAY_MIN = 24 * 60
_SHARED = {"windows", "dates", "except"}
_ALLOWED = {
    "timing_area": {"timing"},
    "no_report": {*_SHARED, "classes"},
    "fence": {*_SHARED, "keep", "max_kmh", "kinds"},
}


class RuleWrong(DomainError):
    status, slug = 422, "zone-rule-wrong"
    title = Text("区域规则有误", "Wrong zone rule")
    detail = Text("区域规则 {field} 有误：{reason_zh}", "The zone rule's {field} is wrong: {reason}")


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """``start_min``, ``end_min``: minutes after midnight; an end not after the start is the next day's."""

    days: frozenset[int]
    start_min: int
    end_min: int

    @property
    def length_min(self) -> int:
        return self.end_min - self.start_min + (DAY_MIN if self.end_min <= self.start_min else 0)


@dataclass(frozen=True, slots=True)
class DateSpan:
    """Days from ``first`` to ``last``, both included; None: open."""

    first: date | None
    last: date | None

    def holds(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """When a zone holds. Empty: always."""

    windows: tuple[WeeklyWindow, ...] = ()
    dates: tuple[DateSpan, ...] = ()
    excepted: frozenset[date] = frozenset()

    @classmethod
    def parse(cls, kind: str, rule: Mapping[str, Any]) -> "ZoneRule":
        """Raises RuleWrong, which names the field and what it should be."""
        allowed = _ALLOWED[kind]
        for name in rule:
            if name not in allowed:
                raise RuleWrong(
                    field=name,
                    reason_zh=f"此类区域只能有 {', '.join(sorted(allowed))}",
                    reason=f"this kind of zone takes {', '.join(sorted(allowed))} only",
                )
        _check_kind(kind, rule)
        excepted = [_day("except", value) for value in _items(rule, "except")]
        return cls(
            windows=tuple(_window(item) for item in _items(rule, "windows")),
            dates=tuple(_span(item) for item in _items(rule, "dates")),
            excepted=frozenset(day for day in excepted if day is not None),
        )

    @classmethod
    def stored(cls, kind: str, rule: Mapping[str, Any]) -> "ZoneRule | None":
        """As a row has it, which may come from an import: names that the kind does not know are passed
        over, and a rule that cannot be read is None, so that one zone never hides the others."""
        try:
            return cls.parse(kind, {name: rule[name] for name in rule if name in _ALLOWED[kind]})
        except RuleWrong:
            return None


def zone_active(rule: ZoneRule | None, at: datetime) -> bool:
    """Whether the rule holds at a moment (aware of its zone). Starts count in, ends do not. One that cannot
    be read does not hold."""
    if rule is None:
        return False
    local = at.astimezone(CHINA)
    minute = local.hour * 60 + local.minute
    today = local.date()
    if not rule.windows:
        return _holds_on(rule, today)
    for window in rule.windows:
        for day, since_midnight in ((today, minute), (today - timedelta(days=1), minute + DAY_MIN)):
            elapsed = since_midnight - window.start_min
            if day.isoweekday() in window.days and 0 <= elapsed < window.length_min and _holds_on(rule, day):
                return True
    return False


def _holds_on(rule: ZoneRule, day: date) -> bool:
    return day not in rule.excepted and (not rule.dates or any(span.holds(day) for span in rule.dates))


def _check_kind(kind: str, rule: Mapping[str, Any]) -> None:
    if kind == "timing_area" and rule.get("timing") not in TIMINGS:
        raise RuleWrong(
            field="timing",
            reason_zh=f"应为 {', '.join(TIMINGS)} 之一（核心、一般、外围）",
            reason=f"must be one of {', '.join(TIMINGS)}",
        )
    if rule.get("keep", "inside") not in ("inside", "outside"):
        raise RuleWrong(field="keep", reason_zh="应为 inside 或 outside", reason="must be inside or outside")
    limit = rule.get("max_kmh", 1)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit <= 200:
        raise RuleWrong(
            field="max_kmh", reason_zh="应为 0 到 200 之间的数", reason="must be a number up to 200"
        )
    for name in ("kinds", "classes"):
        if not all(isinstance(item, str) and item for item in _items(rule, name)):
            raise RuleWrong(field=name, reason_zh="应为文字列表", reason="must be a list of texts")


def _items(rule: Mapping[str, Any], name: str) -> list[Any]:
    found = rule.get(name, [])
    if not isinstance(found, list) or len(found) > 400:
        raise RuleWrong(field=name, reason_zh="应为列表", reason="must be a list")
    return found


def _window(item: Any) -> WeeklyWindow:
    if not isinstance(item, dict) or set(item) - {"days", "from", "to"}:
        raise RuleWrong(
            field="windows", reason_zh="每项应有 days、from、to", reason="each has days, from and to"
        )
    days = item.get("days", [1, 2, 3, 4, 5, 6, 7])
    if not isinstance(days, list) or not days or not all(day in range(1, 8) for day in days):
        raise RuleWrong(
            field="windows.days", reason_zh="应为 1（周一）到 7（周日）", reason="must be 1 (Monday) to 7"
        )
    start, end = (
        _minute("windows.from", item.get("from", "00:00")),
        _minute("windows.to", item.get("to", "24:00")),
    )
    if start in (DAY_MIN, end):
        raise RuleWrong(
            field="windows.from",
            reason_zh="起止时间不能相同，也不能从 24:00 开始",
            reason="must differ from the end and be before 24:00",
        )
    return WeeklyWindow(frozenset(days), start, end)


def _minute(field: str, value: Any) -> int:
    match = re.fullmatch(r"([01][0-9]|2[0-4]):([0-5][0-9])", value) if isinstance(value, str) else None
    minute = int(match[1]) * 60 + int(match[2]) if match else DAY_MIN + 1
    if minute > DAY_MIN:
        raise RuleWrong(field=field, reason_zh="应为 00:00 到 24:00", reason="must be 00:00 to 24:00")
    return minute


def _span(item: Any) -> DateSpan:
    if not isinstance(item, dict) or not item or set(item) - {"from", "to"}:
        raise RuleWrong(field="dates", reason_zh="每项应有 from、to", reason="each has from and to")
    span = DateSpan(_day("dates.from", item.get("from")), _day("dates.to", item.get("to")))
    if span.first and span.last and span.last < span.first:
        raise RuleWrong(field="dates.to", reason_zh="不能早于 from", reason="must not be before from")
    return span


def _day(field: str, value: Any) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise RuleWrong(
            field=field, reason_zh="应为日期，如 2026-05-01", reason="must be a date such as 2026-05-01"
        ) from None
