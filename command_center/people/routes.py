"""People, their organisations and their rights over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from command_center.paging import Cursor, Limit, contains, cursor_of, row_id_of
from command_center.people.shapes import (
    GrantIn,
    GrantOut,
    OrgUnitIn,
    OrgUnitOut,
    PasswordReset,
    PersonIn,
    PersonName,
    PersonOut,
    PersonPage,
    PersonPatch,
    PostIn,
    PostOut,
    RoleOut,
)
from command_center.people.store import (
    MANAGE,
    SQL,
    Changed,
    OwnRights,
    change_person,
    etag_of,
    read_person,
    read_persons,
    require_apart,
    require_authority,
    require_org_unit,
    require_reach,
    sealed_mobile,
)
from command_center.requests import Audit, Conn, requires
from gis_core.errors import BadInput, NotFound
from gis_core.identity import passwords
from gis_core.identity.principal import Principal

router = APIRouter(tags=["人员与权限 People and rights"])
Manager = Annotated[Principal, requires(MANAGE)]


@router.get("/org-units", summary="机构列表 / Organisations")
async def list_org_units(conn: Conn, manager: Manager) -> list[OrgUnitOut]:
    areas = manager.area_patterns(MANAGE)
    rows = (await conn.execute(SQL["org_units"], {"areas": areas})).mappings()
    return [OrgUnitOut(**row) for row in rows]


@router.post("/org-units", summary="新建机构 / Add an organisation", status_code=201)
async def add_org_unit(body: OrgUnitIn, conn: Conn, manager: Manager, audit: Audit) -> OrgUnitOut:
    manager.require_in(MANAGE, body.area_code, body.parent_id)
    if body.parent_id is not None:
        await require_org_unit(conn, manager, body.parent_id)
    row = (await conn.execute(SQL["insert_org_unit"], body.model_dump())).mappings().one()
    await audit("org_unit.create", "org_unit", row["id"], body.model_dump())
    return OrgUnitOut(**row)


@router.get("/posts", summary="岗位列表 / Posts")
async def list_posts(conn: Conn, manager: Manager) -> list[PostOut]:
    rows = (await conn.execute(SQL["posts"], {"areas": manager.area_patterns(MANAGE)})).mappings()
    return [PostOut(**row) for row in rows]


@router.post("/posts", summary="新建岗位 / Add a post", status_code=201)
async def add_post(body: PostIn, conn: Conn, manager: Manager, audit: Audit) -> PostOut:
    await require_org_unit(conn, manager, body.org_unit_id)
    row = (await conn.execute(SQL["insert_post"], body.model_dump())).mappings().one()
    await audit("post.create", "post", row["id"], body.model_dump())
    return PostOut(**row)


@router.get("/roles", summary="角色列表 / Roles")
async def list_roles(conn: Conn, manager: Manager) -> list[RoleOut]:
    return [RoleOut(**row) for row in (await conn.execute(SQL["roles"])).mappings()]


@router.get("/persons", summary="人员列表 / People")
async def list_persons(
    request: Request,
    conn: Conn,
    manager: Manager,
    q: Annotated[
        str | None,
        Query(max_length=64, description="姓名、登录名或完整手机号 / name, login, whole mobile number"),
    ] = None,
    org_unit_id: int | None = None,
    state: Literal["active", "disabled"] | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> PersonPage:
    """People in the manager's areas and departments, in the order of ids; mobile numbers masked."""
    found = await read_persons(
        conn,
        manager,
        request.app.state.keyring,
        org_unit_id=org_unit_id,
        state=state,
        words=q,
        after=row_id_of(cursor, start=0),
        max_rows=limit + 1,
    )
    following = cursor_of(found[limit - 1].id) if len(found) > limit else None
    return PersonPage(persons=found[:limit], next=following)


@router.get("/persons/directory", summary="人员名录 / Names of people")
async def list_names(
    conn: Conn,
    editor: Annotated[Principal, requires("city.edit")],
    q: Annotated[str | None, Query(max_length=64, description="姓名的一部分 / part of the name")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[PersonName]:
    """Active people in the editor's areas, for saying who answers for a grid: name and department only."""
    values = {"areas": editor.area_patterns("city.edit"), "q": contains(q), "max_rows": limit}
    return [PersonName(**row) for row in (await conn.execute(SQL["directory"], values)).mappings()]


@router.get("/persons/{person_id}", summary="人员详情 / One person")
async def get_person(
    person_id: int, request: Request, response: Response, conn: Conn, manager: Manager
) -> PersonOut:
    person = await read_person(conn, manager, request.app.state.keyring, person_id)
    response.headers["ETag"] = etag_of(person)
    return person


@router.post("/persons", summary="新建人员 / Add a person", status_code=201)
async def add_person(
    body: PersonIn, request: Request, response: Response, conn: Conn, manager: Manager, audit: Audit
) -> PersonOut:
    """A new person has no rights until some are granted."""
    manager.require_in(MANAGE, body.area_code, body.org_unit_id)
    await require_org_unit(conn, manager, body.org_unit_id)
    keyring, hashed = request.app.state.keyring, None
    if body.password is not None:
        if body.login is None:
            raise BadInput(field="login", reason_zh="有密码须有登录名", reason="is needed with a password")
        passwords.check_complexity(body.password, body.login)
        hashed = await request.app.state.hasher.hash(body.password)
    values = body.model_dump() | sealed_mobile(body.mobile, keyring) | {"password": hashed}
    person_id = await conn.scalar(SQL["insert_person"], values)
    person = await read_person(conn, manager, keyring, int(person_id or 0))
    told = body.model_dump(exclude={"password", "mobile", "name", "name_en"})
    await audit("person.create", "person", person.id, told)
    response.headers["ETag"] = etag_of(person)
    return person


@router.patch(
    "/persons/{person_id}",
    summary="修改人员 / Change a person",
    responses={412: {"description": "数据已被他人更改 / Changed meanwhile"}},
)
async def patch_person(
    person_id: int,
    body: PersonPatch,
    request: Request,
    response: Response,
    conn: Conn,
    manager: Manager,
    audit: Audit,
    if_match: Annotated[str | None, Header()] = None,
) -> PersonOut:
    """With ``If-Match`` only when the person is still as it was read. Disabling ends all sessions."""
    keyring = request.app.state.keyring
    await conn.execute(SQL["lock_person"], {"id": person_id})
    before = await read_person(conn, manager, keyring, person_id)
    if if_match is not None and if_match != etag_of(before):
        raise Changed
    if body.state is not None:
        if person_id == manager.person_id:
            raise OwnRights
        require_authority(manager, before)
    if body.org_unit_id is not None:
        await require_org_unit(conn, manager, body.org_unit_id)
    unit = body.org_unit_id or before.org_unit_id
    manager.require_in(MANAGE, body.area_code or before.area_code, unit)
    changed = await change_person(conn, keyring, person_id, body)
    person = await read_person(conn, manager, keyring, person_id)
    told = body.model_dump(exclude_unset=True, exclude={"mobile", "name", "name_en"})
    await audit("person.change", "person", person_id, told | {"fields": changed})
    response.headers["ETag"] = etag_of(person)
    return person


@router.post("/persons/{person_id}/password", summary="重置密码 / Reset a password", status_code=204)
async def reset_password(
    person_id: int, body: PasswordReset, request: Request, conn: Conn, manager: Manager, audit: Audit
) -> None:
    """Ends the person's sessions and lifts a lock. One's own password is changed at
    ``/session/password``."""
    if person_id == manager.person_id:
        raise OwnRights
    person = await read_person(conn, manager, request.app.state.keyring, person_id)
    require_authority(manager, person)
    if person.login is None:
        raise BadInput(field="login", reason_zh="此人没有登录名", reason="the person has no login")
    passwords.check_complexity(body.password, person.login)
    hashed = await request.app.state.hasher.hash(body.password)
    await conn.execute(SQL["set_password"], {"id": person_id, "password": hashed})
    await conn.execute(SQL["end_sessions"], {"id": person_id})
    await audit("password.reset", "person", person_id)


@router.post("/persons/{person_id}/unlock", summary="解除锁定 / Lift a lock", status_code=204)
async def unlock_person(person_id: int, request: Request, conn: Conn, manager: Manager, audit: Audit) -> None:
    await read_person(conn, manager, request.app.state.keyring, person_id)
    await conn.execute(SQL["unlock_person"], {"id": person_id})
    await audit("person.unlock", "person", person_id)


@router.post("/persons/{person_id}/grants", summary="授予角色 / Grant a role", status_code=201)
async def add_grant(
    person_id: int, body: GrantIn, request: Request, conn: Conn, manager: Manager, audit: Audit
) -> GrantOut:
    """Nobody changes his own rights, gives more reach than he has, or joins managing with auditing."""
    if person_id == manager.person_id:
        raise OwnRights
    await conn.execute(SQL["lock_person"], {"id": person_id})
    await read_person(conn, manager, request.app.state.keyring, person_id)
    require_reach(manager, body)
    await require_apart(conn, person_id, body.role_key)
    if body.valid_from and body.valid_to and body.valid_to <= body.valid_from:
        raise BadInput(field="valid_to", reason_zh="须晚于 valid_from", reason="must be after valid_from")
    values = body.model_dump() | {"person_id": person_id}
    row = (await conn.execute(SQL["insert_grant"], values)).mappings().one()
    await audit("grant.create", "person", person_id, body.model_dump(mode="json") | {"grant_id": row["id"]})
    return GrantOut(**row)


@router.delete(
    "/persons/{person_id}/grants/{grant_id}", summary="收回角色 / Withdraw a role", status_code=204
)
async def delete_grant(
    person_id: int, grant_id: int, request: Request, conn: Conn, manager: Manager, audit: Audit
) -> None:
    if person_id == manager.person_id:
        raise OwnRights
    await conn.execute(SQL["lock_person"], {"id": person_id})
    person = await read_person(conn, manager, request.app.state.keyring, person_id)
    wanted = {"id": grant_id, "person_id": person_id}
    row = (await conn.execute(SQL["grant_of"], wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(key=grant_id, kind="grant", kind_zh="授权")
    require_reach(manager, next(grant for grant in person.grants if grant.id == grant_id))
    await conn.execute(SQL["delete_grant"], {"id": grant_id})
    await audit("grant.delete", "person", person_id, dict(row))
