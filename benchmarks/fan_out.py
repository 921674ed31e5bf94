"""One hub, many walls: how late positions are, and what they cost, over real sockets."""

import asyncio
import json
import multiprocessing
import os
import random
import statistics
import time
from typing import Any

import numpy as np
import psutil
import uvicorn
import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from command_center.live.clients import Client, Clients
from command_center.live.frames import HEADER, Frame, encode_frame
from command_center.live.table import UnitTable
from command_center.live.viewport import Reach, Viewport
from command_center.processes.machine import free_port
from tracking.live import ChangedState, LiveUnit
from tracking.models import UNIT_KINDS

CENTRE = (120.0, 30.5)
SPREAD = 0.2
EVERYBODY = Reach((("", None),))


def new_units(count: int) -> list[LiveUnit]:
    return [LiveUnit(n + 1, UNIT_KINDS[n % 4], "990102001001", 1, 10) for n in range(count)]  # type: ignore[arg-type]


def moved(units: list[LiveUnit], chance: np.random.Generator) -> list[ChangedState]:
    """Every unit somewhere, now."""
    lon = CENTRE[0] + chance.uniform(-SPREAD, SPREAD, len(units))
    lat = CENTRE[1] + chance.uniform(-SPREAD, SPREAD, len(units))
    now = time.time()
    return [
        ChangedState(unit.id, x, y, 90.0, 5.0, now)
        for unit, x, y in zip(units, lon.tolist(), lat.tolist(), strict=True)
    ]


def served(units_count: int, changing: float) -> FastAPI:
    """The hub's own parts without a database: each second a share of the units moves."""
    app = FastAPI()
    clients, units = Clients(), new_units(units_count)
    table, chance = UnitTable(units), np.random.default_rng(1)
    table.advance(moved(units, chance), time.time(), ())
    ticks: list[float] = []

    async def tick_for_ever() -> None:
        seq, loop = 0, asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += 1
            await asyncio.sleep(max(0, due - loop.time()))
            seq += 1
            changes = moved(random.sample(units, int(len(units) * changing)), chance)
            began = time.perf_counter()
            step = table.advance(changes, time.time(), ())
            clients.deliver_frames(table, step, seq, loop.time())
            ticks.append(time.perf_counter() - began)

    @app.websocket("/ws")
    async def follow(socket: WebSocket) -> None:
        await socket.accept()
        if not hasattr(app.state, "ticking"):
            app.state.ticking = asyncio.create_task(tick_for_ever())
        asked = json.loads(await socket.receive_text())
        west, south, east, north = asked["bbox"]
        client = Client(1, EVERYBODY, EVERYBODY)
        client.view = Viewport.around(west, south, east, north, asked["zoom"])
        clients.all.add(client)
        try:
            while True:
                for message in await client.outbox.drain():
                    assert isinstance(message, bytes)
                    await socket.send_bytes(message)
        except WebSocketDisconnect:
            return
        finally:
            clients.all.discard(client)

    @app.get("/ticks")
    async def read_ticks() -> list[float]:
        return ticks

    return app


def serve(port: int, units: int, changing: float) -> None:
    uvicorn.run(
        served(units, changing), port=port, log_config=None, loop="uvloop", ws="websockets-sansio",
        ws_per_message_deflate=False,
    )  # fmt: skip


async def listen(port: int, count: int, seconds: float) -> tuple[list[float], int]:
    """Delays of frames at ``count`` walls with views of their own, and the bytes they got."""
    delays: list[float] = []
    taken = 0
    ends_at = time.time() + seconds + count / 200

    async def wall(n: int) -> None:
        nonlocal taken
        chance = random.Random(n)
        west, south = CENTRE[0] + chance.uniform(-0.15, 0.1), CENTRE[1] + chance.uniform(-0.15, 0.1)
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws", compression=None, max_size=None) as socket:
            await socket.send(json.dumps({"bbox": [west, south, west + 0.05, south + 0.03], "zoom": 14}))
            while time.time() < ends_at:
                message = await socket.recv()
                delays.append(time.time() - HEADER.unpack_from(message)[6] / 1000)  # type: ignore[arg-type]
                taken += len(message)

    async def later(n: int) -> None:
        await asyncio.sleep(n / 200)
        await wall(n)

    await asyncio.gather(*(later(n) for n in range(count)))
    return delays, taken


def measure(
    *, clients: int = 500, units: int = 5_000, changing: float = 0.3, seconds: float = 15
) -> dict[str, Any]:
    """Delays and cost of one serving process; listening happens in this one, on the same machine."""
    port = free_port()
    server = multiprocessing.get_context("spawn").Process(
        target=serve, args=(port, units, changing), daemon=True
    )
    server.start()
    assert server.pid is not None
    try:
        while True:
            try:
                asyncio.run(listen(port, 1, 0.5))
                break
            except OSError:
                time.sleep(0.2)
        process = psutil.Process(server.pid)
        cpu, began = process.cpu_times(), time.time()
        delays, taken = asyncio.run(listen(port, clients, seconds))
        spent, wall_s = process.cpu_times(), time.time() - began
        cuts = statistics.quantiles(delays, n=100)
        frame = encode_ceiling(units)
        return {
            "clients": clients,
            "units": units,
            "frames_per_s": len(delays) / wall_s,
            "mb_per_s": taken / wall_s / 1e6,
            "delay_ms": {"p50": cuts[49] * 1000, "p95": cuts[94] * 1000, "p99": cuts[98] * 1000},
            "server_cpu": (spent.user + spent.system - cpu.user - cpu.system) / wall_s,
            "server_mb": process.memory_info().rss / 1e6,
            "encode_full_ms": frame,
            "cores": os.cpu_count(),
        }
    finally:
        server.terminate()
        server.join(10)


def encode_ceiling(count: int) -> float:
    """Milliseconds to encode all units once: what each distinct view would cost without a viewport."""
    table = UnitTable(units := new_units(count))
    table.advance(moved(units, np.random.default_rng(1)), time.time(), ())
    view = Viewport.around(-180, -90, 180, 90, 0)
    began = time.perf_counter()
    for seq in range(20):
        frame: Frame = table.full(EVERYBODY, view, seq)
        encode_frame(frame)
    return (time.perf_counter() - began) / 20 * 1000


def report(figures: dict[str, Any]) -> list[tuple[str, str]]:
    delay = figures["delay_ms"]
    return [
        ("大屏 walls", f"{figures['clients']}, each with a view of its own; {figures['units']} units"),
        ("帧 frames", f"{figures['frames_per_s']:,.0f}/s, {figures['mb_per_s']:.2f} MB/s"),
        ("延迟 delay", f"p50 {delay['p50']:.0f} ms, p95 {delay['p95']:.0f} ms, p99 {delay['p99']:.0f} ms"),
        ("服务进程 server", f"{figures['server_cpu']:.0%} of a core, {figures['server_mb']:.0f} MB"),
        ("编码全部 encode all units once", f"{figures['encode_full_ms']:.2f} ms"),
    ]
