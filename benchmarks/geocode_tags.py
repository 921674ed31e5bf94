"""A reading in the words of *Neural Chinese Address Parsing* (Li et al. 2019), by its annotation guide.

The grammar tells what an element is; the guide tells how the set names it: what the second named
place is called, whose number a number is, which of two mentions of an area counts. Where the guide leaves it
open, the commoner way of the set's training part is followed; the test part was only measured.
"""

import re
from difflib import SequenceMatcher

from geocoding.grammar.characters import fold
from geocoding.grammar.elements import Element
from geocoding.grammar.lexicon import Lexicon
from geocoding.grammar.reading import read

Span = tuple[int, int, str]
_AREAS = frozenset(("prov", "city", "district", "town"))
_TAGS = {
    "country": "country", "province": "prov", "city": "city", "district": "district", "town": "town",
    "community": "community", "road": "road", "side_lane": "road", "section": "road", "kilometre": "roadno",
    "near_road": "subroad", "group": "road", "relation": "assist", "offset": "assist",
    "crossing_word": "assist", "joiner": "assist", "side": "assist", "estate": "poi", "point": "poi",
    "place": "poi", "part": "poi", "village": "poi", "repeated": "redundant", "chatter": "redundant",
    "mark": "redundant",
}  # fmt: skip
_NUMBERS = frozenset(("lane", "branch", "door", "building", "unit", "floor", "room", "phase", "bare"))
_PLACES = frozenset(("poi", "subpoi"))
_ZONE = re.compile("(?:开发区|高新区|新区|管委会)$")
_MASKED = re.compile("某{2,}|某$|(?<=[0-9])某")
_NO_AREA = frozenset(("市辖区", "其它区", "其他区", "城区", "null", "NULL"))
_MUNICIPALITY = re.compile("(?:北京|上海|天津|重庆)市?$")
_PART = re.compile("(?:[一二三四五六七八九十0-9A-Z]|[东南西北中])+区$")
_HALLS = re.compile("(?:市场|商城|商贸城|纺城|汽配城|毛衫城|大厦)$")
"""Where 号 is a stall or an office."""
_ENDED = re.compile("[园区苑城村场心花厦院庭湾坊墅]$")
_DIGITS = "[0-9〇零一二三四五六七八九十百]"
_PIECE = re.compile(
    rf"(?P<houseno>[A-Za-z]?{_DIGITS}*[A-Za-z]?(?:号楼|幢|栋|座|#楼|#|舍|号房(?![管产屋东]))|[甲乙丙丁](?:幢|栋|座)"
    rf"|{_DIGITS}+[A-Za-z]?[排](?={_DIGITS}))"
    rf"|(?P<cellno>(?:{_DIGITS}+|[甲乙丙丁A-Za-z])(?:单元|号门|门))"
    rf"|(?P<floorno>(?:负|[BbFfLl])?(?:{_DIGITS}{{1,3}}|[底顶])(?:楼|层|F|f))"
    rf"|(?P<roomno>[A-Za-z]?{_DIGITS}+[A-Za-z]?(?:室|房间|房|铺)|[0-9]{{0,2}}[A-Za-z]{{1,2}}[0-9]{{2,5}}[A-Za-z]?室?)"
    rf"|(?P<subpoi>(?:{_DIGITS}+|[A-Za-z])(?:期|区))"
    rf"|(?P<lane>{_DIGITS}+(?:支弄|弄|支巷|巷|胡同))"
    rf"|(?P<door>[甲乙丙丁A-Za-z]?{_DIGITS}+[A-Za-z甲乙丙丁]?(?:号大院|号院|号))"
    rf"|(?P<bare>(?:[A-Za-z0-9]+|{_DIGITS}+))|(?P<dash>[-—－_~、,，])|(?P<other>.)"
)


def tags_of(text: str) -> list[Span]:
    """The reading of ``text``, without any gazetteer, in the words of the set."""
    # The set writes _ for a blank (we, for an unreadable character) and 某 for a character of a name.
    asked = _MASKED.sub(lambda hit: "," * len(hit[0]), text.replace("_", ","))
    reading = read(asked, Lexicon())
    at = _alignment(asked, reading.canonical)
    tagger = _Tags(text)
    run: list[Element] = []
    for element in reading.elements:
        if element.kind in _NUMBERS or (run and element.text in "-,"):
            run.append(element)
            continue
        tagger.numbers(at, run)
        run = []
        tagger.name(at[element.start], at[element.end], element)
    tagger.numbers(at, run)
    return _told_once(text, tagger.spans)


def _alignment(text: str, form: str) -> list[int]:
    """For each position of the canonical text (and its end) the position in ``text``."""
    folded = "".join(fold(c) or c for c in text)
    at = [0] * (len(form) + 1)
    for _, a0, a1, b0, b1 in SequenceMatcher(None, folded, form, autojunk=False).get_opcodes():
        if b1 > b0:
            for b in range(b0, b1):
                at[b] = a0 + (a1 - a0) * (b - b0) // (b1 - b0)
            at[b1] = a1
    return at


class _Tags:
    """Tags one after another; knows which names and numbers came before."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[Span] = []
        self.named = ""
        """Tag of the last name that can hold a number."""
        self.seen: set[str] = set()

    def add(self, start: int, end: int, tag: str) -> None:
        if start < end and tag:
            self.spans.append((start, end, tag))
            self.seen.add(tag)

    def name(self, start: int, end: int, element: Element) -> None:
        """A span that is no number."""
        name = self.text[start:end]
        tag = _TAGS.get(element.kind, "")
        if name in _NO_AREA:
            tag = "redundant"
        elif element.kind == "repeated":
            tag = next((t for a, b, t in self.spans if t in _AREAS and self.text[a:b] == name), "redundant")
        elif tag == "road" and "road" in self.seen and element.kind == "road":
            tag = "subroad"
        elif element.kind == "village" and name.endswith("组"):
            tag = "road"
        elif element.kind == "village" and name.endswith("村") and not name.endswith("新村"):
            tag = "community"
        elif element.kind == "locality":
            tag = "poi" if _ENDED.search(name) else "community" if "town" in self.seen else "town"
        elif element.kind == "town" and _ZONE.search(name):
            tag = "devzone"
        elif element.kind == "province" and _MUNICIPALITY.search(name):
            tag = "city" if name.endswith("市") else "prov"
        elif element.kind == "rest":
            tag = "redundant" if len(element.text) == 1 and not element.text.isalnum() else "poi"
        if element.kind in ("joiner", "mark") and not element.text.isalnum():
            tag = "redundant" if element.text == "-" else ""
        if tag == "poi":
            part = _PART.search(name)
            if part is not None and part.start() and _ENDED.search(name[: part.start()]):
                self.place(start, start + part.start())
                start += part.start()
            self.place(start, end)
            self.named = "village" if element.kind in ("village", "rest") else "poi"
            return
        self.add(start, end, tag)
        if tag in ("road", "subroad", "community", "town"):
            self.named = tag

    def place(self, start: int, end: int) -> None:
        """The first named place is a poi, all others are its parts."""
        tag = "subpoi" if self.seen & _PLACES else "poi"
        self.add(start, end, tag)
        self.named = "poi"

    def numbers(self, at: list[int], run: list[Element]) -> None:
        """A run of numbers: what each counts follows from its unit, the name before it and its neighbours."""
        if not run:
            return
        start, end = at[run[0].start], at[run[-1].end]
        pieces = [(hit.lastgroup or "", start + hit.start(), start + hit.end())
                  for hit in _PIECE.finditer(self.text[start:end])]  # fmt: skip
        if self.named in ("road", "subroad"):
            pieces = _door_of_road(pieces)
            if pieces[0][0] == "houseno" and self.spans and self.spans[-1][1] == start:
                # A lane that has houses is a place: 柳营巷14幢.
                self.spans[-1] = (*self.spans[-1][:2], "poi")
                self.named = "poi"
        plain = [i for i, piece in enumerate(pieces) if piece[0] in ("bare", "door")]
        for i, (kind, a, b) in enumerate(pieces):
            tag = kind
            # 5弄3号: the lane is a street with a number of its own; 5弄 alone is the number of the road.
            owns = self.text[b - 1] == "巷" or [piece[0] for piece in pieces[i + 1 : i + 2]] == ["door"]
            if kind == "lane" and self.named == "road" and owns:
                self.named = "subroad"
                self.add(a, b, "subroad")
                continue
            if kind in ("dash", "other"):
                tag = "redundant" if self.text[a:b] not in ",，、某" else ""
            elif kind in ("bare", "door", "lane"):
                tag = self.plain(kind, i, plain, pieces)
            self.add(a, b, tag)

    def plain(self, kind: str, i: int, plain: list[int], pieces: list[tuple[str, int, int]]) -> str:
        """The tag of a number without a unit of its own kind."""
        later = self.seen & {"houseno", "cellno", "floorno", "roomno"}
        if self.named in ("road", "subroad"):
            number = "roadno" if self.named == "road" else "subroadno"
            if number not in self.seen:
                return number
        elif (
            kind == "door" and not later and "roadno" not in self.seen
            and ("community" in self.seen or self.named in ("town", "village"))
        ):  # fmt: skip
            return "roadno"
        if kind == "lane":
            return "subroad"
        if later & {"houseno"}:
            more = any(j > i for j in plain) or any(p[0] in ("roomno", "floorno") for p in pieces[i + 1 :])
            return "cellno" if more and "cellno" not in self.seen else "roomno"
        if later:
            return "roomno"
        if kind == "door" and self.spans and _HALLS.search(self.text[slice(*self.spans[-1][:2])]):
            return "roomno"
        after = [piece for piece in pieces[i + 1 :] if piece[0] != "dash"]
        return "houseno" if after or kind == "door" else "roomno"


def _door_of_road(pieces: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """587-3号 after a road is one number."""
    kinds = [piece[0] for piece in pieces[:4]]
    if kinds[:2] != ["bare", "dash"] or kinds[2:3] not in (["bare"], ["door"]) or kinds[3:] == ["dash"]:
        return pieces
    return [("door", pieces[0][1], pieces[2][2]), *pieces[3:]]


def _told_once(text: str, spans: list[Span]) -> list[Span]:
    """One mention of each area counts. Where the whole address begins anew with its province, the second
    block; where a short form stands right before the full one, the full one; else the first."""
    areas = [(i, _stem(text[a:b]), tag) for i, (a, b, tag) in enumerate(spans) if tag in _AREAS]
    provinces = [(i, stem) for i, stem, tag in areas if tag == "prov"]
    districts = [i for i, _, tag in areas if tag == "district"]
    dropped: set[int] = set()
    if len(provinces) > 1:
        again = provinces[-1][0]
        other = provinces[-1][1] != provinces[0][1]
        if other or (districts and districts[0] < again < districts[-1]):
            dropped.update(i for i, _, _ in areas if i < again)
    heads = [i for i, _, tag in areas if tag in ("prov", "city", "district")]
    dropped.update(i for i, _, tag in areas if tag == "town" and heads and i < heads[-1])
    last: dict[str, int] = {}
    for i, stem, _ in areas:
        if i in dropped:
            continue
        if stem in last:
            before = last[stem]
            fuller = spans[before][1] == spans[i][0] and len(text[slice(*spans[before][:2])]) == len(stem)
            dropped.add(before if fuller else i)
            last[stem] = i if fuller else before
        else:
            last[stem] = i
    kept = [(a, b, "redundant" if i in dropped else tag) for i, (a, b, tag) in enumerate(spans)]
    covered = {at for start, end, _ in kept for at in range(start, end)}
    kept.extend((i, i + 1, "redundant") for i, c in enumerate(text) if c in "-—－_" and i not in covered)
    return kept


def _stem(name: str) -> str:
    return name.rstrip("省市县区") if len(name) > 2 else name
