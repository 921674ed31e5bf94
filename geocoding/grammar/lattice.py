"""Splits an address that is not of the plain form: the cheapest chain of spans over the text.

Spans come from the gazetteer's names, from names told by their last word (…路, …村, …小区), from numbers
with units and from vocabulary; what none covers costs most. The costs state an order of trust,
chosen by hand: a structure is surer than a known name, that surer than a name told by
its suffix, and a known name torn out of a longer word is hardly trusted.
"""

import re
from functools import cache
from typing import Any, NamedTuple

from geocoding.grammar import vocabulary as words
from geocoding.grammar.divisions import DIVISIONS_BEGIN
from geocoding.grammar.lexicon import AREAS, COMMUNITY, DISTRICT, PLACE, POINT, PROVINCE, ROAD, TOWN, Lexicon
from geocoding.grammar.naming import HALF, HAVE_STEMS, Naming, long_stem
from geocoding.grammar.structure import numbers_at

MAX_LENGTH = 120
"""Characters of an address that are split; what follows is not an address any more."""
MAX_NAME = 9
MAX_ORGANISATION = 16

SKIP_COST = 1.4
TORN_COST = 1.0
REST_GOES_ON = -0.4
BARE_COST, BARE_BEFORE_NAME_COST = 1.5, 2.6
"""A county without its last word, which may be any word (和平); after its city it is surer."""
FAILED = 1e9
HOPELESS_COST = 3.5
"""A chain that costs so much more than another to the same place is not followed up: what comes after
hardly ever makes up for it."""


class Span(NamedTuple):
    start: int
    end: int
    kind: str
    how: str
    cost: float


_SUFFIX_KINDS: dict[str, tuple[str, float, int]] = {}
for _kind, _cost, _longest, _suffixes in (
    ("point", 2.2, MAX_ORGANISATION, words.ORGANISATION_SUFFIXES),
    ("estate", 2.0, MAX_NAME + 3, words.ESTATE_SUFFIXES),
    ("village", 1.9, 7, words.VILLAGE_SUFFIXES),
    ("road", 1.6, MAX_NAME, words.ROAD_SUFFIXES),
    ("community", 1.5, MAX_NAME, words.COMMUNITY_SUFFIXES),
    ("town", 1.4, MAX_NAME, words.TOWN_SUFFIXES),
    ("district", 1.4, 6, words.DISTRICT_SUFFIXES),
):
    for _suffix in _suffixes:
        _SUFFIX_KINDS[_suffix] = (_kind, _cost, _longest)
_SUFFIX = re.compile("(?=(" + "|".join(sorted(map(re.escape, _SUFFIX_KINDS), key=len, reverse=True)) + "))")

_WORDS: dict[str, tuple[str, float]] = dict.fromkeys(words.BEFORE_WORDS, ("before", 0.2))
_WORDS |= dict.fromkeys(words.AFTER_WORDS, ("after", 0.4))
_WORDS |= dict.fromkeys(words.JOINERS, ("joiner", 0.3))
_WORDS |= dict.fromkeys(words.CROSSING_WORDS, ("crossing_word", 0.3))
_WORDS |= dict.fromkeys(words.RELATIONS, ("relation", 0.4))
_WORD_LENGTHS: dict[str, tuple[int, ...]] = {}
for _word in _WORDS:
    _WORD_LENGTHS[_word[0]] = tuple(sorted({*_WORD_LENGTHS.get(_word[0], ()), len(_word)}))

_BEARING = "东北|东南|西北|西南|东|西|南|北"
_OFFSET = re.compile(
    rf"(?:(?:往|向|以|偏|再往)?(?:{_BEARING})(?:侧|面|边|方向|方|首|端|段)?|(?:往|向)?(?:前|后|左|右))(?:走|约|大约|大概)?"
    r"\d{1,5}(?:多|余)?(?:米|M|公里|KM)(?:左右|处|的地方)?"
    rf"|(?:往|向|以|偏)(?:{_BEARING})(?:侧|面|边|方向)?|(?:{_BEARING})(?:侧|面|边)"
    r"|(?:约|大约)?\d{1,5}(?:多|余)?(?:米|M)(?:左右|处|的地方)"
)
_SECTION = re.compile("[东西南北中][一二三123]?段(?![\u3400-\u9fff])|[东西南北]头(?![\u3400-\u9fff])")
"""A part of a long road; its numbers go on."""
_KILOMETRE = re.compile(r"K\d{1,4}(?:,\d{1,3})?米?处?|\d{1,4}(?:公里|KM)(?:,?\d{1,3}米)?处?")
_PART = re.compile(r"[东南西北中]\d?区(?!域)")
"""The east part of the estate named before."""
_SIDE = re.compile(r"[东南西北中](?=\d{1,4}(?:号|幢|栋|楼|层))")
"""The south part of the street or house before: 大街南1244号."""
_OFFSET_FIRSTS = frozenset("往向以偏再东西南北前后左右约大0123456789")
_ROAD_PART_FIRSTS = frozenset("东西南北中前后上下K0123456789")
_NUMBERED_PART = re.compile(r"(?<=[\u3400-\u9fff]{2})\d{1,2}区(?!域)")
"""育秀9区 is an estate."""
_NUMBERED_ROAD = re.compile(r"(?<!\d)\d{1,3}号(?:大街|大道|支路|路|街)(?!口)")
"""11号大街 is a road."""
_SIDE_LANE = re.compile(r"[东西南北前后上下]\d{1,2}(?:巷|条|胡同|里)")
"""东1巷 is a lane of the road named before it."""
_NAME_GOES_ON = frozenset("镇乡村街路巷弄号0123456789")
_TOWN_ENDS = re.compile("镇|乡|街道|村|社区")
_NO_LOCALITY = re.compile("[镇乡村区县市省路街道巷弄号]")
LONG_STEM_COST, LOCALITY_COST = 1.2, 0.9
"""A name with too long a stem, and the place before a name of the usual length."""
_ROAD_OR_AREA = re.compile(r"$|.{1,5}?(?:路|街|大道|巷|弄|镇|乡|村|社区|\d)")
"""What stands after a county told without its last word; 东方希望大厦 is one name."""
_NO_CITY = re.compile(r"[-,()0-9]|^[^\u3400-\u9fff]|[超门夜城县区镇乡]市$|[省市县区].+市$")
_BROKEN = re.compile(r"[-,()]|^[^\u3400-\u9fffA-Z0-9_]")
_NO_DISTRICT = re.compile("[\\dA-Z东南西北中]区$|[小园社校厂库片业发活街林景军营监能]区$|[超门夜城]市$")
_HOLDING = frozenset(("lane", "branch", "door", "building", "room", "unit"))
_NO_VILLAGE = re.compile(
    "(?:酒|饭|商|书|药|分|专卖|体验|旗舰|门)店$|(?:旅|报|合作|通讯)社$|立交桥$|(?:专|世|管|娱乐)家$"
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[\u3400-\u9fff_0-9A-Z]")


def _known(text: str, start: int, lexicon: Lexicon) -> list[Span]:
    found = []
    for name, kind in lexicon.names_at(text, start, -1):
        end = start + len(name)
        if kind & ROAD:
            found.append(Span(start, end, "road", "gazetteer", 0.8))
        if kind & PLACE:
            found.append(Span(start, end, "place", "gazetteer", 0.85))
        if kind & AREAS:
            label = (
                "district" if kind & DISTRICT else "town" if kind & TOWN
                else "community" if kind & COMMUNITY else "province" if kind & PROVINCE else "city"
            )  # fmt: skip
            found.append(Span(start, end, label, "gazetteer", 0.6))
            if kind & TOWN and text.startswith("办事处", end):
                found.append(Span(start, end + 3, "town", "gazetteer", 0.6))
        if kind & POINT and len(name) >= 3:
            found.append(Span(start, end, "point", "gazetteer", 1.0))
    return found


def _large_areas(text: str, start: int, naming: Naming, lexicon: Lexicon) -> list[Span]:
    """Provinces, cities and counties everybody knows, with their last word or without; of those without it
    the city's own ones rather than others."""
    bare = 0.6 if start == 0 else 1.0
    found = []
    for label, end, whole, common in naming.divisions(start):
        if not whole and not common and text[end : end + 1] in _NAME_GOES_ON:
            continue
        own = any(lexicon.kinds.get(text[start:end] + tail, 0) & DISTRICT for tail in "区县市")
        rare = BARE_COST if own or _ROAD_OR_AREA.match(text, end) else BARE_BEFORE_NAME_COST
        cost = 0.4 if whole else bare + 0.1 * (label == "district") if common else rare
        found.append(Span(start, end, label, "words" if whole or common else "bare", cost))
    return found


def _spans(text: str, lexicon: Lexicon) -> list[list[Span]]:
    """All spans, by the position they begin at."""
    size = len(text)
    at: list[list[Span]] = [[] for _ in range(size)]
    held = [False] * (size + 1)
    naming = Naming(text)
    wordy = [_WORD.match(character) is not None for character in text]
    headed = {0}  # where the areas that the text begins with may end
    for start in range(size):
        first = text[start]
        pair = text[start : start + 2]
        if lexicon.begins(pair):
            at[start].extend(_known(text, start, lexicon))
        if (
            first.isascii()
            and first.isalnum()
            and not (start and text[start - 1].isascii() and text[start - 1].isalnum())
        ) or first in "甲乙丙丁底顶第":
            numbers, end = numbers_at(text, start)
            if numbers:
                bare = text[end - 1].isdigit()
                kind = "bare" if bare and len(numbers) == 1 else "number"
                cost = (1.2 if _HAN.match(text, end) else 0.6) if bare else 0.3
                at[start].append(Span(start, end, kind, "structure", cost))
                if not bare and any(number.unit in _HOLDING for number, _, _ in numbers):
                    held[start + 1 : end] = [True] * (end - start - 1)
        for length in _WORD_LENGTHS.get(first, ()):
            word = _WORDS.get(text[start : start + length])
            at_gate = length == 1 and first == "口" and start and text[start - 1] == "门"
            if word is not None and start + length <= size and not at_gate:
                at[start].append(Span(start, start + length, word[0], "words", word[1] - 0.05 * length))
        if first in _ROAD_PART_FIRSTS:
            for pattern, kind in (
                (_SECTION, "section"),
                (_KILOMETRE, "kilometre"),
                (_SIDE_LANE, "side_lane"),
                (_PART, "part"),
                (_SIDE, "side"),
            ):
                hit = pattern.match(text, start)
                if hit is not None:
                    at[start].append(Span(start, hit.end(), kind, "words", 0.3))
        hit = _OFFSET.match(text, start) if first in _OFFSET_FIRSTS else None
        if hit is not None:
            at[start].append(Span(start, hit.end(), "offset", "words", 0.3))
        if first == "市" and start >= 2:
            for begin in range(max(0, start - 4), start - 1):
                name = text[begin : start + 1]
                if not _NO_CITY.search(name):
                    at[begin].append(Span(begin, start + 1, "district", "suffix", 1.3 + 0.1 * len(name)))
        if pair == "中国":
            at[start].append(Span(start, start + 2, "country", "words", 1.0))
        if pair in DIVISIONS_BEGIN:
            areas = _large_areas(text, start, naming, lexicon)
            at[start].extend(areas)
            if start in headed:
                headed.update(span.end for span in areas)
    for hit in _NUMBERED_ROAD.finditer(text):
        at[hit.start()].append(Span(hit.start(), hit.end(), "road", "suffix", 0.6))
    for hit in _NUMBERED_PART.finditer(text):
        for begin in range(max(0, hit.start() - 4), hit.start() - 1):
            name = text[begin : hit.end()]
            if not _BROKEN.search(name) and not held[begin] and name[0] > "\u3400":
                cost = naming.cost(begin, hit.end(), "estate", 1.9, inner=False, headed=False)
                at[begin].append(Span(begin, hit.end(), "estate", "suffix", cost))
    towns = {hit.end() for hit in _TOWN_ENDS.finditer(text)}
    for hit in _SUFFIX.finditer(text):
        suffix = hit[1]
        kind, cost, longest = _SUFFIX_KINDS[suffix]
        end = hit.start() + len(suffix)
        if held[hit.start()] or held[end - 1] or text.startswith("公里", hit.start() - 1):
            continue
        shortest = 1 if kind in ("road", "village") else 2
        for begin in range(hit.start() - shortest, max(-1, end - longest - 1), -1):
            name = text[begin:end]
            if held[begin] or not wordy[begin] or ("(" in name and ")" not in name):
                break
            if name[0].isascii() and name[0].isdigit() and begin and text[begin - 1].isdigit():
                continue
            if kind == "village" and _NO_VILLAGE.search(name):
                break
            if (kind == "district" and _NO_DISTRICT.search(name)) or (
                suffix == "道" and text[end - 2] == "街"
            ):
                break
            if end - begin >= 2 + (kind == "point"):
                inner = begin > 0 and wordy[begin - 1]
                price = naming.cost(begin, end, kind, cost, inner=inner, headed=begin in headed)
                stem = long_stem(name, kind)
                if stem and (kind != "estate" or begin in headed):
                    price += LONG_STEM_COST + (1.0 if name[stem - 1] in "村镇乡" else 0.0)
                    if (begin in headed or begin in towns) and not _NO_LOCALITY.search(name[: stem + 1]):
                        place = naming.cost(
                            begin, begin + stem, "place", LOCALITY_COST, inner=inner, headed=False
                        )
                        at[begin].append(Span(begin, begin + stem, "locality", "suffix", place))
                at[begin].append(Span(begin, end, kind, "suffix", price))
    return at


_NAMES = frozenset(("road", "place", "estate", "village", "point", "community", "town", "district"))
_AREA_KINDS = frozenset(("province", "city", "district", "town"))
_BELOW_AREAS = frozenset(("road", "number", "village", "crossing_word", "estate", "point"))
_SIDED = frozenset(("road", "number", "estate", "place", "point", "part"))
_PARTED = frozenset(("place", "estate", "village", "point", "rest", "community", "town"))
_NEVER_FIRST = frozenset(("bare", "crossing_word", "after", "offset", "joiner", "relation"))
_BEFORE_BARE = frozenset(("road", "place", "estate", "village", "number", "joiner"))


_Chain = tuple[float, Span | None, Any]
"""Cost of the spans from the beginning, the last of them, and the chain before it."""


def _joint_cost(
    before: str, before_how: str, kind: str, how: str, here: bool, there: bool, half: bool
) -> float:  # fmt: skip
    """What it costs that a span of ``kind`` follows one of kind ``before`` (empty: the text begins).

    ``here``, ``there``: the first character of the span and the last before it are parts of words;
    ``half``: it looks like the end of a name."""
    if not before:
        if kind in ("section", "side_lane"):
            return 5.0
        if kind in ("side", "part"):
            return 3.0
        return 1.5 if kind in _NEVER_FIRST else 0.0
    if kind in ("section", "side_lane") and before != "road":
        return 5.0
    if before == "locality":
        return 0.0 if kind in HAVE_STEMS else 3.0
    if (kind == "side" and before not in _SIDED) or (kind == "part" and before not in _PARTED):
        return 3.0
    if kind == "rest" and before == "rest" and here:
        return REST_GOES_ON
    if kind == "bare" and before not in _BEFORE_BARE:
        return 1.5
    if kind == "crossing_word" and before in ("number", "bare", "rest"):
        return 1.5
    if kind == "road" and how == "suffix" and before == "number":
        return 0.5
    if kind == "relation" and before in ("before", "rest"):
        return 1.5
    if before == "rest" and kind in _NAMES and there:
        return TORN_COST if how == "gazetteer" else 1.2
    if kind in _AREA_KINDS and before in _BELOW_AREAS:
        return 1.5
    if kind in ("district", "city", "province") and before in ("town", "community") and how != "gazetteer":
        return 1.0
    if before_how in ("words", "bare") and before in _AREA_KINDS:
        if kind in _AREA_KINDS and how in ("words", "bare"):
            return -0.9 if how == "bare" else -0.3
        if kind == "rest" and here:
            return 1.0
        if how == "suffix" and half:
            return 2.0 if before_how == "bare" else 1.2
    if kind == "rest" and before in _NAMES and before_how == "gazetteer" and here:
        return 0.4
    if kind == "before" and before in ("road", "number", "village"):
        return 0.8
    if before == "before" and kind == "bare":
        return 1.0
    return 0.0


class _Joints(dict[tuple[str, str], float]):
    """What it costs that one sort of span follows another, by kind and knowledge of the one before."""

    def __init__(self, kind: str, how: str, here: bool, there: bool, half: bool) -> None:
        super().__init__()
        self._kind, self._how = kind, how
        self._beside = here, there, half

    def __missing__(self, before: tuple[str, str]) -> float:
        cost = self[before] = _joint_cost(*before, self._kind, self._how, *self._beside)
        return cost


_joints = cache(_Joints)


def split(text: str, lexicon: Lexicon) -> list[Span]:
    """The spans of ``text`` in order, without gaps. Characters nothing explains become ``rest``."""
    text = text[:MAX_LENGTH]
    size = len(text)
    spans = _spans(text, lexicon)
    wordy = [_WORD.match(character) is not None for character in text]
    # arriving[i]: the best chains that end at i, one for each kind of last span
    arriving: list[dict[tuple[str, str], _Chain]] = [{} for _ in range(size + 1)]
    arriving[0]["", ""] = (0.0, None, None)
    for start in range(size):
        chains = arriving[start]
        if not chains:
            continue
        limit = min(chain[0] for chain in chains.values()) + HOPELESS_COST
        tried = [item for item in chains.items() if item[1][0] <= limit]
        skip = 0.1 if text[start] in ",()" else SKIP_COST if wordy[start] else 0.7
        here, there = wordy[start], start > 0 and wordy[start - 1]
        for span in (*spans[start], Span(start, start + 1, "rest" if skip != 0.1 else "mark", "rest", skip)):
            best, chosen = FAILED, None
            _, end, kind, how, own = span
            half = how == "suffix" and kind in _NAMES and HALF.match(text, start) is not None
            joints = _joints(kind, how, here, there, half)
            for before, chain in tried:
                cost = chain[0] + joints[before]
                if cost < best:
                    best, chosen = cost, chain
            best += own
            slot = arriving[end]
            known = slot.get((kind, how))
            if known is None or best < known[0]:
                slot[kind, how] = (best, span, chosen)
    link = min(arriving[size].values(), key=lambda chain: chain[0], default=None)
    found: list[Span] = []
    while link is not None:
        _, last, link = link
        if last is not None:
            found.append(last)
    return _merged(found[::-1])


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        if span.kind == "rest" and merged and merged[-1].kind == "rest":
            merged[-1] = merged[-1]._replace(end=span.end, cost=merged[-1].cost + span.cost)
        else:
            merged.append(span)
    return merged
