"""Accuracy and speed of geocoding, with baselines in the same run."""

import gc
import json
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from benchmarks.geocode_baselines import NearestText, Point, RoadInterpolation
from benchmarks.geocode_data import Held, Split, agreed, apart_m, contradicted, load, street_at
from geocoding.answers import Answer, geocode
from geocoding.calibration import WRONG_M, Calibration, calibrate, calibration_error
from geocoding.examination import examine
from geocoding.forward import Hints
from geocoding.grammar.lexicon import POINT
from geocoding.grammar.numerals import in_words
from geocoding.grammar.reading import read
from geocoding.grammar.vocabulary import canonical
from geocoding.noise import Noise

SEED = 20
MOST = 1500
"""Questions of one class."""


@dataclass
class Question:
    """What is asked, with the district told or not, and where the answer is."""

    text: str
    district: str
    lon: float
    lat: float
    confirmed: bool = False
    contradicted: bool = False
    """The register's own point lies far from its neighbours along the road."""
    second: Point = None
    """Where another register puts it."""


def _questions(split: Split, held: Sequence[Held], kind: str) -> list[Question]:
    noise = Noise(split.gazetteer, SEED)
    made: list[Question] = []
    for item in held:
        e = item.entry
        text: str | None
        lon, district = e.lon, e.district
        if kind == "missing_district":
            text, district = e.display, ""
        elif kind == "relative":
            text = e.display + "往东50米"
            lon += 50.0 / 111_195.0 / float(np.cos(np.radians(e.lat)))
        elif kind == "old_name":
            former = split.former.get(e.base)
            text = e.display.replace(e.base, former) if former and e.base in e.display else None
        else:
            text = noise.make(kind, e.display, read(e.display, split.gazetteer.names.lexicon))
        if text is not None:
            made.append(
                Question(text, district, lon, e.lat, item.confirmed, contradicted(split, e), item.second)
            )
    return made[:MOST]


def _crossings(split: Split) -> list[Question]:
    """Crossings of the road layer, asked by name."""
    drawn = random.Random(SEED)
    names = [name for name in split.roads if name in split.gazetteer.bases.ids]
    lines = [split.roads[name] for name in names]
    if not lines:
        return []
    tree = shapely.STRtree(lines)
    one, other = tree.query(lines, predicate="intersects")
    made: list[Question] = []
    for i, j in zip(one.tolist(), other.tolist(), strict=True):
        if i < j:
            points = shapely.get_coordinates(shapely.intersection(lines[i], lines[j]))
            centre = np.median(points, axis=0)
            if np.ptp(points, axis=0).max() < 0.0015:
                form = drawn.choice(["{}{}路口", "{}与{}交叉口", "{}近{}", "{}、{}"])
                text = form.format(names[i], names[j])
                made.append(Question(text, "", float(centre[0]), float(centre[1]), True))
    drawn.shuffle(made)
    return made[:MOST]


def _measures(
    questions: Sequence[Question], points: Sequence[Point], split: Split,
    answers: Sequence[Answer] = (),
) -> dict[str, Any]:  # fmt: skip
    error = np.array(
        [
            np.inf if p is None else apart_m(p[0], p[1], q.lon, q.lat)
            for q, p in zip(questions, points, strict=True)
        ]
    )
    sure = np.array([q.confirmed for q in questions])
    found: dict[str, Any] = {
        "n": len(questions),
        "answered": float(np.isfinite(error).mean()),
        "median_m": float(np.median(error)),
        **{f"within_{m}": float((error <= m).mean()) for m in (50, 100, 300)},
    }
    if sure.any():
        found["confirmed_n"] = int(sure.sum())
        found["confirmed_median_m"] = float(np.median(error[sure]))
        found["confirmed_within_300"] = float((error[sure] <= WRONG_M).mean())
    if split.streets is not None:
        pairs = [(q, p) for q, p in zip(questions, points, strict=True) if p is not None][:500]
        right = [street_at(split, q.lon, q.lat) == street_at(split, *p) for q, p in pairs]
        found["street_right"] = float(np.mean(right)) if right else 0.0
    if answers:
        chances = [a.best.confidence if a.best else 0.0 for a in answers]
        taken = np.array([a.status == "accepted" for a in answers])
        found["ambiguous"] = float(np.mean([a.status == "ambiguous" for a in answers]))
        found["listed_300"] = float(
            np.mean(
                [
                    any(apart_m(c.lon, c.lat, q.lon, q.lat) <= WRONG_M for c in a.candidates)
                    for a, q in zip(answers, questions, strict=True)
                ]
            )
        )
        found["accepted"] = float(taken.mean())
        found["wrong_accepted"] = float((error[taken] > WRONG_M).mean()) if taken.any() else 0.0
        doubted = np.array([q.contradicted for q in questions])
        found["contradicted_truths"] = float(doubted.mean())
        if (taken & (error > WRONG_M)).any():
            found["contradicted_of_wrong"] = float(doubted[taken & (error > WRONG_M)].mean())
        both = taken & sure
        if both.any():
            found["confirmed_wrong_accepted"] = float((error[both] > WRONG_M).mean())
        given = np.isfinite(error)
        if given.any():
            found["calibration_error"] = calibration_error(
                np.array(chances)[given], (error[given] <= WRONG_M).astype(float)
            )
    return found


def _ask(split: Split, calibration: Calibration, questions: Sequence[Question]) -> list[Answer]:
    return [
        geocode(split.gazetteer, calibration, q.text, Hints(canonical(q.district)), limit=3)
        for q in questions
    ]


def _points(answers: Sequence[Answer]) -> list[Point]:
    return [None if a.best is None else (a.best.lon, a.best.lat) for a in answers]


def accuracy(tables: Path, say: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """All classes of question for ours and the baselines; the gazetteer has seen none of the addresses."""
    split = load(tables)
    say(f"{split.gazetteer.size:,} entries, {len(split.held):,} rows held back")
    calibration = calibrate(examine(split.gazetteer))
    numbered = [h for h in split.held if h.entry.number]
    random.Random(SEED).shuffle(numbered)
    register = [h for h in numbered if h.source < len(split.quality) - 1] or numbered
    classes: dict[str, list[Question]] = {
        kind: _questions(split, register, kind)
        for kind in (
            "clean", "missing_district", "numerals", "homophone", "look_alike", "reordered", "chatter",
            "full_width", "relative", "old_name",
        )
    }  # fmt: skip
    classes["crossing"] = _crossings(split)
    classes["village"] = [
        Question(h.entry.display, h.entry.district, h.entry.lon, h.entry.lat, h.confirmed)
        for h in split.held
        if not h.entry.number
    ][:MOST]
    drawn = random.Random(SEED).sample(split.known, min(4 * MOST, len(split.known)))
    doors = [
        Held(e, 0, confirmed=agreed(split, e)) for e, _ in drawn if e.number and not e.tail and not e.part
        if e.display
    ][:MOST]  # fmt: skip
    for kind in ("clean", "missing_district", "homophone", "look_alike", "reordered", "chatter"):
        name = "known_door" if kind == "clean" else f"known_{kind}"
        classes[name] = _questions(split, doors, kind)
    classes["exact_name"] = [
        Question(e.display, e.district, e.lon, e.lat) for e, _ in drawn if e.kind == POINT and e.part == 1
    ][:MOST]
    classes["house_name"] = [
        Question(in_words(e.base), e.district, e.lon, e.lat)
        for e in split.houses
        if e.base in split.gazetteer.bases.ids
    ][:MOST]
    known = [e for e, _ in split.known]
    nearest, plain = NearestText(known), RoadInterpolation(known)
    report: dict[str, Any] = {"threshold": calibration.threshold, "self_examination": calibration.report}
    chances: list[float] = []
    right: list[float] = []
    for kind, questions in classes.items():
        if not questions:
            continue
        say(f"{kind}: {len(questions):,}")
        answers = _ask(split, calibration, questions)
        if kind == "crossing":
            split.gazetteer.roads = {}
            without = _points(_ask(split, calibration, questions))
            within = _measures(questions, without, split)["within_100"]
            say(f"crossing without lines: {within:.3f} within 100 m")
        points = _points(answers)
        texts = [q.district + q.text for q in questions]
        few = questions[:300]
        report[kind] = {
            "wanmi": _measures(questions, points, split, answers),
            "nearest_text": _measures(few, nearest.find(texts[:300]), split),
            "road_interpolation": _measures(questions, plain.find(texts), split),
        }
        if kind == "clean":
            two = [q for q in questions if q.second is not None]
            report[kind]["second_register"] = _measures(two, [q.second for q in two], split)
        if kind.partition("_")[0] not in ("known", "exact"):
            chances.extend(a.best.confidence for a in answers if a.best)
            right.extend(
                float(apart_m(p[0], p[1], q.lon, q.lat) <= WRONG_M)
                for q, p in zip(questions, points, strict=True)
                if p
            )
    report["calibration_error_all"] = calibration_error(np.array(chances), np.array(right))
    return report


def accuracy_table(report: dict[str, Any]) -> list[list[str]]:
    """Rows for people: class, method, then the measures."""
    rows = [
        ["class", "method", "n", "answered", "median m", "≤50", "≤100", "≤300", "listed", "street",
         "accepted", "wrong", "confirmed: median m", "≤300", "wrong", "ECE"]
    ]  # fmt: skip
    for kind, methods in report.items():
        if not isinstance(methods, dict) or "wanmi" not in methods:
            continue
        for method, m in methods.items():
            rows.append(
                [kind, method, str(m["n"]), f"{m['answered']:.3f}", f"{m['median_m']:.0f}"]
                + [f"{m[f'within_{d}']:.3f}" for d in (50, 100, 300)]
                + [_cell(m, key, form) for key, form in (
                    ("listed_300", ".3f"), ("street_right", ".3f"), ("accepted", ".3f"),
                    ("wrong_accepted", ".4f"),
                    ("confirmed_median_m", ".0f"), ("confirmed_within_300", ".3f"),
                    ("confirmed_wrong_accepted", ".4f"), ("calibration_error", ".3f"),
                )]
            )  # fmt: skip
    return rows


def _cell(measures: dict[str, Any], key: str, form: str) -> str:
    return format(measures[key], form) if key in measures else ""


def speed(size: int = 1_000_000, say: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """A made-up city of ``size`` addresses: build, memory, addresses a second on one core, latency."""
    from benchmarks.geocode_city import made_up_city

    started = time.perf_counter()
    gazetteer, texts = made_up_city(size)
    built_s = time.perf_counter() - started
    say(f"built in {built_s:.1f} s")
    calibration = calibrate(examine(gazetteer, 2000))
    gc.collect()
    gc.freeze()
    report: dict[str, Any] = {"entries": gazetteer.size, "build_s": built_s}
    for kind, asked in texts.items():
        for text in asked[:200]:
            geocode(gazetteer, calibration, text, limit=4)
        times = np.empty(len(asked))
        cpu = time.process_time()
        for i, text in enumerate(asked):
            begun = time.perf_counter()
            geocode(gazetteer, calibration, text, limit=4)
            times[i] = time.perf_counter() - begun
        report[kind] = {
            "per_s": float(len(asked) / times.sum()),
            "per_core_s": len(asked) / (time.process_time() - cpu),
            "p50_ms": float(np.median(times) * 1e3),
            "p99_ms": float(np.quantile(times, 0.99) * 1e3),
        }
        say(f"{kind}: {report[kind]['per_core_s']:,.0f}/s a core")
    report["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return report


def as_text(report: dict[str, Any]) -> str:
    """The report as JSON."""
    return json.dumps(report, ensure_ascii=False, indent=1)
