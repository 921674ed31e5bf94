"""Topology report of unit grids: numbers, and the places somebody should look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_core.gridding import coverage
from gis_core.gridding.coverage import Floats, Geometries, Indices
from gis_core.gridding.cutting import Buildings
from gis_core.gridding.division import cut_buildings

SIZE_CLASSES_M2 = (0, 1_000, 2_500, 5_000, 7_500, 10_000, 12_500, 15_000, 20_000, 30_000)
"""Lower ends; the last class is open."""
_ROUNDING_M = 0.002
"""Half the width below which a gap or overlap is rounding: coordinates are on a 1 mm grid."""
_SLIVER_WIDTH_M = 25.0


@dataclass(frozen=True)
class Issue:
    """``measure``: m²; for a cut building the m² outside the cell with the most of it. ``place``: a point."""

    kind: str
    measure: float
    community_code: str
    place: shapely.Point


@dataclass(frozen=True)
class Report:
    numbers: dict[str, Any]
    issues: Sequence[Issue]


def examine(
    cells: Geometries, communities: Sequence[str], homes: Geometries, home_codes: Sequence[str],
    buildings: Geometries, codes: Sequence[str] = (),
) -> Report:  # fmt: skip
    """Compare cells (metres) with the communities they must fill, and with each other.

    ``communities``: the community code of each cell, ``home_codes`` those of ``homes`` in the same
    spelling. ``codes``: unit grid codes where they exist already.
    """
    area = shapely.area(cells)
    whole = shapely.union_all(homes)
    issues = _gaps(whole, cells, homes, home_codes)
    issues += _overlaps(cells, communities)
    issues += _crossings(cells, communities, homes, home_codes)
    footprints = Buildings.of(buildings)
    cut, _ = cut_buildings(cells, footprints)
    issues += _cut(cut, footprints, cells, communities)
    narrow = coverage.widths(cells) < _SLIVER_WIDTH_M
    issues += _at_cells("sliver", np.flatnonzero(narrow), area, cells, communities)
    issues += _at_cells("too_small", np.flatnonzero(area < 5_000), area, cells, communities)
    issues += _at_cells("too_large", np.flatnonzero(area > 20_000), area, cells, communities)
    count, size = {}, {}
    for kind in ("gap", "overlap", "crossing", "building_cut", "sliver", "too_small", "too_large"):
        found = [issue for issue in issues if issue.kind == kind]
        count[kind], size[kind] = len(found), float(sum(issue.measure for issue in found))
    inside = float(((area >= 5_000) & (area <= 20_000)).mean()) if len(cells) else 0.0
    numbers = {
        "cells": len(cells),
        "communities": len(set(communities)),
        "area_m2": round(whole.area, 2),
        "cells_m2": round(float(area.sum()), 2),
        "coverage_valid": bool(shapely.coverage_is_valid(cells)),
        "gaps": count["gap"],
        "gaps_m2": round(size["gap"], 3),
        "overlaps": count["overlap"],
        "overlaps_m2": round(size["overlap"], 3),
        "crossings": count["crossing"],
        "crossings_m2": round(size["crossing"], 3),
        "buildings": len(footprints.shapes),
        "buildings_cut": count["building_cut"],
        "slivers": count["sliver"],
        "too_small": count["too_small"],
        "too_large": count["too_large"],
        "duplicate_codes": len(codes) - len(set(codes)),
        "share_5000_20000": round(inside, 4),
        "mean_m2": round(float(area.mean()), 1) if len(cells) else 0.0,
        "compactness_median": round(float(np.median(_compactness(cells))), 3) if len(cells) else 0.0,
        "histogram": _histogram(area),
    }
    return Report(numbers, issues)


def _compactness(cells: Geometries) -> Floats:
    return coverage.compactness(shapely.area(cells), shapely.length(cells))


def _histogram(area: Floats) -> list[dict[str, Any]]:
    counted, _ = np.histogram(area, bins=[*SIZE_CLASSES_M2, np.inf])
    ends = [*SIZE_CLASSES_M2[1:], None]
    return [
        {"from_m2": low, "to_m2": high, "cells": number}
        for low, high, number in zip(SIZE_CLASSES_M2, ends, counted.tolist(), strict=True)
    ]


def _beyond_rounding(shapes: Geometries) -> Geometries:
    """Polygon parts that are wider than rounding makes them."""
    parts = shapely.get_parts(shapes)
    parts = parts[shapely.get_type_id(parts) == 3]
    wide: Geometries = parts[~shapely.is_empty(shapely.buffer(parts, -_ROUNDING_M))]
    return wide


def _gaps(
    whole: shapely.Geometry, cells: Geometries, homes: Geometries, home_codes: Sequence[str]
) -> list[Issue]:
    left = _beyond_rounding(np.array([shapely.difference(whole, shapely.union_all(cells))]))
    if len(left) == 0:
        return []
    places = shapely.point_on_surface(left)
    near = shapely.STRtree(homes).nearest(places)
    return [
        Issue("gap", shape.area, home_codes[home], place)
        for shape, home, place in zip(left, near.tolist(), places, strict=True)
    ]


def _overlaps(cells: Geometries, communities: Sequence[str]) -> list[Issue]:
    one, two = shapely.STRtree(cells).query(cells, predicate="intersects")
    one, two = one[one < two], two[one < two]
    # Neighbours of a sound coverage meet in lines; only what has an area is looked at more closely.
    common = shapely.intersection(cells[one], cells[two])
    wide = (shapely.area(common) > 0) & ~shapely.is_empty(shapely.buffer(common, -_ROUNDING_M))
    return [
        Issue("overlap", shape.area, communities[cell], shapely.point_on_surface(shape))
        for shape, cell in zip(common[wide], one[wide].tolist(), strict=True)
    ]


def _crossings(
    cells: Geometries, communities: Sequence[str], homes: Geometries, home_codes: Sequence[str]
) -> list[Issue]:
    """Cells that reach out of their community."""
    place = {code: index for index, code in enumerate(home_codes)}
    home = np.array([place.get(code, -1) for code in communities], dtype=np.int64)
    known = np.flatnonzero(home >= 0)
    shapely.prepare(homes)
    out = known[~shapely.covers(homes[home[known]], cells[known])]
    beyond = shapely.difference(cells[out], homes[home[out]])
    crossing = ~shapely.is_empty(shapely.buffer(beyond, -_ROUNDING_M))
    found = [
        Issue("crossing", shape.area, communities[cell], shapely.point_on_surface(shape))
        for shape, cell in zip(beyond[crossing], out[crossing].tolist(), strict=True)
    ]
    lost = np.flatnonzero(home < 0)
    return found + _at_cells("crossing", lost, shapely.area(cells), cells, communities)


def _cut(cut: Indices, buildings: Buildings, cells: Geometries, communities: Sequence[str]) -> list[Issue]:
    if len(cut) == 0:
        return []
    shapes = buildings.shapes[cut]
    which, cell = shapely.STRtree(cells).query(shapes, predicate="intersects")
    part = shapely.area(shapely.intersection(shapes[which], cells[cell]))
    largest = np.zeros(len(cut))
    np.maximum.at(largest, which, part)
    places = shapely.point_on_surface(shapes)
    at = shapely.STRtree(cells).nearest(places)
    lost = shapely.area(shapes) - largest
    return [
        Issue("building_cut", measure, communities[cell], place)
        for measure, cell, place in zip(lost.tolist(), at.tolist(), places, strict=True)
    ]


def _at_cells(
    kind: str, which: NDArray[np.int64], measure: Floats, cells: Geometries, communities: Sequence[str]
) -> list[Issue]:
    places = shapely.point_on_surface(cells[which])
    return [
        Issue(kind, float(measure[index]), communities[index], place)
        for index, place in zip(which.tolist(), places, strict=True)
    ]
