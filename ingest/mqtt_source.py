"""Messages from the MQTT broker, acknowledged only when the receiver says so.

One thread owns the client: it reads, and it sends the acknowledgements that the other thread hands
back after COMMIT. A persistent session (clean_session false) keeps at the broker what arrives while
nobody reads.
"""

import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest import topics
from ingest.bulk_client import BulkClient, Published
from ingest.lanes import Lanes
from tracking.clock import now_us

KEEPALIVE_S = 30
CROSSING_S = 5.0
"""A repeat so soon after its acknowledgement has crossed it on the way."""
FEW = 100
PAUSE_S = 0.002
"""After so few messages so long a pause: what comes one by one is read together, which costs less."""

_log = structlog.get_logger(__name__)


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """A message as received. ``delivery`` and ``connection`` name it towards the broker."""

    topic: str
    payload: bytes
    received_us: int
    retained: bool
    delivery: int
    connection: int


def make_client(url: str, client_id: str, *, clean_session: bool) -> tuple[BulkClient, str, int]:
    """A client for ``mqtt://user:password@host:port`` (``mqtts`` for TLS), with host and port."""
    parts = urlsplit(url)
    secure = parts.scheme == "mqtts"
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError(f"not an MQTT URL (mqtt://user:password@host:port): scheme {parts.scheme!r}")
    client = BulkClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=clean_session,
        protocol=MQTTProtocolVersion.MQTTv311,
        manual_ack=True,
    )
    if parts.username is not None:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if secure:
        client.tls_set()
    return client, parts.hostname, parts.port or (8883 if secure else 1883)


class MqttSource:
    """A bounded queue between the broker and the pipeline."""

    def __init__(
        self,
        url: str,
        client_id: str,
        subscriptions: Sequence[str],
        *,
        queue_messages: int,
        queue_bytes: int,
        retry_max_s: float,
    ) -> None:
        self._client, self._host, self._port = make_client(url, client_id, clean_session=False)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._subscriptions = [(topic, 1) for topic in subscriptions]
        self._queue_messages = queue_messages
        self._queue_bytes = queue_bytes
        self._retry_max_s = retry_max_s

        self._ready = threading.Condition()
        self._queue: Lanes[Incoming] = Lanes(lambda message: topics.backlog_of(message.topic))
        self._done: deque[Incoming] = deque()
        """Processed messages whose acknowledgement is still to be sent."""
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

        # Only the client's thread touches these.
        self._connection = 0
        self._unacknowledged: set[int] = set()
        self._acknowledged_at: dict[int, float] = {}
        self.connected = threading.Event()
        """Set while subscribed."""

    def start(self) -> None:
        self._thread.start()

    def take(
        self, max_messages: int, *, first_within_s: float, linger_s: float, max_bytes: int = 2**62
    ) -> list[Incoming]:
        """Up to ``max_messages``, and no more after ``max_bytes``; empty when none came within
        ``first_within_s``.

        After the first message it waits ``linger_s`` for more, so that a batch is worth its COMMIT.
        """
        with self._ready:
            if not self._queue:
                self._ready.wait(first_within_s)
            if not self._queue:
                return []
            deadline = time.monotonic() + linger_s
            while (
                len(self._queue) < max_messages
                and self._queue.bytes < max_bytes
                and not self._stopping.is_set()
            ):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._ready.wait(left)
            return self._queue.take(max_messages, max_bytes)

    def acknowledge(self, messages: Sequence[Incoming]) -> None:
        """Tell the broker that these are safe. What belongs to an earlier connection comes again."""
        self._done.extend(messages)
        self._wake()

    def waiting(self) -> int:
        return len(self._queue)

    def waiting_bytes(self) -> int:
        """Of the payloads."""
        return self._queue.bytes

    def stop(self, timeout_s: float = 5.0) -> None:
        """Send the acknowledgements that are due, then leave the broker; the session stays there."""
        self._stopping.set()
        with self._ready:
            self._ready.notify_all()
        self._wake()
        self._thread.join(timeout_s)

    def _wake(self) -> None:
        try:
            self._wake_writer.send(b"\0")
        except BlockingIOError:
            return  # the thread has wake-ups waiting already

    def _run(self) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            try:
                self._client.connect(self._host, self._port, keepalive=KEEPALIVE_S)
                self._serve()
                pause = 0.1
            except OSError as error:
                _log.warning("broker_away", host=self._host, port=self._port, error=str(error))
            self.connected.clear()
            if not self._stopping.wait(pause * random.uniform(0.75, 1.25)):  # noqa: S311
                pause = min(pause * 2, self._retry_max_s)
        self._leave()

    def _serve(self) -> None:
        """Read and acknowledge until the connection is lost or we are to stop."""
        client = self._client
        while not self._stopping.is_set():
            connection = client.socket()
            if connection is None:
                return
            room = len(self._queue) < self._queue_messages and self._queue.bytes < self._queue_bytes
            readers = [self._wake_reader, connection] if room else [self._wake_reader]
            writers = [connection] if client.want_write() else []
            more = room and not client.drained
            readable, writable, _ = select.select(readers, writers, [], 0 if more else 1.0 if room else 0.05)
            if self._wake_reader in readable:
                self._drain_wakes()
            if more or connection in readable:
                self._read()
            self._send_acknowledgements()
            if writable or client.want_write():
                client.loop_write()
            client.loop_misc()

    def _read(self) -> None:
        now = now_us()
        messages = [
            Incoming(one.topic, one.payload, now, one.retained, one.delivery, self._connection)
            for one in self._client.read_published()
            if self._is_new(one)
        ]
        if messages:
            with self._ready:
                self._queue.put(messages)
                self._ready.notify()
        if len(messages) < FEW:
            time.sleep(PAUSE_S)

    def _is_new(self, message: Published) -> bool:
        """The broker sends again what waits too long for its acknowledgement. We still have it, or have
        acknowledged it while the repeat was on its way. Acknowledged twice, its number could by then stand
        for another message, which would be lost."""
        delivery = message.delivery
        if not delivery:
            return True
        if delivery in self._unacknowledged or (
            message.duplicate and time.monotonic() - self._acknowledged_at.get(delivery, -60.0) < CROSSING_S
        ):
            return False
        self._unacknowledged.add(delivery)
        return True

    def _send_acknowledgements(self) -> None:
        now = time.monotonic()
        deliveries: list[int] = []
        while self._done:
            message = self._done.popleft()
            if message.delivery and message.connection == self._connection:
                deliveries.append(message.delivery)
        if deliveries:
            self._unacknowledged.difference_update(deliveries)
            self._acknowledged_at.update(dict.fromkeys(deliveries, now))
            self._client.acknowledge(deliveries)

    def _leave(self) -> None:
        self._send_acknowledgements()
        deadline = time.monotonic() + 2
        while self._client.socket() is not None and self._client.want_write():
            self._client.loop_write()
            if time.monotonic() > deadline:
                break
        self._client.disconnect()
        self._client.loop_write()

    def _drain_wakes(self) -> None:
        try:
            while self._wake_reader.recv(4096):
                continue
        except BlockingIOError:
            return

    def _on_connect(
        self, client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _props: Properties | None
    ) -> None:
        if reason.is_failure:
            _log.error("broker_refused", reason=str(reason))
            return
        self._connection += 1
        self._unacknowledged.clear()
        self._acknowledged_at.clear()
        client.subscribe(self._subscriptions)
        _log.info("broker_connected", host=self._host, port=self._port, session=flags.session_present)

    def _on_subscribe(
        self, client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _props: Properties | None
    ) -> None:
        refused = [
            topic
            for (topic, _), reason in zip(self._subscriptions, reasons, strict=True)
            if reason.is_failure
        ]
        if refused:
            _log.error("subscription_refused", topics=refused)
            client.disconnect()
        else:
            self.connected.set()
            _log.info("subscribed", topics=[topic for topic, _ in self._subscriptions])

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        self.connected.clear()
        _log.info("broker_disconnected", reason=str(reason))
