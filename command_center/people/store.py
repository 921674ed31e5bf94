"""Reading people within a manager's scope, and the rules that keep rights apart."""

import hashlib
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.paging import contains
from command_center.people.shapes import GrantIn, GrantOut, PersonOut, PersonPatch
from gis_core.area_codes import area_prefix
from gis_core.database import load_queries
from gis_core.errors import BadInput, DomainError, NotFound, OutOfScope, Text
from gis_core.identity.models import Person
from gis_core.identity.principal import Principal
from gis_core.identity.secrets import Keyring, mask_mobile, normal_mobile

SQL = load_queries("command_center.people")
MANAGE = "people.manage"
MOBILE = "person.mobile"
APART = ("people.manage", "audit.view")
"""Who gives rights must not be the one who audits it (GB/T 22239)."""


class OwnRights(DomainError):
    status, slug = 403, "own-rights"
    title = Text("不能更改本人的权限", "Not your own rights")
    detail = Text(
        "本人的角色和状态须由另一名管理员更改。", "Another administrator has to change your roles and state."
    )


class DutiesApart(DomainError):
    status, slug = 409, "duties-apart"
    title = Text("职责须分离", "Duties must stay apart")
    detail = Text(
        "同一人不能既管理人员又审计：权限“{first}”与“{second}”须授予不同的人。",
        "One person may not both manage people and audit: '{first}' and '{second}' must be two people's.",
    )


class Changed(DomainError):
    status, slug = 412, "changed-meanwhile"
    title = Text("数据已被他人更改", "Changed meanwhile")
    detail = Text(
        "您看到的数据已被他人更改，请刷新后再试。",
        "Somebody else changed this since you read it; reload first.",
    )


async def read_persons(
    conn: AsyncConnection,
    principal: Principal,
    keyring: Keyring,
    *,
    person_id: int | None = None,
    org_unit_id: int | None = None,
    state: str | None = None,
    words: str | None = None,
    after: int = 0,
    max_rows: int = 1,
) -> list[PersonOut]:
    """People in the reach of the manager, in the order of ids; ``words`` may be a whole mobile number."""
    number = normal_mobile(words) if words else None
    parameters = {
        "id": person_id,
        "org_unit_id": org_unit_id,
        "state": state,
        "q": contains(words),
        "mobile_index": keyring.blind_index(number, MOBILE) if number else None,
        "after": after,
        "max_rows": max_rows,
        **principal.scope_parameters(MANAGE),
    }
    rows = (await conn.execute(SQL["persons"], parameters)).mappings()
    return [PersonOut(**dict(row) | {"mobile": _masked(row["mobile"], keyring)}) for row in rows]


async def read_person(
    conn: AsyncConnection, principal: Principal, keyring: Keyring, person_id: int
) -> PersonOut:
    """Raises NotFound, also for people outside the manager's scope."""
    found = await read_persons(conn, principal, keyring, person_id=person_id)
    if not found:
        raise NotFound(key=person_id, kind="person", kind_zh="人员")
    return found[0]


def etag_of(person: PersonOut) -> str:
    """Changes with whatever ``PATCH`` may change."""
    return '"' + hashlib.sha256(person.model_dump_json(exclude={"locked"}).encode()).hexdigest()[:20] + '"'


async def change_person(
    conn: AsyncConnection, keyring: Keyring, person_id: int, patch: PersonPatch
) -> list[str]:
    """Write what the patch names; the names of the fields."""
    values: dict[str, Any] = patch.model_dump(exclude_unset=True)
    for field in ("name", "org_unit_id", "area_code", "state"):
        if field in values and values[field] is None:
            raise BadInput(field=field, reason_zh="不能为空", reason="must not be null")
    changed = sorted(values)
    if "mobile" in values:
        values |= sealed_mobile(values["mobile"], keyring)
    if values:
        await conn.execute(update(Person).where(Person.id == person_id).values(**values))
    if values.get("state") == "disabled":
        await conn.execute(SQL["end_sessions"], {"id": person_id})
    return changed


def sealed_mobile(text: str | None, keyring: Keyring) -> dict[str, bytes | None]:
    """Columns ``mobile`` and ``mobile_index``. Raises BadInput for what is no number."""
    if not text:
        return {"mobile": None, "mobile_index": None}
    number = normal_mobile(text)
    if number is None:
        raise BadInput(
            field="mobile", reason_zh="不是手机号码（11 位，或 + 国家代码）", reason="is not a mobile number"
        )
    return {"mobile": keyring.encrypt(number, MOBILE), "mobile_index": keyring.blind_index(number, MOBILE)}


async def require_org_unit(conn: AsyncConnection, principal: Principal, org_unit_id: int) -> None:
    """Raise BadInput or OutOfScope unless the department exists in the manager's reach."""
    row = (await conn.execute(SQL["org_unit_place"], {"id": org_unit_id})).mappings().one_or_none()
    if row is None:
        raise BadInput(field="org_unit_id", reason_zh="没有这个机构", reason="there is no such organisation")
    principal.require_in(MANAGE, row["area_code"], org_unit_id)


def require_reach(principal: Principal, grant: GrantIn | GrantOut) -> None:
    """A manager gives and takes no right beyond the reach of his own. Raises OutOfScope."""
    for scope in principal.scopes[MANAGE]:
        departments = scope.org_units is None or grant.org_unit_id in scope.org_units
        if departments and (scope.area_code is None or _inside(grant.area_code, scope.area_code)):
            return
    raise OutOfScope(area_code=grant.area_code or "*")


def require_authority(principal: Principal, person: PersonOut) -> None:
    """Who may log in as a person or shut him out must reach as far as he does. Raises OutOfScope."""
    for grant in person.grants:
        require_reach(principal, grant)


def _inside(area_code: str | None, outer: str) -> bool:
    return area_code is not None and area_prefix(area_code).startswith(area_prefix(outer))


async def require_apart(conn: AsyncConnection, person_id: int, role_key: str) -> None:
    """Raise BadInput for an unknown role, DutiesApart for one that joins what must be apart."""
    added = await conn.scalar(SQL["role_permissions"], {"key": role_key})
    if added is None:
        raise BadInput(field="role_key", reason_zh="没有这个角色", reason="there is no such role")
    held = set((await conn.execute(SQL["permissions_held"], {"person_id": person_id})).scalars())
    if set(APART) <= held | set(added):
        raise DutiesApart(first=APART[0], second=APART[1])


def _masked(sealed: bytes | None, keyring: Keyring) -> str | None:
    return None if sealed is None else mask_mobile(keyring.decrypt(bytes(sealed), MOBILE))
