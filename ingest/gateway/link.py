"""The gateway's connection to the broker: what was published, and when the broker has it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.mqtt_source import KEEPALIVE_S, make_client

Receive = Callable[[str, bytes], None]
Stored = Callable[[], None]

_log = structlog.get_logger(__name__)


class BrokerLink:
    """Publishes at QoS 1 from an event loop; paho's own thread reads and writes.

    What was not confirmed when the connection broke is sent again by paho; it may arrive twice.
    """

    def __init__(self, url: str, client_id: str, topics: Sequence[str], receive: Receive) -> None:
        self._client, self._host, self._port = make_client(url, client_id, clean_session=True)
        self._client.manual_ack_set(False)
        self._client.max_inflight_messages_set(2_000)
        self._client.reconnect_delay_set(1, 5)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._topics = [(topic, 0) for topic in topics]
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, Stored] = {}
        self.connected = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Messages that the broker has not confirmed."""
        return len(self._waiting)

    def start(self) -> None:
        self._client.connect_async(self._host, self._port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    async def stop(self) -> None:
        """Wait a moment for what is on its way, then leave."""
        for _ in range(50):
            if not self._waiting:
                break
            await asyncio.sleep(0.1)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def publish(self, topic: str, payload: bytes, stored: Stored) -> bool:
        """Hand a message over; ``stored`` is called in the event loop when the broker has it.

        False when nothing was handed over: the sender must try again.
        """
        info = self._client.publish(topic, payload, qos=1)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            return False
        self._waiting[info.mid] = stored
        return True

    def send(self, topic: str, payload: bytes) -> None:
        """At most once: for commands, which have their own acknowledgement."""
        self._client.publish(topic, payload, qos=0)

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _props: Properties | None
    ) -> None:
        if reason.is_failure:
            _log.error("broker_refused", reason=str(reason))
            return
        if self._topics:
            client.subscribe(self._topics)
        _log.info("broker_connected", host=self._host, port=self._port)
        self._loop.call_soon_threadsafe(self.connected.set)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._receive, message.topic, bytes(message.payload))

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, _reason: ReasonCode, _props: Properties | None
    ) -> None:
        # The event loop runs this after the turn in which it published: the number is known by then.
        self._loop.call_soon_threadsafe(self._confirmed, mid)

    def _confirmed(self, mid: int) -> None:
        stored = self._waiting.pop(mid, None)
        if stored is not None:
            stored()
