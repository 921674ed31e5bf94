"""Joining what is too small with the neighbour it belongs to."""

import heapq
from dataclasses import dataclass, field

import numpy as np

from gis_core.gridding.coverage import Floats, Indices


@dataclass
class _Cells:
    area: list[float]
    perimeter: list[float]
    around: list[dict[int, tuple[float, float]]] = field(default_factory=list)
    """Neighbour: common border in metres, and the same weighted by how easily it may be given up."""
    members: list[list[int]] = field(default_factory=list)

    def compactness(self, one: int, two: int) -> float:
        area = self.area[one] + self.area[two]
        outline = self.perimeter[one] + self.perimeter[two] - 2 * self.around[one][two][0]
        return 12.566 * area / max(outline, 1.0) ** 2

    def join(self, into: int, small: int) -> None:
        self.perimeter[into] += self.perimeter[small] - 2 * self.around[into][small][0]
        self.area[into] += self.area[small]
        self.area[small] = -1.0
        self.members[into] += self.members[small]
        self.members[small] = []
        for other, (length, weighted) in self.around[small].items():
            del self.around[other][small]
            if other != into:
                old = self.around[into].get(other, (0.0, 0.0))
                self.around[into][other] = self.around[other][into] = (old[0] + length, old[1] + weighted)
        self.around[small] = {}


def merge_small(
    area: Floats,
    perimeter: Floats,
    pairs: Indices,
    shared_m: Floats,
    ease: Floats,
    *,
    smallest: float,
    largest: float,
) -> Indices:
    """Group numbers, from 0, after joining every cell below ``smallest`` to its best neighbour.

    Best: much common border, easily given up (``ease`` 0-1 a pair: low over main roads and at the
    waterside), compact together, and together not above ``largest``; beyond it only what has no other
    neighbour. Smallest first. Pairs over a community's border must not be among ``pairs``.
    """
    cells = _Cells(area.tolist(), perimeter.tolist(), [{} for _ in area], [[i] for i in range(len(area))])
    for (one, two), length, weight in zip(pairs.tolist(), shared_m.tolist(), ease.tolist(), strict=True):
        cells.around[one][two] = cells.around[two][one] = (length, length * weight)
    heap = [(size, index) for index, size in enumerate(cells.area) if size < smallest]
    heapq.heapify(heap)
    while heap:
        size, small = heapq.heappop(heap)
        if cells.area[small] != size or not cells.around[small]:
            continue
        into = max(cells.around[small], key=lambda other: (_worth(cells, small, other, largest), -other))
        cells.join(into, small)
        if cells.area[into] < smallest:
            heapq.heappush(heap, (cells.area[into], into))
    group = np.zeros(len(area), dtype=np.int64)
    for number, members in enumerate(filter(None, cells.members)):
        group[members] = number
    return group


def _worth(cells: _Cells, small: int, other: int, largest: float) -> float:
    _, weighted = cells.around[small][other]
    together = cells.area[small] + cells.area[other]
    room = 1.0 if together <= largest else 0.25 * largest / together
    share = weighted / max(cells.perimeter[small], 1.0)
    fit: float = share * cells.compactness(small, other) ** 1.5 * room
    return fit / (1.0 + cells.area[other] / largest)
