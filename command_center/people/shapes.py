"""People and organisations as they go over HTTP."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gis_core.identity import passwords

Plain = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{1,63}$")]
AreaCode = Annotated[str, StringConstraints(pattern=r"^(\d{6}|\d{9}|\d{12})$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
NewPassword = Annotated[str, Field(min_length=1, max_length=passwords.MAX_LENGTH)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OrgUnitIn(Strict):
    code: Key
    name: Plain
    name_en: Plain | None = None
    kind: Key
    parent_id: int | None = None
    area_code: AreaCode


class OrgUnitOut(BaseModel):
    id: int
    code: str
    name: str
    name_en: str | None
    kind: str
    parent_id: int | None
    area_code: str


class PostIn(Strict):
    org_unit_id: int
    key: Key
    name: Plain
    name_en: Plain | None = None


class PostOut(BaseModel):
    id: int
    org_unit_id: int
    key: str
    name: str
    name_en: str | None


class RoleOut(BaseModel):
    key: str
    name: str
    name_en: str
    permissions: list[str]


class GrantIn(Strict):
    role_key: Key
    area_code: AreaCode | None = None
    """None: the whole city."""
    org_unit_id: int | None = None
    """With the departments below it; None: all departments."""
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None


class GrantOut(BaseModel):
    id: int
    role_key: str
    area_code: str | None
    org_unit_id: int | None
    valid_from: datetime
    valid_to: datetime | None


class PersonIn(Strict):
    login: Login | None = None
    """None for people who only carry a device."""
    password: NewPassword | None = None
    name: Plain
    name_en: Plain | None = None
    org_unit_id: int
    post_id: int | None = None
    area_code: AreaCode
    mobile: Annotated[str, StringConstraints(max_length=32)] | None = None


class PersonPatch(Strict):
    """Only what is named is changed."""

    name: Plain | None = None
    name_en: Plain | None = None
    org_unit_id: int | None = None
    post_id: int | None = None
    area_code: AreaCode | None = None
    mobile: Annotated[str, StringConstraints(max_length=32)] | None = None
    state: Literal["active", "disabled"] | None = None


class PasswordReset(Strict):
    password: NewPassword


class PersonOut(BaseModel):
    id: int
    login: str | None
    name: str
    name_en: str | None
    org_unit_id: int
    org_unit: str
    org_unit_en: str | None
    post_id: int | None
    area_code: str
    mobile: str | None
    """Masked: 138****5678."""
    state: str
    locked: bool
    created_at: datetime
    grants: list[GrantOut]


class PersonName(BaseModel):
    """Who somebody is, and nothing of how to reach him."""

    id: int
    name: str
    name_en: str | None
    org_unit: str
    org_unit_en: str | None


class PersonPage(BaseModel):
    persons: list[PersonOut]
    next: str | None
