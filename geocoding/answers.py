"""What the geocoder answers: candidates with point, level, expected error, confidence and reasons."""

from dataclasses import dataclass, field
from functools import lru_cache
from math import hypot
from typing import Any, Protocol

from geocoding.administrative import area_matches, in_its_area
from geocoding.calibration import WRONG_M, Calibration
from geocoding.combinations import Combination, combination_of, signature
from geocoding.crossings import crossings, moved
from geocoding.forward import Hints, Match, matches
from geocoding.grammar.elements import Reading, Relative
from geocoding.grammar.elsewhere import told_outside, town_unknown
from geocoding.grammar.lexicon import ROAD
from geocoding.grammar.numerals import in_words
from geocoding.grammar.reading import read, standard
from geocoding.grammar.structure import written
from geocoding.grammar.vocabulary import BEARINGS
from geocoding.index.entries import place_told
from geocoding.index.gazetteer import Gazetteer
from geocoding.targets import NEVER_ACCEPTED
from gis_core.errors import Text

MOST_CANDIDATES = 10
RIVAL_SHARE = 0.35
"""A second place with so large a part of the first one's evidence makes the answer ambiguous."""
REGISTERED_CONFIDENCE = 0.8
"""From here a register's word is accepted: it has this very address, on a point of its own, or the lines of
both roads of a crossing. What is inferred needs the threshold that the self-examination found."""
_INFERRED = frozenset(("middle", "middle_inside", "stretch"))
_MIDDLES = frozenset(("road", "area"))
_REGISTERED = frozenset(("door", "building", "place"))
_EXACT = frozenset(("same", "alias", "former", "correction"))
_NAMED = _EXACT | {"last_part", "short_name", "larger_place", "named_after", "series"}
"""Ways to a place whose name, or that of the larger place, was really said."""
_NAME_ELEMENTS = frozenset(
    ("road", "near_road", "place", "estate", "village", "point", "locality", "town", "community", "district")
)
"""Elements that are names: their numerals are written as signs write them."""
LEAST_CONFIDENCE, LEAST_OF_SAME_NAME = 0.1, 0.02
"""Below this nothing is answered; the second where a name that was said is known."""

WHY = {
    "known": Text("地名库中有此地址", "the gazetteer has this address"),
    "known_by_two": Text("两个来源一致", "two sources agree"),
    "between": Text("沿路按门牌号内插", "interpolated along the road between known numbers"),
    "beyond": Text("超出已知门牌号，外推", "beyond the known numbers, extrapolated"),
    "traced": Text(
        "该路无已知门牌号，按道路走向和全市编号习惯推算",
        "no number of the road is known: told from its course and the city's way of numbering",
    ),
    "middle": Text("只认出道路或片区，取其中点", "only the road or area is known: its middle"),
    "middle_inside": Text(
        "只认出道路，取其在所述区域内路段的中点",
        "only the road is known: the middle of its part in the area that was said",
    ),
    "lines_cross": Text("两路中心线相交", "the road lines cross"),
    "lines_near": Text("两路中心线相近", "the road lines come close"),
    "stop_named_so": Text("以此路口命名的站点", "a stop named after the crossing"),
    "doors_near": Text("两路门牌最接近处", "where doors of both roads are nearest"),
    "stretch": Text("两路口之间一段的中点", "the middle of the stretch between two crossings"),
    "code": Text("按编码直接查到", "found by its code"),
    "area": Text("只认出行政区域，取其中点", "only the administrative area is known: its middle"),
}
REASON = {
    "same": Text("名称一致", "same name"),
    "alias": Text("别名", "alias"),
    "former": Text("曾用名", "former name"),
    "correction": Text("人工订正", "correction by hand"),
    "last_part": Text("简称", "short form"),
    "short_name": Text("名称不含括号部分", "the name without its bracket"),
    "homophone": Text("同音", "same sound"),
    "like_sound": Text("近音", "similar sound"),
    "look_alike": Text("形近", "similar shape"),
    "pinyin": Text("拼音", "pinyin"),
    "initials": Text("拼音首字母", "initials of the pinyin"),
    "unreadable_character": Text("缺字补全", "unreadable character filled in"),
    "part": Text("所说道路的一段", "a part of the road named"),
    "same_kind": Text("同类名称", "another word for the same kind of place"),
    "alike": Text("名称大体相同", "a name that shares most of its words"),
    "house": Text("路名或门牌未登记，按其后的名称定位", "what is named after an unknown road or number"),
    "one_character": Text("一字不同", "one character differs"),
    "missing_character": Text("少一字", "one character missing"),
    "extra_character": Text("多一字", "one character too many"),
    "series": Text("同一系列的另一编号", "another number of the same series"),
    "named_after": Text("以此命名的单位", "something named after it"),
    "inside": Text("名称包含在文字中", "name found inside the text"),
    "larger_place": Text("只认出上级地名", "only the larger place is known"),
}


@dataclass(slots=True)
class Candidate:
    """One place. ``confidence``: probability that the true place is within 300 m; ``error_m``: the
    error to expect; ``shared``: the point is a fall-back that many addresses have."""

    lon: float
    lat: float
    level: str
    error_m: float
    confidence: float
    matched: str
    reason: str
    why: str
    shared: bool
    district: str
    grid_code: str = ""
    street: str = ""
    community: str = ""
    street_code: str = ""
    community_code: str = ""
    responsibility_grid: str = ""
    timing_area: str = ""


@dataclass(slots=True)
class Answer:
    """The answer to one address. ``status``: accepted, doubtful, ambiguous, not_found."""

    text: str
    reading: Reading
    status: str
    combination: Combination | None
    candidates: list[Candidate] = field(default_factory=list)
    elsewhere: str = ""
    """The areas told that are not this city's, of an address that lies elsewhere."""

    @property
    def best(self) -> Candidate | None:
        return self.candidates[0] if self.candidates else None


class CodeBook(Protocol):
    """Looks up unit grids and components by their codes."""

    def point_of(self, code: str) -> tuple[float, float, str] | None:
        """Longitude, latitude and name; None for a code that is not in use."""


@lru_cache(maxsize=4096)
def _combination(parts: tuple[str, ...]) -> Combination | None:
    return combination_of(parts)


def geocode(
    gazetteer: Gazetteer, calibration: Calibration, text: str, hints: Hints | None = None, *,
    limit: int = MOST_CANDIDATES, codes: CodeBook | None = None,
) -> Answer:  # fmt: skip
    """Read ``text`` and answer with ranked candidates; never raises for any text."""
    hints = hints or Hints()
    reading = read(text, gazetteer.names.lexicon)
    if reading.code:
        return by_code(text, reading, codes.point_of(reading.code) if codes is not None else None)
    outside = told_outside(reading, gazetteer.home, gazetteer.names.lexicon)
    if outside is not None and outside.sure:
        return Answer(text, reading, "not_found", _combination(signature(reading, 0)), elsewhere=outside.text)
    found = crossings(gazetteer, reading, hints) or matches(gazetteer, reading, hints)
    if reading.towns or reading.communities:
        found = [in_its_area(gazetteer, match, reading) for match in found]
    if found:
        combination = _combination(signature(reading, _kind_said(gazetteer, reading, found)))
    else:
        found = area_matches(gazetteer, reading, hints)
        if found:
            told = reading.districts or reading.towns or reading.communities
            area = reading._replace(bases=(), towns=reading.towns if told else (found[0].base,))
            combination = _combination(signature(area, 0))
        else:
            combination = _combination(signature(reading, 0))
    candidates = [_candidate(gazetteer, calibration, match, reading, len(found)) for match in found[:limit]]
    _share_confidence(found, candidates)
    candidates = [c for c in candidates if c.confidence >= 0.02 or c is candidates[0]]
    status = _status(found, candidates, calibration.threshold)
    if status == "not_found":
        candidates = []
    elif status == "accepted":
        # Doors are told by road and number too; a name alone may be that of a place elsewhere.
        by_name = candidates[0].level == "place" and town_unknown(reading, gazetteer.names.lexicon)
        status = "doubtful" if outside is not None or by_name else status
    return Answer(text, reading, status, combination, candidates)


def _kind_said(gazetteer: Gazetteer, reading: Reading, found: list[Match]) -> int:
    """What kind of name an address was asked by: a road and a shop on it by the road."""
    said = gazetteer.bases.ids.get(reading.bases[-1]) if reading.point and reading.number is None else None
    return gazetteer.base_kinds.get(said or found[0].base_id, 0)


def _share_confidence(found: list[Match], candidates: list[Candidate]) -> None:
    """One address is in one place: what cannot be right together with the first candidate shares what
    confidence that one leaves."""
    if len(candidates) < 2:
        return
    others = [
        candidate
        for match, candidate in zip(found[1:], candidates[1:], strict=False)
        if _apart(match, found[0]) > 2 * WRONG_M
    ]
    total = sum(candidate.confidence for candidate in others)
    left = 1.0 - candidates[0].confidence
    for candidate in others if total > left else ():
        candidate.confidence = round(candidate.confidence * left / total, 4)


def _apart(match: Match, other: Match) -> float:
    """Metres between two matches."""
    return hypot(match.location.x - other.location.x, match.location.y - other.location.y)


def _status(found: list[Match], candidates: list[Candidate], threshold: float) -> str:
    if not found:
        return "not_found"
    best = candidates[0]
    first = found[0]
    rival = next((match for match in found[1:] if _apart(match, first) > WRONG_M), None)
    rivalled = rival is not None and rival.share >= RIVAL_SHARE * first.share and first.belief > 0.5
    least = LEAST_OF_SAME_NAME if best.reason in _NAMED else LEAST_CONFIDENCE
    among = sum(candidate.confidence for candidate in candidates) if rivalled else best.confidence
    if among < least and best.level != "area":
        return "not_found"
    if rivalled:
        return "ambiguous"
    if best.level == "area":
        return "doubtful"
    registered = best.level in _REGISTERED and best.why not in _INFERRED
    if best.why == "lines_cross" or (registered and best.reason in _EXACT and not best.shared):
        threshold = min(threshold, REGISTERED_CONFIDENCE)
    sure = (
        best.confidence >= threshold and best.reason not in NEVER_ACCEPTED and first.district_ok is not False
    )
    return "accepted" if sure else "doubtful"


def _candidate(
    gazetteer: Gazetteer, calibration: Calibration, match: Match, reading: Reading, rivals: int
) -> Candidate:
    location = match.location
    confidence, error_m = calibration.judge(match, rivals)
    # A place that is known by all these words (…25号对面) is where it is known to be, and from the middle of
    # a road or an area no way leads anywhere.
    known = match.base == place_told(reading) or location.level in _MIDDLES
    relative = None if known else reading.relative
    x, y, added_m = moved(location.x, location.y, relative, gazetteer.roads.get(match.base))
    if added_m:
        error_m = hypot(error_m, added_m)
    lon, lat = gazetteer.columns.plane.degrees(x, y)
    told = _told_from(relative) if (x, y) != (location.x, location.y) else ""
    district = ""
    if match.cluster >= 0:
        columns = gazetteer.columns_of(match.base_id)
        cluster = columns.clusters[match.cluster]
        if location.rows:
            district = gazetteer.areas.texts[columns.district[location.rows[0]]]
        elif len(cluster.districts) == 1:
            district = gazetteer.areas.texts[next(iter(cluster.districts))]
    # The middle of what is no road: an estate, a hospital of which only doors are known.
    level = "place" if location.level == "road" and not match.kind & ROAD else location.level
    return Candidate(
        round(lon, 7), round(lat, 7), level, round(error_m, 1), round(confidence, 4),
        _matched(match, reading, district) + told, match.reason, location.why, location.shared, district,
    )  # fmt: skip


_BEARING_WORDS = {bearing_deg: word for word, bearing_deg in BEARINGS.items()}


def _told_from(relative: Relative | None) -> str:
    """What stands after the place that a point was moved from."""
    if relative is None:
        return ""
    if relative.bearing_deg is None:
        return "对面"
    word = _BEARING_WORDS[relative.bearing_deg]
    return f"往{word}{relative.distance_m:g}米" if relative.distance_m is not None else f"{word}侧"


def _matched(match: Match, reading: Reading, district: str) -> str:
    """The address that was located, as the standard writes it: only what the level vouches for."""
    level = match.location.level
    text = district + in_words(match.base)
    if level in ("interpolated", "door", "lane", "building") and reading.number is not None:
        text += written(reading.number)
        if level in ("door", "building"):
            text += "".join(written(n) for n in reading.tail if n.unit not in ("floor", "room", "unit"))
    return text


def by_code(text: str, reading: Reading, found: tuple[float, float, str] | None) -> Answer:
    """The answer to a unit grid or component code; ``found`` is its longitude, latitude and name."""
    combination = _combination(signature(reading, 0))
    if found is None:
        return Answer(text, reading, "not_found", combination)
    lon, lat, name = found
    level = "component" if len(reading.code) == 16 else "grid"
    error_m = 5.0 if level == "component" else 50.0
    candidate = Candidate(lon, lat, level, error_m, 0.999, name or reading.code, "same", "code", False, "")
    return Answer(text, reading, "accepted", combination, [candidate])


def explain(answer: Answer) -> dict[str, Any]:
    """How each element was read and why the first candidate won, for people."""
    return {
        "canonical": answer.reading.canonical,
        "elsewhere": in_words(answer.elsewhere),
        "standard": standard(answer.reading),
        "elements": [
            {
                "kind": e.kind,
                "text": in_words(e.text) if e.kind in _NAME_ELEMENTS else e.text,
                "start": e.start,
                "end": e.end,
                "how": e.how,
            }
            for e in answer.reading.elements
        ],
        "crossing": list(answer.reading.crossing) if answer.reading.crossing else None,
        "stretch": list(answer.reading.stretch) if answer.reading.stretch else None,
        "relative": answer.reading.relative._asdict() if answer.reading.relative else None,
    }
