"""Tables of the gazetteer: sources, entries, other names, calibrations, corrections, use."""

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class GazetteerSource(Base):
    """A register or table that entries came from.

    ``quality`` 0 to 1: trust in its points; among sources that disagree the one that its road bears out
    wins, then the better one. ``priority``: the lower is shown first where all else is equal.
    """

    __tablename__ = "gazetteer_source"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("quality BETWEEN 0 AND 1", name="quality"),
        CheckConstraint("datum IN ('wgs84','gcj02','bd09')", name="datum"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    key: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="100")
    quality: Mapped[float] = mapped_column(REAL, server_default="0.7")
    datum: Mapped[str] = mapped_column(server_default="wgs84")
    dated: Mapped[date | None]
    """State of the data, as its publisher says."""
    columns: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """Column mapping of the last import."""
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class GazetteerEntry(Base):
    """A named or numbered place, as read from one row of a source.

    ``base`` is the canonical name (road; estate; hamlet with its village); ``kind`` road, place or point
    (shop, organisation); ``part`` 0 for the address of the row, 1 for the name at it. Numbers and
    marks as in ``geocoding.grammar.elements.Number``. ``display`` is what the source wrote.
    """

    __tablename__ = "gazetteer_entry"
    __table_args__ = (
        UniqueConstraint("source_id", "source_key", "part"),
        CheckConstraint("kind IN (32, 64, 128)", name="kind"),
        Index("ix_gazetteer_entry_base_number", "base", "number"),
        Index("ix_gazetteer_entry_changed_xid", "changed_xid"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("gazetteer_source.id", ondelete="CASCADE"))
    source_key: Mapped[str]
    part: Mapped[int] = mapped_column(SmallInteger)
    base: Mapped[str]
    kind: Mapped[int] = mapped_column(SmallInteger)
    number: Mapped[int]
    unit: Mapped[str]
    mark: Mapped[str]
    upto: Mapped[int]
    tail: Mapped[str]
    district: Mapped[str]
    town: Mapped[str]
    community: Mapped[str]
    display: Mapped[str]
    lon: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    lat: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    geom: Mapped[WKBElement | None] = mapped_column(
        Geometry("POINT", srid=4326, spatial_index=False),
        Computed("ST_SetSRID(ST_MakePoint(lon, lat), 4326)", persisted=True),
    )
    """Made from ``lon`` and ``lat`` by the database."""
    changed_xid: Mapped[int] = mapped_column(
        BigInteger, server_default=text("pg_current_xact_id()::text::bigint")
    )
    """Transaction that wrote it: readers fetch what is newer than what they have."""


class GazetteerName(Base):
    """Another name of a base. ``status``: alias 别名, former 曾用名, correction 人工订正."""

    __tablename__ = "gazetteer_name"
    __table_args__ = (
        UniqueConstraint("name", "base"),
        CheckConstraint("status IN ('alias','former','correction')", name="status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    base: Mapped[str]
    status: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class GeocodeCalibration(Base):
    """What the gazetteer learnt by examining itself; the newest counts."""

    __tablename__ = "geocode_calibration"

    id: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    entries: Mapped[int]
    model: Mapped[dict[str, Any]] = mapped_column(JSONB)


class GazetteerUse(Base):
    """How often a base was chosen from the suggestions."""

    __tablename__ = "gazetteer_use"

    base: Mapped[str] = mapped_column(primary_key=True)
    chosen: Mapped[int] = mapped_column(server_default="0")


class PhonePrefix(Base):
    """The area that telephones of one prefix stand in. ``prefix``: national form without the trunk zero, or
    the beginning of a subscriber's number."""

    __tablename__ = "phone_prefix"
    __table_args__ = (CheckConstraint("prefix ~ '^[0-9]{2,12}$'", name="prefix"),)

    prefix: Mapped[str] = mapped_column(primary_key=True)
    area_code: Mapped[str]


class GeocodeTable(Base):
    """A table of addresses that somebody handed in to be located; its file lies beside the other uploads."""

    __tablename__ = "geocode_table"
    __table_args__ = (
        CheckConstraint("state IN ('uploaded','queued','running','done','refused')", name="state"),
        Index("ix_geocode_table_person_id", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    file_name: Mapped[str]
    file_bytes: Mapped[int] = mapped_column(BigInteger)
    header: Mapped[list[str]] = mapped_column(JSONB)
    samples: Mapped[list[list[str]]] = mapped_column(JSONB)
    """The first rows, as texts."""
    total: Mapped[int]
    """Rows below the header."""
    address_column: Mapped[str | None]
    district_column: Mapped[str | None]
    areas: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """LIKE patterns of the area codes of whoever had it located; None: the whole city. Grids and components
    elsewhere are not found by their codes."""
    state: Mapped[str] = mapped_column(server_default="uploaded")
    done: Mapped[int] = mapped_column(server_default="0")
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class GeocodeRow(Base):
    """What was found for one row, and what somebody decided. ``decision``: ``candidate`` one of those
    found, ``point`` set on the map, ``nowhere`` no place can be told."""

    __tablename__ = "geocode_row"
    __table_args__ = (
        CheckConstraint("status IN ('accepted','doubtful','ambiguous','not_found')", name="status"),
        CheckConstraint("decision IN ('candidate','point','nowhere')", name="decision"),
        Index("ix_geocode_row_status", "table_id", "status", "row_number"),
    )

    table_id: Mapped[int] = mapped_column(
        ForeignKey("geocode_table.id", ondelete="CASCADE"), primary_key=True
    )
    row_number: Mapped[int] = mapped_column(primary_key=True)
    """From 1, the header not counted."""
    address: Mapped[str]
    district: Mapped[str]
    status: Mapped[str]
    level: Mapped[str]
    matched: Mapped[str]
    confidence: Mapped[float | None] = mapped_column(REAL)
    error_m: Mapped[float | None] = mapped_column(REAL)
    lon: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    lat: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """The other places that came into question."""
    decision: Mapped[str | None]
    decided_lon: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    decided_lat: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    decided_matched: Mapped[str | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
