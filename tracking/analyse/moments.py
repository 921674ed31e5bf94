"""Times of a column of text, in the forms that people and devices write."""

import re
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracking.clock import micros_of

BEIJING = timezone(timedelta(hours=8))
"""Taken for times that do not say their offset from UTC."""
UNREADABLE = np.iinfo(np.int64).min
_BEIJING_US = 8 * 3_600_000_000
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_000_000
"""Years 1 to 9999."""
_NUMBER = r"^-?\d{1,13}(\.\d{1,9})?$"
_PLAIN = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$"
_ZONED = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)$"
_MILLISECONDS_FROM = 1e11
"""Numbers from here on are milliseconds since 1970: in seconds it is the year 5138."""
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)[T ]?(\d\d)(\d\d)(\d\d)")
_LOOSE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?"
    r" ?(Z|[+-]\d\d:?\d\d)?"
)
_OF_DAY = re.compile(r"(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


def moments_of(told: pa.Array) -> NDArray[np.int64]:
    """Microseconds since 1970 of each text; UNREADABLE for what is no time."""
    told = pc.utf8_trim_whitespace(told)
    found = np.full(len(told), UNREADABLE, dtype=np.int64)
    for pattern, read in ((_ZONED, _zoned), (_PLAIN, _plain), (_NUMBER, _numbers)):
        rows = np.flatnonzero(_matches(told, pattern) & (found == UNREADABLE))
        if len(rows):
            found[rows] = read(told.take(pa.array(rows)))
    left = np.flatnonzero(found == UNREADABLE)
    if len(left):
        texts = told.take(pa.array(left)).dictionary_encode()
        single = np.array([_loose(text) for text in texts.dictionary.to_pylist()], dtype=np.int64)
        codes = texts.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        found[left] = np.where(codes >= 0, np.r_[single, UNREADABLE][codes], UNREADABLE)
    found[(found < _FIRST_US) | (found > _LAST_US)] = UNREADABLE
    return found


def _matches(told: pa.Array, pattern: str) -> NDArray[np.bool_]:
    hits = pc.match_substring_regex(told, pattern).fill_null(False)
    return np.asarray(hits.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _zoned(told: pa.Array) -> NDArray[np.int64]:
    return _cast(told, pa.timestamp("us", tz="UTC"), 0)


def _plain(told: pa.Array) -> NDArray[np.int64]:
    return _cast(told, pa.timestamp("us"), _BEIJING_US)


def _cast(told: pa.Array, kind: pa.DataType, offset_us: int) -> NDArray[np.int64]:
    try:
        return np.asarray(told.cast(kind).cast(pa.int64()).to_numpy(), dtype=np.int64) - offset_us
    except pa.ArrowInvalid:  # a month of 13, an hour of 24: each by itself
        return np.array([_loose(text) for text in told.to_pylist()], dtype=np.int64)


def _numbers(told: pa.Array) -> NDArray[np.int64]:
    values = told.cast(pa.float64()).to_numpy()
    seconds = np.where(np.abs(values) >= _MILLISECONDS_FROM, values / 1_000, values)
    return np.asarray(np.round(seconds * 1e6), dtype=np.int64)


def _loose(text: str) -> int:
    """Of a single text: other separators, single digits, no seconds, no separators, a bare time of day."""
    try:
        if found := _COMPACT.fullmatch(text):
            return micros_of(
                datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
            )
        if found := _OF_DAY.fullmatch(text):
            hour, minute, second = map(int, found.groups()[:3])
            fraction = int((found[4] or "").ljust(6, "0"))
            return micros_of(datetime(1970, 1, 1, hour, minute, second, fraction, tzinfo=BEIJING))
        if found := _LOOSE.fullmatch(text):
            year, month, day, hour, minute = map(int, found.groups()[:5])
            fraction = int((found[7] or "")[:6].ljust(6, "0"))
            zone = datetime.strptime(found[8], "%z").tzinfo if found[8] else BEIJING
            moment = datetime(year, month, day, hour, minute, int(found[6] or 0), fraction, tzinfo=zone)
            return micros_of(moment)
        moment = datetime.fromisoformat(text)
        return micros_of(moment if moment.tzinfo else moment.replace(tzinfo=BEIJING))
    except (ValueError, OverflowError):
        return UNREADABLE
