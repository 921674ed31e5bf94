"""What became of an area: which code follows which."""

from datetime import date

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base

SUCCESSION_KINDS = ("split", "merged", "renamed", "recoded")


class AreaSuccession(Base):
    """On ``on_date`` (its first day) ``successor_code`` took over from ``predecessor_code``.

    A split has several successors, a merger several predecessors; a renamed area follows itself.
    """

    __tablename__ = "area_succession"
    __table_args__ = (
        CheckConstraint("kind IN ('split','merged','renamed','recoded')", name="kind"),
        UniqueConstraint("predecessor_code", "successor_code", "on_date"),
        Index("ix_area_succession_successor_code", "successor_code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    predecessor_code: Mapped[str]
    successor_code: Mapped[str]
    on_date: Mapped[date]
    document: Mapped[str | None]
    """The approval, e.g. 沪府〔2011〕32 号."""
