"""In which order waiting messages are taken: live ones before backlogs, of a long backlog the newest first.

A device that comes back after hours sends them in bulk. Whoever watches wants to know where it is now, and
where the others are meanwhile; what was hours ago can wait some seconds more. While there is not more than a
batch of it, a backlog is taken as it came: in order it costs less.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar


class _Sized(Protocol):
    @property
    def payload(self) -> bytes: ...


Message = TypeVar("Message", bound=_Sized)


class Lanes(Generic[Message]):
    """A queue. ``device_of``: whose backlog a message is part of; None: it is live."""

    def __init__(self, device_of: Callable[[Message], str | None]) -> None:
        self._device_of = device_of
        self._live: deque[Message] = deque()
        self._bulk: dict[str, deque[Message]] = {}
        self._unseen: dict[str, None] = {}
        """Devices whose newest message in bulk has come since one of theirs was taken ahead; in order."""
        self._count = 0
        self._bulk_bytes = 0
        self.bytes = 0

    def __len__(self) -> int:
        return self._count

    def put(self, messages: Iterable[Message]) -> None:
        for message in messages:
            device, size = self._device_of(message), len(message.payload)
            self._count += 1
            self.bytes += size
            if device is None:
                self._live.append(message)
            else:
                self._bulk.setdefault(device, deque()).append(message)
                self._bulk_bytes += size
                self._unseen[device] = None

    def take(self, max_messages: int, max_bytes: int) -> list[Message]:
        """Up to so many, and no more after so many bytes; of what waits in bulk always some."""
        taken: list[Message] = []
        left = max_bytes
        while self._live and len(taken) < max_messages and left > 0:
            taken.append(self._live.popleft())
            left -= len(taken[-1].payload)
        left = max(left, 1)
        room = max(max_messages - len(taken), 1)
        if self._bulk_bytes > max_bytes:
            left, room = self._take_newest(taken, left, room)
        self._take_oldest(taken, left, room)
        self._count -= len(taken)
        self.bytes -= sum(len(message.payload) for message in taken)
        return taken

    def _take_newest(self, taken: list[Message], left: int, room: int) -> tuple[int, int]:
        while self._unseen and left > 0 and room > 0:
            device = next(iter(self._unseen))
            left -= self._pop(device, taken, newest=True)
            room -= 1
        return left, room

    def _take_oldest(self, taken: list[Message], left: int, room: int) -> None:
        """Of each device in turn, so that none waits for all of another's."""
        while self._bulk and left > 0 and room > 0:
            device = next(iter(self._bulk))
            left -= self._pop(device, taken, newest=False)
            room -= 1
            if device in self._bulk:
                self._bulk[device] = self._bulk.pop(device)

    def _pop(self, device: str, taken: list[Message], *, newest: bool) -> int:
        waiting = self._bulk[device]
        message = waiting.pop() if newest else waiting.popleft()
        if newest or not waiting:
            self._unseen.pop(device, None)
        if not waiting:
            del self._bulk[device]
        taken.append(message)
        size = len(message.payload)
        self._bulk_bytes -= size
        return size
