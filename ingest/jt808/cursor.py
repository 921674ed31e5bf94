"""Reading a body from front to back; multi-byte numbers have the high byte first."""

from datetime import datetime, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))


class ShortBody(ValueError):
    """The body ends before what it should hold."""


class Cursor:
    """A place in a body."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """Raises ShortBody."""
        if count > self.left:
            raise ShortBody(f"{self.left} bytes left where {count} should be")
        self._at += count
        return self._data[self._at - count : self._at]

    def rest(self) -> bytes:
        return self.take(self.left)

    def byte(self) -> int:
        return self.take(1)[0]

    def word(self) -> int:
        return int.from_bytes(self.take(2))

    def double_word(self) -> int:
        return int.from_bytes(self.take(4))

    def text(self, count: int) -> str:
        return text_of(self.take(count))


def text_of(raw: bytes) -> str:
    """GBK text; zeros and blanks that fill it up are taken off, what is no GBK is shown as U+FFFD."""
    return raw.strip(b"\0").decode("gb18030", "replace").replace("\0", "").strip()


def time_of(raw: bytes) -> datetime | None:
    """BCD ``YYMMDDhhmmss`` of Beijing time, years 2000-2099; None for what is no time."""
    digits = raw.hex()
    if not digits.isdecimal():
        return None
    try:
        return datetime.strptime(f"20{digits}+0800", "%Y%m%d%H%M%S%z").replace(tzinfo=BEIJING)
    except ValueError:
        return None


def bcd_of(moment: datetime) -> bytes:
    return bytes.fromhex(moment.astimezone(BEIJING).strftime("%y%m%d%H%M%S"))
