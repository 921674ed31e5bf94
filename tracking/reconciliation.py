"""Alerts as they should be, beside alerts as they are stored: what has to be changed, with its record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import psycopg

from tracking.clock import datetime_of, micros_of
from tracking.rules import Change, Remembered
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("tracking", "correction.sql")
_FOREVER = 1 << 62


class Span(NamedTuple):
    """What was judged again: fixes after ``from_us`` up to ``until_us`` (None: all), with the memory of
    the rules at both ends. ``rules``: of which rules."""

    from_us: int
    until_us: int | None
    at_start: Mapping[str, Remembered]
    at_end: Mapping[str, Remembered]
    rules: frozenset[str]

    def holds(self, rule: str, opened_us: int) -> bool:
        """Whether an episode was judged from its beginning or its state at the start to its end."""
        if rule not in self.rules:
            return False
        begun = opened_us > self.from_us or opened_us == _first_us(self.at_start, rule)
        ended = self.until_us is None or (
            opened_us <= self.until_us and opened_us != _first_us(self.at_end, rule)
        )
        return begun and ended


def _first_us(states: Mapping[str, Remembered], rule: str) -> int | None:
    state = states.get(rule)
    return state.episode.first[0] if state and state.episode.first else None


class Outcome(NamedTuple):
    """Numbers of alerts."""

    unchanged: int
    corrected: int
    added: int
    withdrawn: int


@dataclass(slots=True)
class Told:
    """An episode as the rules tell it; of one that was open at the start only what is new."""

    rule: str
    opened_us: int
    lon: float
    lat: float
    seen_us: int
    last_lon: float
    last_lat: float
    closed_us: int | None = None
    close_reason: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    rule_version: int = 1
    severity: str = "warning"

    @property
    def bounds(self) -> tuple[Any, ...]:
        place = (self.lon, self.lat, self.last_lon, self.last_lat)
        return (self.opened_us, self.seen_us, self.closed_us, self.close_reason, *place)


class Stored(NamedTuple):
    id: int
    rule: str
    opened_us: int
    seen_us: int
    closed_us: int | None
    close_reason: str | None
    lon: float
    lat: float
    last_lon: float
    last_lat: float
    withdrawn: bool
    evidence: dict[str, Any]

    @property
    def bounds(self) -> tuple[Any, ...]:
        place = (self.lon, self.lat, self.last_lon, self.last_lat)
        return (self.opened_us, self.seen_us, self.closed_us, self.close_reason, *place)


def tell(at_start: Mapping[str, Remembered], changes: Iterable[Change]) -> list[Told]:
    """Episodes out of their changes, rule by rule in the order of their beginnings."""
    told: dict[str, list[Told]] = {}
    for rule, state in at_start.items():
        episode = state.episode
        if episode.opened and episode.first and episode.written:
            first, written = episode.first, episode.written
            told[rule] = [Told(rule, *first[:3], *written[:3])]
    for change in changes:
        of_rule = told.setdefault(change.rule, [])
        if change.kind == "withdraw":
            del of_rule[-1:]
            continue
        if change.kind == "open":
            of_rule.append(Told(change.rule, change.opened_us, change.lon, change.lat, 0, 0.0, 0.0))
            of_rule[-1].rule_version, of_rule[-1].severity = change.rule_version, change.severity
        one = of_rule[-1]
        one.seen_us, one.last_lon, one.last_lat = change.seen_us, change.last_lon, change.last_lat
        one.closed_us, one.close_reason = change.closed_us, change.close_reason
        one.evidence |= change.evidence
    return [one for of_rule in told.values() for one in of_rule]


def match(told: Sequence[Told], stored: Sequence[Stored]) -> list[tuple[Told | None, Stored | None]]:
    """Which alert is which episode: by its beginning, else by the time they share. An alert that was
    withdrawn comes back only with the very same beginning."""
    pairs: list[tuple[Told | None, Stored | None]] = []
    free = sorted(stored, key=lambda one: (one.withdrawn, one.opened_us, one.id))
    rest = []
    for one in told:
        same = next((s for s in free if s.rule == one.rule and s.opened_us == one.opened_us), None)
        if same is None:
            rest.append(one)
        else:
            free.remove(same)
            pairs.append((one, same))
    free = [one for one in free if not one.withdrawn]
    for one in rest:
        end = one.closed_us or _FOREVER
        shared = next(
            (
                s
                for s in free
                if s.rule == one.rule and s.opened_us <= end and one.opened_us <= (s.closed_us or _FOREVER)
            ),
            None,
        )
        if shared is not None:
            free.remove(shared)
        pairs.append((one, shared))
    return pairs + [(None, one) for one in free]


def reconcile(
    connection: psycopg.Connection[Any], device_id: int, span: Span, changes: Sequence[Change], cause: str
) -> Outcome:
    """Make the stored alerts of a device what the rules say; what is the same is not touched, so what
    persons noted about it stays. Within the caller's transaction."""
    told = [one for one in tell(span.at_start, changes) if span.holds(one.rule, one.opened_us)]
    earliest = min(
        (first for rule in span.rules if (first := _first_us(span.at_start, rule))), default=_FOREVER
    )
    from_us = max(min(span.from_us, earliest), 0)
    stored = [one for one in _read(connection, device_id, from_us) if span.holds(one.rule, one.opened_us)]
    unchanged = corrected = added = withdrawn = 0
    pairs = match(told, stored)
    # At most one alert of a rule is open: those that end make room first.
    pairs.sort(key=lambda pair: (pair[0] is not None, pair[0] is None or pair[0].closed_us is None))
    with connection.pipeline():
        for one, known in pairs:
            if one is None and known is not None:
                detail = {"reason": cause, "before": _bounds(known)}
                parameters = {"alert_id": known.id, "detail": _json(detail)}
                connection.execute(QUERIES["withdraw"], parameters)
                withdrawn += 1
            elif one is not None and known is None:
                connection.execute(QUERIES["add"], {"device_id": device_id, **_parameters(one)})
                added += 1
            elif one is not None and known is not None:
                if _same(one, known):
                    unchanged += 1
                    continue
                _correct(connection, one, known, cause)
                corrected += 1
    return Outcome(unchanged, corrected, added, withdrawn)


def _same(one: Told, known: Stored) -> bool:
    if known.withdrawn:
        return False
    if known.close_reason == "handled":
        return one.opened_us == known.opened_us
    return bool(one.bounds == known.bounds) and all(
        known.evidence.get(key) == value
        for key, value in msgspec.json.decode(_json(one.evidence)).items()
        if key != "rule"
    )


def _correct(connection: psycopg.Connection[Any], one: Told, known: Stored, cause: str) -> None:
    detail = {"reason": cause, "before": _bounds(known), "after": _bounds(one)}
    parameters = {
        **_parameters(one),
        "alert_id": known.id,
        "event": "reinstated" if known.withdrawn else "corrected",
        "detail": _json(detail),
        # Told from its beginning: nothing of what was told before stays.
        "whole": "rule" in one.evidence,
    }
    for name in ("rule", "rule_version", "severity"):
        del parameters[name]
    connection.execute(QUERIES["correct"], parameters)


def _read(connection: psycopg.Connection[Any], device_id: int, from_us: int) -> list[Stored]:
    parameters = {"device_id": device_id, "from_time": datetime_of(from_us)}
    return [
        Stored(
            *(number, rule, micros_of(opened), micros_of(seen)),
            *(None if closed is None else micros_of(closed), *more),
        )
        for number, rule, opened, seen, closed, *more in connection.execute(
            QUERIES["alerts_from"], parameters
        )
    ]


def _bounds(one: Told | Stored) -> dict[str, Any]:
    return {
        "opened_at": datetime_of(one.opened_us),
        "last_seen_at": datetime_of(one.seen_us),
        "closed_at": None if one.closed_us is None else datetime_of(one.closed_us),
        "close_reason": one.close_reason,
    }


def _parameters(one: Told) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("rule", "rule_version", "severity", "close_reason")},
        **{name: getattr(one, name) for name in ("lon", "lat", "last_lon", "last_lat")},
        "opened_at": datetime_of(one.opened_us),
        "seen_at": datetime_of(one.seen_us),
        "closed_at": None if one.closed_us is None else datetime_of(one.closed_us),
        "evidence": _json(one.evidence),
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
