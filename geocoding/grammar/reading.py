"""Reads an address: canonical text, names, numbers, crossing, relative place. Pure and deterministic."""

import re
from collections.abc import Iterable
from itertools import pairwise

from geocoding.grammar import vocabulary as words
from geocoding.grammar.divisions import DIVISIONS_BEGIN
from geocoding.grammar.elements import Element, Number, Reading, Relative
from geocoding.grammar.lattice import MAX_LENGTH, Span, split
from geocoding.grammar.lexicon import (
    BASES,
    CITY,
    COMMUNITY,
    DISTRICT,
    PLACE,
    POINT,
    PROVINCE,
    ROAD,
    TOWN,
    Lexicon,
)
from geocoding.grammar.numerals import in_words
from geocoding.grammar.structure import numbers_at, written
from geocoding.grammar.vocabulary import canonical

_CODE = re.compile(r"(?<!\d)\d{14,16}(?!\d)")
_AREA_LABELS = (
    (DISTRICT, "district"), (TOWN, "town"), (COMMUNITY, "community"), (PROVINCE, "province"), (CITY, "city"),
)  # fmt: skip
_LATIN = re.compile(r"([A-Z]{2,40}?)(\d{1,5}(?:号|弄)?)?")
_REPEAT = re.compile(r"^(.{3,8}?)\1")
_DISTANCE = re.compile(r"(\d{1,5})(?:多|余)?(米|M|公里|KM)")
_BEARING = re.compile("东北|东南|西北|西南|东|西|南|北")


def read(text: str, lexicon: Lexicon) -> Reading:
    """What ``text`` says, element by element.

    Plain addresses (areas, one known name, numbers) are read straight through; all others by the
    cheapest split (``lattice``). The empty text and text without any address word give a reading
    without bases; nothing is guessed here.
    """
    form = canonical(text[: 4 * MAX_LENGTH])
    code = _CODE.search(form) if len(form) >= 14 else None
    if code is not None:
        element = Element("code", code[0], code.start(), code.end(), "structure")
        return Reading(form, (element,), (), (), (), (), None, (), "", None, None, code[0])
    latin = _LATIN.fullmatch(form)
    if latin is not None:
        return _read_latin(form, latin)
    plain = _read_plain(form, lexicon, 0) or _read_unknown_road(form, lexicon, 0)
    if plain is not None and plain[1] == len(form):
        return plain[0]
    return _read_framed(form, lexicon) or _assemble(form, split(form, lexicon))


def _read_latin(form: str, hit: re.Match[str]) -> Reading:
    """A name typed as pinyin or initials, with or without a number: njdl100号."""
    elements = [Element("latin", hit[1], *hit.span(1), "structure")]
    numbers, _ = numbers_at(form, hit.end(1)) if hit[2] else ([], 0)
    elements += [Element(number.unit, form[a:b], a, b, "structure") for number, a, b in numbers]
    only = [number for number, _, _ in numbers]
    return Reading(
        form, tuple(elements), (), (), (), (hit[1],), only[0] if only else None, tuple(only[1:]), "", None,
        None, "",
    )  # fmt: skip


def _read_plain(form: str, lexicon: Lexicon, start: int) -> tuple[Reading, int] | None:
    """From ``start`` on areas, then one known base, then numbers, and where they end; None when anything else
    is there, or a name could go on."""
    elements, areas, start, hit = _known_areas(form, lexicon, start)
    if hit is None:
        return None
    name, kind = hit
    end = start + len(name)
    if end < len(form) and (not form[end].isdigit() or (not kind & BASES and _TWO_ROADS.fullmatch(name))):
        return None
    elements.append(Element(_base_label(kind), name, start, end, "gazetteer"))
    return _numbered(form, elements, areas, end)


def _known_areas(
    form: str, lexicon: Lexicon, start: int
) -> tuple[list[Element], dict[str, list[str]], int, tuple[str, int] | None]:
    """Areas of the gazetteer from ``start`` on, as elements and by label; where they end, and the known name
    that follows them."""
    elements: list[Element] = []
    areas: dict[str, list[str]] = {"district": [], "town": [], "community": []}
    while (hit := lexicon.longest_at(form, start)) is not None and not hit[1] & (BASES | POINT):
        name, kind = hit
        label = next(label for bit, label in _AREA_LABELS if kind & bit)
        elements.append(Element(label, name, start, start + len(name), "gazetteer"))
        if label in areas and name not in areas[label]:
            areas[label].append(name)
        start += len(name)
    return elements, areas, start, hit


def _numbered(
    form: str, elements: list[Element], areas: dict[str, list[str]], end: int
) -> tuple[Reading, int]:
    """The reading of ``elements``, of which the last is the base, and the numbers from ``end`` on."""
    base = elements[-1].text
    numbers, reached = numbers_at(form, end) if end < len(form) else ([], end)
    elements.extend(Element(number.unit, form[a:b], a, b, "structure") for number, a, b in numbers)
    only = [number for number, _, _ in numbers]
    reading = Reading(
        form, tuple(elements), tuple(areas["district"]), tuple(areas["town"]), tuple(areas["community"]),
        (base,), only[0] if only else None, tuple(only[1:]), "", None, None, "",
    )  # fmt: skip
    return reading, reached


_SHORT_ROAD = re.compile(r"([\u3400-\u9fff]{2,3}?)(?:公路|大道|路|街|巷)(?=\d{1,5}(?:弄|号))")
_MAY_BE_TWO = re.compile("[镇乡村区县市省路街道里坊园弄苑城]")
"""Such a character before the last word may end a name of its own."""


def _read_unknown_road(form: str, lexicon: Lexicon, start: int) -> tuple[Reading, int] | None:
    """As ``_read_plain`` of a road that the gazetteer does not have, with two or three characters before its
    last word, none of which begins anything known: of these the split never makes anything else."""
    elements, areas, start, known = _known_areas(form, lexicon, start)
    hit = _SHORT_ROAD.match(form, start) if known is None else None
    if hit is None or _MAY_BE_TWO.search(hit[1]):
        return None
    for at in range(start, hit.end() - 1):
        if form[at : at + 2] in DIVISIONS_BEGIN or _SAID_BEFORE.match(form, at):
            return None
        if at > start and lexicon.longest_at(form, at) is not None:
            return None
    elements.append(Element("road", hit[0], start, hit.end(), "suffix"))
    return _numbered(form, elements, areas, hit.end())


def _any_of(listed: Iterable[str], shortest: int = 1) -> re.Pattern[str]:
    chosen = sorted((word for word in listed if len(word) >= shortest), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, chosen)))


_SAID_BEFORE = _any_of(words.BEFORE_WORDS)
_SAID_AFTER = _any_of(words.AFTER_WORDS, 2)
_RELATED = _any_of(words.RELATIONS)


def _read_framed(form: str, lexicon: Lexicon) -> Reading | None:
    """A plain address with a number, in what callers say before and after it: as the split reads it, in a
    fraction of the time. None when anything else is there."""
    start = 0
    chatter: list[Element] = []
    while (hit := _SAID_BEFORE.match(form, start)) is not None:
        chatter.append(Element("chatter", hit[0], start, hit.end(), "words"))
        start = hit.end()
    found = _read_plain(form, lexicon, start)
    if found is None and (not chatter or len(chatter[-1].text) > 1):
        # 从化北路 is no 化北路.
        found = _read_unknown_road(form, lexicon, start)
    if found is None or found[0].number is None or form[found[1] - 1].isdigit():
        return None
    reading, end = found
    relative, after = None, []
    if (hit := _RELATED.match(form, end)) is not None:
        relative = Relative(words.RELATIONS[hit[0]])
        after.append(Element("relation", hit[0], end, hit.end(), "words"))
        end = hit.end()
    if end < len(form):
        if _SAID_AFTER.match(form, end) is None:
            return None
        after.append(Element("chatter", form[end:], end, len(form), "words"))
    return reading._replace(elements=(*chatter, *reading.elements, *after), relative=relative)


def _base_label(kind: int) -> str:
    return "road" if kind & ROAD else "place" if kind & PLACE else "point"


def _distance(text: str) -> float | None:
    hit = _DISTANCE.search(text)
    if hit is None:
        return None
    return float(hit[1]) * (1000.0 if hit[2] in ("公里", "KM") else 1.0)


_UP_TO = frozenset(("到", "至", "-"))
_STREET_ENDS = frozenset("路街道巷同速线")
"""What a second road after the number may end with; 坊 and 里 are estates there."""


class _Assembly:
    """Collects spans into a reading, left to right."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.elements: list[Element] = []
        self.areas: dict[str, list[str]] = {"district": [], "town": [], "community": []}
        self.bases: list[str] = []
        self.base_kinds: list[str] = []
        self.numbers: list[Number] = []
        self.point = ""
        self.other_road = ""
        self.joined = False
        self.joiner = ""
        self.crossing_word = False
        self.stretched = False
        """Whether ``other_road`` ends a stretch that the last road begins."""
        self.relative: Relative | None = None
        self.aside = -1
        """How many elements there were when words beside a number began: (…对面)."""
        self.done = False

    def note(self, kind: str, span: Span) -> None:
        self.elements.append(Element(kind, self.form[span.start : span.end], span.start, span.end, span.how))

    def area(self, span: Span) -> None:
        name = self.form[span.start : span.end]
        if span.kind == "town":
            name = name.removesuffix("办事处")
        if span.kind in self.areas:
            repeated = name in self.areas[span.kind]
            self.areas[span.kind] += [] if repeated else [name]
            self.note("repeated" if repeated else span.kind, span)
        else:
            self.note(span.kind, span)

    def base(self, span: Span) -> None:
        name = self.form[span.start : span.end]
        road = span.kind == "road"
        if road:
            repeat = _REPEAT.match(name)
            name = repeat[1] if repeat and repeat[1] * 2 == name else name
        if self.numbers and self.bases:
            road = road and name[-1] in _STREET_ENDS
            if road and (self.joined or self.crossing_word or not self.other_road):
                self.other_road = self.other_road or name
                self.note("near_road", span)
            else:
                self.point = self.point or ("" if road else name)
                self.note("rest" if road else "point", span)
            return
        if self.bases and name == self.bases[-1]:
            self.note("repeated", span)
            return
        if road and self.joined and self.base_kinds[-1:] == ["road"]:
            self.stretched = self.joiner in _UP_TO and self.base_kinds[-2:] == ["road", "road"]
            self.other_road = name
            self.note("near_road", span)
            return
        self.bases.append(name)
        self.base_kinds.append("road" if road else span.kind)
        self.note(span.kind, span)

    def named_point(self, span: Span, following: str) -> None:
        name = self.form[span.start : span.end]
        both = _TWO_ROADS.fullmatch(name) if following == "number" and not self.numbers else None
        if both is not None:
            # A stop is called so, but the number is one on the second road: 康沈路秀沿路633弄.
            self.base(Span(span.start, span.start + both.end(1), "road", span.how, 0.0))
            self.base(Span(span.start + both.start(2), span.end, "road", span.how, 0.0))
            return
        if self.bases and (self.numbers or self.base_kinds[-1] == "road"):
            self.point = self.point or name
            self.note("point", span)
        elif not self.bases:
            self.bases.append(name)
            self.base_kinds.append("point")
            self.note("point", span)
        else:
            self.point = self.point or name
            self.note("point", span)

    def numbered(self, span: Span) -> None:
        found, _ = numbers_at(self.form, span.start)
        of_another = (
            self.point and found[0][0].unit == self.numbers[-1].unit == "door" if self.numbers else False
        )
        if self.numbers and (self.other_road or found[0][0].unit == "lane" or of_another):
            for number, start, end in found:
                self.elements.append(Element(number.unit, self.form[start:end], start, end, "structure"))
            return
        if self.other_road and not self.crossing_word:
            # A路近B路5号 never happens; A路到B路100弄 means the second road's number
            self.bases.append(self.other_road)
            self.base_kinds.append("road")
            self.other_road = ""
        for number, start, end in found:
            self.numbers.append(number)
            self.elements.append(Element(number.unit, self.form[start:end], start, end, "structure"))

    def mark(self, span: Span) -> None:
        """Brackets and commas after a number hold words that describe the place once more."""
        text = self.form[span.start : span.end]
        self.note(span.kind, span)
        self.joiner = text if span.kind == "joiner" else self.joiner
        if ")" in text:
            self.aside = -1
        elif self.numbers and self.relative is None and ("(" in text or "," in text):
            self.aside = len(self.elements)

    def describes(self) -> bool:
        """Whether a relation is told from a name that stands beside the number (25号(菜场对面)), and so is no
        step away from the number."""
        return 0 <= self.aside < len(self.elements)

    def relation(self, span: Span) -> None:
        text = self.form[span.start : span.end]
        described = self.describes()
        self.note("relation", span)
        if described:
            return
        if self.relative is None or self.relative.relation == "at":
            self.relative = Relative(words.RELATIONS[text])

    def offset(self, span: Span) -> None:
        text = self.form[span.start : span.end]
        described = self.describes()
        self.note("relation", span)
        if described:
            return
        bearing = _BEARING.search(text)
        before = self.relative
        self.relative = Relative(
            "offset" if bearing or before is None else before.relation,
            words.BEARINGS[bearing[0]] if bearing else None,
            _distance(text),
        )


_PAUSES = frozenset(("这边", "那边", "这里", "那里"))
"""Said in the midst of a place: 望川中路这边靠近鼓楼东街."""
_GO_ON = frozenset(("joiner", "relation", "crossing_word", "road"))
_TWO_ROADS = re.compile("(.{2,6}?(?:路|街|大道|巷))(.{2,6}(?:路|街|大道|巷))")
_BASE_KINDS = frozenset(("road", "place", "estate", "village", "locality"))


def _assemble(form: str, spans: list[Span]) -> Reading:
    made = _Assembly(form)
    for index, span in enumerate(spans):
        kind = span.kind
        if made.done and kind not in ("offset",):
            made.note("chatter", span)
            continue
        if kind in ("province", "city", "district", "town", "community"):
            if kind == "community" and not made.numbers:
                following = spans[index + 1].kind if index + 1 < len(spans) else ""
                if following in ("", "number", "bare", "relation", "offset") and not made.bases:
                    made.bases.append(form[span.start : span.end])
                    made.base_kinds.append("place")
            made.area(span)
        elif kind in _BASE_KINDS:
            made.base(span)
        elif kind == "point":
            made.named_point(span, spans[index + 1].kind if index + 1 < len(spans) else "")
        elif kind in ("number", "bare"):
            made.numbered(span)
        elif kind == "side_lane" and made.bases and not made.numbers:
            made.bases[-1] += form[span.start : span.end]
            made.note(kind, span)
        elif kind == "crossing_word":
            made.crossing_word = made.crossing_word or bool(made.bases)
            made.note("crossing_word", span)
        elif kind == "relation":
            made.relation(span)
        elif kind == "offset":
            made.offset(span)
        elif kind == "after":
            following = spans[index + 1].kind if index + 1 < len(spans) else ""
            goes_on = form[span.start : span.end] in _PAUSES and following in _GO_ON
            made.done = bool(made.bases) and not goes_on
            made.note("chatter", span)
        elif kind == "before":
            made.note("chatter", span)
        elif kind in ("joiner", "mark"):
            made.mark(span)
        else:
            made.note(kind, span)
        made.joined = kind == "joiner" or (made.joined and kind == "mark")
    return _finished(made)


def _finished(made: _Assembly) -> Reading:
    bases, kinds = made.bases, made.base_kinds
    crossing: tuple[str, str] | None = None
    stretch: tuple[str, str, str] | None = None
    if made.stretched and not made.numbers and not made.crossing_word:
        stretch = (bases[-2], bases[-1], made.other_road)
        bases = bases[:-1]
    elif not made.numbers:
        roads = [name for name, kind in zip(bases, kinds, strict=True) if kind == "road"]
        if made.other_road and roads:
            crossing = (roads[-1], made.other_road)
        elif len(roads) >= 2 and kinds[-1] == "road" and kinds[-2] == "road":
            crossing = (roads[-2], roads[-1])
        elif len(roads) >= 2 and made.crossing_word:
            # A路B路交界口工地生活区: what stands at the crossing
            crossing = (roads[-2], roads[-1])
            made.point = made.point or bases[-1]
            bases = roads
        elif made.crossing_word and (both := _TWO_ROADS.fullmatch(bases[0] if bases else "")) is not None:
            # the name of a stop: 青石路采莲路
            crossing = (both[1], both[2])
    elif made.other_road and bases:
        crossing = (bases[-1], made.other_road)
    if not bases:
        _bare_is_a_place(made)
    if not bases and made.numbers:
        bases = _named_before_number(made)
    if not bases and not made.numbers:
        rest = [element for element in made.elements if element.kind == "rest" and len(element.text) >= 2]
        if rest:
            longest = max(rest, key=lambda element: len(element.text))
            bases = [longest.text]
    return Reading(
        made.form, tuple(made.elements), tuple(made.areas["district"]), tuple(made.areas["town"]),
        tuple(made.areas["community"]), tuple(bases), made.numbers[0] if made.numbers else None,
        tuple(made.numbers[1:]), made.point, crossing, made.relative, "", stretch,
    )  # fmt: skip


_NAMED_WITHOUT_WORD = re.compile("[\u3400-\u9fff][\u3400-\u9fffA-Z0-9]{2,9}")
_OF_ESTATES = frozenset(("door", "lane", "building", "phase"))


def _named_before_number(made: _Assembly) -> list[str]:
    """An estate without a word that tells it, by its house number: 碧水岸4栋."""
    for element, following in pairwise(made.elements):
        if following.kind in _OF_ESTATES:
            named = element.kind == "rest" and _NAMED_WITHOUT_WORD.fullmatch(element.text)
            return [element.text] if named else []
    return []


def _bare_is_a_place(made: _Assembly) -> None:
    """The name of a county without its last word, with nothing below it, is a place so called: 鼓楼."""
    at = next((i for i in reversed(range(len(made.elements))) if made.elements[i].kind == "district"), None)
    if at is None or made.elements[at].how != "bare":
        return
    if any(element.kind in ("province", "city") for element in made.elements):
        return
    name = made.elements[at].text
    made.elements[at] = made.elements[at]._replace(kind="place")
    made.areas["district"].remove(name)
    made.bases.append(name)


def standard(reading: Reading) -> str:
    """The address as the reading understood it, large to small, without what was not understood."""
    numbers = [reading.number, *reading.tail] if reading.number else []
    areas = (*reading.districts, *reading.towns)
    communities = [name for name in reading.communities if name not in reading.bases]
    names = map(in_words, (*areas, *communities, *reading.bases))
    return "".join((*names, *map(written, numbers), in_words(reading.point)))
