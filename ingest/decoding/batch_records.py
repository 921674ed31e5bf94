"""Records of compact batches: one a fix, one a batch that is refused."""

from collections.abc import Iterator
from typing import BinaryIO

from ingest import batch
from ingest.decoding import record as records
from ingest.decoding.record import Record
from ingest.decoding.source import chunks
from tracking.fix import Fix
from tracking.reasons import Reason, Reject

_START = batch.MAGIC + bytes([batch.VERSION])


def read(file: BinaryIO) -> Iterator[Record]:
    """Messages may follow each other; bytes between them are one refused record."""
    held = b""
    for data in chunks(file):
        held += data
        while held:
            found, held, waits = _next(held, ended=False)
            yield from found
            if waits:
                break
    while held:
        found, held, _ = _next(held, ended=True)
        yield from found


def _next(held: bytes, *, ended: bool) -> tuple[list[Record], bytes, bool]:
    """Records of what stands first, what is left, and whether more bytes are needed."""
    start = held.find(_START)
    if start:
        cut = start if start > 0 else len(held) if ended else max(0, len(held) - len(_START) + 1)
        if not cut:
            return [], held, True
        told = Reject(Reason.BAD_BODY, f"{cut} bytes that are no batch")
        return [records.refused("batch", told, held[:2048].hex())], held[cut:], start < 0 and not ended
    size = batch.size_of(held[: batch.HEADER.itemsize])
    if len(held) < (size or batch.HEADER.itemsize):
        if not ended:
            return [], held, True
        told = Reject(Reason.BAD_BODY, f"cut: {len(held)} of {size or 'more'} bytes")
        return [records.refused("batch", told, held[:2048].hex())], b"", False
    if size is None:
        told = Reject(Reason.BAD_BODY, "a count beyond what a batch may hold")
        return [records.refused("batch", told, held[:20].hex())], held[len(_START) :], False
    message = held[:size]
    found = batch.decode(message)
    if len(found) == 1 and isinstance(found[0], Reject):
        return [records.refused("batch", found[0], message[:2048].hex())], held[len(_START) :], False
    fixes = [_record(fix, index) for index, fix in enumerate(found) if isinstance(fix, Fix)]
    return fixes or [Record(kind="batch", extras={"count": 0})], held[size:], False


def _record(fix: Fix, index: int) -> Record:
    record = records.of_fix(fix, kind="fix", device=None)
    record.extras = {"index": index}
    return records.judge_position(record, "")
