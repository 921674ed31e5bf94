"""JT/T 808-2011, -2013 and -2019: what vehicle terminals in China speak.

Bytes -> ``framing`` -> ``header`` -> ``bodies``; ``message`` ties these together. Nothing here does
input or output: the TCP side is ``ingest.gateway``.
"""

from ingest.jt808 import message as messages
from ingest.jt808.fragments import Reassembly
from ingest.jt808.framing import Deframer, TooLong
from ingest.jt808.message import Message
from tracking.arrival import Outcome
from tracking.reasons import Reason, Reject


def decode(payload: bytes) -> list[Outcome]:
    """Fixes and rejects of one or more frames, which hold whole messages."""
    deframer, reassembly = Deframer(), Reassembly()
    outcomes: list[Outcome] = []
    for content in [*deframer.feed(payload), *deframer.finish()]:
        found = Reject(Reason.TOO_LARGE, "a frame without an end") if isinstance(content, TooLong) else None
        message = found or messages.read(content if isinstance(content, bytes) else b"")
        if isinstance(message, Message) and message.header.fragment and message.header.total > 1:
            whole = reassembly.add(message)
            if whole is None:
                continue
            message = whole
        outcomes += message.outcomes() if isinstance(message, Message) else [message]
    return outcomes
