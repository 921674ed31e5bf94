"""Pages by cursor: the caller gets an opaque mark of where to go on, None at the end."""

import base64
import binascii
import json
from typing import Annotated, Any

from fastapi import Query

from gis_core.errors import BadInput

Limit = Annotated[int, Query(ge=1, le=500, description="每页条数 / rows a page")]
Cursor = Annotated[str | None, Query(max_length=64, description="上一页的 next / `next` of the page before")]


LongCursor = Annotated[
    str | None, Query(max_length=4_000, description="上一页的 next / `next` of the page before")
]


def mark_of(*values: object) -> str:
    """A cursor that holds several values."""
    return base64.urlsafe_b64encode(json.dumps(values, ensure_ascii=False).encode()).decode().rstrip("=")


def values_of(cursor: str, number: int) -> list[Any]:
    """What ``mark_of`` put into a cursor. Raises BadInput for one we never gave."""
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(found, list) or len(found) != number:
            raise ValueError(cursor)
        return found
    except ValueError:
        raise _not_ours() from None


def _not_ours() -> BadInput:
    return BadInput(
        field="cursor", reason_zh="不是上一页给出的 next", reason="is not the `next` of an earlier page"
    )


def cursor_of(row_id: int) -> str:
    return base64.urlsafe_b64encode(str(row_id).encode()).decode().rstrip("=")


def row_id_of(cursor: str | None, *, start: int) -> int:
    """The id a cursor stands for; ``start`` without one. Raises BadInput for one we never gave."""
    if cursor is None:
        return start
    try:
        said = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        if not said.isdecimal() or len(said) > 18:
            raise ValueError(cursor)
        return int(said)
    except (ValueError, binascii.Error):
        raise _not_ours() from None


def contains(words: str | None) -> str | None:
    """An ILIKE pattern that finds the words anywhere, whatever characters they hold."""
    if words is None or not words.strip():
        return None
    escaped = words.strip().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
