"""The fix of an epoch: dated, with the reason when there is none."""

from datetime import UTC, date, datetime, timedelta

from ingest.nmea.epoch import Epoch, Position
from tracking.arrival import Outcome
from tracking.clock import DAY_US, micros_of
from tracking.fix import Fix, Flag
from tracking.reasons import Reason, Reject

ROLLOVER_US = 1024 * 7 * DAY_US
"""GPS weeks are counted modulo 1,024; old receivers fall back by that much."""
ROLLOVER_WINDOW_US = 2 * DAY_US
"""A mended date must come so near to the arrival, else the fix keeps the date it has."""


class Calendar:
    """Dates of epochs: their own, else the one that went before, else by the time of arrival.

    The date of a RMC without fix is that epoch's own affair: a receiver that searches tells the day it
    was made.
    """

    def __init__(self) -> None:
        self._day: date | None = None
        self._moment = 0

    def date(self, epoch: Epoch, received_us: int | None) -> tuple[int | None, int]:
        """Microseconds since 1970 of an epoch, and flags; None when it cannot be told.

        ``received_us`` dates epochs of a stream that gave no date yet, and mends dates before a week
        rollover; None: neither is done.
        """
        moment = epoch.time_us
        day = epoch.day
        if moment is None:
            return None, 0
        if day is None and self._day is not None:
            day = self._day + timedelta(days=self._past_midnight(moment))
        if day is None:
            return (None, 0) if received_us is None else _nearest(moment, received_us)
        if epoch.day is None or epoch.day_vouched:
            self._day, self._moment = day, moment
        micros = micros_of(datetime(day.year, day.month, day.day, tzinfo=UTC)) + moment
        return (micros, 0) if received_us is None else _mended(micros, received_us)

    def _past_midnight(self, moment: int) -> int:
        """Days from that of the epoch before: time goes on, but for a sentence that comes a little late."""
        if self._moment - moment > DAY_US // 2:
            return 1
        return -1 if moment - self._moment > DAY_US - LATE_US else 0


LATE_US = 60_000_000
"""By so much an epoch may come after its successor."""


def _nearest(moment: int, received_us: int) -> tuple[int, int]:
    day_us = received_us - received_us % DAY_US
    candidates = (day_us + shift * DAY_US + moment for shift in (-1, 0, 1))
    return min(candidates, key=lambda micros: abs(micros - received_us)), int(Flag.DATE_OF_ARRIVAL)


def _mended(micros: int, received_us: int) -> tuple[int, int]:
    if received_us - micros > ROLLOVER_US - ROLLOVER_WINDOW_US:
        mended = micros + round((received_us - micros) / ROLLOVER_US) * ROLLOVER_US
        if abs(received_us - mended) <= ROLLOVER_WINDOW_US:
            return mended, int(Flag.WEEK_ROLLOVER)
    return micros, 0


def outcome_of(epoch: Epoch, micros: int | None, flags: int) -> Outcome | None:
    """A fix, or why it is none; None for an epoch without any position sentence."""
    position = epoch.position
    if position is None:
        return None
    lacking = _lacking(epoch, position)
    if lacking is not None:
        return lacking
    if micros is None or position.lon is None or position.lat is None:
        return Reject(Reason.BAD_TIME, f"time of day {epoch.bad_time!r}" if epoch.bad_time else "no date")
    return Fix(
        micros,
        position.lon,
        position.lat,
        epoch.altitude_m,
        epoch.speed_mps,
        epoch.course_deg,
        epoch.accuracy_m,
        epoch.satellites,
        None,
        flags,
    )


def _lacking(epoch: Epoch, position: Position) -> Reject | None:
    if not position.readable:
        return Reject(Reason.BAD_SENTENCE, "the position is no position")
    if epoch.refused:
        told = "status V or quality 0" if position.lon is not None else "empty position"
        return Reject(Reason.NO_FIX, told)
    return None
