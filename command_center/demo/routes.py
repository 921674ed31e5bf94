"""Closed routes along the roads for vehicles, as shortest ways through a few places."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from command_center.demo.areas import STREETS, Areas
from command_center.demo.names import Name
from command_center.demo.roads import Roads
from command_center.demo.streets import Network

_COST = {
    "sanitation": {
        "primary": 1.0,
        "secondary": 1.0,
        "tertiary": 0.9,
        "residential": 1.1,
        "service": 2.5,
        "trunk": 9.0,
    },
    "slag_truck": {
        "trunk": 0.7,
        "primary": 0.9,
        "secondary": 1.0,
        "tertiary": 2.0,
        "residential": 5.0,
        "service": 15.0,
    },
    "enforcement": {
        "primary": 1.0,
        "secondary": 0.9,
        "tertiary": 0.9,
        "residential": 1.2,
        "service": 3.0,
        "trunk": 3.0,
    },
}


@dataclass(frozen=True)
class VehicleRoute:
    """A loop for vehicles of one kind in one street (number), in plan coordinates."""

    code: str
    kind: str
    street: int
    name: Name
    geom: Any


class StreetGraph:
    """The road edges inside the district as a graph of crossings."""

    def __init__(self, roads: Roads, inside: Any) -> None:
        shapely.prepare(inside)
        keep = shapely.contains(inside, roads.edges)
        self.edges = roads.edges[keep]
        self.kinds = roads.edge_kinds[keep]
        ends = [np.round(shapely.get_coordinates(shapely.get_point(self.edges, i)), 2) for i in (0, -1)]
        self.nodes, inverse = np.unique(np.vstack(ends), axis=0, return_inverse=True)
        self.tail, self.head = inverse.reshape(2, -1)
        _, label = connected_components(self._matrix(np.ones(len(self.edges))), directed=False)
        self.connected = label == np.argmax(np.bincount(label))
        self._edge: dict[tuple[int, int], int] = {}
        for edge, pair in enumerate(zip(self.tail.tolist(), self.head.tolist(), strict=True)):
            self._edge.setdefault((min(pair), max(pair)), edge)

    def _matrix(self, cost: NDArray[np.float64]) -> csr_array:
        rows = np.minimum(self.tail, self.head)
        columns = np.maximum(self.tail, self.head)
        first = np.unique(np.stack([rows, columns], axis=1), axis=0, return_index=True)[1]
        first = first[rows[first] != columns[first]]
        n = len(self.nodes)
        return coo_array((cost[first], (rows[first], columns[first])), shape=(n, n)).tocsr()

    def costs(self, kind: str) -> csr_array:
        """Edge costs in metres as a kind of vehicle feels them."""
        factor = np.array([_COST[kind].get(str(k), 1.0) for k in self.kinds])
        return self._matrix(shapely.length(self.edges) * factor)

    def loop(self, costs: csr_array, stops: NDArray[np.int64]) -> Any | None:
        """The closed line through the nodes ``stops`` in turn; None if it is no line."""
        path: list[int] = []
        legs = list(zip(stops, np.roll(stops, -1), strict=True))
        _, before = dijkstra(costs, directed=False, indices=stops, return_predecessors=True)
        for row, (start, end) in enumerate(legs):
            leg = [int(end)]
            while leg[-1] != start:
                previous = int(before[row, leg[-1]])
                if previous < 0:
                    return None
                leg.append(previous)
            path += leg[::-1][:-1]
        path.append(path[0])
        points: list[NDArray[np.float64]] = []
        for a, b in itertools.pairwise(path):
            edge = self._edge[(min(a, b), max(a, b))]
            xy = shapely.get_coordinates(self.edges[edge])
            points.append(xy[:-1] if self.tail[edge] == a else xy[::-1][:-1])
        if len(points) < 4:
            return None
        return shapely.LineString(np.vstack([*points, points[0][:1]]))


def plan_routes(
    rng: np.random.Generator, roads: Roads, network: Network, areas: Areas, numbers: dict[str, int]
) -> list[VehicleRoute]:
    """``numbers`` of routes a kind; sanitation and patrols stay in a street, trucks cross the district."""
    graph = StreetGraph(roads, areas.district.buffer(25))
    usable = graph.connected & np.isin(np.arange(len(graph.nodes)), _major_nodes(graph))
    found: list[VehicleRoute] = []
    labels = {
        "sanitation": ("环卫作业{}号线", "Sanitation Route {}"),
        "slag_truck": ("渣土运输{}号线", "Slag Route {}"),
        "enforcement": ("执法巡查{}号线", "Patrol Route {}"),
    }
    north = shapely.points(graph.nodes)
    for kind, count in numbers.items():
        costs = graph.costs(kind)
        for number in range(count):
            street = number % len(STREETS)
            if kind == "slag_truck":
                place = np.flatnonzero(usable & ~_old_town(network, north))
                street = (3, 7, 5)[number % 3]
            else:
                place = np.flatnonzero(usable & shapely.contains(areas.streets[street].buffer(5), north))
            geom = None
            while geom is None or geom.length < 1_500:
                stops = _ring_of(rng, graph.nodes, place, 3 if kind == "slag_truck" else 6)
                geom = graph.loop(costs, stops)
            zh, en = labels[kind]
            base = STREETS[street]
            label = Name(
                base[0].removesuffix("街道") + zh.format(number + 1),
                f"{base[1].split()[0]} {en.format(number + 1)}",
            )
            code = {"sanitation": "S", "slag_truck": "T", "enforcement": "E"}[kind]
            found.append(VehicleRoute(f"990102-{code}{number + 1:02d}", kind, street, label, geom))
    return found


def _major_nodes(graph: StreetGraph) -> NDArray[np.int64]:
    major = np.isin(graph.kinds, ["primary", "secondary", "tertiary", "residential"])
    return np.unique(np.concatenate([graph.tail[major], graph.head[major]]))


def _old_town(network: Network, points: Any) -> NDArray[np.bool_]:
    old = shapely.union_all(network.blocks[[q == "old_town" for q in network.quarter]])
    return np.asarray(shapely.intersects(old, points))


def _ring_of(
    rng: np.random.Generator, nodes: NDArray[np.float64], place: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Some of the nodes, ordered around their middle so that a tour of them is a loop."""
    chosen = rng.choice(place, size=count, replace=False)
    spread = nodes[chosen] - nodes[chosen].mean(axis=0)
    return np.asarray(chosen[np.argsort(np.arctan2(spread[:, 1], spread[:, 0]))])
