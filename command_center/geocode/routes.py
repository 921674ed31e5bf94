"""Addresses to places, places to addresses, completion, and the upkeep of the gazetteer."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Request, Response
from fastapi import Path as PathParameter
from procrastinate.exceptions import AlreadyEnqueued
from pydantic import Field
from sqlalchemy.exc import DBAPIError

from command_center.geocode.corrections import QUERIES as CORRECTIONS
from command_center.geocode.corrections import keep_point
from command_center.geocode.quick import QuickRoute
from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, language_of, requires
from geocoding.answers import Answer, by_code, geocode
from geocoding.formats import answer_members, described_members, geocodejson
from geocoding.forward import Hints
from geocoding.grammar.vocabulary import canonical
from geocoding.live import Keeper, State
from geocoding.providers import Outside
from gis_core.database import load_queries
from gis_core.errors import BadInput, NotFound
from gis_core.identity.principal import Principal
from gis_core.identity.requests import Requires

QUERIES = load_queries("command_center.geocode")
MOST_TEXT = 10_240
MOST_ADDRESSES = 2_000

router = APIRouter(tags=["地理编码 Geocoding"], responses=RESPONSES)


questions = APIRouter(tags=["地理编码 Geocoding"], responses=RESPONSES, route_class=QuickRoute)
"""What is asked thousands of times a second."""


class RequiresKnown(Requires):
    """As ``Requires``, by the principals the application remembers for a moment: no query an address."""

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]
        principal: Principal = await request.app.state.readers.principal(request)
        principal.require(self.permission)
        return principal


MapReader = Annotated[Principal, Depends(RequiresKnown("map.view"))]
Editor = Annotated[Principal, requires("city.edit")]
_encode = msgspec.json.Encoder().encode


def _state(request: Request) -> State:
    keeper: Keeper = request.app.state.gazetteer
    return keeper.state


def _json(content: Any) -> Response:
    return Response(_encode(content), media_type="application/json")


def _hints(district: str, lon: float | None, lat: float | None) -> Hints:
    return Hints(
        canonical(district) if district else "", (lon, lat) if lon is not None and lat is not None else None
    )


async def _with_codes(request: Request, answer: Answer) -> Answer:
    """Unit grids and components are looked up in the database."""
    code = answer.reading.code
    if not code:
        return answer
    statement = "component_by_code" if len(code) == 16 else "grid_by_code"
    async with request.app.state.engine.connect() as conn:
        row = (await conn.execute(QUERIES[statement], {"code": code})).first()
    return by_code(answer.text, answer.reading, (row[0], row[1], row[2]) if row else None)


@questions.get("/geocode", summary="地址定位 / Address to place")
async def find_address(
    request: Request,
    reader: MapReader,
    q: Annotated[str, Query(max_length=MOST_TEXT, description="地址 / address")],
    district: Annotated[str, Query(max_length=40, description="区县提示 / hint")] = "",
    lon: Annotated[float | None, Query(ge=-180, le=180, description="地图中心 / map centre")] = None,
    lat: Annotated[float | None, Query(ge=-90, le=90)] = None,
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
    format: Annotated[Literal["wanmi", "geocodejson"], Query()] = "wanmi",
) -> Response:
    """Ranked candidates with level, expected error, confidence and reasons; how each element was read.

    Where nothing is found and an outside service is set up, ``outside`` holds what that one says.
    """
    state = _state(request)
    answer = geocode(state.gazetteer, state.calibration, q, _hints(district, lon, lat), limit=limit)
    if answer.reading.code:
        answer = await _with_codes(request, answer)
    state.areas.stamp([answer])
    if format == "geocodejson":
        return _json(geocodejson(answer))
    members = answer_members(answer, language_of(request))
    if answer.status == "not_found":
        outside: Outside = request.app.state.outside_geocoder
        members["outside"] = [place._asdict() for place in await outside.find(q, district)]
    return _json(members)


@dataclass(frozen=True, slots=True)
class Asked:
    """An address, with its district where known."""

    text: str
    district: str = ""


@router.post("/geocode", summary="批量地址定位 / Many addresses")
async def find_addresses(
    request: Request, reader: MapReader, addresses: Annotated[list[Asked], Body(max_length=MOST_ADDRESSES)]
) -> Response:
    """At most 2,000 addresses, answered in their order."""
    state = _state(request)
    answers = [
        geocode(
            state.gazetteer, state.calibration, a.text[:MOST_TEXT], _hints(a.district, None, None), limit=4
        )
        for a in addresses
    ]
    state.areas.stamp(answers)
    language = language_of(request)
    return _json([answer_members(answer, language) for answer in answers])


@router.get("/reverse", summary="坐标取地址 / Place to address")
async def describe_point(
    request: Request,
    conn: Conn,
    reader: Annotated[Principal, requires("map.view")],
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
) -> Response:
    """Nearest door on its side of the road, crossing, landmark, areas and grids, nearest component."""
    state = _state(request)
    members = described_members(state.reverse.describe(lon, lat))
    members |= state.areas.at(lon, lat)
    component = (
        (await conn.execute(QUERIES["nearest_component"], {"lon": lon, "lat": lat})).mappings().first()
    )
    members["component"] = dict(component) if component else None
    return _json(members)


@questions.get("/suggest", summary="输入提示 / Completion")
async def suggest(
    request: Request,
    reader: MapReader,
    q: Annotated[str, Query(max_length=60, description="汉字、拼音或首字母 / characters, pinyin, initials")],
    lon: Annotated[float | None, Query(ge=-180, le=180)] = None,
    lat: Annotated[float | None, Query(ge=-90, le=90)] = None,
    district: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=10)] = 10,
) -> Response:
    """Names and doors that complete what was typed."""
    centre = (lon, lat) if lon is not None and lat is not None else None
    found = _state(request).suggest.find(q, limit=limit, centre=centre, district=district)
    return _json([suggestion._asdict() for suggestion in found])


@dataclass(frozen=True, slots=True)
class Correction:
    """Where an address really is, by somebody who knows."""

    text: str
    lon: float
    lat: float
    district: str = ""


@router.post("/geocode/corrections", status_code=201, summary="订正坐标 / Correct a point")
async def correct(
    request: Request, conn: Conn, editor: Editor, audit: Audit, body: Correction
) -> dict[str, str]:
    """The point becomes an entry of the source ``correction``, which is trusted most."""
    gazetteer = _state(request).gazetteer
    base, known_as = await keep_point(conn, gazetteer, body.text, body.district, body.lon, body.lat)
    await audit("gazetteer.correct", "gazetteer_entry", known_as, {"lon": body.lon, "lat": body.lat})
    return {"base": base, "canonical": known_as}


@dataclass(frozen=True, slots=True)
class NewAlias:
    """Another name of a place the gazetteer has."""

    name: str
    base: str
    status: Literal["alias", "former", "correction"] = "alias"


@dataclass(frozen=True, slots=True)
class AliasEntry:
    id: int
    name: str
    base: str
    status: str
    created_at: datetime


@router.get("/geocode/aliases", summary="别名 / Other names")
async def list_aliases(
    conn: Conn,
    editor: Editor,
    q: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[AliasEntry]:
    """Aliases, former names and corrections by the beginning of either name."""
    wanted = canonical(q) if q else None
    rows = await conn.execute(QUERIES["aliases"], {"q": wanted, "max_rows": limit})
    return [AliasEntry(**row) for row in rows.mappings()]


@router.post("/geocode/aliases", status_code=201, summary="登记别名 / Add a name")
async def add_alias(conn: Conn, editor: Editor, audit: Audit, body: NewAlias) -> AliasEntry:
    """The base must be known; the name is found from the next second on."""
    name, base = canonical(body.name), canonical(body.base)
    if len(name) < 2:
        raise BadInput(field="name", reason_zh="至少两个字", reason="at least two characters")
    if await conn.scalar(QUERIES["base_known"], {"base": base}) is None:
        raise NotFound(key=body.base, kind="place name", kind_zh="地名")
    try:
        row = (
            (
                await conn.execute(
                    CORRECTIONS["alias_add"],
                    {"name": name, "base": base, "status": body.status, "person_id": editor.person_id},
                )
            )
            .mappings()
            .one()
        )
    except DBAPIError as error:
        raise BadInput(field="name", reason_zh="无法保存", reason="cannot be kept") from error
    await conn.execute(CORRECTIONS["notify"], {"what": "reload"})
    await audit("gazetteer.alias", "gazetteer_name", str(row["id"]), {"name": name, "base": base})
    return AliasEntry(**row)


@router.delete("/geocode/aliases/{alias_id}", status_code=204, summary="删除别名 / Remove a name")
async def remove_alias(conn: Conn, editor: Editor, audit: Audit, alias_id: int) -> None:
    name = await conn.scalar(QUERIES["alias_remove"], {"id": alias_id})
    if name is None:
        raise NotFound(key=alias_id, kind="alias", kind_zh="别名")
    await conn.execute(CORRECTIONS["notify"], {"what": "reload"})
    await audit("gazetteer.alias_remove", "gazetteer_name", str(alias_id), {"name": name})


@router.post("/geocode/choices", status_code=204, summary="记住选择 / Remember a choice")
async def remember_choice(
    conn: Conn,
    reader: Annotated[Principal, requires("map.view")],
    base: Annotated[str, Body(embed=True, max_length=60)],
) -> None:
    """Suggestions chosen often come first from the next load on."""
    await conn.execute(QUERIES["use_add"], {"base": canonical(base)})


@dataclass(frozen=True, slots=True)
class SourceEntry:
    id: int
    key: str
    priority: int
    quality: float
    datum: str
    dated: date | None
    imported_at: datetime
    entries: int


@dataclass(frozen=True, slots=True)
class SourceChange:
    """``priority``: the lower is shown first; ``quality``: trust in its points, 0 to 1."""

    priority: Annotated[int, Field(ge=0, le=1000)]
    quality: Annotated[float, Field(ge=0, le=1)]


SourceId = Annotated[int, PathParameter(ge=1, le=32_767)]


@router.patch(
    "/geocode/sources/{source_id}", status_code=204, summary="修改来源 / Trust a source more or less"
)
async def change_source(
    conn: Conn, editor: Editor, audit: Audit, source_id: SourceId, body: SourceChange
) -> None:
    values = {"id": source_id, "priority": body.priority, "quality": body.quality}
    key = await conn.scalar(QUERIES["source_change"], values)
    if key is None:
        raise NotFound(key=source_id, kind="source", kind_zh="来源")
    await conn.execute(CORRECTIONS["notify"], {"what": "reload"})
    await audit("gazetteer.source", "gazetteer_source", str(key), values)


@router.delete("/geocode/sources/{source_id}", status_code=204, summary="移除来源 / Remove a source")
async def remove_source(conn: Conn, editor: Editor, audit: Audit, source_id: SourceId) -> None:
    """With all of its entries; importing its table again brings them back."""
    key = await conn.scalar(QUERIES["source_remove"], {"id": source_id})
    if key is None:
        raise NotFound(key=source_id, kind="source", kind_zh="来源")
    await conn.execute(CORRECTIONS["notify"], {"what": "reload"})
    await audit("gazetteer.source_remove", "gazetteer_source", str(key))


@router.post(
    "/geocode/city-layers",
    status_code=202,
    summary="由图层更新地址库 / Take the addresses of the city's layers",
)
async def take_city_layers(request: Request, editor: Editor, audit: Audit) -> None:
    """Buildings and facilities with an address become the sources ``building`` and ``facility``."""
    try:
        await request.app.state.jobs.configure_task(
            "geocode:import_city", queueing_lock="geocode_import_city"
        ).defer_async()
    except AlreadyEnqueued:
        return  # It waits already, and will see what is there now.
    await audit("gazetteer.city_layers", "gazetteer_source", "building, facility")


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Where sources contradict each other or themselves; the worst of each kind first."""

    sources: list[SourceEntry]
    conflicts: list[dict[str, Any]]
    shared_points: list[dict[str, Any]]
    outside: list[dict[str, Any]]
    calibration: dict[str, Any]


@router.get("/geocode/quality", summary="地址库质量 / Quality of the gazetteer")
async def quality(
    request: Request,
    conn: Conn,
    editor: Editor,
    apart_m: Annotated[float, Query(ge=1, le=100_000)] = 300.0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> QualityReport:
    """Conflicts between sources, fall-back points, points outside their claimed district."""
    rows = {"max_rows": limit}
    calibration = _state(request).calibration

    async def listed(name: str, **parameters: object) -> list[dict[str, Any]]:
        found = await conn.execute(QUERIES[name], rows | parameters)
        return [dict(row) for row in found.mappings()]

    sources = [SourceEntry(**row) for row in (await conn.execute(QUERIES["sources"])).mappings()]
    return QualityReport(
        sources=sources,
        conflicts=await listed("conflicts", apart_m=apart_m),
        shared_points=await listed("shared_points"),
        outside=await listed("outside"),
        calibration=calibration.report | {"threshold": calibration.threshold},
    )
