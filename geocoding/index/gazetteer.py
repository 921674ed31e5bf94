"""The gazetteer of one process: names, columns, and what finds a name that is written wrongly."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from geocoding.grammar.elsewhere import Home, home_of
from geocoding.grammar.lexicon import DISTRICT, PLACE, POINT, ROAD
from geocoding.grammar.vocabulary import canonical
from geocoding.index.alike import AlikeNames
from geocoding.index.columns import Columns, Pool, Raw, build_columns, raw_of
from geocoding.index.entries import Entry, Names, SourceRow, collect_names, entries_of
from geocoding.index.plane import Plane
from geocoding.index.similar import SimilarNames

MAX_SAME_SHORT = 40


@dataclass(slots=True, frozen=True)
class Source:
    """A table the gazetteer was made from. ``quality`` 0 to 1: trust in its points."""

    id: int
    key: str
    quality: float = 0.7


@dataclass(slots=True, frozen=True)
class Alias:
    """Another name of a base: ``status`` former, alias or correction."""

    name: str
    base: str
    status: str


class KnownArea(NamedTuple):
    """An area of the city with its polygon in metres of the plane. ``level``: district, street, community."""

    level: str
    name: str
    shape: Any


@dataclass(slots=True)
class Gazetteer:
    """All that forward geocoding asks. Built once from entries; ``with_entries`` adds later ones."""

    names: Names
    bases: Pool
    texts: Pool
    areas: Pool
    raw: Raw
    columns: Columns
    quality: list[float]
    similar: SimilarNames
    alike: AlikeNames
    """All names but those of roads."""
    aliases: dict[str, Alias] = field(default_factory=dict)
    base_kinds: dict[int, int] = field(default_factory=dict)
    children: dict[str, list[int]] = field(default_factory=dict)
    """Bases of the hamlets of a village, by the village's name."""
    roads: dict[str, Any] = field(default_factory=dict)
    """Road lines (shapely, metres of the plane) by canonical name, where the city has them."""
    known_areas: dict[str, list[KnownArea]] = field(default_factory=dict)
    """Areas by canonical name; several may bear one."""
    home: Home = field(default_factory=Home)
    """Where the city lies."""

    overlay: dict[int, Columns] = field(default_factory=dict)
    """Bases that changed since the columns were built, each with all its entries."""

    def columns_of(self, base: int) -> Columns:
        """The columns that hold a base, newest first."""
        return self.overlay.get(base) or self.columns

    def clusters_of(self, base: int) -> tuple[int, ...]:
        """Clusters of a base in ``columns_of(base)``; none for a name that is just being taken up."""
        of_base = self.columns_of(base).of_base
        return of_base[base] if base < len(of_base) else ()

    def lay_over(self, raw: Raw, kinds: dict[int, int]) -> None:
        """Take up bases with all their entries, in place of what was known of them."""
        changed = build_columns(
            raw, self.columns.plane, len(self.bases.texts), self.texts.texts, self.columns.habits
        )
        for base, kind in kinds.items():
            name = self.bases.texts[base]
            self.names.lexicon.add(name, kind)
            self.similar.add(name, edits=bool(kind & (ROAD | PLACE)))
            if not kind & ROAD:
                self.alike.add(name)
            self.base_kinds[base] = self.base_kinds.get(base, 0) | kind
            self.overlay[base] = changed

    @property
    def size(self) -> int:
        return len(self.raw.base)


def read_sources(
    tables: Sequence[tuple[Source, Sequence[SourceRow]]], names: Names
) -> tuple[list[Entry], list[int], list[int]]:
    """Entries of all tables, the source of each, and the running number of its row."""
    for _, rows in tables:
        collect_names(rows, names)
    entries: list[Entry] = []
    sources: list[int] = []
    keys: list[int] = []
    row_number = 0
    for source, rows in tables:
        for row in rows:
            for entry in entries_of(row, names):
                entries.append(entry)
                sources.append(source.id)
                keys.append(row_number)
            row_number += 1
    kept = _without_named_houses(entries)
    return [entries[i] for i in kept], [sources[i] for i in kept], [keys[i] for i in kept]


HOUSE_OF_NAME_DEG = 0.01
"""So near to a place of its name, a house that addresses name is that place; as in ``queries.sql``."""


def _without_named_houses(entries: Sequence[Entry]) -> list[int]:
    """Positions of all entries but the houses that another entry of their name near by stands for."""
    houses = {entry.base for entry in entries if entry.part < 0}
    named: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.part >= 0 and entry.base in houses:
            named.setdefault(entry.base, []).append(entry)
    return [
        i
        for i, entry in enumerate(entries)
        if entry.part >= 0
        or not any(
            abs(other.lon - entry.lon) < HOUSE_OF_NAME_DEG and abs(other.lat - entry.lat) < HOUSE_OF_NAME_DEG
            for other in named.get(entry.base, ())
        )
    ]


def build(
    entries: Sequence[Entry], sources: Sequence[int], keys: Sequence[int], names: Names,
    quality: Sequence[float], aliases: Iterable[Alias] = (),
) -> Gazetteer:  # fmt: skip
    """The gazetteer of ``entries``; ``quality`` by source id."""
    bases, texts, areas = Pool(), Pool(), Pool()
    raw = raw_of(entries, sources, keys, bases, texts, areas)
    kinds: dict[int, int] = {}
    for entry in entries:
        base = bases.ids[entry.base]
        kinds[base] = kinds.get(base, 0) | entry.kind
    return assemble(raw, names, bases, texts, areas, list(quality), kinds, aliases)


def assemble(
    raw: Raw, names: Names, bases: Pool, texts: Pool, areas: Pool, quality: list[float],
    kinds: dict[int, int], aliases: Iterable[Alias] = (),
) -> Gazetteer:  # fmt: skip
    """Index columns that were read or restored."""
    lon, lat = (float(np.median(raw.lon)), float(np.median(raw.lat))) if len(raw.lon) else (0.0, 0.0)
    columns = build_columns(raw, Plane(lon, lat), len(bases.texts), texts.texts)
    similar, alike = SimilarNames(), AlikeNames()
    children: dict[str, list[int]] = {}
    for base, kind in kinds.items():
        name = bases.texts[base]
        names.lexicon.add(name, kind)
        if kind & (ROAD | PLACE) or len(name) <= 12:
            similar.add(name, edits=bool(kind & (ROAD | PLACE)))
        if not kind & ROAD:
            alike.add(name)
        if kind & POINT:
            _add_short_name(name, names)
            _add_what_it_is_named_after(name, names)
        if kind & PLACE and not kind & ROAD:
            village = _add_last_part(name, names)
            if village:
                children.setdefault(village, []).append(base)
    known = {}
    for alias in aliases:
        form = canonical(alias.name)
        known[form] = alias
        base_id = bases.ids.get(canonical(alias.base))
        names.lexicon.add(form, kinds.get(base_id, POINT) if base_id is not None else POINT)
    home = home_of((name for name, kind in names.lexicon.kinds.items() if kind & DISTRICT), names.cities)
    return Gazetteer(
        names, bases, texts, areas, raw, columns, quality, similar, alike, known, kinds, children, home=home
    )  # fmt: skip


def _add_last_part(name: str, names: Names) -> str:
    """庆星村顾家宅 is found by 顾家宅 too; several hamlets may be called so. Answers the village."""
    cut = name.find("村", 1)
    if not 1 <= cut < len(name) - 2:
        return ""
    last = name[cut + 1 :]
    if name not in names.aliases.get(last, ()):
        names.aliases[last] = (*names.aliases.get(last, ()), name)
    names.lexicon.add(last, PLACE)
    names.lexicon.add(name[: cut + 1], PLACE)
    return name[: cut + 1]


_NAMED_AFTER = re.compile(
    r"(?:^(?:[\u4e00-\u9fff]{2}市)?|\(|(?<=[路街镇乡区道]))((?:(?![路街镇乡道])[\u4e00-\u9fff0-9]){2,8}?"
    r"(?:新村|小区|花园|公寓|家园|大厦|广场|[村苑园城坊庭墅]))(?=[\u4e00-\u9fff(]|店?\))(?![区店])"
)


def _add_what_it_is_named_after(name: str, names: Names) -> None:
    """龙山新村幼儿园 and 永和餐馆(龙山新村店) tell where 龙山新村 is, should nothing else."""
    for hit in _NAMED_AFTER.finditer(name):
        place = hit[1]
        known = names.aliases.get(place, ())
        if len(place) >= 3 and name not in known and len(known) < MAX_SAME_SHORT:
            names.aliases[place] = (*known, name)
            names.lexicon.add(place, PLACE)


def _add_short_name(name: str, names: Names) -> None:
    """A name without its closing bracket, 长安路青石巷(公交站), is a name too; a chain's has many."""
    if not name.endswith(")"):
        return
    stem, _, bracket = name[:-1].partition("(")
    # 人民广场(地铁站) is also said as 人民广场 and as 人民广场地铁站.
    for said in (stem, stem + bracket) if "(" not in bracket else (stem,):
        known = names.aliases.get(said, ())
        if len(said) >= 2 and name not in known and len(known) < MAX_SAME_SHORT:
            names.aliases[said] = (*known, name)
            names.lexicon.add(said, POINT)
