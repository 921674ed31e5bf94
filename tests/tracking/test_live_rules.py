"""Rules of the table on live fixes: batches of any size give the episodes of the whole."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.test_rule_engine import WATCHES, wander
from tests.tracking.test_store import LAT, LON, arrival, connection, world, write
from tracking.batch import from_fixes
from tracking.clock import now_us
from tracking.directory import Device, Directory
from tracking.fix import Fix
from tracking.locator import make_locator
from tracking.rules.base import Change, RuleContext, RuleState
from tracking.rules.live import LiveRule, load_rules
from tracking.rules.places import Places

__all__ = ["connection"]

DEVICE = Device(1, "d", True, "990102001", "inspector", 7, 10)
CONTEXT = RuleContext(Directory({"d": DEVICE}, {}, {1: DEVICE}), make_locator([], []))


def define(connection: psycopg.Connection, key: str, definition: dict[str, Any], **more: Any) -> None:
    columns = {"version": 1, "zone_codes": [], "unit_kinds": [], "area_code": None, **more}
    connection.execute(
        "INSERT INTO alert_rule (key, version, definition, zone_codes, unit_kinds, area_code)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (key, columns["version"], json.dumps({"key": key, **definition}), *list(columns.values())[1:]),
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.lists(st.integers(1, 209), max_size=10))
def test_batches_give_what_the_whole_gives(seed: int, cuts: list[int]) -> None:
    track = wander(seed)
    fixes = [
        Fix(int(moment), lon, lat)
        for moment, lon, lat in zip(track.time_us, track.lon.tolist(), track.lat.tolist(), strict=True)
    ]
    count = len(fixes)
    whole = from_fixes(fixes, [0] * count, [1] * count, [0] * count)
    edges = sorted({0, count, *(cut for cut in cuts if cut < count)})
    for watched in WATCHES:
        rule = LiveRule(watched.rule, watched.places)
        states: dict[int, RuleState] = {}
        changes: list[Change] = []
        for start, end in pairwise(edges):
            judged = rule.judge(whole.take(np.arange(start, end)), CONTEXT, states)
            states |= json.loads(json.dumps(judged.states), object_hook=_with_numbers)
            changes += judged.changes
        assert changes == rule.judge(whole, CONTEXT, {}).changes


def _with_numbers(read: dict[str, Any]) -> dict[Any, Any]:
    return {int(key) if key.isdigit() else key: value for key, value in read.items()}


def test_whom_a_rule_is_about() -> None:
    rule, places = WATCHES[3].rule, Places(np.zeros(0, dtype=object), [])
    assert LiveRule(rule, places).concerns(DEVICE)
    assert LiveRule(rule, places, frozenset({"inspector"}), frozenset({7}), "990102").concerns(DEVICE)
    assert not LiveRule(rule, places, frozenset({"slag_truck"})).concerns(DEVICE)
    assert not LiveRule(rule, places, org_unit_ids=frozenset({8})).concerns(DEVICE)
    assert not LiveRule(rule, places, area_code="990103").concerns(DEVICE)


def test_a_ban_from_the_table_opens_and_closes_an_alert(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO zone (code, kind, name, area_code, valid_from, geom) VALUES ('Z1', 'fence', '禁行区',"
        " '990102001', '2020-01-01', ST_Multi(ST_MakeEnvelope(%s, %s, %s, %s, 4326)))",
        (LON + 0.01, LAT - 0.01, LON + 0.03, LAT + 0.01),
    )
    define(connection, "centre_ban", {"kind": "forbidden_zone", "severity": "critical"}, zone_codes=["Z1"])
    define(connection, "asleep", {"kind": "dwell", "enabled": False})
    (ban,) = load_rules(connection)
    assert (ban.key, ban.definition.version, len(ban.places.shapes)) == ("centre_ban", 1, 1)
    around = world(connection)
    around = type(around)(around.directory, around.locator, around.memory, (ban,), around.settings)
    now = now_us()
    for number, lon in enumerate([LON, *[LON + 0.02] * 4, LON, LON, LON]):
        write(connection, around, arrival("d0", Fix(now - (400 - number * 20) * 1_000_000, lon, LAT)))
    rows = connection.execute(
        "SELECT rule, rule_version, severity, close_reason, evidence -> 'rule' ->> 'kind',"
        " jsonb_array_length(evidence -> 'fixes') FROM alert"
    ).fetchall()
    assert rows == [("centre_ban", 1, "critical", "returned", "forbidden_zone", 2)]
    events = connection.execute("SELECT event FROM outbox WHERE topic = 'alert' ORDER BY seq").fetchall()
    assert [event for (event,) in events][:1] == ["opened"]
    assert [event for (event,) in events][-1:] == ["closed"]
