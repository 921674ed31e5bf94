"""What a gazetteer of some tables says of the addresses that only another table has.

As in a city that has one register and is asked for what stands in another: nothing of the other's points, and
none of its addresses, is known. ``./wanmi bench geocode --across TABLES`` (the TOML file of ``--accuracy``).
"""

import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.geocode_data import apart_m, names_of, read_tables
from geocoding.answers import geocode
from geocoding.calibration import WRONG_M, calibrate, calibration_error
from geocoding.examination import examine
from geocoding.forward import Hints
from geocoding.grammar.vocabulary import canonical
from geocoding.index.entries import SourceRow, entries_of
from geocoding.index.gazetteer import Source, build, read_sources

SEED, MOST, LEAST = 20, 2500, 200


def measure(spec_file: Path, say: Callable[[str], None] = lambda text: None) -> dict[str, dict[str, Any]]:
    """Figures by the source that is asked for, but for those with fewer than ``LEAST`` such addresses."""
    tables = read_tables(tomllib.loads(spec_file.read_text(encoding="utf-8")))
    report = {}
    for source, rows in tables:
        known = [table for table in tables if table[0] is not source]
        if known:
            figures = _asked(known, rows)
            say(f"{source.key}: {figures['n']:,}")
            if figures["n"] >= LEAST:
                report[source.key] = figures
    return report


def _asked(known: list[tuple[Source, list[SourceRow]]], rows: list[SourceRow]) -> dict[str, Any]:
    names = names_of(known)
    entries, sources, keys = read_sources(known, names)
    quality = [0.0] * (1 + max(source.id for source, _ in known))
    for source, _ in known:
        quality[source.id] = source.quality
    gazetteer = build(entries, sources, keys, names, quality)
    calibration = calibrate(examine(gazetteer))
    has = {(entry.base, entry.number, entry.unit) for entry in entries}
    unseen = [
        row
        for row in rows
        for entry in entries_of(row, names)
        if entry.unit in ("door", "lane") and not entry.tail
        if (entry.base, entry.number, entry.unit) not in has
    ]
    random.Random(SEED).shuffle(unseen)
    unseen = unseen[:MOST]
    answers = [geocode(gazetteer, calibration, row.text, Hints(canonical(row.district))) for row in unseen]
    off = np.array(
        [
            np.inf if a.best is None else apart_m(a.best.lon, a.best.lat, row.lon, row.lat)
            for a, row in zip(answers, unseen, strict=True)
        ]
    )
    if not len(off):
        return {"n": 0}
    chance = np.array([a.best.confidence if a.best else 0.0 for a in answers])
    accepted = np.array([a.status == "accepted" for a in answers])
    given = np.isfinite(off)
    return {
        "n": len(off),
        "known": gazetteer.size,
        "answered": float(given.mean()),
        "median_m": float(np.median(off)),
        **{f"within_{m}": float((off <= m).mean()) for m in (50, 100, 300)},
        "accepted": float(accepted.mean()),
        "wrong_accepted": float((off[accepted] > WRONG_M).mean()) if accepted.any() else None,
        "calibration_error": calibration_error(chance[given], off[given] <= WRONG_M),
        "threshold": calibration.threshold,
    }
