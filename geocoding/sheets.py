"""Rows of a table file as texts, whatever its kind and encoding: CSV, TSV, Excel, gzipped or not."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from zipfile import BadZipFile

from gis_core.errors import BadInput

LONGEST_CELL = 1 << 20
"""Characters; a longer cell is an unclosed quotation mark."""
BLOCK = 1 << 20
ODD_SHARE = 0.2
"""Part of the characters beyond ASCII that may be broken in a text that is UTF-8 all the same."""
WIDE_SHARE = 0.1
"""From this part of NUL bytes on a file is UTF-16, or no text."""
_EXCEL = (".xlsx", ".xlsm")
_OLE = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
_NO_TEXT = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf", b"SQLite format 3", b"PAR1")


class UnreadableTable(BadInput):
    """A file that is no table."""

    @classmethod
    def of(cls, path: Path, reason_zh: str, reason: str) -> "UnreadableTable":
        return cls(field=path.name, reason_zh=reason_zh, reason=reason)


def rows_of(path: Path, sheet: str | None = None) -> Iterator[list[str]]:
    """Rows as texts, header first, one at a time; blank rows before the header are passed over.

    ``sheet`` is one of ``sheet_names``; without it the first that holds anything. Raises UnreadableTable.
    """
    rows = _excel_rows(path, sheet) if is_excel(path) else _text_rows(path)
    for row in rows:
        if any(cell.strip("\ufeff \t") for cell in row):
            yield row
            break
    yield from rows


def is_excel(path: Path) -> bool:
    """Whether the file is to be read as a workbook. Raises UnreadableTable for one of Excel before 2007."""
    if not path.is_file():
        raise UnreadableTable.of(path, "文件不存在", "there is no such file")
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith(_OLE):
        raise UnreadableTable.of(
            path,
            "旧版 Excel（.xls），请另存为 .xlsx 或 CSV",
            "Excel before 2007 (.xls); save it as .xlsx or CSV",
        )
    return path.suffix.lower() in _EXCEL or head.startswith(_ZIP)


def sheet_names(path: Path) -> list[str]:
    """The sheets of a workbook that hold anything; none for a text file. Raises UnreadableTable."""
    if not is_excel(path):
        return []
    with _workbook(path) as book:
        return [
            sheet.title
            for sheet in book.worksheets
            if any(value is not None for row in sheet.iter_rows(values_only=True) for value in row)
        ]


def text_encoding(path: Path) -> str:
    """UTF-8 or UTF-16, with or without mark, else GB 18030, which holds GBK and GB 2312.

    The whole file is looked at: its head may be plain ASCII, and one broken character does not make UTF-8
    another encoding. Raises UnreadableTable for what is no text.
    """
    with _opened(path) as stream:
        head = stream.read(BLOCK)
        if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            return "utf-32"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if head.count(0) > WIDE_SHARE * len(head):
            even, odd = head[::2].count(0), head[1::2].count(0)
            if max(even, odd) > 10 * min(even, odd):
                return "utf-16-le" if odd > even else "utf-16-be"
            raise UnreadableTable.of(path, "不是文本表格", "is no table of text")
        if head.startswith(_NO_TEXT):
            raise UnreadableTable.of(path, "不是文本表格", "is no table of text")
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        broken = beyond = 0
        block = head
        while block:
            text = decoder.decode(block)
            broken += text.count("\ufffd")
            beyond += len(text) - len(text.encode("ascii", "ignore"))
            block = stream.read(BLOCK)
    return "utf-8-sig" if broken <= ODD_SHARE * beyond else "gb18030"


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if zipped else path.open("rb")


def _text_rows(path: Path) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    line = 0
    try:
        encoding = text_encoding(path)
        with io.TextIOWrapper(_opened(path), encoding=encoding, errors="replace", newline="") as stream:
            head = stream.read(1 << 14).lstrip("\ufeff\r\n")
            stream.seek(0)
            first = head.partition("\n")[0]
            delimiter = max(",\t;|", key=first.count)
            reader = csv.reader((text.replace("\0", "") for text in stream), delimiter=delimiter)
            for row in reader:
                line = reader.line_num
                yield row
    except csv.Error as error:
        raise UnreadableTable.of(
            path,
            f"第 {line + 1} 行起读不出，可能有未闭合的引号（{error}）",
            f"cannot be read from line {line + 1} on, perhaps a quotation mark is not closed ({error})",
        ) from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UnreadableTable.of(path, "压缩文件已损坏", "the gzipped file is damaged") from error


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    from openpyxl import load_workbook  # Loading it takes 0.2 s, which the CSV path need not pay.

    with path.open("rb") as stream:
        try:
            book = load_workbook(stream, read_only=True, data_only=True)
        except (BadZipFile, KeyError, ValueError, OSError, SyntaxError, zlib.error) as error:
            raise UnreadableTable.of(path, "不是 Excel 工作簿", "is no Excel workbook") from error
        try:
            yield book
        except (BadZipFile, zlib.error, SyntaxError) as error:
            raise UnreadableTable.of(path, "工作簿已损坏", "the workbook is damaged") from error
        finally:
            book.close()


def _excel_rows(path: Path, sheet: str | None) -> Iterator[list[str]]:
    with _workbook(path) as book:
        names = [one.title for one in book.worksheets]
        if sheet is None:
            wanted = next(iter(sheet_names(path)), names[0] if names else None)
        else:
            wanted = sheet if sheet in names else None
        if wanted is None:
            known = "、".join(names)
            raise UnreadableTable.of(
                path,
                f"没有名为“{sheet}”的工作表，现有：{known}",
                f"has no sheet “{sheet}”; it has: {', '.join(names)}",
            )
        for row in book[wanted].iter_rows(values_only=True):
            yield ["" if value is None else str(value) for value in row]
