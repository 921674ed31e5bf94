"""JT/T 808 terminals that are connected and mostly silent, on one gateway process.

``python -m benchmarks.idle_terminals --url postgresql://… --mqtt mqtt://… [--count 10000]`` starts a gateway
of its own, lets that many terminals register and authenticate, and tells memory and processor time while each
sends a heartbeat a minute; then how soon one location is answered amid them.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import time
from datetime import UTC, datetime
from functools import partial

import psutil
import psycopg

from gis_core.identity.secrets import Keyring
from ingest.gateway.runner import Gateway
from ingest.gateway.settings import GatewaySettings
from ingest.jt808 import framing, header, location
from ingest.jt808 import message as messages
from ingest.jt808.framing import Deframer
from ingest.jt808.message import Message
from tracking.clock import now_us
from tracking.fix import Fix

SECRET = "5e" * 32
FIRST = 13_900_000_000


def serve(database_url: str, mqtt_url: str, ports: "multiprocessing.Queue[int]") -> None:
    """The gateway, until it is ended."""

    async def run() -> None:
        settings = GatewaySettings(connections=100_000, login_within_s=600)
        gateway = Gateway(settings, database_url, mqtt_url, Keyring(SECRET))
        task = asyncio.create_task(gateway.run(asyncio.Event()))
        await gateway.ready.wait()
        ports.put(gateway.ports["jt808"])
        await task

    import uvloop

    uvloop.run(run())


class Terminal(asyncio.Protocol):
    """Registers, authenticates, then beats."""

    def __init__(self, number: int, done: asyncio.Future[None]) -> None:
        self._number, self._done, self._serial = str(number), done, 0
        self._deframer = Deframer()
        self.answered = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.send(0x0100, b"\0" * 36 + b"\x01A")

    def data_received(self, data: bytes) -> None:
        for content in self._deframer.feed(data):
            found = messages.read(content) if isinstance(content, bytes) else None
            if not isinstance(found, Message):
                continue
            if found.kind == "register_reply":
                self.send(0x0102, str(found.body.values["auth_code"]).encode())
            elif not self._done.done():
                self._done.set_result(None)
            else:
                self.answered.set()

    def send(self, message_id: int, body: bytes = b"") -> None:
        self._serial += 1
        plain = header.join(message_id, body, version=2013, terminal=self._number, serial=self._serial)
        self._transport.write(framing.wrap(plain))  # type: ignore[attr-defined]


def _itself(terminal: Terminal) -> Terminal:
    return terminal


async def drive(port: int, count: int, gateway: psutil.Process) -> None:
    loop = asyncio.get_running_loop()
    before = gateway.memory_info().rss
    began = time.monotonic()
    terminals: list[Terminal] = []
    for first in range(0, count, 500):
        waits = []
        for number in range(first, min(first + 500, count)):
            done = loop.create_future()
            terminal = Terminal(FIRST + number, done)
            await loop.create_connection(partial(_itself, terminal), "127.0.0.1", port)
            terminals.append(terminal)
            waits.append(done)
        await asyncio.wait_for(asyncio.gather(*waits), 60)
    took = time.monotonic() - began
    memory = (gateway.memory_info().rss - before) / 2**20
    print(f"{count:,} terminals in and authenticated in {took:.1f} s ({count / took:,.0f}/s)")
    print(f"memory: {memory:.0f} MB more, {memory * 1024 / count:.1f} kB a terminal")
    cpu, began = sum(gateway.cpu_times()[:2]), time.monotonic()
    beats = asyncio.create_task(beat(terminals, 60 / count))
    waited: list[float] = []
    for index in range(30):
        terminal = terminals[index * (count // 30)]
        terminal.answered.clear()
        at = time.monotonic()
        moment = datetime.now(UTC)
        terminal.send(0x0200, location.write(Fix(now_us(), 120.0, 30.5), moment))
        await asyncio.wait_for(terminal.answered.wait(), 20)
        waited.append(time.monotonic() - at)
        await asyncio.sleep(0.5)
    beats.cancel()
    share = (sum(gateway.cpu_times()[:2]) - cpu) / (time.monotonic() - began)
    waited.sort()
    print(f"a heartbeat a minute each: {share:.1%} of a core")
    print(
        f"a location is answered (stored in the broker): p50 {waited[15] * 1000:.0f} ms, "
        f"max {waited[-1] * 1000:.0f} ms"
    )


async def beat(terminals: list[Terminal], pause: float) -> None:
    """One heartbeat after the other, in steps of 50 ms."""
    while True:
        due = 0.0
        for terminal in terminals:
            terminal.send(0x0002)
            due += pause
            if due > 0.05:
                await asyncio.sleep(due)
                due = 0.0


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--mqtt", required=True)
    arguments.add_argument("--count", type=int, default=10_000)
    told = arguments.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with psycopg.connect(told.url, autocommit=True) as connection:
        connection.execute(
            """INSERT INTO device (key, unit_kind, area_code, org_unit_id, terminal_number)
               SELECT 'idle-' || n, 'slag_truck', area_code, org_unit_id, (%s + n)::text
                 FROM generate_series(0, %s - 1) AS n,
                      (SELECT area_code, org_unit_id FROM device LIMIT 1) AS d
               ON CONFLICT DO NOTHING""",
            [FIRST, told.count],
        )
    ports: multiprocessing.Queue[int] = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(told.url, told.mqtt, ports), daemon=True
    )
    process.start()
    try:
        port = ports.get(timeout=60)
        asyncio.run(drive(port, told.count, psutil.Process(process.pid)))
    finally:
        process.terminate()
        process.join(10)
    print(f"open files allowed: {limit:,}; processors: {os.cpu_count()}")


if __name__ == "__main__":
    main()
