"""Communities and streets (街道) made of whole blocks, so that they tile the district."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from command_center.demo import planar
from command_center.demo.names import Name, NameBag, pinyin
from command_center.demo.plan import DISTRICT_CODE
from command_center.demo.planar import Geometries
from command_center.demo.streets import ARTERIAL, Network

STREETS = [
    # name, a place in it (plan metres)
    ("鼓楼街道", "Gulou Street", (200, 600)),
    ("栖霞街道", "Qixia Street", (-1100, 1300)),
    ("北苑街道", "Beiyuan Street", (200, 2100)),
    ("科创街道", "Kechuang Street", (2200, 1300)),
    ("云泽街道", "Yunze Street", (400, -900)),
    ("澄湖街道", "Chenghu Street", (-2300, -300)),
    ("书院街道", "Shuyuan Street", (-1400, -1900)),
    ("东港街道", "Donggang Street", (2200, -1500)),
]
_SMALLEST_COMMUNITY_M2 = 400_000.0
_CORNER_M2 = 400.0
_LARGEST_COMMUNITY_M2 = 1_080_000.0


@dataclass(frozen=True)
class Areas:
    """``community`` and ``street`` number the area of each block and of each community."""

    community: NDArray[np.int64]
    street: NDArray[np.int64]
    community_codes: Sequence[str]
    community_names: Sequence[Name]
    communities: Geometries
    streets: Geometries
    district: Any

    def street_code(self, number: int) -> str:
        return f"{DISTRICT_CODE}{number + 1:03d}"


def divide(network: Network, names: NameBag) -> Areas:
    """Blocks to communities along arterials and the river, communities to the eight streets."""
    size = shapely.area(network.blocks)
    kinds = network.kinds
    inner = (network.sides >= 0).all(axis=1)
    wet = np.array([q == "water" for q in network.quarter])
    bank = inner & (wet[network.sides[:, 0]] != wet[network.sides[:, 1]])
    wall = np.isin(kinds, [*ARTERIAL, "river"]) & ~bank
    wall |= wet[network.sides].all(axis=1) & inner
    group = _components(network.sides[inner & ~wall & ~bank], len(size))
    group = _halve_large(network.blocks, size, network.sides[inner & ~wall & ~bank], group)
    group = _join_water(network, wet, bank, group)
    group = _join_corners(network, group)
    total = np.bincount(group, weights=size).astype(np.float64)
    pairs = group[network.sides]
    across = inner & (pairs[:, 0] != pairs[:, 1])
    shared = shapely.length(network.edges) * np.where(kinds == "river", 0.002, 1.0)
    joined = planar.merge_small(
        total, pairs[across], shared[across], smallest=_SMALLEST_COMMUNITY_M2, largest=_LARGEST_COMMUNITY_M2
    )
    community = joined[group]
    shapes = planar.dissolve(network.blocks, community)
    pairs = community[network.sides]
    across = inner & (pairs[:, 0] != pairs[:, 1])
    street = _grow_streets(shapes, pairs[across], shared[across])
    community, street, shapes = _in_reading_order(community, street, shapes)
    codes = []
    for number in range(len(STREETS)):
        members = np.flatnonzero(street == number)
        codes += [f"{DISTRICT_CODE}{number + 1:03d}{i + 1:03d}" for i in range(len(members))]
    words = [names.modern() for _ in codes]
    return Areas(
        community,
        street,
        codes,
        [Name(f"{word}社区", f"{pinyin(word)} Community") for word in words],
        shapes,
        planar.dissolve(shapes, street),
        shapely.coverage_union_all(shapes),
    )


def _components(pairs: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    return np.asarray(label, dtype=np.int64)


def _halve_large(
    blocks: Geometries, size: NDArray[np.float64], pairs: NDArray[np.int64], group: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Cut groups beyond the largest community across their long axis, until none is left."""
    xy = shapely.get_coordinates(shapely.centroid(blocks))
    for _ in range(3):
        total = np.bincount(group, weights=size)
        for number in np.flatnonzero(total > _LARGEST_COMMUNITY_M2):
            members = np.flatnonzero(group == number)
            spread = xy[members] - np.average(xy[members], axis=0, weights=size[members])
            axis = np.linalg.svd(spread, full_matrices=False)[2][0]
            order = members[np.argsort(spread @ axis, kind="stable")]
            half = order[np.cumsum(size[order]) > total[number] / 2]
            group[half] = group.max() + 1
        same = group[pairs[:, 0]] == group[pairs[:, 1]]
        group = _components(pairs[same], len(blocks))
    return group


def _join_water(
    network: Network, wet: NDArray[np.bool_], bank: NDArray[np.bool_], group: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Each piece of the river belongs to the land it has the longest bank with."""
    sides = network.sides[bank]
    length = shapely.length(network.edges[bank])
    water = np.where(wet[sides[:, 0]], sides[:, 0], sides[:, 1])
    land = np.where(wet[sides[:, 0]], sides[:, 1], sides[:, 0])
    best: dict[int, tuple[float, int]] = {}
    for w, g, metres in zip(water.tolist(), group[land].tolist(), length.tolist(), strict=True):
        best[w] = max(best.get(w, (0.0, -1)), (metres, g))
    for w, (_, g) in best.items():
        group[w] = g
    return np.unique(group, return_inverse=True)[1]


def _join_corners(network: Network, group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Corners cut off where arterials meet at a sharp angle belong to the block along their long side."""
    blocks = network.blocks
    tree = shapely.STRtree(blocks)
    for corner in np.flatnonzero(shapely.area(blocks) < _CORNER_M2):
        near = tree.query(blocks[corner], predicate="intersects")
        near = near[near != corner]
        border = shapely.length(shapely.intersection(shapely.boundary(blocks[corner]), blocks[near]))
        if len(near):
            group[corner] = group[near[np.argmax(border)]]
    return np.unique(group, return_inverse=True)[1]


def _grow_streets(
    shapes: Geometries, pairs: NDArray[np.int64], shared: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Grow the streets from their places, smallest first, each time by its best-fitting neighbour."""
    size = shapely.area(shapes)
    centre = shapely.get_coordinates(shapely.centroid(shapes))
    touch: dict[tuple[int, int], float] = {}
    for (a, b), metres in zip(pairs.tolist(), shared.tolist(), strict=True):
        for key in ((a, b), (b, a)):
            touch[key] = touch.get(key, 0.0) + metres
    street = np.full(len(shapes), -1, dtype=np.int64)
    places = np.array([place for _, _, place in STREETS], dtype=float)
    for number, place in enumerate(places):
        free = np.flatnonzero(street < 0)
        street[free[np.argmin(np.hypot(*(centre[free] - place).T))]] = number
    while (street < 0).any():
        area = np.bincount(street[street >= 0], weights=size[street >= 0], minlength=len(STREETS))
        turns = [(least, int(number)) for least in (60.0, 0.0) for number in np.argsort(area, kind="stable")]
        for least, number in turns:
            near: dict[int, float] = {}
            for (a, b), metres in touch.items():
                if street[a] == number and street[b] < 0:
                    near[b] = near.get(b, 0.0) + metres
            near = {b: m for b, m in near.items() if m > least}
            if near:
                far = {b: float(np.hypot(*(centre[b] - places[number]))) for b in near}
                street[min(near, key=lambda b: (far[b] - 0.5 * near[b], b))] = number
                break
        else:
            lost = np.flatnonzero(street < 0)
            apart = np.hypot(*(centre[lost][:, None] - places[None]).transpose(2, 0, 1))
            street[lost] = np.argmin(apart, axis=1)
    return street


def _in_reading_order(
    community: NDArray[np.int64], street: NDArray[np.int64], shapes: Geometries
) -> tuple[NDArray[np.int64], NDArray[np.int64], Geometries]:
    """Number communities by street, then from north to south in bands, west to east in a band."""
    centre = shapely.get_coordinates(shapely.centroid(shapes))
    order = np.lexsort((centre[:, 0], -np.round(centre[:, 1] / 600.0), street))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[community], street[order], shapes[order]
