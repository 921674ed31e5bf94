"""Numbers with their units: 弄 号 幢 单元 层 室, marks 甲 -1 附2 之3, and ranges."""

import re

from geocoding.grammar.elements import Number

_UNITS = re.compile(
    r"""
    (?P<range_from>\d{1,5})[A-Z]?(?:号|弄)?[-,](?P<range_to>\d{1,5})(?P<range_unit>号(?!楼|院|房)|弄)
  | 第?(?P<building>\d{1,4}|[A-Z]\d{0,2}|[甲乙丙丁戊])
    (?:(?<=[AC-EG-KM-Z]\d)楼|(?<=[AC-EG-KM-Z]\d\d)楼|号楼(?![上下])|号房(?![间管产屋东])|\#楼|\#(?=\d)|幢|栋|座(?!谈)|舍)
  | (?P<lane>\d{1,5})(?P<lane_mark>[甲乙丙丁])?(?P<lane_unit>支弄|弄|支巷|巷|胡同)
  | (?P<door_stem>[甲乙丙丁戊己](?=\d))?(?P<door>\d{1,5})(?P<door_mark>[A-Z甲乙丙丁戊己])?
    (?:号大院|号院|号|\#)
    (?!楼(?![上下])|房|店(?!面|铺)|线|地块|桥|门(?!面|诊|卫|口|前|旁|店)|码头|航站|公路|高速|文件)
    (?P<door_after>[甲乙丙丁戊己](?![\u4e00-\u9fff])|(?:[-之]|附(?=\d))\d{1,4}号?)?
  | (?P<unit>\d{1,2}|[甲乙丙丁A-Z])(?:单元|号门|门(?=$|[\d,(-]))
  | (?P<floor>(?:F|B|L|LG|负)?\d{1,3}|[底顶])(?:层|楼|F)(?!盘|梯|宇|道)
  | (?P<room>[A-Z]?\d{1,5}[A-Z]?(?:-\d{1,4})?)(?:室|房间|房|铺)(?!屋|产)
  | (?P<group>\d{1,3})(?:村民组|村民小组|组|队|社|排)(?!区|团|会|水|档)
  | 第?(?P<phase>\d{1,2}|[A-Z])(?:期|区)(?!域)
  | (?<=\w)(?P<code>(?:\d{1,2})?[A-Z]{1,2}\d{2,5}[A-Z]?)(?:室|房)?(?![A-Z\d国省县])
  | (?P<bare>\d{1,5})(?P<bare_mark>[A-Z](?![A-Z\u4e00-\u9fff]))?
    (?P<bare_after>(?:[-之]|附(?=\d))\d{1,4}号?)?(?!\d|路|线|年|月|米|公里)
    """,
    re.VERBOSE,
)


_CODE_DIGITS = re.compile(r"(\d+)[A-Z]?$")
_STEMS = dict(zip("甲乙丙丁戊己", "ABCDEF", strict=True))


def _mark(text: str | None) -> str:
    """甲, A, -1, 附2, 之3 in one form: a letter stays, the rest becomes ``-n``."""
    if not text:
        return ""
    if text[0] in "-之附":
        return "-" + text[1:].rstrip("号")
    return _STEMS.get(text[0], text[0]) + _mark(text[1:])


def _lettered(text: str, unit: str) -> Number:
    digits = re.sub(r"\D", "", text)
    letters = re.sub(r"\d", "", text)
    return Number(int(digits[:5]) if digits else 0, unit, _mark(letters) if len(letters) < 2 else letters)


def number_at(text: str, start: int) -> tuple[Number, int] | None:
    """The number with its unit that begins at ``start``, and where it ends; None if there is none."""
    hit = _UNITS.match(text, start)
    if hit is None:
        return None
    group = hit.lastgroup or ""
    end = hit.end()
    match group:
        case "range_unit":
            first, last = int(hit["range_from"]), int(hit["range_to"])
            unit = "door" if hit["range_unit"] == "号" else "lane"
            if last > first:
                return Number(first, unit, "", last), end
            return Number(first, unit, f"-{last}"), end
        case "lane_unit":
            unit = "branch" if hit["lane_unit"].startswith("支") else "lane"
            return Number(int(hit["lane"]), unit, _mark(hit["lane_mark"])), end
        case "code":
            digits = _CODE_DIGITS.search(hit["code"])
            if digits is None:
                return None
            return Number(int(digits[1]), "room", hit["code"][: digits.start()]), end
        case "building" | "unit" | "floor" | "room" | "group" | "phase":
            return _lettered(hit[group], group), end
        case "door" | "door_mark" | "door_after" | "door_stem":
            mark = _mark(hit["door_stem"]) + _mark(hit["door_mark"]) + _mark(hit["door_after"])
            return Number(int(hit["door"]), "door", mark), end
        case _:
            mark = _mark(hit["bare_mark"]) + _mark(hit["bare_after"])
            return Number(int(hit["bare"]), "bare", mark), end


_HOUSE_UNIT_ROOM = re.compile(r"(\d{1,3})-(?:(\d{1,2})-)?(\d{3,5})(?:室)?(?![\d号弄]|-\d)")


def _dashed(text: str, start: int) -> tuple[list[tuple[Number, int, int]], int] | None:
    """9-7-1453: building, unit, room; 15-1229: building, room."""
    hit = _HOUSE_UNIT_ROOM.match(text, start)
    if hit is None:
        return None
    parts = [(Number(int(hit[1]), "building"), *hit.span(1))]
    if hit[2]:
        parts.append((Number(int(hit[2]), "unit"), *hit.span(2)))
    parts.append((Number(int(hit[3]), "room"), hit.start(3), hit.end()))
    return parts, hit.end()


def numbers_at(text: str, start: int) -> tuple[list[tuple[Number, int, int]], int]:
    """All numbers with units that follow one another from ``start``: (number, start, end)… and the end.

    A number without a unit is a door after nothing, a room after a building or a door. Two doors in a
    row (132号134号) are a range.
    """
    dashed = _dashed(text, start)
    if dashed is not None:
        return dashed
    found: list[tuple[Number, int, int]] = []
    while start < len(text):
        at = start + 1 if found and text[start] in "-,," else start
        if text[at : at + 1] == "临" and found:
            at += 1
        hit = number_at(text, at)
        if hit is None:
            break
        number, end = hit
        last = found[-1][0] if found else None
        if number.unit == "bare":
            following = text[end : end + 1]
            if last is not None and number.value < 10 and following > "\u3400":
                break  # 1023号3宏大厦: the numeral of a name.
            if last is None:
                number = number._replace(unit="door")
            elif last.unit in ("door", "building", "unit", "floor", "room"):
                number = number._replace(unit="room")
            elif last.unit in ("lane", "branch") and not following:
                number = number._replace(unit="door")
            else:
                break
        if last is not None and last.unit in ("floor", "room") and number.unit == "door":
            number = number._replace(unit="room")  # 5层05-14号 is a stall on the floor.
        if last is not None and last.unit == number.unit == "door" and len(found) == 1:
            if last.value < number.value <= last.value + 60 and not last.upto:
                found[-1] = (last._replace(upto=number.value), found[-1][1], end)
                start = end
                continue
            break
        found.append((number, at, end))
        start = end
    return found, start


_WRITTEN = {
    "lane": "弄", "branch": "支弄", "door": "号", "building": "号楼", "unit": "单元", "floor": "层",
    "room": "室", "group": "组", "phase": "期",
}  # fmt: skip


def written(number: Number) -> str:
    """The number as the standard address writes it: 25号, 612弄, 3号楼, A座, B1层, 12号-1."""
    unit = _WRITTEN[number.unit]
    if number.upto:
        return f"{number.value}-{number.upto}{unit}"
    if number.mark and not number.value:
        return f"{number.mark}座" if number.unit == "building" else f"{number.mark}{unit}"
    if number.unit in ("floor", "room", "building"):
        return f"{number.mark}{number.value}{unit}"
    return f"{number.value}{unit}{number.mark}"
