"""The text encoding of a shapefile's table, which may be declared in three places or in none."""

import codecs
import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gis_core.importing.errors import EncodingUnknown, EncodingWrong, UnknownEncoding
from gis_core.importing.features import Column, object_column
from gis_core.importing.report import Issue, issue

RAW = "ISO-8859-1"
"""Read with it, each character is one byte of the file."""

_LANGUAGE_DRIVERS = {0x4D: "gb18030", 0x7A: "gb18030", 0x4F: "big5", 0x78: "big5"}
"""Language driver byte (offset 29 of a .dbf) to encoding; only the Chinese ones are trusted, because
many programs write a Western one over whatever text. CP936 is read as its superset GB18030."""

_WESTERN = frozenset({"iso8859-1", "iso8859-15", "cp1252", "cp437", "cp850", "ascii"})
_TRIAL_BYTES = 2**20


class TableText(NamedTuple):
    encoding: str
    how: str
    """``given``, ``cpg``, ``language_driver``, ``byte_order_mark`` or ``trial``."""
    overruled: str | None = None
    """What the file declares of itself, where its bytes say otherwise."""


def known_encoding(name: str) -> str:
    """Python's name of an encoding; GBK and GB2312 become their superset GB18030. Raises UnknownEncoding."""
    plain = name.strip().lower()
    if plain.isdigit():
        plain = f"cp{plain}" if plain != "65001" else "utf-8"
    try:
        found = codecs.lookup(plain).name
    except LookupError as error:
        raise UnknownEncoding(encoding=name) from error
    return "gb18030" if found in ("gbk", "gb2312", "cp936") else found


def table_encoding(shapefile: Path, given: str | None, name: str) -> TableText | None:
    """How the text of the .dbf beside ``shapefile`` is encoded; None without a .dbf.

    Order: what the user gave, the .cpg, a Chinese language driver, then trial on the first MiB: UTF-8
    if it can be, else GB18030. Raises EncodingUnknown when neither can be.

    A declaration is overruled where its bytes are Chinese by trial: programs write ISO-8859-1 beside
    whatever text, and conversions leave the old .cpg or language driver beside text that now is UTF-8.
    """
    table = shapefile.with_suffix(".dbf")
    if not table.exists():
        return None
    if given:
        return TableText(known_encoding(given), "given")
    declaration = shapefile.with_suffix(".cpg")
    label = ""
    if declaration.exists():
        label = declaration.read_text(encoding="ascii", errors="ignore").strip()
    with table.open("rb") as file:
        start = file.read(_TRIAL_BYTES)
    texts = _texts(start)
    if label:
        return _unless_overruled(label, "cpg", texts)
    if len(start) > 29 and start[29] in _LANGUAGE_DRIVERS:
        return _unless_overruled(_LANGUAGE_DRIVERS[start[29]], "language_driver", texts)
    tried = _by_trial(texts)
    if tried is None:
        raise EncodingUnknown(file=name)
    return TableText(tried, "trial")


def _by_trial(texts: set[bytes]) -> str | None:
    return next((one for one in ("utf-8", "gb18030") if all(_decodes(text, one) for text in texts)), None)


def _unless_overruled(label: str, how: str, texts: set[bytes]) -> TableText:
    """The declared encoding, or that of the bytes where they cannot be what is declared."""
    wide = {text for text in texts if not text.isascii()}
    try:
        declared = known_encoding(re.sub(r"^(?:ANSI|OEM)\s*(?=\d)|(?<=GB)\s+(?=\d)", "", label))
    except UnknownEncoding:
        tried = _by_trial(texts)
        if tried is None:
            raise
        return TableText(tried, "trial", label)
    if not wide or declared == "utf-8":
        return TableText(declared, how)
    if all(_decodes(text, "utf-8") for text in wide) and any(_has_han(text) for text in wide):
        return TableText("utf-8", "trial", label)
    if declared in _WESTERN and all(_decodes(text, "gb18030") for text in wide):
        return TableText("gb18030", "trial", label)
    return TableText(declared, how)


def _has_han(text: bytes) -> bool:
    """Whether UTF-8 text has a character of three bytes: two may be Chinese in GBK by chance."""
    return any(character >= "\u0800" for character in text.decode("utf-8", errors="ignore"))


def _texts(start: bytes) -> set[bytes]:
    """Field names and values in the first bytes of a .dbf."""
    header_bytes = int.from_bytes(start[8:10], "little")
    record_bytes = int.from_bytes(start[10:12], "little")
    widths: list[int] = []
    texts: set[bytes] = set()
    for at in range(32, max(header_bytes - 31, 32), 32):
        descriptor = start[at : at + 32]
        if len(descriptor) < 32 or descriptor[0] == 0x0D:
            break
        texts.add(descriptor[:11].split(b"\0")[0])
        widths.append(descriptor[16])
    edges = np.cumsum([1, *widths])
    for record in range(header_bytes, len(start) - record_bytes + 1, record_bytes or 1):
        texts.update(start[record + left : record + right].strip(b" \0") for left, right in pairwise(edges))
    return texts


def _decodes(text: bytes, encoding: str) -> bool:
    """Whether the bytes are text, but for a last character that the field's width cut through."""
    try:
        text.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start >= len(text) - 3 and len(text) > 3 and _cut(text, error.start, encoding)
    return True


def _cut(text: bytes, start: int, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        decoder.decode(text[start:], final=False)
    except UnicodeDecodeError:
        return False
    return True


def decode_name(raw: str, encoding: str) -> str:
    """A field name; the half character that the 10-byte limit may leave is dropped."""
    data = raw.encode(RAW)
    return data.decode(encoding, errors="ignore")


def decode_column(
    raw: Column, encoding: str, *, field: str, ids: Column, file: str
) -> tuple[Column, list[Issue]]:
    """The text of a column read as RAW. Half a character at a value's end is dropped and reported;
    any other wrong byte raises EncodingWrong."""
    texts: dict[str, str] = {}
    cut: set[str] = set()
    for value in {value for value in raw if isinstance(value, str)}:
        data = value.encode(RAW)
        try:
            texts[value] = data.decode(encoding)
        except UnicodeDecodeError as error:
            if not _cut(data, error.start, encoding):
                raise EncodingWrong(
                    file=file,
                    encoding=encoding,
                    where=field,
                    bytes=data[error.start : error.start + 4].hex(" "),
                ) from error
            texts[value] = data[: error.start].decode(encoding)
            cut.add(value)
    decoded = object_column([texts[value] if isinstance(value, str) else value for value in raw])
    if not cut:
        return decoded, []
    return decoded, [
        issue(one, "text-cut", field=field) for one, value in zip(ids, raw, strict=True) if value in cut
    ]
