"""The life of an alert episode: it opens after some fixes that break the rule, and closes after some
that keep it. The same for every rule."""

from typing import Any, Literal

import msgspec

KEPT_FIXES = 10
"""So many of the fixes that opened an episode are kept as evidence."""


class Hysteresis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How slow a rule is to open and to close an episode; in fixes, and in seconds of fix time."""

    open_after_fixes: int = 2
    open_after_s: float = 20.0
    close_after_fixes: int = 2
    update_every_s: float = 60.0


class Seen(msgspec.Struct, frozen=True):
    """A fix seen from a rule. ``verdict``: 1 breaks it, -1 keeps it, 0 says nothing. ``value``: what was
    measured, in the unit of the rule."""

    time_us: int
    lon: float
    lat: float
    verdict: int
    value: float


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
    written_us: int = 0
    good: int = 0
    """Fixes in a row that kept the rule, since the last that broke it."""
    returned_us: int = 0


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
    worst: float
    fixes: int
    evidence: tuple[Point, ...] = ()
    closed_us: int | None = None
    close_reason: str | None = None


def advance(state: Episode, seen: Seen, pace: Hysteresis) -> tuple[Episode, Step | None]:
    """The state after one more fix, and what became of the episode."""
    if seen.verdict == 0:
        return state, None
    if seen.verdict < 0:
        if not state.opened:
            return IDLE, None
        good, returned = state.good + 1, state.returned_us or seen.time_us
        if good < pace.close_after_fixes:
            return msgspec.structs.replace(state, good=good, returned_us=returned), None
        return IDLE, _step("close", state, closed_us=returned, close_reason="returned")
    point: Point = (seen.time_us, seen.lon, seen.lat, round(seen.value, 2))
    first = state.first or point
    after = msgspec.structs.replace(
        state,
        breaks=state.breaks + 1,
        first=first,
        last=point,
        worst=max(state.worst, point[3]),
        kept=state.kept if state.opened else (*state.kept, point)[:KEPT_FIXES],
        good=0,
        returned_us=0,
    )
    if after.opened:
        if seen.time_us - after.written_us < pace.update_every_s * 1e6:
            return after, None
        after = msgspec.structs.replace(after, written_us=seen.time_us)
        return after, _step("update", after)
    if after.breaks < pace.open_after_fixes or seen.time_us - first[0] < pace.open_after_s * 1e6:
        return after, None
    evidence = after.kept
    after = msgspec.structs.replace(after, opened=True, written_us=seen.time_us, kept=())
    return after, _step("open", after, evidence=evidence)


def _step(kind: Literal["open", "update", "close"], state: Episode, **more: Any) -> Step:
    first, last = state.first or (0, 0.0, 0.0, 0.0), state.last or (0, 0.0, 0.0, 0.0)
    return Step(
        kind, first[0], last[0], first[1], first[2], last[1], last[2], state.worst, state.breaks, **more
    )
