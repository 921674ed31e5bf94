"""Zones: areas with a rule of their own."""

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class Zone(Base):
    """A timing area (core, general, outer), a no-report zone or a fence for units.

    ``rule`` holds what the kind needs (``gis_core.zones.rules``).
    """

    __tablename__ = "zone"
    __table_args__ = (
        CheckConstraint("kind IN ('timing_area','no_report','fence')", name="kind"),
        UniqueConstraint("code"),
        Index("ix_zone_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    area_code: Mapped[str]
    rule: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    valid_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid_to: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    geom: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))


class ZoneAttachment(Base):
    """An approval paper of a zone. The file lies under its SHA-256 in the data folder."""

    __tablename__ = "zone_attachment"
    __table_args__ = (
        UniqueConstraint("zone_id", "sha256"),
        CheckConstraint("size_bytes > 0", name="size"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    zone_id: Mapped[int] = mapped_column(ForeignKey("zone.id"))
    title: Mapped[str]
    document_number: Mapped[str | None]
    issued_by: Mapped[str | None]
    issued_on: Mapped[date | None]
    file_name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    uploaded_by: Mapped[int] = mapped_column(ForeignKey("person.id"))
    uploaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
