"""The entries as columns, sorted so that each cluster of a base is one slice ordered by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geocoding.index.entries import TRACE, UNITS, Entry
from geocoding.index.habits import Habits, learn
from geocoding.index.plane import EARTH_M_PER_DEG, Plane

LINK_BASE_M, LINK_PER_NUMBER_M, LINK_MAX_M = 800.0, 5.0, 6000.0
"""Entries of one name belong to one place when they lie within 800 m, or 8 m for each number
between them, at most 3.5 km: a house is hardly wider than 8 m for each number it takes."""
LINK_AHEAD = 4
SHARED_ROWS = 4
"""So many different addresses on one coordinate make it a fall-back point."""
LINE_KEY = -(1 << 62)
"""Row key of the points that stand for a road line: they tell where the road is, not a place on it."""


class Cluster(NamedTuple):
    """Entries ``start`` to ``end`` of the columns: one road, village or shop among those so named."""

    base: int
    start: int
    end: int
    x: float
    y: float
    radius_m: float
    """Distance that two thirds of the entries have to the centre at most."""
    districts: frozenset[int]
    towns: frozenset[int]
    suspect: bool
    """A lone point far from a much larger cluster of the same name: likely a wrong coordinate."""


@dataclass(slots=True)
class Columns:
    """Parallel columns; x and y in metres of ``plane``. Readable one by one through memoryviews."""

    plane: Plane
    texts: list[str]
    x: memoryview
    y: memoryview
    number: memoryview
    upto: memoryview
    unit: memoryview
    tail: memoryview
    mark: memoryview
    district: memoryview
    source: memoryview
    shared: memoryview
    key: memoryview
    clusters: list[Cluster]
    of_base: list[tuple[int, ...]]
    """Indexes of the clusters of each base."""
    habits: Habits | None = None
    """How roads are numbered hereabouts."""


class Pool:
    """Gives each text a small number."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self.ids: dict[str, int] = {"": 0}

    def id(self, text: str) -> int:
        found = self.ids.get(text)
        if found is None:
            found = self.ids[text] = len(self.texts)
            self.texts.append(text)
        return found


class Raw(NamedTuple):
    """Columns in the order rows came, before sorting."""

    base: NDArray[np.int32]
    number: NDArray[np.int32]
    upto: NDArray[np.int32]
    unit: NDArray[np.int8]
    tail: NDArray[np.int32]
    mark: NDArray[np.int32]
    district: NDArray[np.int16]
    town: NDArray[np.int16]
    source: NDArray[np.int16]
    key: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def raw_of(
    entries: Sequence[Entry], sources: Sequence[int], keys: Sequence[int],
    bases: Pool, texts: Pool, areas: Pool,
) -> Raw:  # fmt: skip
    """Columns of ``entries`` of the given sources and row ids; texts go into the pools."""
    units = {unit: code for code, unit in enumerate(UNITS)}
    return Raw(
        np.array([bases.id(e.base) for e in entries], np.int32),
        np.array([e.number for e in entries], np.int32),
        np.array([e.upto or e.number for e in entries], np.int32),
        np.array([units[e.unit] for e in entries], np.int8),
        np.array([texts.id(e.tail) for e in entries], np.int32),
        np.array([texts.id(e.mark) for e in entries], np.int32),
        np.array([areas.id(e.district) for e in entries], np.int16),
        np.array([areas.id(e.town) for e in entries], np.int16),
        np.asarray(sources, np.int16),
        np.asarray(keys, np.int64),
        np.array([e.lon for e in entries], np.float64),
        np.array([e.lat for e in entries], np.float64),
    )


def shared_points(raw: Raw) -> NDArray[np.bool_]:
    """Entries whose coordinate at least ``SHARED_ROWS`` different addresses have."""
    size = len(raw.base)
    if not size:
        return np.zeros(0, np.bool_)
    spot = np.round(raw.lon * 1e5).astype(np.int64) * 40_000_000 + np.round(raw.lat * 1e5).astype(np.int64)
    address = raw.base.astype(np.int64) * 1_000_000 + raw.number
    order = np.lexsort((address, spot))
    spot, address = spot[order], address[order]
    new_spot = np.r_[True, spot[1:] != spot[:-1]]
    new_pair = new_spot | np.r_[True, address[1:] != address[:-1]]
    group = np.cumsum(new_spot) - 1
    different = np.bincount(group, weights=new_pair & (raw.unit[order] != TRACE))
    shared = np.zeros(size, np.bool_)
    shared[order] = different[group] >= SHARED_ROWS
    return shared


def _components(raw: Raw, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
    """Number of the cluster of each entry: linked along the numbers and through common squares."""
    size = len(raw.base)
    order = np.lexsort((raw.number, raw.base))
    base, number = raw.base[order], raw.number[order]
    left, right = [], []
    for ahead in range(1, LINK_AHEAD + 1):
        a, b = order[:-ahead], order[ahead:]
        step = np.abs(number[ahead:] - number[:-ahead])
        limit = np.minimum(LINK_BASE_M + LINK_PER_NUMBER_M * step, LINK_MAX_M)
        near = (base[ahead:] == base[:-ahead]) & (np.hypot(x[a] - x[b], y[a] - y[b]) <= limit)
        left.append(a[near])
        right.append(b[near])
    for shift in (0.0, LINK_BASE_M / 2):
        column = np.floor((x + shift) / LINK_BASE_M).astype(np.int64)
        row = np.floor((y + shift) / LINK_BASE_M).astype(np.int64)
        by_square = np.lexsort((row, column, raw.base))
        a, b = by_square[:-1], by_square[1:]
        same = (raw.base[a] == raw.base[b]) & (column[a] == column[b]) & (row[a] == row[b])
        left.append(a[same])
        right.append(b[same])
    one, other = np.concatenate(left), np.concatenate(right)
    graph = coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)


def build_columns(
    raw: Raw, plane: Plane, bases: int, texts: list[str], habits: Habits | None = None
) -> Columns:
    """Sort, cluster and describe. ``bases``: how many base names there are; ``texts``: the pool that
    tails and marks are numbers of; ``habits``: those of the whole city, else learnt from ``raw``."""
    x = (raw.lon - plane.lon) * plane.x_m
    y = (raw.lat - plane.lat) * EARTH_M_PER_DEG
    shared = shared_points(raw)
    component = _components(raw, x, y) if len(raw.base) else np.zeros(0, np.int32)
    order = np.lexsort((raw.unit, raw.number, component, raw.base))
    base, component = raw.base[order], component[order]
    x, y = x[order], y[order]
    changed = np.ones(len(base), np.bool_)
    changed[1:] = (base[1:] != base[:-1]) | (component[1:] != component[:-1])
    first = np.flatnonzero(changed)
    ends = np.append(first[1:], len(base)) if len(base) else first
    district, town = raw.district[order], raw.town[order]
    clusters: list[Cluster] = []
    of_base: list[list[int]] = [[] for _ in range(bases)]
    for start, end in zip(first, ends, strict=True):
        clusters.append(_describe(int(start), int(end), int(base[start]), x, y, district, town))
        of_base[int(base[start])].append(len(clusters) - 1)
    for members in of_base:
        if len(members) > 1:
            _mark_suspects(members, clusters)

    def view(values: NDArray[Any]) -> memoryview:
        return np.ascontiguousarray(values[order]).data

    if habits is None:
        habits = learn(raw.number[order], raw.unit[order], x, y, clusters)
    return Columns(
        plane, texts, np.ascontiguousarray(x, np.float32).data, np.ascontiguousarray(y, np.float32).data,
        view(raw.number), view(raw.upto), view(raw.unit), view(raw.tail), view(raw.mark), view(raw.district),
        view(raw.source), view(shared.astype(np.int8)), view(raw.key), clusters,
        [tuple(members) for members in of_base], habits,
    )  # fmt: skip


def _describe(
    start: int, end: int, base: int, x: NDArray[np.float64], y: NDArray[np.float64],
    district: NDArray[np.int16], town: NDArray[np.int16],
) -> Cluster:  # fmt: skip
    if end - start == 1:
        centre, radius = (float(x[start]), float(y[start])), 0.0
    else:
        xs, ys = x[start:end], y[start:end]
        centre = float(np.median(xs)), float(np.median(ys))
        away = np.hypot(xs - centre[0], ys - centre[1])
        radius = float(np.quantile(away, 0.68))
    return Cluster(
        base, start, end, centre[0], centre[1], radius,
        frozenset(set(district[start:end].tolist()) - {0}),
        frozenset(set(town[start:end].tolist()) - {0}), False,
    )  # fmt: skip


def _mark_suspects(members: list[int], clusters: list[Cluster]) -> None:
    largest = max(clusters[m].end - clusters[m].start for m in members)
    big = [clusters[m] for m in members if clusters[m].end - clusters[m].start >= max(5, largest // 3)]
    for m in members:
        cluster = clusters[m]
        if (cluster.end - cluster.start) * 5 <= largest and any(
            cluster.districts & other.districts or not cluster.districts for other in big
        ):
            clusters[m] = cluster._replace(suspect=True)
