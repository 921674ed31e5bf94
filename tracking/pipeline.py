"""From decoded messages to what is written: ordered steps over columns."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
from tracking.memory import CLOCK, Memory, Newest
from tracking.outages import NO_OUTAGES, Outages
from tracking.quality.live import LiveQuality, News
from tracking.reasons import Reason, Reject
from tracking.rules import Change, Judgement, Last, Remembered, Rule, Scene
from tracking.rules.states import NOTHING, Stays
from tracking.rules.way import NEVER, Before, Way, way_of
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
    outages: Outages = NO_OUTAGES


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
    judged: FixBatch = field(init=False)
    """The fixes that the rules saw, and the step to each."""
    way: Way | None = None
    rule_states: dict[str, dict[int, Remembered]] = field(default_factory=dict)
    stays: dict[str, Stays] = field(default_factory=dict)
    """By rule: of devices of which no more than their stay has changed."""
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
    """A fix that is not newer than what is known of its device is late, and so is one of before an end that
    the clock has told; find the newest of each."""
    fixes, memory = work.fixes, work.world.memory
    late = fixes.fix_time_us <= memory.newest_us(fixes.device_id)
    behind = late | (fixes.fix_time_us < memory.told_us(fixes.device_id))
    work.fixes = fixes.with_columns(flags=fixes.flags | np.where(behind, int(Flag.LATE), 0).astype(np.int32))
    last = np.r_[fixes.device_id[1:] != fixes.device_id[:-1], True] if len(fixes) else late
    work.newest = last & ~late


def flag_faults(work: Work) -> None:
    """Jumps, frozen and copied places, clocks that are off."""
    found = work.world.quality.judge(work.fixes, work.quality)
    if found.any():
        work.fixes = work.fixes.with_columns(flags=work.fixes.flags | found)


def derive_speed(work: Work) -> None:
    """Speed by the way since the fix before, so that a device that reports none is not shown as standing.

    What is stored with the fix stays what the device said; this is for the last state and the rules.
    """
    fixes = work.fixes
    in_time = fixes.fix_time_us > work.world.memory.newest_us(fixes.device_id)
    way = _way(work, fixes.take(in_time), work.world.memory.newest)
    work.state_speed_mps = fixes.speed_mps.copy()
    work.state_speed_mps[in_time] = way.speed_mps


def _way(work: Work, fixes: FixBatch, newest: Newest) -> Way:
    settings = work.world.settings
    before = newest.of(fixes.device_id)
    return way_of(fixes, before, within_s=settings.derived_speed_within_s, noise_m=settings.position_noise_m)


def locate(work: Work) -> None:
    """The unit grid and the responsibility grid that each fix lies in."""
    fixes, locator = work.fixes, work.world.locator
    work.fixes = fixes.with_columns(
        unit_grid_id=locator.unit_grids.locate(fixes.lon, fixes.lat),
        responsibility_grid_id=locator.responsibility_grids.locate(fixes.lon, fixes.lat),
    )


def judge(work: Work) -> None:
    """Let each rule see the fixes that are not late; late ones are for ``tracking.correction``."""
    world = work.world
    in_time = (work.fixes.flags & (Flag.LATE | Flag.OFF_DUTY)) == 0
    fixes = work.judged = work.fixes.take(in_time)
    if not len(fixes):
        return
    work.way = _way(work, fixes, world.memory.judged)
    scene = Scene(world.directory, world.locator, work.way, world.outages)
    for rule in world.rules:
        _keep(work, rule.key, rule.judge(fixes, scene, world.memory.rule_states(rule.key)))
    told = world.memory.told_us(fixes.device_id) != NEVER
    if told.any():
        work.rule_states[CLOCK] = dict.fromkeys(np.unique(fixes.device_id[told]).tolist(), NOTHING)


def wake(world: World, now_us: int) -> "Work":
    """What follows from the silence of devices until now; to be committed like a batch."""
    work = Work([], world, batches.from_fixes([], [], [], []))
    nowhere = _way(work, work.fixes, world.memory.judged)
    scene = Scene(world.directory, world.locator, nowhere, world.outages)
    last = world.memory.judged.known()
    awaited = world.directory.crew.may_speak(last.device_id)
    last = Last(*(getattr(last, name)[awaited] for name in Last.__dataclass_fields__))
    for rule in world.rules:
        _keep(work, rule.key, rule.wake(now_us, scene, world.memory.rule_states(rule.key), last))
    ends = ends_told(work.changes, world.memory.rule_states(CLOCK))
    if ends:
        work.rule_states[CLOCK] = ends
    return work


def ends_told(changes: Sequence[Change], known: Mapping[int, Remembered]) -> dict[int, Remembered]:
    """Until when the clock has spoken of devices of which it told the end of an episode."""
    told: dict[int, int] = {}
    for change in changes:
        if change.kind == "close" and change.closed_us is not None:
            before = known.get(change.device_id, NOTHING).stay
            latest = max(told.get(change.device_id, NEVER), NEVER if before is None else before[0])
            told[change.device_id] = max(latest, change.closed_us)
    return {device: Remembered(stay=(moment, 0.0, 0.0)) for device, moment in told.items()}


def _keep(work: Work, rule: str, judgement: Judgement) -> None:
    if judgement.states:
        work.rule_states[rule] = judgement.states
    if judgement.stays is not None and len(judgement.stays):
        work.stays[rule] = judgement.stays
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
    memory.newest.put(
        work.fixes.device_id[work.newest],
        Before(
            work.fixes.fix_time_us[work.newest],
            work.fixes.lon[work.newest],
            work.fixes.lat[work.newest],
            work.state_speed_mps[work.newest],
        ),
    )
    if work.way is not None:
        judged = work.judged
        last = np.r_[judged.device_id[1:] != judged.device_id[:-1], True]
        memory.judged.put(
            judged.device_id[last],
            Before(judged.fix_time_us[last], judged.lon[last], judged.lat[last], work.way.speed_mps[last]),
        )
        if memory.at_tick is not None:
            rows = np.flatnonzero(judged.fix_time_us <= memory.tick_us)
            ids = judged.device_id[rows]
            rows = rows[np.r_[ids[1:] != ids[:-1], True]] if len(rows) else rows
            memory.at_tick.put(
                judged.device_id[rows],
                Before(
                    judged.fix_time_us[rows], judged.lon[rows], judged.lat[rows], work.way.speed_mps[rows]
                ),
            )
    work.world.quality.remember(work.quality)
    for rule, states in work.rule_states.items():
        memory.set_rule_states(rule, states)
    for rule, stays in work.stays.items():
        memory.set_stays(rule, stays)


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
            if type(outcome) is Fix and device is not None and device.enabled:
                # Nearly all of them, so they are asked about first.
                fixes.append(outcome)
                sources.append(index)
                devices.append(device.id)
                received.append(arrival.received_us)
            elif isinstance(outcome, Reject):
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
    return Work(
        arrivals,
        world,
        batches.joined(batches.from_fixes(fixes, sources, devices, received), many),
        rejects=rejects,
        connections=connections,
        distress=distress,
    )
