"""What a check says about a fix, a stretch, or a device."""

from enum import StrEnum
from typing import Any, Literal

import msgspec

from gis_core.errors import Text


class Why(StrEnum):
    """Reasons of flags and drops; stable keys."""

    BAD_LATITUDE = "bad_latitude"
    BAD_LONGITUDE = "bad_longitude"
    ZERO_ISLAND = "zero_island"
    IN_FUTURE = "in_future"
    DUPLICATE = "duplicate"
    SAME_SECOND = "same_second"
    JUMP = "jump"
    OUT_OF_ORDER = "out_of_order"
    CLOCK_OFFSET = "clock_offset"
    CATCH_UP = "catch_up"
    IMPOSSIBLE_SPEED = "impossible_speed"
    FROZEN = "frozen"
    FROZEN_HEADING = "frozen_heading"
    SENTINEL_SPEED = "sentinel_speed"
    GAP = "gap"
    PARKED = "parked"
    COPIED_TRACK = "copied_track"


WHY_TEXTS: dict[Why, Text] = {
    Why.BAD_LATITUDE: Text("纬度超出 ±90 度", "Latitude beyond ±90 degrees"),
    Why.BAD_LONGITUDE: Text("经度超出 ±180 度", "Longitude beyond ±180 degrees"),
    Why.ZERO_ISLAND: Text("位置在经纬度零点，未定位", "Position at 0,0: the receiver had none"),
    Why.IN_FUTURE: Text("时间在未来", "The time is in the future"),
    Why.DUPLICATE: Text("重复的定位", "The same fix again"),
    Why.SAME_SECOND: Text("同一时刻的另一位置", "Another place at the same time"),
    Why.JUMP: Text("跳点：去而复返", "Out and back at once"),
    Why.OUT_OF_ORDER: Text("晚到或乱序", "Came after later fixes"),
    Why.CLOCK_OFFSET: Text("设备时钟偏差", "The clock of the device is off"),
    Why.CATCH_UP: Text("停滞的位置突然跟上", "A stale position catches up"),
    Why.IMPOSSIBLE_SPEED: Text("速度不可能", "No such speed is possible"),
    Why.FROZEN: Text("位置冻结", "The position is frozen"),
    Why.FROZEN_HEADING: Text("方向冻结", "The course is frozen"),
    Why.SENTINEL_SPEED: Text("速度为无效填充值", "The speed is a filler for unknown"),
    Why.GAP: Text("行驶中失去信号", "Silence while under way"),
    Why.PARKED: Text("停放期间无信号", "Silence while parked"),
    Why.COPIED_TRACK: Text("与另一设备的轨迹相同", "The same track as another device"),
}

DROPS = frozenset(
    {
        Why.BAD_LATITUDE,
        Why.BAD_LONGITUDE,
        Why.ZERO_ISLAND,
        Why.IN_FUTURE,
        Why.DUPLICATE,
        Why.SAME_SECOND,
        Why.JUMP,
    }
)
"""Fixes with these reasons take no part in stops, mileage and rules."""


class Finding(msgspec.Struct, frozen=True):
    """``time_us`` as the device told it; ``row`` is its place in the order of arrival."""

    why: Why
    time_us: int
    row: int
    extras: dict[str, Any] = {}

    @property
    def kind(self) -> Literal["flag", "drop"]:
        return "drop" if self.why in DROPS else "flag"
