"""Organisations, posts, persons, roles, grants, sessions and the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from gis_core.database import Base


class OrgUnit(Base):
    """A department, centre, team or company. ``area_code``: the area it works for."""

    __tablename__ = "org_unit"
    __table_args__ = (UniqueConstraint("code"), Index("ix_org_unit_parent_id", "parent_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]
    kind: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("org_unit.id"))
    area_code: Mapped[str]


class Post(Base):
    """A post 岗位 in an organisation: acceptor, dispatcher, shift leader, inspector…"""

    __tablename__ = "post"
    __table_args__ = (UniqueConstraint("org_unit_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    org_unit_id: Mapped[int] = mapped_column(ForeignKey("org_unit.id"))
    key: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str | None]


class Person(Base):
    """A member of staff; ``login`` is None for people who only carry a device.

    ``password`` is ``pbkdf2-sm3$iterations$salt$hash`` (hex). ``mobile`` is SM4-GCM ciphertext,
    ``mobile_index`` its HMAC-SM3, so that a number can be looked up without being readable.
    """

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("login"),
        CheckConstraint("state IN ('active','disabled')", name="state"),
        Index("ix_person_org_unit_id", "org_unit_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str | None]
    name: Mapped[str]
    name_en: Mapped[str | None]
    org_unit_id: Mapped[int] = mapped_column(ForeignKey("org_unit.id"))
    post_id: Mapped[int | None] = mapped_column(ForeignKey("post.id"))
    area_code: Mapped[str]
    """Home area; who may see the person's positions is judged by it."""
    mobile: Mapped[bytes | None] = mapped_column(LargeBinary)
    mobile_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    password: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="active")
    failed_logins: Mapped[int] = mapped_column(server_default="0")
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class Role(Base):
    """A named set of permissions such as ``map.view`` or ``alerts.handle``."""

    __tablename__ = "role"

    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str]
    permissions: Mapped[list[str]] = mapped_column(ARRAY(TEXT))


class RoleGrant(Base):
    """A role given to a person for an area and a department; None means all of them."""

    __tablename__ = "role_grant"
    __table_args__ = (Index("ix_role_grant_person_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    role_key: Mapped[str] = mapped_column(ForeignKey("role.key"))
    area_code: Mapped[str | None]
    org_unit_id: Mapped[int | None] = mapped_column(ForeignKey("org_unit.id"))
    valid_from: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    valid_to: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class LoginSession(Base):
    """A browser session; the cookie holds the token, the table only its SM3."""

    __tablename__ = "login_session"
    __table_args__ = (Index("ix_login_session_person_id", "person_id"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ip: Mapped[str | None] = mapped_column(INET)
    user_agent: Mapped[str | None]


class ApiToken(Base):
    """A bearer token for a program; acts as its person, at most with ``permissions``."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("token_hash"), Index("ix_api_token_person_id", "person_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    permissions: Mapped[list[str] | None] = mapped_column(ARRAY(TEXT))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Audit(Base):
    """One thing somebody did. ``hash`` = HMAC-SM3(previous hash + this row), so a row that is
    changed or taken out later breaks the chain."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_at", "at"),
        Index("ix_audit_actor_id_at", "actor_id", "at"),
        Index("ix_audit_object_kind_object_id", "object_kind", "object_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    actor_id: Mapped[int | None]
    actor: Mapped[str]
    action: Mapped[str]
    object_kind: Mapped[str | None]
    object_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    request_id: Mapped[str | None]
    ip: Mapped[str | None] = mapped_column(INET)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
