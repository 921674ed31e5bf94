"""JSON payloads that hold one object or an array of them."""

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from tracking.arrival import Outcome
from tracking.reasons import Reason, Reject

Body = TypeVar("Body")
MAX_ITEMS = 20_000
_RAW_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_AT_MEMBER = re.compile(r"at `\$\.(\w+)`$")


class Reader(Generic[Body]):
    """Objects of one type. Numbers may come as text. A member that cannot be read and is not among
    ``needed`` is left out: it must not cost the position."""

    def __init__(self, body: type[Body], *, needed: frozenset[str]) -> None:
        self._body = body
        self._needed = needed
        self._decoder = msgspec.json.Decoder(body, strict=False)

    def read(self, raw: bytes | msgspec.Raw) -> Body:
        """Raises msgspec.DecodeError, UnicodeDecodeError or RecursionError."""
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            return self._without_unreadable(raw, error)

    def _without_unreadable(self, raw: bytes | msgspec.Raw, error: msgspec.ValidationError) -> Body:
        found = _AT_MEMBER.search(str(error))
        if found is None or found[1] in self._needed:
            raise error
        told = _OBJECT.decode(raw)
        while found is not None and found[1] not in self._needed and told.pop(found[1], None) is not None:
            try:
                return msgspec.convert(told, self._body, strict=False)
            except msgspec.ValidationError as other:
                error, found = other, _AT_MEMBER.search(str(other))
        raise error


def reject_of(error: msgspec.DecodeError) -> Reject:
    """Why a document was refused; the detail names the field."""
    text = str(error)
    if isinstance(error, msgspec.ValidationError):
        missing = "missing required field" in text
        return Reject(Reason.MISSING_FIELD if missing else Reason.BAD_FIELD, text)
    return Reject(Reason.NOT_JSON, text)


def read(payload: bytes, reader: Reader[Body], interpret: Callable[[Body], list[Outcome]]) -> list[Outcome]:
    """Outcomes of one object, or of each object of an array: a bad item spoils only itself."""
    if payload.lstrip()[:1] != b"[":
        return _one(payload, reader, interpret)
    try:
        items = _RAW_ITEMS.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [Reject(Reason.NOT_JSON, str(error))]
    if len(items) > MAX_ITEMS:
        return [Reject(Reason.TOO_LARGE, f"{len(items)} items, at most {MAX_ITEMS}")]
    return [outcome for item in items for outcome in _one(item, reader, interpret)]


def _one(
    raw: bytes | msgspec.Raw, reader: Reader[Body], interpret: Callable[[Body], list[Outcome]]
) -> list[Outcome]:
    try:
        body = reader.read(raw)
    except msgspec.DecodeError as error:
        return [reject_of(error)]
    except (UnicodeDecodeError, RecursionError) as error:
        return [Reject(Reason.NOT_JSON, str(error))]
    return interpret(body)
