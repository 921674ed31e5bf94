"""Which street, community, unit grid, responsibility grid and timing area a point lies in."""

from collections.abc import Sequence
from typing import Any

import shapely

from geocoding.answers import Answer, Candidate
from geocoding.grammar.vocabulary import canonical
from geocoding.store import Connection, sql

LAYERS = (
    ("street", "street_code", "street"),
    ("community", "community_code", "community"),
    ("grid", "grid_code"),
    ("responsibility", "responsibility_grid"),
    ("timing", "timing_area"),
)
"""Each layer, and what a candidate gets from its label."""


class Areas:
    """The areas of the city, read once; ``stamp`` writes them into answers, many at a time.

    One tree holds the polygons of all layers: a look-up's price is the call, not the search.
    """

    def __init__(self, connection: Connection) -> None:
        named = connection.execute(sql("located_areas")).fetchall()
        rows = {
            "street": [row[1:] for row in named if row[0] == "street"],
            "community": [row[1:] for row in named if row[0] == "community"],
            "grid": connection.execute(sql("located_grids")).fetchall(),
            "responsibility": connection.execute(sql("located_responsibility_grids")).fetchall(),
            "timing": connection.execute(sql("located_timing_areas")).fetchall(),
        }
        shapes: list[bytes] = []
        self._labels: list[tuple[tuple[str, str], ...]] = []
        """For each polygon the members it gives to what lies in it."""
        for layer, *members in LAYERS:
            for *label, shape in rows[layer]:
                shapes.append(shape)
                self._labels.append(tuple(zip(members, label, strict=True)))
        self._tree = shapely.STRtree(shapely.from_wkb(shapes))

    def _found(self, points: Any) -> list[tuple[int, int]]:
        """Pairs of point and polygon. On a shared border the lowest polygon comes last and so wins: an
        answer can be repeated."""
        which, polygon = self._tree.query(points, predicate="intersects")
        return sorted(zip(which.tolist(), polygon.tolist(), strict=True), reverse=True)

    def stamp(self, answers: Sequence[Answer], *, first_only: bool = False) -> None:
        """Fill in street, community, grids and timing area of the candidates; of an area only what it lies in
        as a whole."""
        candidates = [c for a in answers for c in (a.candidates[:1] if first_only else a.candidates)]
        if not candidates:
            return
        points = shapely.points([c.lon for c in candidates], [c.lat for c in candidates])
        for point, polygon in self._found(points):
            for member, value in self._labels[polygon]:
                setattr(candidates[point], member, value)
        for candidate in candidates:
            if candidate.level == "area":
                _only_whole(candidate)

    def at(self, lon: float, lat: float) -> dict[str, str]:
        """Names and codes of what one point lies in; empty where it lies in none."""
        found = {member: "" for _, *members in LAYERS for member in members}
        for _, polygon in self._found(shapely.points([[lon, lat]])):
            found.update(self._labels[polygon])
        return found


def _only_whole(candidate: Candidate) -> None:
    """Take from an area's candidate what only its middle lies in."""
    name = canonical(candidate.matched)
    whole: tuple[str, ...] = ()
    if candidate.community and canonical(candidate.community) == name:
        whole = ("street", "street_code", "community", "community_code")
    elif candidate.street and canonical(candidate.street) == name:
        whole = ("street", "street_code")
    for _, *members in LAYERS:
        for member in members:
            if member not in whole:
                setattr(candidate, member, "")
