"""What staff may set of each kind of alert rule: its limits with their bounds, in words of both languages."""

from dataclasses import dataclass
from typing import Any

import msgspec

from gis_core.errors import BadInput, Text
from tracking.rules.definitions import RuleDefinition
from tracking.rules.hysteresis import Hysteresis


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of a definition; both bounds belong to it. ``name`` with a dot lies within ``pace``."""

    name: str
    label: Text
    unit: str
    lowest: float
    highest: float
    whole: bool = False


USUAL_PACE = Hysteresis()
ROADS = (
    ("motorway", "高速路", "Motorways"),
    ("trunk", "快速路", "Trunk roads"),
    ("primary", "主干路", "Primary roads"),
    ("secondary", "次干路", "Secondary roads"),
    ("tertiary", "支路", "Tertiary roads"),
    ("residential", "居住区道路", "Residential roads"),
)
"""Classes of ``road.road_class`` that may have a limit of their own."""


@dataclass(frozen=True, slots=True)
class KindInfo:
    """``zones``: needed, possible or none. ``paced``: whether it opens and closes by fixes, so that its
    hysteresis can be set."""

    kind: str
    title: Text
    explanation: Text
    zones: str
    limits: tuple[Limit, ...]
    paced: bool = True
    severity: str = "warning"
    pace: Hysteresis = USUAL_PACE


def _limit(
    name: str, zh: str, en: str, unit: str, lowest: float, highest: float, *, whole: bool = False
) -> Limit:
    return Limit(name, Text(zh, en), unit, lowest, highest, whole)


BUFFER = _limit("buffer_m", "边界宽限", "Buffer at the border", "m", 0, 5_000)
MOVING = _limit("moving_kmh", "视为移动的速度", "Counts as moving from", "km/h", 0, 50)
PACE: tuple[Limit, ...] = (
    _limit("pace.open_after_fixes", "连续几点后报警", "Fixes before it opens", "", 1, 100, whole=True),
    _limit("pace.open_after_s", "持续多久后报警", "Lasts before it opens", "s", 0, 86_400),
    _limit("pace.close_after_fixes", "连续几点后解除", "Fixes before it closes", "", 1, 100, whole=True),
    _limit("pace.update_every_s", "更新间隔", "Updated at most every", "s", 1, 3_600),
)

CATALOGUE: dict[str, KindInfo] = {
    info.kind: info
    for info in (
        KindInfo(
            "left_city",
            Text("驶离区域", "Left the area"),
            Text("离开所选区域之外。", "Outside all of the chosen areas."),
            "needed",
            (BUFFER,),
        ),
        KindInfo(
            "forbidden_zone",
            Text("进入禁行区", "Forbidden zone"),
            Text(
                "进入所选区域，可配合时段。", "Inside one of the chosen zones, at the times of the schedule."
            ),
            "needed",
            (BUFFER,),
        ),
        KindInfo(
            "off_route",
            Text("偏离路线", "Off route"),
            Text("离所选路线过远。", "Too far from the chosen routes."),
            "needed",
            (BUFFER,),
        ),
        KindInfo(
            "speeding",
            Text("超速", "Speeding"),
            Text(
                "超过限速；可为所选区域另设限速。",
                "Faster than allowed; the chosen zones may have a limit of their own.",
            ),
            "possible",
            (
                _limit("limit_kmh", "限速", "Limit", "km/h", 1, 200),
                _limit("zone_limit_kmh", "所选区域限速", "Limit in the zones", "km/h", 1, 200),
                *(
                    _limit(f"road_limits.{name}", f"{zh}限速（0 为不设）", f"{en} (0: none)", "km/h", 0, 200)
                    for name, zh, en in ROADS
                ),
                _limit("road_m", "距道路不超过", "Within … of the road", "m", 5, 100),
            ),
            pace=Hysteresis(3, 20.0, 2),
        ),
        KindInfo(
            "dwell",
            Text("长时间停留", "Long stay"),
            Text("在同一处停留过久。", "Near one place for too long."),
            "none",
            (
                _limit("radius_m", "范围", "Within", "m", 5, 1_000),
                _limit("after_s", "停留多久", "For", "s", 60, 86_400),
            ),
            severity="info",
            pace=Hysteresis(1, 0.0, 1),
        ),
        KindInfo(
            "signal_lost",
            Text("失去联系", "Signal lost"),
            Text(
                "移动中突然没有信号；停车后的安静不算。",
                "Silent from under way; the quiet of a parked unit is none.",
            ),
            "none",
            (
                _limit("periods", "上报间隔的倍数", "Of its own periods", "×", 1, 100),
                _limit("min_s", "至少", "At least", "s", 30, 86_400),
                MOVING,
            ),
            paced=False,
        ),
        KindInfo(
            "off_post",
            Text("脱岗", "Off post"),
            Text("当班时离开责任网格过久。", "Away from the grid of the turn for too long."),
            "none",
            (BUFFER,),
            pace=Hysteresis(3, 900.0, 2),
        ),
        KindInfo(
            "never_arrived",
            Text("应到未到", "Never arrived"),
            Text("班次开始后，宽限内未到责任网格。", "Not in the grid of the turn when the grace is over."),
            "none",
            (_limit("after_s", "宽限", "Grace", "s", 0, 14_400), BUFFER),
            paced=False,
        ),
        KindInfo(
            "gathering",
            Text("人员聚集", "Gathering"),
            Text("多个单位聚在一处；一次聚集只报一条。", "Many units in one place; one alert a gathering."),
            "none",
            (
                _limit("count", "至少几个", "Units", "", 2, 1_000, whole=True),
                _limit("radius_m", "彼此距离", "Within", "m", 5, 1_000),
                _limit("after_s", "持续多久", "For", "s", 0, 86_400),
            ),
            paced=False,
        ),
        KindInfo(
            "low_battery",
            Text("电量低", "Low battery"),
            Text("设备电量低于设定值。", "The device's battery is at or below the limit."),
            "none",
            (_limit("battery_pct", "电量", "Battery", "%", 1, 90),),
            severity="info",
        ),
        KindInfo(
            "jump",
            Text("定位跳变", "Jump"),
            Text("两点之间快得不可能。", "A step that is impossibly fast."),
            "none",
            (
                _limit("jump_m", "跳距至少", "A step of", "m", 50, 100_000),
                _limit("jump_kmh", "速度超过", "Faster than", "km/h", 50, 2_000),
            ),
            severity="info",
            pace=Hysteresis(1, 0.0, 1),
        ),
        KindInfo(
            "ignition_off",
            Text("熄火移动", "Moves with ignition off"),
            Text("点火关闭却在移动，可能被拖走。", "Moves although its ignition is off: towed, perhaps."),
            "none",
            (MOVING,),
        ),
    )
}


def value_of(told: dict[str, Any], limit: Limit) -> float:
    """Of a definition as plain values; 0 for a class of roads that has no limit of its own."""
    part, _, name = limit.name.rpartition(".")
    return float((told[part] if part else told).get(name, 0.0))


def check_limits(rule: RuleDefinition) -> None:
    """Raise BadInput for a limit out of its bounds."""
    info = CATALOGUE.get(rule.kind)
    if info is None:
        return
    told: dict[str, Any] = msgspec.to_builtins(rule)
    for limit in (*info.limits, *(PACE if info.paced else ())):
        value = value_of(told, limit)
        if not limit.lowest <= value <= limit.highest:
            raise BadInput(
                field=limit.name,
                reason_zh=f"须在 {limit.lowest:g} 与 {limit.highest:g} 之间",
                reason=f"must be from {limit.lowest:g} to {limit.highest:g}",
            )
