"""Terminals over TCP and HTTP, through a real broker into a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from benchmarks import scene
from command_center.processes.broker import Broker
from gis_core.identity.secrets import Keyring, token_hash
from ingest.gateway.runner import Gateway
from ingest.gateway.settings import GatewaySettings
from ingest.jt808 import framing, header, location
from ingest.jt808 import message as messages
from ingest.jt808.framing import Deframer
from ingest.jt808.message import Message
from tests.ingest.support import ask, ingesting, wait_for
from tests.ingest.test_decoders import sentence
from tracking.clock import micros_of
from tracking.fix import Fix

NUMBER = "13800138000"
SECRET = "5e" * 32


@pytest.fixture
def city(database_url: str) -> str:
    with psycopg.connect(database_url, autocommit=True) as connection:
        scene.make_city(connection, side=10)
        scene.make_devices(connection, 4)
        connection.execute("UPDATE device SET terminal_number = %s WHERE key = 'd0'", [NUMBER])
        connection.execute("UPDATE device SET token_hash = %s", [token_hash("right")])
    return database_url


@asynccontextmanager
async def gateway_of(database_url: str, mqtt_url: str, **settings: float) -> AsyncIterator[Gateway]:
    made = Gateway(GatewaySettings(**settings), database_url, mqtt_url, Keyring(SECRET))  # type: ignore[arg-type]
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(stop))
    await asyncio.wait_for(made.ready.wait(), 10)
    await asyncio.wait_for(made.door.link.connected.wait(), 10)
    yield made
    stop.set()
    await task


class Client:
    """A terminal of 2013 or 2019 that keeps its serials and waits for answers."""

    def __init__(self, port: int, *, version: int = 2019, number: str = NUMBER) -> None:
        self._port, self._version, self._number = port, version, number
        self._serial = 0
        self._deframer = Deframer()
        self._heard: list[Message] = []

    async def __aenter__(self) -> "Client":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._writer.close()

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, message_id: int, body: bytes = b"", part: tuple[int, int] | None = None) -> int:
        serial = self._serial = self._serial + 1
        plain = header.join(
            *(message_id, body), version=self._version, terminal=self._number, serial=serial, part=part
        )
        self._writer.write(framing.wrap(plain))
        return serial

    async def answer(self, within: float = 5.0) -> Message:
        while not self._heard:
            data = await asyncio.wait_for(self._reader.read(65_536), within)
            if not data:
                raise EOFError
            for content in self._deframer.feed(data):
                assert isinstance(content, bytes)
                found = messages.read(content)
                assert isinstance(found, Message)
                self._heard.append(found)
        return self._heard.pop(0)

    async def acknowledged(self, serial: int) -> int:
        found = await self.answer()
        assert (found.kind, found.body.values["reply_serial"]) == ("platform_ack", serial)
        return int(found.body.values["result"])

    async def come_in(self) -> None:
        serial = self.send(0x0100, b"\0\0\0\0".ljust(75, b"\0") + b"\x01" + "京A12345".encode("gbk"))
        reply = (await self.answer()).body.values
        assert (reply["reply_serial"], reply["result"]) == (serial, 0)
        code = str(reply["auth_code"]).encode()
        body = (
            code if self._version == 2013 else bytes([len(code)]) + code + b"1" * 15 + b"v1".ljust(20, b"\0")
        )
        assert await self.acknowledged(self.send(0x0102, body)) == 0


def fixes_of(database_url: str, *keys: str) -> list[tuple[str, float]]:
    """Keys and speeds of stored fixes; the session may bring some of an earlier test's too."""
    rows = ask(
        database_url,
        """SELECT d.key, round(f.speed_mps::numeric, 3) FROM fix f JOIN device d ON d.id = f.device_id
            WHERE d.key = ANY(%s) ORDER BY d.key""",
        list(keys),
    )
    return [(key, float(speed)) for key, speed in rows]


def a_location(seconds_ago: int = 0, **more: int) -> bytes:
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=seconds_ago)
    fix = Fix(micros_of(moment), scene.WEST + 0.0005, scene.SOUTH + 0.0004, 10.0, 5.0, 90.0)
    return location.write(fix, moment, **more)


@pytest.mark.parametrize("version", [2013, 2019])
async def test_a_terminal_comes_in_and_its_fixes_are_stored(
    city: str, broker: Broker, tmp_path: Path, version: int
) -> None:
    with ingesting(city, broker.url("ingest"), tmp_path):
        async with (
            gateway_of(city, broker.url("gateway")) as gateway,
            Client(gateway.ports["jt808"], version=version) as client,
        ):
            await client.come_in()
            assert await client.acknowledged(client.send(0x0002)) == 0
            assert await client.acknowledged(client.send(0x0200, a_location())) == 0
            items = [a_location(ago) for ago in range(60, 100)]
            batch = len(items).to_bytes(2) + b"\x01" + b"".join(len(i).to_bytes(2) + i for i in items)
            parts = [batch[at : at + 500] for at in range(0, len(batch), 500)]
            for index, part in enumerate(parts, start=1):
                assert await client.acknowledged(client.send(0x0704, part, (len(parts), index))) == 0
            assert await client.acknowledged(client.send(0x0003)) == 0
            with pytest.raises(EOFError):
                await client.answer()
            await asyncio.to_thread(wait_for, lambda: len(fixes_of(city, "d0")) == len(items) + 1, 10)
    assert set(fixes_of(city, "d0")) == {("d0", 5.0)}


async def test_who_is_not_known_does_not_come_in(city: str, broker: Broker) -> None:
    async with gateway_of(city, broker.url("gateway")) as gateway:
        async with Client(gateway.ports["jt808"], number="13999999999") as stranger:
            stranger.send(0x0100, b"\0" * 76)
            assert (await stranger.answer()).body.values["result"] == 4
            assert await stranger.acknowledged(stranger.send(0x0200, a_location())) == 1
        async with Client(gateway.ports["jt808"]) as guesser:
            for _ in range(3):
                assert await guesser.acknowledged(guesser.send(0x0102, b"\x03abc")) == 1
            with pytest.raises(EOFError):
                await guesser.answer()
        assert gateway.door.link.in_flight == 0


async def test_hostile_and_slow_terminals_harm_no_other(city: str, broker: Broker, tmp_path: Path) -> None:
    limits = {
        "login_within_s": 1.0,
        "half_frame_s": 1.0,
        "frames_per_s": 20,
        "burst_frames": 50,
        "connections": 30,
    }
    async with gateway_of(city, broker.url("gateway"), **limits) as gateway:
        port = gateway.ports["jt808"]
        crowd = [Client(port, number="1") for _ in range(20)]
        for client in crowd:
            await client.__aenter__()
        for client in crowd[:10]:
            client.write(b"\x7e" + b"\x01" * 100_000)
        for client in crowd[10:15]:
            client.write(b"\x7e\x01\x02\x7e" * 5_000)
        async with Client(port) as good:
            await good.come_in()
            for _ in range(40):
                assert await good.acknowledged(good.send(0x0200, a_location())) == 0
            flood = Client(port)
            async with flood:
                await flood.come_in()
                for _ in range(200):
                    flood.send(0x0002)
                assert await good.acknowledged(good.send(0x0002)) == 0
        await asyncio.sleep(6.5)
        assert len(gateway.jt808) == 0
        counted = gateway.door.counted
        assert counted["jt808 closed 50 bad frames in a row"] == 5
        assert counted["jt808 closed not authenticated in time"] == 15
        gateway.figures.write(tmp_path / "gateway.prom")
        figures = (tmp_path / "gateway.prom").read_text()
        assert 'wanmi_gateway_events_total{event="jt808 closed not authenticated in time"} 15.0' in figures


async def test_strangers_of_one_address_are_bounded_and_known_terminals_come_in(
    city: str, broker: Broker
) -> None:
    async with (
        gateway_of(city, broker.url("gateway"), strangers_of_address=5) as gateway,
        Client(gateway.ports["jt808"]) as good,
    ):
        await good.come_in()
        crowd = [Client(gateway.ports["jt808"], number="1") for _ in range(12)]
        for client in crowd:
            await client.__aenter__()
        assert await good.acknowledged(good.send(0x0200, a_location())) == 0
        await asyncio.to_thread(wait_for, lambda: len(gateway.jt808) == 6, 5)
        assert gateway.door.counted["jt808 turned away, too many from its address"] == 7
        for client in crowd:
            await client.__aexit__()
        await asyncio.to_thread(wait_for, lambda: len(gateway.jt808) == 1, 5)
        again = [Client(gateway.ports["jt808"]) for _ in range(7)]
        for client in again:
            await client.__aenter__()
            await client.come_in()
        assert len(gateway.jt808) == 8
        for client in again:
            await client.__aexit__()


async def test_a_location_is_not_answered_while_the_broker_is_away(
    city: str, make_broker: Callable[[], Broker]
) -> None:
    own = make_broker()
    async with Client_of(city, own) as (client, running):
        running.__exit__(None, None, None)
        serial = client.send(0x0200, a_location())
        with pytest.raises(TimeoutError):
            await client.answer(within=1.5)
        with own.running():
            found = await client.answer(within=15)
            assert found.body.values["reply_serial"] == serial


@asynccontextmanager
async def Client_of(city: str, own: Broker) -> AsyncIterator[tuple[Client, object]]:  # noqa: N802
    running = own.running()
    running.__enter__()
    async with gateway_of(city, own.url("gateway")) as gateway, Client(gateway.ports["jt808"]) as client:
        await client.come_in()
        yield client, running


async def test_commands_reach_terminals_and_their_answers_the_table(city: str, broker: Broker) -> None:
    def order(kind: str, body: str, seconds: float = 30) -> str:
        return str(
            ask(
                city,
                """INSERT INTO device_command (device_id, kind, body, expires_at)
                   SELECT id, %s, %s::jsonb, now() + %s * interval '1 s' FROM device WHERE key = 'd0'
                   RETURNING id""",
                *(kind, body, seconds),
            )[0][0]
        )

    def state(command_id: str) -> tuple[str, str | None]:
        return ask(city, "SELECT state, result FROM device_command WHERE id = %s", command_id)[0]  # type: ignore[return-value]

    async with (
        gateway_of(city, broker.url("gateway"), command_every_s=0.5) as gateway,
        Client(gateway.ports["jt808"]) as client,
    ):
        await client.come_in()
        text = order("text", json.dumps({"text": "请到望川路"}))
        asked = await client.answer()
        assert (asked.kind, asked.body.values["text"]) == ("text", "请到望川路")
        client.send(0x0001, asked.header.serial.to_bytes(2) + b"\x83\x00\x00")
        locate, silent = order("locate", "{}"), order("locate", "{}", 1)
        first = await client.answer()
        assert first.kind == (await client.answer()).kind == "locate_now"
        assert (
            await client.acknowledged(client.send(0x0201, first.header.serial.to_bytes(2) + a_location()))
            == 0
        )
        wanted = {text: ("done", "0"), locate: ("done", "located"), silent: ("expired", None)}
        for command_id, told in wanted.items():
            await asyncio.to_thread(wait_for, lambda c=command_id, t=told: state(c) == t, 10)  # type: ignore[misc]


async def test_osmand_needs_id_and_token(city: str, broker: Broker, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    place = {"lat": scene.SOUTH + 0.0004, "lon": scene.WEST + 0.0005, "timestamp": int(now.timestamp())}
    coords = {"latitude": place["lat"], "longitude": place["lon"], "speed": 3.5}
    body = {"device_id": "d2", "location": {"timestamp": now.isoformat(), "coords": coords}}
    with ingesting(city, broker.url("ingest"), tmp_path):
        async with gateway_of(city, broker.url("gateway")) as gateway, httpx.AsyncClient() as http:
            url = f"http://127.0.0.1:{gateway.ports['http']}/osmand"
            query = place | {"id": "d1", "speed": 10}
            statuses = [
                (await http.get(url, params=query | {"token": "right"})).status_code,
                (await http.post(url, json=body, headers={"Authorization": "Bearer right"})).status_code,
                (await http.get(url, params=query | {"token": "wrong"})).status_code,
                (await http.get(url, params=query | {"id": "nobody", "token": "right"})).status_code,
                (await http.get(url, params=place | {"token": "right"})).status_code,
                (await http.get(url + "/elsewhere")).status_code,
                (await http.post(url, content=b"x" * 300_000)).status_code,
            ]
            assert statuses == [200, 200, 401, 401, 400, 404, 413]
            await asyncio.to_thread(wait_for, lambda: len(fixes_of(city, "d1", "d2")) == 2, 10)
    assert fixes_of(city, "d1", "d2") == [("d1", 5.144), ("d2", 3.5)]


async def test_nmea_over_tcp_after_a_login(city: str, broker: Broker, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    rmc = f"GNRMC,{now:%H%M%S}.00,A,3030.0240,N,12000.0300,E,10.0,90.0,{now:%d%m%y},,,A"
    with ingesting(city, broker.url("ingest"), tmp_path):
        async with gateway_of(city, broker.url("gateway")) as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ports["nmea"])
            writer.write(b"d3 right\r\n" + sentence(rmc))
            assert await reader.readline() == b"OK\r\n"
            await asyncio.to_thread(wait_for, lambda: len(fixes_of(city, "d3")) == 1, 10)
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ports["nmea"])
            writer.write(b"d3 wrong\r\n")
            assert await reader.read() == b"REFUSED\r\n"
            writer.close()
