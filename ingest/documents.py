"""JSON payloads that hold one object or an array of them."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from tracking.arrival import Outcome
from tracking.reasons import Reason, Reject

Body = TypeVar("Body")
MAX_ITEMS = 20_000
_RAW_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def reject_of(error: msgspec.DecodeError) -> Reject:
    """Why a document was refused; the detail names the field."""
    text = str(error)
    if isinstance(error, msgspec.ValidationError):
        missing = "missing required field" in text
        return Reject(Reason.MISSING_FIELD if missing else Reason.BAD_FIELD, text)
    return Reject(Reason.NOT_JSON, text)


def read(
    payload: bytes, decoder: msgspec.json.Decoder[Body], interpret: Callable[[Body], list[Outcome]]
) -> list[Outcome]:
    """Outcomes of one object, or of each object of an array: a bad item spoils only itself."""
    if payload.lstrip()[:1] != b"[":
        return _one(payload, decoder, interpret)
    try:
        items = _RAW_ITEMS.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [Reject(Reason.NOT_JSON, str(error))]
    if len(items) > MAX_ITEMS:
        return [Reject(Reason.TOO_LARGE, f"{len(items)} items, at most {MAX_ITEMS}")]
    return [outcome for item in items for outcome in _one(item, decoder, interpret)]


def _one(
    raw: bytes | msgspec.Raw,
    decoder: msgspec.json.Decoder[Body],
    interpret: Callable[[Body], list[Outcome]],
) -> list[Outcome]:
    try:
        body = decoder.decode(raw)
    except msgspec.DecodeError as error:
        return [reject_of(error)]
    except (UnicodeDecodeError, RecursionError) as error:
        return [Reject(Reason.NOT_JSON, str(error))]
    return interpret(body)
