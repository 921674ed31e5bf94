"""Turns of duty, the shifts they come from, routes, and what becomes of positions outside duty."""

from datetime import date, datetime, time

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    SmallInteger,
    Time,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


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
