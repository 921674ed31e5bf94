"""Devices and who carries them, fixes by day, last states, alert episodes and dead letters."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
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
    Time,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, REAL
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


class Route(Base):
    """A line a vehicle is meant to drive."""

    __tablename__ = "route"
    __table_args__ = (UniqueConstraint("code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    area_code: Mapped[str]
    geom: Mapped[WKBElement] = mapped_column(Geometry("LINESTRING", srid=4326, spatial_index=False))


class Roster(Base):
    """A device's turn of duty: from, to, and the responsibility grid or route it is for."""

    __tablename__ = "roster"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="times"),
        Index("ix_roster_device_id_starts_at", "device_id", "starts_at"),
        Index("ix_roster_ends_at", "ends_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    responsibility_grid_id: Mapped[int | None] = mapped_column(ForeignKey("responsibility_grid.id"))
    route_id: Mapped[int | None] = mapped_column(ForeignKey("route.id"))
    shift_id: Mapped[int | None] = mapped_column(ForeignKey("shift.id", ondelete="SET NULL"))
    """The shift that it comes from; None: drawn up by itself."""


Index(
    "ux_roster_shift_id_device_id_starts_at",
    Roster.shift_id,
    Roster.device_id,
    Roster.starts_at,
    unique=True,
    postgresql_where=Roster.shift_id.is_not(None),
)


class Shift(Base):
    """A window of duty that comes again: of a device, of a person (with whatever device he carries), or of
    all persons of a responsibility grid. ``roster_fill`` draws its turns up.

    ``days`` count from 1: Monday to Sunday when the cycle has 7 days, else from ``first_day`` on.
    """

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("num_nonnulls(device_id, person_id) <= 1", name="one_holder"),
        CheckConstraint("num_nonnulls(device_id, person_id, responsibility_grid_id) >= 1", name="somebody"),
        CheckConstraint("cycle_days BETWEEN 1 AND 60", name="cycle_days"),
        CheckConstraint(
            "cardinality(days) > 0 AND 1 <= ALL (days) AND cycle_days >= ALL (days)", name="days"
        ),
        CheckConstraint("last_day IS NULL OR last_day >= first_day", name="span"),
        Index("ix_shift_device_id", "device_id"),
        Index("ix_shift_person_id", "person_id"),
        Index("ix_shift_responsibility_grid_id", "responsibility_grid_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    responsibility_grid_id: Mapped[int | None] = mapped_column(ForeignKey("responsibility_grid.id"))
    route_id: Mapped[int | None] = mapped_column(ForeignKey("route.id"))
    area_code: Mapped[str]
    org_unit_id: Mapped[int | None] = mapped_column(ForeignKey("org_unit.id"))
    cycle_days: Mapped[int] = mapped_column(SmallInteger, server_default="7")
    days: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    since: Mapped[time] = mapped_column(Time)
    until: Mapped[time] = mapped_column(Time)
    """By the clock in China; not after ``since``: on the next day."""
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date | None] = mapped_column(Date)
    """The last day on which it begins; None: until further notice."""
    skipped: Mapped[list[date]] = mapped_column(ARRAY(Date), server_default="{}")
    """Days on which it does not begin: holidays, leave."""
    enabled: Mapped[bool] = mapped_column(server_default="true")


class OffDutyRule(Base):
    """What becomes of positions outside duty, of the devices of a group: of a kind, a department, an area.
    Null: all. Of several that fit, department goes before area, a smaller area before a larger one, and
    either before the kind."""

    __tablename__ = "off_duty_rule"
    __table_args__ = (
        CheckConstraint("outside IN ('keep','drop','state')", name="outside"),
        CheckConstraint("unrostered IN ('keep','drop','state')", name="unrostered"),
        CheckConstraint("on_map IN ('hidden','last')", name="on_map"),
        CheckConstraint("before_s BETWEEN 0 AND 14400 AND after_s BETWEEN 0 AND 14400", name="grace"),
        Index(
            "ux_off_duty_rule_group",
            "unit_kind",
            "org_unit_id",
            "area_code",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_kind: Mapped[str | None]
    org_unit_id: Mapped[int | None] = mapped_column(ForeignKey("org_unit.id"))
    area_code: Mapped[str | None]
    outside: Mapped[str]
    """``keep`` all; ``drop``: nothing is stored; ``state``: the last state only, no history."""
    before_s: Mapped[int] = mapped_column(server_default="900")
    after_s: Mapped[int] = mapped_column(server_default="900")
    """Seconds before and after a turn that count as duty."""
    unrostered: Mapped[str] = mapped_column(server_default="keep")
    """The same, for a device before its first turn of duty."""
    on_map: Mapped[str] = mapped_column(server_default="hidden")
    """A unit off duty: ``hidden``, or ``last``: grey where it was last."""
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


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


class Alert(Base):
    """An episode: opened, updated, acknowledged, closed. At most one open a device and rule."""

    __tablename__ = "alert"
    __table_args__ = (
        CheckConstraint("severity IN ('info','warning','critical')", name="severity"),
        Index("ix_alert_opened_at", "opened_at"),
        Index("ix_alert_device_id_opened_at", "device_id", "opened_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[str]
    rule_version: Mapped[int] = mapped_column(server_default="1")
    severity: Mapped[str]
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    area_code: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Fix time of the first fix that broke the rule."""
    last_seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    close_reason: Mapped[str | None]
    """By itself: ``returned``, ``off_duty`` (the turn ended), ``reassigned`` (another grid),
    ``schedule_ended``, ``rule_ended``, ``zone_ended``; by a person: ``handled``."""
    lon: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    lat: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    last_lon: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    last_lat: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    acknowledged_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    handled_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    note: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When later fixes showed that it never was; it stays to be read, with the log's reason."""


Index(
    "ux_alert_open",
    Alert.device_id,
    Alert.rule,
    unique=True,
    postgresql_where=Alert.closed_at.is_(None),
)


class AlertLog(Base):
    """What late fixes changed of an alert: its bounds before and after, or that it was withdrawn."""

    __tablename__ = "alert_log"
    __table_args__ = (
        CheckConstraint("event IN ('corrected','withdrawn','reinstated')", name="event"),
        Index("ix_alert_log_alert_id", "alert_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    event: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")


class RuleDirty(Base):
    """A device whose fixes came late, or whose turns or rules changed: its alerts are to be judged again from
    ``since`` on."""

    __tablename__ = "rule_dirty"
    __table_args__ = (CheckConstraint("cause IN ('late_fixes','roster','rules')", name="cause"),)

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Fix time of the earliest of them."""
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Fix time of the latest."""
    cause: Mapped[str] = mapped_column(server_default="late_fixes")
    """For the record of what is corrected; of several not the late fixes."""
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class RuleCheckpoint(Base):
    """The memory of the rules about a device after its fixes up to ``through``, and the last of these."""

    __tablename__ = "rule_checkpoint"
    __table_args__ = (Index("ix_rule_checkpoint_through", "through", postgresql_using="brin"),)

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), primary_key=True)
    through: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    lon: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    lat: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    speed_mps: Mapped[float | None] = mapped_column(REAL)
    states: Mapped[dict[str, Any]] = mapped_column(JSONB)


class AlertRule(Base):
    """A version of an alert rule: whom it is about, where, and the rest as its definition
    (``tracking.rules.definitions.RuleDefinition``). Versions stay: alerts name theirs.

    An empty array or null: all unit kinds, departments, areas.
    """

    __tablename__ = "alert_rule"
    __table_args__ = (
        CheckConstraint("key ~ '^[a-z][a-z0-9_]{1,62}$'", name="key"),
        CheckConstraint("key <> 'outside_grid'", name="not_built_in"),
        Index("ux_alert_rule_current", "key", unique=True, postgresql_where=text("current")),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    current: Mapped[bool] = mapped_column(server_default="true")
    unit_kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    org_unit_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    area_code: Mapped[str | None]
    zone_codes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    """Codes of the zones, areas or routes that the rule is about."""
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


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


class GatheringState(Base):
    """The gatherings of a rule after a tick (``tracking.rules.gathering.Group``): the newest tick, and one
    every five minutes to go through a span again from."""

    __tablename__ = "gathering_state"

    rule: Mapped[str] = mapped_column(primary_key=True)
    tick: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    groups: Mapped[list[Any]] = mapped_column(JSONB)


class GatheringDirty(Base):
    """A span of ticks (its beginning, exclusive) to be gone through again, once ``until`` was reached."""

    __tablename__ = "gathering_dirty"

    bucket: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


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
