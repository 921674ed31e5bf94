"""OwnTracks JSON on ``owntracks/{user}/{device}``.

Source: OwnTracks booklet, "JSON format". Zero members are left out by the apps and -1 stands for
unknown; ``vel`` is km/h; ``tst`` is the time of the fix.
"""

from typing import Any

import msgspec

from ingest import documents, values
from ingest.owntracks_seal import CannotOpen, open_data
from tracking.arrival import Outcome
from tracking.fix import ConnectionStatus, Fix, Flag
from tracking.reasons import Reason, Reject
from tracking.signals import BITS, SOS, named

KNOWN_WITHOUT_POSITION = frozenset(
    {
        *("beacon", "card", "cmd", "configuration", "dump", "request", "status", "steps"),
        *("tour", "tours", "transition", "waypoint", "waypoints"),
    }
)
"""Types that say nothing about where the device is now."""

CHARGING = 2
"""Of ``bs``."""
KMH = 1 / 3.6
"""One km/h in m/s."""


class Body(msgspec.Struct):
    """The members we read, of any type of message; numbers may come as text from some clients."""

    type_: str = msgspec.field(name="_type")
    tst: float | str | None = None
    created_at: float | str | None = None
    lon: float | None = None
    lat: float | None = None
    alt: float | None = None
    vel: float | None = None
    cog: float | None = None
    acc: float | None = None
    batt: float | None = None
    data: Any = None
    """Of ``encrypted``: nonce and box in base64."""
    bs: Any = None
    """Battery: 1 unplugged, 2 charging, 3 full."""
    sos: Any = None
    alarm: Any = None
    """Ours, not the app's: ``sos`` or another name of ``tracking.signals``."""


_BODY = documents.Reader(Body, needed=frozenset({"_type", "tst", "created_at", "lon", "lat"}))


def decode(payload: bytes, *, received_us: int | None, secret: str | None = None) -> list[Outcome]:
    """Fixes of ``location``, status of ``lwt``; nothing for other known types.

    ``secret`` opens encrypted messages; what it does not open is a reject.

    ``received_us`` stands in for a missing ``tst``; None (a retained message, which may be of any
    age) makes such a location a reject. An empty payload clears a retained message: nothing.
    """
    if not payload:
        return []
    return documents.read(payload, _BODY, lambda body: _interpret(body, received_us, secret))


def _interpret(body: Body, received_us: int | None, secret: str | None) -> list[Outcome]:
    if body.type_ == "encrypted":
        return _open(body, received_us, secret)
    if body.type_ == "lwt":
        return [ConnectionStatus(online=False)]
    if body.type_ in KNOWN_WITHOUT_POSITION:
        return []
    if body.type_ != "location":
        return [Reject(Reason.UNKNOWN_TYPE, f"_type {body.type_[:64]!r}")]
    if body.lon is None or body.lat is None:
        return [Reject(Reason.MISSING_FIELD, "a location without lon or lat")]
    told = body.tst if body.tst is not None else body.created_at
    flags = 0
    try:
        if told is not None:
            micros = values.micros_of_told(told)
        elif received_us is not None:
            micros, flags = received_us, int(Flag.TIME_OF_ARRIVAL)
        else:
            return [Reject(Reason.MISSING_FIELD, "a retained location without tst")]
    except ValueError as error:
        return [Reject(Reason.BAD_TIME, str(error))]
    speed = values.not_negative(body.vel)
    return [
        Fix(
            micros,
            body.lon,
            body.lat,
            values.altitude(body.alt),
            None if speed is None else values.speed(speed * KMH),
            values.course(body.cog),
            values.not_negative(body.acc),
            None,
            values.percent(body.batt),
            flags,
            signals=_signals(body),
        )
    ]


def _open(body: Body, received_us: int | None, secret: str | None) -> list[Outcome]:
    if secret is None:
        return [Reject(Reason.CANNOT_OPEN, "no secret is known for this device")]
    if not isinstance(body.data, str):
        return [Reject(Reason.MISSING_FIELD, "an encrypted message without data")]
    try:
        return decode(open_data(body.data, secret), received_us=received_us)
    except CannotOpen as error:
        return [Reject(Reason.CANNOT_OPEN, str(error))]


def _signals(body: Body) -> int:
    found = BITS["charging"] if body.bs == CHARGING else 0
    if body.sos is not None and values.truth(body.sos):
        found |= SOS
    return found | named((body.alarm,)) if isinstance(body.alarm, str) else found
