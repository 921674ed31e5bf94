"""Faults of devices: counted by day and reason or flag, clocks that are off, jumps found out afterwards."""

from collections import Counter
from typing import Any

import numpy as np
import psycopg

from tracking.clock import datetime_of
from tracking.fix import Flag
from tracking.pipeline import Work
from tracking.sql import QUERIES

TOLD_FLAGS = (Flag.LATE, Flag.WEEK_ROLLOVER, Flag.JUMP, Flag.LEAP, Flag.FROZEN, Flag.COPIED, Flag.CLOCK)
"""Flags that are counted; the others are ordinary."""


def count(work: Work) -> Counter[tuple[int, str]]:
    """Refused and flagged fixes by device and reason. Messages of unknown devices are not counted here."""
    found: Counter[tuple[int, str]] = Counter()
    known = work.world.directory.devices
    for source, reject in work.rejects:
        device = known.get(work.arrivals[source].device_key or "")
        if device is not None:
            found[device.id, str(reject.reason)] += 1
    flagged = np.flatnonzero(work.fixes.flags & int(sum(TOLD_FLAGS)))
    if len(flagged):
        ids, flags = work.fixes.device_id[flagged], work.fixes.flags[flagged]
        for flag in TOLD_FLAGS:
            devices, many = np.unique(ids[(flags & flag) != 0], return_counts=True)
            for device_id, fixes in zip(devices.tolist(), many.tolist(), strict=True):
                found[device_id, (flag.name or "").lower()] += fixes
    for reflag in work.quality.reflags:
        found[reflag.device_id, "jump"] += 1
    return found


def write(connection: psycopg.Connection[Any], work: Work) -> None:
    """In the transaction of the batch."""
    news = work.quality
    if news.reflags:
        connection.execute(
            QUERIES["reflag_fixes"],
            {
                "device_ids": [one.device_id for one in news.reflags],
                "times": [datetime_of(one.fix_time_us) for one in news.reflags],
                "contents": [one.content for one in news.reflags],
            },
        )
    wrong = {device: error for device, error in news.clocks.items() if error}
    if wrong:
        connection.execute(
            QUERIES["write_clocks"], {"device_ids": list(wrong), "offsets": list(wrong.values())}
        )
    if len(wrong) < len(news.clocks):
        right = [device for device, error in news.clocks.items() if not error]
        connection.execute(QUERIES["right_clocks"], {"device_ids": right})
    counted = sorted(count(work).items())
    if counted:
        connection.execute(
            QUERIES["tally"],
            {
                "device_ids": [device for (device, _), _ in counted],
                "reasons": [reason for (_, reason), _ in counted],
                "counts": [many for _, many in counted],
            },
        )


def read_clocks(connection: psycopg.Connection[Any]) -> dict[int, float]:
    """Seconds by which clocks are off, of the devices known for it."""
    return dict(connection.execute(QUERIES["clocks"]).fetchall())
