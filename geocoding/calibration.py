"""How sure an answer is, learnt by a gazetteer from what came of asking itself (``examination``).

A ridge-penalised logistic model for each kind of answer turns its features into the probability of lying
within ``WRONG_M``, a second one gives the expected error, and a curve over the odds (Platt scaling), fitted
on roads the models did not see, makes the probability true. Nothing is shipped: every gazetteer has its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geocoding.forward import PAST_M, Match
from geocoding.grammar.lexicon import POINT
from geocoding.index.habits import USUAL_M
from geocoding.locating import FEATURES
from geocoding.targets import UNSURE_REASONS

WRONG_M = 300.0
"""An answer farther away than this is wrong."""
WRONG_SHARE = 0.01
"""Share of wrong answers that acceptance lets through in the self-examination."""
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.96, 0.985
"""Bounds of the threshold: below the lower one a point with rivals in the register could pass; more than the
higher one is never asked for, as a gazetteer of one source has nothing that could raise a door above it."""
LEAST_CONFIRMED = 300
OUTMOST = 0.002
"""Share of the cases that tell too little of how a feature goes on."""
FOLDS = 5
REASONS = (
    "same", "alias", "former", "correction", "last_part", "short_name",
    "homophone", "like_sound", "look_alike", "unreadable_character",
    "one_character", "missing_character", "extra_character", "inside", "larger_place",
    "pinyin", "initials", "series", "named_after", "part", "same_kind", "house",
    "alike",
)  # fmt: skip
GROUPS = {
    "door": "known", "building": "known", "lane": "known", "place": "place", "interpolated": "line",
    "road": "road", "crossing": "crossing", "area": "area",
}  # fmt: skip

_PRIOR = {
    "crossing": 0.97,
    "known": 0.99,
    "name": 0.97,
    "place": 0.6,
    "line": 0.7,
    "beyond": 0.5,
    "traced": 0.4,
    "road": 0.9,
    "area": 0.9,
}
_PLACE_ITSELF = 0.9
"""A village or estate that is asked for by its own name, not for a house in it."""
_PRIOR_ERROR_M = {
    "crossing": 1.0,
    "known": 15.0,
    "name": 40.0,
    "place": 150.0,
    "line": 120.0,
    "beyond": 200.0,
    "traced": 300.0,
    "road": 50.0,
    "area": 50.0,
}
"""What is believed before a gazetteer has enough addresses to examine itself."""
BY_HAND, BY_HAND_ERROR_M = 0.99, 10.0
"""Trust in a source whose points somebody put on the map, and how exact a hand is."""
ELSEWHERE = 0.1
"""What remains of a name found in another district than the one told."""
CHORD_M = 800.0
_NOT_EXAMINED = frozenset(("pinyin", "initials", "unreadable_character", "part", "same_kind"))
"""Ways to a name that the examination does not ask by: their own belief counts, and how many there are."""
_BESIDES = frozenset(("house", "alike"))
"""Ways to another name than the one that the address is asked by."""
_LINES = frozenset(("line", "beyond", "traced"))
_REACHES = (1, 2, 3, 4)
"""Features of an inferred place that are logarithms of metres or of numbers."""
_NAMED = frozenset(("same", "alias", "former", "correction", "short_name"))


def group_of(match: Match) -> str:
    """Which model judges a match. A place asked for by its own name and nothing more is ``name``."""
    level = match.location.level
    if level == "place" and match.kind & POINT and match.reason in _NAMED:
        return "name"
    if match.location.why in ("beyond", "traced"):
        return match.location.why
    return GROUPS[level]


def features_of(match: Match, rivals: int) -> tuple[float, ...]:
    """The location's own features, ``FEATURES`` of them, then how the place was chosen."""
    reason = REASONS.index(match.reason) if match.reason in REASONS else 0
    share = min(max(match.share, 1e-3), 1.0 - 1e-3)
    return (
        *match.location.features, log(share / (1.0 - share)), log(max(match.weight, 1e-4)),
        float(match.district_ok is True), float(match.district_ok is False),
        float(reason in (1, 2, 3, 4, 5, 20)), float(reason in (6, 7, 19)), float(reason in (8, 9, 15, 16)),
        float(reason in (10, 11, 12)), float(reason in (13, 14, 17, 18)), float(rivals > 1),
        float(match.numbered),
    )  # fmt: skip


FEATURES_VERSION = 5
"""To be raised with every change of ``features_of``, ``regressors``, ``group_of`` or of what is stored."""
Bounds = list[tuple[float, float]]


def seen_bounds(features: NDArray[np.float64]) -> Bounds:
    """Lowest and highest value of each of the location's features that the examination saw often enough to
    tell something of it: ``OUTMOST`` of all cases, five at least, lie beyond either."""
    ordered = np.sort(features[:, :FEATURES], axis=0)
    few = max(5, round(OUTMOST * len(ordered)))
    return list(zip(ordered[few].tolist(), ordered[-1 - few].tolist(), strict=True))


def regressors(features: Sequence[float], bounds: Bounds) -> list[float]:
    """What the models weigh: features of a location within their bounds, so that a curve is not drawn on to
    numbers and distances of which nothing is known; their squares and products; how the place was chosen."""
    own = [
        low if value < low else high if value > high else value
        for value, (low, high) in zip(features, bounds, strict=False)
    ]
    spread = own[1]
    return [
        *own,
        *[value * value for value in own[1:]],
        *[spread * value for value in own[2:]],
        *features[FEATURES:],
    ]


def times_past(features: Sequence[float], bounds: Bounds) -> float:
    """How many times farther an answer reaches than any that was examined, in metres or in numbers; 1 if not
    farther. An inferred place is believed that much less."""
    return exp(max(0.0, *(features[i] - bounds[i][1] for i in _REACHES)))


@dataclass(slots=True)
class Calibration:
    """Models by kind of answer, the curve, and the threshold of acceptance with its report."""

    chance: dict[str, list[float]] = field(default_factory=dict)
    error: dict[str, list[float]] = field(default_factory=dict)
    bounds: dict[str, Bounds] = field(default_factory=dict)
    curves: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Odds of being right by kind of answer: the first and so many times the odds that the model tells."""
    threshold: float = 0.9
    report: dict[str, Any] = field(default_factory=dict)

    def judge(self, match: Match, rivals: int) -> tuple[float, float]:
        """Probability of lying within ``WRONG_M``, and the expected error in metres."""
        # Of what the examination never asks for, it judges the place; how that was found is believed besides.
        judged = match._replace(weight=1.0, share=1.0, reason="same") if match.reason in _BESIDES else match
        group = group_of(judged)
        model = self.chance.get(group)
        if model is None:
            return self._prior(group, match)
        bounds = self.bounds[group]
        values = regressors(features_of(judged, rivals), bounds)
        first, slope = self.curves[group]
        odds = first + slope * sum(map(mul, model, values))
        expected = exp(max(0.0, min(11.0, sum(map(mul, self.error[group], values)))))
        chance = 1.0 / (1.0 + exp(-max(-30.0, min(30.0, odds))))
        if match.reason in _NOT_EXAMINED:
            chance *= match.belief * match.share
        elif match.reason in _BESIDES:
            chance *= match.belief
        if match.reason in UNSURE_REASONS:
            # Among names that are only like the one said none is surer than the evidence for it.
            chance = min(chance, match.share)
        if group in _LINES:
            past = times_past(match.location.features, bounds)
            chance, expected = chance / past, expected * past
        return chance, max(1.0, expected - 10.0)

    def _prior(self, group: str, match: Match) -> tuple[float, float]:
        """Before the gazetteer can examine itself: a known door is believed as far as its neighbours
        along the road bear it out, a middle as far as its place is small, a number beyond the known ones
        as far as it is near them."""
        spread_m = exp(match.location.features[1]) - 1.0
        belief = _PRIOR[group]
        if group == "place" and match.reason in _NAMED and not match.numbered:
            belief = _PLACE_ITSELF
        raw = belief * match.share * match.belief * (ELSEWHERE if match.district_ok is False else 1.0)
        if group == "known":
            raw *= (0.7 if match.location.shared else 1.0) / (1.0 + (spread_m / CHORD_M) ** 2)
            return raw, 15.0 + 0.3 * spread_m
        if group in ("beyond", "traced"):
            own = match.location.features
            past_m = exp(own[4]) - 1.0 if group == "traced" else USUAL_M * (exp(own[2]) - 1.0)
            return raw / (1.0 + past_m / PAST_M), _PRIOR_ERROR_M[group] + past_m
        if group == "name" and match.location.features[8] >= BY_HAND:
            return raw, BY_HAND_ERROR_M
        if group in ("name", "road", "place", "crossing", "area"):
            raw *= 1.0 / (1.0 + (spread_m / WRONG_M) ** 2)
        return raw, _PRIOR_ERROR_M[group] + spread_m

    def as_json(self) -> dict[str, Any]:
        return {
            "chance": self.chance, "error": self.error, "bounds": self.bounds, "curves": self.curves,
            "threshold": self.threshold, "report": self.report, "features": FEATURES_VERSION,
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Calibration":
        """What was stored; the priors where it weighs other features than today's."""
        if is_outdated(stored):
            return cls()
        bounds = {group: [(b[0], b[1]) for b in pairs] for group, pairs in stored["bounds"].items()}
        curves = {group: (pair[0], pair[1]) for group, pair in stored["curves"].items()}
        return cls(
            stored["chance"], stored["error"], bounds, curves,
            stored["threshold"], stored["report"],
        )  # fmt: skip


_MEMBERS = Calibration().as_json().keys()


def is_outdated(stored: dict[str, Any]) -> bool:
    """Whether a stored model was made for other features, or holds other members: its weights would mean
    nothing."""
    return stored.get("features") != FEATURES_VERSION or not stored.keys() >= _MEMBERS


@dataclass(slots=True)
class Case:
    """One question the gazetteer asked itself, and what came of it."""

    group: str
    features: tuple[float, ...]
    error_m: float
    fold: int
    kind: str
    confirmed: bool = False
    """Two sources agree on the hidden point and neither was there to be asked."""
    acceptable: bool = True
    """Found by a name that may be accepted at all."""


def _logit(chance: Any) -> Any:
    """Logarithm of the odds; of numbers and of arrays."""
    inside = np.clip(chance, 1e-9, 1.0 - 1e-9)
    return np.log(inside / (1.0 - inside))


def _logit_inverse(odds: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0)))


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64], penalty: float = 2.0) -> NDArray[np.float64]:
    """Ridge-penalised logistic regression by iterated weighted least squares; the first column is 1."""
    weights = np.zeros(x.shape[1])
    ridge = penalty * np.eye(x.shape[1])
    ridge[0, 0] = 1e-3
    for _ in range(25):
        p = _logit_inverse(x @ weights)
        curve = np.maximum(p * (1 - p), 1e-6)
        step = np.linalg.solve((x.T * curve) @ x + ridge, x.T @ (y - p) - ridge @ weights)
        weights = np.asarray(weights + step, np.float64)
        if float(np.abs(step).max()) < 1e-6:
            break
    return weights


def _ridge(x: NDArray[np.float64], y: NDArray[np.float64], penalty: float = 2.0) -> NDArray[np.float64]:
    ridge = penalty * np.eye(x.shape[1])
    ridge[0, 0] = 1e-6
    return np.asarray(np.linalg.solve(x.T @ x + ridge, x.T @ y), np.float64)


def _odds_curve(raw: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float]:
    """Intercept and slope of the logistic curve over the odds of ``raw``, rising (Platt 1999)."""
    odds = _logit(raw)
    first, slope = _logistic(np.column_stack((np.ones(len(odds)), odds)), right, penalty=0.01).tolist()
    return (first, slope) if slope > 0.0 else (0.0, 1.0)


def calibration_error(chance: NDArray[np.float64], right: NDArray[np.float64], bins: int = 10) -> float:
    """Expected calibration error over ``bins`` equal parts of 0 to 1."""
    at = np.minimum((chance * bins).astype(int), bins - 1)
    total = 0.0
    for b in range(bins):
        inside = at == b
        if inside.any():
            total += abs(float(chance[inside].mean() - right[inside].mean())) * float(inside.mean())
    return total


LEAST_OF_GROUP, LEAST_OF_CURVE = 60, 400
"""Cases of a kind of answer that a model, and a curve of its own, are fitted to."""


def calibrate(cases: Sequence[Case]) -> Calibration:
    """Fit on the cases; the map and the threshold come from folds the models did not see."""
    made = Calibration()
    if len(cases) < 200:
        return made
    right = np.array([case.error_m <= WRONG_M for case in cases], np.float64)
    raw = np.zeros(len(cases))
    fold = np.array([case.fold for case in cases])
    for group in dict.fromkeys(case.group for case in cases):
        at = np.array([i for i, case in enumerate(cases) if case.group == group])
        if len(at) < LEAST_OF_GROUP:
            continue
        features = np.array([cases[i].features for i in at])
        made.bounds[group] = bounds = seen_bounds(features)
        x = np.array([regressors(row, bounds) for row in features.tolist()])
        y = right[at]
        log_error = np.log(np.array([min(cases[i].error_m, 20_000.0) for i in at]) + 10.0)
        made.chance[group] = _logistic(x, y).tolist()
        typical = log_error <= log(3000.0)
        made.error[group] = _ridge(x[typical], log_error[typical]).tolist()
        for f in range(FOLDS):
            outside, inside = fold[at] != f, fold[at] == f
            if inside.any() and outside.any():
                fitted = _logistic(x[outside], y[outside])
                raw[at[inside]] = _logit_inverse(x[inside] @ fitted)
    known = raw > 0
    if known.sum() < LEAST_OF_GROUP:
        return Calibration()  # One road, or few: no fold tells anything of another.
    groups = np.array([case.group for case in cases])
    chance = np.zeros(len(cases))
    for group in made.chance:
        of_group = known & (groups == group)
        enough = of_group if of_group.sum() >= LEAST_OF_CURVE else known
        made.curves[group] = first, slope = _odds_curve(raw[enough], right[enough])
        chance[of_group] = _logit_inverse(first + slope * _logit(raw[of_group]))
    # Judged by points that two sources confirm, where there are enough of them: a register's own
    # misplaced points would else be counted as wrong answers.
    acceptable = np.array([case.acceptable for case in cases])
    inferred = known & acceptable & np.array([case.group in _LINES for case in cases])
    sure = inferred & np.array([case.confirmed for case in cases])
    judged = sure if sure.sum() >= LEAST_CONFIRMED else inferred if inferred.any() else known
    found = _threshold(chance[judged], right[judged])
    made.threshold = min(max(found, LOWEST_THRESHOLD), HIGHEST_THRESHOLD)
    accepted = acceptable & (chance >= made.threshold)
    made.report = {
        "cases": len(cases),
        "within_m": {str(m): float(np.mean([c.error_m <= m for c in cases])) for m in (50, 100, 300)},
        "median_m": float(np.median([c.error_m for c in cases])),
        "accepted": float(accepted[known].mean()),
        "wrong_accepted": _share(1 - right[known & accepted]),
        "confirmed": int(sure.sum()),
        "confirmed_accepted": _share(accepted[sure]),
        "confirmed_wrong_accepted": _share(1 - right[sure & accepted]),
        "calibration_error": calibration_error(chance[known], right[known]),
    }
    return made


def _share(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _threshold(chance: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """The lowest chance above which at most ``WRONG_SHARE`` of the answers are expected to be wrong;
    1.0 where there is none.

    The expectation is a logistic curve over the odds, fitted to the cases: single wrong answers among the
    surest, of which a sample has three or four, would else move the threshold far.
    """
    first, slope = _odds_curve(chance, right)
    order = np.argsort(-chance, kind="stable")
    wrong = 1.0 - _logit_inverse(first + slope * _logit(chance[order]))
    good = np.flatnonzero(np.cumsum(wrong) <= WRONG_SHARE * np.arange(1, len(order) + 1))
    return float(chance[order[good[-1]]]) if len(good) else 1.0
