"""Rules of the table on live fixes."""

import json
from typing import Any

import psycopg

from tests.tracking.test_rule_engine import DEVICE, WATCHES
from tests.tracking.test_store import LAT, LON, arrival, connection, world, write
from tracking.clock import now_us
from tracking.fix import Fix
from tracking.rules.live import LiveRule
from tracking.rules.loading import load_rules
from tracking.rules.places import NO_PLACES

__all__ = ["connection"]


def define(connection: psycopg.Connection, key: str, definition: dict[str, Any], **more: Any) -> None:
    columns = {"version": 1, "zone_codes": [], "unit_kinds": [], "area_code": None, **more}
    connection.execute(
        "INSERT INTO alert_rule (key, version, definition, zone_codes, unit_kinds, area_code)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (key, columns["version"], json.dumps({"key": key, **definition}), *list(columns.values())[1:]),
    )


def test_whom_a_rule_is_about() -> None:
    rule, places = WATCHES[3].definition, NO_PLACES
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
    assert (ban.key, ban.definition.version, len(ban.versions[-1].places.shapes)) == ("centre_ban", 1, 1)
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
