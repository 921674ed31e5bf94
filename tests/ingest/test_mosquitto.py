"""Mosquitto as the broker, set as the device guide says: what waits for ingest outlives its restart."""

import asyncio
import json
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from benchmarks import scene
from benchmarks.load import Publisher
from tests.ingest.support import ask, ingesting, wait_for
from tests.ingest.test_gateway import gateway_of
from tests.mosquitto import Mosquitto

MESSAGES = 3_000


@pytest.fixture
def city(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as connection:
        scene.make_city(connection, side=10)
        scene.make_devices(connection, 20)
    return database_url


def test_what_came_while_ingest_was_away_is_stored_after_a_restart_of_the_broker(
    city: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    keys = [f"d{n}" for n in range(20)]
    messages = list(scene.fixes(keys, first=0, count=MESSAGES, start_s=time.time() - 600, side=10))
    with mosquitto.running():
        with ingesting(city, mosquitto.url("ingest"), tmp_path) as process:
            process.terminate()
        publisher = Publisher(mosquitto.url("simulator"), "away", window=500)
        publisher.publish(messages)
        assert len(publisher.acknowledged) == MESSAGES
    with mosquitto.running(), ingesting(city, mosquitto.url("ingest"), tmp_path):
        wait_for(lambda: ask(city, "SELECT count(*) FROM fix")[0][0] == MESSAGES, 20)
    assert ask(city, "SELECT count(DISTINCT (device_id, fix_time)) FROM fix") == [(MESSAGES,)]


async def test_a_command_by_the_clients_of_mosquitto(city: str, mosquitto: Mosquitto) -> None:
    at = ["-h", "127.0.0.1", "-p", str(mosquitto.mqtt_port), "-i", "d1", "-u", "d1", "-P", "any"]
    with mosquitto.running():
        heard = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", "-d", *at, "-t", "wanmi/v1/d1/command", "-C", "1", "-W", "20"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert heard.stdout is not None
        # What is sent before the subscription stands, nobody hears.
        assert any(line.startswith("Subscribed") for line in heard.stdout)
        async with gateway_of(city, mosquitto.url("gateway"), command_every_s=0.3):
            (command,) = ask(
                city,
                """INSERT INTO device_command (device_id, kind, body, expires_at)
                   SELECT id, 'text', '{"text": "请到望川路"}', now() + interval '60 s' FROM device
                    WHERE key = 'd1' RETURNING id::text""",
            )
            said, _ = await asyncio.to_thread(heard.communicate)
            (told,) = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
            assert (told["id"], told["kind"], told["text"]) == (command[0], "text", "请到望川路")
            answer = json.dumps({"id": told["id"], "ok": True, "result": "read"})
            subprocess.run(
                ["mosquitto_pub", *at, "-q", "1", "-t", "wanmi/v1/d1/command/ack", "-m", answer], check=True
            )
            query = "SELECT state, result FROM device_command"
            await asyncio.to_thread(wait_for, lambda: ask(city, query) == [("done", "read")], 10)
