"""Every error leaves as RFC 9457 problem+json in the caller's language, counted, telling no internals."""

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from command_center.metrics import PROBLEMS
from command_center.requests import language_of
from gis_core.errors import DomainError, Text

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """RFC 9457 problem details; further members name the field, the allowed values and the like."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/not-allowed"])
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None = None


RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {
        "description": words,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for code, words in {
        401: "未登录 / Not logged in",
        403: "没有权限或不在管辖范围 / Not allowed, or outside the area",
        404: "没有找到 / Not found",
        409: "与现状冲突 / Conflicts with the present state",
        422: "输入有误 / Bad input",
        500: "内部错误 / Internal error",
    }.items()
}


class Conflict(DomainError):
    status, slug = 409, "conflict"
    title = Text("与现有数据冲突", "Conflict")
    detail = Text(
        "与已有的数据冲突，请刷新后再试。",
        "This conflicts with data that is already there; reload and try again.",
    )


class Unavailable(DomainError):
    status, slug = 503, "unavailable"
    title = Text("暂时不可用", "Unavailable")
    detail = Text(
        "数据库暂时无法访问，请稍后再试。", "The database cannot be reached at the moment; try again shortly."
    )


class Invalid(DomainError):
    status, slug = 422, "invalid-request"
    title = Text("请求不合规", "Invalid request")
    detail = Text(
        "请求中有 {count} 处不合规，见 errors。", "{count} things in the request are invalid; see errors."
    )


_HTTP: dict[int, tuple[str, Text]] = {
    400: ("bad-request", Text("请求有误", "Bad request")),
    404: ("not-found", Text("没有这个地址", "No such address")),
    405: ("method-not-allowed", Text("不支持此方法", "Method not allowed")),
    413: ("too-large", Text("内容过大", "Content too large")),
    415: ("unsupported-media-type", Text("不支持的格式", "Unsupported media type")),
    429: ("too-many-requests", Text("请求过于频繁", "Too many requests")),
}

_REASONS = {
    # Limits in braces as pydantic tells them; in English its own words name them.
    "missing": "缺少",
    "extra_forbidden": "不认识的字段",
    "json_invalid": "不是有效的 JSON",
    "string_too_short": "太短，至少 {min_length} 个字符",
    "string_too_long": "太长，最多 {max_length} 个字符",
    "string_pattern_mismatch": "格式不对",
    "string_type": "应为文字",
    "too_short": "太少，至少 {min_length} 项",
    "too_long": "太多，最多 {max_length} 项",
    "list_type": "应为列表",
    "dict_type": "应为对象",
    "model_attributes_type": "应为对象",
    "dataclass_type": "应为对象",
    "int_type": "应为整数",
    "int_from_float": "应为整数",
    "float_type": "应为数字",
    "finite_number": "应为有限的数字",
    "int_parsing": "应为整数",
    "float_parsing": "应为数字",
    "bool_parsing": "应为是或否",
    "bool_type": "应为是或否",
    "literal_error": "不在允许的取值之内：{expected}",
    "enum": "不在允许的取值之内：{expected}",
    "datetime_from_date_parsing": "应为日期时间（ISO 8601）",
    "datetime_parsing": "应为日期时间（ISO 8601）",
    "greater_than_equal": "太小，至少为 {ge}",
    "less_than_equal": "太大，最多为 {le}",
}


def problem_response(request: Request, error: DomainError) -> JSONResponse:
    """The answer for an error; to be returned, not raised, where the transaction must still commit."""
    return _answer(request, error.problem(language_of(request), request.url.path), error)


def _answer(request: Request, body: dict[str, Any], error: DomainError | None = None) -> JSONResponse:
    slug, status = body["type"].rpartition("/")[2], int(body["status"])
    PROBLEMS.labels(slug, status).inc()
    body["request_id"] = getattr(request.state, "request_id", None)
    headers = {"Content-Language": language_of(request), "Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    retry_after = error.members.get("retry_after_s") if error else None
    if retry_after is not None or status == 503:
        headers["Retry-After"] = str(retry_after or 5)
    return JSONResponse(jsonable_encoder(body), status, headers, media_type=MEDIA_TYPE)


async def on_domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)
    if error.status >= 500:
        log.error("problem", slug=error.slug, exc_info=error)
    return problem_response(request, error)


def _listed(limit: Any) -> Any:
    """A limit in Chinese: pydantic lists what it expects in English, 'a', 'b' or 'c'."""
    return limit.replace(" or ", "、").replace(", ", "、") if isinstance(limit, str) else limit


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """What the caller sent is named by field and reason; the values are not repeated."""
    assert isinstance(error, RequestValidationError)
    language = language_of(request)
    found: list[dict[str, str]] = []
    for item in error.errors():
        place: Sequence[Any] = item["loc"]
        known = _REASONS.get(item["type"])
        limits = {name: _listed(value) for name, value in item.get("ctx", {}).items()}
        zh = known.format(**limits) if known else "不合规：" + item["msg"]
        reason = Text(zh, item["msg"]).in_language(language)
        found.append({"field": ".".join(str(part) for part in place), "reason": reason})
    body = Invalid(count=len(found)).problem(language, request.url.path)
    return _answer(request, body | {"errors": found})


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    slug, title = _HTTP.get(error.status_code, ("http-error", Text("请求失败", "Request failed")))
    said = title.in_language(language_of(request))
    body = {
        "type": f"/problems/{slug}",
        "title": said,
        "status": error.status_code,
        "detail": said,
        "instance": request.url.path,
    }
    answer = _answer(request, body)
    answer.headers.update(error.headers or {})
    return answer


async def on_database_error(request: Request, error: Exception) -> JSONResponse:
    """409 when a rule of the data was broken by what happened meanwhile, 503 without a database, else 500."""
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    log.error("database error", sqlstate=state, exc_info=error)
    if isinstance(error, IntegrityError) and state in {"23505", "23503", "23P01"}:
        return problem_response(request, Conflict())
    gone = isinstance(error, PoolTimeout) or getattr(error, "connection_invalidated", False)
    if gone or (isinstance(error, OperationalError | InterfaceError) and state[:2] in {"", "08", "57", "53"}):
        return problem_response(request, Unavailable())
    return problem_response(request, DomainError())


async def on_unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    return problem_response(request, DomainError())


def install(app: FastAPI) -> None:
    """Hand errors of all routes to the functions above; the rest goes through ``on_unexpected``."""
    app.add_exception_handler(DomainError, on_domain_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(DBAPIError, on_database_error)
    app.add_exception_handler(PoolTimeout, on_database_error)
