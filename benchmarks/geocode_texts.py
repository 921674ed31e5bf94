"""How well addresses are read and matched as texts, on public labelled sets.

``tags``: elements with their spans against a set in the form of *Neural Chinese Address Parsing* (one JSON
object a line: ``text``, ``spans`` of [start, end, tag], ``part``); beside it a linear-chain tagger trained on
the set's own training part (averaged perceptron over characters, Viterbi), which the grammar is not; its
rules were mended by reading its mistakes on that part. The same tagger with our reading among its features
tells what the reading knows beyond the characters. Nothing that is trained here is shipped.
``pairs``: two spellings → exact, partial, none (columns ``query``, ``candidate``, ``label``), beside
character cosine with thresholds chosen on the same folds.
"""

import csv
import gzip
import json
import random
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from benchmarks.geocode_tags import Span, tags_of
from geocoding.matching import agreement

NOT_SCORED = frozenset(("person",))
"""Names of persons were masked in the set."""


class Tagger:
    """Averaged perceptron over characters with Viterbi: a linear chain with the usual window features.

    ``reading``: the tags of our reading are features too; then the chain learns where the set's annotators
    and the reading part."""

    def __init__(
        self, rows: Sequence[dict[str, Any]], passes: int = 6, seed: int = 1, *, reading: bool = False
    ) -> None:
        self._features = _features_with_reading if reading else _features
        self._labels = sorted({label for row in rows for label in _bio(row)})
        index = {label: i for i, label in enumerate(self._labels)}
        size = len(self._labels)
        self._emit: dict[str, list[float]] = defaultdict(lambda: [0.0] * size)
        self._step = [[0.0] * size for _ in range(size + 1)]
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * size)
        step_sums = [[0.0] * size for _ in range(size + 1)]
        data = [(self._features(row["text"]), [index[label] for label in _bio(row)]) for row in rows]
        drawn = random.Random(seed)
        count = 1
        for _ in range(passes):
            drawn.shuffle(data)
            for features, gold in data:
                guess = self._decode(features)
                if guess != gold:
                    before_gold = before_guess = size
                    for at, (g, h) in enumerate(zip(gold, guess, strict=True)):
                        if g != h:
                            for feature in features[at]:
                                weights, total = self._emit[feature], sums[feature]
                                weights[g] += 1
                                weights[h] -= 1
                                total[g] += count
                                total[h] -= count
                        if (before_gold, g) != (before_guess, h):
                            self._step[before_gold][g] += 1
                            self._step[before_guess][h] -= 1
                            step_sums[before_gold][g] += count
                            step_sums[before_guess][h] -= count
                        before_gold, before_guess = g, h
                count += 1
        for feature, total in sums.items():
            self._emit[feature] = [w - t / count for w, t in zip(self._emit[feature], total, strict=True)]
        for row, totals in zip(self._step, step_sums, strict=True):
            row[:] = [w - t / count for w, t in zip(row, totals, strict=True)]

    def _decode(self, features: list[list[str]]) -> list[int]:
        import numpy as np

        size = len(self._labels)
        step = np.array(self._step)
        score = step[size]
        back = []
        for at, names in enumerate(features):
            emit = np.zeros(size)
            for name in names:
                if name in self._emit:
                    emit += self._emit[name]
            if at:
                paths = score[:, None] + step[:size]
                back.append(paths.argmax(axis=0))
                score = paths.max(axis=0) + emit
            else:
                score = score + emit
        best = [int(score.argmax())]
        for pointers in reversed(back):
            best.append(int(pointers[best[-1]]))
        return best[::-1]

    def tags_of(self, text: str) -> list[Span]:
        return _spans([self._labels[i] for i in self._decode(self._features(text))])


def _bio(row: dict[str, Any]) -> list[str]:
    labels = ["O"] * len(row["text"])
    for start, end, tag in row["spans"]:
        labels[start:end] = ["B-" + tag.lower(), *["I-" + tag.lower()] * (end - start - 1)]
    return labels


def _spans(labels: Sequence[str]) -> list[Span]:
    found: list[Span] = []
    for at, label in enumerate(labels):
        if label == "O":
            continue
        tag = label[2:]
        if label[0] == "I" and found and found[-1][1:] == (at, tag):
            found[-1] = (found[-1][0], at + 1, tag)
        else:
            found.append((at, at + 1, tag))
    return found


def _features(text: str) -> list[list[str]]:
    form = ["0" if c.isdigit() else "A" if c.isascii() and c.isalpha() else c for c in f"^^{text}$$"]
    return [
        [
            *(f"{d}{form[i + d]}" for d in (-2, -1, 0, 1, 2)),
            *(f"{d}{form[i + d]}{form[i + d + 1]}" for d in (-2, -1, 0, 1)),
            f"t{form[i - 1]}{form[i]}{form[i + 1]}",
        ]
        for i in range(2, len(form) - 2)
    ]


def _features_with_reading(text: str) -> list[list[str]]:
    read = ["", *_bio({"text": text, "spans": tags_of(text)}), ""]
    return [
        [
            *names,
            f"r{here}",
            f"r{here}>{after}",
            f"r{before}<{here}",
            f"r{here}{text[i]}",
            f"r{here}|{after}{names[3]}",
        ]
        for i, (names, before, here, after) in enumerate(
            zip(_features(text), read, read[1:], read[2:], strict=False)
        )
    ]


def f1(gold: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> dict[str, Any]:
    """Micro F1 over exact spans, and F1 by tag."""
    right, told, true = Counter[str](), Counter[str](), Counter[str]()
    for g, h in zip(gold, found, strict=True):
        a = {s for s in g if s[2] not in NOT_SCORED}
        b = {s for s in h if s[2] not in NOT_SCORED}
        right.update(s[2] for s in a & b)
        told.update(s[2] for s in b)
        true.update(s[2] for s in a)
    by_tag = {t: 2 * right[t] / (told[t] + n) for t, n in true.most_common()}
    total = sum(told.values()) + sum(true.values())
    return {"f1": 2 * sum(right.values()) / total, "by_tag": by_tag}


def tags(path: Path, trained: bool = True) -> dict[str, Any]:
    """Micro F1 of the grammar on all rows of the part ``test``, beside the trained tagger."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    test = [row for row in rows if row["part"] == "test"]
    gold = [[(a, b, t.lower()) for a, b, t in row["spans"]] for row in test]
    report: dict[str, Any] = {"n": len(test), "wanmi": f1(gold, [tags_of(row["text"]) for row in test])}
    if trained:
        tagger = Tagger([row for row in rows if row["part"] == "train"])
        report["trained_tagger"] = f1(gold, [tagger.tags_of(row["text"]) for row in test])
        helped = Tagger([row for row in rows if row["part"] == "train"], reading=True)
        report["tagger_with_reading"] = f1(gold, [helped.tags_of(row["text"]) for row in test])
    return report


LABELS = ("exact", "partial", "none")


def pairs(path: Path) -> dict[str, Any]:
    """Macro F1 and accuracy of ``matching.agreement``, beside character cosine (1- and 2-grams) whose two
    thresholds are chosen on the other four fifths of the queries, and beside always saying none."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    gold = [row["label"] for row in rows]
    ours = [str(agreement(row["query"], row["candidate"])) for row in rows]
    likeness = [_cosine(row["query"], row["candidate"]) for row in rows]
    fold_of = [zlib.crc32(row["query"].encode()) % 5 for row in rows]
    by_cosine = [""] * len(rows)
    for fold_number in range(5):
        low, high = _thresholds(
            [c for c, f in zip(likeness, fold_of, strict=True) if f != fold_number],
            [g for g, f in zip(gold, fold_of, strict=True) if f != fold_number],
        )
        for i, (c, f) in enumerate(zip(likeness, fold_of, strict=True)):
            if f == fold_number:
                by_cosine[i] = "exact" if c >= high else "partial" if c >= low else "none"
    return {
        "n": len(rows),
        "wanmi": macro_f1(gold, ours),
        "character_cosine": macro_f1(gold, by_cosine),
        "always_none": macro_f1(gold, ["none"] * len(rows)),
    }


def macro_f1(gold: Sequence[str], found: Sequence[str]) -> dict[str, float]:
    """F1 of each label, their mean, and accuracy."""
    scores: dict[str, float] = {}
    for label in LABELS:
        right = sum(g == label == h for g, h in zip(gold, found, strict=True))
        both = sum(g == label for g in gold) + sum(h == label for h in found)
        scores[label] = 2 * right / both if both else 0.0
    accuracy = sum(g == h for g, h in zip(gold, found, strict=True)) / len(gold)
    return {"macro_f1": sum(scores.values()) / 3, "accuracy": accuracy, **scores}


def _cosine(one: str, other: str) -> float:
    a, b = (Counter(t[i : i + n] for n in (1, 2) for i in range(len(t) - n + 1)) for t in (one, other))
    dot = sum(a[gram] * b[gram] for gram in a.keys() & b.keys())
    size = sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
    return dot / size if size else 0.0


def _thresholds(likeness: Sequence[float], gold: Sequence[str]) -> tuple[float, float]:
    steps = [i / 40 for i in range(2, 40)]
    best = (-1.0, 0.3, 0.8)
    for low in steps:
        for high in (h for h in steps if h >= low):
            said = ["exact" if c >= high else "partial" if c >= low else "none" for c in likeness]
            best = max(best, (macro_f1(gold, said)["macro_f1"], low, high))
    return best[1], best[2]
