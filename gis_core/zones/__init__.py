"""Zones: what their rules say, and which of them hold at a place and time."""

from gis_core.zones.rules import DateSpan, RuleWrong, WeeklyWindow, ZoneRule, zone_active

__all__ = ["DateSpan", "RuleWrong", "WeeklyWindow", "ZoneRule", "zone_active"]
