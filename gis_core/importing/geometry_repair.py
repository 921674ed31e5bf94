"""Geometry made fit for storage by rule, whole arrays at a time; every change is reported."""

from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_core.errors import Text
from gis_core.importing.report import Issue, issue

Shapes = NDArray[Any]
Kind = Literal["polygon", "line", "point", "any"]

_DIMENSION: dict[Kind, int] = {"point": 0, "line": 1, "polygon": 2}
_WANTED: dict[Kind, Text] = {
    "point": Text("点", "point"), "line": Text("线", "line"), "polygon": Text("面", "polygon"),
}  # fmt: skip
_TYPE_NAMES = tuple(
    Text(zh, en)
    for zh, en in (
        ("点", "Point"), ("线", "LineString"), ("环", "LinearRing"), ("面", "Polygon"),
        ("多点", "MultiPoint"), ("多线", "MultiLineString"), ("多面", "MultiPolygon"),
        ("混合几何", "GeometryCollection"),
    )
)  # fmt: skip
_REASONS_ZH = {
    "Self-intersection": "自相交",
    "Ring Self-intersection": "环自相交",
    "Hole lies outside shell": "洞在外环之外",
    "Nested shells": "外环相套",
    "Nested holes": "洞相套",
    "Holes are nested": "洞相套",
    "Interior is disconnected": "内部不相连",
    "Duplicate Rings": "环重复",
    "Too few points in geometry component": "点太少",
    "Ring is not closed": "环未闭合",
    "Invalid Coordinate": "坐标无效",
}
"""What GEOS says of invalid shapes; the place follows in brackets."""


def shapes_from_wkb(wkb: NDArray[Any], ids: NDArray[Any]) -> tuple[Shapes, list[Issue]]:
    """Shapes of WKB values; open rings are closed, what cannot be read becomes None."""
    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    given = np.array([value is not None for value in wkb], dtype=bool)
    failed = np.flatnonzero(given & shapely.is_missing(shapes))
    if not failed.size:
        return shapes, []
    shapes[failed] = shapely.from_wkb(wkb[failed], on_invalid="fix")
    closed = ~shapely.is_missing(shapes[failed])
    return shapes, [
        issue(ids[at], "ring-closed" if mended else "geometry-unreadable")
        for at, mended in zip(failed, closed, strict=True)
    ]


def flatten(shapes: Shapes, ids: NDArray[Any]) -> tuple[Shapes, NDArray[np.bool_], list[Issue]]:
    """Two-dimensional shapes with finite coordinates, and which of them may go on.

    Missing, empty and non-finite ones are refused.
    """
    shapes = shapes.copy()
    issues: list[Issue] = []
    missing = shapely.is_missing(shapes)
    empty = shapely.is_empty(shapes) & ~missing
    deep = shapely.has_z(shapes) | shapely.has_m(shapes)
    shapes[deep] = shapely.force_2d(shapes[deep])
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    broken = np.zeros(len(shapes), dtype=bool)
    broken[owner[~np.isfinite(points).all(axis=1)]] = True
    for mask, code in (
        (missing, "geometry-missing"),
        (empty, "geometry-empty"),
        (broken, "coordinate-not-finite"),
        (deep & ~empty & ~broken, "z-dropped"),
    ):
        issues += [issue(ids[at], code) for at in np.flatnonzero(mask)]
    return shapes, ~(missing | empty | broken), issues


def repair(shapes: Shapes, kind: Kind, ids: NDArray[Any]) -> tuple[Shapes, NDArray[np.bool_], list[Issue]]:
    """Valid shapes of one kind (multi parts where the kind has any), and which were accepted.

    Rules: a closed line becomes a polygon where polygons are wanted; anything becomes a point inside it
    where points are wanted; invalid shapes go through GEOS make_valid and keep the parts of their own
    dimension. Expects flat, non-empty shapes.
    """
    shapes = shapes.copy()
    shapes, issues = _validate(shapes, ids)
    accepted = ~shapely.is_empty(shapes)
    if kind == "any":
        return shapes, accepted, issues
    if kind == "point":
        extended = accepted & (shapely.get_type_id(shapes) != shapely.GeometryType.POINT)
        issues += [
            issue(ids[at], "point-inside", found=_TYPE_NAMES[shapely.get_type_id(shapes[at])])
            for at in np.flatnonzero(extended)
        ]
        shapes[extended] = shapely.point_on_surface(shapes[extended])
        return shapes, accepted, issues
    if kind == "polygon":
        closed = (shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING) & shapely.is_closed(shapes)
        closed &= shapely.get_num_points(shapes) >= 4
        if closed.any():
            points, owner = shapely.get_coordinates(shapes[closed], return_index=True)
            rings = shapely.linearrings(points, indices=owner)
            closed_ids = ids[closed]
            shapes[closed], more = _validate(shapely.polygons(rings), closed_ids)
            issues += [issue(one, "line-closed") for one in closed_ids] + more
            accepted &= ~shapely.is_empty(shapes)
    dimension = _DIMENSION[kind]
    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    shapes[mixed] = _parts_of_dimension(shapes[mixed], np.full(int(mixed.sum()), dimension))
    wrong = accepted & ((shapely.get_dimensions(shapes) != dimension) | shapely.is_empty(shapes))
    issues += [
        issue(
            ids[at],
            "geometry-type",
            found=_TYPE_NAMES[shapely.get_type_id(shapes[at])],
            wanted=_WANTED[kind],
        )
        for at in np.flatnonzero(wrong)
    ]
    return shapes, accepted & ~wrong, issues


def as_multi(shapes: Shapes, kind: Kind) -> Shapes:
    """Polygons and lines as their multi types; the shape does not change, so no issue is made."""
    if kind not in ("polygon", "line") or not len(shapes):
        return shapes
    build = shapely.multipolygons if kind == "polygon" else shapely.multilinestrings
    parts, owner = shapely.get_parts(shapes, return_index=True)
    out = shapes.copy()
    return np.asarray(build(parts, indices=owner, out=out))


def _validate(shapes: Shapes, ids: NDArray[Any]) -> tuple[Shapes, list[Issue]]:
    """Invalid shapes mended; one of which nothing of its dimension is left becomes empty."""
    invalid = np.flatnonzero(~shapely.is_valid(shapes))
    if not invalid.size:
        return shapes, []
    before = shapes[invalid]
    why = shapely.is_valid_reason(before)
    after = shapely.make_valid(before, method="structure", keep_collapsed=False)
    after = _parts_of_dimension(after, shapely.get_dimensions(before))
    # The structure method may leave parts that share an edge: dissolve them.
    touching = np.flatnonzero(~shapely.is_valid(after))
    after[touching] = shapely.union_all(after[touching].reshape(-1, 1), axis=1)
    gone = shapely.is_empty(after)
    area_before, area_after = shapely.area(before), shapely.area(after)
    change = np.divide(
        area_after - area_before, area_before, out=np.zeros(len(before)), where=area_before > 0
    )
    shapes[invalid] = after
    return shapes, [
        issue(ids[at], "geometry-collapsed", why=_reason(reason))
        if lost
        else issue(ids[at], "made-valid", why=_reason(reason), change=float(part))
        for at, reason, lost, part in zip(invalid, why, gone, change, strict=True)
    ]


def _reason(said: str) -> Text:
    words, bracket, place = said.partition("[")
    return Text(_REASONS_ZH.get(words, words) + bracket + place, said)


def _parts_of_dimension(shapes: Shapes, dimension: NDArray[Any]) -> Shapes:
    """Each shape cut down to its parts of the given dimension; empty where there are none."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    # make_valid may nest a multi shape in a collection: flatten once more.
    parts, inner = shapely.get_parts(parts, return_index=True)
    owner = owner[inner]
    keep = shapely.get_dimensions(parts) == dimension[owner]
    result = np.full(len(shapes), shapely.Polygon(), dtype=object)
    for at_dimension, build in enumerate(
        (shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)
    ):
        chosen = keep & (dimension[owner] == at_dimension)
        if chosen.any():
            build(parts[chosen], indices=owner[chosen], out=result)
    single = shapely.get_num_geometries(result) == 1
    result[single] = shapely.get_geometry(result[single], 0)
    return result
