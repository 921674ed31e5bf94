"""Upkeep of the gazetteer: corrected points, other names, sources, callers' prefixes, the quality report."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from procrastinate.exceptions import AlreadyEnqueued
from pydantic import Field
from sqlalchemy.exc import DBAPIError

from command_center.geocode.corrections import QUERIES as CORRECTIONS
from command_center.geocode.corrections import keep_point
from command_center.geocode.reach import EDIT, require_base, require_city, require_point
from command_center.problems import RESPONSES
from command_center.requests import Audit, Conn, requires
from geocoding.callers import prefix_of
from geocoding.grammar.vocabulary import canonical
from geocoding.live import Keeper
from gis_core.database import load_queries
from gis_core.errors import BadInput, NotFound
from gis_core.identity.principal import Principal

QUERIES = load_queries("command_center.geocode", "upkeep.sql")

router = APIRouter(tags=["地理编码 Geocoding"], responses=RESPONSES)
Editor = Annotated[Principal, requires(EDIT)]
AliasId = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]


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
    await require_point(conn, editor, body.lon, body.lat)
    keeper: Keeper = request.app.state.gazetteer
    gazetteer = keeper.state.gazetteer
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
    await require_base(conn, editor, base)
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
async def remove_alias(conn: Conn, editor: Editor, audit: Audit, alias_id: AliasId) -> None:
    row = (await conn.execute(QUERIES["alias_remove"], {"id": alias_id})).one_or_none()
    if row is None:
        raise NotFound(key=alias_id, kind="alias", kind_zh="别名")
    name, base = row
    await require_base(conn, editor, base)  # A refusal rolls the removal back.
    await conn.execute(CORRECTIONS["notify"], {"what": "reload"})
    await audit("gazetteer.alias_remove", "gazetteer_name", str(alias_id), {"name": name})


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
    await require_city(conn, editor)
    values = {"id": source_id, "priority": body.priority, "quality": body.quality}
    key = await conn.scalar(QUERIES["source_change"], values)
    if key is None:
        raise NotFound(key=source_id, kind="source", kind_zh="来源")
    await conn.execute(CORRECTIONS["notify"], {"what": "reload"})
    await audit("gazetteer.source", "gazetteer_source", str(key), values)


@router.delete("/geocode/sources/{source_id}", status_code=204, summary="移除来源 / Remove a source")
async def remove_source(conn: Conn, editor: Editor, audit: Audit, source_id: SourceId) -> None:
    """With all of its entries; importing its table again brings them back."""
    await require_city(conn, editor)
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
async def take_city_layers(request: Request, conn: Conn, editor: Editor, audit: Audit) -> None:
    """Buildings and facilities with an address become the sources ``building`` and ``facility``."""
    await require_city(conn, editor)
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
    duplicates: list[dict[str, Any]]
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
    """Conflicts between sources, one address twice in a source, fall-back points, points outside the district
    or street that they claim."""
    rows = {"max_rows": limit}
    keeper: Keeper = request.app.state.gazetteer
    calibration = keeper.state.calibration

    async def listed(name: str, **parameters: object) -> list[dict[str, Any]]:
        found = await conn.execute(QUERIES[name], rows | parameters)
        return [dict(row) for row in found.mappings()]

    sources = [SourceEntry(**row) for row in (await conn.execute(QUERIES["sources"])).mappings()]
    return QualityReport(
        sources=sources,
        conflicts=await listed("conflicts", apart_m=apart_m),
        duplicates=await listed("duplicates"),
        shared_points=await listed("shared_points"),
        outside=await listed("outside"),
        calibration=calibration.report | {"threshold": calibration.threshold},
    )


@dataclass(frozen=True, slots=True)
class PrefixEntry:
    """Telephones whose number begins with ``prefix`` stand in the area."""

    prefix: str
    area_code: str
    area: str | None


@dataclass(frozen=True, slots=True)
class PrefixArea:
    """``area``: its code, or its name where only one area has it."""

    area: Annotated[str, Field(min_length=1, max_length=60)]


Prefix = Annotated[str, PathParameter(max_length=20)]


@router.get("/geocode/callers", summary="主叫号码段 / Prefixes of callers' numbers")
async def list_prefixes(conn: Conn, editor: Editor) -> list[PrefixEntry]:
    """Which area a telephone number hints at."""
    return [PrefixEntry(**row) for row in (await conn.execute(QUERIES["prefixes"])).mappings()]


@router.put("/geocode/callers/{prefix}", summary="登记号码段 / Set a prefix")
async def set_prefix(
    conn: Conn, editor: Editor, audit: Audit, prefix: Prefix, body: PrefixArea
) -> PrefixEntry:
    """In force within a second."""
    known_as = prefix_of(prefix)
    areas = (await conn.execute(QUERIES["areas_named"], {"area": body.area.strip()})).all()
    if not areas:
        raise NotFound(key=body.area, kind="area", kind_zh="区域")
    if len(areas) > 1:
        codes = [code for code, _ in areas]
        raise BadInput(
            field="area",
            reason_zh=f"有多个同名区域，请写编码：{'、'.join(codes)}",
            reason=f"several areas have this name; write the code: {', '.join(codes)}",
        )
    code, name = areas[0]
    before = await conn.scalar(QUERIES["prefix_area"], {"prefix": known_as})
    for area_code in filter(None, (before, code)):
        editor.require_in(EDIT, area_code)
    await conn.execute(QUERIES["prefix_set"], {"prefix": known_as, "area_code": code})
    await conn.execute(CORRECTIONS["notify"], {"what": "callers"})
    await audit("gazetteer.caller", "phone_prefix", known_as, {"area_code": code})
    return PrefixEntry(known_as, code, name)


@router.delete("/geocode/callers/{prefix}", status_code=204, summary="删除号码段 / Remove a prefix")
async def remove_prefix(conn: Conn, editor: Editor, audit: Audit, prefix: Prefix) -> None:
    code = await conn.scalar(QUERIES["prefix_remove"], {"prefix": prefix})
    if code is None:
        raise NotFound(key=prefix, kind="prefix", kind_zh="号码段")
    editor.require_in(EDIT, code)
    await conn.execute(CORRECTIONS["notify"], {"what": "callers"})
    await audit("gazetteer.caller_remove", "phone_prefix", prefix)
