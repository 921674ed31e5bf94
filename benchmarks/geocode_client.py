"""A client that asks over a few kept-alive connections and notes the times; light to start."""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence

CONNECTIONS = 8


def head(token: str, path: str) -> bytes:
    """A question with a bearer token."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body."""
    found = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", found)
    body = await reader.readexactly(int(length[1])) if length else b""
    return int(found[9:12]), body


async def load(
    port: int, token: str, paths: Sequence[str], seconds: float, per_s: float | None
) -> tuple[list[float], int]:
    """Seconds each answer took, and how many were no 200. With ``per_s`` questions come at that rate and
    their time runs from when they were due; without, each connection asks as soon as it has its answer."""
    heads = [head(token, path) for path in paths]
    took: list[float] = []
    failed = 0
    asked = 0
    start = time.perf_counter()

    async def connection(number: int) -> None:
        nonlocal asked, failed
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while (now := time.perf_counter()) - start < seconds:
            due = now
            if per_s is not None:
                due = start + turn / per_s
                if due > now:
                    await asyncio.sleep(due - now)
                    # The timer is ours, not the server's: only what it overshoots by is forgiven.
                    due = min(time.perf_counter(), due + 0.002)
                turn += CONNECTIONS
            asked += 1
            writer.write(heads[asked % len(heads)])
            status, _ = await answer(reader)
            took.append(time.perf_counter() - due)
            failed += status != 200
        writer.close()

    await asyncio.gather(*(connection(number) for number in range(CONNECTIONS)))
    return took, failed


if __name__ == "__main__":
    json.dump(asyncio.run(load(*json.load(sys.stdin))), sys.stdout)
