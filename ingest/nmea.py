"""NMEA 0183 sentences: RMC and GGA of one epoch make one fix.

The bytes are searched for ``$…*hh``, so that binary, boot messages and glued sentences between them
do no harm; pynmea2 reads the sentence and checks its sum; values it is known to get wrong (empty
positions as 0,0, broken dates) are judged here from the raw fields.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pynmea2

from ingest import values
from tracking.arrival import Outcome
from tracking.clock import DAY_US, micros_of
from tracking.fix import Fix, Flag
from tracking.reasons import Reason, Reject

KNOT = 1852 / 3600
"""One knot in m/s."""
ROLLOVER_US = 1024 * 7 * DAY_US
"""GPS weeks are counted modulo 1,024; old receivers fall back by that much."""
ROLLOVER_WINDOW_US = 2 * DAY_US
"""A mended date must come so near to the arrival, else the fix keeps the date it has."""

_CANDIDATE = re.compile(rb"\$([A-Z]{2}(?:RMC|GGA),[^$\r\n]*)")
_FRAMED = re.compile(rb"([^*]{6,120})\*([0-9A-Fa-f]{2})")
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6})\d*)?")
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)")


@dataclass(slots=True)
class _Epoch:
    """What the sentences of one moment said."""

    time_of_day_us: int | None
    rmc: pynmea2.RMC | None = None
    gga: pynmea2.GGA | None = None


def decode(payload: bytes, *, received_us: int | None) -> list[Outcome]:
    """Fixes and rejects in the order of the epochs.

    A sentence without checksum, or with a wrong one, is refused. ``received_us`` dates epochs that
    only have the time of day and mends dates before a week rollover; None: neither is done.
    """
    outcomes: list[Outcome] = []
    dated: date | None = None
    epoch: _Epoch | None = None
    for sentence in _sentences(payload):
        if isinstance(sentence, Reject):
            outcomes.append(sentence)
            continue
        moment = _time_of_day(sentence.data[0])
        rmc = isinstance(sentence, pynmea2.RMC)
        if epoch is not None and (
            epoch.time_of_day_us != moment or (epoch.rmc if rmc else epoch.gga) is not None
        ):
            dated, outcome = _close(epoch, dated, received_us)
            outcomes.append(outcome)
            epoch = None
        epoch = epoch or _Epoch(moment)
        if rmc:
            epoch.rmc = sentence
        else:
            epoch.gga = sentence
    if epoch is not None:
        outcomes.append(_close(epoch, dated, received_us)[1])
    if not outcomes:
        return [Reject(Reason.BAD_SENTENCE, "no RMC or GGA sentence")]
    return outcomes


def _sentences(payload: bytes) -> Iterator["pynmea2.RMC | pynmea2.GGA | Reject"]:
    for candidate in _CANDIDATE.finditer(payload):
        framed = _FRAMED.match(candidate[1])
        if framed is None:
            yield Reject(Reason.BAD_CHECKSUM, f"no checksum: {_shown(candidate[0])}")
            continue
        try:
            text = framed[0].decode("ascii")
            sentence = pynmea2.parse("$" + text, check=True)
        except (pynmea2.ChecksumError, UnicodeDecodeError):
            yield Reject(Reason.BAD_CHECKSUM, f"wrong checksum: {_shown(candidate[0])}")
        except (pynmea2.ParseError, ValueError) as error:
            yield Reject(Reason.BAD_SENTENCE, f"{error}: {_shown(candidate[0])}")
        else:
            if len(sentence.data) < (9 if isinstance(sentence, pynmea2.RMC) else 6):
                yield Reject(Reason.BAD_SENTENCE, f"too few fields: {_shown(candidate[0])}")
            else:
                yield sentence


def _close(epoch: _Epoch, dated: date | None, received_us: int | None) -> tuple[date | None, Outcome]:
    """The outcome of a finished epoch, and the date that following ones without a date have."""
    rmc, gga = epoch.rmc, epoch.gga
    if rmc is not None:
        dated = _date(rmc.data[8]) or dated
    good: list[Any] = []
    if gga is not None and gga.data[5] not in ("", "0"):
        good.append(gga)
    if rmc is not None and rmc.data[1] == "A":
        good.append(rmc)
    if len(good) < (rmc is not None) + (gga is not None):
        return dated, Reject(Reason.NO_FIX, "status V or quality 0")
    sentence = good[0]
    try:
        if not (sentence.lat and sentence.lon and sentence.lat_dir and sentence.lon_dir):
            return dated, Reject(Reason.NO_FIX, "empty position")
        lon, lat = float(sentence.longitude), float(sentence.latitude)
    except (ValueError, TypeError) as error:
        return dated, Reject(Reason.BAD_SENTENCE, f"position {sentence.lat!r} {sentence.lon!r}: {error}")
    moment = epoch.time_of_day_us
    if moment is None:
        return dated, Reject(Reason.BAD_TIME, f"time of day {sentence.data[0]!r}")
    micros, flags = _dated(moment, dated, received_us)
    if micros is None:
        return dated, Reject(Reason.BAD_TIME, "no date")
    return dated, Fix(
        micros,
        lon,
        lat,
        values.altitude(_number(gga.data, 8)) if gga else None,
        _knots(_number(rmc.data, 6)) if rmc else None,
        values.course(_number(rmc.data, 7)) if rmc else None,
        None,
        values.count(_number(gga.data, 6)) if gga else None,
        None,
        flags,
    )


def _dated(moment: int, dated: date | None, received_us: int | None) -> tuple[int | None, int]:
    """Microseconds since 1970 and flags of a time of day."""
    if dated is None:
        if received_us is None:
            return None, 0
        day_us = received_us - received_us % DAY_US
        nearest = min(
            (day_us + shift * DAY_US + moment for shift in (-1, 0, 1)), key=lambda t: abs(t - received_us)
        )
        return nearest, int(Flag.DATE_OF_ARRIVAL)
    midnight = datetime(dated.year, dated.month, dated.day, tzinfo=UTC)
    micros = micros_of(midnight) + moment
    if received_us is not None and received_us - micros > ROLLOVER_US - ROLLOVER_WINDOW_US:
        rounds = round((received_us - micros) / ROLLOVER_US)
        mended = micros + rounds * ROLLOVER_US
        if abs(received_us - mended) <= ROLLOVER_WINDOW_US:
            return mended, int(Flag.WEEK_ROLLOVER)
    return micros, 0


def _time_of_day(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    if hour > 23 or minute > 59 or second > 60:
        return None
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int((found[4] or "0").ljust(6, "0"))


def _date(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year = int(found[3])
    try:
        return date(2000 + year if year < 80 else 1900 + year, int(found[2]), int(found[1]))
    except ValueError:
        return None


def _number(data: list[str], field: int) -> float | None:
    try:
        return float(data[field])
    except (ValueError, IndexError):
        return None


def _knots(value: float | None) -> float | None:
    value = values.not_negative(value)
    return None if value is None else value * KNOT


def _shown(raw: bytes) -> str:
    return raw[:100].decode("ascii", "backslashreplace")
