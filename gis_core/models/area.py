"""Administrative areas with their time of validity."""

from datetime import date
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base

AREA_LEVELS = ("city", "district", "street", "community")


class Area(Base):
    """A city, district, street (街道/镇) or community (社区) as it was from one day to another.

    ``code``: 6 digits (GB/T 2260) for city and district, 9 for a street, 12 for a community.
    ``valid_to`` is exclusive, None while valid; one code never has two shapes on one day.
    """

    __tablename__ = "area"
    __table_args__ = (
        CheckConstraint("level IN ('city','district','street','community')", name="level"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="validity"),
        ExcludeConstraint(
            ("code", "="),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="area_one_shape_a_day",
            using="gist",
        ),
        UniqueConstraint("source", "source_key", "valid_from"),
        Index("ix_area_geom", "geom", postgresql_using="gist"),
        Index("ix_area_parent_code", "parent_code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    level: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    parent_code: Mapped[str | None]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    source: Mapped[str]
    source_key: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=False))
