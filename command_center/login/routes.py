"""Session of a browser: log in, look, change the password, log out."""

import json
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from command_center.login.attempts import SQL, Attempt, WrongLogin
from command_center.requests import SESSION_COOKIE, Audit, Conn, CurrentPrincipal, authenticate, origin_of
from gis_core.errors import DomainError, NotFound, Text
from gis_core.identity import passwords
from gis_core.identity.audit import Actor, Entry, append_audit
from gis_core.identity.principal import Principal
from gis_core.identity.requests import principal_of_token
from gis_core.identity.secrets import new_token, token_hash

router = APIRouter(tags=["登录 Login"])

Plain = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Short text without control characters."""


class SessionOnly(DomainError):
    status, slug = 403, "session-only"
    title = Text("只能由本人登录后操作", "Only from a login session")
    detail = Text(
        "此操作不能用令牌进行，请登录后操作。", "A bearer token may not do this; log in with a password."
    )


async def current_person(principal: CurrentPrincipal) -> Principal:
    """A person at a browser; a program with a token is refused with SessionOnly."""
    if principal.program:
        raise SessionOnly
    return principal


CurrentPerson = Annotated[Principal, Depends(current_person)]


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: Plain
    password: str = Field(min_length=1, max_length=passwords.MAX_LENGTH, repr=False)


class PasswordChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    current: str = Field(min_length=1, max_length=passwords.MAX_LENGTH, repr=False)
    new: str = Field(min_length=1, max_length=passwords.MAX_LENGTH, repr=False)


class PersonOut(BaseModel):
    id: int
    login: str
    name: str
    name_en: str | None
    org_unit: str
    org_unit_en: str | None
    post: str | None
    post_en: str | None


class SessionOut(BaseModel):
    person: PersonOut
    roles: list[str]
    permissions: list[str]
    areas: list[str] | None
    """Codes of the areas the person's rights cover; null: the whole city."""
    demo: bool


class DemoLogin(BaseModel):
    login: str
    password: str
    role_key: str
    role: str
    role_en: str


async def describe(conn: AsyncConnection, principal: Principal, *, demo: bool) -> SessionOut:
    profile = (await conn.execute(SQL["profile"], {"id": principal.person_id})).mappings().one()
    return SessionOut(
        person=PersonOut(**profile),
        roles=list(principal.roles),
        permissions=sorted(principal.permissions),
        areas=principal.area_codes(),
        demo=demo,
    )


class WrongCurrentPassword(WrongLogin):
    status, slug = 422, "wrong-current-password"
    title = Text("当前密码不正确", "Wrong current password")
    detail = Text(
        "当前密码不正确。连续输错 {lock_after} 次，该登录名将被锁定一段时间。",
        "The current password is wrong. After {lock_after} wrong tries in a row the login is locked"
        " for some minutes.",
    )


@router.post(
    "/session",
    summary="登录 / Log in",
    status_code=201,
    responses={429: {"description": "尝试过多 / Too many tries"}},
)
async def log_in(request: Request, response: Response, body: Credentials) -> SessionOut:
    """Starts a session and sets its cookie (HttpOnly, SameSite=Strict).

    Whatever is wrong with login or password, the answer is the same 401 ``wrong-login``.
    """
    state, origin = request.app.state, origin_of(request)
    person_id = await state.judge.check(Attempt(body.login, body.password, origin))
    token = new_token()
    session = {
        "token_hash": token_hash(token),
        "person_id": person_id,
        "session_s": state.identity.session_s,
        "ip": origin.ip,
        "user_agent": request.headers.get("user-agent", "")[:300],
    }
    async with state.engine.begin() as conn:  # not Conn: nothing is held while passwords are hashed
        await conn.execute(SQL["delete_over_sessions"], {"idle_s": state.identity.idle_s})
        await conn.execute(SQL["insert_session"], session)
        principal = await principal_of_token(conn, token, state.identity, program=False)
        answer = await describe(conn, principal, demo=state.web.demo)
        entry = Entry(Actor(person_id, body.login), "session.create", "person", str(person_id), origin=origin)
        await append_audit(conn, state.keyring, entry)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=state.identity.session_s,
        path="/",
        secure=state.web.tls,
        httponly=True,
        samesite="strict",
    )
    return answer


@router.get("/session", summary="当前登录者 / Who is logged in")
async def read_session(request: Request, conn: Conn, principal: CurrentPrincipal) -> SessionOut:
    """The person, permissions and areas behind the cookie or token."""
    return await describe(conn, principal, demo=request.app.state.web.demo)


@router.delete("/session", summary="退出 / Log out", status_code=204)
async def log_out(
    request: Request, response: Response, conn: Conn, person: CurrentPerson, audit: Audit
) -> None:
    """Ends the session; its cookie is void at once."""
    token = request.cookies[SESSION_COOKIE]
    await conn.execute(SQL["delete_session"], {"token_hash": token_hash(token)})
    await audit("session.delete", "person", person.person_id)
    response.delete_cookie(
        SESSION_COOKIE, path="/", secure=request.app.state.web.tls, httponly=True, samesite="strict"
    )


@router.post("/session/password", summary="修改本人密码 / Change one's password", status_code=204)
async def change_password(
    request: Request, body: PasswordChange, principal: Annotated[Principal, Depends(authenticate)]
) -> None:
    """Needs the current password; all other sessions of the person end. A wrong one counts like a
    wrong login."""
    state, origin = request.app.state, origin_of(request)
    person = await current_person(principal)
    passwords.check_complexity(body.new, person.login)
    try:
        await state.judge.check(Attempt(person.login, body.current, origin))
    except WrongLogin as error:
        raise WrongCurrentPassword(**error.members) from None
    hashed = await state.hasher.hash(body.new)
    own = token_hash(request.cookies[SESSION_COOKIE])
    async with state.engine.begin() as conn:
        await conn.execute(SQL["set_password"], {"id": person.person_id, "password": hashed})
        others = {"person_id": person.person_id, "token_hash": own}
        await conn.execute(SQL["delete_other_sessions"], others)
        entry = Entry(
            Actor(person.person_id, person.login),
            "password.change",
            "person",
            str(person.person_id),
            origin=origin,
        )
        await append_audit(conn, state.keyring, entry)


@router.get("/demo-logins", summary="演示账号 / Demo logins")
async def read_demo_logins(request: Request) -> list[DemoLogin]:
    """Logins and passwords of the demo people; 404 unless the platform runs in demo mode."""
    path: Path = request.app.state.data_dir / "demo-logins.json"
    if not request.app.state.web.demo or not await to_thread.run_sync(path.is_file):
        raise NotFound(key="demo-logins", kind="resource", kind_zh="资源")
    found: list[dict[str, Any]] = json.loads(await to_thread.run_sync(path.read_text, "utf-8"))
    return [DemoLogin(**login) for login in found]
