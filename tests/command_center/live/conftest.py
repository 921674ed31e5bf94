"""The application behind a real socket, and a client that keeps what the protocol tells it to keep."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
import websockets
from fastapi import FastAPI

from command_center.live.frames import Frame, FrameKind, State, decode_frame
from command_center.processes.machine import free_port

EVERYWHERE = [119.0, 30.0, 121.0, 31.0]


@pytest_asyncio.fixture
async def socket_url(app: FastAPI) -> AsyncIterator[str]:
    """Address of ``/ws/live`` of an application served on this event loop."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=port,
            lifespan="off",
            log_config=None,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
        )
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"ws://127.0.0.1:{port}/ws/live"
    server.should_exit = True
    await task


Row = tuple[int, int, int, int, int, int]


@dataclass
class Wall:
    """What a client of the protocol knows: the law says it must equal what a reload would show."""

    socket: websockets.ClientConnection
    units: dict[int, Row] = field(default_factory=dict)
    """lon, lat, course, speed, kind, state by unit."""
    alerts: dict[int, dict[str, Any]] = field(default_factory=dict)
    alert_seq: int = 0
    heard: list[dict[str, Any]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def look(self, bbox: list[float], zoom: float = 12) -> Frame:
        """Change the viewport and wait for its full frame."""
        await self.send(type="view", bbox=bbox, zoom=zoom)
        return await self.frame(lambda frame: frame.kind == FrameKind.FULL)

    async def hear(self) -> dict[str, Any] | Frame:
        """Take in one message."""
        message = await asyncio.wait_for(self.socket.recv(), 10)
        if isinstance(message, bytes):
            frame = decode_frame(message)
            self._apply(frame)
            self.frames.append(frame)
            return frame
        told: dict[str, Any] = json.loads(message)
        self.heard.append(told)
        if told["type"] == "welcome":
            self.alerts = {alert["id"]: alert for alert in told["alerts"]}
            self.alert_seq = told["alert_seq"]
        elif told["type"] == "alert":
            self.alert_seq = told["seq"]
            if told["alert"]["closed_at"] is None:
                self.alerts[told["alert"]["id"]] = told["alert"]
            else:
                self.alerts.pop(told["alert"]["id"], None)
        return told

    def _apply(self, frame: Frame) -> None:
        if frame.kind == FrameKind.FULL:
            self.units.clear()
        c = frame.columns
        rows = zip(
            c.id.tolist(), c.lon.tolist(), c.lat.tolist(), c.course.tolist(), c.speed.tolist(),
            c.kind.tolist(), c.state.tolist(), strict=True,
        )  # fmt: skip
        for unit, *values in rows:
            if values[-1] == State.GONE:
                self.units.pop(unit, None)
            else:
                self.units[unit] = tuple(values)

    async def frame(self, wanted: Callable[[Frame], bool] = lambda _: True) -> Frame:
        async with asyncio.timeout(40):
            while True:
                told = await self.hear()
                if isinstance(told, Frame) and wanted(told):
                    return told

    async def message(self, kind: str) -> dict[str, Any]:
        """The next message of this type."""
        async with asyncio.timeout(15):
            while True:
                told = await self.hear()
                if isinstance(told, dict) and told["type"] == kind:
                    return told

    async def until(self, done: Callable[[], Any]) -> None:
        """Listen until something is known."""
        async with asyncio.timeout(15):
            while not done():
                await self.hear()

    async def closed(self) -> int:
        """The code the server closes with."""
        async with asyncio.timeout(15):
            with pytest.raises(websockets.ConnectionClosed) as end:
                await self._hear_for_ever()
        assert end.value.rcvd is not None
        return end.value.rcvd.code

    async def _hear_for_ever(self) -> None:
        while True:
            await self.socket.recv()


Open = Callable[[httpx.AsyncClient | None], AbstractAsyncContextManager[Wall]]


@pytest.fixture
def open_wall(socket_url: str) -> Open:
    """``async with open_wall(client) as wall``: a connection with the client's session."""

    @asynccontextmanager
    async def opened(client: httpx.AsyncClient | None) -> AsyncIterator[Wall]:
        headers = {}
        if client is not None:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        async with websockets.connect(socket_url, additional_headers=headers, compression=None) as socket:
            yield Wall(socket)

    return opened
