"""The record of every change to the published city: who, when, why, and what was there before."""

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import INT4MULTIRANGE, JSONB, Range
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base

ORIGINS = ("page", "import", "undo", "system")


class Edit(Base):
    """One change set: all that one transaction changed in tables that keep history.

    Written by triggers at the first changed row; who and why come from the transaction's settings
    (SQL function ``edit_by``), and are the database role and ``system`` where nobody said.
    """

    __tablename__ = "edit"
    __table_args__ = (
        CheckConstraint("origin IN ('page','import','undo','system')", name="origin"),
        Index("ix_edit_at", "at"),
        Index("ix_edit_undoes_id", "undoes_id", unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    actor: Mapped[str]
    origin: Mapped[str] = mapped_column(server_default="system")
    reason: Mapped[str | None]
    undoes_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("edit.id"))
    """The change set that this one took back."""
    import_run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))


class EditInsert(Base):
    """Rows that came into being. Ids stand together in ranges, so that an import of a million rows
    leaves a few hundred of these."""

    __tablename__ = "edit_insert"
    __table_args__ = (
        Index("ix_edit_insert_edit_id", "edit_id"),
        Index("ix_edit_insert_relation_at", "relation", "at"),
        Index("ix_edit_insert_row_ids", "row_ids", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    edit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("edit.id"))
    relation: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    area_code: Mapped[str | None]
    row_ids: Mapped[list[Range[int]]] = mapped_column(INT4MULTIRANGE)


class EditRow(Base):
    """A row as it was before it was changed or taken away.

    ``id`` rises in the order of changes to one row, since it is drawn under the row's lock.
    """

    __tablename__ = "edit_row"
    __table_args__ = (
        CheckConstraint("operation IN ('update','delete')", name="operation"),
        Index("ix_edit_row_edit_id", "edit_id"),
        Index("ix_edit_row_relation_row_id", "relation", "row_id", "id"),
        Index("ix_edit_row_relation_at", "relation", "at"),
        Index(
            "ix_edit_row_duty",
            text("(content ->> 'responsibility_grid_id')"),
            postgresql_where=text("jsonb_exists(content, 'responsibility_grid_id')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    edit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("edit.id"))
    relation: Mapped[str]
    row_id: Mapped[int]
    operation: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    area_code: Mapped[str | None]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """All columns but the geometry."""
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=False))
