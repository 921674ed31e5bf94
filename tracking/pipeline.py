"""From decoded messages to what is written: ordered steps over columns."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracking import batch as batches
from tracking.arrival import Arrival
from tracking.batch import FixBatch, FixColumns
from tracking.clock import micros_of
from tracking.directory import Directory
from tracking.duty_times import Keeping
from tracking.fix import ConnectionStatus, Distress, Fix, Flag
from tracking.locator import Locator
from tracking.memory import Memory
from tracking.quality.live import LiveQuality, News
from tracking.quality.track import distance_m
from tracking.reasons import Reason, Reject
from tracking.rules import Change, Rule, RuleContext
from tracking.rules.base import RuleState
from tracking.settings import TrackingSettings
from tracking.signals import SOS


@dataclass(frozen=True, slots=True)
class World:
    """What a batch is judged against; read only."""

    directory: Directory
    locator: Locator
    memory: Memory
    rules: tuple[Rule, ...]
    settings: TrackingSettings
    quality: LiveQuality = field(default_factory=LiveQuality)


class Call(NamedTuple):
    """A call for help without a position."""

    device_id: int
    time_us: int
    signals: int


@dataclass(slots=True)
class Work:
    """A batch on its way; the steps fill it in. Nothing is remembered until it is committed."""

    arrivals: Sequence[Arrival]
    world: World
    fixes: FixBatch
    rejects: list[tuple[int, Reject]] = field(default_factory=list)
    """Index of the arrival, and why."""
    distress: list[Call] = field(default_factory=list)
    withheld: set[int] = field(default_factory=set)
    """Arrivals with positions outside duty: their raw message is kept nowhere."""
    connections: dict[int, bool] = field(default_factory=dict)
    repeats: int = 0
    newest: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    """Rows that are the newest fix of their device now."""
    state_speed_mps: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    """As reported, or told from the way where the device reports none; NaN where neither is known."""
    rule_states: dict[str, dict[int, RuleState]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    quality: News = field(default_factory=News)

    def reject(self, bad: NDArray[np.bool_], reason: Reason, told: Callable[[int], str]) -> None:
        """Take the rows of a mask out, each with its reason."""
        if not bad.any():
            return
        self.rejects += [
            (int(self.fixes.source[row]), Reject(reason, told(int(row)))) for row in np.flatnonzero(bad)
        ]
        self.fixes = self.fixes.take(~bad)

    def rejected(self) -> Counter[Reason]:
        return Counter(reject.reason for _, reject in self.rejects)


def watch_clocks(work: Work) -> None:
    """Before anything is refused for its time."""
    work.world.quality.watch_clocks(work.fixes, work.quality)


def reject_impossible(work: Work) -> None:
    """Latitude, longitude, 0,0 and time must be possible."""
    settings = work.world.settings
    fixes = work.fixes
    work.reject(~(np.abs(fixes.lat) <= 90), Reason.BAD_LATITUDE, lambda row: f"lat {fixes.lat[row]}")
    fixes_in_lat = work.fixes
    work.reject(
        ~(np.abs(fixes_in_lat.lon) <= 180), Reason.BAD_LONGITUDE, lambda row: f"lon {fixes_in_lat.lon[row]}"
    )
    on_earth = work.fixes
    zero = np.maximum(np.abs(on_earth.lon), np.abs(on_earth.lat)) < settings.zero_island_deg
    work.reject(zero, Reason.ZERO_ISLAND, lambda row: f"{on_earth.lon[row]}, {on_earth.lat[row]}")
    placed = work.fixes
    oldest = np.maximum(
        placed.received_us - timedelta(days=settings.oldest_days) // timedelta(microseconds=1),
        micros_of(settings.earliest),
    )
    work.reject(placed.fix_time_us < oldest, Reason.TOO_OLD, lambda row: _told_time(placed, row))
    recent = work.fixes
    ahead = recent.fix_time_us - recent.received_us > settings.future_tolerance_s * 1e6
    work.reject(ahead, Reason.IN_FUTURE, lambda row: _told_time(recent, row))


def _told_time(fixes: FixBatch, row: int) -> str:
    return f"{np.datetime64(int(fixes.fix_time_us[row]), 'us')}Z"


def keep_private(work: Work) -> None:
    """Positions outside duty go, or leave the last state only, as the rule of the device's group says.

    A call for help is kept at any time: who presses the button wants to be found.
    """
    fixes = work.fixes
    keeping = work.world.directory.duty_times.judge(fixes.device_id, fixes.fix_time_us)
    private = (keeping != Keeping.KEEP) & (fixes.signals & SOS == 0)
    if not private.any():
        return
    work.withheld.update(fixes.source[private].tolist())
    state_only = private & (keeping == Keeping.STATE)
    flags = fixes.flags | np.where(state_only, int(Flag.OFF_DUTY), 0).astype(np.int32)
    work.fixes = fixes.with_columns(flags=flags)
    work.reject(private & ~state_only, Reason.OFF_DUTY, lambda row: "")


def order(work: Work) -> None:
    """By device and fix time; what repeats a fix of the same batch goes."""
    fixes = work.fixes
    ordered = fixes.take(np.lexsort((fixes.content, fixes.fix_time_us, fixes.device_id)))
    if len(ordered) > 1:
        same = (
            (ordered.device_id[1:] == ordered.device_id[:-1])
            & (ordered.fix_time_us[1:] == ordered.fix_time_us[:-1])
            & (ordered.content[1:] == ordered.content[:-1])
        )
        work.repeats = int(same.sum())
        if work.repeats:
            ordered = ordered.take(np.r_[True, ~same])
    work.fixes = ordered


def mark_late(work: Work) -> None:
    """A fix that is not newer than what is known of its device is late; find the newest of each."""
    fixes = work.fixes
    late = fixes.fix_time_us <= work.world.memory.newest_us(fixes.device_id)
    work.fixes = fixes.with_columns(flags=fixes.flags | np.where(late, int(Flag.LATE), 0).astype(np.int32))
    last = np.r_[fixes.device_id[1:] != fixes.device_id[:-1], True] if len(fixes) else late
    work.newest = last & ~late


def flag_faults(work: Work) -> None:
    """Jumps, frozen and copied places, clocks that are off."""
    found = work.world.quality.judge(work.fixes, work.quality)
    if found.any():
        work.fixes = work.fixes.with_columns(flags=work.fixes.flags | found)


def derive_speed(work: Work) -> None:
    """Speed by the way since the fix before, so that a device that reports none is not shown as standing.

    What is stored with the fix stays what the device said; this is for the last state.
    """
    fixes, memory, settings = work.fixes, work.world.memory, work.world.settings
    work.state_speed_mps = fixes.speed_mps
    silent = np.isnan(fixes.speed_mps) & work.newest
    if not silent.any():
        return
    rows = np.flatnonzero(silent)
    ids, before = fixes.device_id[rows], np.maximum(rows - 1, 0)
    within = (rows > 0) & (fixes.device_id[before] == ids)
    place = memory.newest_place(ids)
    lon = np.where(within, fixes.lon[before], place[:, 0])
    lat = np.where(within, fixes.lat[before], place[:, 1])
    known_us = memory.newest_us(ids)
    since_us = np.where(within, fixes.fix_time_us[before], np.maximum(known_us, 0))
    seconds = (fixes.fix_time_us[rows] - since_us) / 1e6
    metres = distance_m(lon, lat, fixes.lon[rows], fixes.lat[rows])
    usable = (seconds > 0) & (seconds <= settings.derived_speed_within_s) & ~np.isnan(metres)
    told = np.where(metres <= settings.position_noise_m, 0.0, metres / np.maximum(seconds, 1.0))
    speed = fixes.speed_mps.copy()
    speed[rows[usable]] = told[usable]
    work.state_speed_mps = speed


def locate(work: Work) -> None:
    """The unit grid and the responsibility grid that each fix lies in."""
    fixes, locator = work.fixes, work.world.locator
    work.fixes = fixes.with_columns(
        unit_grid_id=locator.unit_grids.locate(fixes.lon, fixes.lat),
        responsibility_grid_id=locator.responsibility_grids.locate(fixes.lon, fixes.lat),
    )


def judge(work: Work) -> None:
    """Let each rule see the fixes that are not late."""
    world = work.world
    in_time = work.fixes.take((work.fixes.flags & (Flag.LATE | Flag.OFF_DUTY)) == 0)
    if not len(in_time):
        return
    context = RuleContext(world.directory, world.locator)
    for rule in world.rules:
        judgement = rule.judge(in_time, context, world.memory.rule_states(rule.key))
        if judgement.states:
            work.rule_states[rule.key] = judgement.states
        work.changes += judgement.changes


STEPS: tuple[Callable[[Work], None], ...] = (
    watch_clocks,
    reject_impossible,
    keep_private,
    order,
    mark_late,
    flag_faults,
    derive_speed,
    locate,
    judge,
)


def process(arrivals: Sequence[Arrival], world: World) -> Work:
    """Run the steps over a batch of messages; no input or output, nothing remembered."""
    work = _collect(arrivals, world)
    for step in STEPS:
        step(work)
    return work


def remember(work: Work) -> None:
    """Take what was committed into memory."""
    memory = work.world.memory
    newest = work.fixes.take(work.newest)
    memory.advance(newest.device_id, newest.fix_time_us, newest.lon, newest.lat)
    work.world.quality.remember(work.quality)
    for rule, states in work.rule_states.items():
        memory.set_rule_states(rule, states)


def _collect(arrivals: Sequence[Arrival], world: World) -> Work:
    """Fixes of known devices as columns; everything else to its place."""
    fixes: list[Fix] = []
    many: list[tuple[FixColumns, int, int, int]] = []
    sources: list[int] = []
    devices: list[int] = []
    received: list[int] = []
    rejects: list[tuple[int, Reject]] = []
    connections: dict[int, bool] = {}
    distress: list[Call] = []
    known = world.directory.devices
    for index, arrival in enumerate(arrivals):
        device = known.get(arrival.device_key or "")
        for outcome in arrival.outcomes:
            if isinstance(outcome, Reject):
                rejects.append((index, outcome))
            elif device is None:
                rejects.append((index, Reject(Reason.UNKNOWN_DEVICE, f"device {arrival.device_key!r}")))
            elif not device.enabled:
                rejects.append((index, Reject(Reason.DISABLED_DEVICE, f"device {arrival.device_key!r}")))
            elif isinstance(outcome, ConnectionStatus):
                connections[device.id] = outcome.online
            elif isinstance(outcome, Distress):
                distress.append(Call(device.id, min(outcome.time_us, arrival.received_us), outcome.signals))
            elif isinstance(outcome, FixColumns):
                many.append((outcome, index, device.id, arrival.received_us))
            else:
                fixes.append(outcome)
                sources.append(index)
                devices.append(device.id)
                received.append(arrival.received_us)
    return Work(
        arrivals,
        world,
        batches.joined(batches.from_fixes(fixes, sources, devices, received), many),
        rejects=rejects,
        connections=connections,
        distress=distress,
    )
