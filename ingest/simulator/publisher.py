"""Sends what the units say; survives the broker's absence with a bounded queue."""

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.mqtt_source import make_client
from ingest.simulator.messages import Message

_INFLIGHT = 400
_log = structlog.get_logger(__name__)


class Publisher:
    """QoS 1. Up to ``max_queued`` messages wait while the broker is away; beyond that the newest are
    dropped and counted."""

    def __init__(self, url: str, *, max_queued: int) -> None:
        self._client, self._host, self._port = make_client(url, "wanmi-simulator", clean_session=True)
        self._client.max_inflight_messages_set(_INFLIGHT)
        self._client.max_queued_messages_set(max_queued)
        self._client.reconnect_delay_set(1, 10)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self.sent = 0
        self.dropped = 0

    def start(self) -> None:
        self._client.connect_async(self._host, self._port, keepalive=30)
        self._client.loop_start()

    def send(self, message: Message) -> None:
        info = self._client.publish(message.topic, message.payload, qos=1)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            self.dropped += 1
        else:
            self.sent += 1

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self,
        client: Client,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            _log.warning("broker_refused", reason=str(reason))
        else:
            _log.info("connected", host=self._host, port=self._port)

    def _disconnected(
        self,
        client: Client,
        userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        _log.info("disconnected", reason=str(reason), dropped=self.dropped)
