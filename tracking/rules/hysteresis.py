"""The life of an alert episode: it opens after some fixes that break the rule, and closes after some
that keep it. The same for every rule."""

from typing import Any, Literal

import msgspec

KEPT_FIXES = 10
"""So many of the fixes that opened an episode are kept as evidence."""
NO_SUBJECT = -1
"""The rule is about nothing at that moment: the unit is off duty."""


class Hysteresis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How slow a rule is to open and to close an episode; in fixes, and in seconds of fix time."""

    open_after_fixes: int = 2
    open_after_s: float = 20.0
    close_after_fixes: int = 2
    update_every_s: float = 60.0


Bound = tuple[int, str]
"""When (µs) an episode ends by itself at the latest, and why: with the turn of duty, with the schedule."""


class Seen(msgspec.Struct, frozen=True):
    """A fix seen from a rule. ``verdict``: 1 breaks it, -1 keeps it, 0 says nothing. ``value``: what was
    measured, in the unit of the rule. ``subject``: what the rule is about at that moment where that
    changes, such as the id of the grid of the turn of duty."""

    time_us: int
    lon: float
    lat: float
    verdict: int
    value: float
    subject: int = 0
    until: Bound | None = None


Point = tuple[int, float, float, float]
"""Time (µs), lon, lat, value."""


class Episode(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered: nothing, a suspicion, or an open episode."""

    breaks: int = 0
    """Fixes that broke the rule."""
    first: Point | None = None
    last: Point | None = None
    worst: float = 0.0
    kept: tuple[Point, ...] = ()
    opened: bool = False
    written: Point | None = None
    """``last`` as it was when the episode was opened or last updated: what the alert shows."""
    good: int = 0
    """Fixes in a row that kept the rule, since the last that broke it."""
    returned_us: int = 0
    subject: int = 0
    until: Bound | None = None
    """When it ends whatever comes, as was known at ``last``."""


IDLE = Episode()


class Step(msgspec.Struct, frozen=True):
    """An episode opened, was updated, or closed. Times are fix times (µs)."""

    kind: Literal["open", "update", "close"]
    opened_us: int
    seen_us: int
    lon: float
    lat: float
    last_lon: float
    last_lat: float
    value: float
    """Of the last fix that broke the rule."""
    worst: float
    fixes: int
    evidence: tuple[Point, ...] = ()
    closed_us: int | None = None
    close_reason: str | None = None


def advance(state: Episode, seen: Seen, pace: Hysteresis) -> tuple[Episode, tuple[Step, ...]]:
    """The state after one more fix, and what became of the episode.

    An episode is about one subject, and within one turn or window: it ends at that one's end, by the fix
    that shows that it is over or before that by the clock.
    """
    ended: tuple[Step, ...] = ()
    if state.until is not None and seen.time_us >= state.until[0]:
        ended = (end(state, *state.until),) if state.opened else ()
        state = IDLE
    elif state.subject != seen.subject and state != IDLE:
        if state.opened:
            reason = "off_duty" if seen.subject == NO_SUBJECT else "reassigned"
            ended = (end(state, seen.time_us, reason),)
        state = IDLE
    state, step = _advance(state, seen, pace)
    return state, (*ended, step) if step else ended


def _advance(state: Episode, seen: Seen, pace: Hysteresis) -> tuple[Episode, Step | None]:
    if seen.verdict == 0:
        return state, None
    if seen.verdict < 0 or seen.subject == NO_SUBJECT:
        if not state.opened:
            return IDLE, None
        good, returned = state.good + 1, state.returned_us or seen.time_us
        if good < pace.close_after_fixes:
            return msgspec.structs.replace(state, good=good, returned_us=returned), None
        return IDLE, end(state, returned, "returned")
    point: Point = (seen.time_us, seen.lon, seen.lat, round(seen.value, 2))
    first = state.first or point
    opened = state.opened
    breaks = state.breaks + 1
    opens = not opened and (
        breaks >= pace.open_after_fixes and seen.time_us - first[0] >= pace.open_after_s * 1e6
    )
    written = state.written
    updates = opened and (written is None or seen.time_us - written[0] >= pace.update_every_s * 1e6)
    kept = state.kept if opened else (*state.kept, point)[:KEPT_FIXES]
    after = Episode(
        breaks=breaks,
        first=first,
        last=point,
        worst=max(state.worst, point[3]),
        kept=() if opens else kept,
        opened=opened or opens,
        written=point if opens or updates else written,
        subject=seen.subject,
        until=seen.until,
    )
    if opens:
        return after, _step("open", after, evidence=kept)
    return after, _step("update", after) if updates else None


def end(state: Episode, closed_us: int, reason: str) -> Step:
    """The end of an open episode."""
    return _step("close", state, closed_us=closed_us, close_reason=reason)


def _step(kind: Literal["open", "update", "close"], state: Episode, **more: Any) -> Step:
    first, last = state.first or (0, 0.0, 0.0, 0.0), state.last or (0, 0.0, 0.0, 0.0)
    place = (first[1], first[2], last[1], last[2])
    return Step(kind, first[0], last[0], *place, last[3], state.worst, state.breaks, **more)
