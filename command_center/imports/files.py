"""Handed-in files: streamed to a folder of their own, never held in memory."""

import asyncio
import hashlib
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gis_core.errors import BadInput, DomainError, Text

MAX_NAME_BYTES = 160
SOURCE, ISSUES = "source", "issues.jsonl"
FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""How OpenAPI describes a request that ``receive_upload`` reads."""


class NoFile(DomainError):
    status, slug = 422, "no-file"
    title = Text("没有文件", "No file")
    detail = Text(
        "请以 multipart/form-data 的 file 部分提交一个文件。",
        "Send one file as the part `file` of multipart/form-data.",
    )


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in whole, in a folder that awaits its number."""

    folder: Path
    path: Path
    name: str
    sha256: str
    size: int


def task_folder(data_dir: Path, task_id: int) -> Path:
    return data_dir / "uploads" / str(task_id)


def source_path(data_dir: Path, task_id: int) -> Path | None:
    """The handed-in file of a task; None once it was cleared away."""
    folder = task_folder(data_dir, task_id) / SOURCE
    return next(folder.iterdir(), None) if folder.is_dir() else None


def plain_name(given: str) -> str:
    """The last part of a file's name without what has a meaning to file systems."""
    name = re.split(r"[\\/]", given)[-1]
    name = re.sub(r"[\x00-\x1f\x7f]", "", name).lstrip(". ").strip()
    while len(name.encode()) > MAX_NAME_BYTES:
        stem, dot, suffixes = name.partition(".")
        name = stem[:-1] + dot + suffixes if len(stem) > 1 else name[-MAX_NAME_BYTES // 4 :]
    return name or "file"


@dataclass(slots=True)
class _Receiver:
    """Takes the part named ``file`` out of a multipart body as it comes."""

    folder: Path
    name: str | None = None
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _field: bytes = b""
    _value: bytes = b""
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _file: BinaryIO | None = None
    whole: bool = False
    """Whether the last boundary came."""

    def on_part_begin(self) -> None:
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def on_headers_finished(self) -> None:
        _, said = parse_options_header(self._headers.get(b"content-disposition", b""))
        if said.get(b"name") != b"file" or b"filename" not in said or self.name is not None:
            return
        self.name = plain_name(said[b"filename"].decode("utf-8", errors="replace"))
        self._file = (self.folder / SOURCE / self.name).open("wb")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            block = data[start:end]
            self._file.write(block)
            self.digest.update(block)
            self.size += len(block)

    def on_end(self) -> None:
        self.whole = True

    def on_part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


async def receive_upload(request: Request, data_dir: Path) -> Upload:
    """Stream the request's file part to disk. Raises NoFile and BadInput; leaves nothing behind then."""
    kind, said = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not said.get(b"boundary"):
        raise NoFile
    folder = data_dir / "uploads" / f"new-{uuid4().hex}"
    (folder / SOURCE).mkdir(parents=True)
    receiver = _Receiver(folder)
    callbacks = {
        name: getattr(receiver, name)
        for name in ("on_part_begin", "on_header_field", "on_header_value", "on_header_end",
                     "on_headers_finished", "on_part_data", "on_part_end", "on_end")
    }  # fmt: skip
    parser = MultipartParser(said[b"boundary"], callbacks)  # type: ignore[arg-type]
    try:
        async for chunk in request.stream():
            await asyncio.to_thread(parser.write, chunk)
        parser.finalize()
        if not receiver.whole:
            raise FormParserError("cut")
        if receiver.name is None or receiver.size == 0:
            raise NoFile
    except FormParserError as error:
        receiver.on_part_end()
        shutil.rmtree(folder, ignore_errors=True)
        raise BadInput(field="file", reason_zh="上传不完整", reason="the upload is cut") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Upload(
        folder, folder / SOURCE / receiver.name, receiver.name, receiver.digest.hexdigest(), receiver.size
    )
