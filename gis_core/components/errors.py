"""What can be wrong with a component."""

from gis_core.errors import DomainError, Text


class ClassUnknown(DomainError):
    status, slug = 422, "component-class-unknown"
    title = Text("没有这个部件小类", "No such component class")
    detail = Text(
        "版本 {edition} 的部件字典中没有小类 {class_code}。",
        "The edition {edition} of the dictionary has no class {class_code}.",
    )


class PlaceOutside(DomainError):
    status, slug = 422, "place-outside"
    title = Text("位置不在辖区内", "Outside all areas")
    detail = Text("该位置不在任何区县之内，不能编码。", "The place lies in no district, so it gets no code.")


class ShapeWrong(DomainError):
    status, slug = 422, "shape-wrong"
    title = Text("形状有误", "Wrong shape")
    detail = Text("形状有误：{reason_zh}", "The shape is wrong: {reason}")


class OtherDistrict(DomainError):
    status, slug = 409, "other-district"
    title = Text("移到了别的区县", "Moved to another district")
    detail = Text(
        "部件 {code} 属于区县 {district}，新位置在 {area_code}；标识码随区县，请停用后在新位置另建。",
        "Component {code} belongs to district {district}, the new place to {area_code}; the code goes with "
        "the district: retire it and add a new one there.",
    )


class Retired(DomainError):
    status, slug = 409, "component-retired"
    title = Text("部件已废弃", "Component retired")
    detail = Text(
        "部件 {code} 已废弃，不能更改；如属误操作，请撤销那次编辑。",
        "Component {code} is retired and not changed any more; undo that edit if it was a mistake.",
    )


class CodeTaken(DomainError):
    status, slug = 409, "component-code-taken"
    title = Text("标识码已被使用", "Code in use")
    detail = Text("标识码 {code} 已属于另一个部件。", "The code {code} belongs to another component.")


class NotDuplicates(DomainError):
    status, slug = 422, "not-duplicates"
    title = Text("不是疑似重复", "Not a pair of likely duplicates")
    detail = Text(
        "部件 {code} 和 {other} 不是同一小类，或相距超过 50 米。",
        "Components {code} and {other} are not of one class, or stand more than 50 m apart.",
    )


class AlreadyDecided(DomainError):
    status, slug = 409, "duplicate-decided"
    title = Text("已经处理过", "Already decided")
    detail = Text(
        "部件 {code} 和 {other} 是否重复已有结论；要更改，请先撤销那次处理。",
        "Whether {code} and {other} are duplicates has been decided; undo that decision to change it.",
    )
