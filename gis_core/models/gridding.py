"""Drafts of unit grids, and the ledger of codes that were ever given out."""

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, SmallInteger, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class UnitGridCode(Base):
    """A code that was given out once and is never given out again, whatever became of its cell."""

    __tablename__ = "unit_grid_code"
    __table_args__ = (UniqueConstraint("community_code", "digits", "sequence"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    community_code: Mapped[str]
    digits: Mapped[int] = mapped_column(SmallInteger)
    sequence: Mapped[int]
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class UnitGridCounter(Base):
    """The highest sequence number of a community in one edition; its row lock orders who is served."""

    __tablename__ = "unit_grid_counter"

    community_code: Mapped[str] = mapped_column(primary_key=True)
    digits: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    last: Mapped[int]


class GridDraft(Base):
    """A division of an area that is being prepared. ``version`` rises with every change of its cells."""

    __tablename__ = "grid_draft"
    __table_args__ = (
        CheckConstraint("state IN ('dividing','open','published','discarded','failed')", name="state"),
        Index("ix_grid_draft_area_code", "area_code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area_code: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="dividing")
    version: Mapped[int] = mapped_column(server_default="0")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    srid: Mapped[int | None]
    """Metric system the cells were made in: their vertices lie on its 1 mm grid."""
    reason: Mapped[str]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    step: Mapped[str] = mapped_column(server_default="waiting")
    progress: Mapped[float] = mapped_column(server_default="0")
    progress_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    failure: Mapped[str | None]
    """Slug of the error that ended the division."""
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Topology report of the cells at ``version``."""
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class GridDraftCell(Base):
    """A cell of a draft, from one operation (``added_in``) to another (``removed_in``, None: still)."""

    __tablename__ = "grid_draft_cell"
    __table_args__ = (
        Index("ix_grid_draft_cell_draft_id", "draft_id"),
        Index("ix_grid_draft_cell_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("grid_draft.id", ondelete="CASCADE"))
    community_code: Mapped[str]
    wet: Mapped[bool]
    area_m2: Mapped[float]
    added_in: Mapped[int]
    removed_in: Mapped[int | None]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POLYGON", srid=4326, spatial_index=False))


class GridDraftOperation(Base):
    """One change of a draft: who, when and why. Number 0 is the division itself."""

    __tablename__ = "grid_draft_operation"
    __table_args__ = (CheckConstraint("kind IN ('divide','split','merge','move_border')", name="kind"),)

    draft_id: Mapped[int] = mapped_column(ForeignKey("grid_draft.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    undone_reason: Mapped[str | None]


class GridDraftIssue(Base):
    """A place in a draft that somebody should look at; ``measure`` in m² (buildings: how many cells)."""

    __tablename__ = "grid_draft_issue"
    __table_args__ = (
        Index("ix_grid_draft_issue_draft_id", "draft_id"),
        Index("ix_grid_draft_issue_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("grid_draft.id", ondelete="CASCADE"))
    kind: Mapped[str]
    measure: Mapped[float]
    community_code: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
