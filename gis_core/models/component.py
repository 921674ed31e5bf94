"""City components 部件 and their class dictionary by edition."""

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class ComponentClass(Base):
    """A subclass 小类 of one edition of the dictionary, or a city's own extension of it."""

    __tablename__ = "component_class"
    __table_args__ = (CheckConstraint("code ~ '^[0-9]{4,5}$'", name="code_digits"),)

    edition: Mapped[str] = mapped_column(primary_key=True)
    """``GBT30428.2-2013``, ``CJT214-2007``, or a city's own key."""
    code: Mapped[str] = mapped_column(primary_key=True)
    """Class (2) + subclass (2 or 3)."""
    class_name: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    geometry: Mapped[str | None]
    accuracy_class: Mapped[str | None]
    department_kind: Mapped[str | None]


class Component(Base):
    """A manhole cover, lamp, bin, sign… with its 16-digit identification code.

    Code: district 6 + class 2 + subclass 2 + sequence 6 (CJ/T 214, GB/T 30428.2-2013).
    """

    __tablename__ = "component"
    __table_args__ = (
        UniqueConstraint("code"),
        UniqueConstraint("source", "source_key"),
        CheckConstraint("code ~ '^[0-9]{16}$'", name="code_digits"),
        CheckConstraint("state IN ('intact','broken','lost','abandoned','occupied','moved')", name="state"),
        ForeignKeyConstraint(["edition", "class_code"], ["component_class.edition", "component_class.code"]),
        CheckConstraint("accuracy_class IN ('A','B','C')", name="accuracy_class"),
        Index("ix_component_geom", "geom", postgresql_using="gist"),
        *(
            Index(f"ix_component_{column}_id", column, "id")
            for column in ("class_code", "unit_grid_code", "area_code", "name", "initial_date")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    edition: Mapped[str]
    class_code: Mapped[str]
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="intact")
    authority: Mapped[str | None]
    owner: Mapped[str | None]
    maintainer: Mapped[str | None]
    unit_grid_code: Mapped[str | None]
    area_code: Mapped[str]
    """Community where known, else the district."""
    address: Mapped[str | None]
    data_source: Mapped[str] = mapped_column(server_default="surveyed")
    accuracy_class: Mapped[str | None]
    """Of the surveyed position: A ±0.5 m, B ±1.0 m, C ±10 m."""
    initial_date: Mapped[date]
    change_date: Mapped[date | None]
    note: Mapped[str | None]
    source: Mapped[str]
    source_key: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    geom: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=4326, spatial_index=False))


class ComponentCodeSequence(Base):
    """The highest sequence number ever given under a prefix; never lowered, so that no code comes back.

    ``prefix``: district 6 + class and subclass; the digits left to 16 are the sequence.
    """

    __tablename__ = "component_code_sequence"
    __table_args__ = (
        CheckConstraint("prefix ~ '^[0-9]{10,11}$'", name="prefix"),
        CheckConstraint("last BETWEEN 0 AND 10 ^ (16 - length(prefix)) - 1", name="last"),
    )

    prefix: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class ComponentDuplicate(Base):
    """What staff decided about two components of one class that stand too close together.

    ``both``: two things, not to be reported again; ``merged``: one thing, ``kept_id`` goes on and the
    other was retired. Taken back by undoing the edit that made it.
    """

    __tablename__ = "component_duplicate"
    __table_args__ = (
        CheckConstraint("component_id < other_id", name="order"),
        CheckConstraint("decision IN ('both','merged')", name="decision"),
        CheckConstraint("(decision = 'merged') = (kept_id IS NOT NULL)", name="kept"),
        UniqueConstraint("component_id", "other_id"),
        Index("ix_component_duplicate_other_id", "other_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    component_id: Mapped[int] = mapped_column(ForeignKey("component.id", ondelete="CASCADE"))
    other_id: Mapped[int] = mapped_column(ForeignKey("component.id", ondelete="CASCADE"))
    decision: Mapped[str]
    kept_id: Mapped[int | None]
    metres: Mapped[float]
    """How far apart they were when it was decided."""
    area_code: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
