"""What can be wrong with a change of areas."""

from gis_core.errors import DomainError, Text


class AreaCodeTaken(DomainError):
    status, slug = 409, "area-code-taken"
    title = Text("区域代码已被使用", "Area code in use")
    detail = Text(
        "区域代码 {code} 在 {on} 之后已有另一个区域，同一代码在同一天只能有一个区域。",
        "The area code {code} has another area on or after {on}; a code stands for one area a day.",
    )


class AreaNotValid(DomainError):
    status, slug = 409, "area-not-valid"
    title = Text("区域已失效", "Area not valid")
    detail = Text(
        "区域 {code} 当前没有有效的记录，或已失效，不能更改。",
        "The area {code} has no valid record to change: there is none, or it has ended.",
    )


class ChangeTooEarly(DomainError):
    status, slug = 409, "change-too-early"
    title = Text("变更日期太早", "Date of change too early")
    detail = Text(
        "区域 {code} 自 {valid_from} 起有效，变更日期 {on} 须晚于该日。",
        "The area {code} is valid from {valid_from}; the change on {on} must be later than that.",
    )


class AreaCodeForm(DomainError):
    status, slug = 422, "area-code-form"
    title = Text("区域代码不合规", "Area code not well formed")
    detail = Text(
        "区域代码 {code} 不合规：{reason_zh}。", "The area code {code} is not well formed: {reason}."
    )


class AreaShapeWrong(DomainError):
    status, slug = 422, "area-shape-wrong"
    title = Text("区域形状有误", "Wrong shape")
    detail = Text("区域 {code} 的形状有误：{reason_zh}", "The shape of area {code} is wrong: {reason}")


class PartsDiffer(DomainError):
    status, slug = 422, "parts-differ"
    title = Text("拆分后与原区域不一致", "The parts are not the whole")
    detail = Text(
        "各部分与原区域相差 {differing_m2} 平方米，互相重叠 {overlapping_m2} 平方米"
        "（允许 {tolerance_m2} 平方米）。",
        "The parts differ from the whole by {differing_m2} m² and overlap by {overlapping_m2} m² "
        "({tolerance_m2} m² are allowed).",
    )


class AreaHasParts(DomainError):
    status, slug = 409, "area-has-parts"
    title = Text("下级区域仍有效", "Areas inside are still valid")
    detail = Text(
        "区域 {code} 还有下级区域（如 {inside}），请先为它们指定新的上级或使其失效。",
        "The area {code} still has areas inside, such as {inside}; give them another parent or end them.",
    )
