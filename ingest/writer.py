"""Keeps the pipeline's view of the world fresh and brings batches into the database, come what may."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import psycopg
import structlog
from psycopg import sql

from gis_core.identity.secrets import Keyring
from ingest.surroundings import Found, Part, Surroundings
from tracking import gatherings, outages, partitions, pipeline, store
from tracking.arrival import Arrival
from tracking.clock import DAY_US, datetime_of, now_us
from tracking.correction import Correction, CorrectionFailed, correct_next, forget_checkpoints, mark_since
from tracking.directory import find_devices
from tracking.duty_times import OlderTurnsNeeded
from tracking.gatherings import Following, GatheringCorrection
from tracking.letters import Letter, requested
from tracking.memory import load_memory
from tracking.pipeline import Work, World
from tracking.quality.live import LiveQuality
from tracking.reasons import Reason, Reject
from tracking.rules import Rule
from tracking.rules.loading import changed_since_us
from tracking.settings import CorrectionSettings, TrackingSettings
from tracking.tallies import read_clocks

CHANNELS = ("wanmi_city", "wanmi_directory")
GRID_LAYERS = frozenset({"unit_grid", "responsibility_grid"})
RULE_LAYERS = frozenset({"zone", "route", "road", "area_district", "area_street", "area_community"})
UNKNOWN_FOR_S = 2.0
"""A key that the database does not know is not asked for again so soon."""
WAKE_EVERY_S = 1.0
ALIVE_EVERY_S = 60.0
THIN_EVERY_S = 6 * 3_600.0
LONGEST_TEND_S = 0.25
BACKLOG_SHARE = 0.25
"""While batches wait, gatherings get so much less of the time."""

_log = structlog.get_logger(__name__)

_AWAY = (psycopg.OperationalError, psycopg.InterfaceError)
_REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError, psycopg.NotSupportedError)


@dataclass(slots=True)
class _Session:
    """What holds from one connecting to the next."""

    connection: psycopg.Connection[Any]
    listener: psycopg.Connection[Any]
    surroundings: Surroundings
    world: World
    partitions: set[str]
    directory_due: float
    grids_due: float
    tending_from: float
    tended: float
    wake_due: float = 0.0
    thin_due: float = 0.0
    ahead: date | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    following: Following = field(default_factory=Following)
    gathering_due: float = 0.0
    alive_due: float = 0.0


class DatabaseAway(Exception):
    """The database cannot be reached or written now; what was to be written is still to be written."""


class BatchWriter:
    """One writer of fixes. Not safe for several threads.

    A connection for writing, one for hearing of changes. After any loss of the connection everything
    remembered is read again: whether the last COMMIT came through is not known, the tables know.
    """

    def __init__(
        self,
        database_url: str,
        *,
        tracking: TrackingSettings,
        rules: tuple[Rule, ...],
        directory_every_s: float,
        grids_every_s: float,
        keyring: Keyring | None = None,
        clock: Callable[[], float] = time.monotonic,
        correction: CorrectionSettings | None = None,
    ) -> None:
        self._correction = correction or CorrectionSettings()
        self._url = database_url
        self._tracking = tracking
        self._rules = rules
        self._directory_every_s = directory_every_s
        self._grids_every_s = grids_every_s
        self._keyring = keyring
        self._clock = clock
        self._session: _Session | None = None
        self._unknown: dict[str, float] = {}

    def write(self, arrivals: Sequence[Arrival]) -> list[tuple[Work, int]]:
        """Commit a batch; the work done, and how many fixes of each were new.

        More than one piece of work is returned when the database refused the batch as a whole: it is
        then halved until the one message at fault is alone, which becomes a dead letter. Raises
        DatabaseAway.
        """
        try:
            return self._write(arrivals)
        except _AWAY as error:
            self.close()
            raise DatabaseAway(str(error).strip()) from error

    def secrets(self) -> Mapping[str, str]:
        """Secrets of devices that encrypt their payloads, as they are now. Raises DatabaseAway."""
        self.refresh()
        return self._session.secrets if self._session is not None else {}

    def broker_away(self, since_us: int | None) -> None:
        """Devices cannot be heard since then; None: they can again. Raises DatabaseAway."""
        try:
            session = self._refresh()
            if since_us is not None:
                outages.begin(session.connection, since_us)
            elif session.world.outages.ongoing:
                outages.finish(session.connection, now_us())
            session.world = replace(session.world, outages=outages.load_outages(session.connection))
        except _AWAY as error:
            self.close()
            raise DatabaseAway(str(error).strip()) from error

    def requested_letters(self) -> list[Letter]:
        """Dead letters that somebody wants decoded again. Raises DatabaseAway."""
        self.refresh()
        if self._session is None:
            return []
        try:
            return requested(self._session.connection)
        except _AWAY as error:
            self.close()
            raise DatabaseAway(str(error).strip()) from error

    def refresh(self) -> None:
        """Connect if need be; hear of changes and read again what changed or is due."""
        try:
            self._refresh()
        except _AWAY as error:
            self.close()
            raise DatabaseAway(str(error).strip()) from error

    def tend(self, *, backlog: bool = False) -> list[Correction | GatheringCorrection]:
        """What is to be done between batches: alerts of silence by the clock, and alerts corrected by late
        fixes, within a share of the time. ``backlog``: more batches wait, so no device can be called silent.

        Raises DatabaseAway.
        """
        try:
            return self._tend(backlog)
        except (*_AWAY, *_REFUSED) as error:
            self.close()
            raise DatabaseAway(str(error).strip()) from error

    def _tend(self, backlog: bool) -> list[Correction | GatheringCorrection]:
        session, settings = self._refresh(), self._correction
        now = self._clock()
        if now < session.tending_from:
            return []
        if not backlog and now >= session.wake_due:
            session.wake_due = now + WAKE_EVERY_S
            work = pipeline.wake(session.world, now_us())
            if work.changes or work.rule_states:
                store.commit(session.connection, work)
                pipeline.remember(work)
            gatherings.follow(session.connection, session.world, session.following, now_us())
        if now >= session.alive_due and not session.world.outages.ongoing:
            session.alive_due = now + ALIVE_EVERY_S
            outages.keep_alive(session.connection, now_us())
        if now >= session.thin_due:
            session.thin_due = now + THIN_EVERY_S
            forget_checkpoints(session.connection, settings.checkpoint_days)
            gatherings.forget_states(session.connection, settings.checkpoint_days)
        done: list[Correction | GatheringCorrection] = []
        # Bounded: a fleet that comes back at once does not hold up those that report.
        until = now + min(max(settings.share * (now - session.tended), 0.005), LONGEST_TEND_S)
        while self._clock() < until:
            try:
                corrected = correct_next(
                    session.connection,
                    session.world,
                    settings,
                    now_us(),
                    late_only=session.surroundings.reading,
                )
            except CorrectionFailed as error:
                _log.exception("correction_failed", error=str(error))
                break
            if corrected is None:
                break
            done.append(corrected)
            _log.info("corrected", device_id=corrected.device_id, **corrected.outcome._asdict())
        if self._clock() >= session.gathering_due:
            done += self._correct_gatherings(session, backlog=backlog)
        session.tended = self._clock()
        return done

    def _correct_gatherings(self, session: _Session, *, backlog: bool) -> list[GatheringCorrection]:
        began = self._clock()
        step = gatherings.correct_step(session.connection, session.world, session.following, self._correction)
        if step is None:
            return []
        ended = self._clock()
        share = self._correction.share * (BACKLOG_SHARE if backlog else 1.0)
        session.gathering_due = ended + (ended - began) * (1 / share - 1)
        if step.corrected:
            _log.info("gatherings_corrected", alerts=step.corrected)
        return [step]

    def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            session.connection.close()
            session.listener.close()
            session.surroundings.close()

    def _refresh(self) -> _Session:
        session = self._session or self._connect()
        now = self._clock()
        asked = Part.NOTHING
        if now >= session.directory_due:
            asked |= Part.DIRECTORY | Part.RULES
            session.directory_due = now + self._directory_every_s
        if now >= session.grids_due:
            asked |= Part.GRIDS
            session.grids_due = now + self._grids_every_s
        for notice in session.listener.notifies(timeout=0):
            if notice.channel == "wanmi_directory":
                asked |= Part.DIRECTORY | Part.RULES
            elif notice.channel == "wanmi_city":
                layers = notice.payload.split(",")
                asked |= Part.GRIDS if not GRID_LAYERS.isdisjoint(layers) else Part.NOTHING
                asked |= Part.RULES if not RULE_LAYERS.isdisjoint(layers) else Part.NOTHING
        session.surroundings.ask(asked)
        found = session.surroundings.answer()
        if found is not None:
            self._take(session, found)
        today = datetime_of(now_us()).date()
        if session.ahead != today:
            _ensure_partitions(session, partitions.days_ahead(today, self._tracking.partitions_ahead))
            session.ahead = today
        return session

    def _take(self, session: _Session, found: Found) -> None:
        """From here on batches are judged by what was read."""
        world = session.world
        if found.locator is not None:
            world = replace(world, locator=found.locator)
            _log.info("grids_loaded", unit_grids=len(found.locator.unit_grids))
        if found.directory is not None:
            world = replace(world, directory=found.directory)
            session.secrets = found.secrets or {}
            self._unknown.clear()
        if found.rules is not None:
            # What was judged since a change of rules or zones, before it was heard of, is judged again.
            since = changed_since_us(world.rules, found.rules, now_us())
            world = replace(world, rules=(*self._rules, *found.rules))
            if since is not None:
                mark_since(session.connection, since)
        session.world = world

    def _connect(self) -> _Session:
        self.close()
        # Hear first, read second: what changes in between is heard.
        listener = self._open_connection()
        for channel in CHANNELS:
            listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        connection = self._open_connection()
        store.prepare(connection)
        now = self._clock()
        self._unknown.clear()
        surroundings = Surroundings(self._open_connection, self._keyring)
        try:
            found = surroundings.read_now(Part.DIRECTORY | Part.GRIDS | Part.RULES)
        except BaseException:
            surroundings.close()
            raise
        assert found.directory is not None
        assert found.locator is not None
        outages.resume(connection, now_us())
        world = World(
            found.directory,
            found.locator,
            load_memory(connection),
            (*self._rules, *(found.rules or ())),
            self._tracking,
            LiveQuality(clocks=read_clocks(connection)),
            outages.load_outages(connection),
        )
        self._session = _Session(
            connection,
            listener,
            surroundings,
            world,
            partitions.known_partitions(connection),
            directory_due=now + self._directory_every_s,
            grids_due=now + self._grids_every_s,
            tending_from=now + self._correction.timers_after_s,
            tended=now,
            secrets=found.secrets or {},
            following=gatherings.load_following(connection),
        )
        if gatherings.lines_of(world):
            world.memory.ticked_us = self._session.following.reached_us
        _log.info(
            "database_connected",
            devices=len(world.directory.devices),
            unit_grids=len(world.locator.unit_grids),
        )
        return self._session

    def _open_connection(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            application_name="wanmi-ingest",
            options="-c timezone=UTC -c jit=off",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )

    def _write(self, arrivals: Sequence[Arrival]) -> list[tuple[Work, int]]:
        try:
            return [self._commit(self._refresh(), arrivals)]
        except _AWAY:
            raise
        except Exception as error:
            if isinstance(error, psycopg.Error) and not isinstance(error, _REFUSED):
                raise psycopg.OperationalError(f"{type(error).__name__}: {error}") from error
            _log.exception("batch_refused", messages=len(arrivals), error=str(error))
            self._connect()
        if len(arrivals) == 1:
            alone = Arrival(
                arrivals[0].topic,
                arrivals[0].payload,
                arrivals[0].received_us,
                arrivals[0].device_key,
                [Reject(Reason.NOT_STORABLE, "see the log of ingest for the error of this message")],
                arrivals[0].letter_id,
            )
            return [self._commit(self._refresh(), [alone])]
        middle = len(arrivals) // 2
        return self._write(arrivals[:middle]) + self._write(arrivals[middle:])

    def _commit(self, session: _Session, arrivals: Sequence[Arrival]) -> tuple[Work, int]:
        work = self._process(session, arrivals)
        if work.rejected()[Reason.UNKNOWN_DEVICE] and self._look_up_strangers(session, arrivals):
            work = self._process(session, arrivals)
        if len(work.fixes):
            _ensure_partitions(session, _days_of(work))
        inserted = store.commit(session.connection, work)
        pipeline.remember(work)
        return work, inserted

    def _process(self, session: _Session, arrivals: Sequence[Arrival]) -> Work:
        try:
            return pipeline.process(arrivals, session.world)
        except OlderTurnsNeeded as needed:
            session.world.directory.duty_times.learn_older(session.connection, needed.device_ids)
            return pipeline.process(arrivals, session.world)

    def _look_up_strangers(self, session: _Session, arrivals: Sequence[Arrival]) -> bool:
        """Devices registered a moment ago, before the news of them has come; whether there were any."""
        now, world = self._clock(), session.world
        keys = {
            arrival.device_key
            for arrival in arrivals
            if arrival.device_key
            and arrival.device_key not in world.directory.devices
            and self._unknown.get(arrival.device_key, 0.0) <= now
            and "\0" not in arrival.device_key
        }
        if not keys:
            return False
        found = find_devices(session.connection, keys)
        world.directory.learn(found)
        if len(self._unknown) > 100_000:
            self._unknown.clear()
        self._unknown.update((key, now + UNKNOWN_FOR_S) for key in keys if key not in world.directory.devices)
        return bool(found)


def _ensure_partitions(session: _Session, days: Sequence[date]) -> None:
    missing = [day for day in days if partitions.partition_name(day) not in session.partitions]
    if missing:
        partitions.ensure(session.connection, missing)
        session.partitions.update(partitions.partition_name(day) for day in missing)
        _log.info("partitions_made", days=[day.isoformat() for day in missing])


def _days_of(work: Work) -> list[date]:
    days = set((work.fixes.fix_time_us // DAY_US).tolist())
    return [datetime_of(day * DAY_US).date() for day in sorted(days)]


def pause_before(tries: int, longest_s: float) -> float:
    """Seconds to wait before try number ``tries`` (from 1): doubling from 0.1 s."""
    return float(min(longest_s, 0.1 * 2 ** min(tries - 1, 16)))
