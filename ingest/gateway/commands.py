"""Commands to devices: down to the terminal or to its MQTT topic, the answer back into the table."""

import json
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection

from ingest.gateway.door import Door
from tracking.sql import psycopg_queries

QUERIES = psycopg_queries("ingest.gateway", "gateway.sql")
BATCH = 500
LONGEST_RESULT = 500

_log = structlog.get_logger(__name__)


class Commands:
    """``answers`` are collected by ``heard`` and written by ``work``, in the order they came."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._answers: list[dict[str, Any]] = []

    def heard(self, topic: str, payload: bytes) -> None:
        """An acknowledgement ``{"id": …, "ok": true, "result"?: text}`` on a device's own topic."""
        match topic.split("/"):
            case ["wanmi", "v1", key, "command", "ack"]:
                answer = answer_of(key, payload)
                if answer is None:
                    self._door.counted["command answers not understood"] += 1
                elif len(self._answers) < 100_000:
                    self._answers.append(answer)

    async def work(self, connection: AsyncConnection[Any]) -> None:
        """Write answers, expire what is overdue, send what waits. Raises psycopg.OperationalError."""
        answers, self._answers = self._answers, []
        try:
            for answer in answers:
                await connection.execute(QUERIES["finish_command"], answer)
        except psycopg.OperationalError:
            self._answers = answers + self._answers
            raise
        expired = await (await connection.execute(QUERIES["expire_commands"])).fetchall()
        if expired:
            _log.info("commands_expired", count=len(expired))
        while True:
            cursor = await connection.execute(QUERIES["take_commands"], {"max_rows": BATCH})
            rows = await cursor.fetchall()
            for command_id, key, kind, body, expires_at in rows:
                self._send(command_id, key, kind, body, expires_at.isoformat())
            if len(rows) < BATCH:
                return

    def _send(self, command_id: str, key: str, kind: str, body: dict[str, Any], expires_at: str) -> None:
        terminal = self._door.terminals.get(key)
        if terminal is None:
            told = {"id": command_id, "kind": kind, "expires_at": expires_at, **body}
            self._door.link.send(f"wanmi/v1/{key}/command", json.dumps(told, ensure_ascii=False).encode())
            return
        try:
            terminal.command(command_id, kind, str(body.get("text", "")))
        except ValueError as error:
            self._answers.append(_answer(key, command_id, False, str(error)))


def answer_of(key: str, payload: bytes) -> dict[str, Any] | None:
    """The parameters of ``finish_command``; None for what is no answer."""
    try:
        told = json.loads(payload)
        UUID(told["id"])
        done = told["ok"]
        result = str(told.get("result", ""))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return _answer(key, told["id"], done, result) if isinstance(done, bool) else None


def _answer(key: str, command_id: str, done: bool, result: str) -> dict[str, Any]:
    kept = result.replace("\0", "")[:LONGEST_RESULT]
    return {"id": command_id, "device_key": key, "done": done, "result": kept}
