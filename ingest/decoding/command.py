"""The verb ``decode``."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from gis_core.errors import BadInput
from ingest.decoding import batch_records, json_records, jt808_records, nmea_records, osmand_records
from ingest.decoding.record import Record, line_of
from tracking.clock import micros_of


class Protocol(StrEnum):
    nmea = "nmea"
    owntracks = "owntracks"
    json = "json"
    batch = "batch"
    jt808 = "jt808"
    osmand = "osmand"


class SpeedUnit(StrEnum):
    kn = "kn"
    kmh = "kmh"
    mps = "mps"


def decode(
    protocol: Annotated[Protocol, typer.Option(help="协议 protocol")],
    file: Annotated[
        Path, typer.Argument(help="文件，或 - 表示标准输入 a file, or - for standard input")
    ] = Path("-"),
    allow_missing_checksum: Annotated[
        bool, typer.Option(help="nmea：接受无校验和的语句 take sentences without checksum")
    ] = False,
    reference_time: Annotated[
        str | None, typer.Option(help="ISO 8601，视为到达时间 taken for the time of arrival")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(help="owntracks：解密口令 opens encrypted payloads", envvar="WANMI_DECODE_SECRET"),
    ] = None,
    speed_unit: Annotated[
        SpeedUnit, typer.Option(help="osmand：查询中速度的单位 unit of speed in queries")
    ] = SpeedUnit.kn,
) -> None:
    """逐条解码报文，每条一行 JSON。Decode a capture: one JSON line a message (docs/protocols/decode.md)."""
    reference_us = _reference(reference_time)

    def records(source: BinaryIO) -> Iterator[Record]:
        match protocol:
            case Protocol.nmea:
                return nmea_records.read(
                    source, reference_us=reference_us, allow_missing_checksum=allow_missing_checksum
                )
            case Protocol.owntracks:
                return json_records.read_owntracks(source, reference_us=reference_us, secret=secret)
            case Protocol.json:
                return json_records.read_json(source, reference_us=reference_us)
            case Protocol.batch:
                return batch_records.read(source)
            case Protocol.jt808:
                return jt808_records.read(source)
            case Protocol.osmand:
                return osmand_records.read(source, reference_us=reference_us, speed_unit=speed_unit.value)

    if str(file) == "-":
        _print(records(sys.stdin.buffer))
        return
    try:
        with file.open("rb") as source:
            _print(records(source))
    except OSError as error:
        raise BadInput(
            field="FILE",
            reason_zh=f"无法读取 {file}：{error.strerror}",
            reason=f"cannot read {file}: {error.strerror}",
        ) from error


def _print(records: Iterator[Record]) -> None:
    """A reader that closes the pipe early (``head``) ends the run quietly."""
    out = sys.stdout.buffer
    try:
        for record in records:
            out.write(line_of(record))
        out.flush()
    except BrokenPipeError:
        sys.stdout = None  # nothing is left to flush to at the end
        raise typer.Exit(0) from None


def _reference(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(
            field="--reference-time",
            reason_zh=f"{text!r} 不是 ISO 8601 时间",
            reason=f"{text!r} is no ISO 8601 time",
        ) from error
    return micros_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
