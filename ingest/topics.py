"""Which topic speaks which protocol, and from which device."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType

import structlog

from ingest import batch, json_fix, jt808, nmea, osmand, owntracks
from tracking.arrival import Arrival, Outcome
from tracking.reasons import Reason, Reject

SUBSCRIPTIONS = (
    "wanmi/v1/+/fix",
    "wanmi/v1/+/fixes",
    "wanmi/v1/+/nmea",
    "wanmi/v1/+/status",
    "wanmi/v1/+/raw/+",
    "owntracks/+/+",
)
"""Six, because NATS grants a session 65,535 unacknowledged messages and each may have 10,000."""

Decode = Callable[[bytes, int | None], list[Outcome]]
"""Payload and time of arrival (None for a retained message, whose age is unknown) to outcomes."""

_log = structlog.get_logger(__name__)

_BY_LEAF: dict[str, tuple[str, Decode]] = {
    "fix": ("json", lambda payload, received_us: json_fix.decode_fix(payload)),
    "fixes": ("batch", lambda payload, received_us: batch.decode_columns(payload)),
    "status": ("status", lambda payload, received_us: json_fix.decode_status(payload)),
    "nmea": ("nmea", lambda payload, received_us: nmea.decode(payload, received_us=received_us)),
}


def _lenient_nmea(payload: bytes, received_us: int | None) -> list[Outcome]:
    return nmea.decode(payload, received_us=received_us, allow_missing_checksum=True)


_RAW: dict[str, tuple[str, Decode]] = {
    "jt808": ("jt808", lambda payload, received_us: jt808.decode(payload)),
    "osmand": ("osmand", lambda payload, received_us: osmand.fixes(payload, received_us, "kn")),
    "osmand_kmh": ("osmand", lambda payload, received_us: osmand.fixes(payload, received_us, "kmh")),
    "osmand_mps": ("osmand", lambda payload, received_us: osmand.fixes(payload, received_us, "mps")),
}
"""What the gateway took from terminals, as they sent it."""
_OWNTRACKS: tuple[str, Decode] = (
    "owntracks",
    lambda payload, received_us: owntracks.decode(payload, received_us=received_us),
)


NO_SECRETS: Mapping[str, str] = MappingProxyType({})


def _sealed_owntracks(secret: str, payload: bytes, received_us: int | None) -> list[Outcome]:
    return owntracks.decode(payload, received_us=received_us, secret=secret)


@lru_cache(maxsize=262_144)
def route(topic: str) -> tuple[str, str | None, Decode | None]:
    """Protocol, device key and decoder of a topic; None for the decoder of a topic we do not know."""
    match topic.split("/"):
        case ["owntracks", _, key]:
            return (_OWNTRACKS[0], key, _OWNTRACKS[1])
        case ["wanmi", "v1", key, leaf] if leaf in _BY_LEAF:
            protocol, decode = _BY_LEAF[leaf]
            return protocol, key, decode
        case ["wanmi", "v1", key, "raw", leaf] if leaf in _RAW:
            protocol, decode = _RAW[leaf]
            return protocol, key, decode
    return "unknown", None, None


def backlog_of(topic: str) -> str | None:
    """The device whose backlog a message on this topic is; None: it is live."""
    protocol, key, _ = route(topic)
    return key if protocol == "batch" else None


def read(
    topic: str,
    payload: bytes,
    received_us: int,
    *,
    retained: bool,
    max_payload_bytes: int,
    allow_missing_checksum: bool = False,
    secrets: Mapping[str, str] = NO_SECRETS,
) -> Arrival:
    """A message decoded. Never raises: a message that makes a decoder fail becomes a reject.

    ``secrets``: of devices that encrypt their payloads, by key.
    """
    protocol, key, decode = route(topic)
    if protocol == "owntracks" and key is not None and key in secrets:
        decode = partial(_sealed_owntracks, secrets[key])
    if allow_missing_checksum and protocol == "nmea":
        decode = _lenient_nmea
    outcomes: list[Outcome]
    if decode is None:
        outcomes = [Reject(Reason.UNKNOWN_TOPIC, topic)]
    elif len(payload) > max_payload_bytes:
        outcomes = [Reject(Reason.TOO_LARGE, f"{len(payload)} bytes, at most {max_payload_bytes}")]
    elif not payload:
        outcomes = []
    else:
        try:
            outcomes = decode(payload, None if retained else received_us)
        except Exception as error:  # noqa: BLE001 - a defect in one decoder must not stop all devices
            _log.exception("decoder_failed", topic=topic, protocol=protocol, payload=payload[:512])
            outcomes = [Reject(Reason.DECODER_FAILED, f"{type(error).__name__}: {error}")]
    return Arrival(topic, payload, received_us, key, outcomes)
