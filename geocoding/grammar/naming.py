"""What it costs that a stretch of text is one name told by its last word (…路, …村, …小区, …公司).

Every end of another name inside makes it less likely to be one, and so does an area at its head or a word
that puts two places in relation. The costs state an order of trust, chosen by hand.
"""

import re

from geocoding.grammar import vocabulary as words
from geocoding.grammar.divisions import Division, divisions_at

OTHER_END_COST, RELATION_COST, ROAD_AND_WORD_COST, CHARACTER_COST = 2.2, 2.6, 0.6, 0.12
AREA_HEAD_COST, BARE_HEAD_COST = 1.2, 0.8
JOINER_COST, HALF_COST, SMALL_COST, TWICE_COST, GROUP_COST = 0.6, 1.5, 1.0, 2.0, 1.5

_ENDS = re.compile(
    r"(?P<two>乡|村|区|县|市|居委会|[队组]|社区(?!卫生|服务|医院|文化|活动|学校|党))"
    r"(?!(?:新|支)?(?:东|南|西|北|中)?\d?(?:路|街|公路|大道|大街|支路))"
    r"|(?P<one>街道|镇)(?![东南西北中]?\d?路)"
)
"""Ends of areas and villages, but for roads called after them (镇南路); how many characters stand before."""
_ROADS = re.compile(r"路|街|大道|巷|胡同|(?<=[A-Z\d\u3400-\u9fff])\d{2,}(?=[\u3400-\u9fff])")
_ESTATES = re.compile("大厦|大楼|广场|花园|小区|公寓|家园|市场|商城|工业园|科技园|产业园|工业区")
_ESTATE_IN_ESTATE = re.compile("..[苑园庭轩城湾].{2,3}[苑园庭轩阁邸]$")
"""金都家苑紫薇苑 are two."""
_RELATIONS = re.compile("对面|附近|旁边|隔壁|楼下|对过|门口|后面|旁")
"""No name has such a word: what stands before and after are two."""
_STANDS_BY_ROAD = frozenset((*words.ORGANISATION_SUFFIXES, *words.ESTATE_SUFFIXES))
"""花园路小学 is one name: a road and a bare word for what stands there."""
_STANDS_IN_ESTATE = frozenset((*words.ORGANISATION_SUFFIXES, "区"))
_INNER_DISTRICT = re.compile("(?<=..)[区县市省](?=.)")
_TWICE_TOWN = re.compile("..[镇乡]镇$|街道.*街道$")
_GROUP_INSIDE = re.compile(r"(?<=[\u3400-\u9fff])\d{1,3}[组队]$")
"""王家村3组 are two."""
_ORGANISATION = re.compile(
    "(?:公司|集团|学院|大学|中学|小学|医院|银行|法院|机场|监狱|公安局|卫生院|体育馆|分局|支队|大队)$"
)
HALF = re.compile(
    r"\d{1,2}村|[东南西北中新]?(?:路|街|村)|小区|花园|公寓|大厦|大道|大街|大桥|广场|中心|新村|大学|学院|医院|银行"
    "|中学|小学|工业园"
)
"""What is rather the end of a name than one by itself: 延吉1村 is one name."""
_AFTER_ROAD = frozenset("路街道巷")
_LANDSCAPE = frozenset("湾山湖河江海东南西北")
_TAILS = {
    "road": re.compile(r"(?:步行街|(?:门[内外]?)?[东南西北中]?\d{0,2}(?:公路|大道|大街|支路|路|街|道))$"),
    "village": re.compile(r"\d{0,2}(?:新村|村)$"),
    "estate": re.compile(r"(?:小区|花园|花苑|工业区)$"),
}
HAVE_STEMS = frozenset(_TAILS)
_STEM = 2


class Naming:
    """The ends of names in one text, found once, and the cost of each stretch of it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [(*hit.span(), 1 if hit["one"] else 2) for hit in _ENDS.finditer(text)]
        self._roads = [hit.span() for hit in _ROADS.finditer(text)]
        self._estates = [hit.span() for hit in _ESTATES.finditer(text)]
        self._relations = [hit.span() for hit in _RELATIONS.finditer(text)]
        self._divisions: dict[int, list[Division]] = {}

    def divisions(self, start: int) -> list[Division]:
        """Provinces, cities and counties named from ``start`` on."""
        found = self._divisions.get(start)
        if found is None:
            found = self._divisions[start] = divisions_at(self._text, start)
        return found

    def cost(self, start: int, end: int, kind: str, base: float, *, inner: bool, headed: bool) -> float:
        """``base`` and what speaks against one name of ``kind``. ``inner``: a character stands right before
        it; ``headed``: nothing but areas do."""
        text = self._text
        name = text[start:end]
        first = name[0]
        cost = base + CHARACTER_COST * len(name)
        if inner:
            if first in ("村镇区弄号" if kind == "town" else "村镇区路街弄号口"):
                cost += SMALL_COST if kind == "road" and first in "村镇" else HALF_COST
            elif first in "省市县乡州旗":
                cost += AREA_HEAD_COST
        joined = first in "与跟及" or (first == "和" and inner and text[start - 1] in _AFTER_ROAD)
        if joined and len(name) > 3:
            cost += JOINER_COST
        if kind in ("town", "district"):
            cost += OTHER_END_COST if _INNER_DISTRICT.search(name) else 0.0
            cost += TWICE_COST if _TWICE_TOWN.search(name) else 0.0
        if name[-1] in "组队" and _GROUP_INSIDE.search(name):
            cost += GROUP_COST
        for a, b, before in self._ends:
            if a - start >= before and end - b >= 2:
                cost += OTHER_END_COST
        if self._roads:
            cost += self._roads_inside(start, end, kind)
        if kind == "estate" and len(name) > 5 and _ESTATE_IN_ESTATE.search(name):
            cost += OTHER_END_COST
        if kind in ("point", "estate", "road"):
            for a, b in self._estates:
                if a - start >= 2 and end - b >= 2 and text[b:end] not in _STANDS_IN_ESTATE:
                    cost += OTHER_END_COST
                    break
        for a, b in self._relations:
            if start <= a and b <= end and (b - a > 1 or a == start or (a - start >= 2 and end - b >= 2)):
                cost += RELATION_COST
                break
        return cost + self._area_at_head(start, end, kind, headed=headed)

    def _roads_inside(self, start: int, end: int, kind: str) -> float:
        text, cost = self._text, 0.0
        for a, b in self._roads:
            digits = text[a].isdigit()
            if (a - start >= (1 if digits else 2)) and end - b >= (1 if digits else 2):
                rest = text[b:end]
                if rest != "街道":
                    by_road = kind != "road" and rest in _STANDS_BY_ROAD
                    cost += ROAD_AND_WORD_COST if by_road else OTHER_END_COST
        return cost

    def _area_at_head(self, start: int, end: int, kind: str, *, headed: bool) -> float:
        """A province, city or county before characters that would be a name by themselves: 杭州滨江区 are two
        names; 昆山花园路 is one, as roads are called after cities; a company is called after its city."""
        divisions = self.divisions(start)
        if not divisions:
            return 0.0
        text = self._text
        if kind == "point" and (not headed or _ORGANISATION.search(text, start, end)):
            return 0.0
        least = 2 if kind not in HAVE_STEMS else 3 if headed else 4
        area = kind in ("town", "district", "community")
        cost = 0.0
        for _, stop, _, common in divisions:
            if end - stop < (least if common else max(least, 4)):
                continue
            goes_on = text[stop] == "湾" if area else text[stop] in _LANDSCAPE
            if not goes_on and not (kind == "road" and HALF.match(text, stop)):
                cost = max(cost, AREA_HEAD_COST if common else BARE_HEAD_COST)
        return cost


def long_stem(name: str, kind: str) -> int:
    """Where the last two characters of a stem of four or more begin; 0 for other names.

    Roads are called by two characters, seldom three, before 东 or 1 and 路; villages and estates likewise.
    What more stands there is mostly the place they are in (临平5洲路, without a word that tells a town).
    """
    tail = _TAILS[kind].search(name) if kind in _TAILS and len(name) > 4 else None
    if tail is None or tail.start() <= _STEM + 1 or HALF.match(name, tail.start() - _STEM):
        return 0
    return tail.start() - _STEM
