"""Where a number lies in one cluster of the gazetteer: the known door, or a place along the road."""

from bisect import bisect_left, bisect_right
from math import hypot, log1p
from operator import itemgetter
from typing import NamedTuple

from geocoding.grammar.elements import Number
from geocoding.index.columns import Cluster, Columns
from geocoding.index.entries import UNITS
from geocoding.interpolation import DOOR, LANE, Line, along, near_chord, on_trace

AGREE_M = 80.0
"""Points of one address this close together confirm one another."""
APART_M, ELSEWHERE_M = 150.0, 300.0
"""Points farther apart need the road to judge between them; beyond the second they are two places."""
FEATURES = 10

_UNIT_CODE = {unit: code for code, unit in enumerate(UNITS)}
_NUMBERED = frozenset((LANE, DOOR))


class Location(NamedTuple):
    """A point in metres of the plane. ``level``: building, door, lane (the number is a lane or courtyard
    whose door is not known), interpolated, place, road. ``features`` feed the calibration of ``level``;
    ``rows`` are the entries it comes from."""

    x: float
    y: float
    level: str
    features: tuple[float, ...]
    rows: tuple[int, ...]
    shared: bool
    why: str
    say: float = 1.0
    """Evidence for this point among the rows of the address."""
    rival: "Location | None" = None
    """Where other rows of the same address put it, if that is another place."""


def _line_features(line: Line, cluster: Cluster) -> tuple[float, ...]:
    return (
        1.0, log1p(line.sd_m), log1p(line.gap), log1p(line.span_m), log1p(line.residual_m),
        float(line.beyond), line.shared, 1.0 / len(line.neighbours), log1p(cluster.radius_m),
        float(cluster.suspect),
    )  # fmt: skip


def _exact_rows(columns: Columns, cluster: Cluster, number: Number, unit: int) -> list[int]:
    numbers, uptos, units = columns.number, columns.upto, columns.unit
    low = bisect_left(numbers, number.value, cluster.start, cluster.end)
    high = bisect_right(numbers, number.value, low, cluster.end)
    found = [row for row in range(low, high) if units[row] == unit]
    for row in range(max(cluster.start, low - 4), low):
        if uptos[row] >= number.value and units[row] == unit and (number.value - numbers[row]) % 2 == 0:
            found.append(row)
    return found


def _known(columns: Columns, cluster: Cluster, rows: list[int], quality: list[float], level: str) -> Location:
    """One point of the rows of one address. Where they disagree, the row that the others and its
    neighbours along the road bear out wins; the best of those that say another place is its rival."""
    xs, ys, shared, sources = columns.x, columns.y, columns.shared, columns.source
    numbered = columns.unit[rows[0]] in _NUMBERED
    first = rows[0]
    away = max(hypot(xs[row] - xs[first], ys[row] - ys[first]) for row in rows) if len(rows) > 1 else 0.0
    expected: Line | None = None
    if numbered and away > APART_M:
        expected = along(
            columns, cluster, columns.number[first], columns.unit[first], hidden=columns.number[first]
        )
    scored: list[tuple[float, int, float | None]] = []
    for row in rows:
        score = quality[sources[row]] * (0.2 if shared[row] else 1.0)
        for other in rows:
            if other != row:
                apart = hypot(xs[row] - xs[other], ys[row] - ys[other])
                score += quality[sources[other]] * 0.5 / (1.0 + (apart / AGREE_M) ** 2)
        chord = near_chord(columns, cluster, row) if numbered else None
        if expected is not None:
            off = hypot(xs[row] - expected.x, ys[row] - expected.y)
            score += 0.6 / (1.0 + (off / (2 * AGREE_M + expected.sd_m)) ** 2)
        elif chord is not None:
            score += 0.6 / (1.0 + (chord / (2 * AGREE_M)) ** 2)
        scored.append((score, row, chord))
    score, best, best_chord = max(scored, key=itemgetter(0))
    x, y = xs[best], ys[best]
    agreeing = [row for row in rows if hypot(xs[row] - x, ys[row] - y) <= AGREE_M]
    away = max(hypot(xs[row] - x, ys[row] - y) for row in rows)
    two = len({sources[row] for row in agreeing}) > 1
    features = (
        1.0, log1p(150.0 if best_chord is None else best_chord), float(best_chord is None), log1p(away),
        float(two), float(len(agreeing) > 1), float(shared[best]), 1.0 / len(rows), quality[sources[best]],
        float(cluster.suspect),
    )  # fmt: skip
    rival: Location | None = None
    if away > ELSEWHERE_M:
        elsewhere = [row for row in rows if hypot(xs[row] - x, ys[row] - y) > ELSEWHERE_M]
        rival = _known(columns, cluster, elsewhere, quality, level)._replace(rival=None)
        rival = rival._replace(say=max(s for s, row, _ in scored if row in elsewhere))
    why = "known_by_two" if two else "known"
    return Location(x, y, level, features, tuple(agreeing), bool(shared[best]), why, score, rival)


def locate(
    columns: Columns, cluster: Cluster, number: Number | None, tail: str, quality: list[float], *,
    hidden: int = -1, without_sources: frozenset[int] = frozenset(),
) -> Location:  # fmt: skip
    """The best point for ``number`` (and ``tail`` below it) in ``cluster``.

    ``quality`` is the trust in each source, 0 to 1. ``hidden`` leaves the entries of that number out
    and ``without_sources`` those of these sources: so the gazetteer examines itself.
    """
    if number is None or (not number.value and not number.mark):
        return _base_point(columns, cluster, quality, without_sources)
    unit = _UNIT_CODE[number.unit]
    if hidden != number.value:
        rows = _exact_rows(columns, cluster, number, unit)
        if without_sources:
            rows = [row for row in rows if columns.source[row] not in without_sources]
        if rows:
            return _of_rows(columns, cluster, rows, number, tail, quality)
    if unit in _NUMBERED:
        line = along(columns, cluster, number.value, unit, hidden)
        if line is not None:
            return Location(
                line.x, line.y, "interpolated", _line_features(line, cluster), line.neighbours,
                line.shared == 1.0, "beyond" if line.beyond else "between",
            )  # fmt: skip
        line = on_trace(columns, cluster, number.value)
        if line is not None:
            return Location(
                line.x, line.y, "interpolated", _line_features(line, cluster), line.neighbours, False,
                "traced",
            )  # fmt: skip
    return _base_point(columns, cluster, quality, without_sources)


def _of_rows(
    columns: Columns, cluster: Cluster, rows: list[int], number: Number, tail: str, quality: list[float]
) -> Location:  # fmt: skip
    texts, tails, marks = columns.texts, columns.tail, columns.mark
    same_mark = [row for row in rows if texts[marks[row]] == number.mark]
    pool = same_mark or rows
    if tail:
        same_tail = [row for row in pool if texts[tails[row]] == tail]
        if same_tail:
            level = "building" if "楼" in tail or "座" in tail else "door"
            return _known(columns, cluster, same_tail, quality, level)
    plain = [row for row in pool if not tails[row]]
    level = "lane" if number.unit in ("lane", "branch", "group", "phase") and tail else "door"
    if not plain and not tail:
        level = "lane" if number.unit == "lane" else "door"
    if number.unit == "building":
        level = "building"
    return _known(columns, cluster, plain or pool, quality, level)


def _base_point(
    columns: Columns, cluster: Cluster, quality: list[float], without_sources: frozenset[int]
) -> Location:
    """The point of the base itself where one is known, else the middle of all its entries."""
    rows: list[int] = []
    for row in range(cluster.start, cluster.end):
        if columns.number[row] or columns.unit[row]:
            break
        if columns.source[row] not in without_sources:
            rows.append(row)
    size = cluster.end - cluster.start
    if rows:
        known = _known(columns, cluster, rows, quality, "place")
        extra = (log1p(cluster.radius_m), log1p(size))
        return known._replace(features=(*known.features[:1], *extra, *known.features[3:]))
    features = middle_features(cluster.radius_m, size, suspect=cluster.suspect)
    return Location(cluster.x, cluster.y, "road", features, (), False, "middle")


def middle_features(radius_m: float, size: int, *, suspect: bool = False) -> tuple[float, ...]:
    """Features of the middle of something of that radius and of so many entries."""
    return (1.0, log1p(radius_m), log1p(size), *(0.0,) * 5, 1.0, float(suspect))
