"""Bearer tokens that let programs act for a person."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from command_center.login.attempts import SQL
from command_center.login.routes import CurrentPerson, Plain
from command_center.requests import Audit, Conn
from gis_core.errors import NotAllowed, NotFound
from gis_core.identity.secrets import new_api_token, token_hash

router = APIRouter(tags=["登录 Login"])


class TokenIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Plain
    permissions: list[str] | None = Field(default=None, max_length=50)
    """What the token may do at most; null: all that its person may, now and later."""
    valid_days: int = Field(default=90, ge=1, le=366)


class TokenOut(BaseModel):
    id: int
    name: str
    permissions: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewToken(TokenOut):
    token: str
    """Shown this once."""


@router.get("/tokens", summary="本人的令牌 / One's bearer tokens")
async def list_tokens(conn: Conn, person: CurrentPerson) -> list[TokenOut]:
    rows = (await conn.execute(SQL["tokens_of"], {"person_id": person.person_id})).mappings()
    return [TokenOut(**row) for row in rows]


@router.post("/tokens", summary="新建令牌 / Make a bearer token", status_code=201)
async def add_token(body: TokenIn, conn: Conn, person: CurrentPerson, audit: Audit) -> NewToken:
    """A token may do no more than its person; the token itself is in this answer only."""
    for permission in body.permissions or ():
        if not person.may(permission):
            raise NotAllowed(permission=permission)
    token = new_api_token()
    values = body.model_dump() | {"person_id": person.person_id, "token_hash": token_hash(token)}
    row = (await conn.execute(SQL["insert_token"], values)).mappings().one()
    await audit("token.create", "api_token", row["id"], {"name": body.name, "permissions": body.permissions})
    return NewToken(**row, token=token)


@router.delete("/tokens/{token_id}", summary="作废令牌 / Revoke a bearer token", status_code=204)
async def delete_token(token_id: int, conn: Conn, person: CurrentPerson, audit: Audit) -> None:
    values = {"id": token_id, "person_id": person.person_id}
    name = await conn.scalar(SQL["delete_token"], values)
    if name is None:
        raise NotFound(key=token_id, kind="bearer token", kind_zh="令牌")
    await audit("token.delete", "api_token", token_id, {"name": name})
