"""What can be wrong with a division, a draft or a change of it."""

from gis_core.errors import DomainError, Text


class NothingToDivide(DomainError):
    status, slug = 422, "nothing-to-divide"
    title = Text("没有可划分的区域", "Nothing to divide")
    detail = Text(
        "区域 {area_code} 及其下级今天没有有效的边界，请先导入区域。",
        "Area {area_code} and the areas below it have no valid boundary today; import areas first.",
    )


class CodesExhausted(DomainError):
    status, slug = 409, "codes-exhausted"
    title = Text("网格编码不够用", "Codes exhausted")
    detail = Text(
        "社区 {community_code} 需要编到第 {wanted} 号，{digits} 位编码最多 {most} 号（作废的编码不再使用）。"
        "请改用 15 位编码或先导入社区边界。",
        "Community {community_code} needs number {wanted}; codes of {digits} digits end at {most} "
        "(withdrawn ones are never reused). Use 15 digits, or import community boundaries first.",
    )


class StaleDraft(DomainError):
    status, slug = 409, "stale-draft"
    title = Text("草案已被他人修改", "The draft has changed")
    detail = Text(
        "草案现在是版本 {version}，您依据的是版本 {known}，请刷新后再试。",
        "The draft is at version {version}, yours was {known}; reload and try again.",
    )


class DraftNotOpen(DomainError):
    status, slug = 409, "draft-not-open"
    title = Text("草案不可修改", "The draft is not open")
    detail = Text(
        "草案 {draft} 的状态是 {state}，只有 open 状态可以修改和发布。",
        "Draft {draft} is {state}; only an open draft can be changed or published.",
    )


class NotInDraft(DomainError):
    status, slug = 404, "cell-not-in-draft"
    title = Text("草案中没有该网格", "No such cell in the draft")
    detail = Text(
        "草案 {draft} 中没有网格 {cells}，可能已被修改。",
        "Draft {draft} has no cell {cells}; it may have been changed meanwhile.",
    )


class LineMisses(DomainError):
    status, slug = 422, "line-misses"
    title = Text("线没有穿过网格", "The line does not cross")
    detail = Text(
        "所画的线应把图形分成两部分，实际是 {found} 部分；请从边界外画到边界外。",
        "The line must make two parts of the shape, it makes {found}; draw it from outside to outside.",
    )


class NotAdjacent(DomainError):
    status, slug = 422, "not-adjacent"
    title = Text("网格不相邻", "Not adjacent")
    detail = Text("网格 {cells} 没有公共边界。", "The cells {cells} have no common border.")


class DifferentCommunities(DomainError):
    status, slug = 422, "different-communities"
    title = Text("不在同一社区", "Different communities")
    detail = Text(
        "网格分属 {communities}，单元网格不能跨社区。",
        "The cells lie in {communities}; a unit grid stays inside one community.",
    )


class NothingToUndo(DomainError):
    status, slug = 409, "nothing-to-undo"
    title = Text("没有可撤销的操作", "Nothing to undo")
    detail = Text("草案 {draft} 没有可撤销的操作。", "Draft {draft} has no operation that could be undone.")


class DraftUnsound(DomainError):
    status, slug = 409, "draft-unsound"
    title = Text("草案有拓扑错误", "The draft is not sound")
    detail = Text(
        "不能发布：空隙 {gaps} 处，重叠 {overlaps} 处，越界 {crossings} 处。",
        "Not published: {gaps} gap(s), {overlaps} overlap(s), {crossings} crossing(s) of community borders.",
    )
