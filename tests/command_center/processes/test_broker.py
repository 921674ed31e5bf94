"""The broker: who may say what, and that a changed token takes effect at once."""

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from command_center.processes.broker import BadDeviceKey, Broker
from command_center.processes.doctor import backlog


class Client:
    """A paho client that remembers what happened to it."""

    def __init__(self, url: str, *, will: tuple[str, bytes] | None = None) -> None:
        parts = urlsplit(url)
        self.heard: list[tuple[str, bytes]] = []
        self.answers: list[list[bool]] = []
        self.refused: bool | None = None
        self.gone = threading.Event()
        self._answered = threading.Event()
        self._mqtt = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=secrets.token_hex(8), reconnect_on_failure=False
        )
        self._mqtt.username_pw_set(parts.username, parts.password)
        if will:
            self._mqtt.will_set(will[0], will[1], qos=1)
        self._mqtt.on_connect = self._connected
        self._mqtt.on_disconnect = lambda *_: self.gone.set()
        self._mqtt.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )
        self._mqtt.on_subscribe = lambda _client, _data, _mid, codes, _properties: self.answers.append(
            [not code.is_failure for code in codes]
        )
        self._mqtt.connect(parts.hostname or "", parts.port or 0)
        self._mqtt.loop_start()
        assert self._answered.wait(5)

    def _connected(
        self, _client: object, _data: object, _flags: object, code: ReasonCode, _p: object
    ) -> None:
        self.refused = code.is_failure
        self._answered.set()

    def subscribe(self, topic: str, qos: int) -> bool:
        """Whether the broker granted it."""
        before = len(self.answers)
        self._mqtt.subscribe(topic, qos)
        assert soon(lambda: len(self.answers) > before)
        return self.answers[before][0]

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        self._mqtt.publish(topic, payload, qos).wait_for_publish(5)

    def cut(self) -> None:
        """End without a farewell, as a device that loses its signal."""
        connection = self._mqtt.socket()
        assert isinstance(connection, socket.socket)
        connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


def soon(happened: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(url: str, **options: tuple[str, bytes]) -> Client:
        clients.append(Client(url, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def listener(broker: Broker, connect: Callable[..., Client]) -> Client:
    """The ingest user, hearing everything devices may say."""
    client = connect(broker.url("ingest"))
    for topic in ("owntracks/+/+", "wanmi/v1/+/fix", "wanmi/v1/+/nmea", "wanmi/v1/+/status"):
        assert client.subscribe(topic, 1)
    return client


def test_a_device_is_heard_on_its_own_topics_only(
    broker: Broker, listener: Client, connect: Callable[..., Client], device_url: Callable[[str], str]
) -> None:
    broker.credentials.issue("other")
    device = connect(device_url("own"))
    for qos in (0, 1):
        device.publish("wanmi/v1/other/fix", b"forged", qos)
        device.publish("owntracks/anyone/other", b"forged", qos)
        device.publish("wanmi/v1/other/status", b"forged", qos)
        device.publish("wanmi/v1/own/fix", b"true", qos)
        device.publish("owntracks/anyone/own", b"true", qos)
        device.publish("wanmi/v1/own/nmea", b"true", qos)
    assert soon(lambda: len(listener.heard) == 6)
    time.sleep(0.2)
    assert {payload for _, payload in listener.heard} == {b"true"}


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize(
    "topic",
    [
        *("#", "wanmi/#", "wanmi/v1/+/fix", "wanmi/v1/other/fix", "owntracks/#", "owntracks/+/other"),
        *("wanmi/v1/other/command", "wanmi/v1/+/command", "$MQTT/sub/#", "$SYS/#", "$JS/#", "_INBOX/#"),
    ],
)
def test_a_device_may_not_listen_to_others(
    topic: str, qos: int, connect: Callable[..., Client], device_url: Callable[[str], str]
) -> None:
    assert not connect(device_url("own")).subscribe(topic, qos)


def test_a_device_hears_its_commands(
    listener: Client, connect: Callable[..., Client], device_url: Callable[[str], str]
) -> None:
    device = connect(device_url("own"))
    assert device.subscribe("wanmi/v1/own/command", 0)
    listener.publish("wanmi/v1/other/command", b"not for it")
    listener.publish("wanmi/v1/own/command", b"report")
    assert soon(lambda: bool(device.heard))
    assert device.heard == [("wanmi/v1/own/command", b"report")]


def test_a_last_will_obeys_the_same_rights(
    broker: Broker, listener: Client, connect: Callable[..., Client], device_url: Callable[[str], str]
) -> None:
    broker.credentials.issue("other")
    good = connect(device_url("own"), will=("wanmi/v1/own/status", b"lost"))
    evil = connect(device_url("evil"), will=("wanmi/v1/other/status", b"forged"))
    evil.cut()
    good.cut()
    assert soon(lambda: ("wanmi/v1/own/status", b"lost") in listener.heard)
    time.sleep(0.2)
    assert b"forged" not in {payload for _, payload in listener.heard}


def test_a_device_token_does_not_open_the_brokers_native_protocol(broker: Broker) -> None:
    token = broker.credentials.issue("native")
    with socket.create_connection(("127.0.0.1", broker.nats_port), timeout=5) as connection:
        connection.recv(4096)
        login = f'CONNECT {{"user":"native","pass":"{token}","verbose":true}}\r\nPING\r\n'
        connection.sendall(login.encode())
        assert b"Authorization Violation" in connection.recv(4096)


def test_a_new_token_voids_the_old_one_and_ends_its_connection(
    broker: Broker, connect: Callable[..., Client], device_url: Callable[[str], str]
) -> None:
    old = device_url("rotated")
    device = connect(old)
    new = device_url("rotated")
    assert device.gone.wait(5)
    assert connect(old).refused
    assert not connect(new).refused


def test_a_revoked_device_is_out(
    broker: Broker, connect: Callable[..., Client], device_url: Callable[[str], str]
) -> None:
    url = device_url("revoked")
    device = connect(url)
    assert broker.credentials.revoke("revoked")
    assert not broker.credentials.revoke("revoked")
    assert device.gone.wait(5)
    assert connect(url).refused


def test_writers_at_the_same_time_lose_nothing(broker: Broker) -> None:
    keys = [f"crowd-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: broker.credentials.issue(key), keys))
    assert set(keys) <= set(broker.credentials.list())
    broker.credentials.keep_only(set(broker.credentials.list()) - set(keys))
    assert not set(keys) & set(broker.credentials.list())


@pytest.mark.parametrize(
    "key", ["", "a.b", "a b", "a/b", "#", "+", "*", ">", "ingest", "simulator", "x" * 65]
)
def test_a_key_that_could_widen_a_grant_is_refused(broker: Broker, key: str) -> None:
    with pytest.raises(BadDeviceKey):
        broker.credentials.issue_many(["fine", key])
    assert "fine" not in broker.credentials.list()


def test_files_with_tokens_are_private(broker: Broker) -> None:
    broker.credentials.issue("private")
    for name in ("devices.json", "users.conf", "services.json"):
        assert (broker.folder / name).stat().st_mode & 0o077 == 0


def test_messages_for_an_absent_ingest_outlive_a_kill_of_the_broker(
    make_broker: Callable[[], Broker], connect: Callable[..., Client]
) -> None:
    broker = make_broker()
    session = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="ingest-test", clean_session=False)
    session.username_pw_set("ingest", broker.service_passwords["ingest"])
    heard: list[bytes] = []
    granted = threading.Event()
    session.on_subscribe = lambda *_: granted.set()
    session.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    with broker.running():
        session.connect("127.0.0.1", broker.mqtt_port)
        session.loop_start()
        session.subscribe("wanmi/v1/+/fix", 1)
        assert granted.wait(5)
        session.disconnect()
        session.loop_stop()
        device = connect(broker.url("d", broker.credentials.issue("d")))
        for number in range(50):
            device.publish("wanmi/v1/d/fix", str(number).encode())
        pid = int(broker.pid_file.read_text())
        os.kill(pid, signal.SIGKILL)
        assert device.gone.wait(5)
    with broker.running():
        assert backlog(broker.monitor_port).found.startswith("50 + 0")
        session.connect("127.0.0.1", broker.mqtt_port)
        session.loop_start()
        assert soon(lambda: len(heard) == 50)
        session.disconnect()
        session.loop_stop()
    assert heard == [str(number).encode() for number in range(50)]
