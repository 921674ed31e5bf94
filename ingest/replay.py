"""Plays recorded tracks through MQTT, as their vehicles would have sent them."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import psycopg

from gis_core.errors import DomainError, Text
from gis_core.identity.audit import SYSTEM, Entry, append_audit_sync
from gis_core.identity.secrets import Keyring
from ingest.mqtt_source import make_client
from ingest.track_file import TrackPoint
from tracking.clock import datetime_of, now_us
from tracking.sql import psycopg_queries

ORG_CODE = "REPLAY"
IN_FLIGHT = 1_000
TELL_EVERY_S = 0.2
QUERIES = psycopg_queries("ingest", "replay.sql")


class BrokerAway(DomainError):
    status, slug = 503, "broker-away"
    title = Text("无法连接消息服务器", "The broker cannot be reached")
    detail = Text("{host}:{port}：{reason}", "{host}:{port}: {reason}")


class NotRegistered(DomainError):
    status, slug = 422, "devices-not-registered"
    title = Text("设备未登记", "Devices are not registered")
    detail = Text(
        "{count} 个设备没有登记（如 {example}），其定位会被拒绝。请去掉 --no-register。",
        "{count} devices ({example} …) are not registered and would be refused: leave --no-register out.",
    )


class NoOrgUnit(DomainError):
    status, slug = 422, "no-org-unit"
    title = Text("没有这个部门", "No such organisation")
    detail = Text("没有代码为 {code} 的部门。", "There is no organisation with the code {code}.")


def device_key(prefix: str, vehicle: str) -> str:
    """A key that is safe in topics; at most 64 characters."""
    return (prefix + re.sub(r"[^A-Za-z0-9_-]", "-", vehicle))[:64]


def register(
    connection: psycopg.Connection[Any],
    keyring: Keyring,
    keys: Sequence[str],
    *,
    kind: str,
    org_code: str | None,
    place: tuple[float, float],
    period_s: int,
) -> int:
    """Enter the devices that are not there yet, each built into a vehicle named like it; how many.

    They belong to the organisation ``org_code``, or to one made for replays; their area is the
    smallest known one that holds ``place`` (lon, lat), else that of the organisation.
    """
    with connection.transaction():
        if org_code is None:
            connection.execute(QUERIES["ensure_org_unit"], {"code": ORG_CODE})
        org = connection.execute(QUERIES["org_unit"], {"code": org_code or ORG_CODE}).fetchone()
        if org is None:
            raise NoOrgUnit(code=org_code)
        found = connection.execute(QUERIES["district_at"], {"lon": place[0], "lat": place[1]}).fetchone()
        made = connection.execute(
            QUERIES["register"],
            {
                "keys": list(keys),
                "kind": kind,
                "org_unit_id": org[0],
                "area_code": found[0] if found else org[1],
                "period_s": period_s,
            },
        ).rowcount
        if made:
            detail = {"count": made, "first": keys[0], "kind": kind, "by": "replay"}
            append_audit_sync(connection, keyring, Entry(SYSTEM, "device.register", "device", None, detail))
    return made


def require_registered(connection: psycopg.Connection[Any], keys: Sequence[str]) -> None:
    """Raises NotRegistered."""
    strangers = [key for (key,) in connection.execute(QUERIES["strangers"], {"keys": list(keys)})]
    if strangers:
        raise NotRegistered(count=len(strangers), example=strangers[0])


def typical_period_s(points: Iterable[TrackPoint], speed: float) -> int:
    """How often a vehicle reports while played: the upper quartile of the steps, 5 s to 1 h."""
    last: dict[str, int] = {}
    steps: list[int] = []
    for point in points:
        if point.vehicle in last:
            steps.append(point.time_us - last[point.vehicle])
        last[point.vehicle] = point.time_us
    steps.sort()
    step = steps[len(steps) * 3 // 4] if steps else 30_000_000
    return max(5, min(3_600, round(step / 1e6 / speed)))


class Player:
    """Sends each point when it is due; ``speed`` times as fast as it happened."""

    def __init__(self, url: str, *, prefix: str, speed: float, original_time: bool) -> None:
        self._client, self._host, self._port = make_client(
            url, f"wanmi-replay-{now_us():x}", clean_session=True
        )
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.on_publish = self._acknowledge
        self._prefix = prefix
        self._speed = speed
        self._original_time = original_time
        self.sent = 0
        self.acknowledged = 0

    def play(self, points: Sequence[TrackPoint], tell: Callable[[int], None]) -> None:
        """Until the end or KeyboardInterrupt. ``tell`` hears how many were sent. Raises BrokerAway."""
        self._connect()
        first_us, begin_us = points[0].time_us, now_us()
        told_at = 0.0
        try:
            for point in points:
                due_us = begin_us + int((point.time_us - first_us) / self._speed)
                while (ahead_s := (due_us - now_us()) / 1e6) > 0:
                    tell(self.sent)
                    time.sleep(min(ahead_s, TELL_EVERY_S))
                while self.sent - self.acknowledged >= IN_FLIGHT:
                    time.sleep(0.005)
                self._send(point, point.time_us if self._original_time else due_us)
                if time.monotonic() - told_at > TELL_EVERY_S:
                    tell(self.sent)
                    told_at = time.monotonic()
        finally:
            self._finish()
            tell(self.sent)

    def _connect(self) -> None:
        try:
            self._client.connect(self._host, self._port, keepalive=30)
        except OSError as error:
            raise BrokerAway(host=self._host, port=self._port, reason=str(error)) from error
        self._client.loop_start()
        deadline = time.monotonic() + 5
        while not self._client.is_connected():
            if time.monotonic() > deadline:
                self._client.loop_stop()
                raise BrokerAway(host=self._host, port=self._port, reason="CONNECT was refused")
            time.sleep(0.01)

    def _send(self, point: TrackPoint, time_us: int) -> None:
        body: dict[str, Any] = {
            "time": datetime_of(time_us).isoformat(),
            "lon": point.lon,
            "lat": point.lat,
        }
        if point.speed_mps is not None:
            body["speed_mps"] = round(point.speed_mps, 2)
        if point.course_deg is not None:
            body["course_deg"] = point.course_deg
        topic = f"wanmi/v1/{device_key(self._prefix, point.vehicle)}/fix"
        self._client.publish(topic, msgspec.json.encode(body), qos=1)
        self.sent += 1

    def _acknowledge(self, *_: object) -> None:
        self.acknowledged += 1

    def _finish(self) -> None:
        deadline = time.monotonic() + 10
        while self.acknowledged < self.sent and time.monotonic() < deadline:
            time.sleep(0.02)
        self._client.disconnect()
        self._client.loop_stop()
