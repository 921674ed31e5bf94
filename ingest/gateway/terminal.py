"""What the platform answers to one JT/T 808 terminal: a state machine without input or output."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ingest.gateway.roll import Known, Roll
from ingest.jt808 import framing, replies
from ingest.jt808 import message as messages
from ingest.jt808.fragments import Reassembly
from ingest.jt808.framing import TooLong
from ingest.jt808.header import Header
from ingest.jt808.message import Message
from tracking.reasons import Reject

WRONG_CODES = 3
"""So many wrong authentication codes end a connection."""
STRANGE_FRAMES = 20
"""So many messages before authentication end it too."""
_WITHOUT_ANSWER = frozenset({0x0001})
_ONLY_ACKNOWLEDGED = frozenset({0x0104, 0x0107, 0x0108, 0x0702, 0x0705, 0x0800, 0x0900, 0x0901})
"""Understood and not kept: a terminal that gets no answer would send them again and again."""


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the terminal."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Store:
    """Frames for the broker; ``answer`` goes to the terminal when they are safe there."""

    frames: bytes
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Answered:
    """The terminal answered the command that we sent with this serial."""

    serial: int
    done: bool
    result: str


@dataclass(frozen=True, slots=True)
class Close:
    reason: str


Action = Send | Store | Answered | Close


class Terminal:
    """One connection. ``roll`` gives the devices of now; ``device`` is set once authenticated."""

    def __init__(self, roll: Callable[[], Roll], *, bad_frames: int) -> None:
        self._roll = roll
        self._bad_frames = bad_frames
        self._bad = 0
        self._strange = 0
        self._wrong_codes = 0
        self._serial = 0
        self._header: Header | None = None
        self._reassembly = Reassembly()
        self.device: Known | None = None
        self.counted: Counter[str] = Counter()
        """What came, by kind; refused frames by reason."""

    def receive(self, content: bytes | TooLong) -> list[Action]:
        """What is to be done about a frame, in this order."""
        found = None if isinstance(content, TooLong) else messages.read(content)
        if not isinstance(found, Message):
            return self._refuse(content, "too_large" if found is None else str(found.reason))
        self._bad = 0
        self.counted[found.kind] += 1
        header = found.header
        if self.device is not None and self._roll().terminal(header.terminal) != self.device:
            return [Close("another terminal's number, or its device was changed")]
        self._header = header
        if header.fragment and header.total > 1:
            return self._fragment(found)
        if header.message_id == 0x0100:
            return [self._register(header)]
        if header.message_id == 0x0102:
            return self._authenticate(found)
        if self.device is None:
            return self._stranger(header)
        return self._known(found)

    def command(self, kind: str, words: str) -> tuple[int, bytes]:
        """Serial and frame of ``text`` or ``locate``. Raises ValueError for a text that cannot be sent."""
        if self._header is None:
            raise ValueError("nothing was heard of the terminal yet")
        serial = self._next_serial()
        if kind == "locate":
            return serial, replies.locate_now(self._header, serial)
        return serial, replies.text(self._header, serial, words)

    def _next_serial(self) -> int:
        serial, self._serial = self._serial, (self._serial + 1) & 0xFFFF
        return serial

    def _acknowledged(self, header: Header, result: int = replies.OK) -> Send:
        return Send(replies.acknowledgement(header, self._next_serial(), result))

    def _refuse(self, content: bytes | TooLong, reason: str) -> list[Action]:
        """Never answered: who it is from is not known. Of a known terminal it is kept as dead letter."""
        self.counted[f"refused {reason}"] += 1
        self._bad += 1
        if self._bad >= self._bad_frames:
            return [Close(f"{self._bad} bad frames in a row")]
        if self.device is None or isinstance(content, TooLong):
            return []
        return [Store(framing.MARK + content + framing.MARK, None)]

    def _register(self, header: Header) -> Action:
        known = self._roll().terminal(header.terminal)
        if known is None:
            return Send(replies.registration(header, self._next_serial(), replies.NO_SUCH_TERMINAL))
        code = self._roll().code(known)
        return Send(replies.registration(header, self._next_serial(), replies.OK, code))

    def _authenticate(self, found: Message) -> list[Action]:
        roll = self._roll()
        known = roll.terminal(found.header.terminal)
        told = str(found.body.values.get("auth_code", ""))
        if known is None or not roll.code_is_right(known, told):
            self._wrong_codes += 1
            refusal = self._acknowledged(found.header, replies.FAILED)
            return [refusal, Close("wrong code")] if self._wrong_codes >= WRONG_CODES else [refusal]
        self.device = known
        return [self._acknowledged(found.header)]

    def _stranger(self, header: Header) -> list[Action]:
        self._strange += 1
        if self._strange >= STRANGE_FRAMES:
            return [Close("not authenticated")]
        return [] if header.message_id in _WITHOUT_ANSWER else [self._acknowledged(header, replies.FAILED)]

    def _known(self, found: Message) -> list[Action]:
        header, values = found.header, found.body.values
        match header.message_id:
            case 0x0001:
                result = int(values.get("result", replies.FAILED))
                return [Answered(int(values.get("reply_serial", -1)), result == replies.OK, str(result))]
            case 0x0002:
                return [self._acknowledged(header)]
            case 0x0003:
                return [self._acknowledged(header), Close("logout")]
            case 0x0004:
                return [Send(replies.time_reply(header, self._next_serial(), datetime.now(UTC)))]
            case 0x0200 | 0x0704:
                return [self._store(found)]
            case 0x0201:
                return [Answered(int(values.get("reply_serial", -1)), True, "located"), self._store(found)]
            case 0x0801:
                media = int(values.get("media_id", 0))
                return [Send(replies.media_received(header, self._next_serial(), media))]
            case number:
                known = number in _ONLY_ACKNOWLEDGED
                return [self._acknowledged(header, replies.OK if known else replies.UNSUPPORTED)]

    def _store(self, found: Message) -> Action:
        frames = b"".join(replies.packets(found.header, found.content))
        answer = replies.acknowledgement(found.header, self._next_serial(), replies.OK)
        return Store(frames, answer)

    def _fragment(self, found: Message) -> list[Action]:
        """Packets are answered as they come, the last one with what its message is answered with."""
        if self.device is None:
            return self._stranger(found.header)
        whole = self._reassembly.add(found)
        if whole is None:
            return [self._acknowledged(found.header)]
        if isinstance(whole, Reject):
            return [self._acknowledged(found.header, replies.BAD_MESSAGE)]
        return self._known(whole)
