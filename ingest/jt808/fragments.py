"""Messages that came in several packets, put together again."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from ingest.jt808 import message as messages
from ingest.jt808.message import Message
from tracking.reasons import Reject

MOST_WAITING = 8
MOST_BYTES = 4 * 2**20
"""Of one terminal, all unfinished messages together; a photograph has some 100 kB."""
OVERHEAD = 500
"""Bytes that a packet costs us beside its content: also empty ones are bounded."""

_Key = tuple[str, int, int, int]


@dataclass(slots=True)
class _Waiting:
    parts: dict[int, Message] = field(default_factory=dict)
    size: int = 0


class Reassembly:
    """Unfinished messages; the oldest gives way when there are too many."""

    def __init__(self, *, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._size = 0
        self._waiting: OrderedDict[_Key, _Waiting] = OrderedDict()

    def add(self, part: Message) -> Message | Reject | None:
        """The whole message when ``part`` was the last that lacked; None while some lack."""
        header = part.header
        if not 1 <= header.index <= header.total:
            return None
        key = self._key(part)
        waiting = self._waiting.setdefault(key, _Waiting())
        self._waiting.move_to_end(key)
        if header.index not in waiting.parts:
            waiting.parts[header.index] = part
            waiting.size += len(part.content) + OVERHEAD
            self._size += len(part.content) + OVERHEAD
        if len(waiting.parts) == header.total:
            self._size -= self._waiting.pop(key).size
            return _joined([waiting.parts[index] for index in range(1, header.total + 1)])
        while len(self._waiting) > self._most_waiting or self._size > MOST_BYTES:
            _, given_up = self._waiting.popitem(last=False)
            self._size -= given_up.size
        return None

    def missing(self, part: Message) -> list[int]:
        """Indices of the packets still lacking of the message that ``part`` belongs to."""
        waiting = self._waiting.get(self._key(part))
        if waiting is None:
            return []
        return [index for index in range(1, part.header.total + 1) if index not in waiting.parts]

    def _key(self, part: Message) -> _Key:
        """What message a packet belongs to.

        The serials of the packets follow each other, so the first one's serial tells messages of one
        kind apart. Some terminals give all packets of a message the same serial instead.
        """
        header = part.header
        first = (header.serial - header.index + 1) & 0xFFFF
        key = (header.terminal, header.message_id, header.total, first)
        if key in self._waiting:
            return key
        for other, waiting in self._waiting.items():
            same = other[:3] == key[:3] and header.index not in waiting.parts
            if same and all(known.header.serial == header.serial for known in waiting.parts.values()):
                return other
        return key


def _joined(parts: list[Message]) -> Message | Reject:
    content = b"".join(part.content for part in parts)
    return messages.of(replace(parts[-1].header, total=len(parts)), content)
