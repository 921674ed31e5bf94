"""Ordered news for screens and other systems, written in the transaction that makes them true."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class Outbox(Base):
    """One event. ``seq`` rises in the order of commits (the SQL function ``outbox_append`` takes a
    lock until commit), so a reader that has seen seq n has missed nothing below it."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_created_at", "created_at"),)

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    topic: Mapped[str]
    """``alert``, later ``case``, ``task``…"""
    event: Mapped[str]
    area_code: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
