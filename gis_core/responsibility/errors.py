"""What can be wrong with a responsibility grid or a patrol route."""

from gis_core.errors import DomainError, Text


class UnknownUnitGrids(DomainError):
    status, slug = 422, "unknown-unit-grids"
    title = Text("没有这些单元网格", "Unknown unit grids")
    detail = Text("没有有效的单元网格：{codes}。", "There are no valid unit grids {codes}.")


class NotConnected(DomainError):
    status, slug = 422, "not-connected"
    title = Text("单元网格不相连", "Not connected")
    detail = Text(
        "所选单元网格分成 {parts} 片，责任网格应相连；确需如此请允许不相连（allow_apart）。",
        "The chosen unit grids fall into {parts} parts; a responsibility grid is connected unless you allow "
        "it to be apart (allow_apart).",
    )


class NoRoute(DomainError):
    status, slug = 422, "no-route"
    title = Text("道路不通", "No route")
    detail = Text(
        "巡查点 {points} 附近没有可达的道路，请补充道路或手工绘制路线。",
        "No road leads to the patrol point(s) {points}; add the road, or draw the route by hand.",
    )


class TooFewPoints(DomainError):
    status, slug = 422, "too-few-points"
    title = Text("巡查点不足", "Too few patrol points")
    detail = Text(
        "规划路线至少需要两个巡查点，现有 {count} 个。",
        "A route needs two patrol points or more; there are {count}.",
    )
