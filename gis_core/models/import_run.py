"""The record of every import: what came, what was taken, changed and refused, and why."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class ImportRun(Base):
    """One call of the import; a refused one leaves its run and issues, and no features."""

    __tablename__ = "import_run"
    __table_args__ = (CheckConstraint("state IN ('running','done','refused')", name="state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    file_name: Mapped[str]
    file_sha256: Mapped[str]
    target: Mapped[str]
    source: Mapped[str]
    srid: Mapped[int | None]
    state: Mapped[str] = mapped_column(server_default="running")
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """read, inserted, updated, unchanged, repaired, refused."""


class ImportIssue(Base):
    """One feature (or the file) that was changed or refused, and why."""

    __tablename__ = "import_issue"
    __table_args__ = (
        CheckConstraint("severity IN ('note','repaired','refused')", name="severity"),
        Index("ix_import_issue_import_run_id", "import_run_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    import_run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id", ondelete="CASCADE"))
    feature: Mapped[str]
    severity: Mapped[str]
    code: Mapped[str]
    message_zh: Mapped[str]
    message_en: Mapped[str]


class ImportMapping(Base):
    """How a source's files were read last time: used where nothing else is said."""

    __tablename__ = "import_mapping"

    source: Mapped[str] = mapped_column(primary_key=True)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """By the file's name without digits and punctuation: target, layer, field map, key, constants, classes,
    level, parent, srid, datum, encoding; only what somebody said or accepted."""
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ImportTask(Base):
    """A file handed in over HTTP, on its way: looked at, tried, taken."""

    __tablename__ = "import_task"
    __table_args__ = (
        CheckConstraint("state IN ('uploaded','queued','running','tried','done','refused')", name="state"),
        Index("ix_import_task_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    file_name: Mapped[str]
    file_sha256: Mapped[str]
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(server_default="uploaded")
    """``tried``: a dry run ended well; the file can be tried and taken until it is ``done``."""
    dry_run: Mapped[bool] = mapped_column(server_default="false")
    """Whether the step queued or last ended was a dry run."""
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    inspection: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    read: Mapped[int] = mapped_column(BigInteger, server_default="0")
    total: Mapped[int | None] = mapped_column(BigInteger)
    """Features read so far, and their number where the file tells it."""
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """slug, zh, en."""
    import_run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
