"""The street network: arterials of the plan, streets of each quarter, and the blocks between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from command_center.demo import planar
from command_center.demo.names import Name, NameBag, numbered_road, road_name
from command_center.demo.plan import QUARTERS, SCALE, Plan, PlanLine, Quarter
from command_center.demo.planar import Geometries

RANK = {
    kind: rank
    for rank, kind in enumerate(
        ("trunk", "primary", "secondary", "river", "tertiary", "residential", "service", "canal", "section")
    )
}
ARTERIAL = frozenset({"trunk", "primary", "secondary"})
_NARROWEST_BLOCK_M = 34.0
_SHORTEST_DEAD_END_M = 45.0
_SHORTEST_ARTERIAL_END_M = 120.0


@dataclass(frozen=True)
class Network:
    """Noded edges with what they are, and the blocks they enclose.

    ``line`` indexes ``lines``; ``sides`` are the blocks along each edge (-1: outside the district);
    ``quarter`` is the key of each block's quarter, ``water`` for blocks between the embankments.
    """

    lines: Sequence[PlanLine]
    edges: Geometries
    line: NDArray[np.int64]
    blocks: Geometries
    sides: NDArray[np.int64]
    quarter: Sequence[str]

    @property
    def kinds(self) -> NDArray[np.str_]:
        """Road class, ``river`` or ``canal`` of each edge."""
        return np.array([item.kind for item in self.lines])[self.line]


def quarter_at(x: float, y: float, river_y: float) -> str:
    """The quarter of a point in plan coordinates; ``river_y``: the river's northing there."""
    north = y > river_y
    if north:
        if -640 < x < 1010 and y < 1000:
            return "old_town"
        if x >= 1340:
            return "industry"
        if x < -640 and y < 1660:
            return "riverside"
        return "north_estate"
    if x < -1340:
        return "campus" if y < -870 and x < -2050 else "residential"
    if y > -1490 and x < 2090:
        return "centre" if x > -640 else "residential"
    return "south_estate"


def build_network(rng: np.random.Generator, plan: Plan, names: NameBag) -> Network:
    """Draw each quarter's streets between the arterials and clean the result.

    Blocks too small or too narrow lose a street of theirs; stubs are cut off.
    """
    skeleton = planar.faces(planar.node([line.geom for line in plan.lines]))
    ground = _Ground(plan, skeleton)
    closed = shapely.union_all(
        [
            plan.corridor.buffer(-1),
            *(lake.buffer(53 if i == 0 else 30) for i, (_, lake) in enumerate(plan.lakes)),
        ]
    )
    lines = list(plan.lines)
    for key, quarter in QUARTERS.items():
        if ground.of(key).is_empty:
            continue
        lines += _streets_of(rng, quarter, shapely.difference(ground.of(key), closed), names)
    edges = planar.node([line.geom for line in lines])
    rank = np.array([RANK[line.kind] for line in lines], dtype=np.int64)
    origin = planar.trace(edges, np.array([line.geom for line in lines], dtype=object), rank)
    edges, origin = edges[origin >= 0], origin[origin >= 0]
    edges, origin = _leave_gaps(rng, plan, ground, lines, edges, origin)
    edges, origin = _clean(plan, ground, lines, edges, origin)
    blocks = planar.faces(edges)
    inside = shapely.contains(plan.district.buffer(1.0), shapely.point_on_surface(blocks))
    blocks = _without_tips(blocks[inside & (shapely.area(blocks) > 1.0)])
    return Network(lines, edges, origin, blocks, planar.sides(edges, blocks), ground.quarters(blocks))


def _without_tips(blocks: Geometries) -> Geometries:
    """Without the splinters at the district's corners that hang on by a point only."""
    tree = shapely.STRtree(blocks)
    keep = np.ones(len(blocks), dtype=bool)
    for tip in np.flatnonzero(shapely.area(blocks) < 400.0):
        near = tree.query(blocks[tip], predicate="intersects")
        border = shapely.length(
            shapely.intersection(shapely.boundary(blocks[tip]), blocks[near[near != tip]])
        )
        keep[tip] = bool((border > 1.0).any())
    return blocks[keep]


class _Ground:
    """Which quarter a place belongs to, by the faces between the arterials."""

    def __init__(self, plan: Plan, skeleton: Geometries) -> None:
        points = shapely.point_on_surface(skeleton)
        axis = shapely.get_coordinates(plan.river_axis)
        x, y = shapely.get_coordinates(points).T / SCALE
        river = np.interp(x, axis[:, 0] / SCALE, axis[:, 1] / SCALE)
        wet = shapely.contains(plan.corridor, points)
        inside = shapely.contains(plan.district, points)
        keys = [
            ("water" if w else quarter_at(float(a), float(b), float(r))) if i else ""
            for a, b, r, w, i in zip(x, y, river, wet, inside, strict=True)
        ]
        self._faces = skeleton
        self._keys = np.array(keys)
        self._tree = shapely.STRtree(skeleton)

    def of(self, key: str) -> Any:
        """All ground of a quarter."""
        return shapely.union_all(self._faces[self._keys == key])

    def quarters(self, geoms: Geometries) -> list[str]:
        """The quarter of each geometry's inner point; empty outside the district."""
        found = np.full(len(geoms), "", dtype=self._keys.dtype)
        which, face = self._tree.query(shapely.point_on_surface(geoms), predicate="intersects")
        found[which] = self._keys[face]
        return [str(key) for key in found]


def _streets_of(rng: np.random.Generator, quarter: Quarter, ground: Any, names: NameBag) -> list[PlanLine]:
    """Two families of lines at right angles, strayed and clipped to the quarter's ground."""
    centre = np.asarray(shapely.get_coordinates(shapely.centroid(ground)))[0]
    angle = np.radians(quarter.angle)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    reach = float(np.hypot(*(np.ptp(shapely.get_coordinates(shapely.envelope(ground)), axis=0)))) / 2 + 50
    along = np.arange(-reach, reach, 18.0)
    ripple = rng.uniform(0.6, 1.0, size=(2, 3)), rng.uniform(0, 6.3, size=(2, 3))
    found: list[PlanLine] = []
    for family in (0, 1):
        step = quarter.spacing[family]
        gaps = rng.uniform(0.82, 1.18, size=int(2 * reach / step) + 2) * step
        for number, offset in enumerate(np.cumsum(gaps) - reach):
            if offset > reach:
                break
            sway = sum(
                ripple[0][family, k] * np.sin(along / (140.0 * (k + 1)) + ripple[1][family, k] + offset / 310)
                for k in range(3)
            )
            own = rng.normal(0, 1, size=2) @ np.stack([np.sin(along / 95), np.cos(along / 60)])
            across = offset + quarter.crook * (np.asarray(sway) + 0.5 * own)
            points = np.stack([across, along] if family == 0 else [along, across], axis=1) @ turn + centre
            inside = shapely.intersection(shapely.LineString(points), ground)
            pieces = [p for p in shapely.get_parts(inside) if p.geom_type == "LineString" and p.length > 1]
            if pieces:
                kind, name = _describe(quarter, family, number, names)
                found += [PlanLine(kind, name, piece) for piece in pieces]
    return found


def _describe(quarter: Quarter, family: int, number: int, names: NameBag) -> tuple[str, Name]:
    """Class and name of a quarter's ``number``-th street; family 0 runs north, 1 east."""
    if quarter.key == "old_town":
        if number % 5 == 2:
            return "tertiary", road_name(names.old(), "街")
        return "residential", road_name(names.old(), ("巷", "弄")[(number + family) % 2])
    if quarter.key == "industry":
        base = "兴业" if family == 0 else "科工"
        kind = "tertiary" if number % 2 else "residential"
        return kind, numbered_road(base, number + 1) if number < 9 else road_name(names.industry(), "路")
    if quarter.key == "campus":
        return "residential", road_name(names.campus(), "路")
    kind = "tertiary" if number % 2 == 0 else "residential"
    return kind, road_name(names.modern(), "街" if family == 1 and number % 3 else "路")


def _leave_gaps(
    rng: np.random.Generator,
    plan: Plan,
    ground: "_Ground",
    lines: Sequence[PlanLine],
    edges: Geometries,
    origin: NDArray[np.int64],
) -> tuple[Geometries, NDArray[np.int64]]:
    """Take out a share of the quarter streets' pieces, so that blocks differ in size."""
    quarter = ground.quarters(edges)
    share = np.array([QUARTERS[q].gaps if q in QUARTERS else 0.0 for q in quarter])
    kind = np.array([lines[i].kind for i in origin])
    share[kind == "tertiary"] *= 0.35
    minor = origin >= len(plan.lines)
    keep = ~minor | (rng.uniform(size=len(edges)) >= share)
    return edges[keep], origin[keep]


def _clean(
    plan: Plan,
    ground: "_Ground",
    lines: Sequence[PlanLine],
    edges: Geometries,
    origin: NDArray[np.int64],
) -> tuple[Geometries, NDArray[np.int64]]:
    for _ in range(12):
        edges, origin = _cut_stubs(plan, lines, edges, origin)
        blocks = planar.faces(edges)
        sides = planar.sides(edges, blocks)
        least = np.array(
            [QUARTERS[q].smallest_block_m2 if q in QUARTERS else 0.0 for q in ground.quarters(blocks)]
        )
        bad = (shapely.area(blocks) < least) | ((planar.widths(blocks) < _NARROWEST_BLOCK_M) & (least > 0))
        removable = (origin >= len(plan.lines)) & (sides[:, 0] != sides[:, 1])
        removable &= (bad[sides[:, 0]] & (sides[:, 0] >= 0)) | (bad[sides[:, 1]] & (sides[:, 1] >= 0))
        if not removable.any():
            break
        drop: set[int] = set()
        touched: set[int] = set()
        length = shapely.length(edges)
        for edge in sorted(np.flatnonzero(removable).tolist(), key=lambda e: -length[e]):
            pair = {int(s) for s in sides[edge]}
            if not pair & touched:
                drop.add(edge)
                touched |= pair
        keep = np.array([i not in drop for i in range(len(edges))])
        edges, origin = edges[keep], origin[keep]
    return _cut_stubs(plan, lines, edges, origin)


def _cut_stubs(
    plan: Plan, lines: Sequence[PlanLine], edges: Geometries, origin: NDArray[np.int64]
) -> tuple[Geometries, NDArray[np.int64]]:
    """Take off edges with a free end that are too short to be a dead-end street."""
    kinds = np.array([line.kind for line in lines])
    while True:
        ends = np.concatenate([shapely.get_point(edges, 0), shapely.get_point(edges, -1)])
        xy = np.round(shapely.get_coordinates(ends) / planar.PRECISION_M).astype(np.int64)
        _, inverse, count = np.unique(xy, axis=0, return_inverse=True, return_counts=True)
        degree = count[inverse.reshape(-1)].reshape(2, -1).min(axis=0)
        minor = origin >= len(plan.lines)
        shortest = np.where(minor, _SHORTEST_DEAD_END_M, _SHORTEST_ARTERIAL_END_M)
        stub = (degree == 1) & (shapely.length(edges) < shortest)
        stub &= ~np.isin(kinds[origin], ["river", "canal"])
        if not stub.any():
            return edges, origin
        edges, origin = edges[~stub], origin[~stub]
