"""What geocoding is measured against, on the same gazetteer: nearest text, and plain road interpolation."""

import re
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from geocoding.index.entries import Entry

Point = tuple[float, float] | None


class NearestText:
    """The known address whose character 1- to 3-grams have the highest cosine (tf-idf) with the question."""

    SIZE = 1 << 18

    def __init__(self, known: Sequence[Entry]) -> None:
        self._points = [(e.lon, e.lat) for e in known]
        counts = self._counts([e.district + e.display for e in known])
        seen = np.asarray((counts > 0).sum(axis=0)).ravel()
        self._idf = np.log((1 + len(known)) / (1 + seen)) + 1
        self._known = self._normed(counts).T.tocsr()

    def _counts(self, texts: Sequence[str]) -> csr_matrix:
        columns: list[int] = []
        starts = [0]
        for text in texts:
            for n in (1, 2, 3):
                columns.extend(hash(text[i : i + n]) % self.SIZE for i in range(len(text) - n + 1))
            starts.append(len(columns))
        made = csr_matrix((np.ones(len(columns), np.float32), columns, starts), (len(texts), self.SIZE))
        made.sum_duplicates()
        return made

    def _normed(self, counts: csr_matrix) -> csr_matrix:
        weighted = counts.multiply(self._idf).tocsr()
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        length[length == 0] = 1
        return weighted.multiply((1 / length)[:, None]).tocsr()

    def find(self, texts: Sequence[str]) -> list[Point]:
        """A point for every text, however unlike."""
        found: list[Point] = []
        for start in range(0, len(texts), 100):
            likeness = self._normed(self._counts(texts[start : start + 100])) @ self._known
            best = np.asarray(likeness.argmax(axis=1)).ravel()
            found.extend(self._points[i] for i in best)
        return found


class RoadInterpolation:
    """Road and number by one expression; straight interpolation between the two nearest numbers."""

    FORM = re.compile(r"([\u4e00-\u9fff]{1,8}?(?:公路|大道|路|街|巷))(\d+)")

    def __init__(self, known: Sequence[Entry]) -> None:
        self._roads: dict[str, list[tuple[int, float, float]]] = {}
        for e in known:
            if e.number:
                self._roads.setdefault(e.base, []).append((e.number, e.lon, e.lat))
        for doors in self._roads.values():
            doors.sort()

    def find(self, texts: Sequence[str]) -> list[Point]:
        """None where no known road with a number is read."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Point:
        hit = self.FORM.search(text)
        if hit is None:
            return None
        name = hit[1]
        doors = next((self._roads[name[i:]] for i in range(len(name) - 1) if name[i:] in self._roads), None)
        if doors is None:
            return None
        number = int(hit[2])
        below = [d for d in doors if d[0] <= number]
        above = [d for d in doors if d[0] > number]
        if not below or not above:
            return (below[-1] if below else above[0])[1:]
        (n0, x0, y0), (n1, x1, y1) = below[-1], above[0]
        part = (number - n0) / (n1 - n0)
        return x0 + part * (x1 - x0), y0 + part * (y1 - y0)
