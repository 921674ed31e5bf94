"""What inspectors walk in their responsibility grid: points to look at and routes."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class PatrolPoint(Base):
    """A place an inspector must pass. ``area_code``: that of its responsibility grid."""

    __tablename__ = "patrol_point"
    __table_args__ = (
        Index("ix_patrol_point_responsibility_grid_id", "responsibility_grid_id"),
        Index("ix_patrol_point_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    responsibility_grid_id: Mapped[int] = mapped_column(
        ForeignKey("responsibility_grid.id", ondelete="CASCADE")
    )
    area_code: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    note: Mapped[str | None]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))


class PatrolRoute(Base):
    """A route through patrol points. ``origin``: drawn by hand, or proposed along the roads."""

    __tablename__ = "patrol_route"
    __table_args__ = (
        CheckConstraint("origin IN ('drawn','proposed')", name="origin"),
        Index("ix_patrol_route_responsibility_grid_id", "responsibility_grid_id"),
        Index("ix_patrol_route_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    responsibility_grid_id: Mapped[int] = mapped_column(
        ForeignKey("responsibility_grid.id", ondelete="CASCADE")
    )
    area_code: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    origin: Mapped[str]
    point_ids: Mapped[list[int]] = mapped_column(ARRAY(INTEGER), server_default="{}")
    """Patrol points in the order they are passed."""
    length_m: Mapped[float]
    geom: Mapped[WKBElement] = mapped_column(Geometry("LINESTRING", srid=4326, spatial_index=False))
