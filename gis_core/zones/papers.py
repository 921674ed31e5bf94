"""Approval papers of zones: files under their own hash in the data folder."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from gis_core.errors import DomainError, Text

MAX_BYTES = 20 * 1024 * 1024
_SIGNS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_OFD_SIGN, OFD = b"PK\x03\x04", "application/ofd"


class PaperType(DomainError):
    status, slug = 415, "paper-type"
    title = Text("不支持的文件类型", "File type not taken")
    detail = Text(
        "文件 {file} 不是 PDF、OFD、PNG 或 JPEG（按内容判断）。",
        "The file {file} is no PDF, OFD, PNG or JPEG, judged by its content.",
    )


class PaperTooLarge(DomainError):
    status, slug = 413, "paper-too-large"
    title = Text("文件过大", "File too large")
    detail = Text("文件超过 {max_bytes} 字节的上限。", "The file exceeds the limit of {max_bytes} bytes.")


class PaperLost(DomainError):
    status, slug = 500, "paper-lost"
    title = Text("文件缺失", "File missing")
    detail = Text(
        "文件 {sha256} 不在数据目录中或已损坏，请从备份恢复。",
        "The file {sha256} is missing from the data folder or damaged; restore it from a backup.",
    )


@dataclass(frozen=True, slots=True)
class Paper:
    """What a file was found to be."""

    sha256: str
    media_type: str
    size_bytes: int


def judge_paper(name: str, content: bytes) -> Paper:
    """By its content, whatever the name says. Raises PaperType, PaperTooLarge."""
    if len(content) > MAX_BYTES:
        raise PaperTooLarge(max_bytes=MAX_BYTES)
    found = next((kind for sign, kind in _SIGNS if content.startswith(sign)), None)
    if found is None and content.startswith(_OFD_SIGN) and b"OFD.xml" in content:
        found = OFD
    if found is None:
        raise PaperType(file=name)
    return Paper(hashlib.sha256(content).hexdigest(), found, len(content))


def paper_path(data_dir: Path, sha256: str) -> Path:
    return data_dir / "papers" / sha256[:2] / sha256


def keep_paper(data_dir: Path, paper: Paper, content: bytes) -> None:
    """Write it whole or not at all; the same file twice is one file."""
    path = paper_path(data_dir, paper.sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def read_paper(data_dir: Path, sha256: str) -> bytes:
    """Raises PaperLost when it is not there or not what it was."""
    try:
        content = paper_path(data_dir, sha256).read_bytes()
    except FileNotFoundError:
        raise PaperLost(sha256=sha256) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PaperLost(sha256=sha256)
    return content
