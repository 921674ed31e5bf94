"""Gazetteer entries: what one row of an address or place table says, ready for the index."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import cos, radians, sin

from geocoding.grammar import vocabulary as words
from geocoding.grammar.elements import Number, Reading
from geocoding.grammar.houses import house_told
from geocoding.grammar.leftovers import rest_told
from geocoding.grammar.lexicon import COMMUNITY, DISTRICT, PLACE, POINT, ROAD, TOWN, Lexicon
from geocoding.grammar.reading import read
from geocoding.grammar.structure import written
from geocoding.grammar.vocabulary import canonical
from geocoding.index.plane import EARTH_M_PER_DEG

UNITS = ("", "lane", "branch", "door", "building", "unit", "floor", "room", "group", "phase", "trace")
"""Units of numbers by their code in the index and in the table; the empty one: no number. ``trace``: a
point that tells where a road runs, not a place on it."""
TRACE = UNITS.index("trace")


@dataclass(slots=True, frozen=True)
class SourceRow:
    """One row as it came: texts as given, point in WGS 84."""

    key: str
    text: str
    lon: float
    lat: float
    district: str = ""
    town: str = ""
    community: str = ""
    name: str = ""
    """Name of the shop, organisation or place at the address, where the table has one."""
    kind: str = ""


@dataclass(slots=True, frozen=True)
class Entry:
    """One place the index can answer: a base name with or without a number, and a point.

    ``base`` is canonical; a hamlet's holds its village (``庆星村顾家宅``). ``kind`` is ROAD, PLACE or
    POINT; ``tail`` the canonical text of what follows the number.
    """

    key: str
    base: str
    kind: int
    number: int
    unit: str
    mark: str
    upto: int
    tail: str
    district: str
    town: str
    community: str
    lon: float
    lat: float
    display: str
    part: int = 0
    """0 the address of the row, 1 the name at it, from 2 on the roads that run there; -1 the house that the
    address names after its number."""


@dataclass(slots=True)
class Names:
    """Names met while rows are read, with how often; the areas are known from the start."""

    lexicon: Lexicon = field(default_factory=Lexicon)
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """A last part (顾家宅) to the full bases that end in it."""
    cities: frozenset[str] = frozenset()
    """The city itself, where it is known."""

    def add_areas(self, districts: Iterable[str], towns: Iterable[str], communities: Iterable[str]) -> None:
        """A new district is also known by the plain word: 浦东区."""
        for kind, names in ((DISTRICT, districts), (TOWN, towns), (COMMUNITY, communities)):
            for name in names:
                form = canonical(name)
                if form:
                    self.lexicon.add(form, kind)
                if kind == DISTRICT and form.endswith("新区") and len(form) >= 4:
                    self.lexicon.add(form.removesuffix("新区") + "区", kind)


_ROAD_END = re.compile("(?:" + "|".join(map(re.escape, words.ROAD_SUFFIXES)) + ")$")
_PLAIN_HEAD = re.compile(r"([\u3400-\u9fff]{2,9}?(?:公路|大道|路|街|巷))(?=\d{1,5}(?:弄|号|$))")
_INNER = re.compile(r"..(?:镇|乡|街道|村(?![东南西北]?(?:大街|路|街))|区|路|街|道)..")


def kind_of(base: str, label: str) -> int:
    """ROAD, PLACE or POINT of a base that a reading labels road, village, estate, point or place."""
    if label == "road" or (label == "" and _ROAD_END.search(base)):
        return ROAD
    return POINT if label == "point" else PLACE


_AROUND = frozenset(
    ("province", "city", "district", "town", "community", "repeated", "chatter", "mark", "joiner")
)
"""Elements that stand before or after the place itself."""


def base_of(reading: Reading, lexicon: Lexicon) -> tuple[str, int, str]:
    """Identity of the place that the numbers of a reading belong to, its kind, and its last part.

    A road stands alone; a hamlet, team or estate keeps the villages named before it.
    """
    labels = {element.text: element.kind for element in reading.elements}
    last = reading.bases[-1]
    kind = kind_of(last, labels.get(last, ""))
    known = lexicon.kinds.get(last, 0)
    if kind == ROAD or known & ROAD:
        return last, ROAD, last
    chain = [last]
    for name in reversed(reading.bases[:-1]):
        if kind_of(name, labels.get(name, "")) == ROAD:
            break
        chain.insert(0, name)
    return "".join(chain), kind, last


def place_told(reading: Reading) -> str:
    """The words that tell the place, when it is not what the bases and numbers name but something told from
    them: opposite a door, at a crossing, a stretch, a shop on a road, words after a place that nobody knows.
    Empty for all other addresses."""
    told = reading.relative is not None or reading.crossing is not None or reading.stretch is not None
    shop = reading.point and reading.number is None and reading.point != reading.bases[-1]
    rest = rest_told(reading)
    if not told and not shop and not rest:
        return ""
    said = [element for element in reading.elements if element.kind not in _AROUND]
    if rest and reading.relative is not None and reading.relative.relation == "at":
        # The gate of what is there is the place itself.
        said = [element for element in said if element.kind != "relation"]
    return reading.canonical[said[0].start : said[-1].end] if said else ""


def collect_names(rows: Iterable[SourceRow], names: Names) -> None:
    """First pass: which roads, villages and estates the rows speak of.

    A name told by its suffix enters the lexicon when it begins its address, so that the second
    pass reads the same name wherever it stands.
    """
    seen: dict[str, int] = {}
    kinds: dict[str, int] = {}
    for row in rows:
        form = canonical(row.text)
        if not form or _lists_lines(canonical(row.name)):
            continue
        hit = _PLAIN_HEAD.match(form, _after_areas(form, names.lexicon))
        if hit is not None and not _INNER.search(hit[1]):
            base, kind = hit[1], ROAD
        else:
            reading = read(row.text, names.lexicon)
            if not reading.bases or reading.code:
                continue
            base, kind, last = base_of(reading, names.lexicon)
            if last != base and kind == PLACE:
                known = names.aliases.get(last, ())
                if base not in known:
                    names.aliases[last] = (*known, base)
                for name in reading.bases:
                    seen[name] = seen.get(name, 0) + 1
                    kinds.setdefault(name, PLACE)
        seen[base] = seen.get(base, 0) + 1
        kinds[base] = kinds.get(base, 0) | kind
    for base, count in seen.items():
        if 2 <= len(base) <= 12 and (count > 1 or kinds[base] & (ROAD | PLACE)):
            names.lexicon.add(base, kinds[base])


def _after_areas(form: str, lexicon: Lexicon) -> int:
    start = 0
    while True:
        found = [name for name, _ in lexicon.names_at(form, start, DISTRICT | TOWN | COMMUNITY)]
        if not found:
            return start
        start += len(found[0])


_area = lru_cache(maxsize=65_536)(canonical)
"""Areas are few, and stand in every row."""


def entries_of(row: SourceRow, names: Names) -> Iterator[Entry]:
    """The entries of one row: the named place itself, and the door its address tells."""
    district, town, community = _area(row.district), _area(row.town), _area(row.community)
    name = canonical(row.name)
    if len(name) >= 2:
        yield Entry(
            row.key, name, POINT, 0, "", "", 0, "", district, town, community, row.lon, row.lat, row.name, 1
        )  # fmt: skip
    reading = read("" if _lists_lines(name) else row.text, names.lexicon)
    lon, lat = _crossing_itself(row, reading)
    for part, road in enumerate(roads_told(name, reading, names.lexicon), 2):
        yield Entry(
            row.key, road, ROAD, 0, "trace", "", 0, "", district, town, community, lon, lat, "", part
        )  # fmt: skip
    if not reading.bases or reading.code or reading.stretch or (reading.crossing and reading.number is None):
        return
    base, kind, _ = base_of(reading, names.lexicon)
    if name and reading.number is None:
        return
    if name == base or "_" in base:
        return  # A name with an unreadable character is no name to find others by.
    number, tail = reading.number or Number(0, ""), tail_of(reading)
    if _beside_itself(reading):
        if name:
            return
        base, kind, number, tail = place_told(reading), POINT, Number(0, ""), ""
    elif reading.point and reading.number is None and reading.point != base:
        # A shop on a road is no point of the road itself.
        base, kind = reading.point, POINT
    district = district or (reading.districts[0] if reading.districts else "")
    town = town or (reading.towns[0] if reading.towns else "")
    yield Entry(
        row.key, base, kind, number.value, number.unit, number.mark, number.upto, tail,
        district, town, community, row.lon, row.lat, row.text,
    )  # fmt: skip
    house = house_told(reading)
    if house is not None and house.name not in (name, base):
        of_it = house.number or Number(0, "")
        yield Entry(
            row.key, house.name, POINT, of_it.value, of_it.unit, of_it.mark, of_it.upto, "",
            district, town, community, row.lon, row.lat, row.text, -1,
        )  # fmt: skip


def _lists_lines(name: str) -> bool:
    """Whether what stands as a row's address is the list of lines of a stop, by the row's canonical name."""
    return _STOP.search(name) is not None


def _beside_itself(reading: Reading) -> bool:
    """Whether a row lies opposite the door that it names, or so many metres from it: it does not tell where
    the door is."""
    relative = reading.relative
    return relative is not None and not reading.point and relative.relation in ("opposite", "offset")


def _crossing_itself(row: SourceRow, reading: Reading) -> tuple[float, float]:
    """The point of a row; of one told as so many metres from a crossing (…交叉口北150米) the crossing's."""
    relative = reading.relative
    if (
        reading.crossing is None or reading.number is not None or relative is None
        or relative.bearing_deg is None or relative.distance_m is None
    ):  # fmt: skip
        return row.lon, row.lat
    turn, away_deg = radians(relative.bearing_deg), relative.distance_m / EARTH_M_PER_DEG
    return row.lon - away_deg * sin(turn) / cos(radians(row.lat)), row.lat - away_deg * cos(turn)


_STOP = re.compile(r"(?:公交|地铁|轻轨|电车|车)站\)?$")
"""What stands as the address of a stop is the list of its lines."""
_BRANCH = re.compile(r"\(([\u4e00-\u9fff0-9]{2,8}?(?:路|街|大道|公路))店?\)$")


_STREET = re.compile(r"[\u4e00-\u9fff][\u4e00-\u9fff0-9]{1,6}(?:路|街|大道|巷|胡同)")


def roads_told(name: str, reading: Reading, lexicon: Lexicon) -> list[str]:
    """Roads that run at a row's point though the row has no number on them: those a stop, a branch
    or a crossing is named after, and the one an address says it is near (近青石巷)."""
    told = list(reading.crossing or (reading.stretch or ())[:1])
    if reading.crossing and reading.number is not None:
        told = told[1:]
    elif not told and reading.number is None and reading.bases:
        told = [reading.bases[-1]] if _ROAD_END.search(reading.bases[-1]) else []
    stem, _, bracket = name.partition("(")
    branch = _BRANCH.search(name)
    if branch is not None:
        told.append(branch[1])
    elif bracket.endswith("站)") and _ROAD_END.search(stem):
        named = read(stem, lexicon)
        told.extend(named.crossing or named.bases[-1:])
    return [road for road in dict.fromkeys(told) if _STREET.fullmatch(road)]


def tail_of(reading: Reading) -> str:
    """What tells places apart below the number: the door in a lane, the building; not floor or room."""
    return "".join(written(number) for number in reading.tail if number.unit not in ("floor", "room", "unit"))
