"""Names that share most of their uncommon words with a name: 武商仙桃购物中心 for 市政广场武商仙桃购物中心,
成达色母粒公司 for 宁波成达色母粒有限公司.

An inverted index of character pairs, weighed by how rare a pair is among all names (inverse document
frequency, Spärck Jones 1972), so that 公司, 小区, 中心 tell little.
"""

import re
from array import array
from itertools import pairwise
from math import log, sqrt

import numpy as np

from geocoding.grammar.cores import core_of

SHORTEST, LONGEST = 3, 40
LEAST = 0.6
"""Likeness from which a name is offered."""
OTHER_KIND = 0.2
"""What names may be more alike in their cores than they are in whole."""
COMMON = 2_000
"""Pairs that more names have than this are not looked up; they count in the likeness of what is found."""
SAME_CORE, MOST_CALLED = 0.95, 200
LOOKED_AT = 30
"""Names of the most evidence whose likeness is worked out in full."""
_DIGITS = re.compile("[0-9]+")


class AlikeNames:
    """Finds names by what is uncommon in them; names are added one by one."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._having: dict[str, array[int]] = {}
        self._known: set[str] = set()
        self._by_core: dict[str, list[str]] = {}

    def add(self, name: str) -> None:
        if name in self._known or not SHORTEST <= len(name) <= LONGEST:
            return
        self._known.add(name)
        number = len(self._names)
        self._names.append(name)
        self._by_core.setdefault(core_of(name), []).append(name)
        for pair in _pairs(name):
            self._having.setdefault(pair, array("i")).append(number)

    def called(self, name: str) -> list[tuple[str, float]]:
        """As ``find``, but first all names that have the same core: 来福士广场 for 来福士. There may be many;
        whoever asks knows near what."""
        same = [other for other in self._by_core.get(core_of(name), [])[:MOST_CALLED] if other != name]
        return [*((other, SAME_CORE) for other in same), *self.find(name)]

    def find(self, name: str, most: int = 4) -> list[tuple[str, float]]:
        """Names like ``name`` with their likeness, ``LEAST`` to 1, best first: the geometric mean of the
        shares that each core has of the other, less where the words for the kind of place are others (阳光里,
        阳光幼儿园). Names with other numbers are not alike, and none is like itself."""
        said = _pairs(name) if SHORTEST <= len(name) <= 2 * LONGEST else ()
        rarity = {pair: self._rarity(pair) for pair in said}
        # Copies: an array that lends out its buffer cannot take up the names that come meanwhile.
        having = [
            (np.array(numbers, np.int32), rarity[pair])
            for pair in rarity
            if (numbers := self._having.get(pair)) is not None and len(numbers) <= COMMON
        ]
        if not having:
            return []
        weights = np.repeat([weight for _, weight in having], [len(some) for some, _ in having])
        candidates, at = np.unique(np.concatenate([some for some, _ in having]), return_inverse=True)
        evidence = np.bincount(at, weights)
        chosen = candidates[np.argsort(-evidence, kind="stable")[:LOOKED_AT]]
        mass, digits = sum(rarity.values()), _DIGITS.findall(name)
        found: list[tuple[str, float]] = []
        for other in (self._names[number] for number in chosen.tolist()):
            own = {pair: self._rarity(pair) for pair in _pairs(other)}
            common = sum(weight for pair, weight in own.items() if pair in rarity)
            likeness = min(common / sqrt(mass * sum(own.values())), OTHER_KIND + _overlap(name, other))
            contradict = bool(digits) and bool(theirs := _DIGITS.findall(other)) and theirs != digits
            if likeness >= LEAST and other != name and not contradict:
                found.append((other, min(1.0, likeness)))
        found.sort(key=lambda one: (-one[1], one[0]))
        return found[:most]

    def _rarity(self, pair: str) -> float:
        return log(1.0 + (len(self._names) + 1.0) / (1.0 + len(self._having.get(pair, ()))))


def _pairs(name: str) -> set[str]:
    return {one + other for one, other in pairwise(core_of(name))}


def _overlap(name: str, other: str) -> float:
    """Geometric mean of the shares that two names have of one another, all words counted the same."""
    one, two = set(pairwise(name)), set(pairwise(other))
    return len(one & two) / sqrt(len(one) * len(two))
