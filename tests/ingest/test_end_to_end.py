"""Messages through a real broker into a real database."""

import json
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from benchmarks import scene
from benchmarks.load import Publisher
from command_center.devices.commands import set_secret
from command_center.processes.broker import Broker
from gis_core.identity.secrets import Keyring
from ingest.owntracks_seal import box_of
from tests.ingest.support import IngestProcess, ask, ingesting, wait_for


@pytest.fixture
def city(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as connection:
        scene.make_city(connection, side=10)
        scene.make_devices(connection, 20)
    return database_url


def fix(lon: float, lat: float, moment: float, **more: object) -> bytes:
    return json.dumps({"time": moment, "lon": lon, "lat": lat, **more}).encode()


def test_every_protocol_is_stored_and_located(city: str, broker: Broker, tmp_path: Path) -> None:
    now = int(time.time())
    lon, lat = scene.WEST + 0.0005, scene.SOUTH + 0.0004
    sentence = f"GPRMC,{time.strftime('%H%M%S', time.gmtime(now))}.00,A,3030.0240,N,12000.0300,E,10.0,90.0,"
    sentence += f"{time.strftime('%d%m%y', time.gmtime(now))},,,A"
    checksum = 0
    for character in sentence.encode():
        checksum ^= character
    owntracks = {"_type": "location", "lon": lon, "lat": lat, "tst": now, "vel": 36, "batt": -1}
    messages = [
        ("wanmi/v1/d0/fix", fix(lon, lat, now, speed_mps=1.5)),
        ("owntracks/somebody/d1", json.dumps(owntracks).encode()),
        ("wanmi/v1/d2/nmea", f"${sentence}*{checksum:02X}\r\n".encode()),
        ("wanmi/v1/d0/status", b'{"online":true}'),
    ]
    with ingesting(city, broker.url("ingest"), tmp_path) as process:
        Publisher(broker.url("simulator"), "pub").publish(messages)
        wait_for(lambda: ask(city, "SELECT count(*) FROM device_state")[0][0] == 3, 10)
        assert process.terminate() == 0
    rows = ask(
        city,
        """SELECT d.key, round(s.speed_mps::numeric, 3), s.unit_grid_id IS NOT NULL,
                  s.responsibility_grid_id IS NOT NULL, s.battery_pct
             FROM device_state s JOIN device d ON d.id = s.device_id ORDER BY d.key""",
    )
    assert [(key, float(speed), *rest) for key, speed, *rest in rows] == [
        ("d0", 1.5, True, True, None),
        ("d1", 10.0, True, True, None),
        ("d2", 5.144, True, True, None),
    ]
    figures = (tmp_path / "metrics" / "ingest.prom").read_text()
    assert "wanmi_ingest_fixes_total 3.0" in figures


def test_encrypted_owntracks_is_opened_with_the_secret_of_its_device(
    city: str, broker: Broker, tmp_path: Path, secret_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANMI_SECRET_KEY", secret_key)
    keyring = Keyring(secret_key)

    def sealed(secret: str, moment: float) -> bytes:
        inner = json.dumps({"_type": "location", "lon": 120.0005, "lat": 30.5004, "tst": moment})
        box = b64encode(box_of(secret).encrypt(inner.encode())).decode()
        return json.dumps({"_type": "encrypted", "data": box}).encode()

    now = int(time.time())
    with (
        ingesting(city, broker.url("ingest"), tmp_path),
        psycopg.connect(city, autocommit=True) as connection,
    ):
        # Set while ingest runs: it hears of it before the messages come.
        for key in ("d0", "d1"):
            set_secret(connection, keyring, key, "s3cret")
        topic = "owntracks/li/"
        messages = [(topic + "d0", sealed("s3cret", now)), (topic + "d1", sealed("other", now))]
        messages.append((topic + "d2", sealed("s3cret", now)))
        Publisher(broker.url("simulator"), "pub").publish(messages)
        letters = wait_for(
            lambda: (
                len(told := ask(city, "SELECT device_key, reason, detail FROM dead_letter")) == 2 and told
            ),
            10,
        )
    assert ask(city, "SELECT d.key FROM fix JOIN device d ON d.id = device_id") == [("d0",)]
    assert [letter[:2] for letter in sorted(letters)] == [("d1", "cannot_open"), ("d2", "cannot_open")]
    held = ask(city, "SELECT payload_secret FROM device WHERE key = 'd0'")[0][0]
    assert b"s3cret" not in bytes(held)


def test_bad_input_becomes_dead_letters_and_stops_nobody(city: str, broker: Broker, tmp_path: Path) -> None:
    now = time.time()
    lon, lat = scene.WEST + 0.0005, scene.SOUTH + 0.0004
    year = 365.25 * 86400
    bad = {
        "not_json": ("wanmi/v1/d0/fix", b"{no json"),
        "missing_field": ("wanmi/v1/d0/fix", b'{"time":1,"lon":2}'),
        "bad_latitude": ("wanmi/v1/d0/fix", fix(lon, 95, now)),
        "bad_longitude": ("wanmi/v1/d0/fix", fix(181, lat, now)),
        "too_old": ("wanmi/v1/d0/fix", fix(lon, lat, 10 * year)),
        "in_future": ("wanmi/v1/d0/fix", fix(lon, lat, 120 * year)),
        "unknown_device": ("wanmi/v1/nobody/fix", fix(lon, lat, now)),
        "zero_island": ("wanmi/v1/d0/fix", fix(0, 0, now)),
        "too_large": ("wanmi/v1/d0/fix", b'{"time":"' + b"9" * 400_000 + b'"}'),
        "bad_checksum": (
            "wanmi/v1/d0/nmea",
            b"$GPRMC,000231,A,4829.0005,N,00022.0016,E,0,0,220899,,,A*00",
        ),
        "bad_time": ("wanmi/v1/d0/fix", b'{"time":"yesterday","lon":120,"lat":30}'),
        "unknown_type": ("owntracks/x/d0", b'{"_type":"surprise"}'),
        "bad_field": ("wanmi/v1/d0/fix", b'{"time":1,"lon":"east","lat":30}'),
    }
    good = [("wanmi/v1/d1/fix", fix(lon, lat, now + step)) for step in range(-50, 0)]
    mixed = [message for pair in zip(bad.values(), good, strict=False) for message in pair] + good[len(bad) :]
    with ingesting(city, broker.url("ingest"), tmp_path) as process:
        Publisher(broker.url("simulator"), "pub").publish(mixed)
        wait_for(lambda: ask(city, "SELECT count(*) FROM fix")[0][0] == 50, 10)
        process.terminate()
    letters = ask(city, "SELECT reason, topic, detail, payload FROM dead_letter ORDER BY reason")
    assert [reason for reason, *_ in letters] == sorted(bad)
    for reason, topic, detail, payload in letters:
        assert topic == bad[reason][0]
        assert bytes(payload) == bad[reason][1][:65_536]
        assert detail
    figures = (tmp_path / "metrics" / "ingest.prom").read_text()
    for reason in bad:
        assert f'wanmi_ingest_rejects_total{{reason="{reason}"}} 1.0' in figures


def test_leaving_the_grid_raises_one_alert_and_returning_closes_it(
    city: str, broker: Broker, tmp_path: Path
) -> None:
    start = time.time() - 200
    inside = scene.WEST + 2.5 * scene.CELL_LON
    outside = scene.WEST + 8.5 * scene.CELL_LON
    lat = scene.SOUTH + 2.5 * scene.CELL_LAT
    walk = [inside] * 3 + [outside] * 8 + [inside] * 3
    messages = [
        ("wanmi/v1/d0/fix", fix(lon, lat, start + 10 * step, accuracy_m=5)) for step, lon in enumerate(walk)
    ]
    with ingesting(city, broker.url("ingest"), tmp_path) as process:
        publisher = Publisher(broker.url("simulator"), "pub")
        publisher.publish(messages[:9])
        wait_for(lambda: ask(city, "SELECT 1 FROM alert WHERE closed_at IS NULL"), 10)
        process.kill()  # what the rule knows survives
        process.start()
        publisher.close()
        Publisher(broker.url("simulator"), "pub2").publish(messages[9:])
        wait_for(lambda: ask(city, "SELECT 1 FROM alert WHERE closed_at IS NOT NULL"), 15)
        late = [("wanmi/v1/d0/fix", fix(outside, lat, start + 5 + 10 * step)) for step in range(4, 9)]
        Publisher(broker.url("simulator"), "pub3").publish(late)
        wait_for(lambda: ask(city, "SELECT count(*) FROM fix WHERE flags & 1 = 1")[0][0] == 5, 10)
        process.terminate()
    ((rule, opened, seen, closed, why, evidence),) = ask(
        city,
        """SELECT rule, extract(epoch FROM opened_at), extract(epoch FROM last_seen_at),
                  extract(epoch FROM closed_at), close_reason, evidence FROM alert""",
    )
    assert (rule, why) == ("outside_grid", "returned")
    assert float(opened) == pytest.approx(start + 30, abs=0.01)
    assert float(seen) == pytest.approx(start + 100, abs=0.01)
    assert float(closed) == pytest.approx(start + 110, abs=0.01)
    assert evidence["grid"] == "责任网格0"
    assert evidence["farthest_m"] == pytest.approx(349, abs=3)
    news = ask(city, "SELECT event, payload FROM outbox WHERE topic = 'alert' ORDER BY seq")
    assert [event for event, _ in news] == ["opened", "updated", "closed"]
    assert news[0][1]["unit_name"] == "d0"
    assert news[-1][1]["close_reason"] == "returned"


def test_a_broker_that_is_away_is_an_outage_on_record(
    city: str, make_broker: Callable[[], Broker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANMI_INGEST_BROKER_AWAY_S", "1")
    broker = make_broker()
    spans = "SELECT ends_at IS NOT NULL FROM outage"
    with broker.running():
        process = IngestProcess(city, broker.url("ingest"), tmp_path)
        process.start()
        wait_for(lambda: "broker_connected" in process.log(), 20)
    try:
        wait_for(lambda: ask(city, spans) == [(False,)], 30)
        with broker.running():
            wait_for(lambda: ask(city, spans) == [(True,)], 60)
            assert process.terminate() == 0
    finally:
        process.kill()
