"""Rules, their episodes and what happened to them, and what is to be judged again."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


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
