"""Completion of names and addresses as they are typed, in Chinese, in pinyin, or by initials."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from math import hypot, log1p
from typing import NamedTuple

import shapely

from geocoding.grammar.characters import initials, pinyin
from geocoding.grammar.lexicon import DISTRICT, TOWN
from geocoding.grammar.numerals import in_words
from geocoding.grammar.reading import read
from geocoding.grammar.structure import written
from geocoding.grammar.vocabulary import canonical
from geocoding.index.gazetteer import Gazetteer
from geocoding.interpolation import DOOR, LANE

MOST = 10
SCANNED = 3000
"""Names of one beginning that are weighed; more common beginnings are cut here."""
NEAR_M = 3000.0
INSIDE = 300
"""Names that have the text inside them and are weighed."""
INSIDE_COST = 2.0
"""What a name is behind others for having the text inside instead of at its beginning."""
MOST_AREAS = 3
LEVELS = ("district", "street", "community")
LIKELIEST = 3
"""Names whose doors are offered where the name itself is not typed to its end."""
FARTHEST = 20
"""Numbers from the one typed that a door is still offered for it."""
_LATIN = re.compile(r"^[a-zA-Z' ]+$")
_LATIN_DOOR = re.compile(r"^([a-zA-Z' ]{2,}?) *(\d{1,5}(?:号|弄)?)$")
_DOOR = re.compile(r"^(.*?[^\d])(\d{1,5})(号|弄)?$")


class Suggestion(NamedTuple):
    """``text`` completes what was typed; ``kind``: name, door or area."""

    text: str
    kind: str
    lon: float
    lat: float
    district: str


class _Around(NamedTuple):
    """How many are asked for, and where from."""

    limit: int
    centre: tuple[float, float] | None
    district: str


class SuggestIndex:
    """Sorted keys of all names: the name, its pinyin, its initials; one text of all names to look into."""

    def __init__(self, gazetteer: Gazetteer, uses: dict[str, int]) -> None:
        self._gazetteer = gazetteer
        self._uses = uses
        self._tables: list[list[tuple[str, int]]] = [[], [], []]
        self._joined = "\n"
        self._starts: list[int] = []
        self._joined_bases: list[int] = []
        self.add(gazetteer.bases.texts[1:])

    def add(self, names: Iterable[str]) -> None:
        """Take up new names, and the other names of what they name."""
        gazetteer = self._gazetteer
        ids = gazetteer.bases.ids
        rows = [(name, ids[name]) for name in names if name in ids]
        new = {base for _, base in rows}
        for name, alias in gazetteer.aliases.items():
            base = ids.get(canonical(alias.base), 0)
            if base in new:
                rows.append((name, base))
        known = set(self._tables[0])
        rows = [row for row in dict.fromkeys(rows) if row not in known]
        said = [(in_words(name), base) for name, base in rows]
        fresh: list[list[tuple[str, int]]] = [
            rows,
            [(pinyin(name).replace("'", ""), base) for name, base in said],
            [(initials(name), base) for name, base in said],
        ]
        self._tables = [sorted([*table, *more]) for table, more in zip(self._tables, fresh, strict=True)]
        at = len(self._joined)
        for name, base in rows:
            self._starts.append(at)
            self._joined_bases.append(base)
            at += len(name) + 1
        self._joined += "".join(f"{name}\n" for name, _ in rows)

    def used(self, base: str) -> None:
        """Somebody chose it just now."""
        self._uses[base] = self._uses.get(base, 0) + 1

    def find(
        self, typed: str, *, limit: int = MOST, centre: tuple[float, float] | None = None, district: str = ""
    ) -> list[Suggestion]:
        """At most ``limit`` completions, the likeliest first: often chosen, large, near the map's centre."""
        text = typed.strip()
        if not text:
            return []
        around = _Around(limit, centre, canonical(district))
        if _LATIN.match(text):
            return self._ranked(dict.fromkeys(self._spelt(text), 0.0), around)
        spelt = _LATIN_DOOR.match(text)
        if spelt is not None:
            named = dict.fromkeys(self._spelt(spelt[1]), 0.0)
            return self._doors_of_likeliest(named, spelt[2], around) or self._ranked(named, around)
        form = canonical(text)
        if not form:
            return []
        areas = self._areas_named(form)
        found = [*areas, *self._completed(self._after_areas(form), around)][:limit]
        if found or len(text) <= 2:
            return found
        # What callers say before a place, or a place in a longer text.
        said = read(text, self._gazetteer.names.lexicon)
        if not said.bases:
            return []
        return self._completed(said.bases[-1] + (written(said.number) if said.number else ""), around)

    def _completed(self, form: str, around: _Around) -> list[Suggestion]:
        door = _DOOR.match(form)
        if door is None:
            return self._ranked(self._named(form, around.limit), around)
        digits = door[2] + (door[3] or "")
        base = self._base(door[1])
        if base:
            return self._doors(base, digits, around)
        return self._ranked(self._named(form, around.limit), around) or self._doors_of_likeliest(
            self._named(door[1], around.limit), digits, around
        )

    def _areas_named(self, form: str) -> list[Suggestion]:
        """Districts, street offices and communities whose names begin so, the largest first."""
        if len(form) < 2:
            return []
        found = [
            area
            for name, areas in self._gazetteer.known_areas.items()
            if name.startswith(form)
            for area in areas
        ]
        found.sort(key=lambda area: (LEVELS.index(area.level), area.name))
        made = []
        for area in found[:MOST_AREAS]:
            inside = shapely.point_on_surface(area.shape)
            lon, lat = self._gazetteer.columns.plane.degrees(inside.x, inside.y)
            made.append(Suggestion(in_words(area.name), "area", round(lon, 7), round(lat, 7), ""))
        return made

    def _base(self, name: str) -> int:
        """Id of a name or of what it is another name of; 0 for an unknown one."""
        ids, alias = self._gazetteer.bases.ids, self._gazetteer.aliases.get(name)
        return ids.get(name, 0) or (ids.get(canonical(alias.base), 0) if alias else 0)

    def _spelt(self, latin: str) -> list[int]:
        wanted = latin.lower().replace("'", "").replace(" ", "")
        return [*self._begin(1, wanted), *self._begin(2, wanted)] if wanted else []

    def _named(self, form: str, limit: int) -> dict[int, float]:
        """Bases that ``form`` begins, sounds like, or is a part of, with what they are behind others."""
        bases = dict.fromkeys(self._begin(0, form), 0.0)
        if len(form) < 2:
            return bases
        if len(bases) < 3:
            sound = pinyin(in_words(form)).replace("'", "")
            bases |= dict.fromkeys(self._begin(1, sound), 0.0) | bases
            similar = self._gazetteer.similar.find(form)[:limit]
            bases |= {self._gazetteer.bases.ids[name]: 0.0 for name, _, _ in similar} | bases
        if len(bases) < limit:
            bases = dict.fromkeys(self._inside(form), INSIDE_COST) | bases
        return bases

    def _inside(self, form: str) -> list[int]:
        """Bases that have ``form`` in their names."""
        found: list[int] = []
        at = self._joined.find(form)
        while at >= 0 and len(found) < INSIDE:
            found.append(self._joined_bases[bisect_right(self._starts, at) - 1])
            at = self._joined.find(form, at + 1)
        return found

    def _weighed(self, bases: dict[int, float], around: _Around) -> list[tuple[float, int, int]]:
        found = [
            (behind - self._weight(base, member, around), base, member)
            for base, behind in bases.items()
            for member in self._gazetteer.clusters_of(base)[:3]
        ]
        return sorted(found)

    def _ranked(self, bases: dict[int, float], around: _Around) -> list[Suggestion]:
        return [
            self._suggestion(base, member) for _, base, member in self._weighed(bases, around)[: around.limit]
        ]

    def _doors_of_likeliest(self, bases: dict[int, float], typed: str, around: _Around) -> list[Suggestion]:
        likeliest = dict.fromkeys(base for _, base, _ in self._weighed(bases, around))
        doors = [door for base in list(likeliest)[:LIKELIEST] for door in self._doors(base, typed, around)]
        return doors[: around.limit]

    def _after_areas(self, form: str) -> str:
        hits = self._gazetteer.names.lexicon.names_at(form, 0, DISTRICT | TOWN)
        return form[len(hits[0][0]) :] if hits and len(hits[0][0]) < len(form) else form

    def _begin(self, table: int, wanted: str) -> list[int]:
        rows = self._tables[table]
        start = bisect_left(rows, (wanted, -1))
        found: list[int] = []
        for key, base in rows[start : start + SCANNED]:
            if not key.startswith(wanted):
                break
            found.append(base)
        return found

    def _weight(self, base: int, member: int, around: _Around) -> float:
        columns = self._gazetteer.columns_of(base)
        cluster = columns.clusters[member]
        weight = log1p(cluster.end - cluster.start) - 0.15 * len(self._gazetteer.bases.texts[base])
        weight += 2.0 * log1p(self._uses.get(self._gazetteer.bases.texts[base], 0))
        if cluster.suspect:
            weight -= 5.0
        if around.district and self._gazetteer.areas.ids.get(around.district) in cluster.districts:
            weight += 2.0
        if around.centre is not None:
            x, y = columns.plane.metres(*around.centre)
            weight += 3.0 / (1.0 + hypot(cluster.x - x, cluster.y - y) / NEAR_M)
        return weight

    def _suggestion(self, base: int, member: int) -> Suggestion:
        columns = self._gazetteer.columns_of(base)
        cluster = columns.clusters[member]
        lon, lat = columns.plane.degrees(cluster.x, cluster.y)
        areas = self._gazetteer.areas.texts
        district = areas[min(cluster.districts)] if cluster.districts else ""
        return Suggestion(
            in_words(self._gazetteer.bases.texts[base]), "name", round(lon, 7), round(lat, 7), district
        )

    def _doors(self, base: int, typed: str, around: _Around) -> list[Suggestion]:
        """Doors and lanes whose numbers begin as ``typed``; of a number typed to its end (12号) that one, or
        the nearest known where it is not known itself."""
        digits = typed.rstrip("号弄")
        whole, wanted = digits != typed, int(digits)
        columns = self._gazetteer.columns_of(base)
        name = in_words(self._gazetteer.bases.texts[base])
        found: dict[str, tuple[float, Suggestion]] = {}
        here = columns.plane.metres(*around.centre) if around.centre is not None else None
        for member in self._gazetteer.clusters_of(base):
            cluster = columns.clusters[member]
            for row in range(cluster.start, min(cluster.end, cluster.start + SCANNED)):
                number, unit = columns.number[row], columns.unit[row]
                if unit not in (DOOR, LANE) or not (whole or str(number).startswith(digits)):
                    continue
                if whole and abs(number - wanted) > max(FARTHEST, 0.1 * wanted):
                    continue
                text = f"{name}{number}{'号' if unit == DOOR else '弄'}"
                lon, lat = columns.plane.degrees(columns.x[row], columns.y[row])
                district = self._gazetteer.areas.texts[columns.district[row]]
                away = hypot(columns.x[row] - here[0], columns.y[row] - here[1]) if here else 0.0
                off = abs(number - wanted) + 0.5 * (text[-1] != typed[-1]) if whole else len(str(number))
                order = off * 1e6 + away
                if text not in found or order < found[text][0]:
                    found[text] = (order, Suggestion(text, "door", round(lon, 7), round(lat, 7), district))
        ranked = sorted(found.values(), key=lambda item: (item[0], item[1].text))
        return [suggestion for _, suggestion in ranked[: around.limit]]
