"""Track files as columns: ``device`` or ``vehicle``, ``time``, ``lon``, ``lat``, and speed and course."""

import csv as plain_csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from tracking.analyse.header import NEEDED, Header, TrackFileError, read_header
from tracking.analyse.moments import UNREADABLE, moments_of

UNIT_MPS = {
    "km/h": 1 / 3.6,
    "kmh": 1 / 3.6,
    "m/s": 1.0,
    "mps": 1.0,
    "mph": 1609.344 / 3600,
    "kn": 1852 / 3600,
}
BLOCK_BYTES = 8 * 2**20
_NUMBER = r"^[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})([eE][+-]?\d{1,3})?$"
_READING = (OSError, EOFError, UnicodeError, plain_csv.Error, pa.ArrowException)
_TOLD_ZH = {FileNotFoundError: "文件不存在", IsADirectoryError: "这是目录", PermissionError: "没有读取权限"}


@dataclass(frozen=True, slots=True, eq=False)
class TrackFile:
    """Columns in the order of the rows; ``device`` is an index into ``names``. NaN: not given."""

    names: list[str]
    row: NDArray[np.int64]
    """Place among the data rows of the file, from 0."""
    device: NDArray[np.int32]
    time_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    course_deg: NDArray[np.float64]
    refused: list[tuple[int, int, str, str]]
    """Rows that cannot be read: row, line in the file, device, what is wrong."""


def read_columns(path: Path) -> TrackFile:
    """Read a file (also .gz), block by block.

    Raises TrackFileError for one that cannot be read, is no text, or lacks one of the four columns.
    """
    try:
        with _opened(path) as source:
            header = read_header(path.name, source)
        try:
            return _read(path, header, quotes=True)
        except pa.ArrowInvalid:  # a quotation mark that is never closed: read as any other character
            return _read(path, header, quotes=False)
    except _READING as error:
        told = str(getattr(error, "strerror", None) or error).splitlines()[0][:200]
        told_zh = next((zh for kind, zh in _TOLD_ZH.items() if isinstance(error, kind)), f"读取出错：{told}")
        raise TrackFileError(file=path.name, reason_zh=told_zh, reason=told) from error


def exchanged(file: TrackFile) -> bool:
    """Whether longitude and latitude seem to stand in each other's column."""
    beyond = np.abs(file.lat) > 90
    return bool(len(beyond) and beyond.mean() > 0.5 and (np.abs(file.lon[beyond]) <= 90).all())


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def _read(path: Path, header: Header, *, quotes: bool) -> TrackFile:
    gathered = _Gathered(header)

    def ragged(row: Any) -> str:
        if quotes and "\n" in row.text:
            return "error"  # a quotation mark that is never closed
        gathered.set_apart(row.number, row.text)
        return "skip"

    reading = csv.ReadOptions(
        use_threads=False,
        block_size=BLOCK_BYTES,
        skip_rows=header.lines,
        column_names=[str(place) for place in range(len(header.columns))],
        encoding="utf8" if header.encoding.startswith("utf-8") else header.encoding,
    )
    wanted = {meaning: str(place) for meaning, place in header.places.items()}
    converting = csv.ConvertOptions(
        include_columns=list(dict.fromkeys(wanted.values())),
        column_types=dict.fromkeys(wanted.values(), pa.string()),
        strings_can_be_null=False,
        quoted_strings_can_be_null=False,
    )
    parsing = csv.ParseOptions(
        delimiter=header.delimiter, quote_char='"' if quotes else False, invalid_row_handler=ragged
    )
    with _opened(path) as source:
        try:
            blocks: Iterator[pa.RecordBatch] = csv.open_csv(source, reading, parsing, converting)
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise
            blocks = iter(())
        for block in blocks:
            gathered.add_block({meaning: block.column(name) for meaning, name in wanted.items()})
    return gathered.file()


class _Gathered:
    """Blocks become columns as they come, so that the text is not kept."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._ids: dict[str, int] = {}
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._refused: list[tuple[int, int, str, str]] = []
        self._apart: list[tuple[int, str]] = []
        self._blocks_apart = 0
        self._rows = 0

    def set_apart(self, number: int | None, text: str) -> None:
        """A row with more or fewer fields than there are names; ``number`` is its line."""
        last = self._apart[-1][0] if self._apart else -1
        self._apart.append((last + 1 if number is None else number - self._header.lines - 1, text))

    def add_block(self, told: dict[str, pa.Array]) -> None:
        """Rows that follow each other, but for those that were set apart since the block before."""
        between: list[int] = []
        for row, _ in self._apart[self._blocks_apart :]:  # the reader is ahead: some are of later blocks
            if row >= self._rows + len(told["device"]) + len(between):
                break
            between.append(row)
        rows = np.arange(self._rows, self._rows + len(told["device"]) + len(between), dtype=np.int64)
        self._rows, self._blocks_apart = self._rows + len(rows), self._blocks_apart + len(between)
        self._add(rows[~np.isin(rows, between)][: len(told["device"])], told)

    def file(self) -> TrackFile:
        if self._apart:
            self._add_apart()
        kinds = (np.int64, np.int32, np.int64, *[np.float64] * 4)
        columns = [
            np.concatenate([np.zeros(0, dtype=kind), *(part[at] for part in self._parts)])
            for at, kind in enumerate(kinds)
        ]
        if self._apart:
            order = np.argsort(columns[0], kind="stable")
            columns = [column[order] for column in columns]
        row, device, time_us, lon, lat, speed, course = columns
        codes, first = np.unique(device, return_index=True)
        by_appearance = codes[np.argsort(first)]
        renumbered = np.zeros(len(self._ids) + 1, dtype=np.int32)
        renumbered[by_appearance] = np.arange(len(codes))
        every = list(self._ids)
        names = [every[code] for code in by_appearance.tolist()]
        refused = sorted(self._refused)
        return TrackFile(names, row, renumbered[device], time_us, lon, lat, speed, course, refused)

    def _add_apart(self) -> None:
        """A row with too many fields, or without its last ones, may hold what is needed."""
        needed = max(self._header.places[name] for name in NEEDED)
        rows: list[int] = []
        fields: list[list[str]] = []
        for row, text in self._apart:
            cells = next(plain_csv.reader([text], delimiter=self._header.delimiter), [])
            if len(cells) > needed:
                rows.append(row)
                fields.append(cells)
            else:
                self._refuse(row, "", f"{len(cells)} fields: {text[:64]!r}")
        told = {
            meaning: pa.array([cells[at] if at < len(cells) else "" for cells in fields], pa.string())
            for meaning, at in self._header.places.items()
        }
        self._add(np.array(rows, dtype=np.int64), told)

    def _add(self, row: NDArray[np.int64], told: dict[str, pa.Array]) -> None:
        comma = self._header.delimiter != ","
        lon, lat = (_numbers(told[name], decimal_comma=comma) for name in ("lon", "lat"))
        time_us = moments_of(told["time"])
        names = pc.utf8_trim(told["device"], characters=' \t"').dictionary_encode()
        dictionary = names.dictionary.to_pylist()
        nameless = np.array([not name for name in dictionary], dtype=np.bool_)
        codes = names.indices.to_numpy(zero_copy_only=False)
        bad_time, bad_place = time_us == UNREADABLE, np.isnan(lon) | np.isnan(lat)
        bad = bad_time | bad_place | nameless[codes]
        for index in np.flatnonzero(bad).tolist():
            wrong = "time" if bad_time[index] else "device" if nameless[codes[index]] else "lon, lat"
            value = ", ".join(str(told[name][index].as_py())[:64] for name in wrong.split(", "))
            self._refuse(int(row[index]), dictionary[codes[index]], f"{wrong}: {value!r}")
        good = np.flatnonzero(~bad)
        ids = [self._ids.setdefault(name, len(self._ids)) for name in dictionary]
        device = np.array(ids, dtype=np.int32)[codes]
        speed, course = self._speed(told, comma), np.full(len(row), np.nan)
        if "course" in told:
            course = _numbers(told["course"], decimal_comma=comma)
        columns = (row, device, time_us, lon, lat, speed, course)
        self._parts.append(tuple(column[good] for column in columns))

    def _refuse(self, row: int, device: str, wrong: str) -> None:
        self._refused.append((row, row + self._header.lines + 1, device, wrong))

    def _speed(self, told: dict[str, pa.Array], comma: bool) -> NDArray[np.float64]:
        if "speed" not in told:
            return np.full(len(told["device"]), np.nan)
        speed = _numbers(told["speed"], decimal_comma=comma)
        if "unit" not in told or self._header.columns[self._header.places["speed"]] != "speed":
            return speed * self._header.speed_factor
        units = told["unit"].dictionary_encode()
        factors = np.array([UNIT_MPS.get(unit, 1 / 3.6) for unit in units.dictionary.to_pylist()])
        return np.asarray(speed * factors[units.indices.to_numpy(zero_copy_only=False)], dtype=np.float64)


def _numbers(told: pa.Array, *, decimal_comma: bool) -> NDArray[np.float64]:
    """NaN for what is no decimal number."""
    told = pc.utf8_trim_whitespace(told)
    if decimal_comma:
        told = pc.replace_substring(told, ",", ".", max_replacements=1)
    known = pc.match_substring_regex(told, _NUMBER)
    numbers = pc.if_else(known, told, None).cast(pa.float64())
    return np.asarray(numbers.fill_null(np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)
