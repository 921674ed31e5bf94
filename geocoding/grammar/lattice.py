"""Splits an address that is not of the plain form: the cheapest chain of spans over the text.

Spans come from the gazetteer's names, from names told by their last word (…路, …村, …小区), from numbers
with units and from vocabulary; what none covers costs most. The costs state an order of trust and
are not fitted to any data: a structure is surer than a known name, that surer than a name told by
its suffix, and a known name torn out of a longer word is hardly trusted.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from geocoding.grammar import vocabulary as words
from geocoding.grammar.lexicon import AREAS, COMMUNITY, DISTRICT, PLACE, POINT, PROVINCE, ROAD, TOWN, Lexicon
from geocoding.grammar.structure import numbers_at

MAX_LENGTH = 120
"""Characters of an address that are split; what follows is not an address any more."""
MAX_NAME = 9
MAX_ORGANISATION = 16

SKIP_COST = 1.4
TORN_COST = 1.0
FAILED = 1e9


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
_LONGEST_WORD = max(map(len, _WORDS))

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
_OFFSET_FIRSTS = frozenset("往向以偏再东西南北前后左右约大0123456789")
_ROAD_PART_FIRSTS = frozenset("东西南北中前后上下K0123456789")
_NUMBERED_PART = re.compile(r"(?<=[\u3400-\u9fff]{2})\d{1,2}区(?!域)")
"""育秀9区 is an estate."""
_SIDE_LANE = re.compile(r"[东西南北前后上下]\d{1,2}(?:巷|条|胡同|里)")
"""东1巷 is a lane of the road named before it."""
_INNER = re.compile(
    r"(?<=..)(?:镇|乡|街道|村|区|县|市|社区|居委会|[队组])(?=..)"
    r"(?!(?:新|支)?(?:东|南|西|北|中)?\d?(?:路|街|公路|大道|大街|支路))"
)
_INNER_ROAD = re.compile(
    r"(?<=..)(?:路|街|大道|巷|胡同)(?=..)|(?<=[A-Z\d\u3400-\u9fff])\d{2,}(?=[\u3400-\u9fff])"
)
_INNER_DISTRICT = re.compile("(?<=..)[区县市](?=.)")
_INNER_ESTATE = re.compile(
    "(?<=..)(?:大厦|大楼|广场|花园|小区|公寓|家园|市场|商城|工业园|科技园|产业园|工业区)(?=..)(?!(?:"
    + "|".join((*words.ORGANISATION_SUFFIXES, "区"))
    + ")$)"
)
_ROAD_AND_WORD = re.compile(
    "(?:路|街|大道|巷|胡同)(?:" + "|".join((*words.ORGANISATION_SUFFIXES, *words.ESTATE_SUFFIXES)) + ")$"
)
"""花园路小学 is one name: a road and a bare word for what stands there."""
_NO_CITY = re.compile(r"[-,()0-9]|^[^\u3400-\u9fff]|[超门夜城县区镇乡]市$|[省市县区].+市$")
_BROKEN = re.compile(r"[-,()]|^[^\u3400-\u9fffA-Z0-9_]")
_NO_DISTRICT = re.compile("\\d区$|[小园社校厂库片业发活街林景军营]区$|[超门夜城]市$")
_HALF = re.compile(r"\d{1,2}村|[东南西北中新]?(?:路|街|村)|小区|花园|公寓|大厦")
"""What is rather the end of a name than one by itself: 延吉1村 is one name."""
_HOLDING = frozenset(("lane", "branch", "door", "building", "room", "unit"))
_NUMBER_START = re.compile(r"(?<![0-9A-Z])[0-9A-Z]|[甲乙丙丁底顶第]")
_WORD = re.compile(r"[\u3400-\u9fff_0-9A-Z]")


def _name_cost(name: str, cost: float, kind: str) -> float:
    """Each end of another name inside makes it less likely to be one name; a road's end less so
    (花园路小学 is one)."""
    if name[0] in "村镇区路街弄号":
        cost += 1.5
    if kind in ("town", "district") and _INNER_DISTRICT.search(name):
        cost += 2.2
    if kind in ("point", "estate") and _INNER_ESTATE.search(name):
        cost += 1.6
    if name[0] in "与跟及" and len(name) > 3:
        cost += 0.6
    if _begins_with_area(name, 4 if kind in ("road", "village", "estate") else 2):
        cost += 1.2
    inner_road = 2.2 if kind == "road" or not _ROAD_AND_WORD.search(name) else 0.6
    return (
        cost
        + 0.12 * len(name)
        + 2.2 * len(_INNER.findall(name))
        + inner_road * len(_INNER_ROAD.findall(name))
    )


def _begins_with_area(name: str, least: int) -> bool:
    """Whether a city or county stands before ``least`` characters or more that would be a name by
    themselves: 杭州滨江区 are two names; 昆山花园路 is one, as roads are called after cities."""
    return name[0] in words.AREA_FIRSTS and any(
        name[:length] in words.CITIES or name[:length] in words.COUNTIES
        for length in range(2, min(words.LONGEST_CITY, len(name) - least) + 1)
        if name[length] not in "湾江河海山湖东南西北"
    )


@lru_cache(maxsize=4096)
def _bare(name: str) -> str:
    for province in words.PROVINCES:
        if name.startswith(province):
            for tail in words.PROVINCE_TAILS:
                if name == province + tail:
                    return province
    return ""


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
        if kind & POINT and len(name) >= 3:
            found.append(Span(start, end, "point", "gazetteer", 1.0))
    return found


def _large_areas(text: str, start: int) -> list[Span]:
    """Provinces and cities everybody knows, with their last word or without."""
    found = []
    bare = 0.6 if start == 0 else 1.0
    for length in range(2, min(words.LONGEST_CITY, len(text) - start) + 1):
        name = text[start : start + length]
        if name in words.PROVINCES:
            found.append(Span(start, start + length, "province", "words", bare))
        if name in words.CITIES:
            tail = words.CITY_TAIL.match(text, start + length)
            if name[-1] == "市" or tail is not None:
                end = tail.end() if tail is not None else start + length
                found.append(Span(start, end, "city", "words", 0.4))
            found.append(Span(start, start + length, "city", "words", bare))
        if name in words.COUNTIES:
            found.append(Span(start, start + length, "district", "words", bare + 0.1))
            if text[start + length : start + length + 1] in ("市", "县", "区"):
                found.append(Span(start, start + length + 1, "district", "words", 0.6))
    if text.startswith("中国", start):
        found.append(Span(start, start + 2, "country", "words", 1.0))
    return found


def _spans(text: str, lexicon: Lexicon) -> list[list[Span]]:
    """All spans, by the position they begin at."""
    size = len(text)
    at: list[list[Span]] = [[] for _ in range(size)]
    held = [False] * (size + 1)
    for start in range(size):
        first = text[start]
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
                at[start].append(Span(start, end, kind, "structure", 0.6 if bare else 0.3))
                if not bare and any(number.unit in _HOLDING for number, _, _ in numbers):
                    held[start + 1 : end] = [True] * (end - start - 1)
        for length in range(1, min(_LONGEST_WORD, size - start) + 1):
            word = _WORDS.get(text[start : start + length])
            if word is not None:
                at[start].append(Span(start, start + length, word[0], "words", word[1] - 0.05 * length))
        if first in _ROAD_PART_FIRSTS:
            for pattern, kind in (
                (_SECTION, "section"),
                (_KILOMETRE, "kilometre"),
                (_SIDE_LANE, "side_lane"),
            ):
                hit = pattern.match(text, start)
                if hit is not None:
                    at[start].append(Span(start, hit.end(), kind, "words", 0.3))
        hit = _OFFSET.match(text, start) if first in _OFFSET_FIRSTS else None
        if hit is not None:
            at[start].append(Span(start, hit.end(), "offset", "words", 0.3))
        if first in "省市" and start >= 2:
            for begin in range(max(0, start - 6), start - 1):
                name = text[begin : start + 1]
                if _bare(name):
                    at[begin].append(Span(begin, start + 1, "province", "words", 0.5))
                elif first == "市" and not _NO_CITY.search(name) and 3 <= len(name) <= 5:
                    at[begin].append(Span(begin, start + 1, "district", "suffix", 1.3 + 0.1 * len(name)))
        if first in words.AREA_FIRSTS:
            at[start].extend(_large_areas(text, start))
    for hit in _NUMBERED_PART.finditer(text):
        for begin in range(max(0, hit.start() - 4), hit.start() - 1):
            name = text[begin : hit.end()]
            if not _BROKEN.search(name) and not held[begin] and name[0] > "\u3400":
                at[begin].append(Span(begin, hit.end(), "estate", "suffix", _name_cost(name, 1.9, "estate")))
    for hit in _SUFFIX.finditer(text):
        suffix = hit[1]
        kind, cost, longest = _SUFFIX_KINDS[suffix]
        end = hit.start() + len(suffix)
        if held[hit.start()] or held[end - 1] or text.startswith("公里", hit.start() - 1):
            continue
        shortest = 1 if kind in ("road", "village") else 2
        for begin in range(hit.start() - shortest, max(-1, end - longest - 1), -1):
            name = text[begin:end]
            if held[begin] or _BROKEN.search(text[begin]):
                break
            if name[0].isascii() and name[0].isdigit() and begin and text[begin - 1].isdigit():
                continue
            if kind == "district" and _NO_DISTRICT.search(name):
                break
            if end - begin >= 2 + (kind == "point"):
                at[begin].append(Span(begin, end, kind, "suffix", _name_cost(name, cost, kind)))
    return at


_NAMES = frozenset(("road", "place", "estate", "village", "point", "community", "town", "district"))
_AREA_KINDS = frozenset(("province", "city", "district", "town"))
_BELOW_AREAS = frozenset(("road", "number", "village", "crossing_word", "estate", "point"))
_BEFORE_BARE = frozenset(("road", "place", "estate", "village", "number", "joiner"))


def _joint_cost(before: Span | None, span: Span, text: str) -> float:
    """What it costs that ``span`` follows ``before``."""
    kind = span.kind
    if kind in ("section", "side_lane") and (before is None or before.kind != "road"):
        return 5.0
    if kind == "bare" and (before is None or before.kind not in _BEFORE_BARE):
        return 1.5
    if kind in ("crossing_word", "after", "offset") and before is None:
        return 1.5
    if kind == "relation" and (before is None or before.kind in ("before", "rest")):
        return 1.5
    if before is None:
        return 0.0
    if before.kind == "rest" and kind in _NAMES and _WORD.match(text[span.start - 1]):
        return TORN_COST if span.how == "gazetteer" else 1.2
    if kind in _AREA_KINDS and before.kind in _BELOW_AREAS:
        return 1.5
    if before.how == "words" and before.kind in _AREA_KINDS:
        if kind in _AREA_KINDS and span.how == "words":
            return -0.3
        if kind == "rest" and _WORD.match(text[span.start]):
            return 1.0
        if span.how == "suffix" and kind in ("road", "village", "estate") and _HALF.match(text, span.start):
            return 1.2
    if (
        kind == "rest"
        and before.kind in _NAMES
        and before.how == "gazetteer"
        and _WORD.match(text[span.start])
    ):
        return 0.4
    if kind == "before" and before.kind in ("road", "number", "village"):
        return 0.8
    if before.kind == "before" and kind == "bare":
        return 1.0
    return 0.0


def split(text: str, lexicon: Lexicon) -> list[Span]:
    """The spans of ``text`` in order, without gaps. Characters nothing explains become ``rest``."""
    text = text[:MAX_LENGTH]
    size = len(text)
    spans = _spans(text, lexicon)
    # arriving[i]: (cost, chain) of the best chains that end at i, one for each kind of last span
    arriving: list[dict[str, tuple[float, Span, object]]] = [{} for _ in range(size + 1)]
    for start in range(size):
        chains = list(arriving[start].values()) if start else [(0.0, None, None)]
        if not chains:
            continue
        skip = 0.1 if text[start] in ",()" else SKIP_COST if _WORD.match(text[start]) else 0.7
        options = [*spans[start], Span(start, start + 1, "rest" if skip != 0.1 else "mark", "rest", skip)]
        for span in options:
            best, chosen = FAILED, None
            for chain in chains:
                cost = chain[0] + span.cost + _joint_cost(chain[1], span, text)
                if cost < best:
                    best, chosen = cost, chain
            slot = arriving[span.end]
            key = span.kind + span.how[0]
            if key not in slot or best < slot[key][0]:
                slot[key] = (best, span, chosen)
    link: object = min(arriving[size].values(), key=lambda chain: chain[0], default=None)
    found: list[Span] = []
    while link is not None:
        _, span, link = link  # type: ignore[misc]
        if span is not None:
            found.append(span)
    return _merged(found[::-1])


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        if span.kind == "rest" and merged and merged[-1].kind == "rest":
            merged[-1] = merged[-1]._replace(end=span.end, cost=merged[-1].cost + span.cost)
        else:
            merged.append(span)
    return merged
