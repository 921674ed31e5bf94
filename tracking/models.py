"""Devices and who carries them, fixes by day, last states, commands, dead letters and outages."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base

UNIT_KINDS = ("inspector", "sanitation", "slag_truck", "enforcement")


class Vehicle(Base):
    """A vehicle of a department or company. ``kind``: sanitation, slag_truck or enforcement."""

    __tablename__ = "vehicle"
    __table_args__ = (UniqueConstraint("plate"), Index("ix_vehicle_org_unit_id", "org_unit_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    plate: Mapped[str]
    kind: Mapped[str]
    org_unit_id: Mapped[int] = mapped_column(ForeignKey("org_unit.id"))
    area_code: Mapped[str]


class Device(Base):
    """A phone or terminal; carried by one person or built into one vehicle.

    ``key`` is the device's name in MQTT topics and its broker login. ``token_hash`` is the SM3 of
    its token (the broker keeps the token itself only in its own private file).
    """

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("key ~ '^[A-Za-z0-9_-]{1,64}$'", name="key_topic_safe"),
        CheckConstraint("num_nonnulls(person_id, vehicle_id) <= 1", name="one_carrier"),
        UniqueConstraint("terminal_number"),
        CheckConstraint("terminal_number ~ '^[1-9a-f][0-9a-f]{0,19}$'", name="terminal_number"),
        CheckConstraint("speed_unit IN ('kn','kmh','mps')", name="speed_unit"),
        Index("ix_device_person_id", "person_id"),
        Index("ix_device_vehicle_id", "vehicle_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    vehicle_id: Mapped[int | None] = mapped_column(ForeignKey("vehicle.id"))
    unit_kind: Mapped[str]
    """inspector, sanitation, slag_truck or enforcement: what the map draws."""
    area_code: Mapped[str]
    org_unit_id: Mapped[int] = mapped_column(ForeignKey("org_unit.id"))
    enabled: Mapped[bool] = mapped_column(server_default="true")
    period_s: Mapped[int] = mapped_column(server_default="30")
    """How often it is expected to report; it is offline after three of these."""
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    terminal_number: Mapped[str | None]
    """JT/T 808: the number without leading zeros, hex digits in small letters."""
    speed_unit: Mapped[str] = mapped_column(server_default="kn")
    """Of OsmAnd queries: kn, kmh or mps."""
    payload_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of encrypted OwnTracks payloads; sealed with our data key."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class DeviceCommand(Base):
    """Something a device was asked to do: ``text`` (show it) or ``locate`` (report at once)."""

    __tablename__ = "device_command"
    __table_args__ = (
        CheckConstraint("kind IN ('text','locate')", name="kind"),
        CheckConstraint("state IN ('waiting','sent','done','failed','expired')", name="state"),
        CheckConstraint(
            "(state IN ('done','failed','expired')) = (finished_at IS NOT NULL)", name="finished"
        ),
        Index("ix_device_command_device_id", "device_id", text("requested_at DESC")),
        Index("ix_device_command_open", "expires_at", postgresql_where=text("finished_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    kind: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Without an answer until then the command has failed."""
    state: Mapped[str] = mapped_column(server_default="waiting")
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    result: Mapped[str | None] = mapped_column(Text)
    """What the device answered."""


class DeviceClock(Base):
    """A device whose clock is off: ahead by so many seconds (negative: behind). No row: it is right."""

    __tablename__ = "device_clock"

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), primary_key=True)
    offset_s: Mapped[float] = mapped_column(REAL)
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class DeviceTally(Base):
    """How many fixes or messages of a device were refused or flagged on a day (UTC), by reason or flag."""

    __tablename__ = "device_tally"
    __table_args__ = (Index("ix_device_tally_day", "day"),)

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


fix = Table(
    "fix",
    Base.metadata,
    Column("device_id", Integer, nullable=False),
    Column("fix_time", DateTime(timezone=True), nullable=False, comment="UTC, by the receiver"),
    Column("received_at", DateTime(timezone=True), nullable=False, comment="UTC, by us"),
    Column("lon", DOUBLE_PRECISION, nullable=False, comment="degrees, WGS84"),
    Column("lat", DOUBLE_PRECISION, nullable=False),
    Column("content", BigInteger, nullable=False, comment="hash of what the device said; tells a repeat"),
    Column("altitude_m", REAL),
    Column("speed_mps", REAL),
    Column("course_deg", REAL, comment="clockwise from true north"),
    Column("accuracy_m", REAL),
    Column("satellites", SmallInteger),
    Column("battery_pct", SmallInteger),
    Column("unit_grid_id", Integer),
    Column("responsibility_grid_id", Integer, comment="the grid the fix lies in"),
    Column("flags", Integer, nullable=False, server_default="0", comment="bits of tracking.fix.Flag"),
    Column("signals", BigInteger, comment="bits of tracking.signals; null: none told"),
    Index("ux_fix_device_id_fix_time_content", "device_id", "fix_time", "content", unique=True),
    Index("ix_fix_fix_time", "fix_time", postgresql_using="brin"),
    postgresql_partition_by="RANGE (fix_time)",
)
"""Partitioned by day (UTC); partitions are made by ``tracking.partitions``."""


class DeviceState(Base):
    """The newest fix of a device and where it lies; ``changed_xid`` tells readers what is new."""

    __tablename__ = "device_state"

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), primary_key=True)
    fix_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lon: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    lat: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    altitude_m: Mapped[float | None] = mapped_column(REAL)
    speed_mps: Mapped[float | None] = mapped_column(REAL)
    course_deg: Mapped[float | None] = mapped_column(REAL)
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    battery_pct: Mapped[int | None] = mapped_column(SmallInteger)
    unit_grid_id: Mapped[int | None]
    responsibility_grid_id: Mapped[int | None]
    flags: Mapped[int] = mapped_column(server_default="0")
    """Of the newest fix: bits of ``tracking.fix.Flag``."""
    signals: Mapped[int | None] = mapped_column(BigInteger)
    """Of the newest fix: bits of ``tracking.signals``."""
    connected: Mapped[bool | None]
    """From the device's own status message or last will; None if it never said."""
    changed_xid: Mapped[int] = mapped_column(BigInteger)
    """Transaction that wrote the row; readers ask for all since their last snapshot's xmin."""
    rule_state: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """What the alert rules remember of this device between batches."""


class DeadLetter(Base):
    """A message that could not become a fix: kept raw, with the reason, so nothing is lost."""

    __tablename__ = "dead_letter"
    __table_args__ = (
        Index("ix_dead_letter_received_at", "received_at"),
        Index("ix_dead_letter_reason", "reason"),
        Index("ix_dead_letter_device_key", "device_key", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    topic: Mapped[str]
    device_key: Mapped[str | None]
    reason: Mapped[str]
    detail: Mapped[str]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    rerun_requested_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Somebody wants it decoded again; ingest does it within seconds."""
    rerun_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was last decoded again …"""
    rerun_fixes: Mapped[int | None]
    """… how many fixes came of it (those known already included) …"""
    rerun_reason: Mapped[str | None]
    """… and why not all of it could be taken; null: nothing is left."""


Index("ix_dead_letter_rerun", DeadLetter.id, postgresql_where=DeadLetter.rerun_requested_at.is_not(None))


class Outage(Base):
    """When the platform could not hear its devices; null: it goes on."""

    __tablename__ = "outage"
    __table_args__ = (CheckConstraint("ends_at >= starts_at", name="span"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """With some minutes for the devices to come back."""


class IngestAlive(Base):
    """When ingest was last at work and heard its devices; one row."""

    __tablename__ = "ingest_alive"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
