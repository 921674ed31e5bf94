"""Frames, viewports, outboxes and the delivery to clients, without sockets or database."""

import asyncio
import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_center.live.clients import FULL_EVERY_S, Client, Clients
from command_center.live.frames import UNIT_BYTES, FrameKind, State, decode_frame, encode_frame
from command_center.live.outbox import MAX_ALERTS, AlertMessage, Outbox
from command_center.live.table import UnitTable
from command_center.live.viewport import DEGREE, Reach, Viewport
from tracking.episodes import Alert, PlacedAlert
from tracking.live import ChangedState, LiveUnit

EVERYBODY = Reach((("", None),))
WORLD = Viewport.around(-180, -90, 180, 90, 0)
NOON = 1_780_000_000.0


def unit(key: int, area: str = "990102001", department: int = 1) -> LiveUnit:
    return LiveUnit(key, "inspector", area, department, 30)


def at(
    key: int, lon: float, lat: float = 30.5, *, age_s: float = 0, speed: float | None = 1.0
) -> ChangedState:
    return ChangedState(key, lon, lat, None, speed, NOON - age_s)


def alert(key: int, area: str = "990102001") -> PlacedAlert:
    now = datetime.now(UTC)
    return PlacedAlert(
        Alert(
            id=key, rule="r", severity="info", device_id=1, unit_name="u", unit_name_en=None,
            unit_kind="inspector", opened_at=now, last_seen_at=now, closed_at=None, close_reason=None,
            lon=120, lat=30, last_lon=120, last_lat=30, acknowledged_by=None, acknowledged_at=None,
            handled_by=None, note=None, area_code=area, evidence={},
        ),
        org_unit_id=1,
    )  # fmt: skip


def test_frame_byte_by_byte() -> None:
    table = UnitTable([unit(7)])
    table.advance([ChangedState(7, 120.0000001, -30.5, 359.996, 3.14159, NOON - 61)], NOON, ())
    data = encode_frame(table.full(EVERYBODY, WORLD, 9))
    assert UNIT_BYTES == 20
    assert data == struct.pack("<HBBIIId", 0x4D57, 1, 1, 9, 1, 0, NOON * 1000) + struct.pack(
        "<IiiHHHBB", 7, 1_200_000_001, -305_000_000, 0, 314, 61, 0, State.MOVING
    )


def test_unknown_course_speed_and_great_age() -> None:
    table = UnitTable([unit(1)])
    table.advance([at(1, 120, age_s=1e6, speed=None)], NOON, ())
    columns = table.full(EVERYBODY, WORLD, 1).columns
    assert (columns.course[0], columns.speed[0], columns.age[0]) == (65535, 65535, 65535)


@pytest.mark.parametrize(
    "data", [b"", b"\x57\x4d", bytes(24), struct.pack("<HBBIIId", 0x4D57, 1, 1, 0, 2, 0, 0.0)]
)
def test_what_is_no_frame(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"frame|hold"):
        decode_frame(data)


def test_an_older_fix_changes_nothing() -> None:
    table = UnitTable([unit(1), unit(2)])
    table.advance([at(1, 120)], NOON, ())
    assert len(table.advance([at(1, 121, age_s=5), at(99, 120)], NOON, ()).rows) == 0
    assert table.lon[0] == 120 * DEGREE


def test_state_follows_time_and_alerts() -> None:
    table = UnitTable([unit(1)])
    table.advance([at(1, 120, speed=0.5)], NOON, ())
    assert table.state[0] == State.MOVING
    assert len(table.advance([], NOON + 90, ()).rows) == 0
    assert len(table.advance([], NOON + 90.5, ()).rows) == 1
    assert table.state[0] == State.OFFLINE
    table.advance([], NOON + 91, [1])
    assert table.state[0] == State.ALERT


@given(
    st.floats(-400, 400), st.floats(-100, 100), st.floats(0, 300), st.floats(0, 90), st.floats(-2, 30),
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=8),
)  # fmt: skip
def test_viewport_holds_at_least_its_box(
    west: float, south: float, width: float, height: float, zoom: float, points: list[tuple[float, float]]
) -> None:
    view = Viewport.around(west, south, west + width, south + height, zoom)
    lon = np.array([round(x * DEGREE) for x, _ in points], dtype=np.int32)
    lat = np.array([round(y * DEGREE) for _, y in points], dtype=np.int32)
    held = view.holds(lon, lat)
    for (x, y), inside in zip(points, held, strict=True):
        turns = (x - 720, x - 360, x, x + 360, x + 720)
        if any(west <= turn <= west + width for turn in turns) and south <= y <= south + height:
            assert inside


def test_near_views_are_equal_views() -> None:
    a = Viewport.around(120.001, 30.401, 120.051, 30.441, 13.2)
    assert a == Viewport.around(120.003, 30.402, 120.052, 30.443, 13.7)
    assert a != Viewport.around(120.1, 30.401, 120.151, 30.441, 13.2)


def test_reach() -> None:
    reach = Reach.of({"scope_areas": ["99%", "990102001%"], "scope_org_units": [5, None]})
    assert reach.covers("990102001002", 1)
    assert reach.covers("990103", 5)
    assert not reach.covers("990103", 1)
    assert not Reach.of({"scope_areas": [], "scope_org_units": []}).covers("990102", 1)


def client(reach: Reach = EVERYBODY) -> Client:
    made = Client(1, reach, reach)
    made.view = WORLD
    made.full_at = 1e9
    return made


async def taken(outbox: Outbox) -> list[str | bytes]:
    return await asyncio.wait_for(outbox.drain(), 1)


async def test_slow_client_gets_one_full_frame_and_nothing_piles_up() -> None:
    table = UnitTable([unit(1), unit(2)])
    step = table.advance([at(1, 120), at(2, 120)], NOON, ())
    slow, quick, clients = client(), client(), Clients()
    clients.all |= {slow, quick}
    seen: dict[int, tuple[int, int]] = {}
    for seq in range(50):
        step = table.advance([ChangedState(1, 120 + seq / 100, 30, None, 1, NOON + seq)], NOON + seq, ())
        clients.deliver_frames(table, step, seq, 0.0)
        (frame,) = await taken(quick.outbox)
        assert isinstance(frame, bytes)
        columns = decode_frame(frame).columns
        assert columns.id.tolist() == [1], "quick clients get deltas"
        seen[1] = (int(columns.lon[0]), int(columns.state[0]))
    (frame,) = await taken(slow.outbox)
    assert isinstance(frame, bytes)
    full = decode_frame(frame)
    assert (full.kind, full.columns.id.tolist()) == (FrameKind.FULL, [1, 2])
    assert int(full.columns.lon[0]) == seen[1][0]


async def test_a_full_frame_now_and_then() -> None:
    table, clients, one = UnitTable([unit(1)]), Clients(), client()
    clients.all.add(one)
    one.full_at = 10.0
    kinds = []
    for now in (9.0, 10.0, 11.0, 10.0 + FULL_EVERY_S):
        clients.deliver_frames(table, table.advance([], NOON, ()), 1, now)
        (frame,) = await taken(one.outbox)
        assert isinstance(frame, bytes)
        kinds.append(decode_frame(frame).kind)
    assert kinds == [FrameKind.DELTA, FrameKind.FULL, FrameKind.DELTA, FrameKind.FULL]


async def test_too_many_alerts_mean_a_fresh_start() -> None:
    outbox = Outbox()
    for seq in range(MAX_ALERTS):
        outbox.put_alert(AlertMessage(seq, str(seq)))
    assert not outbox.overflowed
    outbox.put_alert(AlertMessage(MAX_ALERTS, "one too many"))
    assert outbox.overflowed
    assert await taken(outbox) == []


async def test_alerts_keep_their_order_and_their_readers() -> None:
    clients, here, there = Clients(), client(Reach((("990102001", None),))), client(Reach((("31", None),)))
    clients.begin_history(10)
    clients.all |= {here, there}
    for seq in (11, 13, 14):
        clients.deliver_alert(seq, "opened", alert(seq))
    told = [text for text in await taken(here.outbox) if isinstance(text, str)]
    assert [f'"seq":{seq}' in text for seq, text in zip((11, 13, 14), told, strict=True)] == [True] * 3
    assert not there.outbox._ready.is_set()
    clients.resume(here, 12, 14)
    assert len(await taken(here.outbox)) == 2
    for after in (9, 15):
        clients.resume(here, after, 14)
        assert await taken(here.outbox) == ['{"type":"reset"}']
    clients.resume(here, 14, 14)
    assert not here.outbox._ready.is_set()
