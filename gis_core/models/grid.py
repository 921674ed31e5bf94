"""Unit grids 单元网格 and the responsibility grids 责任网格 made of them."""

from datetime import date

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class UnitGrid(Base):
    """One cell of about 10,000 m², inside one community; its code is never used again.

    Codes have 14 (CJ/T 213-2005) or 15 digits (GB/T 30428.1): community 12 + sequence 2 or 3.
    """

    __tablename__ = "unit_grid"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("code ~ '^[0-9]{14,15}$'", name="code_digits"),
        CheckConstraint("left(code, 12) = community_code", name="code_prefix"),
        Index("ix_unit_grid_geom", "geom", postgresql_using="gist"),
        Index("ix_unit_grid_community_code", "community_code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    community_code: Mapped[str]
    area_m2: Mapped[float]
    initial_date: Mapped[date]
    """ORDate of GB/T 30428: first valid day."""
    change_date: Mapped[date | None]
    """CHDate: the day it was withdrawn; None while valid."""
    note: Mapped[str | None]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POLYGON", srid=4326, spatial_index=False))


class ResponsibilityGrid(Base):
    """A named set of unit grids that inspectors answer for; ``geom`` is the union of its cells."""

    __tablename__ = "responsibility_grid"
    __table_args__ = (
        UniqueConstraint("code"),
        Index("ix_responsibility_grid_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    area_code: Mapped[str]
    """Street (or finer) the grid belongs to."""
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    geom: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))


class ResponsibilityGridUnit(Base):
    """Which unit grids make up a responsibility grid."""

    __tablename__ = "responsibility_grid_unit"
    __table_args__ = (
        Index("ix_responsibility_grid_unit_unit_grid_id", "unit_grid_id"),
        UniqueConstraint("id"),
    )

    responsibility_grid_id: Mapped[int] = mapped_column(
        ForeignKey("responsibility_grid.id", ondelete="CASCADE"), primary_key=True
    )
    unit_grid_id: Mapped[int] = mapped_column(ForeignKey("unit_grid.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Identity())
    """For the history."""


class ResponsibilityGridPerson(Base):
    """Who answers for a responsibility grid, and when (``valid_to`` exclusive)."""

    __tablename__ = "responsibility_grid_person"
    __table_args__ = (Index("ix_responsibility_grid_person_person_id", "person_id"), UniqueConstraint("id"))

    responsibility_grid_id: Mapped[int] = mapped_column(
        ForeignKey("responsibility_grid.id", ondelete="CASCADE"), primary_key=True
    )
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_to: Mapped[date | None]
    id: Mapped[int] = mapped_column(Identity())
    """For the history."""
