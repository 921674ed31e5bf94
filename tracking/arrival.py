"""A message from outside after decoding: what the pipeline is fed with."""

import msgspec

from tracking.batch import FixColumns
from tracking.fix import ConnectionStatus, Distress, Fix
from tracking.reasons import Reject

Outcome = Fix | FixColumns | ConnectionStatus | Distress | Reject


class Arrival(msgspec.Struct, frozen=True):
    """One message: where it came from, the raw bytes for the dead-letter table, what it said.

    ``device_key`` is None when the topic names no device.
    """

    topic: str
    payload: bytes
    received_us: int
    device_key: str | None
    outcomes: list[Outcome]
    letter_id: int | None = None
    """The dead letter that is decoded again; None for a message from the broker."""
