"""The simulator on a small city of its own: people keep to their grids, vehicles to their routes."""

import threading
import time
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import psycopg
import pytest
import shapely
from paho.mqtt.client import Client, MQTTMessage

from command_center.processes.broker import Broker
from ingest.mqtt_source import make_client
from ingest.simulator.fleet import Fleet
from ingest.simulator.plane import Plane, Polylines, split_at_crossings
from ingest.simulator.runner import simulate
from ingest.simulator.settings import SimulatorSettings
from ingest.simulator.world import Turns, World, read_world

STILL = SimulatorSettings(
    leaves_per_minute=0, losses_per_minute=0, speedings_per_minute=0, parkings_per_minute=0
)
GRID = 1e-3
"""Degrees between the streets of the test city, about 100 m."""


@pytest.fixture
def town(database_url: str) -> str:
    """Streets in squares, one responsibility grid of 4 x 4 blocks, 20 inspectors, one truck route."""
    with psycopg.connect(database_url) as connection:
        for k in range(13):
            for line in (
                [(120 + GRID * k, 30 + GRID * j) for j in range(13)],
                [(120 + GRID * j, 30 + GRID * k) for j in range(13)],
            ):
                connection.execute(
                    "INSERT INTO road (name, road_class, source, source_key, geom)"
                    " VALUES ('t', 'residential', 't', %s, ST_GeomFromText(%s, 4326))",
                    (str(line), shapely.MultiLineString([line]).wkt),
                )
        box = shapely.box(120 + 4 * GRID, 30 + 4 * GRID, 120 + 8 * GRID, 30 + 8 * GRID)
        (grid,) = connection.execute(
            "INSERT INTO responsibility_grid (code, name, area_code, valid_from, geom)"
            " VALUES ('g', 'g', '990102001', '2024-01-01', ST_Multi(ST_GeomFromText(%s, 4326))) RETURNING id",
            (box.wkt,),
        ).fetchone() or (0,)
        (route,) = connection.execute(
            "INSERT INTO route (code, name, area_code, geom)"
            " VALUES ('r', 'r', '990102', ST_GeomFromText(%s, 4326)) RETURNING id",
            (
                shapely.LinearRing(
                    shapely.box(120, 30, 120 + 12 * GRID, 30 + 12 * GRID).exterior
                ).wkt.replace("LINEARRING", "LINESTRING"),
            ),
        ).fetchone() or (0,)
        (org,) = connection.execute(
            "INSERT INTO org_unit (code, name, kind, area_code) VALUES ('o', 'o', 'x', '990102') RETURNING id"
        ).fetchone() or (0,)
        now = datetime.now(UTC)
        kinds = ["inspector"] * 20 + ["sanitation", "slag_truck", "enforcement"]
        for number, kind in enumerate(kinds):
            key = f"{'ins' if kind == 'inspector' else 'veh'}{number:04d}"
            (device,) = connection.execute(
                "INSERT INTO device (key, unit_kind, area_code, org_unit_id, period_s)"
                " VALUES (%s, %s, '990102', %s, 2) RETURNING id",
                (key, kind, org),
            ).fetchone() or (0,)
            connection.execute(
                "INSERT INTO roster (device_id, starts_at, ends_at, responsibility_grid_id, route_id)"
                " VALUES (%s, %s, %s, %s, %s)",
                (device, now - timedelta(hours=1), now + timedelta(hours=7),
                 grid if kind == "inspector" else None, None if kind == "inspector" else route),
            )  # fmt: skip
    return database_url


@pytest.fixture
def world(town: str) -> tuple[World, Turns]:
    return read_world(town)


def _off_grid(fleet: Fleet, world: World) -> np.ndarray:
    grid = next(iter(world.beats.values())).grid
    return np.asarray(shapely.distance(grid, shapely.points(fleet.walkers.place)))


def test_inspectors_stay_at_their_streets(world: tuple[World, Turns]) -> None:
    start = time.time()
    fleet = Fleet(*world, STILL, start)
    fleet._first_leaves = np.empty(0)
    before = fleet.walkers.place.copy()
    for second in range(1, 900):
        list(fleet.step(start + second))
        assert _off_grid(fleet, world[0]).max() < 15.0
    assert np.median(np.hypot(*(fleet.walkers.place - before).T)) > 50.0


def test_one_who_leaves_goes_beyond_the_buffer_and_comes_back(world: tuple[World, Turns]) -> None:
    start = time.time()
    fleet = Fleet(*world, STILL, start)
    fleet._first_leaves = np.empty(0)
    list(fleet.step(start + 1))
    assert fleet.walkers.leave(3, start + 1)
    farthest = 0.0
    for second in range(2, 1_500):
        list(fleet.step(start + second))
        farthest = max(farthest, float(_off_grid(fleet, world[0])[3]))
    assert 60.0 < farthest < 260.0
    assert _off_grid(fleet, world[0])[3] < 15.0
    assert fleet.walkers.away() == 0


def test_vehicles_keep_to_route_and_speed(world: tuple[World, Turns]) -> None:
    start = time.time()
    fleet = Fleet(*world, STILL, start)
    line = shapely.LineString(world[0].routes.xy)
    places = []
    for second in range(1, 600):
        list(fleet.step(start + second))
        places.append(fleet.vehicles.place.copy())
        assert shapely.distance(line, shapely.points(fleet.vehicles.place)).max() < 5.0
        assert fleet.vehicles.speed.max() <= 28 / 3.6 + 0.1
    assert np.ptp(np.array(places), axis=0).max(axis=1).min() > 100.0


def test_same_seed_and_start_make_the_same_messages(world: tuple[World, Turns]) -> None:
    start = float(int(time.time()))

    def play() -> list[object]:
        fleet = Fleet(*world, SimulatorSettings(), start)
        return [message for second in range(1, 120) for message in fleet.step(start + second)]

    assert play() == play()


def test_what_a_silent_unit_measured_is_sent_on_its_return(world: tuple[World, Turns]) -> None:
    start = float(int(time.time()))
    fleet = Fleet(*world, STILL, start)
    truck = [device.kind for device in fleet.devices].index("slag_truck")
    key = fleet.devices[truck].key
    sent: dict[int, list[bytes]] = {}
    for second in range(1, 60):
        if second == 10:
            fleet._silent_until[truck] = start + 40
        for message in fleet.step(start + second):
            if message.topic == f"wanmi/v1/{key}/nmea":
                sent.setdefault(second, []).append(message.payload)
    assert not [second for second in sent if 10 < second < 40]
    first = min(second for second in sent if second >= 40)
    assert sent[first][0].count(b"RMC") >= 14


def test_a_restart_goes_on_where_the_unit_was_seen(town: str) -> None:
    with psycopg.connect(town) as connection:
        connection.execute(
            "INSERT INTO device_state (device_id, fix_time, received_at, lon, lat, battery_pct, changed_xid)"
            " SELECT id, now(), now(), %s, %s, 64, 1 FROM device WHERE key = 'ins0004'",
            (120 + 5 * GRID, 30 + 6.4 * GRID),
        )
    world, turns = read_world(town)
    fleet = Fleet(world, turns, STILL, time.time())
    number = [device.key for device in fleet.devices].index("ins0004")
    seen = world.plane.to_metres(np.array([[120 + 5 * GRID, 30 + 6.4 * GRID]]))[0]
    assert np.hypot(*(fleet.walkers.place[number] - seen)) < 10.0


def test_messages_reach_a_broker_that_was_away(town: str, make_broker: object) -> None:
    broker: Broker = make_broker()  # type: ignore[operator]
    got: list[MQTTMessage] = []
    with broker.running():
        # Subscribed before anything is sent: the session keeps what comes while it is away.
        _leave(_listener(broker, got))
    stop = threading.Event()
    # No lost signals: a unit that is silent by chance would be waited for in vain.
    settings = STILL.model_copy(update={"mqtt_url": broker.url("simulator"), "tick_s": 0.2})
    thread = threading.Thread(target=simulate, args=(town, settings, stop))
    thread.start()
    time.sleep(1.0)
    try:
        with broker.running():
            client = _listener(broker, got)
            deadline = time.monotonic() + 60
            while len(_carriers(got)) < 23 and time.monotonic() < deadline:
                time.sleep(0.1)
            _leave(client)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    assert len(_carriers(got)) == 23
    online = [m for m in got if m.topic.endswith("/status")]
    assert online
    assert all(msgspec.json.decode(m.payload) == {"online": True} for m in online)


def _listener(broker: Broker, got: list[MQTTMessage]) -> Client:
    client, host, port = make_client(broker.url("ingest"), "listener", clean_session=False)
    client.manual_ack_set(False)
    subscribed = threading.Event()
    client.on_connect = lambda c, *_: c.subscribe([("wanmi/v1/+/+", 1), ("owntracks/+/+", 1)])
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _c, _u, message: got.append(message)
    client.connect(host, port)
    client.loop_start()
    assert subscribed.wait(20)
    return client


def _leave(client: Client) -> None:
    client.disconnect()
    client.loop_stop()


def _carriers(got: list[MQTTMessage]) -> set[str]:
    return {m.topic.split("/")[2] for m in got if not m.topic.endswith("/status")}


def test_lines_are_cut_where_they_share_a_vertex() -> None:
    cross = [
        np.array([[0.0, 0], [1, 0], [2, 0]]),
        np.array([[1.0, -1], [1, 0], [1, 1]]),
        np.array([[5.0, 5], [6, 6], [7, 5]]),
    ]
    pieces, labels = split_at_crossings(cross, ["a", "b", "c"])
    assert [len(piece) for piece in pieces] == [2, 2, 2, 2, 3]
    assert labels == ["a", "a", "b", "b", "c"]


def test_places_along_lines() -> None:
    lines = Polylines([np.array([[0.0, 0], [10, 0], [10, 5]]), np.array([[0.0, 100], [0, 107]])])
    place, direction, _ = lines.at(np.array([0, 0, 1, 1]), np.array([4.0, 12.0, 3.0, 99.0]))
    assert place.tolist() == [[4, 0], [10, 2], [0, 103], [0, 107]]
    assert direction.tolist() == [[1, 0], [0, 1], [0, 1], [0, 1]]
    plane = Plane(120, 30)
    spot = np.array([[120.03, 30.02]])
    assert plane.to_lonlat(plane.to_metres(spot)) == pytest.approx(spot, abs=1e-9)


def test_rosters_that_ran_out_are_prolonged(town: str) -> None:
    with psycopg.connect(town) as connection:
        connection.execute(
            "UPDATE roster SET starts_at = starts_at - interval '40 days',"
            " ends_at = ends_at - interval '40 days'"
        )
    _, turns = read_world(town)
    with psycopg.connect(town) as connection:
        (many,) = connection.execute("SELECT count(*) FROM roster").fetchone() or (0,)
        read_world(town)
        assert connection.execute("SELECT count(*) FROM roster").fetchone() == (many,)
        assert connection.execute("SELECT count(*) FROM roster WHERE ends_at > now()").fetchone() != (0,)
    assert len(turns.by_device) == 23
