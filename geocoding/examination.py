"""A gazetteer asks itself: each known address of a sample is hidden and asked again, as it is, without its
district and with mistakes made by rule. What comes of it teaches how sure answers are (``calibration``).
"""

import zlib
from collections.abc import Sequence
from math import hypot

import numpy as np
from numpy.typing import NDArray

from geocoding.calibration import FOLDS, Case, features_of, group_of
from geocoding.forward import WHOLE, Hidden, Hints, matches
from geocoding.grammar.elements import Reading
from geocoding.grammar.lexicon import PLACE, ROAD
from geocoding.grammar.reading import read
from geocoding.index.entries import UNITS
from geocoding.index.gazetteer import Gazetteer
from geocoding.noise import Noise
from geocoding.targets import NEVER_ACCEPTED

SAMPLE = 10_000
CONFIRMED_M = 150.0


def _standard_text(gazetteer: Gazetteer, row: int, base: str) -> str:
    columns = gazetteer.columns
    unit = UNITS[columns.unit[row]]
    suffix = {"lane": "弄", "door": "号", "building": "幢", "group": "组"}.get(unit, "")
    number = f"{columns.number[row]}{suffix}" if columns.number[row] else ""
    mark = columns.texts[columns.mark[row]]
    return f"{base}{number}{mark if suffix and mark.startswith('-') else ''}"


def examine(gazetteer: Gazetteer, sample: int = SAMPLE, seed: int = 1) -> list[Case]:
    """Hide known addresses one by one and ask for them again."""
    columns = gazetteer.columns
    of_row = np.zeros(gazetteer.size, np.int32)
    numbered: list[int] = []
    named: list[int] = []
    for cluster in columns.clusters:
        of_row[cluster.start : cluster.end] = cluster.base
        if cluster.suspect:
            continue
        place = gazetteer.base_kinds.get(cluster.base, 0) & (ROAD | PLACE)
        for row in range(cluster.start, cluster.end):
            if columns.number[row]:
                if columns.unit[row] in (1, 3) and not columns.tail[row]:
                    numbered.append(row)
            elif place and not columns.unit[row]:
                named.append(row)
    draw = np.random.default_rng(seed)
    rows = numbered + named
    chosen = draw.permutation(len(rows))[:sample]
    noise = Noise(gazetteer, seed)
    kinds = ["clean", "clean", "clean", "no_district", "no_district", "homophone", "look_alike", "chatter"]
    cases: list[Case] = []
    for index, position in enumerate(chosen.tolist()):
        row = rows[position]
        base_id = int(of_row[row])
        base = gazetteer.bases.texts[base_id]
        if "_" in base:
            continue
        district = gazetteer.areas.texts[columns.district[row]]
        text = _standard_text(gazetteer, row, base)
        kind = kinds[index % len(kinds)]
        reading = read(text, gazetteer.names.lexicon)
        if kind not in ("clean", "no_district"):
            worse = noise.make(kind, text, reading)
            if worse is None:
                kind = "clean"
            else:
                reading = read(worse, gazetteer.names.lexicon)
        hints = Hints(district="" if kind == "no_district" else district)
        for hidden in _hidings(gazetteer, row, base_id, index):
            case = _ask(gazetteer, reading, hints, hidden, row, kind)
            if case is not None:
                case.fold = zlib.crc32(base.encode()) % FOLDS
                case.confirmed = not hidden.sources and _confirmed(gazetteer, row)
                cases.append(case)
    cases += _unknown_roads(gazetteer, [numbered[i] for i in draw.permutation(len(numbered))], of_row, sample)
    return cases


def _unknown_roads(
    gazetteer: Gazetteer, rows: Sequence[int], of_row: NDArray[np.int32], sample: int
) -> list[Case]:
    """Addresses on roads that are hidden altogether: what is answered is a road of a like name. As many of
    the sample as there must be by the roads seen once only (Good 1953)."""
    columns = gazetteer.columns
    _, times = np.unique(of_row[list(rows)], return_counts=True)
    asked = rows[: round(sample * float((times == 1).sum()) / max(1, len(rows)))]
    cases = []
    for row in asked:
        base_id = int(of_row[row])
        base = gazetteer.bases.texts[base_id]
        if not gazetteer.base_kinds.get(base_id, 0) & ROAD or "_" in base:
            continue
        reading = read(_standard_text(gazetteer, row, base), gazetteer.names.lexicon)
        hints = Hints(district=gazetteer.areas.texts[columns.district[row]])
        case = _ask(gazetteer, reading, hints, Hidden(base_id, WHOLE), row, "unknown_road")
        if case is not None:
            case.fold = zlib.crc32(base.encode()) % FOLDS
            cases.append(case)
    return cases


def _hidings(gazetteer: Gazetteer, row: int, base_id: int, index: int) -> list[Hidden]:
    """The number altogether; or, where other sources know it too, this source's row only."""
    columns = gazetteer.columns
    number, source = columns.number[row], columns.source[row]
    others = False
    for step in (-1, 1):
        at = row + step
        while 0 <= at < gazetteer.size and columns.number[at] == number and abs(at - row) < 8:
            others = others or columns.source[at] != source
            at += step
    if others and index % 2:
        return [Hidden(base_id, -1, frozenset((source,)))]
    return [Hidden(base_id, number or WHOLE)]


def _confirmed(gazetteer: Gazetteer, row: int) -> bool:
    """Whether another source has the same number within ``CONFIRMED_M``."""
    columns = gazetteer.columns
    number, source, x, y = columns.number[row], columns.source[row], columns.x[row], columns.y[row]
    for at in range(max(0, row - 8), min(gazetteer.size, row + 9)):
        other = columns.number[at] == number and columns.source[at] != source
        if other and hypot(columns.x[at] - x, columns.y[at] - y) <= CONFIRMED_M:
            return True
    return False


def _ask(
    gazetteer: Gazetteer, reading: Reading, hints: Hints, hidden: Hidden, row: int, kind: str
) -> Case | None:
    found = matches(gazetteer, reading, hints, hidden)
    if not found:
        return None
    first = found[0]
    error = hypot(first.location.x - gazetteer.columns.x[row], first.location.y - gazetteer.columns.y[row])
    group = group_of(first)
    if group in ("name", "crossing"):
        return None  # Another place of a like name says nothing about asking for a known one.
    acceptable = first.reason not in NEVER_ACCEPTED
    return Case(group, features_of(first, len(found)), error, 0, kind, acceptable=acceptable)
