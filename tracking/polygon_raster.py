"""Polygons laid on a raster of cells: most points are answered by their cell alone.

A cell that one polygon fills answers at once. Only in cells that a border runs through are points
tested, against the edges at their own height. The test is that of PostGIS for points and polygons
(``point_in_multipolygon_rtree``: the sign of a plain double product, a point on an edge is in), so the
answers are those of ST_Intersects to the last bit, also where rounding decides.
"""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

CELLS_A_POLYGON, CELLS_AN_EDGE = 150, 2
FEWEST_CELLS, MOST_CELLS = 1 << 14, 1 << 22
MOST_FILLED = 1 << 23
"""Cells filled by polygons, all polygons together; bounds the memory where they lie over each other."""
MARGIN = 1e-6
"""Of a cell: so near to a border a cell counts as touched by it; far more than rounding can move."""
SHORTEST_EDGE_DEG = 1e-12
"""PostGIS passes over shorter edges."""
CHUNK = 1 << 15
"""Points at a time: their columns stay in the processor's cache."""

Index = NDArray[np.int64]
Floats = NDArray[np.float64]


class PolygonRaster:
    """Valid polygons and multipolygons in degrees, named by their place in the array."""

    def __init__(self, polygons: NDArray[Any]) -> None:
        self._count = len(polygons)
        x0, y0, x1, y1, owner = _edges(polygons)
        self._edges = x0, y0, x1, y1
        self.empty = not len(owner)
        if self.empty:
            return
        self._west, self._east = float(min(x0.min(), x1.min())), float(max(x0.max(), x1.max()))
        self._south, self._north = float(min(y0.min(), y1.min())), float(max(y0.max(), y1.max()))
        self._lay_out(polygons)
        left, low = (x0 - self._west) * self._across, (y0 - self._south) * self._up
        right, high = (x1 - self._west) * self._across, (y1 - self._south) * self._up
        falling = low > high
        bottom_x, top_x = np.where(falling, right, left), np.where(falling, left, right)
        bottom, top = np.where(falling, high, low), np.where(falling, low, high)
        edge, row = _spread(
            np.clip(np.floor(bottom - MARGIN), 0, self._rows - 1).astype(np.int64),
            np.clip(np.floor(top + MARGIN), 0, self._rows - 1).astype(np.int64),
        )
        slab = owner[edge] * self._rows + row
        by_slab = np.argsort(slab, kind="stable")
        slabs, self._slab_start = np.unique(slab[by_slab], return_index=True)
        self._slab_edges = edge[by_slab].astype(np.int32)
        self._slab_end = np.append(self._slab_start[1:], len(slab))
        touched = self._touched(edge, row, owner, bottom_x, bottom, top_x, top)
        filled = self._filled(edge, row, owner, bottom_x, bottom, top_x, top)
        self._fill_in(touched, filled, slabs)

    def __len__(self) -> int:
        return self._count

    @property
    def memory_bytes(self) -> int:
        """Of the raster and its lists."""
        if self.empty:
            return 0
        lists = (self._raster, self._start, self._end, self._candidate, self._slab)
        slabs = (self._slab_start, self._slab_end, self._slab_edges, *self._edges)
        return sum(array.nbytes for array in (*lists, *slabs))

    def lowest(self, lon: Floats, lat: Floats) -> Index:
        """The first polygon of the array that each point (degrees) lies in, -1 for none."""
        found = np.full(len(lon), -1, dtype=np.int64)
        if self.empty:
            return found
        for begin in range(0, len(lon), CHUNK):
            part = slice(begin, begin + CHUNK)
            found[part] = self._lowest(lon[part], lat[part])
        return found

    def pairs(self, lon: Floats, lat: Floats) -> tuple[Index, Index]:
        """Point and polygon of every intersection, by point and then by polygon."""
        found = [(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))]
        for begin in range(0, 0 if self.empty else len(lon), CHUNK):
            point, polygon = self._pairs(lon[begin : begin + CHUNK], lat[begin : begin + CHUNK])
            found.append((point + begin, polygon))
        points, polygons = zip(*found, strict=True)
        return np.concatenate(points), np.concatenate(polygons)

    def _pairs(self, lon: Floats, lat: Floats) -> tuple[Index, Index]:
        code = self._codes(lon, lat)
        alone, mixed = np.flatnonzero(code > 0), np.flatnonzero(code < 0)
        which = -code[mixed] - 1
        lists, at = _spread(self._start[which], self._end[which] - 1)
        point = mixed[lists]
        hit = self._test(at, lon[point], lat[point])
        points = np.concatenate((alone, point[hit]))
        polygons = np.concatenate((code[alone] - 1, self._candidate[at[hit]]))
        order = np.argsort(points, kind="stable")
        return points[order], polygons[order].astype(np.int64)

    def _lowest(self, lon: Floats, lat: Floats) -> NDArray[np.int32]:
        code = self._codes(lon, lat)
        found = np.maximum(code, 0) - 1
        left = np.flatnonzero(code < 0)
        which = -code[left] - 1
        at, end = self._start[which], self._end[which]
        while len(left):
            hit = self._test(at, lon[left], lat[left])
            found[left[hit]] = self._candidate[at[hit]]
            more = np.flatnonzero(~hit & (at + 1 < end))
            left, at, end = left[more], at[more] + 1, end[more]
        return found

    def _codes(self, lon: Floats, lat: Floats) -> NDArray[np.int32]:
        """Of the cells: the polygon + 1, 0 for none, -1 - number of a list of candidates."""
        on = (lon >= self._west) & (lon <= self._east) & (lat >= self._south) & (lat <= self._north)
        if on.all():
            return self._raster[self._cells(lon, lat)]
        code = np.zeros(len(lon), dtype=np.int32)
        code[on] = self._raster[self._cells(lon[on], lat[on])]
        return code

    def _cells(self, lon: Floats, lat: Floats) -> Index:
        column = ((lon - self._west) * self._across).astype(np.int64)
        row = ((lat - self._south) * self._up).astype(np.int64)
        return np.minimum(row, self._rows - 1) * self._columns + np.minimum(column, self._columns - 1)

    def _test(self, at: Index, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether each point lies in the candidate named by its place in the lists."""
        slab = self._slab[at]
        hit = slab < 0
        near = np.flatnonzero(~hit)
        if not len(near):
            return hit
        slab = slab[near]
        first = self._slab_start[slab]
        counts = self._slab_end[slab] - first
        begins = np.cumsum(counts) - counts
        of = np.repeat(near, counts)
        edge = self._slab_edges[np.arange(len(of)) + np.repeat(first - begins, counts)]
        x0, y0, x1, y1 = (column[edge] for column in self._edges)
        px, py = x[of], y[of]
        side = (x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)
        crossed = ((y0 <= py) & (py < y1) & (side > 0)) | ((y1 <= py) & (py < y0) & (side < 0))
        odd = np.logical_xor.reduceat(crossed, begins)
        flat = np.flatnonzero(side == 0)
        if len(flat):
            a, b, c, d, u, v = (column[flat] for column in (x0, y0, x1, y1, px, py))
            on = (np.minimum(a, c) <= u) & (u <= np.maximum(a, c))
            on &= (np.minimum(b, d) <= v) & (v <= np.maximum(b, d))
            hit[of[flat[on]]] = True
        hit[near] |= odd
        return hit

    def _lay_out(self, polygons: NDArray[Any]) -> None:
        """Cells about as wide as high, so many that a border runs through few of them."""
        middle = np.radians((self._south + self._north) / 2)
        width = max(self._east - self._west, 1e-9) * max(float(np.cos(middle)), 0.01)
        height = max(self._north - self._south, 1e-9)
        wished = max(CELLS_A_POLYGON * self._count, CELLS_AN_EDGE * len(self._edges[0]))
        cells = min(max(wished, FEWEST_CELLS), MOST_CELLS)
        share = float(shapely.area(polygons).sum()) / (max(self._east - self._west, 1e-9) * height)
        cells = min(cells, int(MOST_FILLED / max(share, 1.0)))
        self._columns = int(np.clip(np.sqrt(cells * width / height), 1, 1 << 14))
        self._rows = int(np.clip(cells / self._columns, 1, 1 << 14))
        self._across = self._columns / max(self._east - self._west, 1e-9)
        self._up = self._rows / height

    def _touched(
        self,
        edge: Index,
        row: Index,
        owner: Index,
        bottom_x: Floats,
        bottom: Floats,
        top_x: Floats,
        top: Floats,
    ) -> Index:
        """Cells that a border runs through, as cell × polygons + polygon, sorted, each once."""
        y0, y1, x0, x1 = bottom[edge], top[edge], bottom_x[edge], top_x[edge]
        lowest, highest = np.maximum(y0, row - MARGIN), np.minimum(y1, row + 1 + MARGIN)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = (x1 - x0) / (y1 - y0)
            enters, leaves = x0 + (lowest - y0) * slope, x0 + (highest - y0) * slope
        flat = ~(np.isfinite(enters) & np.isfinite(leaves))
        enters, leaves = np.where(flat, x0, enters), np.where(flat, x1, leaves)
        west, east = np.minimum(x0, x1), np.maximum(x0, x1)
        begin = np.clip(np.minimum(enters, leaves), west, east) - MARGIN
        end = np.clip(np.maximum(enters, leaves), west, east) + MARGIN
        piece, column = _spread(
            np.clip(np.floor(begin), 0, self._columns - 1).astype(np.int64),
            np.clip(np.floor(end), 0, self._columns - 1).astype(np.int64),
        )
        keys = (row[piece] * self._columns + column) * self._count + owner[edge[piece]]
        keys.sort()  # np.unique hashes, which is many times slower here
        fresh: Index = keys[np.append(True, keys[1:] != keys[:-1])]
        return fresh

    def _filled(
        self,
        edge: Index,
        row: Index,
        owner: Index,
        bottom_x: Floats,
        bottom: Floats,
        top_x: Floats,
        top: Floats,
    ) -> tuple[Index, Index]:
        """Cells whose centre a polygon holds (all borders aside), and the polygon."""
        centre = row + 0.5
        meets = (bottom[edge] <= centre) & (centre < top[edge])
        edge, row, centre = edge[meets], row[meets], centre[meets]
        rise = top[edge] - bottom[edge]
        x = bottom_x[edge] + (centre - bottom[edge]) * (top_x[edge] - bottom_x[edge]) / rise
        order = np.lexsort((x, row, owner[edge]))
        x, row, whose = x[order], row[order], owner[edge[order]]
        begin = np.clip(np.ceil(x[::2] - 0.5), 0, self._columns).astype(np.int64)
        end = np.clip(np.floor(x[1::2] - 0.5), -1, self._columns - 1).astype(np.int64)
        run, column = _spread(begin, end)
        return row[::2][run] * self._columns + column, whose[::2][run]

    def _fill_in(self, touched: Index, filled: tuple[Index, Index], slabs: Index) -> None:
        cell, polygon = touched // self._count, touched % self._count
        cells = self._rows * self._columns
        mixed = np.zeros(cells, dtype=np.bool_)
        mixed[cell] = True
        full, whose = filled
        mixed |= np.bincount(full, minlength=cells) > 1
        self._raster = np.zeros(cells, dtype=np.int32)
        in_mixed = mixed[full]
        self._raster[full[~in_mixed]] = whose[~in_mixed] + 1
        key = full[in_mixed] * self._count + whose[in_mixed]
        place = np.minimum(np.searchsorted(touched, key), max(len(touched) - 1, 0))
        key = key[touched[place] != key]
        slab = np.searchsorted(slabs, polygon * self._rows + cell // self._columns)
        keys = np.concatenate((touched, key))
        slab = np.concatenate((slab, np.full(len(key), -1)))
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        self._candidate = (keys % self._count).astype(np.int32)
        self._slab = slab[order].astype(np.int32)
        listed, self._start = np.unique(keys // self._count, return_index=True)
        self._end = np.append(self._start[1:], len(keys))
        self._raster[listed] = -1 - np.arange(len(listed), dtype=np.int32)


def _edges(polygons: NDArray[Any]) -> tuple[Floats, Floats, Floats, Floats, Index]:
    """Ends of every edge, in the order in which the rings tell them, and whose it is."""
    parts, polygon = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    x0, y0, x1, y1 = xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1]
    counts = ring[1:] == ring[:-1]
    counts &= (x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0) >= SHORTEST_EDGE_DEG * SHORTEST_EDGE_DEG
    owner = polygon[part[ring[:-1][counts]]].astype(np.int64)
    return x0[counts], y0[counts], x1[counts], y1[counts], owner


def _spread(first: Index, last: Index) -> tuple[Index, Index]:
    """Each number from first to last (both in): which pair it is of, and itself."""
    counts = np.maximum(last - first + 1, 0)
    of = np.repeat(np.arange(len(counts)), counts)
    begins = np.cumsum(counts) - counts
    return of, np.arange(len(of)) + (first - begins)[of]
