from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text

from command_center.app import AppSettings
from command_center.assembly import device_credentials
from command_center.processes.broker import Broker
from gis_core.identity.secrets import token_hash
from ingest.payload_secrets import FIELD
from tests.command_center.conftest import Login, People

PHONE: dict[str, Any] = {
    "key": "phone-1",
    "unit_kind": "inspector",
    "area_code": "990102001",
    "org_unit_id": 1,
    "period_s": 10,
}


@pytest.fixture
def app_settings(app_settings: AppSettings, broker: Broker) -> AppSettings:
    """With a broker of ours running."""
    return replace(app_settings, mqtt_url=broker.url("ingest"))


@pytest_asyncio.fixture
async def admin(app: FastAPI, broker: Broker, logged_in: Login) -> httpx.AsyncClient:
    app.state.credentials = device_credentials(broker.folder.parent)
    return await logged_in("admin")


def may_connect(broker: Broker, key: str, token: str) -> bool:
    """Whether the broker lets the device in (MQTT 3.1.1, return code 0)."""
    answers: list[bool] = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"test-{key}")
    client.username_pw_set(key, token)
    client.on_connect = lambda _c, _u, _f, reason, _p: answers.append(not reason.is_failure)
    client.connect("127.0.0.1", broker.mqtt_port)
    for _ in range(100):
        if answers:
            break
        client.loop(0.05)
    client.disconnect()
    return bool(answers and answers[0])


async def test_new_device_may_connect_until_it_is_disabled(
    app: FastAPI, admin: httpx.AsyncClient, broker: Broker
) -> None:
    made = await admin.post("/api/v1/devices", json=PHONE)
    assert made.status_code == 201
    device_id, first = made.json()["id"], made.json()["token"]
    async with app.state.engine.connect() as conn:
        stored = await conn.scalar(text("SELECT token_hash FROM device"))
    assert stored == token_hash(first)
    assert eventually(lambda: may_connect(broker, "phone-1", first))
    rotated = (await admin.post(f"/api/v1/devices/{device_id}/token")).json()["token"]
    assert eventually(lambda: may_connect(broker, "phone-1", rotated))
    assert not may_connect(broker, "phone-1", first)
    off = await admin.patch(f"/api/v1/devices/{device_id}", json={"enabled": False})
    assert (off.json()["enabled"], off.json()["has_token"]) == (False, False)
    assert eventually(lambda: not may_connect(broker, "phone-1", rotated))
    assert (await admin.post(f"/api/v1/devices/{device_id}/token")).status_code == 422
    assert first not in (await admin.get("/api/v1/devices")).text


async def test_alerts_of_a_disabled_device_end_but_for_a_call_for_help(
    app: FastAPI, admin: httpx.AsyncClient, broker: Broker
) -> None:
    device_id = (await admin.post("/api/v1/devices", json=PHONE)).json()["id"]
    async with app.state.engine.begin() as conn:
        await conn.execute(
            text(
                "INSERT INTO alert (rule, rule_version, severity, device_id, area_code, opened_at,"
                " last_seen_at, lon, lat, last_lon, last_lat, evidence)"
                " SELECT rule, 1, 'warning', :id, '990102001', now(), now(), 120, 30, 120, 30, '{}'"
                " FROM unnest(ARRAY['outside_grid', 'low_battery', 'sos']) rule"
            ),
            {"id": device_id},
        )
    await admin.patch(f"/api/v1/devices/{device_id}", json={"enabled": False})
    told = "SELECT rule, close_reason, handled_by IS NOT NULL AS by_somebody, note FROM alert ORDER BY rule"
    news = "SELECT count(*) FROM outbox WHERE topic = 'alert' AND event = 'closed'"
    trail = "SELECT detail ->> 'alerts_ended' FROM audit WHERE action = 'device.change'"
    async with app.state.engine.connect() as conn:
        assert (await conn.execute(text(told))).all() == [
            ("low_battery", "handled", True, "设备已停用"),
            ("outside_grid", "handled", True, "设备已停用"),
            ("sos", None, False, None),
        ]
        assert await conn.scalar(text(news)) == 2
        assert await conn.scalar(text(trail)) == "2"


def eventually(holds: Callable[[], bool]) -> bool:
    """The broker reads its users again a moment after the answer."""
    return any(holds() for _ in range(20))


async def test_refused_device_leaves_nothing(app: FastAPI, admin: httpx.AsyncClient, broker: Broker) -> None:
    known = broker.credentials.list()
    for wrong, status in (
        ({"key": "no.dots"}, 422),
        ({"key": "ingest"}, 422),
        ({"unit_kind": "plane"}, 422),
        ({"org_unit_id": 99}, 422),
        ({"person_id": 99}, 422),
        ({"person_id": 1, "vehicle_id": 1}, 422),
    ):
        assert (await admin.post("/api/v1/devices", json=PHONE | wrong)).status_code == status, wrong
    assert broker.credentials.list() == known
    async with app.state.engine.connect() as conn:
        assert await conn.scalar(text("SELECT count(*) FROM device")) == 0
    assert (await admin.post("/api/v1/devices", json=PHONE | {"key": "twice"})).status_code == 201
    assert (await admin.post("/api/v1/devices", json=PHONE | {"key": "twice"})).status_code == 409


async def test_carrier_and_search(admin: httpx.AsyncClient, people: People) -> None:
    person = await people.add("walker", "inspector")
    lorry = {"plate": "云A12345", "kind": "slag_truck", "org_unit_id": 1, "area_code": "990102"}
    vehicle = (await admin.post("/api/v1/vehicles", json=lorry)).json()["id"]
    await admin.post("/api/v1/devices", json=PHONE | {"key": "carried", "person_id": person})
    await admin.post(
        "/api/v1/devices", json=PHONE | {"key": "built-in", "vehicle_id": vehicle, "unit_kind": "slag_truck"}
    )
    found = (await admin.get("/api/v1/devices", params={"q": "12345"})).json()["devices"]
    assert [(d["key"], d["carrier"]) for d in found] == [("built-in", "云A12345")]
    found = (await admin.get("/api/v1/devices", params={"unit_kind": "inspector"})).json()["devices"]
    assert [(d["key"], d["carrier"]) for d in found] == [("carried", "walker")]
    path = f"/api/v1/devices/{found[0]['id']}"
    assert (await admin.patch(path, json={"vehicle_id": vehicle})).status_code == 422
    moved = await admin.patch(path, json={"vehicle_id": vehicle, "person_id": None})
    assert moved.json()["carrier"] == "云A12345"
    assert (await admin.patch(path, json={"period_s": None})).status_code == 422


async def test_manager_sees_devices_of_his_streets_only(admin: httpx.AsyncClient, logged_in: Login) -> None:
    for number in (1, 2):
        body = PHONE | {"key": f"street-{number}", "area_code": f"99010200{number}"}
        assert (await admin.post("/api/v1/devices", json=body)).status_code == 201
    manager = await logged_in("admin", login="street", area_code="990102002")
    seen = (await manager.get("/api/v1/devices")).json()["devices"]
    assert [device["key"] for device in seen] == ["street-2"]
    other = (await admin.get("/api/v1/devices")).json()["devices"][0]["id"]
    assert (await manager.post(f"/api/v1/devices/{other}/token")).status_code == 404
    abroad = PHONE | {"key": "abroad", "area_code": "990102003"}
    assert (await manager.post("/api/v1/devices", json=abroad)).status_code == 403
    own = seen[0]["id"]
    taken_out = await manager.patch(f"/api/v1/devices/{own}", json={"area_code": "990102003"})
    assert taken_out.status_code == 403


async def test_system_health(admin: httpx.AsyncClient) -> None:
    health = (await admin.get("/api/v1/system")).json()
    assert health["broker"] == {"configured": True, "reachable": True}
    assert health["database"]["postgis"].startswith("3.")
    assert health["ingest"]["lag_s"] is None
    assert health["disk"]["free_bytes"] > 0
    assert health["sessions"] == 1


async def test_dead_letters_show_text_or_hex(app: FastAPI, admin: httpx.AsyncClient) -> None:
    payloads = [b'{"lat": 95}', b"\x00\xff\x10", "经度".encode()[:-1], b"x" * 5000]
    async with app.state.engine.begin() as conn:
        for payload in payloads:
            await conn.execute(
                text(
                    "INSERT INTO dead_letter (received_at, topic, device_key, reason, detail, payload)"
                    " VALUES (now(), 'wanmi/v1/a/fix', 'a', 'latitude', '', :payload)"
                ),
                {"payload": payload},
            )
    page = (await admin.get("/api/v1/dead-letters", params={"reason": "latitude"})).json()
    shown = [(d["text"], d["hex"], d["size_bytes"]) for d in reversed(page["dead_letters"])]
    assert shown[0] == ('{"lat": 95}', None, 11)
    assert shown[1] == (None, "00 ff 10", 3)
    assert shown[2] == ("经", None, 5)
    assert (len(shown[3][0]), shown[3][2]) == (4096, 5000)
    assert page["reasons"] == {"latitude": 4}


def test_without_a_broker_of_ours_no_token_is_made(tmp_path: Path) -> None:
    credentials = device_credentials(tmp_path)
    assert credentials.revoke("a") is False
    with pytest.raises(Exception, match="MQTT broker of your own"):
        credentials.issue("a")


async def test_the_payload_secret_is_sealed_and_never_told(app: FastAPI, admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/v1/devices", json=PHONE | {"payload_secret": "口令 s3cret"})
    assert made.status_code == 201
    path = f"/api/v1/devices/{made.json()['id']}"
    shown = (await admin.get(path)).json()
    assert shown["has_payload_secret"] is True
    assert "payload_secret" not in shown
    async with app.state.engine.connect() as conn:
        sealed = await conn.scalar(text("SELECT payload_secret FROM device"))
        trail = await conn.scalar(text("SELECT string_agg(detail::text, '') FROM audit"))
    assert app.state.keyring.decrypt(sealed, FIELD) == "口令 s3cret"
    assert "s3cret" not in trail
    assert (await admin.patch(path, json={"payload_secret": "x" * 33})).status_code == 422
    cleared = await admin.patch(path, json={"payload_secret": None})
    assert cleared.json()["has_payload_secret"] is False
