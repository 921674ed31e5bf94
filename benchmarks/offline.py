"""Alerts as they follow from the stored fixes, judged in one go: without any memory, order of arrival, or
clock but one look at the end."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg

from tracking.batch import FixBatch
from tracking.columns import micros, read_columns
from tracking.directory import Directory, load_directory
from tracking.fix import Flag
from tracking.locator import load_locator
from tracking.reconciliation import Told, tell
from tracking.rules import Change, Last, Rule, Scene, make_rules
from tracking.rules.gathering import Gathering, changes_over, places_by_tick
from tracking.rules.live import RuleLine
from tracking.rules.loading import load_rules
from tracking.rules.way import nothing_before, way_of
from tracking.settings import TrackingSettings

_COLUMNS = (
    ("device_id", ">i4"),
    *(("fix_time", ">i8"), ("content", ">i8"), ("lon", ">f8"), ("lat", ">f8"), ("altitude_m", ">f4")),
    *(("speed_mps", ">f4"), ("course_deg", ">f4"), ("accuracy_m", ">f4"), ("satellites", ">i2")),
    *(("battery_pct", ">i2"), ("grid_id", ">i4"), ("flags", ">i4"), ("signals", ">i8")),
)
_FIXES = """
SELECT device_id, fix_time, content, lon, lat, coalesce(altitude_m, 'NaN'), coalesce(speed_mps, 'NaN'),
       coalesce(course_deg, 'NaN'), coalesce(accuracy_m, 'NaN'), coalesce(satellites, -1::smallint),
       coalesce(battery_pct, -1::smallint), coalesce(responsibility_grid_id, 0), flags, coalesce(signals, 0)
  FROM fix WHERE device_id = ANY (%(device_ids)s) ORDER BY device_id, fix_time, content
"""


def episodes(
    connection: psycopg.Connection[Any], device_ids: Sequence[int], now_us: int
) -> Iterator[tuple[int, Told]]:
    """Of all rules, by device."""
    directory, locator = load_directory(connection), load_locator(connection)
    fixes = _read(connection, device_ids)
    settings = TrackingSettings()
    way = way_of(
        fixes,
        nothing_before(len(fixes)),
        within_s=settings.derived_speed_within_s,
        noise_m=settings.position_noise_m,
    )
    newest = np.r_[fixes.device_id[1:] != fixes.device_id[:-1], True]
    last = Last(
        fixes.device_id[newest],
        fixes.fix_time_us[newest],
        fixes.lon[newest],
        fixes.lat[newest],
        way.speed_mps[newest],
    )
    nobody = np.zeros(len(fixes), dtype=np.bool_)
    changes: list[Change] = []
    rules: tuple[Rule, ...] = (*make_rules(), *load_rules(connection))
    for rule in rules:
        if isinstance(rule, RuleLine) and isinstance(rule.versions[0], Gathering):
            changes += _gatherings(rule.versions[0], fixes, directory)
            continue
        scene = Scene(directory, locator, way)
        judged = rule.judge(fixes, scene, {})
        states = judged.all_states()
        woken = rule.wake(now_us, scene.take(nobody), states, last)
        mine = set(device_ids)
        changes += [*judged.changes, *(one for one in woken.changes if one.device_id in mine)]
    by_device: dict[int, list[Change]] = {}
    for change in changes:
        by_device.setdefault(change.device_id, []).append(change)
    for device, of_device in by_device.items():
        yield from ((device, one) for one in tell({}, of_device))


def _gatherings(rule: Gathering, fixes: FixBatch, directory: Directory) -> list[Change]:
    ticks = places_by_tick(
        fixes.device_id,
        fixes.fix_time_us,
        fixes.lon,
        fixes.lat,
        rule.fresh_us(fixes.device_id, directory),
        after_us=0,
        until_us=int(fixes.fix_time_us.max()) + 3_600_000_000,
    )
    return list(changes_over(rule, ((tick, rule.of(units, directory)) for tick, units in ticks), directory))


def _read(connection: psycopg.Connection[Any], device_ids: Sequence[int]) -> FixBatch:
    rows = read_columns(connection, psycopg.sql.SQL(_FIXES), {"device_ids": list(device_ids)}, _COLUMNS)
    own = {name: rows[name].astype(kind.replace(">", "")) for name, kind in _COLUMNS}
    zeros, time_us = np.zeros(len(rows), dtype=np.int32), micros(rows["fix_time"])
    fixes = FixBatch(
        source=zeros,
        fix_time_us=time_us,
        received_us=time_us,
        unit_grid_id=zeros,
        responsibility_grid_id=own.pop("grid_id"),
        **{name: column for name, column in own.items() if name != "fix_time"},
    )
    return fixes.take((fixes.flags & Flag.OFF_DUTY) == 0)
