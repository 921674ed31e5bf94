"""What stands on the ground: roads, buildings, land cover and facilities."""

from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class Road(Base):
    """A road or a piece of it. ``road_class``: motorway, trunk, primary, secondary, tertiary,
    residential, service, footway; OSM's words, wide to narrow. ``area_code``: district or finer."""

    __tablename__ = "road"
    __table_args__ = (
        UniqueConstraint("source", "source_key"),
        Index("ix_road_geom", "geom", postgresql_using="gist"),
        Index("ix_road_name", "name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    name_en: Mapped[str | None]
    road_class: Mapped[str]
    oneway: Mapped[bool] = mapped_column(server_default="false")
    lanes: Mapped[int | None]
    area_code: Mapped[str | None]
    source: Mapped[str]
    source_key: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    geom: Mapped[WKBElement] = mapped_column(Geometry("MULTILINESTRING", srid=4326, spatial_index=False))


class Building(Base):
    """A building footprint. Heights in metres above ground."""

    __tablename__ = "building"
    __table_args__ = (
        UniqueConstraint("source", "source_key"),
        Index("ix_building_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    address: Mapped[str | None]
    kind: Mapped[str] = mapped_column(server_default="building")
    height_m: Mapped[float | None]
    floors: Mapped[int | None]
    area_code: Mapped[str | None]
    source: Mapped[str]
    source_key: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    geom: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))


class LandCover(Base):
    """Water, green and other surfaces that a map draws below the roads."""

    __tablename__ = "land_cover"
    __table_args__ = (
        CheckConstraint("kind IN ('water','green','square','other')", name="kind"),
        UniqueConstraint("source", "source_key"),
        Index("ix_land_cover_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str | None]
    name_en: Mapped[str | None]
    source: Mapped[str]
    source_key: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    geom: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))


class Facility(Base):
    """A place of public interest (school, clinic, market, station…) as a point.

    ``kind`` is the source's type in OSM words where it has one.
    """

    __tablename__ = "facility"
    __table_args__ = (
        UniqueConstraint("source", "source_key"),
        Index("ix_facility_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str | None]
    name_en: Mapped[str | None]
    address: Mapped[str | None]
    area_code: Mapped[str | None]
    source: Mapped[str]
    source_key: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
