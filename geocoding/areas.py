"""Which street, community, unit grid, responsibility grid and timing area a point lies in."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely

from geocoding.answers import Answer
from geocoding.store import Connection, sql


class _Layer:
    """Polygons with a label, found by point."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self.labels = [row[:-1] for row in rows]
        self.tree = shapely.STRtree(shapely.from_wkb([row[-1] for row in rows]))

    def find(self, points: Any) -> list[tuple[Any, ...] | None]:
        found: list[tuple[Any, ...] | None] = [None] * len(points)
        if not self.labels:
            return found
        which, polygon = self.tree.query(points, predicate="intersects")
        # The lowest polygon number wins on a shared border, so that an answer can be repeated.
        for point, area in sorted(zip(which.tolist(), polygon.tolist(), strict=True), reverse=True):
            found[point] = self.labels[area]
        return found


class Areas:
    """The areas of the city, read once; ``stamp`` writes them into answers, many at a time."""

    def __init__(self, connection: Connection) -> None:
        areas = connection.execute(sql("located_areas")).fetchall()
        self.streets = _Layer([row[1:] for row in areas if row[0] == "street"])
        self.communities = _Layer([row[1:] for row in areas if row[0] == "community"])
        self.grids = _Layer(connection.execute(sql("located_grids")).fetchall())
        self.responsibility = _Layer(connection.execute(sql("located_responsibility_grids")).fetchall())
        self.timing = _Layer(connection.execute(sql("located_timing_areas")).fetchall())

    def stamp(self, answers: Sequence[Answer], *, first_only: bool = False) -> None:
        """Fill in street, community, grids and timing area of the candidates."""
        candidates = [c for a in answers for c in (a.candidates[:1] if first_only else a.candidates)]
        if not candidates:
            return
        points = shapely.points(np.array([(c.lon, c.lat) for c in candidates]))
        found = zip(
            candidates, self.streets.find(points), self.communities.find(points), self.grids.find(points),
            self.responsibility.find(points), self.timing.find(points), strict=True,
        )  # fmt: skip
        for candidate, street, community, grid, responsibility, timing in found:
            if street:
                candidate.street_code, candidate.street = street
            if community:
                candidate.community_code, candidate.community = community
            candidate.grid_code = grid[0] if grid else ""
            candidate.responsibility_grid = responsibility[0] if responsibility else ""
            candidate.timing_area = timing[0] if timing else ""

    def at(self, lon: float, lat: float) -> dict[str, str]:
        """Names and codes of what one point lies in; empty where it lies in none."""
        points = shapely.points([[lon, lat]])
        street = self.streets.find(points)[0] or ("", "")
        community = self.communities.find(points)[0] or ("", "")
        grid, responsibility, timing = (
            (layer.find(points)[0] or ("",))[0] for layer in (self.grids, self.responsibility, self.timing)
        )
        return {
            "street_code": street[0], "street": street[1], "community_code": community[0],
            "community": community[1], "grid_code": grid, "responsibility_grid": responsibility,
            "timing_area": timing,
        }  # fmt: skip
