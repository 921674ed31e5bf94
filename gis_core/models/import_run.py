"""The record of every import: what came, what was taken, changed and refused, and why."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, func
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
