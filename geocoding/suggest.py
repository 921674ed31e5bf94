"""Completion of names and addresses as they are typed, in Chinese, in pinyin, or by initials."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from math import hypot, log1p
from typing import NamedTuple

from geocoding.grammar.characters import initials, pinyin
from geocoding.grammar.lexicon import DISTRICT, TOWN
from geocoding.grammar.numerals import in_words
from geocoding.grammar.vocabulary import canonical
from geocoding.index.gazetteer import Gazetteer
from geocoding.interpolation import DOOR, LANE

MOST = 10
SCANNED = 3000
"""Names of one beginning that are weighed; more common beginnings are cut here."""
NEAR_M = 3000.0
_LATIN = re.compile(r"^[a-zA-Z' ]+$")
_DIGITS = re.compile(r"^(.*?[^\d])(\d{1,5})$")


class Suggestion(NamedTuple):
    """``text`` completes what was typed; ``kind``: name or door."""

    text: str
    kind: str
    lon: float
    lat: float
    district: str


class SuggestIndex:
    """Sorted keys of all names: the name, its pinyin, its initials."""

    def __init__(self, gazetteer: Gazetteer, uses: dict[str, int]) -> None:
        self._gazetteer = gazetteer
        self._uses = uses
        self._tables: list[list[tuple[str, int]]] = [[], [], []]
        self.add(gazetteer.bases.texts[1:])

    def add(self, names: Iterable[str]) -> None:
        """Take up new names."""
        ids = self._gazetteer.bases.ids
        rows = [(name, ids[name]) for name in names if name in ids]
        fresh: list[list[tuple[str, int]]] = [
            rows,
            [(pinyin(name).replace("'", ""), base) for name, base in rows],
            [(initials(name), base) for name, base in rows],
        ]
        self._tables = [
            sorted(set(table).union(more)) if table else sorted(more)
            for table, more in zip(self._tables, fresh, strict=True)
        ]

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
        if _LATIN.match(text):
            wanted = text.lower().replace("'", "").replace(" ", "")
            bases = dict.fromkeys((*self._begin(1, wanted), *self._begin(2, wanted)))
        else:
            form = self._after_areas(canonical(text))
            door = _DIGITS.match(form)
            base = self._gazetteer.bases.ids.get(door[1]) if door else None
            if door and base:
                return self._doors(base, door[2], limit, centre)
            bases = dict.fromkeys(self._begin(0, form))
            if len(bases) < 3 and len(form) >= 2:
                bases |= dict.fromkeys(self._begin(1, pinyin(form).replace("'", "")))
                similar = self._gazetteer.similar.find(form)[:limit]
                bases |= {self._gazetteer.bases.ids[name]: None for name, _, _ in similar}
        found = [
            (self._weight(base, member, centre, district), base, member)
            for base in bases
            for member in self._gazetteer.clusters_of(base)[:3]
        ]
        found.sort(key=lambda item: (-item[0], item[1]))
        return [self._suggestion(base, member) for _, base, member in found[:limit]]

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

    def _weight(self, base: int, member: int, centre: tuple[float, float] | None, district: str) -> float:
        columns = self._gazetteer.columns_of(base)
        cluster = columns.clusters[member]
        weight = log1p(cluster.end - cluster.start) - 0.15 * len(self._gazetteer.bases.texts[base])
        weight += 2.0 * log1p(self._uses.get(self._gazetteer.bases.texts[base], 0))
        if cluster.suspect:
            weight -= 5.0
        if district and self._gazetteer.areas.ids.get(canonical(district)) in cluster.districts:
            weight += 2.0
        if centre is not None:
            x, y = columns.plane.metres(*centre)
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

    def _doors(
        self, base: int, digits: str, limit: int, centre: tuple[float, float] | None
    ) -> list[Suggestion]:
        columns = self._gazetteer.columns_of(base)
        name = in_words(self._gazetteer.bases.texts[base])
        found: dict[str, tuple[float, Suggestion]] = {}
        here = columns.plane.metres(*centre) if centre is not None else None
        for member in self._gazetteer.clusters_of(base):
            cluster = columns.clusters[member]
            for row in range(cluster.start, min(cluster.end, cluster.start + SCANNED)):
                number = str(columns.number[row])
                if columns.unit[row] not in (DOOR, LANE) or not number.startswith(digits):
                    continue
                text = f"{name}{number}{'号' if columns.unit[row] == DOOR else '弄'}"
                lon, lat = columns.plane.degrees(columns.x[row], columns.y[row])
                district = self._gazetteer.areas.texts[columns.district[row]]
                away = hypot(columns.x[row] - here[0], columns.y[row] - here[1]) if here else 0.0
                order = len(number) * 1e6 + away
                if text not in found or order < found[text][0]:
                    found[text] = (order, Suggestion(text, "door", round(lon, 7), round(lat, 7), district))
        ranked = sorted(found.values(), key=lambda item: (item[0], item[1].text))
        return [suggestion for _, suggestion in ranked[:limit]]
