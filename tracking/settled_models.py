"""Days of fixes that are over: where they are kept, who was where on them, and how each unit went."""

from datetime import date, datetime

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class SettledDay(Base):
    """A day (UTC) of fixes: settled (sorted, rolled up), archived to a file, dropped."""

    __tablename__ = "settled_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    archived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    archive_file: Mapped[str | None]
    """Name in the archive folder."""
    archive_fixes: Mapped[int | None] = mapped_column(BigInteger)
    archive_sum: Mapped[str | None]
    """Of the rows: ``fixes_sum`` of the partition when it was written, and of the file when read back."""
    archive_sm3: Mapped[str | None]
    """Of the file's bytes, hex."""
    dropped_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """The partition is gone; the file is all there is."""
    restored_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Brought back from the file; it stays for ``restored_days``."""


late_fix = Table(
    "late_fix",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("day", Date, nullable=False),
    Column("device_id", Integer, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Index("ix_late_fix_day", "day"),
)
"""Written with fixes of a time that is rolled up: what is rolled up of that device is out of date between
these bounds, both in. Rows are only ever added and taken out, never met twice: a roll-up takes out what it
has seen."""


class LateBefore(Base):
    """One row: a fix of before ``moment`` is marked as late by whoever writes it."""

    __tablename__ = "late_before"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, server_default="1", autoincrement=False)
    moment: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PieceDay(Base):
    """A day (UTC) whose fixes before ``through`` have their pieces."""

    __tablename__ = "piece_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    through: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    bytes: Mapped[int] = mapped_column(BigInteger)
    """Size of the day's partition then."""


class TrackPiece(Base):
    """The fixes of a unit within a cell (``piece_cell``) and ten minutes. Of one unit and cell no two
    pieces share a moment."""

    __tablename__ = "track_piece"

    day: Mapped[date] = mapped_column(primary_key=True)
    cell: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    device_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_time: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    last_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fixes: Mapped[int]
    parts: Mapped[int] = mapped_column(BigInteger)
    """Those of the cell that the fixes lie in, a bit each (``piece_part``)."""
    points: Mapped[bytes] = mapped_column(LargeBinary)
    """Of each fix, in any order, PostgreSQL's binary forms of its time, longitude and latitude: int8
    (microseconds since 2000) and two float8."""


class TrackCell(Base):
    """A unit was in a coarse cell on a settled day: its first and last fix there, and how many."""

    __tablename__ = "track_cell"

    day: Mapped[date] = mapped_column(primary_key=True)
    cell: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    device_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fixes: Mapped[int]


class TrackDay(Base):
    """How a unit went on a settled day: its way in few points, and how long it was."""

    __tablename__ = "track_day"
    __table_args__ = (Index("ix_track_day_day", "day"),)

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    first_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fixes: Mapped[int]
    mileage_m: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    mileage_error_m: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    geom: Mapped[WKBElement | None] = mapped_column(
        Geometry("LINESTRING", srid=4326, spatial_index=False), nullable=True
    )
    """Within 20 m of the fixes; null with fewer than two places."""
