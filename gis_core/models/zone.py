"""Zones: areas with a rule of their own."""

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, DateTime, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class Zone(Base):
    """A timing area (core, general, outer), a no-report zone or a fence for units.

    ``rule`` holds what the kind needs: ``{"timing": "core"}``, ``{"weekly": …}``, ``{"max_kmh": 40}``.
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
