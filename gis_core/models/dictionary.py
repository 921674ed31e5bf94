"""Event classes 事件, and the conditions under which events and components are filed."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class EventClass(Base):
    """A subclass 小类 of one edition of the event list, or a city's own extension of it."""

    __tablename__ = "event_class"
    __table_args__ = (CheckConstraint("code ~ '^[0-9]{4,5}$'", name="code_digits"),)

    edition: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    """Class (2) + subclass (2 or 3). Classes 04 and 05 change places between the editions."""
    class_name: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    geometry: Mapped[str | None]
    department_kind: Mapped[str | None]


class FilingCondition(Base):
    """One of the conditions 立案条件 of a subclass, with what closes it and the limits that run.

    Limits are a number and a unit: UH hours and UD days of the urgent clock (every hour of every day),
    WH hours and WD days of the working calendar, ND calendar days; by timing area.
    """

    __tablename__ = "filing_condition"
    __table_args__ = (
        CheckConstraint("list IN ('component','event')", name="list"),
        CheckConstraint(
            "coalesce(limit_core, '1WD') ~ '^[0-9]+(UH|UD|WH|WD|ND)$'"
            " AND coalesce(limit_general, '1WD') ~ '^[0-9]+(UH|UD|WH|WD|ND)$'"
            " AND coalesce(limit_outer, '1WD') ~ '^[0-9]+(UH|UD|WH|WD|ND)$'",
            name="limits",
        ),
    )

    list: Mapped[str] = mapped_column(primary_key=True)
    edition: Mapped[str] = mapped_column(primary_key=True)
    class_code: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    filing: Mapped[str]
    closing: Mapped[str | None]
    limit_core: Mapped[str | None]
    limit_general: Mapped[str | None]
    limit_outer: Mapped[str | None]
